"""The hub's own page beside a hub of the home: a process as on a real one, and the link that opens it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from edge.api import ask
from edge.page.serve import door_of
from protocols.errors import AnbanError
from sim.home.process import Child


class HubPage:
    """`anban hub page` on a free port of the loopback interface."""

    def __init__(self, hub: Path, logs: Path) -> None:
        """`hub`: the folder of a HubRig."""
        self.socket = hub / "run" / "hub.sock"
        self.door = door_of(self.socket)
        arguments = ["-m", "anban", "hub", "page", "--port", "0", "--socket", str(self.socket)]
        self.child = Child(f"{hub.name}-page", arguments, logs)

    async def start(self) -> None:
        """Start it, and wait until it gives links. ChildError."""
        self.door.unlink(missing_ok=True)
        await self.child.start(self.door.is_socket)

    async def link(self) -> str:
        """A link that opens it once; empty while it does not answer."""
        try:
            return str((await asyncio.to_thread(ask, self.door, "link"))["link"])
        except AnbanError:
            return ""

    async def stop(self) -> None:
        await self.child.stop()
