"""The rooms' rules: who may import whom, what the pendant's interpreter can read, nothing asks for `sim`."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
ROOMS = ("protocols", "drivers", "firmware", "edge", "provisioning", "sim", "tests", "hardware-tests")

# ARCHITECTURE, "The rooms": a part of a room (longest first) -> what of ours it may import.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "protocols/link": ("protocols.link",),
    "protocols": ("protocols",),
    "drivers/pendant": ("protocols.link", "drivers.pendant"),
    "drivers": ("protocols", "drivers"),
    "firmware": ("protocols.link", "drivers.pendant", "firmware"),
    "edge": ("protocols", "drivers", "edge"),
    "provisioning": ("protocols", "drivers", "firmware", "provisioning"),
}
ON_MICROPYTHON = ("protocols/link", "drivers/pendant", "firmware/pendant")
NOT_IN_MICROPYTHON = {
    *(
        "typing",
        "dataclasses",
        "enum",
        "abc",
        "functools",
        "hmac",
        "contextlib",
        "pathlib",
        "collections.abc",
    ),
    *("logging", "unittest", "secrets", "threading", "subprocess", "itertools"),
}
# Modules of MicroPython and of a board, imported by what runs there.
MICROPYTHON_MODULES = {
    *("bluetooth", "cryptolib", "esp32", "machine", "micropython", "vfs"),
    *("board", "flashchip", "powered"),
}
# Import name -> distribution, where they differ.
DISTRIBUTIONS = {
    "serial": "pyserial",
    "gammu": "python-gammu",
    "fhir": "fhir.resources",
    "paho": "paho-mqtt",
    "dateutil": "python-dateutil",
}
# Rooms of a hub, and what they need without an import: gpiozero's way to the pins; what loads by name.
HUB_ROOMS = ("protocols", "drivers", "edge")
NEEDED_BY_ANOTHER = {"lgpio", "xiaomi-ble"}


def files(room: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", room],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def sources(room: str) -> list[Path]:
    return [path for path in files(room) if path.suffix == ".py"]


def imports(path: Path, text: str | None = None) -> Iterator[tuple[int, str]]:
    """(line, dotted module) of every import that is executed: not those under `if TYPE_CHECKING`."""
    package = ".".join(path.relative_to(ROOT).parent.parts)
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8") if text is None else text)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
                base = f"{above}.{base}".rstrip(".")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        pending += ast.iter_child_nodes(node)


def part_of(path: Path) -> str | None:
    name = path.relative_to(ROOT).as_posix()
    return next(
        (part for part in sorted(MAY_IMPORT, key=len, reverse=True) if name.startswith(part + "/")), None
    )


def within(module: str, allowed: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(prefix + ".") for prefix in allowed)


def upward(path: Path, text: str | None = None) -> list[str]:
    part = part_of(path)
    assert part is not None
    return [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for line, module in imports(path, text)
        if module.split(".")[0] in ROOMS and not within(module, MAY_IMPORT[part])
    ]


def test_nothing_imports_upward() -> None:
    parts = [path for room in ROOMS[:5] for path in sources(room)]
    assert len(parts) > 50
    assert [offence for path in parts for offence in upward(path)] == []


def test_an_upward_import_would_be_noticed() -> None:
    """The check itself, on a source that breaks the rule in each way it can be written."""
    text = "import edge.hub\nfrom sim import air\nfrom protocols import wire\nfrom ..ble import radio\n"
    offences = upward(ROOT / "drivers" / "pi" / "planted.py", text)
    assert [offence.split()[-1] for offence in sorted(offences)] == ["edge.hub", "sim.air"]
    assert upward(ROOT / "firmware" / "planted.py", "if TYPE_CHECKING:\n    import edge\n") == []


def test_no_room_of_the_product_asks_whether_it_is_simulated() -> None:
    word = re.compile(r"(?<![a-zA-Z])sim(?![a-z])")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for room in ("edge", "drivers")
        for path in files(room)
        if path.suffix in {".py", ".sql", ".toml", ".html", ".js", ".css", ".po"}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if word.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("part", ON_MICROPYTHON)
def test_what_runs_on_the_pendant_uses_nothing_that_micropython_lacks(part: str) -> None:
    paths = sources(part)
    assert paths
    for path in paths:
        for line, module in imports(path):
            names = {module, module.rpartition(".")[0], module.split(".")[0]}
            assert not names & NOT_IN_MICROPYTHON, f"{path.relative_to(ROOT)}:{line} imports {module}"
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not any(isinstance(node, ast.Match) for node in ast.walk(tree)), f"{path}: match statement"


def third_party(rooms: tuple[str, ...]) -> dict[str, str]:
    """Distribution -> where it is imported first."""
    own = {*ROOMS, "anban"}
    found: dict[str, str] = {}
    for path in [path for room in rooms for path in sources(room)]:
        if part_of(path) == "drivers/pendant":
            continue  # runs on the pendant, not on the hub
        for line, module in imports(path):
            top = module.split(".")[0]
            if top not in sys.stdlib_module_names and top not in own | MICROPYTHON_MODULES:
                name = canonicalize_name(DISTRIBUTIONS.get(top, top))
                found.setdefault(name, f"{path.relative_to(ROOT)}:{line}")
    return found


def declared(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"]]
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(text).name) for text in asked}


def test_a_hub_imports_only_what_it_declares() -> None:
    undeclared = {k: v for k, v in third_party(HUB_ROOMS).items() if k not in declared()}
    assert undeclared == {}


@pytest.mark.parametrize(("room", "extras"), [("sim", ("sim",)), ("tests", ("sim", "test"))])
def test_simulation_and_tests_import_only_what_they_declare(room: str, extras: tuple[str, ...]) -> None:
    undeclared = {k: v for k, v in third_party((room,)).items() if k not in declared(*extras)}
    assert undeclared == {}


def test_a_hub_declares_only_what_it_uses() -> None:
    used = {*third_party(HUB_ROOMS), *NEEDED_BY_ANOTHER}
    assert declared() - used == set()


def test_every_dependency_has_its_reason_in_one_line() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    start = lines.index("dependencies = [")
    for line in lines[start + 1 : lines.index("]", start)]:
        if line.strip().startswith('"') and "lgpio" not in line:
            assert re.search(r'",\s+# \S.{10,}', line), line
