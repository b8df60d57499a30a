"""A day on which nothing reaches the platform: the line is cut, texts are lost, nobody picks up the phone.

The hub's own code on the made-up clock, with presses, readings, kills and a reboot in between. On the next
morning everything is back. What must hold: nothing is lost, calls come before all else, and the SIM has cost
no more than a day may.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import asdict, dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

import edge.threads
from edge.book import owed
from protocols.values import Event, EventId, Lane
from sim.histories.air import Air
from sim.histories.cell import Cell
from sim.histories.clockwork import AtOnce, World
from sim.histories.hub import ELDERS, Process, Site
from sim.histories.internet import Platform

HOUR_MS = 3_600_000
LAPSE = 20.0  # waits longer than 0.4 s last so many times as long: a day costs seconds
PRESSES, WISHES, READINGS, KILLS = 6, 4, 20, 4
BACK_MS = 20 * 60_000  # until all of the backlog is there
RUNAWAY = 5_000_000


@dataclass
class Day:
    """What came of a day."""

    seed: int
    texts: int = 0
    texts_allowed: int = 0
    call_texts: int = 0  # of the call and its gravity that cost most
    call_texts_allowed: int = 0
    calls: int = 0
    calls_allowed: int = 0
    lost: list[str] = field(default_factory=list)
    order: list[Lane] = field(default_factory=list)  # in which the platform stored it all
    family: int = 0  # texts that the daughter's phone was sent
    stored: int = 0  # events of this day that the platform has in the end
    cases: int = 0
    cases_expected: int = 0

    presses: int = 0

    @property
    def call_was_late(self) -> bool:
        """Whether something else came before the first call that waited."""
        return self.order[:1] > [Lane.ASSIST] and min(self.order) <= Lane.ASSIST

    @property
    def reading_was_early(self) -> bool:
        """Whether a reading came before a call that waited."""
        calls = [place for place, lane in enumerate(self.order) if lane <= Lane.ASSIST]
        lower = [place for place, lane in enumerate(self.order) if lane > Lane.FAULT]
        return bool(calls and lower) and max(calls) > min(lower)

    def broken(self) -> list[str]:
        """What does not hold, as sentences."""
        found = [f"{event_id} is lost" for event_id in self.lost]
        if not 0 < self.texts <= self.texts_allowed:
            found.append(f"{self.texts} texts of {self.texts_allowed}")
        if not 0 < self.call_texts <= self.call_texts_allowed:
            found.append(f"{self.call_texts} texts of one call, of {self.call_texts_allowed}")
        if not 0 < self.calls <= self.calls_allowed:
            found.append(f"{self.calls} phone calls of {self.calls_allowed}")
        if self.cases != self.cases_expected:
            found.append(f"{self.cases} cases of {self.cases_expected} calls")
        if self.call_was_late:
            found.append("a lower lane came before the first call")
        if self.reading_was_early:
            found.append("a reading came before a call")
        return found


def play(seed: int, hours: int = 24) -> Day:
    """One day (or some hours of one) from one press to the morning after."""
    before = random.getstate()
    random.seed(seed)
    with mock.patch.object(edge.threads, "threading", SimpleNamespace(Thread=AtOnce)):
        try:
            return _Played(seed, hours * HOUR_MS).run()
        finally:
            random.setstate(before)


class _Played:
    def __init__(self, seed: int, length_ms: int) -> None:
        self.day, self.world, self.length_ms = Day(seed), World(seed), length_ms
        self.world.runaway = RUNAWAY
        self.platform = Platform(self.world)
        self.site = Site(self.world, "hub-01", self.platform, Air(self.world, []), (0, 0))
        self.cell = self.site.cell = Cell(self.world, seed)
        self.accepted: dict[EventId, Event] = {}
        self.site.watchers.append(self._saw)
        self.site.start()

    @property
    def process(self) -> Process:
        process = self.site.process
        assert process is not None
        return process

    def run(self) -> Day:
        world, day = self.world, self.day
        world.run(world.now_ms + 60_000)
        for line in self.site.lines.values():
            line.cut = True
        self.cell.network.air.loss = 1.0
        world.pace(LAPSE)
        begun = world.now_ms
        self._plan(begun)
        world.run(begun + self.length_ms)
        day.texts, day.calls = self.cell.texts(), self.cell.calls()
        budget = self.process.texting
        assert budget is not None
        cap = budget.budget.cap
        assert cap is not None
        day.call_texts = max(events.total() for events in self.cell.texts_by_call().values())
        day.call_texts_allowed = cap.most
        day.texts_allowed, day.calls_allowed = budget.budget.most, budget.calls.most
        day.family = sum(c.receiver == self.cell.phone.number for c in self.cell.network.log)
        before, waited = set(self.platform.shelf.events), set(self.accepted)
        for line in self.site.lines.values():
            line.cut = False
        world.pace(1.0)
        world.run(world.now_ms + BACK_MS)
        stored = self.platform.shelf.events
        day.lost = [str(event_id) for event_id in self.accepted if event_id not in stored]
        day.lost += [str(press.id) for press in owed(self.process.hub.book) if press.id not in stored]
        came = [event for event_id, (event, _, _) in stored.items() if event_id not in before]
        day.order = [event.lane for event in came if event.id in waited]
        day.stored = len(day.order)
        day.cases = len(self.platform.shelf.cases)
        day.cases_expected = len({event.call_id for event in self.accepted.values() if event.call_id})
        self.site.kill()
        return day

    def _plan(self, begun: int) -> None:
        """What happens in the day: presses, readings, kills, one reboot."""
        dice, world = self.world.random, self.world
        world.after(0, self._press)
        for _ in range(PRESSES):
            world.after(dice.randrange(self.length_ms), self._press)
        for _ in range(WISHES):
            world.after(dice.randrange(self.length_ms), self._wish)
        for _ in range(READINGS):
            world.after(dice.randrange(self.length_ms), self._reading)
        for _ in range(KILLS):
            world.after(dice.randrange(self.length_ms), self._again)
        world.after(dice.randrange(self.length_ms), self._reboot)

    def _press(self) -> None:
        if hasattr(self.process, "delivery"):
            self.day.presses += 1
            self.process.press("red", True)
            self.process.press("red", False)

    def _wish(self) -> None:
        """The green key, and no key to take it back."""
        if hasattr(self.process, "delivery"):
            self.process.do(self.process.hub.call, "call.assistance", "green", elder=ELDERS[1])

    def _reading(self) -> None:
        if hasattr(self.process, "delivery"):
            self.process.do(self.process.hub.report, "reading.pulse", {"value": 70.0})

    def _again(self) -> None:
        self.site.kill()
        self.site.start()

    def _reboot(self) -> None:
        self.site.kill()
        self.site.reboot()
        self.site.start()

    def _saw(self, site: Site, what: str, value: Any) -> None:
        """Whatever a process took, and its disk has since, is owed."""
        if what == "accepted" and value.lane < Lane.TELEMETRY:
            self.world.after(1_000, self._owe, value)

    def _owe(self, event: Event) -> None:
        if str(event.id) in self.site.disk.events:
            self.accepted[event.id] = event


def main(seed: str) -> None:
    """Print a day as JSON."""
    from sim.histories.run import silence

    with silence():
        day = play(int(seed))
    late, early = day.call_was_late, day.reading_was_early
    print(json.dumps({**asdict(day), "call_was_late": late, "reading_was_early": early}))


if __name__ == "__main__":
    main(*sys.argv[1:])
