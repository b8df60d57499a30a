"""`anban hub prompts`: what the hub reminds of and asks, when next, and how it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from edge.cli_common import ask_hub, json_option, socket_option, table

HEAD: Final = ("PROMPT", "PERSON", "KIND", "NEXT", "NEWEST", "RULE", "FROM")


@click.command()
@json_option
@socket_option
def prompts(as_json: bool, socket: Path) -> None:
    """Prompts of the settings and of the platform: when next, and what became of the newest."""
    rows = ask_hub(socket, "prompts")
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    if not rows:
        click.echo("No prompts.")
        return
    names = ("id", "elder", "kind", "next", "last", "rule", "by")
    for line in table(HEAD, [[row[name] or "-" for name in names] for row in rows]):
        click.echo(line)
