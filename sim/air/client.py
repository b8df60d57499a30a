"""Drive the air daemon from another process: `air = await AirControl(dir).open(); await air.jam(db=40)`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

_LINE_LIMIT = 1 << 20


class AirError(Exception):
    """The daemon refused an operation, or is not there."""


class AirControl:
    """A client of DIR/ctl.sock. Every operation of sim.air.station.Station is a method here: same arguments
    (by keyword), same result; a refusal raises AirError with the daemon's sentence."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._turn = asyncio.Lock()

    async def open(self, timeout_s: float = 10.0) -> AirControl:
        """Connect; waits until a daemon that is still starting has opened its socket."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            try:
                path = str(self.directory / "ctl.sock")
                self._reader, self._writer = await asyncio.open_unix_connection(path, limit=_LINE_LIMIT)
                return self
            except (FileNotFoundError, ConnectionRefusedError) as e:
                if asyncio.get_running_loop().time() > deadline:
                    raise AirError(f"no air daemon at {path}") from e
                await asyncio.sleep(0.02)

    async def call(self, op: str, **arguments: Any) -> Any:
        """One operation by name."""
        if self._reader is None or self._writer is None:
            await self.open()
        assert self._reader is not None
        assert self._writer is not None
        async with self._turn:
            self._writer.write(json.dumps({"op": op, **arguments}).encode() + b"\n")
            line = await self._reader.readline()
        if not line:
            raise AirError("the air daemon is gone")
        answer = json.loads(line)
        if not answer["ok"]:
            raise AirError(answer["error"])
        return answer["result"]

    def __getattr__(self, op: str) -> Any:
        if op.startswith("_"):
            raise AttributeError(op)

        async def operation(**arguments: Any) -> Any:
            return await self.call(op, **arguments)

        return operation

    async def close(self) -> None:
        """Hang up; the daemon goes on."""
        if self._writer:
            self._writer.close()
            self._reader = self._writer = None
