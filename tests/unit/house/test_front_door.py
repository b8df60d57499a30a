"""`anban`: each command is there, says what it is for, loads only when called, and stands in a README."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import anban

ROOT = Path(__file__).parents[3]


def commands(
    command: click.Command, words: tuple[str, ...] = ("anban",)
) -> Iterator[tuple[str, click.Command]]:
    """Every command of the tree with the words that call it."""
    yield " ".join(words), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, f"{words} lists {name} and does not have it"
            yield from commands(below, (*words, name))


def readmes() -> str:
    return "\n".join(
        path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *sorted(ROOT.glob("*/README.md"))]
    )


def test_every_command_and_option_says_what_it_is_for() -> None:
    silent = []
    for words, command in commands(anban.main):
        if not command.get_short_help_str(200).strip(" ."):
            silent.append(words)
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.help:
                silent.append(f"{words} {parameter.opts[0]}")
    assert silent == []


def test_every_command_stands_in_a_readme() -> None:
    text = readmes()
    assert [words for words, _ in commands(anban.main) if words not in text] == []


def test_help_names_every_room_and_loads_none() -> None:
    script = """
import sys, anban
from click.testing import CliRunner
shown = CliRunner().invoke(anban.main, ["--help"]).output
rooms = [m for m in sys.modules if m.split(".")[0] in ("edge", "sim", "tests", "drivers", "protocols")]
assert not rooms, rooms
print(shown)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, room in anban.ROOMS.items():
        assert name in done.stdout
        assert room.help in done.stdout


def test_an_unknown_room_is_an_error_that_names_it() -> None:
    result = CliRunner().invoke(anban.main, ["kitchen"])
    assert result.exit_code == 2
    assert "kitchen" in result.output


def test_a_missing_extra_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(anban, "HERE", tmp_path)  # an installation, not a checkout
    monkeypatch.setitem(anban.ROOMS, "moon", anban.Room("no_such_distribution.cli", "moon", "Far.", "sim"))
    result = CliRunner().invoke(anban.main, ["moon"])
    assert result.exit_code == 1
    assert "pip install 'anban[sim]'" in result.output
