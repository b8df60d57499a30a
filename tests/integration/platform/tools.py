"""Servers, lines and requests made by hand, for tests of HTTPS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.platform.service import Platform
from sim.platform.web import WebServer


async def raw(
    platform: Platform, method: str, address: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """One request by hand."""
    context = ssl.create_default_context(cafile=platform.info["ca_file"])
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", platform.info["https_port"], ssl=context, server_hostname="127.0.0.1"
    )
    lines = [
        f"{method} {address} HTTP/1.1",
        "host: 127.0.0.1",
        "connection: close",
        f"content-length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    return int(first.split()[1]), dict(field.lower().split(": ", 1) for field in fields), rest


class _Server:
    def __init__(self, app: Any, certificate: Path, key: Path) -> None:
        def context(*_: Any) -> ssl.SSLContext:
            made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            made.load_cert_chain(certificate, key)
            return made

        self.web = WebServer(app, "127.0.0.1", 0, ssl_context_factory=context)

    async def __aenter__(self) -> int:
        await self.web.start()
        return self.web.port

    async def __aexit__(self, *_: Any) -> None:
        await self.web.stop()


def server(app: Any, certificate: Path, key: Path) -> _Server:
    return _Server(app, certificate, key)


class TcpWire:
    """A TCP line that counts connections, and can fall silent or be cut.

    While `silent`, a connection on which a byte moves is silent for good: what follows the swallowed bytes
    would be no TLS any more. `swallowed` counts the connections that lost something of the client's.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.connections = 0
        self.silent = False
        self._asking: set[int] = set()
        self._silent: set[int] = set()
        self.drop_at_next_byte = False
        self._writers: list[asyncio.StreamWriter] = []
        self._changed = asyncio.Event()

    async def __aenter__(self) -> TcpWire:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._server.close()
        self.drop()

    @property
    def swallowed(self) -> int:
        return len(self._asking)

    def drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not enough():
                self._changed.clear()
                await self._changed.wait()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self._changed.set()
        far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
        mine = (writer, far)
        self._writers += mine
        await asyncio.gather(
            self._pump(number, reader, far, mine), self._pump(number, far_reader, writer, mine)
        )

    async def _pump(
        self,
        number: int,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        both: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
    ) -> None:
        try:
            while data := await source.read(65_536):
                if self.drop_at_next_byte:
                    self.drop_at_next_byte = False
                    for writer in both:
                        writer.transport.abort()
                    return
                if self.silent:
                    self._silent.add(number)
                if number in self._silent:
                    if sink is both[1]:
                        self._asking.add(number)
                    self._changed.set()
                else:
                    sink.write(data)
            sink.close()
        except OSError:
            pass


def tcp_wire(target: int) -> TcpWire:
    return TcpWire(target)
