"""Measures texts without internet: handed to the cell network, known to the platform.

In a whole home of processes, in real time: `sms_handed_ms` from the press to the network's acceptance of its
text, when nobody knew yet that the line is cut, and `sms_handed_known_down_ms` when it was known.

On the made-up clock, with the network's published delays, losses and duplicates (`sim/modem/network.py`):
`sms_platform_ms` from the press until the platform's own modem has its frame, when nobody knew yet that the
line is cut; `n` of `sms_platform_pressed` came within half an hour.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import edge.threads
from protocols import sms_frame
from protocols.sms_pdu import Deliver, decode
from sim.histories.air import Air as Nearby
from sim.histories.cell import CENTRE, Cell
from sim.histories.clockwork import AtOnce, World
from sim.histories.hub import Site
from sim.histories.internet import Platform
from sim.histories.run import silence
from sim.home.home import Home
from sim.home.setup import Setup
from sim.home.waiting import Condition, came
from sim.modem.network import published
from sim.scenarios.texts import knows_no_way, modems_up, texted
from tests.benchmarks.rig import spread

HANDED, KNOWN = 6, 10
PRESSES = 400
LONGEST_MS = 30 * 60_000
WARM_MS = 60_000
LIMIT_S = 150.0


def measure(directory: Path) -> dict[str, Any]:
    """sms_handed_ms, sms_handed_known_down_ms, sms_platform_ms: {p50, p99, n}."""
    place = directory / "sms"
    shutil.rmtree(place, ignore_errors=True)
    try:
        real = asyncio.run(_home(place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return {**real, **_made_up(PRESSES)}


# --- a home of processes ---


async def _home(place: Path) -> dict[str, Any]:
    handed, known = [], []
    there = Home(place, setup=Setup(pendants=(), modems=True, sms_delay_s=(1.0, 1.0)))
    async with there.running():
        await must(modems_up(there))
        for _ in range(HANDED):
            there.net.set(cut=True)
            handed.append(await _texted(there))
            await over(there)
        there.net.set(cut=True)
        await there.hub.press("red")
        await must(knows_no_way(there))
        for _ in range(KNOWN):
            known.append(await _texted(there))
            await asyncio.sleep(2.0)  # its receipt comes by text; a person presses again
        await over(there)
    return {
        "sms_handed_ms": spread(handed),
        "sms_handed_known_down_ms": spread(known),
    }


async def _texted(there: Home) -> float:
    hub = there.setup.number_of("hub-01")
    press = await there.hub.press("red")
    await must(texted(there, hub, press.at_ms))
    return float(
        next(c.at_ms for c in there.cell.log if c.sender == hub and c.at_ms >= press.at_ms) - press.at_ms
    )


async def over(there: Home) -> None:
    """The internet is back, the seat closes the call, and the hub knows both."""
    there.cell.air.loss = 0.0
    there.net.set(cut=False)

    async def good() -> bool:
        rows = await there.hub.paths()
        return all(row["good"] for row in rows if row["name"] in ("coap", "https"))

    await must(good)
    await must(lambda: there.platform.open_case("e-chen") is not None)
    case = there.platform.open_case("e-chen")
    assert case is not None
    await there.platform.hand(case.call_id, "close")

    async def closed() -> bool:
        return not await there.hub.has_open_call("e-chen")

    await must(closed)
    for phone in there.phones.values():
        phone.hang_up()


async def must(condition: Condition) -> None:
    """Wait for it. TimeoutError after LIMIT_S."""
    if await came(condition, LIMIT_S) is None:
        raise TimeoutError("what is measured does not come about")


# --- the made-up clock ---


class Gateway:
    """The platform's modem in the made-up world: knows when it first had each event."""

    def __init__(self, world: World, cell: Cell) -> None:
        self._world = world
        self.came_ms: dict[tuple[int, int], int] = {}
        cell.network.join(CENTRE, self._came)

    def _came(self, tpdu: bytes) -> None:
        message = decode("00" + tpdu.hex())
        assert isinstance(message, Deliver)
        frame = sms_frame.read(message.text, sms_frame.EVENT, "ABCD", bytes(16))
        assert isinstance(frame, sms_frame.EventFrame)
        self.came_ms.setdefault((frame.life, frame.number), self._world.now_ms)


def _made_up(presses: int) -> dict[str, Any]:
    """Presses on the made-up clock, each in a home of its own in which nothing goes by IP."""
    before = random.getstate()
    with silence(), mock.patch.object(edge.threads, "threading", SimpleNamespace(Thread=AtOnce)):
        try:
            took = [_pressed(seed) for seed in range(1, presses + 1)]
        finally:
            random.setstate(before)
    came = [ms for ms in took if ms is not None]
    return {"sms_platform_ms": spread(came), "sms_platform_pressed": presses}


def _pressed(seed: int) -> float | None:
    """From the press until the platform's modem has its frame; None if it has not within half an hour."""
    random.seed(seed)
    world = World(seed)
    site = Site(world, "hub-01", Platform(world), Nearby(world, []), (0, 0))
    site.cell = cell = Cell(world, seed)
    gateway = cell.loop.do(Gateway, world, cell)
    site.start()
    world.run(world.now_ms + WARM_MS)
    for line in site.lines.values():
        line.cut = True
    cell.network.air = published()
    pressed_ms = world.now_ms
    assert site.process is not None
    site.process.press("red", True)
    site.process.press("red", False)
    while not gateway.came_ms and world.now_ms < pressed_ms + LONGEST_MS:
        world.run(world.now_ms + 1_000)
    site.kill()
    return float(min(gateway.came_ms.values()) - pressed_ms) if gateway.came_ms else None
