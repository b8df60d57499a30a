"""A platform in the test's own loop on ephemeral ports, a provisioned hub, a wire to listen to."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.credentials import OscoreKeys
from edge.paths.coap import CoapPath
from edge.paths.https import HttpsPath
from protocols.errors import AnbanError, Reason
from protocols.values import Event, EventId, Lane
from sim.platform.registry import provision
from sim.platform.service import Platform, running

ELDERS = [
    {"id": "e-chen", "name": "陈桂芳", "address": "上海市浦东新区花木街道 108 弄", "phone": "+86 1380000"}
]
DEVICES = [{"id": "pd-01", "name": "挂坠", "kind": "pendant", "elder": "e-chen"}]
LIFE = 0x1A2B3C4D

Ask = Callable[..., Any]


def press(number: int = 1, *, kind: str = "call.sos", device: str = "pd-01", **fields: Any) -> Event:
    """An event of a call, as a pendant mints it; its own call unless `call_id` says otherwise."""
    lane = {"call.assistance": Lane.ASSIST}.get(kind, Lane.SOS)
    about = EventId(device, LIFE, number)
    values = {
        "id": about,
        "call_id": about,
        "kind": kind,
        "lane": lane,
        "device": device,
        "elder": "e-chen",
        "room": "hall",
        "wall_ms": 1_790_000_000_000 + number,
        "durable": True,
    }
    return Event(**(values | fields))


def reading(number: int, **fields: Any) -> Event:
    """A reading of a meter."""
    values = {
        "kind": "reading.pulse",
        "lane": Lane.READING,
        "call_id": None,
        "data": {"value": 70.5, "unit": "bpm"},
    }
    return press(number, **(values | fields))


class Counters:
    """The hub's counter store, as far as the paths see it. What it reserved is never given twice."""

    def __init__(self) -> None:
        self.next: dict[str, int] = {}
        self.lost: set[str] = set()
        self.failing = False
        self.may_return = threading.Event()
        self.may_return.set()

    def __call__(self, name: str, count: int) -> int:
        assert self.may_return.wait(60), "the test never let the disk go on"
        if name in self.lost:
            raise AnbanError(Reason.COUNTERS_LOST, f"the counter {name} is not known")
        if self.failing:
            raise sqlite3.OperationalError("disk I/O error")
        first = self.next.get(name, 0)
        self.next[name] = first + count
        return first


async def in_use(path: CoapPath, **contexts: str) -> None:
    """Wait until the path goes by these: a start waits a second for its numbers, a busy machine longer."""
    async with asyncio.timeout(60):
        while {purpose: path.contexts()[purpose] for purpose in contexts} != contexts:
            await asyncio.sleep(0.01)


class Home:
    """One hub's credentials, and paths made of them."""

    def __init__(self, credentials: dict[str, Any]) -> None:
        self.credentials = credentials
        self.keys = [msgspec.convert(context, OscoreKeys) for context in credentials["oscore"]]
        self.counters = Counters()
        self.opened: list[Any] = []

    async def coap(self, port: int, **options: Any) -> CoapPath:
        path = CoapPath(f"coap://127.0.0.1:{port}", self.keys, self.counters, **options)
        await path.open()
        self.opened.append(path)
        return path

    def https(self, platform: Platform, **options: Any) -> HttpsPath:
        info = platform.info
        values = {
            "port": info["https_port"],
            "ca_file": info["ca_file"],
            "token": self.credentials["https_token"],
        }
        values |= options
        path = HttpsPath(f"https://127.0.0.1:{values['port']}", values["ca_file"], values["token"])
        self.opened.append(path)
        return path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "platform"


@pytest.fixture
async def home(directory: Path) -> AsyncIterator[Home]:
    made = Home(provision(directory, "hub-01", ELDERS, DEVICES))
    yield made
    made.counters.may_return.set()
    for path in made.opened:
        await path.close()


@pytest.fixture
async def platform(directory: Path, home: Home) -> AsyncIterator[Platform]:
    async with running(directory) as started:
        yield started


class Wire(asyncio.DatagramProtocol):
    """A UDP line to a platform. It hands on what `passes(data, client)` lets through.

    `up` has a copy of every request, once: on a slow machine it is sent again, and an answer that took its
    time is acknowledged by an empty message (code 0.00).
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.passes: Callable[[bytes, tuple[str, int]], bool] = lambda data, client: True
        self.up: list[tuple[bytes, tuple[str, int]]] = []
        self._seen: set[bytes] = set()
        self.down: list[bytes] = []
        self.heard = asyncio.Event()
        self.port = 0
        self._far: dict[tuple[str, int], asyncio.DatagramTransport] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, client: tuple[str, int]) -> None:
        if data[1:2] != b"\x00" and data not in self._seen:
            self._seen.add(data)
            self.up.append((data, client))
            self.heard.set()
        if self.passes(data, client):
            task = asyncio.ensure_future(self._carry(data, client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, data: bytes, client: tuple[str, int]) -> None:
        if client not in self._far:
            wire = self

            class Far(asyncio.DatagramProtocol):
                def datagram_received(self, back: bytes, _: Any) -> None:
                    wire.down.append(back)
                    wire.transport.sendto(back, client)

            loop = asyncio.get_running_loop()
            self._far[client], _ = await loop.create_datagram_endpoint(Far, remote_addr=self.target)
        self._far[client].sendto(data)

    async def until(self, enough: Callable[[], bool]) -> None:
        """Wait until datagrams that came up make `enough()` true."""
        async with asyncio.timeout(60):
            while not enough():
                self.heard.clear()
                await self.heard.wait()

    def close(self) -> None:
        self.transport.close()
        for far in self._far.values():
            far.close()


@pytest.fixture
async def wire(platform: Platform) -> AsyncIterator[Wire]:
    loop = asyncio.get_running_loop()
    target = ("127.0.0.1", platform.info["coap_port"])
    _, made = await loop.create_datagram_endpoint(lambda: Wire(target), local_addr=("127.0.0.1", 0))
    yield made
    made.close()


@pytest.fixture
def rows(directory: Path) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Ask the platform's file from outside, as the ledger does."""
    connection = sqlite3.connect(f"file:{directory / 'platform.db'}?mode=ro", uri=True)
    yield lambda query: connection.execute(query).fetchall()
    connection.close()


numbers = itertools.count(1)
