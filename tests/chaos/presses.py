"""Thousands of presses over eight pendants of one home, and what is measured of them.

Each pendant is pressed as soon as the platform has its last press, by a finger of its own; every few presses
the finger waits until it feels "delivered" (a long buzz, which fingers this fast would wait for all day), and
from time to time the seat ends all calls. Real firmware, real links, real hub: nothing is sped up but the
fingers.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sim.home.home import Home
from sim.home.ledger import Press, Stored
from sim.home.setup import CHEN, WANG, PendantSetup, Setup
from sim.home.waiting import POLL_S, came

PENDANTS = 8
SPOTS = tuple((1.5 + 0.9 * (number % 4), 1.5 + 1.1 * (number // 4)) for number in range(PENDANTS))
LIFTED_S = (0.15, 0.5)  # the finger between two presses
DELIVERED_S = 40.0  # far above what it takes; without it the press is slow and the finger goes on
FEEL_EVERY = 10  # presses: below the 16 that a pendant's book holds, so that none folds into another
CLOSE_EVERY = 200  # presses: the pendants' books and the seat's cards stay as small as in life
STILL_S = 1.4  # a buzz that sounds and one that waits (0.09 and 0.9 s, 0.15 s apart) have ended
QUIET_S = 60.0


def setup() -> Setup:
    """Two people with four pendants each (a bath, a bed, a belt, a wrist)."""
    people = (CHEN, WANG)
    rows = [PendantSetup(f"pd-{n + 1:02}", people[n % 2].id) for n in range(PENDANTS)]
    return Setup(elders=people, pendants=tuple(rows))


@dataclass
class Marathon:
    """One run on a running home. `slow` are presses that did not arrive, or were not felt, in time."""

    home: Home
    dice: random.Random
    until_s: float  # monotonic; no press begins after it
    left: int
    slow: list[Press] = field(default_factory=list)
    felt_ms: list[int] = field(default_factory=list)
    resets: Counter[str] = field(default_factory=Counter)  # of pendants, by why: a healthy run has none
    words: deque[str] = field(default_factory=lambda: deque(maxlen=40))
    _delivered: dict[str, asyncio.Event] = field(default_factory=dict)
    _came: Counter[str] = field(default_factory=Counter)  # events at the platform, by pendant
    _free: asyncio.Event = field(default_factory=asyncio.Event)  # cleared while the seat ends the calls
    _down: int = 0  # presses that wait for their answer

    async def run(self) -> None:
        """Press until no presses or no time are left; then everything comes to rest."""
        self._free.set()
        self.home.on_event.append(self._arrived)
        for name, rig in self.home.pendants.items():
            self._delivered[name] = asyncio.Event()
            rig.on_change = self._listener(name)
        async with asyncio.TaskGroup() as tasks:
            fingers = [tasks.create_task(self._finger(name)) for name in self.home.pendants]
            seat = tasks.create_task(self._seat())
            await asyncio.wait(fingers)
            seat.cancel()
        await came(self._all_there, QUIET_S)

    def _arrived(self, event: Stored) -> None:
        self._came[event.origin] += event.kind == "call.sos"

    def _all_there(self) -> bool:
        return self._came.total() >= sum(not press.may_fold for press in self.home.ledger.presses)

    def _listener(self, name: str) -> Callable[[str, Any], None]:
        def heard(kind: str, value: Any) -> None:
            if (kind, value) == ("feel", "delivered"):
                self._delivered[name].set()
            elif kind in ("exit", "wake") and value not in ("key", "timer"):
                self.resets[f"{kind} {value}"] += 1
            elif kind == "text":  # an exception's lines, before a reset
                self.words.append(f"{name}: {value}")

        return heard

    async def _finger(self, name: str) -> None:
        made = 0
        while self.left > 0 and time.monotonic() < self.until_s:
            self.left -= 1
            await self._free.wait()
            self._down += 1
            made += 1
            try:
                await self._press(name, made)
            finally:
                self._down -= 1
            await asyncio.sleep(self.dice.uniform(*LIFTED_S))

    async def _press(self, name: str, made: int) -> None:
        """One press to its arrival; every few to the long buzz, of a motor that was still before."""
        feels = made % FEEL_EVERY == 0
        if feels:
            await asyncio.sleep(STILL_S)
        self._delivered[name].clear()
        before = self._came[name]
        press = await self.home.press(name)
        if press.may_fold:
            return  # into the one that woke it
        if await came(lambda: self._came[name] > before, DELIVERED_S) is None:
            self.slow.append(press)
        elif feels:
            try:
                async with asyncio.timeout(DELIVERED_S):
                    await self._delivered[name].wait()
                self.felt_ms.append(round(time.time() * 1000) - press.at_ms)
            except TimeoutError:
                self.slow.append(press)

    async def _seat(self) -> None:
        """End all calls every so many presses: nobody presses meanwhile, so that calls can be counted."""
        due = CLOSE_EVERY
        while True:
            while len(self.home.ledger.presses) < due:
                await asyncio.sleep(POLL_S)
            self._free.clear()
            await came(lambda: self._down == 0, 2 * DELIVERED_S)
            await came(self._all_there, QUIET_S)
            for rig in self.home.pendants.values():
                rig.board.log.clear()  # hours of lights and flash operations
            for case in list(self.home.platform.cases.values()):
                if case.lifecycle == "open":
                    await self.home.platform.hand(case.call_id, "close")
            await came(lambda: self.home.hub.lamp.shown.colour == "off", QUIET_S)
            due = len(self.home.ledger.presses) + CLOSE_EVERY
            self._free.set()
