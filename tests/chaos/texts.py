"""The storm while the internet is gone: calls go by SMS, through modems that fail, beside kills of processes.

In each round the line is cut, before the first finger or among them, and stays so until the calls have come
by SMS or patience ends. The cell network is as it was measured (sim/modem/network.py: delays with a tail,
5 % of all texts lost); some rounds make it double, delay or lose far more. Texts of a round may arrive in
any later one, also after the end of their call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from sim.home.setup import FAMILY, Setup
from sim.home.waiting import came
from sim.modem.modem import SimModem
from sim.modem.network import published
from tests.chaos.storm import EVILS, Evil, Storm

HOME = Setup(modems=True, family=FAMILY, texts_a_day=500)  # a storm is more than one day's calls
CUT_FIRST = 0.7  # of the rounds
PATIENCE_S = (2.0, 12.0, 25.0, 25.0, 40.0)  # a text takes 5 s to go and 6 to 8 to come, or a minute
UNKNOWN = ["+CMS ERROR: 500", "+CMS ERROR: 38", "+CMS ERROR: 332"]  # unknown, network out of order, timeout
MODEMS = ("hub-01", "platform")


class TextStorm(Storm):
    """Storm over a home with modems; counts how many rounds' calls came while the line was cut."""

    @property
    def evils(self) -> Mapping[str, Evil]:
        return TEXT_EVILS

    async def _sky(self) -> None:
        """A network as measured; the line is cut now, or while fingers press."""
        self.home.cell.air = published()
        if self.dice.random() >= CUT_FIRST:
            await asyncio.sleep(self.dice.uniform(0.0, 1.5))
        self.home.net.set(cut=True)

    async def _linger(self) -> None:
        if await came(lambda: not self._missing(), self.dice.choice(PATIENCE_S)) is not None:
            self.figures["all there while cut"] += 1


def _air(**worse: float | tuple[float, float]) -> Evil:
    async def evil(storm: Storm) -> None:
        await asyncio.sleep(0)  # after the sky
        storm.home.cell.air = replace(storm.home.cell.air, **worse)  # type: ignore[arg-type]

    return evil


def _modem(storm: Storm) -> SimModem:
    return storm.home.modems[storm.dice.choice(MODEMS)]


async def _brown_out(storm: Storm) -> None:
    """A modem's port vanishes, often in the middle of a text, and comes back."""
    modem = _modem(storm)
    await asyncio.sleep(storm.dice.uniform(0.0, 8.0))
    modem.unplug()
    await asyncio.sleep(storm.dice.uniform(0.5, 6.0))
    modem.plug()


async def _out_of_service(storm: Storm) -> None:
    modem = _modem(storm)
    await asyncio.sleep(storm.dice.uniform(0.0, 2.0))
    modem.manners.registration = 2
    await asyncio.sleep(storm.dice.uniform(1.0, 10.0))
    modem.manners.registration = 1


async def _unknown_outcome(storm: Storm) -> None:
    """A modem says that a text failed, and it went all the same; or no prompt comes."""
    manners = _modem(storm).manners
    manners.gone_with_error = storm.dice.random() < 0.7
    manners.next_errors = storm.dice.sample(UNKNOWN, 2)
    manners.no_prompts = storm.dice.choice((0, 0, 1))


async def _full(storm: Storm) -> None:
    """A memory for one message."""
    _modem(storm).manners.room = 1


TEXT_EVILS: dict[str, Evil] = {
    **{name: EVILS[name] for name in ("hub killed", "hub killed in a press", "platform killed", "jammed")},
    "texts doubled": _air(doubled=0.7),
    "texts slow": _air(delay_s=(15.0, 40.0)),
    "texts lost": _air(loss=0.4),
    "brown-out": _brown_out,
    "out of service": _out_of_service,
    "unknown outcome": _unknown_outcome,
    "memory full": _full,
}
