"""A server of one Disk for qemu, by the NBD protocol (github.com/NetworkBlockDevice/nbd, doc/proto.md).

Fixed newstyle, simple replies, one export. Requests of one connection are carried out in the order in which
they come, so that a flush covers every write that was answered before it. `on_request` is called before each
one with its name: raising `PowerCut` there ends the power at that very operation, which is not carried out.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.vm.disk import SECTOR, Disk

_MAGIC, _OPTION, _REPLY = b"NBDMAGIC", b"IHAVEOPT", 0x3E889045565A9
_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2
_OPT_EXPORT_NAME, _OPT_ABORT, _OPT_INFO, _OPT_GO = 1, 2, 6, 7
_REP_ACK, _REP_INFO, _REP_ERR_UNSUP = 1, 3, 0x80000001
_INFO_EXPORT, _INFO_BLOCK_SIZE = 0, 3
_HAS_FLAGS, _SEND_FLUSH = 1, 4  # no FUA: the guest then writes and flushes
_REQUEST, _SIMPLE_REPLY = 0x25609513, 0x67446698
_READ, _WRITE, _DISCONNECT, _FLUSH = 0, 1, 2, 3
_NAMES: Final = {_READ: "read", _WRITE: "write", _FLUSH: "flush"}
_EINVAL = 22


class PowerCut(Exception):
    """The power is gone: nothing is answered any more."""


class NbdServer:
    """`async with NbdServer(disk, socket) as server:` and qemu's `file=server.uri`."""

    def __init__(self, disk: Disk, socket: Path) -> None:
        self.disk, self.socket = disk, socket
        self.on_request: Callable[[str], None] = lambda name: None
        self.dark = asyncio.Event()  # the power is gone
        self._server: asyncio.AbstractServer | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def uri(self) -> str:
        """What qemu calls this disk."""
        return f"nbd:unix:{self.socket}"

    async def __aenter__(self) -> NbdServer:
        self._server = await asyncio.start_unix_server(self._serve, str(self.socket), limit=1 << 22)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.pull()
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    def pull(self) -> None:
        """Pull the cable: no request is answered any more."""
        self.dark.set()

    def plug(self) -> None:
        """Let the next machine connect."""
        self.dark.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if not self.dark.is_set() and await self._negotiate(reader, writer):
                await self._transmit(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except PowerCut:  # not even an error is answered
            self.dark.set()
            with contextlib.suppress(ConnectionError):
                while await reader.read(1 << 16):
                    pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    # ---- negotiation ----

    async def _negotiate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(_MAGIC + _OPTION + struct.pack(">H", _FIXED_NEWSTYLE | _NO_ZEROES))
        client_flags = struct.unpack(">I", await reader.readexactly(4))[0]
        size_and_flags = struct.pack(">QH", self.disk.size, _HAS_FLAGS | _SEND_FLUSH)
        while True:
            magic, option, length = struct.unpack(">8sII", await reader.readexactly(16))
            if magic != _OPTION or length > 1 << 16:
                return False
            await reader.readexactly(length)  # one export, whatever its name
            if option == _OPT_EXPORT_NAME:
                writer.write(size_and_flags + bytes(0 if client_flags & _NO_ZEROES else 124))
                return True
            if option in (_OPT_GO, _OPT_INFO):
                self._reply(writer, option, _REP_INFO, struct.pack(">H", _INFO_EXPORT) + size_and_flags)
                sizes = struct.pack(">HIII", _INFO_BLOCK_SIZE, SECTOR, 4096, 1 << 22)
                self._reply(writer, option, _REP_INFO, sizes)
                self._reply(writer, option, _REP_ACK)
                if option == _OPT_GO:
                    return True
            elif option == _OPT_ABORT:
                self._reply(writer, option, _REP_ACK)
                return False
            else:
                self._reply(writer, option, _REP_ERR_UNSUP)

    @staticmethod
    def _reply(writer: asyncio.StreamWriter, option: int, kind: int, data: bytes = b"") -> None:
        writer.write(struct.pack(">QIII", _REPLY, option, kind, len(data)) + data)

    # ---- transmission ----

    async def _transmit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            header = await reader.readexactly(28)
            magic, _flags, command, cookie, offset, length = struct.unpack(">IHHQQI", header)
            if magic != _REQUEST or command == _DISCONNECT:
                return
            data = await reader.readexactly(length) if command == _WRITE else b""
            if self.dark.is_set():
                raise PowerCut
            if command in _NAMES:
                self.on_request(_NAMES[command])
            error, answer = self._carry_out(command, offset, length, data)
            writer.write(struct.pack(">IIQ", _SIMPLE_REPLY, error, cookie) + answer)
            with contextlib.suppress(ConnectionError):
                await writer.drain()

    def _carry_out(self, command: int, offset: int, length: int, data: bytes) -> tuple[int, bytes]:
        try:
            if command == _READ:
                return 0, self.disk.read(offset, length)
            if command == _WRITE:
                self.disk.write(offset, data)
            elif command == _FLUSH:
                self.disk.flush()
            else:
                return _EINVAL, b""
        except ValueError:
            return _EINVAL, b""
        return 0, b""
