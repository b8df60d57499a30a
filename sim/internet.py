"""Stand between a hub and the platform as the internet does: cut, lose, delay, and measure what passes.

One `Internet` holds the weather (`Weather`) and any number of doors: a UDP door (CoAP) and a TCP door
(HTTPS), each on an ephemeral port of the loopback interface, each leading to one target. Nothing is ever
refused by the weather: a cut line is silent, as a real one is. A TCP connection that stands while the line is
cut stays standing and its bytes arrive when the line is back; a UDP datagram that meets a cut is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

LOOPBACK = "127.0.0.1"
TCP_RETRANSMIT_S = 0.2  # Linux TCP_RTO_MIN: what one lost segment costs a standing connection
TCP_CHUNK_BYTES = 16_384
TCP_CHUNKS_IN_FLIGHT = 16  # bounds what a door holds for a slow or cut line: 256 KB a direction
UDP_CLIENTS = 256  # sockets towards the target, the oldest closed first

Address = tuple[str, int]


@dataclass
class Weather:
    """What the line does now. `loss` is a share (0..1) of datagrams or TCP chunks, `delay_ms` is one way."""

    cut: bool = False
    udp_cut: bool = False
    tcp_cut: bool = False
    loss: float = 0.0
    delay_ms: int = 0

    def udp_open(self) -> bool:
        return not (self.cut or self.udp_cut)

    def tcp_open(self) -> bool:
        return not (self.cut or self.tcp_cut)


@dataclass
class Traffic:
    """Payload bytes and packets that passed a door (headers not counted), and what the weather took."""

    up_bytes: int = 0
    down_bytes: int = 0
    up_packets: int = 0
    down_packets: int = 0
    dropped: int = 0
    connections: int = 0

    def passed(self, upward: bool, size: int) -> None:
        if upward:
            self.up_bytes += size
            self.up_packets += 1
        else:
            self.down_bytes += size
            self.down_packets += 1


@dataclass
class Door:
    """Where one protocol enters the internet. `port` is ours; `target` may change while the door stands."""

    name: str
    port: int
    target: Address
    traffic: Traffic = field(default_factory=Traffic)


class Internet:
    """Every door between one home and its platform. `set()` changes the weather, at once for all."""

    def __init__(self, seed: int = 0) -> None:
        self.weather = Weather()
        self.dice = random.Random(seed)
        self.doors: dict[str, Door] = {}
        self._changed = asyncio.Event()
        self._udp: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def set(
        self,
        *,
        cut: bool | None = None,
        udp_cut: bool | None = None,
        tcp_cut: bool | None = None,
        loss: float | None = None,
        delay_ms: int | None = None,
    ) -> None:
        """Change what is named, leave the rest. A value out of range is a ValueError and changes nothing."""
        if loss is not None and not 0.0 <= loss <= 1.0:
            raise ValueError(f"loss {loss}: a share from 0 to 1")
        if delay_ms is not None and not 0 <= delay_ms <= 60_000:
            raise ValueError(f"delay_ms {delay_ms}: 0 to 60000")
        given = {"cut": cut, "udp_cut": udp_cut, "tcp_cut": tcp_cut, "loss": loss, "delay_ms": delay_ms}
        for name, value in given.items():
            if value is not None:
                setattr(self.weather, name, value)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def udp_door(self, name: str, target: Address) -> Door:
        """Open a UDP door to `target`; returns it with the port that the hub is to use."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(
            lambda: _UdpDoor(self), local_addr=(LOOPBACK, 0)
        )
        door = Door(name, transport.get_extra_info("sockname")[1], target)
        protocol.door = door
        self._udp.append(transport)
        self.doors[name] = door
        return door

    async def tcp_door(self, name: str, target: Address) -> Door:
        """Open a TCP door to `target`; returns it with the port that the hub is to use."""

        async def passage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            with contextlib.suppress(asyncio.CancelledError):
                await self._pass_tcp(door, reader, writer)

        server = await asyncio.start_server(passage, LOOPBACK, 0)
        door = Door(name, server.sockets[0].getsockname()[1], target)
        self._servers.append(server)
        self.doors[name] = door
        return door

    async def close(self) -> None:
        """Shut every door and end every passage; bytes in flight are gone."""
        for transport in self._udp:
            transport.abort()
        for server in self._servers:
            server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    def loses(self) -> bool:
        """Throw the seeded dice for one datagram or chunk."""
        return self.weather.loss > 0 and self.dice.random() < self.weather.loss

    async def tcp_is_open(self) -> None:
        """Wait until the weather lets TCP pass."""
        while not self.weather.tcp_open():
            await self._changed.wait()

    async def _pass_tcp(self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection: connect when the line is open, pump both ways until both are done."""
        far: asyncio.StreamWriter | None = None
        try:
            await self.tcp_is_open()
            far_reader, far = await asyncio.open_connection(*door.target)
            door.traffic.connections += 1
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(door, True, reader, far))
                both.create_task(self._pump(door, False, far_reader, writer))
        except* OSError:
            pass  # an end broke: both are closed below, as a reset would
        finally:
            for end in (writer, far):
                if end is not None:
                    end.close()

    async def _pump(
        self, door: Door, upward: bool, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        """Move bytes one way in order, each chunk `delay_ms` after it came, while the line is open."""
        flight: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(TCP_CHUNKS_IN_FLIGHT)

        async def receive() -> None:
            while data := await source.read(TCP_CHUNK_BYTES):
                late = TCP_RETRANSMIT_S if self.loses() else 0.0
                await flight.put((time.monotonic() + self.weather.delay_ms / 1000 + late, data))
            await flight.put((0.0, b""))

        async def deliver() -> None:
            while True:
                due, data = await flight.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self.tcp_is_open()
                if not data:
                    if sink.can_write_eof():
                        sink.write_eof()
                    return
                sink.write(data)
                door.traffic.passed(upward, len(data))
                await sink.drain()

        async with asyncio.TaskGroup() as steps:
            steps.create_task(receive())
            steps.create_task(deliver())


class _UdpDoor(asyncio.DatagramProtocol):
    """The hub's side of a UDP door: one socket towards the target for each client address, as a NAT does."""

    def __init__(self, net: Internet) -> None:
        self.net = net
        self.door: Door
        self.far: dict[Address, asyncio.DatagramTransport] = {}
        self.opening: dict[Address, deque[bytes]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        for transport in self.far.values():
            transport.abort()
        self.far.clear()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.carry(True, data, lambda: self.send_up(addr, data))

    def carry(self, upward: bool, data: bytes, send: Callable[[], None]) -> None:
        """Drop, delay or pass one datagram; the line is looked at when it enters and when it leaves."""
        weather, traffic = self.net.weather, self.door.traffic
        if not weather.udp_open() or self.net.loses():
            traffic.dropped += 1
            return

        def leave() -> None:
            if self.net.weather.udp_open() and not self.transport.is_closing():
                traffic.passed(upward, len(data))
                send()
            else:
                traffic.dropped += 1

        if weather.delay_ms:
            asyncio.get_running_loop().call_later(weather.delay_ms / 1000, leave)
        else:
            leave()

    def send_up(self, client: Address, data: bytes) -> None:
        """Send towards the target through this client's own socket, opening it first when it is new."""
        transport = self.far.get(client)
        if transport is not None and not transport.is_closing():
            transport.sendto(data, self.door.target)
            return
        waiting = self.opening.setdefault(client, deque(maxlen=64))
        waiting.append(data)
        if len(waiting) == 1:
            task = asyncio.get_running_loop().create_task(self.open_far(client))
            self.net._tasks.add(task)
            task.add_done_callback(self.net._tasks.discard)

    async def open_far(self, client: Address) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _FarSide(self, client), local_addr=(LOOPBACK, 0)
        )
        while len(self.far) >= UDP_CLIENTS:
            self.far.pop(next(iter(self.far))).abort()
        self.far[client] = transport
        for data in self.opening.pop(client, ()):
            transport.sendto(data, self.door.target)


class _FarSide(asyncio.DatagramProtocol):
    """The target's side of one client: what comes back goes to that client."""

    def __init__(self, near: _UdpDoor, client: Address) -> None:
        self.near = near
        self.client = client

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.near.carry(False, data, lambda: self.near.transport.sendto(data, self.client))

    def error_received(self, exc: Exception) -> None:
        self.near.door.traffic.dropped += 1  # the target's port is closed: the platform is stopped
