"""Rounds of bad luck on one running home: what is thrown at it comes from the seed, and everything heals.

A round: a few presses by fingers that know nothing of the weather, while hub or platform die (SIGKILL), the
line is cut, blocked for UDP or loses packets, the band is jammed, or a stranger holds a pendant. Then all of
it is healed, every press that is owed must arrive, and most rounds the seat ends the calls. The verdict is
the outside ledger's, after the end of all processes.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sim.home.home import Home
from sim.home.ledger import Press, match
from sim.home.waiting import came
from sim.modem.modem import Manners

LONG_S = 8.0  # of a round: its parts are told
HEALS_S = 100.0  # start of hub and platform, and the longest gap of the plan (60 s)
QUIET_S = 0.4  # no event came for so long: nothing that is not owed is on its way any more
SEEN_S = 5.0  # until the end of a case is seen in the platform's database
KNOWN_S = 60.0  # until a home knows that its calls are over: a poll of the downlink, after any repair
PRESSES = (1, 2, 2, 3)
GAP_S = (0.15, 0.8)  # a finger does not lift for less; up for under 30 ms is one press to any key
CLOSES = 0.7  # of the rounds; the others leave their calls to the next


class Stranded(AssertionError):
    """Something owed did not come in time; the sentence says what, in which round, after what."""


@dataclass
class Storm:
    """One run. `figures` are what happened: rounds, presses, and how often each evil was done."""

    home: Home
    dice: random.Random
    figures: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    red: asyncio.Lock = field(default_factory=asyncio.Lock)  # one key takes one finger at a time
    _presses_before: int = 0  # of the ledger, all settled
    _events_before: int = 0  # of the platform, all settled
    _parts: list[tuple[str, float]] = field(default_factory=list)  # of a round, and when each was over

    @property
    def where(self) -> str:
        """The folder with the logs."""
        return str(self.home.directory)

    async def rounds(self, count: int, until_s: float = float("inf")) -> None:
        """So many rounds, or as many as begin before the monotonic time `until_s`."""
        for number in range(1, count + 1):
            if time.monotonic() > until_s:
                return
            began = time.monotonic()
            self._parts.clear()
            evils = await self._round(f"round {number}")
            took_s = time.monotonic() - began
            self.slowest_s = max(self.slowest_s, took_s)
            print(f"round {number}: {', '.join(evils)}: {took_s:.1f} s{self._told(began)}", flush=True)
            self.figures["rounds"] += 1
            self.figures.update(evils)

    def _over(self, part: str) -> None:
        self._parts.append((part, time.monotonic()))

    def _told(self, began: float) -> str:
        """What took so long; empty for a round that did not."""
        starts = [began, *(over for _, over in self._parts)]
        parts = [(part, over - start) for (part, over), start in zip(self._parts, starts, strict=False)]
        long = sum(took for _, took in parts) > LONG_S
        return "".join(f", {part} {took:.1f} s" for part, took in parts) if long else ""

    async def _round(self, name: str) -> list[str]:
        names = self.dice.sample(sorted(self.evils), self.dice.choice((1, 1, 2)))
        if all(self.evils[evil] in DEADLY for evil in names):
            del names[1:]  # nobody kills what another is starting
        words = f"{name} ({', '.join(names)})"
        evils = [self.evils[evil](self) for evil in names]
        results = await asyncio.gather(self._sky(), self._fingers(), *evils, return_exceptions=True)
        self._over("fingers and evils")
        await self._linger()
        await heal(self.home)
        self._over("healing")
        for result in results:
            if isinstance(result, BaseException):
                raise result
        await self._settle(words)
        self._over("settling")
        if self.dice.random() < CLOSES:
            await self._close(words)
            self._over("closing")
        return names

    @property
    def evils(self) -> Mapping[str, Evil]:
        """What a round may draw."""
        return EVILS

    async def _sky(self) -> None:
        """What is so in every round of this storm, beside what the round draws."""

    async def _linger(self) -> None:
        """How long it stays so after the last finger and the last evil."""

    async def _fingers(self) -> None:
        for _ in range(self.dice.choice(PRESSES)):
            await asyncio.sleep(self.dice.uniform(*GAP_S))
            who = self.dice.choice(["red", *self.home.pendants])
            if who == "red":
                async with self.red:
                    self.home.hub.key("red", True)  # nothing, where no program reads the pin
                    await asyncio.sleep(0.12)
                    self.home.hub.key("red", False)
                    await asyncio.sleep(GAP_S[0])
            else:
                await self.home.press(who)
            self.figures["tries"] += 1

    def _missing(self) -> list[Press]:
        """Presses since the last settled moment that are owed and not at the platform."""
        presses = self.home.ledger.presses[self._presses_before :]
        carried = match(presses, self.home.platform.events[self._events_before :])
        return [press for press in presses if press not in carried and not press.may_fold]

    async def _settle(self, words: str) -> None:
        if await came(lambda: not self._missing(), HEALS_S) is None:
            lost = "; ".join(f"{p.key} of {p.origin} at {p.at_ms}" for p in self._missing())
            raise Stranded(f"{words}: not at the platform after {HEALS_S:.0f} s: {lost}; {self.where}")
        while True:
            before = len(self.home.platform.events)
            await asyncio.sleep(QUIET_S)
            if len(self.home.platform.events) == before:
                break
        self._presses_before = len(self.home.ledger.presses)
        self._events_before = len(self.home.platform.events)

    async def _close(self, words: str) -> None:
        """The seat ends every call; the home must know it, for a press before that joins the old call.

        A press of a hub that died in it is owed by nobody and may come even now: it is ended like the rest.
        """
        if not self._standing():
            return
        if await came(lambda: not self._dark(), KNOWN_S) is None:
            raise Stranded(f"{words}: calls stand and the lamp is dark; {self.where}")
        while standing := self._standing():
            for call_id in sorted(standing):
                if self.dice.random() < 0.5:
                    await self.home.platform.hand(call_id, "take")
                await self.home.platform.hand(call_id, "close")
            self.figures["closed"] += len(standing)
            await came(lambda ended=standing: not ended & self._standing(), SEEN_S)
            if await came(lambda: self._dark() or bool(self._standing()), KNOWN_S) is None:
                raise Stranded(f"{words}: all calls are closed and the lamp still shows one; {self.where}")

    def _standing(self) -> set[str]:
        return {case.call_id for case in self.home.platform.cases.values() if case.lifecycle == "open"}

    def _dark(self) -> bool:
        return self.home.hub.lamp.shown.colour == "off"


Evil = Callable[[Storm], Awaitable[None]]


async def heal(home: Home) -> None:
    """The weather is fine, nobody jams, everything that died runs."""
    home.net.set(cut=False, udp_cut=False, loss=0.0, delay_ms=0)
    await home.jam(False)
    home.cell.set_down(False)
    for modem in home.modems.values():
        modem.manners = Manners()
        if not home.cell.has(modem.number):
            modem.plug()
    if not home.platform.running:
        await home.platform.start()
    if not home.hub.running:
        await home.hub.start()


async def _hub_dies(storm: Storm) -> None:
    await asyncio.sleep(storm.dice.uniform(0.0, 1.2))
    await storm.home.hub.kill()
    await asyncio.sleep(storm.dice.uniform(0.0, 0.5))
    await storm.home.hub.start()


async def _hub_dies_with_a_press(storm: Storm) -> None:
    """All stages of a press of the red key lie within its first 100 ms."""
    await asyncio.sleep(storm.dice.uniform(0.0, 0.8))
    async with storm.red:
        storm.home.hub.key("red", True)
        await asyncio.sleep(storm.dice.uniform(0.0, 0.1))
        await storm.home.hub.kill()
    await storm.home.hub.start()


async def _platform_dies(storm: Storm) -> None:
    await asyncio.sleep(storm.dice.uniform(0.0, 1.2))
    await storm.home.platform.kill()
    await asyncio.sleep(storm.dice.uniform(0.0, 1.0))
    await storm.home.platform.start()


def _weather(**weather: float) -> Evil:
    async def evil(storm: Storm) -> None:
        await asyncio.sleep(storm.dice.uniform(0.0, 0.8))
        storm.home.net.set(**weather)  # type: ignore[arg-type]
        await asyncio.sleep(storm.dice.uniform(0.3, 2.0))

    return evil


async def _jammed(storm: Storm) -> None:
    await asyncio.sleep(storm.dice.uniform(0.0, 0.5))
    await storm.home.jam(True)
    await asyncio.sleep(storm.dice.uniform(0.3, 2.0))


async def _stranger(storm: Storm) -> None:
    mode, target = (
        storm.dice.choice(("idle", "babble", "hammer")),
        storm.dice.choice(sorted(storm.home.pendants)),
    )
    await storm.home.stranger(target, True, mode)
    try:
        await asyncio.sleep(storm.dice.uniform(0.5, 2.0))
    finally:
        await storm.home.stranger(target, False)


DEADLY = (_hub_dies, _hub_dies_with_a_press)
EVILS: dict[str, Evil] = {
    "hub killed": _hub_dies,
    "hub killed in a press": _hub_dies_with_a_press,
    "platform killed": _platform_dies,
    "line cut": _weather(cut=True),
    "UDP cut": _weather(udp_cut=True),
    "packets lost": _weather(loss=0.4, delay_ms=80),
    "jammed": _jammed,
    "stranger": _stranger,
}


def sentences(figures: Counter[str]) -> Sequence[str]:
    """The figures as lines for a log."""
    return [f"{name}: {count}" for name, count in sorted(figures.items())]
