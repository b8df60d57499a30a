"""What a hub loads late: a module that is read from the card while the hub runs holds its loop for as long as
the card hangs, and keys with it. So each import within a function is listed here with the reason why it does
not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.unit.house.test_rooms import ROOT, sources

NOT_OF_A_HUB = ("drivers/pendant/", "edge/page/")  # the pendant's program; the page's process
LATE = {
    "a command of the command line": {
        "edge/cli.py": ("run",),
        "edge/cli_page.py": ("page",),
        "edge/cli_rules.py": ("_decoded", "_replay"),
        "protocols/gatt/__init__.py": ("find",),
    },
    "while the hub is put together, as the seed asks for it": {
        "drivers/pi/pins.py": ("open_pins",),
        "edge/inputs/meters.py": ("__init__",),
        "edge/main.py": ("_link_platform",),
        "edge/telephony.py": ("__init__", "_by_modem", "_by_sip", "_join", "_room"),
    },
    "in a thread": {
        "drivers/ble/bluez.py": ("load",),
        "drivers/modem/port.py": ("connect",),
        "drivers/ble/xiaomi.py": ("_parser",),
        "edge/inputs/broker.py": ("run",),
        "edge/inputs/meters.py": ("run",),
        "edge/inputs/sensors.py": ("run",),
        "edge/paths/https.py": ("_request", "library"),
        "edge/paths/interface.py": ("adapter",),
        "edge/prompter.py": ("run",),
    },
    "loaded before, by one of those": {
        "drivers/ble/bluez.py": ("client", "errors", "recover", "scanner"),
        "edge/inputs/meters.py": ("_arrival", "_fact", "_journal", "_record", "_told"),
        "protocols/rrule.py": ("_asked",),
    },
    "a part of the interpreter": {"edge/stores/errors.py": ("from_os",)},
}


def late(tree: ast.AST, function: str = "") -> Iterator[str]:
    """Names of the functions that import, by a statement or by name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from late(node, node.name)
            continue
        by_name = isinstance(node, ast.Attribute) and node.attr == "import_module"
        if function and (by_name or isinstance(node, ast.Import | ast.ImportFrom)):
            yield function
        yield from late(node, function)


def found(paths: list[Path]) -> set[tuple[str, str]]:
    names = {path: path.relative_to(ROOT).as_posix() for path in paths}
    return {
        (name, function)
        for path, name in names.items()
        if not name.startswith(NOT_OF_A_HUB)
        for function in late(ast.parse(path.read_text(encoding="utf-8")))
    }


def test_a_running_hub_loads_nothing_that_is_not_listed() -> None:
    listed = {(file, name) for files in LATE.values() for file, names in files.items() for name in names}
    assert found([path for room in ("protocols", "drivers", "edge") for path in sources(room)]) == listed


def test_a_late_import_would_be_noticed() -> None:
    text = "def f():\n    if 1:\n        import a\ndef g():\n    x(importlib.import_module, 'b')\nimport c\n"
    assert list(late(ast.parse(text))) == ["f", "g"]
