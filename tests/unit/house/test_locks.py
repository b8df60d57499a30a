"""The locks: exact, hashed, ready for a Raspberry Pi, and no room's name taken by a stranger."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
ROOMS = [path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
# Raspberry Pi OS: name -> (its Python, its glibc: the newest manylinux tag it can load)
PI_OS = {"bookworm": ("3.11", 36), "trixie": ("3.13", 41)}
ALSO_ON_A_HUB = {"setuptools", "dbus-fast"}  # below pyric; below Bleak
# Published as source only; nothing in them to compile, which is checked.
PURE_ARCHIVES = {"pyric", "sdnotify"}
COMPILED = (".c", ".cc", ".cpp", ".cxx", ".pyx", ".pxd", ".rs", ".f90", ".so", ".S")


class Locked:
    """One line of a lock: the requirement as pip reads it, and its hashes."""

    def __init__(self, text: str) -> None:
        parts = text.split("--hash=")
        self.requirement = Requirement(parts[0].strip())
        self.name = canonicalize_name(self.requirement.name)
        self.hashes = [part.strip() for part in parts[1:]]

    def wanted_on(self, python: str) -> bool:
        marker = self.requirement.marker
        environment = {
            "python_version": python,
            "python_full_version": f"{python}.5",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "platform_machine": "aarch64",
            "sys_platform": "linux",
            "os_name": "posix",
        }
        return marker is None or marker.evaluate(environment)

    def line(self) -> str:
        pin = f"{self.requirement.name}{self.requirement.specifier}"
        return " ".join([pin, *(f"--hash={value}" for value in self.hashes)])


def lock(name: str) -> list[Locked]:
    text = (ROOT / f"requirements-{name}.txt").read_text().replace("\\\n", " ")
    return [Locked(line) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["hub", "dev", "typings"])
def test_every_line_is_one_exact_version_with_its_hashes(name: str) -> None:
    locked = lock(name)
    assert locked
    for line in locked:
        assert re.fullmatch(r"==[^,*]+", str(line.requirement.specifier)), line.requirement
        assert line.hashes, line.requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in line.hashes)
        assert line.requirement.url is None
    assert "://" not in (ROOT / f"requirements-{name}.txt").read_text()


def test_the_locks_hold_what_pyproject_asks_for_and_agree() -> None:
    hub = {line.name: line.requirement for line in lock("hub")}
    dev = {line.name: line.requirement for line in lock("dev")}
    metadata = project()
    extras = metadata["optional-dependencies"]
    asked = [(text, hub) for text in metadata["dependencies"]]  # type: ignore[attr-defined]
    asked += [(text, dev) for extra in extras.values() for text in extra]  # type: ignore[attr-defined]
    for text, locked in asked:
        wanted = Requirement(text)
        version = str(locked[canonicalize_name(wanted.name)].specifier).removeprefix("==")
        assert wanted.specifier.contains(version, prereleases=True), text
    for name, requirement in hub.items():
        assert requirement.specifier == dev[name].specifier, name


def test_a_hub_installs_nothing_of_the_simulation_or_the_tests() -> None:
    hub = {line.name for line in lock("hub")}
    extras = project()["optional-dependencies"]
    for text in (text for extra in extras.values() for text in extra):  # type: ignore[attr-defined]
        name = canonicalize_name(Requirement(text).name)
        assert name not in hub or name in ALSO_ON_A_HUB, text


@pytest.mark.parametrize("system", PI_OS)
def test_a_pi_installs_the_hub_without_a_compiler(system: str, tmp_path: Path) -> None:
    python, glibc = PI_OS[system]
    wanted = [line for line in lock("hub") if line.wanted_on(python)]
    assert len(wanted) > 20
    wheels = tmp_path / "wheels.txt"
    wheels.write_text("\n".join(line.line() for line in wanted if line.name not in PURE_ARCHIVES))
    tags = ["any", "linux_aarch64", "manylinux2014_aarch64"]
    tags += [f"manylinux_2_{minor}_aarch64" for minor in range(17, glibc + 1)]
    pip(
        *("install", "--dry-run", "--ignore-installed", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:", "--target", str(tmp_path / "target")),
        *("--implementation", "cp", "--python-version", python),
        *(argument for tag in tags for argument in ("--platform", tag)),
        *("--requirement", str(wheels)),
    )


def test_the_source_archives_have_nothing_to_compile(tmp_path: Path) -> None:
    lines = tmp_path / "archives.txt"
    archives = [line for line in lock("hub") if line.name in PURE_ARCHIVES]
    assert {line.name for line in archives} == PURE_ARCHIVES
    lines.write_text("\n".join(line.line() for line in archives))
    pip(
        *("download", "--no-deps", "--require-hashes", "--no-binary", ":all:", "--no-build-isolation"),
        *("--dest", str(tmp_path), "--requirement", str(lines)),
    )
    packed = list(tmp_path.glob("*.tar.gz"))
    assert len(packed) == len(PURE_ARCHIVES)
    for archive in packed:
        with tarfile.open(archive) as files:
            assert [name for name in files.getnames() if name.endswith(COMPILED)] == []


def test_no_locked_dependency_installs_a_package_named_like_a_room() -> None:
    """On this machine's own environment, where every locked dependency is installed."""
    taken: list[str] = []
    for line in lock("dev"):
        if not line.wanted_on(f"{sys.version_info.major}.{sys.version_info.minor}"):
            continue
        files = importlib.metadata.files(line.name)
        assert files is not None, f"{line.name} is locked and not installed"
        tops = {path.parts[0].removesuffix(".py") for path in files}
        taken += [f"{line.name} installs {top}" for top in tops & {*ROOMS, "anban"}]
    assert taken == []


def pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
