"""Plays the rules over entries of a journal: what they would have said, and when. Pure; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from edge.care.hazards import KINDS, SAYS, Hazard, pressed
from edge.care.hazards import step as danger
from edge.care.home import ON, PRESS, Home, Known, Sensor, step
from edge.care.rules import FIRES, Verdict, look
from edge.entries import Entry, EventEntry, SensedEntry, Stamp

EVERY_MS: Final = 60_000  # the rules are asked so often; their limits are in minutes
LEAST_MS: Final = 1_000  # or as often as the hub asks them, where a limit is short
MOST_LOOKS: Final = 7 * 24 * 60  # between two entries: a hub that was off for a year is not played through
NEAR_MS: Final = 5 * 60_000  # of what the hub really raised


@dataclass(frozen=True, slots=True)
class Fired:
    """One thing that a rule would have raised; `happened`: the hub did, within a few minutes of it."""

    at: Stamp
    verdict: Verdict
    happened: bool


def replay(entries: Iterable[Entry], home: Home, until: Stamp | None = None) -> list[Fired]:
    """What would have fired under these settings, the oldest first; the last look is at `until`.

    A rule is blind where the journal says that it was.
    """
    known, before = Known(), None
    found: list[tuple[Stamp, Verdict]] = []
    real: list[tuple[Stamp, str, str]] = []
    hazards: dict[str, Hazard] = {}
    for entry in entries:
        if before is not None and before.boot == entry.at.boot:
            known, said = _between(known, before, entry.at, home)
            found += said
        elif before is None or before.boot != entry.at.boot:
            known = msgspec.structs.replace(known, started=entry.at)
            hazards = {}
        if isinstance(entry, SensedEntry) and (sensor := home.sensor(entry.sensor)) is not None:
            found += [(entry.at, verdict) for verdict in _dangers(hazards, sensor, entry)]
        if (name := _raised(entry)) is not None:
            real.append(name)
        # What really fired must not keep a rule from speaking that would have spoken otherwise.
        known = msgspec.structs.replace(step(known, entry, home), fired=known.fired)
        before = entry.at
    if before is not None and until is not None and until.boot == before.boot:
        found += _between(known, before, until, home)[1]
    return [Fired(at, verdict, _near(at, verdict, real)) for at, verdict in found]


def _dangers(hazards: dict[str, Hazard], sensor: Sensor, entry: SensedEntry) -> Iterator[Verdict]:
    """What a smoke detector or a pull cord raises as it says something."""
    if sensor.role not in KINDS:
        return
    now_ms = entry.at.uptime_ms
    hazard = hazards.get(sensor.id, Hazard(sensor.role, 0, now_ms))
    if entry.what == PRESS:
        firing = pressed(hazard)
    else:
        hazard, firing = danger(hazard, {SAYS[sensor.role][0]: entry.what == ON}, now_ms)
    hazards[sensor.id] = hazard
    if firing is not None:
        yield Verdict(sensor.role, sensor.elder, FIRES, "", (("room", sensor.room),), sensor)


def _between(known: Known, begin: Stamp, end: Stamp, home: Home) -> tuple[Known, list[tuple[Stamp, Verdict]]]:
    """Every look after `begin`, up to `end` and at it."""
    found = []
    for at in _looks(begin, end, _every_ms(home)):
        silent = frozenset(known.blind.values())
        for verdict in look(known, at, home, silent):
            if verdict.state == FIRES:
                found.append((at, verdict))
                fired = {**known.fired, (verdict.rule, verdict.elder): at}
                known = msgspec.structs.replace(known, fired=fired)
    return known, found


def _every_ms(home: Home) -> int:
    care = home.care
    rules = (care.bed_exit, care.door_open, care.left_at_night, care.wandering, care.stove)
    shortest = min(rule.after_minutes for rule in rules)
    return min(EVERY_MS, max(LEAST_MS, round(shortest * 60_000 / 4)))


def _looks(begin: Stamp, end: Stamp, every_ms: int) -> Iterator[Stamp]:
    first = begin.uptime_ms // every_ms + 1
    last = min(end.uptime_ms // every_ms, first + MOST_LOOKS)
    for number in range(first, last + 1):
        passed = number * every_ms - begin.uptime_ms
        yield msgspec.structs.replace(
            begin, uptime_ms=number * every_ms, wall_ms=begin.wall_ms + passed, trusted=end.trusted
        )


def _raised(entry: Entry) -> tuple[Stamp, str, str] | None:
    if not isinstance(entry, EventEntry):
        return None
    event, data = entry.event, entry.event.data
    if event.kind in KINDS.values() and "rule" in data:
        return entry.at, str(data.get("rule", "")).removesuffix("_on"), event.elder
    if entry.source == "rule" and event.kind.startswith("call.") and "rule" in data:
        return entry.at, str(data["rule"]), event.elder
    return (entry.at, str(data.get("plan")), event.elder) if event.kind == "care.missed" else None


def _near(at: Stamp, verdict: Verdict, real: list[tuple[Stamp, str, str]]) -> bool:
    return any(
        (rule, elder) == (verdict.rule, verdict.elder)
        and then.boot == at.boot
        and abs(then.uptime_ms - at.uptime_ms) <= NEAR_MS
        for then, rule, elder in real
    )
