"""The storm of texts with people at its phones: they ring, are answered or not, a key is pressed or none.

In each round the line is cut and texts are lost, mostly all of them, so that the family is rung: 10 s after a
press instead of 30 s, for a round costs so much the less. Who is rung is a person (answers, presses a key,
talks), a machine (answers, presses nothing), refuses, is busy, or lets it ring; a seat that asks to be phoned
answers too. `judged` is what must hold of every phone call, out of the exchange's own log.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sim.home.home import Home
from sim.home.pendants import now_ms
from sim.home.setup import CHEN, FAMILY, PLATFORM_NUMBER, HubSetup, PendantSetup, Setup
from sim.home.waiting import came
from sim.modem.exchange import PhoneCall
from sim.modem.network import published
from sim.modem.phone import Phone
from tests.chaos.storm import Evil, Storm
from tests.chaos.texts import TEXT_EVILS, TextStorm

RUNG_S = 10.0
HOME = Setup(
    elders=(CHEN,),
    hubs=(HubSetup("hub-01", CHEN.id),),
    pendants=(PendantSetup("pd-01", CHEN.id), PendantSetup("pd-02", CHEN.id)),
    modems=True,
    family=FAMILY,
    texts_a_day=500,
    calls_a_day=200,
    rings_ms=(10_000, 40_000, 70_000),
)
ALL_LOST = 0.75  # of the rounds; in the others texts go as measured, and may end the ringing
PATIENCE_S = (15.0, 25.0, 35.0, 70.0)  # the next number comes 45 s after the one before
BUSY = 0.25
MANNERS = {"person": 8, "machine": 4, "nobody": 4, "refuses": 3}
FRIEND = "+8613900000001"
LOOK_S = 0.05
MOST_MS, SLACK_MS = 600_000, 20_000  # an open line; a hub that dies in it hangs up when it is there again
HEARD_MS = 6_000  # a press is told late by what was jammed, or dead, when it came
HOURLY_MS = 55 * 60_000


@dataclass
class People:
    """Whoever stands beside a phone of the family, or sits at the seat."""

    home: Home
    dice: random.Random
    did: list[str] = field(default_factory=list)
    _seen: int = 0

    @contextlib.asynccontextmanager
    async def there(self) -> AsyncIterator[People]:
        """They look at their phones while the block runs."""
        task = asyncio.create_task(self._look())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _look(self) -> None:
        log = self.home.cell.exchange.log
        async with asyncio.TaskGroup() as group:
            while True:
                for call in log[self._seen :]:
                    if call.caller != FRIEND and call.callee != FRIEND:
                        group.create_task(self._hears(call))
                self._seen = len(log)
                await asyncio.sleep(LOOK_S)

    async def _hears(self, call: PhoneCall) -> None:
        """One phone call from its first ringing to its end."""
        exchange, dice = self.home.cell.exchange, self.dice
        while call.state == "dialling":
            await asyncio.sleep(LOOK_S)
        if call.state != "ringing":
            self.did.append(call.cause.lower())
            return
        seat = call.callee == PLATFORM_NUMBER
        manner = "person" if seat else dice.choices([*MANNERS], [*MANNERS.values()])[0]
        self.did.append(f"seat {manner}" if seat else manner)
        if manner == "nobody":
            return
        await asyncio.sleep(dice.uniform(0.5, 6.0))
        if manner == "refuses":
            exchange.hang_up(call)
            return
        exchange.answer(call)
        if manner == "person":
            await asyncio.sleep(dice.uniform(0.5, 6.0))
            exchange.press(call, call.callee, "1")
        await asyncio.sleep(dice.uniform(2.0, 30.0))
        exchange.hang_up(call)


@dataclass
class PhoneStorm(TextStorm):
    """Storm over a home whose family's phones ring. `unplugged_ms`: when the modem went with its call."""

    unplugged_ms: list[int] = field(default_factory=list)

    @property
    def evils(self) -> Mapping[str, Evil]:
        return PHONE_EVILS

    async def _sky(self) -> None:
        self.home.cell.air = published()
        if self.dice.random() < ALL_LOST:
            self.home.cell.air = replace(self.home.cell.air, loss=1.0)
        self.home.net.set(cut=True)
        if self.dice.random() < BUSY:
            busy = self.home.phones[self.dice.choice([*self.home.phones])]
            if busy.state == "idle":
                busy.dial(FRIEND)

    async def _linger(self) -> None:
        before = len(self.home.cell.exchange.log)
        if await came(lambda: not self._missing(), self.dice.choice(PATIENCE_S)) is not None:
            self.figures["all there while cut"] += 1
        rung = self.home.cell.exchange.log[before:]
        self.figures["rounds that rang"] += any("ringing" in call.at_ms for call in rung)
        for phone in self.home.phones.values():
            call = phone.call
            if call is not None and FRIEND in (call.caller, call.callee):
                phone.hang_up()


