"""A board process's place at the air's line protocol, in CPython: what the MicroPython shim does."""

from __future__ import annotations

import asyncio
import json
from typing import Any

SERVICE = "5a3b0001-0000-4000-8000-00805f9b34fb"
WRITE = "5a3b0002-0000-4000-8000-00805f9b34fb"
INDICATE = "5a3b0003-0000-4000-8000-00805f9b34fb"


def little(uuid: str) -> str:
    """A UUID as the line protocol wants it."""
    return bytes.fromhex(uuid.replace("-", ""))[::-1].hex()


class LineBoard:
    """Speaks the protocol; `events` holds what came, `on_event` may answer at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.on_event: Any = None

    async def open(self) -> LineBoard:
        self.reader, self.writer = await asyncio.open_unix_connection(self.path)
        self.task = asyncio.create_task(self._read())
        return self

    async def _read(self) -> None:
        async for line in self.reader:
            event = json.loads(line)
            if self.on_event:
                self.on_event(event)
            self.events.put_nowait(event)

    def say(self, **request: Any) -> None:
        self.writer.write(json.dumps(request).encode() + b"\n")

    def raw(self, line: bytes) -> None:
        self.writer.write(line + b"\n")

    async def next(self, number: int) -> dict[str, Any]:
        """The next event with this number; others are passed over."""
        while True:
            event = await asyncio.wait_for(self.events.get(), 60)
            if event["e"] == number:
                return event

    async def ping(self) -> None:
        self.say(op="ping", n=7)
        await self.next(-2)

    async def close(self) -> None:
        self.writer.close()
        self.task.cancel()

    def services(self) -> None:
        """The two characteristics of a link: one to write to (handle 3), one that indicates (handle 6)."""
        self.say(op="svc", s=[[little(SERVICE), [[little(WRITE), 8, 3], [little(INDICATE), 32, 6]]]])
