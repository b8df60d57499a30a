"""`anban hub rules`: what the hub watches for, how each rule stands, and what would have fired before now."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TextIO

import click
import msgspec

from edge.cli_common import ask_hub, json_option, refused, socket_option, table
from edge.clock import local
from protocols.errors import AnbanError

HEAD: Final = ("RULE", "PERSON", "STATE", "DOES")
FIRED: Final = ("AT", "RULE", "PERSON", "FIRED", "REASON")

language_option = click.option(
    "--language", type=click.Choice(("zh", "en")), default="en", show_default=True, help="Of the sentences."
)


@click.group(invoke_without_command=True)
@language_option
@click.option("--all", "every", is_flag=True, help="Those without their sensors too.")
@json_option
@socket_option
@click.pass_context
def rules(context: click.Context, language: str, every: bool, as_json: bool, socket: Path) -> None:
    """The rules of care: what each does, and how it stands."""
    if context.invoked_subcommand:
        return
    rows = ask_hub(socket, "rules", language=language)["rules"]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    shown = [row for row in rows if every or row["state"] != "unequipped"]
    lines = [(row["rule"], row["elder"], row["says"], row["does"]) for row in shown]
    for line in table(HEAD, lines) if lines else ["No rule has its sensors here (--all names them)."]:
        click.echo(line)


@rules.command()
@click.option("--since", default="", help="From this local time on, such as 2026-03-01T22:00.")
@click.option("--settings", type=click.File(encoding="utf-8"), help="With the rules of this document.")
@language_option
@json_option
@socket_option
def replay(since: str, settings: TextIO | None, language: str, as_json: bool, socket: Path) -> None:
    """What would have fired: the rules played over the journal. Nobody is asked or called."""
    try:
        rows = _replay(socket, since, settings.read() if settings else None, language)
    except AnbanError as error:
        raise refused(error) from error
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif not rows:
        click.echo("Nothing would have fired.")
    else:
        cells = [(r["at"], r["rule"], r["elder"], "yes" if r["fired"] else "no", r["reason"]) for r in rows]
        for line in table(FIRED, cells):
            click.echo(line)


def _since_ms(text: str, offset_minutes: int) -> int:
    """A time of the home's clocks, unless it names a zone of its own, in Unix ms."""
    if not text:
        return 0
    try:
        zone = local(0, offset_minutes).tzinfo
        since = datetime.datetime.fromisoformat(text)
        return round((since if since.tzinfo else since.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        sentence = f"--since {text}: no time\nWrite it as 2026-03-01 or 2026-03-01T22:00."
        raise click.ClickException(sentence) from error


def _replay(socket: Path, since: str, document: str | None, language: str) -> list[dict[str, Any]]:
    """Played here and not in the hub, which has better things to do."""
    from edge.care import words
    from edge.care.home import Home
    from edge.care.replay import replay
    from edge.entries import Stamp

    told = ask_hub(socket, "rules")
    home, until = msgspec.convert(told["home"], Home), msgspec.convert(told["now"], Stamp)
    if document is not None:
        from edge.config import parse_settings

        settings = parse_settings(document)
        home = Home(home.elders, home.sensors, settings.care, settings.home.utc_offset_minutes)
    since_ms = _since_ms(since, home.offset_minutes)
    return [
        {
            "at": f"{local(fired.at.wall_ms, home.offset_minutes):%Y-%m-%d %H:%M}",
            "at_ms": fired.at.wall_ms,
            "rule": fired.verdict.rule,
            "elder": fired.verdict.elder,
            "reason": words.reason(fired.verdict, language),
            "fired": fired.happened,
        }
        for fired in replay(_entries(socket), home, until)
        if fired.at.wall_ms >= since_ms
    ]


def _entries(socket: Path) -> Iterator[Any]:
    after = 0
    while (page := ask_hub(socket, "rules.journal", after=after))["entries"]:
        yield from _decoded(page["entries"])
        after = page["after"]


def _decoded(entries: Iterable[str]) -> Iterator[Any]:
    from edge.entries import decode_entry

    for text in entries:
        yield decode_entry(base64.b64decode(text))
