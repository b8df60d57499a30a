"""What the drivers of this folder need of pins: the part of gpiozero's pin interface that they use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

from protocols.errors import AnbanError, Reason

WhenChanged = Callable[[float, int], None]  # (ticks of the pin factory, level 0 or 1), on any thread


class Pin(Protocol):
    """A pin as gpiozero.Pin has it. It keeps only a weak reference to `when_changed`."""

    function: str
    pull: str
    edges: str
    bounce: float | None
    state: float
    when_changed: WhenChanged | None


class PinFactory(Protocol):
    """A gpiozero pin factory: LGPIOFactory on a Pi, MockFactory in tests."""

    def pin(self, name: int | str) -> Pin:
        """The pin with this BCM number."""

    def ticks(self) -> float:
        """The factory's own present time, to compare with the ticks of an edge."""

    def ticks_diff(self, later: float, earlier: float) -> float:
        """Seconds between two ticks."""

    def close(self) -> None:
        """Give all pins back."""


def open_pins() -> PinFactory:
    """The pins of this Raspberry Pi through lgpio. AnbanError(PINS_DOWN) where there are none.

    Imported on first use, so that a machine without pins can run everything else.
    """
    try:
        from gpiozero.pins.lgpio import LGPIOFactory
    except ImportError as error:
        raise AnbanError(
            Reason.PINS_DOWN,
            f"{error.name} cannot be imported",
            "Install lgpio; with Python 3.13 on aarch64, Debian's python3-lgpio.",
        ) from error
    try:
        factory: PinFactory = LGPIOFactory()
    except pin_errors() as error:
        raise AnbanError(
            Reason.PINS_DOWN,
            f"the pins cannot be opened: {error}",
            "Run on a Raspberry Pi, as a member of the group gpio.",
        ) from error
    return factory


def pin_errors() -> tuple[type[Exception], ...]:
    """What a failing pin may raise: gpiozero's and lgpio's own errors, where these libraries are loaded."""
    found: list[type[Exception]] = [OSError, ValueError]
    for module, name in (("gpiozero.exc", "GPIOZeroError"), ("lgpio", "error")):
        if module in sys.modules:
            found.append(getattr(sys.modules[module], name))
    return tuple(found)
