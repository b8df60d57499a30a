"""Plays one script: builds the home, lets everything happen, heals what is broken, says what came of it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

import edge.calls
import edge.threads
from edge.book import open_calls, owed
from protocols.values import Lane
from sim.histories.air import Air
from sim.histories.cell import Cell
from sim.histories.checks import Checks
from sim.histories.clockwork import AtOnce, Violated, World
from sim.histories.ending import at_the_end
from sim.histories.happenings import Happenings
from sim.histories.hub import Site
from sim.histories.internet import Platform
from sim.histories.pendant import Pendant
from sim.histories.script import Script, Step
from sim.platform.folding import Action, Case

SLICE_MS: Final = 10 * 60_000
HEAL_ROUNDS: Final = 60
HEAL_ROUND_MS: Final = 30_000  # the slowest retries come every minute, a pendant's beacon every 5
LAPSE = {"owing": 1.0, "open": 6.0, "calm": 20.0, "hours": 600.0}


@dataclass
class Result:
    """What came of one history. `failure` is empty when every invariant held."""

    script: Script
    steps: int = 0
    failure: str = ""
    visits: Counter[str] = field(default_factory=Counter)
    timeline: list[tuple[int, str]] = field(default_factory=list)


class CountingTable(dict[Any, Any]):
    """The transition table, counting which rows are used."""

    def __init__(self, table: dict[Any, Any], visits: Counter[str]) -> None:
        super().__init__(table)
        self._visits = visits

    def get(self, key: Any, default: Any = None) -> Any:
        """As dict.get."""
        if key in self:
            self._visits[name_of(key)] += 1
        return super().get(key, default)

    def __getitem__(self, key: Any) -> Any:
        self._visits[name_of(key)] += 1
        return super().__getitem__(key)


def name_of(key: tuple[Any, Any, Any]) -> str:
    """A row of the transition table as the visits name it."""
    return "call: " + " ".join(part.value for part in key)


def play(script: Script) -> Result:
    """One history from beginning to end."""
    result = Result(script)
    history = None
    counting = mock.patch.object(edge.calls, "TABLE", CountingTable(edge.calls.TABLE, result.visits))
    with counting, mock.patch.object(edge.threads, "threading", SimpleNamespace(Thread=AtOnce)):
        before = random.getstate()
        random.seed(script.seed)  # delivery spreads reconnections by it
        try:
            history = History(script, result)
            history.run()
        except (Violated, AssertionError) as violation:
            result.failure = str(violation)
        finally:
            random.setstate(before)
            if history is not None:
                history.end()
    return result


class History:
    """The home of one script, from its beginning to its end."""

    def __init__(self, script: Script, result: Result) -> None:
        self.script, self.result = script, result
        self.world = world = World(script.seed)
        world.visits, world.timeline = result.visits, result.timeline
        self.pendants = [
            Pendant(world, f"pd-0{i + 1}", f"F0:F1:F2:F3:F4:0{i}", bytes([i + 1]) * 16, script.preset)
            for i in range(2)
        ]
        self.air = Air(world, self.pendants)
        self.platform = Platform(world)
        self.platform.on_end = self._crossing
        self.sites = [
            Site(world, f"hub-0{i + 1}", self.platform, self.air, script.hours) for i in range(script.hubs)
        ]
        if script.modem:
            self.sites[0].cell = Cell(world, script.seed)
        self.checks = Checks(world, self.platform, self.air, self.sites, self.pendants)
        world.checks = [self.checks.each_step, self._pace]
        self.happenings = Happenings(world, self.air, self.platform, self.sites, self.checks)
        self._hours, self._paced, self._skipped_ms = False, 0, 0
        for site in self.sites:
            site.start()

    def run(self) -> None:
        """The script, then the healing, then the last checks."""
        for step in self.script.steps:
            self.world.run(step.at_ms - self._skipped_ms)
            self._happen(step)
            self.world.settle()
            self.checks.each_step()
            self.world.steps += 1
        self.world.run(self.world.now_ms + 2_000)
        at_the_end(self.checks, self._heal())
        self.result.steps = self.world.steps

    def end(self) -> None:
        """Let go of every process."""
        self.result.steps = self.world.steps
        for site in self.sites:
            site.kill()

    def _pace(self) -> None:
        """Slow hours cost little: longer timers fire late while nobody waits for them."""
        self._paced += 1
        if self._hours or self._paced % 8:
            return
        books = [site.process.hub for site in self.sites if site.process is not None]
        owing = any(owed(hub.book) for hub in books)
        busy = owing or any(p.core.book.unheard() for p in self.pendants if p.on)
        shown = any(open_calls(hub.book) for hub in books)  # also of a hub that has not heard of the end
        self.world.pace(LAPSE["owing" if busy else "open" if shown or self.platform.open_cases() else "calm"])

    # -- the script

    def _happen(self, step: Step) -> None:
        self.world.note(f"* {step.what}({step.who})")
        if step.what == "hours":
            self._hours_pass(step.value)
            self.world.visits["step: hours"] += 1
        else:
            self.happenings.happen(step, self.pendants[step.who])

    def _hours_pass(self, length_ms: int) -> None:
        self._hours = True
        self.world.pace(LAPSE["hours"])
        end_ms = self.world.now_ms + length_ms
        while self.world.now_ms < end_ms:
            self.world.run(min(end_ms, self.world.now_ms + SLICE_MS))
            if any(owed(site.process.hub.book) for site in self.sites if site.process is not None):
                break  # retrying every minute all night shows nothing new
        self._skipped_ms += end_ms - self.world.now_ms
        self._hours = False
        self.checks.healthy_since.clear()
        self._pace()

    def _crossing(self, case: Case, action: Action) -> None:
        """Sometimes somebody presses while the end of a call is still on its way to the hub."""
        cancelled = action is Action.ACCEPT_CANCEL
        if self.world.random.random() < (0.95 if cancelled else 0.3) and case.alerts < 12:
            site = self.world.random.choice(self.sites)
            rises = case.lane is Lane.ASSIST and self.world.random.random() < 0.8
            self.happenings.hub_key(site, "red" if rises else self.world.random.choice(("red", "green")), 150)

    # -- the end

    def _heal(self) -> bool:
        """Everything works again; the seat closes what it has; whether all came to rest in its time."""
        self.world.note("* everything is healed")
        self.platform.up, self.platform.refuses, self.platform.seat = True, False, "asleep"
        self.air.away.clear()
        self.air.jammed = False
        for site in self.sites:
            site.disk.trouble, site.audio_broken = "", False
            for line in site.lines.values():
                line.cut, line.loss, line.slow = False, 0.0, 1
            if site.cell is not None:
                site.cell.heal()
            site.start()
            assert site.process is not None
            site.process.adapter.hangs = site.process.adapter.deaf = False
        for pendant in self.pendants:
            pendant.flash_dead = False
            pendant.power_on()
        for _ in range(HEAL_ROUNDS):
            self.world.run(self.world.now_ms + HEAL_ROUND_MS)
            for case in self.platform.open_cases():
                self.platform.act(case.call_id, Action.TAKE, "wang")
                self.platform.act(case.call_id, Action.CLOSE, "wang")
            if self._quiet():
                self.world.run(self.world.now_ms + HEAL_ROUND_MS)
                if self._quiet():
                    return True
        return False

    def _quiet(self) -> bool:
        hubs = [site.process.hub for site in self.sites if site.process is not None]
        owing = any(owed(hub.book) or not _told_the_end(hub) for hub in hubs)
        lower = any(
            s.disk.journal.pending(lane, 1) for s in self.sites for lane in (Lane.FAULT, Lane.READING)
        )
        unheard = any(p.core.book.unheard() for p in self.pendants)
        return not (owing or lower or unheard or self.platform.open_cases())


def _told_the_end(hub: Any) -> bool:
    return not open_calls(hub.book)  # nor is anything asked still: its countdown ends late in slow hours
