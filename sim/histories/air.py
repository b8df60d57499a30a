"""The air of one home: adverts that are heard or not, connections that stand or break, a replaying stranger.

`Adapter` is what `drivers/ble/radio.py` asks of a Bluetooth adapter, for one hub process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from drivers.ble.ports import Bonding
from protocols.link.const import BTHOME_UUID
from sim.histories.clockwork import Loop, World
from sim.histories.pendant import Pendant

SERVICE_DATA_AT = 7  # in an advert: flags (3), length, type, UUID (2) stand before it
NEIGHBOUR, NEIGHBOUR_MS = "A0:00:00:00:00:01", 80_000  # within the radio's 90 s of silence
TAPE = 200  # adverts that the stranger remembers


class Air:
    """Who is in reach of whom, and everything that was ever said."""

    def __init__(self, world: World, pendants: Sequence[Pendant]) -> None:
        self.world = world
        self.pendants = {pendant.address: pendant for pendant in pendants}
        self.adapters: list[Adapter] = []
        self.away: set[str] = set()
        self.jammed = False
        self.tape: list[tuple[str, bytes]] = []
        self._links: dict[int, Client] = {}
        self._next_conn = 0
        world.after(NEIGHBOUR_MS, self._neighbour)
        for pendant in pendants:
            pendant.on_air = self._said
            pendant.on_send = self._indicated
            pendant.on_drop = self._dropped

    def replay(self) -> bool:
        """A stranger says again what he has heard, a while ago or just now; False: he has heard nothing."""
        if not self.tape:
            return False
        address, payload = self.world.random.choice(self.tape)
        self.world.note(f"a stranger replays an advert of {address}", "air: replay")
        self._spread(address, payload)
        return True

    def forge(self) -> bool:
        """A stranger says something of his own under a pendant's address."""
        address = self.world.random.choice(list(self.pendants))
        payload = bytearray(self.tape[-1][1]) if self.tape else bytearray(31)
        payload[self.world.random.randrange(8, 31)] ^= 1 << self.world.random.randrange(8)
        self.world.note(f"a stranger forges an advert of {address}", "air: forgery")
        self._spread(address, bytes(payload))
        return True

    def _neighbour(self) -> None:
        """Somebody else's device, which shows that a radio hears at all."""
        if not self.jammed:
            for adapter in self.adapters:
                if adapter.listens():
                    adapter.hear(NEIGHBOUR, b"")
        self.world.after(NEIGHBOUR_MS, self._neighbour)

    def reachable(self, pendant: Pendant) -> bool:
        """Whether anything gets through to it."""
        return pendant.on and pendant.address not in self.away and not self.jammed

    def _said(self, pendant: Pendant, payload: bytes) -> None:
        if len(self.tape) < TAPE or self.world.random.random() < 0.1:
            self.tape.append((pendant.address, payload))
        if self.reachable(pendant):
            self._spread(pendant.address, payload)

    def _spread(self, address: str, payload: bytes) -> None:
        for adapter in self.adapters:
            if adapter.listens() and self.world.random.random() < 0.7:
                self.world.after(2, adapter.hear, address, payload)

    # -- connections

    def connect(self, client: Client, pendant: Pendant) -> int | None:
        """A connection, if the pendant is there; its number."""
        if not self.reachable(pendant):
            return None
        self._next_conn += 1
        self._links[self._next_conn] = client
        pendant.connected(self._next_conn)
        return self._next_conn

    def unlink(self, conn: int) -> None:
        """A connection is over, for both."""
        client = self._links.pop(conn, None)
        if client is not None:
            client.pendant.disconnected(conn)
            client.lost()

    def _indicated(self, conn: int, frame: bytes) -> None:
        self.world.after(15, self._arrive, conn, frame)

    def _arrive(self, conn: int, frame: bytes) -> None:
        client = self._links.get(conn)
        if client is not None and self.reachable(client.pendant):
            client.came(frame)

    def _dropped(self, conn: int) -> None:
        self.world.after(10, self.unlink, conn)


class Broken(Exception):
    """What an adapter raises when a link is none."""


