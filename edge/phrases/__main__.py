"""`python -m edge.phrases build --out DIR`: record what the hub says, at install or build time."""

from __future__ import annotations

from pathlib import Path

import click

from edge.phrases.record import record_all
from protocols.errors import AnbanError


@click.group()
def main() -> None:
    """The hub's phrases."""


@main.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where to.")
def build(out: Path) -> None:
    """Record every phrase in every language as a WAV file."""
    try:
        count = record_all(out)
    except AnbanError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{count} phrases in {out}")


main()