def friend(home: Home) -> Phone:
    """Somebody who is always there for whoever rings from the family: a relative who is busy."""
    phone = Phone(FRIEND, home.cell)
    phone.on_change = lambda: phone.answer() if phone.state == "ringing" else None
    return phone


async def _hub_dies_on_the_line(storm: Storm) -> None:
    """While a phone rings, or somebody is on the line."""
    await asyncio.sleep(storm.dice.uniform(RUNG_S, RUNG_S + 12.0))
    await storm.home.hub.kill()
    await storm.home.hub.start()


async def _modem_dies_on_the_line(storm: Storm) -> None:
    await asyncio.sleep(storm.dice.uniform(RUNG_S, RUNG_S + 12.0))
    modem = storm.home.modems["hub-01"]
    modem.unplug()
    assert isinstance(storm, PhoneStorm)
    storm.unplugged_ms.append(now_ms())
    await asyncio.sleep(storm.dice.uniform(0.5, 6.0))
    modem.plug()


async def _seat_asks(storm: Storm) -> None:
    """The seat asks the home to phone it, by whatever way."""
    await asyncio.sleep(storm.dice.uniform(5.0, 15.0))
    if storm.home.platform.running:
        await storm.home.platform.ask("hub-01", "call.back")


PHONE_EVILS: dict[str, Evil] = {
    **{name: TEXT_EVILS[name] for name in ("hub killed", "hub killed in a press", "platform killed")},
    **{name: TEXT_EVILS[name] for name in ("jammed", "out of service", "unknown outcome")},
    "hub killed on the line": _hub_dies_on_the_line,
    "brown-out on the line": _modem_dies_on_the_line,
    "the seat asks to be phoned": _seat_asks,
}


def judged(
    log: Sequence[PhoneCall],
    home: str,
    family: Sequence[str],
    pressed_ms: Sequence[int],
    died_ms: Sequence[int],
) -> list[str]:
    """What does not hold of the calls that `home` has made, as sentences.

    A line is open for ten minutes at most. After somebody of the family has pressed a key in a call, nobody
    is rung until a key in the home is pressed, or an hour is over: unless hub or modem died meanwhile.
    """
    mine = [call for call in log if call.caller == home]
    found = []
    for call in mine:
        if "answered" in call.at_ms:
            end_ms = call.at_ms.get("ended", now_ms())
            open_ms = end_ms - call.at_ms["answered"]
            if open_ms > MOST_MS + SLACK_MS:
                found.append(f"a line to {call.callee} was open for {open_ms} ms")
    rung = [call for call in mine if call.callee in family]
    for before, after in itertools.pairwise(rung):
        begun_ms, next_ms = before.at_ms["dialling"], after.at_ms["dialling"]
        anew = any(begun_ms - HEARD_MS < at_ms < next_ms for at_ms in pressed_ms)
        died = any(begun_ms < at_ms < next_ms for at_ms in died_ms)
        if before.keys and not anew and not died and next_ms - begun_ms < HOURLY_MS:
            found.append(
                f"{before.callee} had confirmed, {after.callee} was rung {next_ms - begun_ms} ms later"
            )
    return found
