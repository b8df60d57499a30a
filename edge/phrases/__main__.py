"""`python -m edge.phrases build --out DIR`: record what the hub says, at install or build time."""

from __future__ import annotations

import re
from pathlib import Path

import click

from edge.phrases.catalogue import LANGUAGES
from edge.phrases.record import record_all, record_name
from protocols.errors import AnbanError


@click.group()
def main() -> None:
    """The hub's phrases."""


@main.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where to.")
@click.option("--name", "names", multiple=True, help="A person's name too, such as zh:e-chen=陈奶奶.")
def build(out: Path, names: tuple[str, ...]) -> None:
    """Record every phrase in every language as a WAV file."""
    try:
        count = record_all(out)
        for text in names:
            found = re.fullmatch(rf"({'|'.join(LANGUAGES)}):([a-z0-9-]{{1,16}})=(.{{1,64}})", text)
            if found is None:
                raise click.UsageError(f"--name {text}: write it as zh:e-chen=陈奶奶.")
            record_name(found[2], found[3], found[1], out)
            count += 1
    except AnbanError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{count} phrases in {out}")


main()
