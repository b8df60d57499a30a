"""The pendant's I2C bus from outside: the accelerometer runs on while the program sleeps, moved by a script.

The program's transactions come as JSON lines over a unix socket and are answered at once: {"a": address, "r":
register, "n": bytes} and {"a", "w": register, "d": hex} give {"d": hex} or {"e": errno}; {"c": 1} is a clock
by hand, {"s": 1} and {"l": 1} ask for the levels of the data line and of the interrupt line: {"v": level}.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sim.motion import UPRIGHT_MG, Sample
from sim.pendant import adxl367_chip, lis2dw12_chip
from sim.pendant.chip import Accelerometer

CHIPS = {"lis2dw12": lis2dw12_chip.Chip, "adxl367": adxl367_chip.Chip}
EIO = 5
PATIENCE_S = 0.6  # twice the time between two looks of an awake program; a real one is never so late
LOOK_S = 0.02  # half of a sample at 25 Hz: the line is told no later


class Bus:
    """A chip on a bus; `on_line(level)` hears of every change of its interrupt line."""

    def __init__(self, path: Path, on_line: Callable[[int], None], chip: str = "lis2dw12") -> None:
        self.path = path
        self._lost_s = 0.0  # time of a busy machine that was none for the chip
        self._most_s: float | None = None  # the chip's time goes no further until the program looks again
        self.chip: Accelerometer = CHIPS[chip](self._felt, self.now_s())
        self.line = self.chip.line
        self._on_line = on_line
        self._played: Sequence[Sample] = ()
        self._began_s = 0.0
        self._hz = 50
        self._still: Sample = UPRIGHT_MG
        self._server: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Serve the bus. Safe to call twice."""
        if self._server is None:
            self.path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def stop(self) -> None:
        """No bus any more."""
        if self._watching:
            self._watching.cancel()
        for writer in self._writers:
            writer.close()
        if self._server:
            self._server.close()
            self._server = None

    def now_s(self) -> float:
        """The chip's time. It waits for a program that this machine lets run too late; asleep it does not."""
        now_s = time.monotonic() - self._lost_s
        if self._most_s is not None and now_s > self._most_s:
            self._lost_s += now_s - self._most_s
            return self._most_s
        return now_s

    def begins(self, boot_s: float) -> None:
        """The program's chip wakes and looks after so long: what this machine takes more is no time."""
        self._most_s = self.now_s() + boot_s

    def naps(self, seconds: float) -> None:
        """The program's chip sleeps lightly: nobody will look for so long."""
        if self._most_s is not None:
            self._most_s = max(self._most_s, self.now_s() + seconds)

    def ends(self) -> None:
        """The program sleeps or is dead: nobody will look."""
        self.now_s()
        self._most_s = None

    def play(self, samples: Sequence[Sample], hz: int = 50) -> None:
        """Move the pendant so from now on, and leave it as the last sample has it."""
        self.look()
        self._played, self._hz, self._began_s = samples, hz, self.now_s()
        self._still = samples[-1]
        if self._watching:
            self._watching.cancel()
        self._watching = asyncio.create_task(self._watch(len(samples) / hz))

    def power_on(self) -> None:
        """Power came back: the chip is as the factory left it."""
        self.chip.reset()
        self.look()

    def look(self) -> None:
        """Let the chip live up to now, and tell of its line. Asleep, time stops where the line falls."""
        now_s = self.now_s()
        while (due_s := self.chip.due_s()) is not None and due_s <= now_s:
            self.chip.run(due_s)
            if self.chip.line != self.line and self._most_s is None:
                self._lost_s += now_s - due_s
                now_s = due_s
        self.chip.run(now_s)
        if self.chip.line != self.line:
            self.line = self.chip.line
            self._on_line(self.line)

    async def _watch(self, seconds: float) -> None:
        end = self._began_s + seconds + 0.1
        while self.now_s() < end:
            self.look()
            await asyncio.sleep(LOOK_S)

    def _felt(self, at_s: float) -> Sample:
        index = int((at_s - self._began_s) * self._hz)
        if 0 <= index < len(self._played):
            return self._played[index]
        return self._still if index >= 0 else (0, -1000, 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                writer.write(json.dumps(self._answer(json.loads(line))).encode() + b"\n")
        self._writers.discard(writer)
        writer.close()

    def _answer(self, asked: dict[str, object]) -> dict[str, object]:
        if "c" in asked:
            self.chip.clock()
            return {}
        if "s" in asked:
            return {"v": int(not self.chip.stuck)}
        if "l" in asked:
            self.look()
            return {"v": self.line}
        now_s = self.now_s()
        if self._most_s is not None:
            self._most_s = now_s + PATIENCE_S
        if asked.get("a") != self.chip.address:
            return {"e": EIO}
        try:
            if "w" in asked:
                self.chip.write(int(str(asked["w"])), bytes.fromhex(str(asked["d"])), now_s)
                data = b""
            else:
                data = self.chip.read(int(str(asked["r"])), int(str(asked["n"])), now_s)
        except OSError:
            return {"e": EIO}
        self.look()
        return {"d": data.hex()}
