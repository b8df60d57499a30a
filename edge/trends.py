"""A person's last week out of readings and a bed's sensor, for pages and tables. Pure.

Blood pressure with the person's own band, glucose by mealtime, nights in bed; and when each thing was last
seen, so that nobody takes a figure of last week for one of today. Days and hours are those of the home.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from edge.care.home import measured_ms
from edge.care.settings import Vitals
from edge.care.vitals import FLOOR, figures_of
from protocols.figures import figures
from protocols.values import Event

DAYS: Final = 7
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
STALE_MS: Final = 2 * DAY_MS  # what is measured daily and was not for so long is no longer how she is
# Mealtimes by the clock, for a figure that does not say; the last one goes over midnight.
MEALTIMES: Final = (("breakfast", 4, 10), ("lunch", 10, 15), ("dinner", 15, 21), ("night", 21, 4))
NIGHT_FROM_H: Final = 12  # a night is from noon to noon
LEAST_NAP_MS: Final = 2 * 60_000  # shorter than this nobody lay down
# Of one drawing, the newest: all people's have to fit one line of the hub's door.
MOST_PRESSURES: Final = 60
MOST_GLUCOSES: Final = 30


class Slept(NamedTuple):
    """What a bed's sensor said: in it, or not any more."""

    elder: str
    at_ms: int
    inside: bool


def trends(
    readings: Iterable[Event],
    slept: Sequence[Slept],
    people: Sequence[str],
    rules: Mapping[str, Vitals],
    now_ms: int,
    offset_minutes: int,
) -> dict[str, Any]:
    """{"now_ms", "days": the week's, "people": [{"id", "blood_pressure", "glucose", "sleep", "seen"}]}."""
    zone = datetime.timezone(datetime.timedelta(minutes=offset_minutes))
    today = _day(now_ms, zone)
    days = [(today - datetime.timedelta(days=DAYS - 1 - n)).isoformat() for n in range(DAYS)]
    by_person: dict[str, list[tuple[int, Event]]] = {person: [] for person in people}
    for event in readings:
        if event.elder in by_person and event.kind.startswith("reading."):
            by_person[event.elder].append((measured_ms(event), event))
    return {
        "now_ms": now_ms,
        "offset_minutes": offset_minutes,
        "days": days,
        "people": [
            {
                "id": person,
                "blood_pressure": _pressures(mine, rules.get(person, Vitals()), now_ms, zone, days),
                "glucose": _glucoses(mine, zone, days),
                "sleep": _nights([one for one in slept if one.elder == person], now_ms, zone, today),
                "seen": _seen(mine, now_ms),
            }
            for person, mine in ((person, sorted(rows, key=_first)) for person, rows in by_person.items())
        ],
    }


def _first(row: tuple[int, Event]) -> int:
    return row[0]


def _day(at_ms: int, zone: datetime.timezone) -> datetime.date:
    return datetime.datetime.fromtimestamp(at_ms / 1000, zone).date()


def _pressures(
    mine: Sequence[tuple[int, Event]],
    rules: Vitals,
    now_ms: int,
    zone: datetime.timezone,
    days: Sequence[str],
) -> dict[str, Any]:
    points, month = [], []
    for at_ms, event in mine:
        found = figures_of(event.kind, event.data) if event.kind == "reading.blood_pressure" else {}
        if "systolic" not in found or "diastolic" not in found or at_ms > now_ms + HOUR_MS:
            continue
        if now_ms - at_ms <= rules.own_days * DAY_MS:
            month.append(found)
        day = _day(at_ms, zone).isoformat()
        if day in days:
            point = {name: round(found[name], 1) for name in ("systolic", "diastolic")}
            known = type(event.data.get("measured_ms")) is int
            points.append(
                {"at_ms": at_ms, "judged": event.data.get("judged", ""), "time_known": known, **point}
            )
    band = {name: _band([one[name] for one in month], name, rules) for name in ("systolic", "diastolic")}
    return {"points": points[-MOST_PRESSURES:], "band": band if all(band.values()) else None}


