"""A hub's radio and its pendants on real BlueZ, all of the product: facts are kept with their times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from drivers.ble.bluez import BluezAdapter
from drivers.ble.facts import PressHeard
from drivers.ble.pendant import Paired, PendantLink
from drivers.ble.ports import Advert, Bonding, Client, Scanner
from drivers.ble.radio import Radio
from protocols.link.const import STAGE_HEARD
from protocols.link.keys import advert_key, link_key
from sim.air.client import AirControl
from sim.pendant.board import Board
from tests.vm.guest.bluetooth import STARTED_S
from tests.vm.guest.port import tell

ROOT: Final = bytes(range(16))
HUB: Final = "hub-01"
Fact = TypeVar("Fact")


class Clock:
    """The guest's monotonic clock."""

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


async def nothing(address: str) -> None:
    """Before a connect."""


class Watched:
    """The product's adapter with a stopwatch: `connects` holds (address, seconds, error) of each attempt."""

    def __init__(self, adapter: BluezAdapter) -> None:
        self._adapter = adapter
        self.connects: list[tuple[str, float, str]] = []
        self.before_connect: Callable[[str], Awaitable[None]] = nothing

    @property
    def name(self) -> str:
        return self._adapter.name

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        return self._adapter.errors

    def scanner(self, on_advert: Callable[[Any, Any], None], bluez: Mapping[str, Any]) -> Scanner:
        return self._adapter.scanner(on_advert, bluez)

    def client(
        self,
        device: Any,
        on_disconnect: Callable[[], None],
        timeout_s: float,
        services: Sequence[str],
        bonding: Bonding | None,
    ) -> Client:
        client = self._adapter.client(device, on_disconnect, timeout_s, services, bonding)
        connect = client.connect

        async def timed() -> object:
            begun, outcome = time.monotonic(), "cancelled"
            try:
                await self.before_connect(device.address)
                result = await connect()
                outcome = ""
                return result
            except Exception as e:
                outcome = repr(e)
                raise
            finally:
                self.connects.append((device.address, time.monotonic() - begun, outcome))

        client.connect = timed  # type: ignore[method-assign]
        return client

    async def recover(self) -> None:
        await self._adapter.recover()


class Home:
    """One hub. A press counts as durable as soon as it is heard."""

    def __init__(self, adapter: BluezAdapter, air: AirControl) -> None:
        self.adapter, self.air = Watched(adapter), air
        self.facts: list[tuple[float, Any]] = []
        self.radio_facts: list[Any] = []
        self.adverts: list[Callable[[Advert], None]] = []
        self.pendants: dict[str, PendantLink] = {}
        self.boards: list[Board] = []
        self.clock = Clock()
        self.radio = Radio([self.adapter], self.clock, self._advert, self.radio_facts.append)
        self._by_address: dict[str, PendantLink] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Home:
        self._task = asyncio.create_task(self.radio.run())
        await until(lambda: self.radio.arbiter.listening(self.adapter.name), STARTED_S)
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            tell(air=await self.air.state())
            tell(boards={board.name: board.log[-40:] for board in self.boards})
            tell(
                facts=[repr(fact) for _, fact in self.facts[-20:]], radio=[repr(f) for f in self.radio_facts]
            )
            tell(connects=self.adapter.connects[-10:])
        for board in self.boards:
            await board.stop()
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def wear(self, number: int, directory: Path) -> Board:
        """A pendant with the real firmware that has made its stores, was proved, and sleeps."""
        name, address = f"pd-0{number}", f"C4:00:00:00:00:0{number}"
        socket = await self.air.add_pendant(name=name, address=address, x=2)
        paired = Paired(name, address, advert_key(ROOT), link_key(ROOT, HUB))
        link = PendantLink(paired, HUB, self.radio, self.clock, self._fact, lambda: (1_700_000_000_000, True))
        self.pendants[name] = self._by_address[address] = link
        board = Board(name, directory / name, socket, root_key=ROOT, address=address)
        self.boards.append(board)
        await board.start()
        await board.until(lambda b: b.state == "asleep", 90)
        return board

    def _advert(self, advert: Advert) -> None:
        for listener in self.adverts:
            listener(advert)
        if link := self._by_address.get(advert.address):
            link.on_advert(advert)

    def _fact(self, fact: Any) -> None:
        self.facts.append((time.monotonic(), fact))
        if isinstance(fact, PressHeard):
            self.pendants[fact.device].tell(fact.life, fact.number, STAGE_HEARD)

    def of(self, kind: type[Fact], device: str, since: float = 0.0) -> list[tuple[float, Fact]]:
        """The facts of a kind about a device, with the time at which they came."""
        found = [(at, fact) for at, fact in self.facts if at >= since and isinstance(fact, kind)]
        return [(at, fact) for at, fact in found if getattr(fact, "device", None) == device]

    async def first(
        self, kind: type[Fact], device: str, since: float, timeout_s: float
    ) -> tuple[float, Fact]:
        """The first fact of a kind about a device since a time, awaited."""
        await until(lambda: self.of(kind, device, since), timeout_s)
        return self.of(kind, device, since)[0]


async def until(condition: Callable[[], object], timeout_s: float) -> None:
    """Wait until a condition holds. TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
