"""What a reader meets first: a README in every room, one list of packages, make targets that are told."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from edge.config import PinsSection, parse

ROOT = Path(__file__).parents[3]
FOLDERS = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
MADE = {"build", "dist", "__pycache__"}
ROOMS = [name for name in FOLDERS if name not in MADE and not name.endswith(".egg-info")]


LINES = 480  # STYLE says about 400


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_readme(room: str) -> None:
    text = (ROOT / room / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert len(text) > 200


def test_every_link_between_papers_leads_somewhere() -> None:
    papers = [name for name in tracked() if name.endswith(".md")]
    assert papers
    for name in papers:
        for target in re.findall(r"\]\(([^)#\s]+)", (ROOT / name).read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert ((ROOT / name).parent / target).exists(), f"{name} -> {target}"


def test_the_seed_that_the_hubs_readme_shows_is_one() -> None:
    seeds = re.findall(r"```toml\n(.*?)```", (ROOT / "edge/README.md").read_text(encoding="utf-8"), re.S)
    assert [parse(seed).hub.id for seed in seeds] == ["hub-01"]


def test_the_pins_that_the_drivers_readme_names_are_those_of_the_seed() -> None:
    told = re.search(
        r"\*\*Pins on a Pi\*\*.*?\. ", (ROOT / "drivers/README.md").read_text(encoding="utf-8"), re.S
    )
    assert told is not None
    pins = PinsSection()
    wanted = [pins.red, pins.green, pins.lamp_red, pins.lamp_green, pins.lamp_amber]
    assert [int(number) for number in re.findall(r"\b\d+\b", told[0])] == wanted


def test_every_make_target_that_a_paper_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"`make ([a-z-]+)", (ROOT / name).read_text(encoding="utf-8")))
        assert named
        assert named <= targets, name
    assert {"demo", "test", "test-slow", "bench", "lint"} <= targets


def test_the_debian_packages_are_a_list_that_apt_can_read() -> None:
    sections: dict[str, list[str]] = {}
    names: list[str] = []
    for line in (ROOT / "apt-packages.txt").read_text().splitlines():
        if line.startswith("["):
            names = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            assert re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", line), line
            names.append(line)
    used = set(re.findall(r"apt-([a-z]+)\b", (ROOT / "Makefile").read_text())) - {"get", "packages"}
    assert used <= sections.keys()
    assert all(sections.values())


def test_no_file_names_a_package_registry() -> None:
    """A mirror, a proxy or an offline index may serve: pip and apt know theirs, we name none."""
    hosts = re.compile(
        "|".join(["pypi" + r"\.org", "python" + "hosted", "deb." + "debian", "registry." + "npm"])
    )
    assert [
        name
        for name in tracked()
        if hosts.search((ROOT / name).read_bytes().decode("utf-8", "replace"))
    ] == []  # fmt: skip


def test_no_file_is_longer_than_a_room_should_be() -> None:
    long = {
        name: lines
        for name in tracked()
        if name.endswith(".py") and (lines := (ROOT / name).read_text(encoding="utf-8").count("\n")) > LINES
    }
    assert long == {}


def test_every_source_begins_with_what_happens_in_it() -> None:
    """A docstring; in MicroPython's files a comment, which takes no memory there."""
    for name in tracked():
        if name.endswith(".py") and (text := (ROOT / name).read_text(encoding="utf-8")):
            lines = [line for line in text.splitlines() if not line.startswith("#!")]
            assert lines[0].startswith(('"""', 'r"""', "# ")), name
