"""Plays one script: builds the home, lets everything happen, heals what is broken, says what came of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

import edge.calls
import edge.threads
from edge.book import open_calls, owed
from edge.surfaces import asked
from protocols.values import Lane
from sim.histories.air import Air
from sim.histories.cell import Cell
from sim.histories.checks import Checks
from sim.histories.clockwork import AtOnce, Violated, World
from sim.histories.ending import at_the_end
from sim.histories.hub import ELDERS, Site
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
    """The home of one script and what can happen in it."""

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
        site = self.sites[step.value % len(self.sites)]
        pendant = self.pendants[step.who]
        on = not step.what.startswith("-")
        name = step.what.removeprefix("-").replace("-", "_")
        act: Callable[..., bool | None] = self._hours_pass if name == "hours" else getattr(self, f"_{name}")
        took_place = act(site, pendant, step, on) is not False
        if on and took_place:
            self.world.visits[f"step: {name.replace('_', '-')}"] += 1

    def _hours_(self, length_ms: int) -> None:
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

    def _hours_pass(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        self._hours_(step.value)

    # -- people

    def _red(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self._hub_key(site, "red", 150)

    def _green(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self._hub_key(site, "green", 200)

    def _green_twice(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        self.world.after(1_500, self._hub_key, site, "green", 200)
        return self._hub_key(site, "green", 200)

    def _green_hold(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        """Held when cancelling is offered, if it is offered soon."""
        for wait_ms in (0, 2_000, 5_000, 9_000, 15_000):
            self.world.after(wait_ms, self._hold_if_offered, site)

    def _changes_mind(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        """A key, and then the wish to cancel."""
        for wait_ms in (3_000, 6_000, 9_000, 14_000, 20_000):
            self.world.after(wait_ms, self._hold_if_offered, site)
        return self._hub_key(site, "red" if step.value % 6 == 0 else "green", 200)

    def _hold_if_offered(self, site: Site) -> None:
        process = site.process
        if process is not None and process._cancel_offered() is not None:
            if asked(process.hub.book) is None:
                self.world.visits["key: cancel held"] += 1
            self._hub_key(site, "green", 3_300)

    def _hub_key(self, site: Site, key: str, hold_ms: int) -> bool:
        process = site.process
        if process is None or not hasattr(process, "delivery"):
            return False
        self.checks.key(site, key)
        process.press(key, True)
        self.world.visits[f"key: {key}"] += 1
        self.world.after(hold_ms, self._release, process, key)
        return True

    def _release(self, process: Any, key: str) -> None:
        if process.loop.alive:
            process.press(key, False)

    def _pendant(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self._touch(pendant, 200)

    def _pendant_twice(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        self.world.after(700, self._touch, pendant, 150)
        return self._touch(pendant, 150)

    def _pendant_hold(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self._touch(pendant, 1_400)

    def _touch(self, pendant: Pendant, hold_ms: int) -> bool:
        if pendant.on:
            self.world.visits["key: pendant"] += 1
            pendant.key(True)
            self.world.after(hold_ms, pendant.key, False)
        return pendant.on

    def _fall(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        if site.process is None or not hasattr(site.process, "delivery"):
            return False
        data = {"source": "rule", "rule": "fall"}
        site.process.do(site.process.hub.call, "call.fall", "rule", elder=ELDERS[step.who], data=data)
        return True

    def _readings(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        if site.process is None:
            return False
        for number in range(1 + step.value % 12):
            site.process.do(site.process.hub.report, "reading.pulse", {"value": 60.0 + number})
        return True

    def _heartbeat(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        pendant.beat()
        return pendant.on

    def _red_and_kill(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        self.world.after(step.value % 60, self._die, site, 1_000 + step.value % 3_000)
        return self._hub_key(site, "red", 150)

    def _pendant_and_cut(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        self.world.after(step.value % 600, pendant.power_cut)
        self.world.after(5_000 + step.value % 9_000, self._power_on, pendant)
        return self._touch(pendant, 200)

    def _asks_in_vain(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        """An assistance that nobody takes: the elder is asked, and then it becomes an SOS."""
        self.platform.seat = "asleep" if on else "prompt"
        return not on or self._hub_key(site, "green", 200)

    # -- troubles

    def _cut(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        names = (("coap",), ("https",), ("coap", "https"))[step.value // 7 % 3]
        for name in names:
            site.lines[name].cut = on

    def _lossy(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        for line in site.lines.values():
            line.loss = 0.35 if on else 0.0

    def _slow(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        for line in site.lines.values():
            line.slow = 40 if on else 1

    def _platform_down(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        self.platform.up = not on

    def _refuses(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        self.platform.refuses = on

    def _asleep(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        self.platform.seat = "asleep" if on else "prompt"

    def _tardy(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        self.platform.seat = "slow" if on else "prompt"

    def _disk_hangs(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        site.disk.trouble = "hangs" if on else ""

    def _disk_fails(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        site.disk.trouble = "fails" if on else ""

    def _killed(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        runs = site.process is not None
        site.kill() if on else site.start()
        return runs

    def _die(self, site: Site, back_ms: int) -> None:
        site.kill()
        self.world.after(back_ms, site.start)

    def _rebooted(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        if on:
            site.kill()
            site.reboot()
        else:
            site.start()

    def _wall_jumps(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        year_ms = 365 * 86_400_000
        jump_ms = (step.value % 41 - 20) * year_ms // 10
        site.wall_offset_ms += jump_ms
        return jump_ms != 0

    def _away(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        (self.air.away.add if on else self.air.away.discard)(pendant.address)

    def _pendant_off(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        was_on = pendant.on
        pendant.power_cut() if on else self._power_on(pendant)
        return was_on

    def _power_on(self, pendant: Pendant) -> None:
        pendant.power_on()

    def _pendant_resets(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        if pendant.on:
            pendant.reset()
        return pendant.on

    def _flash_dead(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        pendant.flash_dead = on

    def _jammed(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        self.air.jammed = on

    def _adapter_hangs(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        if site.process is not None:
            site.process.adapter.hangs = on
        return site.process is not None

    def _adapter_deaf(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        if site.process is not None:
            site.process.adapter.deaf = on
        return site.process is not None

    def _replay(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self.air.replay()

    def _forgery(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self.air.forge()

    def _modem_out(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        cell = self.sites[0].cell
        if cell is not None:
            cell.loop.do(cell.modem.unplug if on else cell.modem.plug)
        return cell is not None

    def _no_service(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        cell = self.sites[0].cell
        if cell is not None:
            cell.modem.manners.registration = 0 if on else 1
        return cell is not None

    def _mute(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        site.audio_broken = on

    def _crossing(self, case: Case, action: Action) -> None:
        """Sometimes somebody presses while the end of a call is still on its way to the hub."""
        cancelled = action is Action.ACCEPT_CANCEL
        if self.world.random.random() < (0.95 if cancelled else 0.3) and case.alerts < 12:
            site = self.world.random.choice(self.sites)
            rises = case.lane is Lane.ASSIST and self.world.random.random() < 0.8
            self._hub_key(site, "red" if rises else self.world.random.choice(("red", "green")), 150)

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
    return not any(call.life.value == "open" for call in hub.book.calls.values())
