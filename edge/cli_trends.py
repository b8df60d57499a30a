"""`anban hub trends`: the last week of each person as lines that fit a terminal."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click

from edge.cli_common import ask_hub, json_option, socket_option, table

MEALS: Final = {"breakfast": "morning", "lunch": "midday", "dinner": "evening", "night": "night"}
BAR_MIN: Final = 60  # one letter of a night's bar


@click.command()
@json_option
@socket_option
def trends(as_json: bool, socket: Path) -> None:
    """The last week: blood pressure with the person's band, glucose by mealtime, nights, last seen."""
    found = ask_hub(socket, "trends")
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for line in lines(found):
        click.echo(line)


def lines(found: dict[str, Any]) -> Iterable[str]:
    """What is known of each person; who has nothing is said so."""
    zone = datetime.timezone(datetime.timedelta(minutes=found["offset_minutes"]))
    for person in found["people"]:
        yield person["id"]
        if not person["seen"] and not person["sleep"]:
            yield "  nothing in this week"
        yield from _pressures(person["blood_pressure"], zone)
        for meal in person["glucose"]:
            yield (
                f"  glucose, {MEALS[meal['meal']]:<8} {meal['low']:g} to {meal['high']:g}, "
                f"mean {meal['mean']:g} mmol/L ({meal['count']})"
            )
        for night in person["sleep"]:
            hours, minutes = divmod(night["minutes"], 60)
            slept = f"{hours} h {minutes:02} min, up {night['exits']} times"
            yield f"  night to {night['day']}  {bar(night['spans'])}  {slept}"
        yield from (f"  {line}" for line in table(("LAST SEEN", "FIGURES", "AT"), _seen(person, zone)))


def _pressures(pressure: dict[str, Any], zone: datetime.timezone) -> Iterable[str]:
    band = pressure["band"]
    if band is not None:
        (low, high), (below, above) = band["systolic"], band["diastolic"]
        yield f"  own band {low:.0f} to {high:.0f} over {below:.0f} to {above:.0f} mmHg"
    for point in pressure["points"]:
        mark = f" [{point['judged']}]" if point["judged"] in ("high", "low") else ""
        yield f"  {_at(point['at_ms'], zone)}  {point['systolic']:g}/{point['diastolic']:g} mmHg{mark}"


def bar(spans: Iterable[tuple[int, int]]) -> str:
    """A night from noon to noon, a letter an hour."""
    inside = [any(a < (n + 1) * BAR_MIN and b > n * BAR_MIN for a, b in spans) for n in range(24)]
    return "".join("#" if one else "." for one in inside)


def _seen(person: dict[str, Any], zone: datetime.timezone) -> Iterable[tuple[str, str, str]]:
    for seen in person["seen"]:
        at = _at(seen["at_ms"], zone) + ("" if seen["time_known"] else " (arrived)")
        yield seen["kind"].replace("_", " "), seen["text"], at + (" (OLD)" if seen["stale"] else "")


def _at(at_ms: int, zone: datetime.timezone) -> str:
    return datetime.datetime.fromtimestamp(at_ms / 1000, zone).strftime("%m-%d %H:%M")
