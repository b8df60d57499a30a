"""The disk that can lose its power, and its server: what was flushed stays, and nothing else is promised."""

from __future__ import annotations

import asyncio
import random
import struct
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vm.cuts import fuse
from tests.vm.disk import SECTOR, Disk
from tests.vm.nbd import NbdServer

SECTORS = 16
READ, WRITE, FLUSH = 0, 1, 3


def filled(byte: int, sectors: int = 1) -> bytes:
    return bytes([byte]) * (SECTOR * sectors)


def blank() -> Disk:
    return Disk(bytearray(SECTOR * SECTORS))


writes = st.lists(st.tuples(st.integers(0, SECTORS - 4), st.integers(1, 4), st.integers(1, 255)), max_size=12)


@given(before=writes, after=writes, seed=st.integers(0, 1000))
def test_a_cut_leaves_each_sector_as_flushed_or_as_one_of_the_later_writes(
    before: list[tuple[int, int, int]], after: list[tuple[int, int, int]], seed: int
) -> None:
    disk = blank()
    for at, sectors, byte in before:
        disk.write(at * SECTOR, filled(byte, sectors))
    disk.flush()
    allowed = [{disk.read(number * SECTOR, SECTOR)} for number in range(SECTORS)]
    for at, sectors, byte in after:
        disk.write(at * SECTOR, filled(byte, sectors))
        for number in range(at, at + sectors):
            allowed[number].add(filled(byte))
            assert disk.read(number * SECTOR, SECTOR) == filled(byte)
    disk.cut(random.Random(seed))
    for number in range(SECTORS):
        assert disk.read(number * SECTOR, SECTOR) in allowed[number]
    assert disk.seen == disk.platter
    assert not disk.waiting


def test_some_cut_loses_all_some_tears_a_write_and_some_takes_nothing() -> None:
    fates = set()
    for seed in range(60):
        disk = blank()
        disk.write(0, filled(7, 8))
        disk.cut(random.Random(seed))
        kept = disk.counts.kept_sectors
        fates.add("none" if kept == 0 else "all" if kept == 8 else "torn")
    assert fates == {"none", "torn", "all"}


def test_a_disk_that_lies_about_its_flush_loses_what_it_promised() -> None:
    disk = Disk(bytearray(SECTOR * SECTORS), obeys_flush=False)
    disk.write(0, filled(7))
    disk.flush()
    disk.cut(random.Random(0))
    assert disk.counts.lost_sectors + disk.counts.kept_sectors == 1  # it was still luck


class Client:
    """As much of an NBD client as qemu is."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, path: Path) -> Client:
        client = cls(*await asyncio.open_unix_connection(str(path)))
        assert await client.reader.readexactly(18) == b"NBDMAGICIHAVEOPT\x00\x03"
        client.writer.write(struct.pack(">I", 3))
        client.option(8)  # structured replies: not spoken here
        assert await client.reply() == (8, 0x80000001, b"")
        client.option(7, struct.pack(">IH", 0, 0))
        kinds = [await client.reply() for _ in range(3)]
        assert struct.unpack(">HQH", kinds[0][2]) == (0, SECTOR * SECTORS, 5)
        assert [kind for _, kind, _ in kinds] == [3, 3, 1]
        return client

    def option(self, number: int, data: bytes = b"") -> None:
        self.writer.write(b"IHAVEOPT" + struct.pack(">II", number, len(data)) + data)

    async def reply(self) -> tuple[int, int, bytes]:
        magic, option, kind, length = struct.unpack(">QIII", await self.reader.readexactly(20))
        assert magic == 0x3E889045565A9
        return option, kind, await self.reader.readexactly(length)

    async def ask(
        self, command: int, offset: int = 0, length: int = 0, data: bytes = b""
    ) -> tuple[int, bytes]:
        self.writer.write(
            struct.pack(">IHHQQI", 0x25609513, 0, command, 77, offset, length or len(data)) + data
        )
        magic, error, cookie = struct.unpack(">IIQ", await self.reader.readexactly(16))
        assert (magic, cookie) == (0x67446698, 77)
        return error, await self.reader.readexactly(length if command == READ and not error else 0)


@pytest.fixture
async def server() -> AsyncIterator[NbdServer]:
    with tempfile.TemporaryDirectory(prefix="nbd") as place:
        async with NbdServer(blank(), Path(place) / "disk") as server:
            yield server


async def test_qemus_requests_are_carried_out(server: NbdServer) -> None:
    client = await Client.connect(server.socket)
    assert await client.ask(WRITE, SECTOR, data=filled(5)) == (0, b"")
    assert await client.ask(READ, SECTOR, SECTOR) == (0, filled(5))
    assert server.disk.platter[SECTOR] == 0
    assert await client.ask(FLUSH) == (0, b"")
    assert server.disk.platter[SECTOR] == 5
    assert (await client.ask(READ, SECTOR * SECTORS, SECTOR))[0] != 0
    assert (await client.ask(READ, 1, SECTOR))[0] != 0
    assert (await client.ask(99))[0] != 0


async def test_when_the_power_goes_at_a_flush_it_is_not_answered_and_nothing_is_flushed(
    server: NbdServer,
) -> None:
    client = await Client.connect(server.socket)
    server.on_request = fuse(2)
    await client.ask(WRITE, 0, data=filled(5))
    unanswered = asyncio.ensure_future(client.ask(FLUSH))
    await asyncio.wait_for(server.dark.wait(), 5)
    assert not unanswered.done()
    assert server.disk.platter[0] == 0
    client.writer.close()
    unanswered.cancel()
    await asyncio.gather(unanswered, return_exceptions=True)
