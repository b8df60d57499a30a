"""What of the world the hub is given when it is put together: clock, pins, radio, modem."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from drivers.ble.ports import AdapterPort
from drivers.modem.port import Opener, serial_opener
from drivers.pi.pins import Pin, PinFactory
from drivers.pi.power import SYSFS
from edge.clock import SystemClock


@dataclass(frozen=True, slots=True)
class Ports:
    """The machine below the hub. `adapters()` opens the Bluetooth adapters that are there now."""

    clock: SystemClock
    pin_factory: Callable[[], PinFactory]
    adapters: Callable[[], Awaitable[Sequence[AdapterPort]]]
    power_supplies: Path = SYSFS
    feed_watchdog: Callable[[], None] = lambda: None
    room_card: tuple[str, ...] = ()  # PulseAudio's lines in place of those of [audio]: drivers/pi/room.py
    modem_port: Callable[[str], Opener] = serial_opener


class LazyPins:
    """A pin factory that is opened on first use: a hub whose pins fail still sends what pendants say."""

    def __init__(self, open_factory: Callable[[], PinFactory]) -> None:
        self._open = open_factory
        self._factory: PinFactory | None = None

    def _now(self) -> PinFactory:
        if self._factory is None:
            self._factory = self._open()
        return self._factory

    def pin(self, name: int | str) -> Pin:
        """See PinFactory. AnbanError(PINS_DOWN) where there are none."""
        return self._now().pin(name)

    def ticks(self) -> float:
        """See PinFactory."""
        return self._now().ticks()

    def ticks_diff(self, later: float, earlier: float) -> float:
        """See PinFactory."""
        return self._now().ticks_diff(later, earlier)

    def close(self) -> None:
        """See PinFactory."""
        if self._factory is not None:
            self._factory.close()
