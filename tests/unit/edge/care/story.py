"""A made-up day of a person who lives alone, told hour by hour to the rules of care."""

from __future__ import annotations

from typing import Any

import msgspec

from edge.care.home import WORN, Home, Known, Sensor, step
from edge.care.rules import FIRES, Verdict, look
from edge.care.settings import CareSection
from edge.entries import Entry, EventEntry, LocalEntry, SensedEntry, Stamp
from protocols.kinds import KINDS
from protocols.values import Event, EventId

DAY_MS = 86_400_000
MIDNIGHT_MS = 20_000 * DAY_MS  # of a day at UTC
SENSORS = (
    Sensor("bed-01", "bed", "e-chen", "bedroom"),
    Sensor("motion-01", "motion", "e-chen", "living"),
    Sensor("motion-02", "motion", "e-chen", "kitchen"),
    Sensor("door-01", "door", "e-chen", "hall"),
    Sensor("stove-01", "stove", "e-chen", "kitchen"),
    Sensor("well-01", "well", "e-chen", "bedroom"),
    Sensor("smoke-01", "smoke", "e-chen", "kitchen"),
    Sensor("cord-01", "pull_cord", "e-chen", "bath"),
    Sensor("tag-01", "tag", "e-chen", "hall"),
    Sensor("tracker-01", "tracker", "e-chen", "hall"),
)


class Story:
    """`at("22:15")` moves the time on, to the next day where it must; what is told is folded as it comes."""

    def __init__(self, *roles: str, care: CareSection | None = None, clock: str = "00:00") -> None:
        sensors = tuple(s for s in SENSORS if s.role in roles or s.id in roles)
        self.home = Home(("e-chen",), sensors, care or CareSection(), 0)
        self.now_ms, self.boot, self.trusted, self.number = 0, 1, True, 0
        self.silent: frozenset[str] = frozenset()
        self.entries: list[Entry] = []
        self.at(clock)
        self.known = Known(started=self.stamp())
        for sensor in sensors:
            if sensor.role != "well":
                self.says(sensor.id, sensor.role in WORN)

    def stamp(self) -> Stamp:
        return Stamp(
            uptime_ms=1_000_000 + self.now_ms,
            boot=self.boot,
            wall_ms=MIDNIGHT_MS + self.now_ms,
            trusted=self.trusted,
        )

    def at(self, clock: str) -> Story:
        hours, _, minutes = clock.partition(":")
        of_day = (int(hours) * 60 + int(minutes)) * 60_000
        self.now_ms += (of_day - self.now_ms) % DAY_MS
        return self

    def fold(self, entry: Entry) -> Story:
        self.entries.append(entry)
        self.known = step(self.known, entry, self.home)
        return self

    def says(self, sensor: str, on: bool) -> Story:
        return self.fold(SensedEntry(at=self.stamp(), sensor=sensor, what="on" if on else "off"))

    def moves(self, sensor: str = "motion-01") -> Story:
        return self.says(sensor, True).says(sensor, False)

    def is_away(self, metres: int, sensor: str = "tracker-01") -> Story:
        return self.fold(SensedEntry(at=self.stamp(), sensor=sensor, what=f"far:{metres}"))

    def presses(self, sensor: str) -> Story:
        return self.fold(SensedEntry(at=self.stamp(), sensor=sensor, what="press"))

    def event(self, kind: str, source: str = "system", **data: Any) -> EventId:
        self.number += 1
        event = Event(
            id=EventId("hub-01", 7, self.number),
            call_id=None,
            kind=kind,
            lane=KINDS[kind].lane,
            elder="e-chen",
            device="hub-01",
            wall_ms=self.stamp().wall_ms,
            data=data,
        )
        self.fold(EventEntry(at=self.stamp(), event=event, source=source))
        return event.id

    def answers(self, call_id: EventId) -> Story:
        return self.fold(LocalEntry(at=self.stamp(), call_id=call_id, name="answer_yes"))

    def verdict(self, rule: str) -> Verdict:
        verdicts = look(self.known, self.stamp(), self.home, self.silent)
        return next(v for v in verdicts if v.rule == rule)

    def state(self, rule: str) -> str:
        return self.verdict(rule).state

    def raises(self) -> list[str]:
        """What fires now, told to the fold as the hub's own event would."""
        firing = [v for v in look(self.known, self.stamp(), self.home, self.silent) if v.state == FIRES]
        for verdict in firing:
            if verdict.rule.startswith("missed"):
                self.event("care.missed", plan=verdict.rule)
            else:
                self.event("call.inactivity", "rule", rule=verdict.rule)
        return [v.rule for v in firing]

    def reboots(self) -> Story:
        self.boot += 1
        self.known = msgspec.structs.replace(self.known, started=self.stamp())
        return self
