"""The internet between hub and platform: what is cut is silent, what is back flows, all is measured."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from sim.internet import LOOPBACK, Internet

ANSWER_S = 60.0  # far above a loopback round trip; a deadline, never a wait
SILENCE_S = 0.15  # long enough for hundreds of loopback round trips


class Echo(asyncio.DatagramProtocol):
    """A platform of one line: what comes is answered."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data.upper(), addr)  # type: ignore[attr-defined]


class Asker(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.answers.put_nowait(data)

    async def ask(self, data: bytes) -> bytes:
        self.transport.sendto(data)  # type: ignore[attr-defined]
        return await asyncio.wait_for(self.answers.get(), ANSWER_S)

    async def is_silent(self, data: bytes) -> bool:
        self.transport.sendto(data)  # type: ignore[attr-defined]
        try:
            await asyncio.wait_for(self.answers.get(), SILENCE_S)
        except TimeoutError:
            return True
        return False


@contextlib.asynccontextmanager
async def udp_line(seed: int = 0) -> AsyncIterator[tuple[Internet, Asker]]:
    loop = asyncio.get_running_loop()
    echo, _ = await loop.create_datagram_endpoint(Echo, local_addr=(LOOPBACK, 0))
    net = Internet(seed)
    door = await net.udp_door("coap", echo.get_extra_info("sockname"))
    near, asker = await loop.create_datagram_endpoint(Asker, remote_addr=(LOOPBACK, door.port))
    try:
        yield net, asker
    finally:
        near.abort()
        await net.close()
        echo.abort()


@contextlib.asynccontextmanager
async def tcp_line() -> AsyncIterator[tuple[Internet, int]]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data.upper())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    net = Internet()
    door = await net.tcp_door("https", server.sockets[0].getsockname())
    try:
        yield net, door.port
    finally:
        await net.close()
        server.close()


async def test_a_datagram_goes_there_and_back_and_is_measured() -> None:
    async with udp_line() as (net, asker):
        assert await asker.ask(b"help") == b"HELP"
        traffic = net.doors["coap"].traffic
        assert (traffic.up_bytes, traffic.down_bytes, traffic.up_packets, traffic.dropped) == (4, 4, 1, 0)


@pytest.mark.parametrize("what", ["cut", "udp_cut"])
async def test_a_cut_line_is_silent_and_comes_back(what: str) -> None:
    async with udp_line() as (net, asker):
        net.set(**{what: True})  # type: ignore[arg-type]
        assert await asker.is_silent(b"help")
        net.set(**{what: False})  # type: ignore[arg-type]
        assert await asker.ask(b"again") == b"AGAIN"
        assert net.doors["coap"].traffic.dropped == 1


async def test_an_answer_on_its_way_is_lost_when_the_line_is_cut_meanwhile() -> None:
    async with udp_line() as (net, asker):
        net.set(delay_ms=60)
        asker.transport.sendto(b"help")  # type: ignore[attr-defined]
        net.set(cut=True)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asker.answers.get(), SILENCE_S)


async def test_cutting_udp_leaves_https_alive() -> None:
    async with tcp_line() as (net, port):
        net.set(udp_cut=True)
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"help")
        assert await asyncio.wait_for(reader.readexactly(4), ANSWER_S) == b"HELP"
        writer.close()


def test_loss_follows_the_seed() -> None:
    first, second = Internet(7), Internet(7)
    first.set(loss=0.25)
    second.set(loss=0.25)
    rolls = [first.loses() for _ in range(400)]
    assert rolls == [second.loses() for _ in range(400)]
    assert 60 < sum(rolls) < 140


async def test_a_line_that_loses_all_answers_nothing() -> None:
    async with udp_line() as (net, asker):
        net.set(loss=1.0)
        assert await asker.is_silent(b"help")
        net.set(loss=0.0)
        assert await asker.ask(b"again") == b"AGAIN"


async def test_delay_is_one_way_and_kept() -> None:
    async with udp_line() as (net, asker):
        net.set(delay_ms=40)
        started = time.monotonic()
        assert await asker.ask(b"help") == b"HELP"
        assert 0.08 <= time.monotonic() - started < ANSWER_S


async def test_a_standing_connection_survives_a_cut_and_its_bytes_arrive() -> None:
    async with tcp_line() as (net, port):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"one")
        assert await asyncio.wait_for(reader.readexactly(3), ANSWER_S) == b"ONE"
        net.set(cut=True)
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(3), SILENCE_S)
        net.set(cut=False)
        assert await asyncio.wait_for(reader.readexactly(3), ANSWER_S) == b"TWO"
        writer.close()


async def test_a_stopped_platform_closes_the_connection() -> None:
    net = Internet()
    door = await net.tcp_door("https", (LOOPBACK, 1))
    reader, writer = await asyncio.open_connection(LOOPBACK, door.port)
    assert await asyncio.wait_for(reader.read(), ANSWER_S) == b""
    writer.close()
    await net.close()


async def test_a_large_body_arrives_whole_through_delay_and_loss() -> None:
    async with tcp_line() as (net, port):
        net.set(delay_ms=5, loss=0.05)
        body = bytes(range(97, 123)) * 8_000
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        sender = asyncio.create_task(_send(writer, body))
        assert await asyncio.wait_for(reader.readexactly(len(body)), ANSWER_S) == body.upper()
        await sender
        writer.close()


async def _send(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(body)
    await writer.drain()


def test_weather_out_of_range_changes_nothing() -> None:
    net = Internet()
    with pytest.raises(ValueError, match="loss"):
        net.set(cut=True, loss=1.5)
    with pytest.raises(ValueError, match="delay_ms"):
        net.set(cut=True, delay_ms=-1)
    assert not net.weather.cut
