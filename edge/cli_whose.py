"""`anban hub whose`: gives a reading to the person who measured it, or takes that back."""

from __future__ import annotations

from pathlib import Path

import click

from edge.cli_common import ask_hub, socket_option


@click.command()
@click.argument("reading")
@click.argument("person", required=False)
@click.option("--nobody", is_flag=True, help="It is nobody's of this home.")
@click.option("--undo", is_flag=True, help="Take back what was said last of whose it is.")
@socket_option
def whose(reading: str, person: str | None, nobody: bool, undo: bool, socket: Path) -> None:
    """Say that READING (its id in `anban hub readings --json`) is PERSON's."""
    if (person is not None) + nobody + undo != 1:
        raise click.UsageError("Name the person, or --nobody, or --undo.")
    if undo:
        told = ask_hub(socket, "readings.undo", id=reading)
    else:
        told = ask_hub(socket, "readings.assign", id=reading, person=person or "")
    click.echo(f"{told['id']}: {told['person'] or 'nobody'}'s; before: {told['before'] or 'nobody'}'s.")
