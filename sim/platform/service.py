"""The platform as one object: opens the store, both doors and the seat's page, and closes them in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sim.platform.certificates import ensure
from sim.platform.coap_server import serve_coap, stop_coap
from sim.platform.contexts import Contexts, next_epoch
from sim.platform.db import connect
from sim.platform.desk import Arrival
from sim.platform.faults import SILENT, silent_hubs
from sim.platform.https_server import HttpsDoor, https_server
from sim.platform.resources import Bell, Resources
from sim.platform.seat import TOKEN_FILE, Seat, seat_token
from sim.platform.store import Store, now_ms
from sim.platform.texts import Texts
from sim.platform.web import WebServer

HOST = "127.0.0.1"
LOOK_S = 5.0  # how often hubs that have fallen silent are looked for
READY_FILE = "platform.json"


class Platform:
    """A running platform. `ports` are 0 for "any free one"; `info` is what platform.json says."""

    def __init__(self, directory: Path, *, host: str = HOST, modem: Path | None = None) -> None:
        self.directory, self._modem = directory, modem
        self.texts: Texts | None = None
        self.host = host
        self.info: dict[str, Any] = {}
        self.bell = Bell()
        self.store: Store
        self.resources: Resources
        self.seat: Seat
        self._coap: Any = None
        self._webs: list[WebServer] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, coap_port: int = 0, https_port: int = 0, seat_port: int = 0) -> None:
        """Open everything, then write DIR/platform.json."""
        (self.directory / READY_FILE).unlink(missing_ok=True)
        self._started_ms = now_ms()
        epoch = await asyncio.to_thread(self._prepare)
        self.store = Store(self.directory, self._arrived)
        self.resources = Resources(self.store, self.bell)
        self.seat = Seat(self.store, self._token)
        if self._modem is not None:
            self.texts = Texts(self.store, self._modem, lambda hub: self.resources.heard_ms.get(hub, 0))
            self.seat.on_command = self.texts.ask
            self._tasks.append(asyncio.create_task(self.texts.run(), name="texts"))
        contexts = Contexts(self.store.register, epoch)
        door = HttpsDoor(self.resources, self.store.register)
        https = https_server(door, self.host, https_port, self._cert_file, self._key_file)
        seat = WebServer(self.seat.app, HOST, seat_port)
        self._webs = [https, seat]
        self._coap, coap_port = await serve_coap(self.resources, contexts, self.host, coap_port)
        for web in self._webs:
            await web.start()
        self._tasks.append(asyncio.create_task(self._watch(), name="silent hubs"))
        self.info = {
            "host": self.host,
            "coap_port": coap_port,
            "https_port": https.port,
            "seat_port": seat.port,
            "ca_file": str(self._ca_file),
            "seat_token_file": str(self.directory / TOKEN_FILE),
            "pid": os.getpid(),
        }
        self._write_ready()

    @property
    def seat_url(self) -> str:
        """The seat's page with its token: whoever has this address is at the seat."""
        return f"http://{HOST}:{self.info['seat_port']}/#token={self._token}"

    def _prepare(self) -> int:
        hosts = sorted({self.host, "127.0.0.1", "::1", "localhost"})
        self.directory.mkdir(parents=True, exist_ok=True)
        self._ca_file, self._cert_file, self._key_file = ensure(self.directory, hosts)
        self._token = seat_token(self.directory)
        db = connect(self.directory)
        try:
            return next_epoch(db)
        finally:
            db.close()

    def _write_ready(self) -> None:
        half = self.directory / f"{READY_FILE}.new"
        half.write_text(json.dumps(self.info, indent=1))
        half.replace(self.directory / READY_FILE)

    def _arrived(self, arrival: Arrival) -> None:
        for hub in arrival.hubs:
            self.bell.ring(hub)
        self.seat.tell(arrival)
        if self.texts is not None:
            self.texts.arrived(arrival)

    async def _watch(self) -> None:
        """Look for hubs that have fallen silent. What was before this start is not held against them."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.store.register.refresh()
            await self.look_for_silent_hubs(now_ms())

    async def look_for_silent_hubs(self, at_ms: int) -> None:
        """Raise the fault of each hub that was not heard of in time, end that of each that was."""
        heard = {hub: max(ms, self._started_ms) for hub, ms in self.store.heard().items()}
        silent = silent_hubs(heard, at_ms)
        standing = {fault.hub for fault in self.store.standing_faults() if fault.fault == SILENT}
        wrong = {hub: (hub in silent, heard[hub]) for hub in heard if (hub in silent) != (hub in standing)}
        if wrong:
            await self.store.set_silent(wrong)

    async def stop(self) -> None:
        """Answer what is held, close the doors, finish the commits."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.texts is not None:
            self.texts.close()
        self.resources.close()
        self.seat.close()
        if self._coap is not None:
            await stop_coap(self._coap)
        await asyncio.gather(*(web.stop() for web in self._webs))
        self.store.close()


@contextlib.asynccontextmanager
async def running(directory: Path, **ports: int) -> AsyncIterator[Platform]:
    """A platform in this loop, for tests."""
    platform = Platform(directory)
    await platform.start(**ports)
    try:
        yield platform
    finally:
        await platform.stop()
