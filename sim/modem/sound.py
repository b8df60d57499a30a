"""The sound of a modem's call on a serial port: 8 kHz, signed 16 bit, a block every 20 ms, both ways.

What the other side says is a tone; what comes from the hub is kept for whoever listens. The port is deaf and
mute unless a call stands and the modem was told to bring its sound here (AT+CPCMREG=1).
"""

from __future__ import annotations

import array
import asyncio
import math
from collections.abc import Callable
from pathlib import Path

from sim.modem.wire import Wire

RATE = 8000
BLOCK_S = 0.02
LEVEL = 8000


class SimSound:
    """Plugged with its modem. `talking()`: whether a call stands."""

    def __init__(self, path: Path, hertz: float, talking: Callable[[], bool]) -> None:
        self.path, self._hertz, self._talking = path, hertz, talking
        self.registered = False
        self.heard = array.array("h")  # what the other side hears of the room
        self._odd = b""
        self._at = 0
        self._wire = Wire(path, self._read)
        self._task: asyncio.Task[None] | None = None

    def plug(self) -> None:
        self._wire.plug()
        self._task = asyncio.create_task(self._speak(), name="modem sound")

    async def unplug(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._wire.unplug()

    def _read(self, data: bytes) -> None:
        if not (self.registered and self._talking()):
            return
        data = self._odd + data
        self._odd = data[len(data) // 2 * 2 :]
        self.heard.frombytes(data[: len(data) // 2 * 2])

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        step, block, due = 2 * math.pi * self._hertz / RATE, round(RATE * BLOCK_S), loop.time()
        while True:
            due += BLOCK_S
            await asyncio.sleep(max(0.0, due - loop.time()))
            if self.registered and self._talking():
                wave = (round(LEVEL * math.sin(step * n)) for n in range(self._at, self._at + block))
                self._wire.write(array.array("h", wave).tobytes())
                self._at += block
            else:
                self.registered &= self._talking()
