"""What the commands of `anban hub` share: the hub's socket, its question and answer, tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from edge.api import ask
from protocols.errors import AnbanError

SOCKET: Final = Path("/run/anban/hub.sock")

Row = Sequence[object]

# The option --socket, given to the command as `socket`.
socket_option: Final = click.option(
    "--socket", type=click.Path(path_type=Path), default=SOCKET, show_default=True, help="The hub's socket."
)
# The option --json, given to the command as `as_json`.
json_option: Final = click.option("--json", "as_json", is_flag=True, help="The whole answer as JSON.")


def ask_hub(socket: Path, op: str, **args: Any) -> Any:
    """The hub's answer; click.ClickException with sentence and remedy if it refuses or is not there."""
    try:
        return ask(socket, op, **args)
    except AnbanError as error:
        raise refused(error) from error


def refused(error: AnbanError) -> click.ClickException:
    """The error as click shows it."""
    return click.ClickException(f"{error.sentence}\n{error.remedy}".rstrip())


def table(head: Row, rows: Iterable[Row]) -> Iterable[str]:
    """Lines of left-aligned columns."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
