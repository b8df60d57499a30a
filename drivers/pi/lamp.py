"""Shows one colour in one pattern: the lamp of the hub, three pins, one for each colour."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Mapping

from drivers.pi.pins import Pin, PinFactory, pin_errors
from protocols.errors import AnbanError, Reason

BLINK_S = 0.5  # half a period: 1 Hz is seen by the corner of an eye, and safe (WCAG 2.3.1 forbids 3 Hz)


class Colour(enum.StrEnum):
    """What the lamp can show."""

    AMBER = "amber"
    GREEN = "green"
    RED = "red"


class Pattern(enum.StrEnum):
    """How it shows it."""

    OFF = "off"
    STEADY = "steady"
    BLINK = "blink"


def lit(pattern: Pattern, half_periods: int) -> bool:
    """Whether the lamp burns, so many half periods after the pattern began."""
    return pattern is Pattern.STEADY or (pattern is Pattern.BLINK and half_periods % 2 == 0)


class Lamp:
    """A lamp on pins `{"amber": BCM, "green": BCM, "red": BCM}`, level 1 = lit; never two colours at once.

    `set` only states what is wanted. `run()` is a task for the supervisor: it shows that, and raises
    AnbanError(PINS_DOWN) when a pin fails; restarted, it shows what is wanted then.
    """

    def __init__(self, pin_factory: PinFactory, pins: Mapping[str, int]) -> None:
        self._factory = pin_factory
        self._numbers = {Colour(colour): number for colour, number in pins.items()}
        self._pins: dict[Colour, Pin] = {}
        self._changed = asyncio.Event()
        self.colour = Colour.AMBER
        self.pattern = Pattern.OFF

    def set(self, colour: str, pattern: str) -> None:
        """Show `colour` in `pattern` from now on. ValueError for a name that is not in the two lists."""
        wanted = Colour(colour), Pattern(pattern)
        if wanted[0] not in self._numbers:
            raise ValueError(f"this lamp has no {wanted[0]}")
        if wanted != (self.colour, self.pattern):
            self.colour, self.pattern = wanted
            self._changed.set()

    async def run(self) -> None:
        """Show what is wanted until cancelled, then go dark."""
        try:
            self._claim()
            while True:
                self._changed.clear()
                await self._show(self.colour, self.pattern)
        finally:
            with contextlib.suppress(AnbanError):
                self._write(None)

    async def _show(self, colour: Colour, pattern: Pattern) -> None:
        half_periods = 0
        while not self._changed.is_set():
            self._write(colour if lit(pattern, half_periods) else None)
            half_periods += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BLINK_S if pattern is Pattern.BLINK else None):
                    await self._changed.wait()

    def _claim(self) -> None:
        try:
            for colour, number in self._numbers.items():
                pin = self._factory.pin(number)
                pin.function = "output"
                self._pins[colour] = pin
        except pin_errors() as error:
            raise _down(error) from error

    def _write(self, burning: Colour | None) -> None:
        try:
            for colour, pin in sorted(self._pins.items(), key=lambda item: item[0] is burning):
                pin.state = 1 if colour is burning else 0  # dark ones first
        except pin_errors() as error:
            raise _down(error) from error


def _down(error: Exception) -> AnbanError:
    return AnbanError(
        Reason.PINS_DOWN,
        f"the lamp's pins fail: {error}",
        "Check that nothing else uses them and that their numbers are right.",
    )
