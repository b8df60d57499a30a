"""A hub's radio and pendants on an air in this process, for tests: facts are kept, presses stored at once."""

from __future__ import annotations

import asyncio
import time
from typing import Any, TypeVar

from drivers.ble.facts import PressHeard
from drivers.ble.pendant import Paired, PendantLink, Timing
from drivers.ble.ports import Advert
from drivers.ble.radio import Patience, Radio
from protocols.link.const import STAGE_HEARD
from protocols.link.keys import advert_key, link_key
from sim.air.bleak_backend import BumbleAdapter, open_adapter
from sim.air.station import Station
from tests.integration.ble.handpendant import HandPendant
from tests.integration.ble.waiting import until

ROOT = bytes(range(16))
QUICK = Timing(life_wait_s=60.0, stay_s=0.5, linger_s=0.05, proof_s=60.0)
IMPATIENT = Patience(start_s=5.0, stop_s=0.3, grace_s=5.0, disconnect_s=1.0)
Fact = TypeVar("Fact")


class ShiftedClock:
    """The true clock, and as much as a test adds to it."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000 + self.ahead_ms


class HubHome:
    """One hub with one or more adapters, the number-th of its home; `store` says whether a press becomes
    durable at once."""

    def __init__(self, station: Station, timing: Timing = QUICK, number: int = 1) -> None:
        self.station = station
        self.id, self._number = f"hub-0{number}", number
        self.clock = ShiftedClock()
        self.facts: list[Any] = []
        self.radio_facts: list[Any] = []
        self.store = True
        self.adapters: list[BumbleAdapter] = []
        self.timing = timing
        self.pendants: dict[str, PendantLink] = {}
        self.by_address: dict[str, PendantLink] = {}
        self.boards: list[HandPendant] = []
        self.worn: list[Any] = []  # boards of sim.pendant

    async def start(self, *adapters: dict[str, Any]) -> HubHome:
        for n, options in enumerate(adapters or ({},)):
            name = f"hub{n}" if self._number == 1 else f"{self.id}-{n}"
            path = await self.station.add_hci(name, f"00:AA:0{self._number}:00:00:0{n}", **options)
            self.adapters.append(await open_adapter(path, name))
        self.radio = Radio(self.adapters, self.clock, self._advert, self.radio_facts.append, IMPATIENT)
        self.task = asyncio.create_task(self.radio.run())
        await until(lambda: all(self.radio.arbiter.listening(a.name) for a in self.adapters))
        return self

    async def pendant(
        self, number: int = 1, *, life: int = 0x1A2B3C4D, floor: int = -1, **kw: Any
    ) -> HandPendant:
        """A paired pendant pd-0N; `life` as the hub knows it."""
        device, address = f"pd-0{number}", f"C4:00:00:00:00:0{number}"
        board = HandPendant(await self.station.add_pendant(device, address, **kw), device, address, ROOT)
        self.boards.append(await board.open())
        self.pair(device, address, life=life, floor=floor)
        return board

    def pair(self, device: str, address: str, *, life: int = 0, floor: int = -1) -> None:
        """Make a pendant one of this hub's."""
        paired = Paired(device, address, advert_key(ROOT), link_key(ROOT, self.id), floor, life)
        link = PendantLink(paired, self.id, self.radio, self.clock, self._fact, self._wall, self.timing)
        self.pendants[device] = self.by_address[address] = link

    @staticmethod
    def _wall() -> tuple[int, bool]:
        return 1_700_000_000_000, True

    def _advert(self, advert: Advert) -> None:
        if link := self.by_address.get(advert.address):
            link.on_advert(advert)

    def _fact(self, fact: Any) -> None:
        self.facts.append(fact)
        if self.store and isinstance(fact, PressHeard):
            self.pendants[fact.device].tell(fact.life, fact.number, STAGE_HEARD)

    def of(self, kind: type[Fact]) -> list[Fact]:
        """The facts of a kind so far."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    async def fact(self, kind: type[Fact], count: int = 1, timeout_s: float = 60.0) -> Fact:
        """The count-th fact of a kind, awaited."""
        await until(lambda: len(self.of(kind)) >= count, timeout_s)
        return self.of(kind)[count - 1]

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        for adapter in self.adapters:
            await adapter.close()
        for board in self.boards:
            await board.close()
        for board in self.worn:
            await board.stop()
