"""One serial port: one reader thread that never dies silently, writes off the loop.

Open it by /dev/serial/by-path: after a re-enumeration the ttyUSB numbers are others.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

from protocols.errors import AnbanError, Reason

READ_S: Final = 0.2  # how long the reader waits before it looks whether it is to end
WRITE_S: Final = 2.0  # a command has less than 400 bytes; a modem that takes none for so long hangs
BAUD: Final = 115_200  # USB ports take any


class Port(Protocol):
    """What a channel works on."""

    async def write(self, data: bytes) -> None:
        """Write all of it. AnbanError(MODEM_LOST)."""
        ...

    async def close(self) -> None: ...


Opener = Callable[[Callable[[bytes], None], Callable[[], None]], "Any"]
"""(on bytes, on lost) -> an awaitable Port. AnbanError(MODEM_LOST) where there is none."""


class SerialPort:
    """A port of pyserial. `on_bytes` and `on_lost` are called on the loop."""

    def __init__(self, serial: Any, on_bytes: Callable[[bytes], None], on_lost: Callable[[], None]) -> None:
        self._serial = serial
        self._on_bytes, self._on_lost = on_bytes, on_lost
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._thread = threading.Thread(target=self._read, name="modem reader", daemon=True)
        self._thread.start()

    async def write(self, data: bytes) -> None:
        """See `Port`."""
        try:
            await asyncio.to_thread(self._serial.write, data)
        except OSError as error:  # SerialException is one, its timeout too
            raise lost() from error

    async def close(self) -> None:
        """Let go of the port; nothing is read after this."""
        self._closed = True
        await asyncio.to_thread(self._thread.join, 2 * READ_S)
        await asyncio.to_thread(self._serial.close)

    def _read(self) -> None:
        """The one reader: until it is closed or the port is gone; however it ends, it says so."""
        try:
            while not self._closed:
                data = self._serial.read(max(1, self._serial.in_waiting))
                if data:
                    self._tell(self._on_bytes, data)
        except (OSError, TypeError, ValueError):  # gone (errno 5), or closed under us
            pass
        finally:
            if not self._closed:
                self._tell(self._on_lost)

    def _tell(self, listener: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(listener, *arguments)
        except RuntimeError:  # the loop has ended: nobody listens
            self._closed = True


def serial_opener(path: str) -> Opener:
    """Opens the serial port at a path, whenever called."""

    async def open_port(on_bytes: Callable[[bytes], None], on_lost: Callable[[], None]) -> Port:
        def connect() -> Any:
            import serial  # here: a hub without a modem does not load it

            return serial.Serial(path, BAUD, timeout=READ_S, write_timeout=WRITE_S, exclusive=True)

        try:
            opened = await asyncio.to_thread(connect)
        except (OSError, ValueError) as error:
            raise lost() from error
        return SerialPort(opened, on_bytes, on_lost)

    return open_port


def lost() -> AnbanError:
    """The error of a port that is not there."""
    return AnbanError(Reason.MODEM_LOST, "the modem's port is gone", "Check its plug and its supply.")