class Adapter:
    """As `drivers.ble.ports.AdapterPort`. `hangs`: connecting never ends; `deaf`: nothing is heard."""

    def __init__(self, air: Air, loop: Loop, name: str) -> None:
        self.name, self.errors = name, (Broken,)
        self.air, self.loop = air, loop
        self.hangs = self.deaf = False
        self.connecting = 0
        self._on_advert: Callable[[Any, Any], None] | None = None
        air.adapters.append(self)

    def listens(self) -> bool:
        """Whether an advert gets through: BlueZ is deaf while it connects."""
        return self._on_advert is not None and not self.connecting and not self.deaf and self.loop.alive

    def hear(self, address: str, payload: bytes) -> None:
        """An advert arrives."""
        if self._on_advert is None or not self.loop.alive:
            return
        data = SimpleNamespace(
            rssi=-70,
            local_name=None,
            service_data={BTHOME_UUID: payload[SERVICE_DATA_AT:]},
            manufacturer_data={},
            service_uuids=[],
        )
        self.loop.do(self._on_advert, SimpleNamespace(address=address), data)

    def scanner(self, on_advert: Callable[[Any, Any], None], bluez: Mapping[str, Any]) -> _Scanner:
        """As AdapterPort.scanner."""
        return _Scanner(self, on_advert)

    def client(
        self,
        device: Any,
        on_disconnect: Callable[[], None],
        timeout_s: float,
        services: Sequence[str],
        bonding: Bonding | None,
    ) -> Client:
        """As AdapterPort.client."""
        return Client(self, self.air.pendants[device.address], on_disconnect)

    async def recover(self) -> None:
        """As AdapterPort.recover: a reset helps."""
        await asyncio.sleep(1.0)
        self.hangs = self.deaf = False
        self._on_advert = None
        self.air.world.note(f"{self.name} is reset", "air: adapter reset")

    def die(self) -> None:
        """The process that used it is gone: BlueZ ends its links."""
        self._on_advert = None
        self.air.adapters.remove(self)
        for conn, client in list(self.air._links.items()):
            if client.adapter is self:
                self.air.unlink(conn)


class _Scanner:
    def __init__(self, adapter: Adapter, on_advert: Callable[[Any, Any], None]) -> None:
        self._adapter, self._on_advert = adapter, on_advert

    async def start(self) -> None:
        await asyncio.sleep(0.02)
        if self._adapter.loop.alive:
            self._adapter._on_advert = self._on_advert

    async def stop(self) -> None:
        if self._adapter._on_advert is self._on_advert:
            self._adapter._on_advert = None


class Client:
    """As `drivers.ble.ports.Client`: one connection to one pendant."""

    def __init__(self, adapter: Adapter, pendant: Pendant, on_disconnect: Callable[[], None]) -> None:
        self.adapter, self.pendant = adapter, pendant
        self._on_disconnect = on_disconnect
        self._on_value: Callable[[Any, bytearray], None] | None = None
        self._conn: int | None = None

    async def connect(self) -> None:
        self.adapter.connecting += 1
        try:
            if self.adapter.hangs:
                self.adapter.air.world.visits["air: connect hangs"] += 1
                await asyncio.get_running_loop().create_future()
            await asyncio.sleep(self.adapter.air.world.delay(200, 350) / 1000)
        finally:
            self.adapter.connecting -= 1
        self._conn = self.adapter.air.connect(self, self.pendant)
        if self._conn is None:
            self.adapter.air.world.visits["air: connect fails"] += 1
            raise Broken("not there")
        self.adapter.air.world.visits["air: connected"] += 1

    async def disconnect(self) -> None:
        if self._conn is not None:
            self.adapter.air.unlink(self._conn)

    async def write_gatt_char(self, char_specifier: str, data: bytes, response: bool) -> None:
        await asyncio.sleep(0.02)
        if self._conn is None or not self.adapter.air.reachable(self.pendant):
            self._break()
            raise Broken("gone")
        self.pendant.wrote(self._conn, bytes(data))

    async def start_notify(self, char_specifier: str, callback: Callable[[Any, bytearray], None]) -> None:
        await asyncio.sleep(0.02)
        self._on_value = callback

    def came(self, frame: bytes) -> None:
        """An indication."""
        if self._on_value is not None and self.adapter.loop.alive:
            self.adapter.loop.do(self._on_value, None, bytearray(frame))

    def lost(self) -> None:
        """The connection ended."""
        self._conn = None
        if self.adapter.loop.alive:
            self.adapter.loop.do(self._on_disconnect)

    def _break(self) -> None:
        if self._conn is not None:
            self.adapter.air.unlink(self._conn)
