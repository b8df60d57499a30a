"""A kernel connects when it hears the device, and a controller tells an unchanged advert once a scan."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from drivers.ble.link import Link
from drivers.ble.radio import Patience, Radio
from protocols.values import Lane

METER = "C4:0E:00:00:00:01"


class Clock:
    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class Card:
    """An AdapterPort: it tells of a meter each time that scanning begins; whoever waits is connected then."""

    name, errors = "hci0", ()

    def __init__(self, breaks: bool = False) -> None:
        self.scans, self.waiting, self._breaks = 0, [], breaks
        self._on_advert: Callable[[Any, Any], None] = lambda device, data: None

    def scanner(self, on_advert: Callable[[Any, Any], None], bluez: object) -> Card:
        self._on_advert = on_advert
        return self

    async def start(self) -> None:
        self.scans += 1
        if self._breaks and self.scans == 2:
            raise OSError("busy")
        data = SimpleNamespace(
            rssi=-60, local_name=None, service_data={}, manufacturer_data={}, service_uuids=[]
        )
        self._on_advert(SimpleNamespace(address=METER), data)
        for waiting in self.waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def stop(self) -> None: ...

    async def connect(self) -> None:
        self.waiting.append(asyncio.get_running_loop().create_future())
        await self.waiting[-1]

    async def disconnect(self) -> None: ...

    async def recover(self) -> None: ...

    def client(self, *args: object) -> Card:
        return self


async def run(card: Card, enough: Callable[[bool], bool]) -> None:
    done = asyncio.Event()

    async def work(link: Link) -> None:
        done.set()

    radio = Radio([card], Clock(), None, lambda fact: None, Patience(soon_s=0.01))  # type: ignore[list-item]
    radio.request(METER, Lane.READING, [], work)
    task = asyncio.create_task(radio.run())
    async with asyncio.timeout(60):
        while not enough(done.is_set()):
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_scanning_begins_anew_for_a_connect_that_waits_for_an_advert() -> None:
    card = Card()
    await run(card, lambda connected: connected)
    assert card.scans == 2


async def test_scanning_that_does_not_begin_anew_is_begun_later() -> None:
    card = Card(breaks=True)
    await run(card, lambda connected: card.scans > 2)