def _band(values: Sequence[float], name: str, rules: Vitals) -> list[float] | None:
    """From where to where the person's own figures go; None while there are too few of them."""
    if len(values) < max(2, rules.own_least):
        return None
    middle = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((one - middle) ** 2 for one in values) / (len(values) - 1))
    width = max(FLOOR[name], rules.own_deviations * deviation)
    return [round(middle - width, 1), round(middle + width, 1)]


def _glucoses(
    mine: Sequence[tuple[int, Event]], zone: datetime.timezone, days: Sequence[str]
) -> list[dict[str, Any]]:
    """Per mealtime: how many, the least, the mean and the most in mmol/L, and which were before or after."""
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name, _, _ in MEALTIMES}
    for at_ms, event in mine:
        found = figures_of(event.kind, event.data) if event.kind == "reading.glucose" else {}
        at = datetime.datetime.fromtimestamp(at_ms / 1000, zone)
        if "glucose_mmol" not in found or at.date().isoformat() not in days:
            continue
        meal = next(n for n, low, high in MEALTIMES if low <= at.hour < high or (low > high))
        context = event.data.get("context", "")
        value = round(found["glucose_mmol"], 1)
        groups[meal].append({"at_ms": at_ms, "mmol": value, "context": context})
    return [
        {
            "meal": meal,
            "count": len(rows),
            "low": min(row["mmol"] for row in rows),
            "mean": round(math.fsum(row["mmol"] for row in rows) / len(rows), 1),
            "high": max(row["mmol"] for row in rows),
            "points": rows[-MOST_GLUCOSES:],
        }
        for meal, rows in groups.items()
        if rows
    ]


def _nights(
    slept: Sequence[Slept], now_ms: int, zone: datetime.timezone, today: datetime.date
) -> list[dict[str, Any]]:
    """The last nights, noon to noon, named by the day on which they end: spans in minutes after noon."""
    spans = _in_bed(slept, now_ms)
    nights = []
    for back in reversed(range(DAYS)):
        day = today - datetime.timedelta(days=back)
        noon = datetime.datetime.combine(day, datetime.time(NIGHT_FROM_H), zone)
        end_ms = round(noon.timestamp() * 1000)
        begin_ms = end_ms - DAY_MS
        night = [(max(a, begin_ms), min(b, end_ms)) for a, b in spans if a < end_ms and b > begin_ms]
        night = [(a, b) for a, b in night if b - a >= LEAST_NAP_MS]
        if night:
            minutes = [[(a - begin_ms) // 60_000, (b - begin_ms) // 60_000] for a, b in night]
            nights.append(
                {
                    "day": day.isoformat(),
                    "spans": minutes,
                    "minutes": sum(b - a for a, b in minutes),
                    "exits": len(minutes) - 1,
                }
            )
    return nights


def _in_bed(slept: Sequence[Slept], now_ms: int) -> list[tuple[int, int]]:
    """From when to when somebody lay there: until now, of whoever got in within a day and not out again."""
    spans: list[tuple[int, int]] = []
    since: int | None = None
    for _, at_ms, inside in sorted(slept, key=lambda one: one.at_ms):
        if inside and since is None:
            since = at_ms
        elif not inside and since is not None:
            spans.append((since, at_ms))
            since = None
    if since is not None and 0 <= now_ms - since < 24 * HOUR_MS:
        spans.append((since, now_ms))
    return spans


def _seen(mine: Sequence[tuple[int, Event]], now_ms: int) -> list[dict[str, Any]]:
    """The newest of each kind, with its age: a stale one is never shown as current."""
    newest: dict[str, tuple[int, Event]] = {}
    for at_ms, event in mine:
        newest[event.kind] = (at_ms, event)
    return [
        {
            "kind": kind.removeprefix("reading."),
            "text": figures(kind, event.data),
            "at_ms": at_ms,
            "time_known": type(event.data.get("measured_ms")) is int,
            "stale": now_ms - at_ms > STALE_MS,
            "device": event.device,
        }
        for kind, (at_ms, event) in sorted(newest.items())
    ]
