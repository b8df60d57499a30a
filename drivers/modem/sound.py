"""The sound of a call on a modem's serial port (SIM7600: 8 kHz, signed 16 bit, one channel), and the room's.

PulseAudio's own programs carry it: parec writes what the microphone brings to the port, pacat plays what the
port brings. None of it passes through the hub.
"""

from __future__ import annotations

import os
import termios
import tty
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from drivers.child import Child, Order

RATE: Final = 8000
LATENCY_MS: Final = 60  # three of the modem's own blocks of 20 ms


class Rooms(Protocol):
    """`drivers.pi.room.Room`, as far as a line joins it."""

    @property
    def environment(self) -> Mapping[str, str]: ...


class SerialSound:
    """Carries between a port and the room, both ways, while it is open."""

    def __init__(self, port: str, room: Rooms, microphone: str, speaker: str) -> None:
        self._port, self._room = Path(port), room
        self._devices = {"parec": microphone, "pacat": speaker}
        self._children: list[Child] = []

    @property
    def is_open(self) -> bool:
        """Whether both directions are carried."""
        return bool(self._children) and not any(child.ended.is_set() for child in self._children)

    async def open(self) -> None:
        """AnbanError(NOT_READY): no port, or no program; nothing is carried then."""
        await self.close()
        try:
            for program in self._devices:
                child = Child(program, lambda program=program: self._order(program))  # type: ignore[misc]
                self._children.append(child)
                await child.start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Carry nothing."""
        children, self._children = self._children, []
        for child in children:
            await child.stop()

    def _order(self, program: str) -> Order:
        port = opened(self._port)
        command = (
            *(program, "--raw", f"--rate={RATE}", "--format=s16le", "--channels=1"),
            *(f"--latency-msec={LATENCY_MS}", "-d", self._devices[program]),
        )
        if program == "parec":
            return Order(command=command, environment=self._room.environment, stdout=port)
        return Order(command=command, environment=self._room.environment, stdin=port)


def opened(path: Path) -> int:
    """The port as a descriptor: raw, and without what it held of an earlier call. OSError."""
    port = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(port)
        termios.tcflush(port, termios.TCIFLUSH)
        os.set_blocking(port, True)
    except (OSError, termios.error) as error:
        os.close(port)
        raise OSError(5, "not a serial port") from error
    return port
