"""A serial port that is no hardware: a pty under a path, plugged in and out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

READ = 4096


class AnyWire(Protocol):
    """A serial port as a modem sees it."""

    def plug(self) -> None: ...

    def unplug(self) -> None: ...

    def write(self, data: bytes) -> None: ...


class Wire:
    """`on_data` gets what whoever opened PATH has written."""

    def __init__(self, path: Path, on_data: Callable[[bytes], None]) -> None:
        self.path, self._on_data = path, on_data
        self._master: int | None = None
        self._slave: int | None = None

    def plug(self) -> None:
        """Make the port."""
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def unplug(self) -> None:
        """The port vanishes, whoever has it open."""
        if self._master is None or self._slave is None:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self.path.unlink(missing_ok=True)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = None

    def write(self, data: bytes) -> None:
        """To whoever has it open."""
        if self._master is not None:
            with contextlib.suppress(OSError):  # nobody reads: the line is full
                os.write(self._master, data)

    def _read(self) -> None:
        try:
            data = os.read(self._master, READ) if self._master is not None else b""
        except (BlockingIOError, OSError):
            return
        self._on_data(data)
