"""The platform as one object: opens the store, both doors and the seat's page, and closes them in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sim.platform.certificates import ensure
from sim.platform.coap_server import serve_coap, stop_coap
from sim.platform.contexts import Contexts, next_epoch
from sim.platform.db import connect
from sim.platform.desk import Arrival
from sim.platform.resources import Bell, Resources
from sim.platform.store import Store, now_ms

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
LOOK_S = 5.0  # how often hubs that have fallen silent are looked for
READY_FILE = "platform.json"


class Platform:
    """A running platform. `ports` are 0 for "any free one"; `info` is what platform.json says."""

    def __init__(self, directory: Path, *, host: str = HOST) -> None:
        self.directory = directory
        self.host = host
        self.info: dict[str, Any] = {}
        self.bell = Bell()
        self.store: Store
        self.resources: Resources
        self._coap: Any = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, coap_port: int = 0, https_port: int = 0, seat_port: int = 0) -> None:
        """Open everything, then write DIR/platform.json."""
        (self.directory / READY_FILE).unlink(missing_ok=True)
        self._started_ms = now_ms()
        epoch = await asyncio.to_thread(self._prepare)
        self.store = Store(self.directory, self._arrived)
        self.resources = Resources(self.store, self.bell)
        contexts = Contexts(self.store.register, epoch)
        self._coap, coap_port = await serve_coap(self.resources, contexts, self.host, coap_port)
        self.info = {
            "host": self.host,
            "coap_port": coap_port,
            "ca_file": str(self._ca_file),
            "pid": os.getpid(),
        }
        self._write_ready()

    def _prepare(self) -> int:
        hosts = sorted({self.host, "127.0.0.1", "::1", "localhost"})
        self.directory.mkdir(parents=True, exist_ok=True)
        self._ca_file, self._cert_file, self._key_file = ensure(self.directory, hosts)
        db: sqlite3.Connection = connect(self.directory)
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

    async def stop(self) -> None:
        """Answer what is held, close the doors, finish the commits."""
        self.resources.close()
        if self._coap is not None:
            await stop_coap(self._coap)
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
