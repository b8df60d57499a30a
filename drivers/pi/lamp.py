"""Shows one colour in one pattern: the lamp of the hub, three pins, one for each colour.

A blink is made by a thread of its own: steady says more than blinking does (somebody has taken the call), and
a loop that stalls while a blink is lit would say it.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Final

from drivers.pi.pins import Pin, PinFactory, pin_errors
from protocols.errors import AnbanError, Reason

# Once a second is seen by the corner of an eye, and safe (WCAG 2.3.1 forbids 3 Hz). Dark for most of it: what
# is starved as a whole process then rests in the dark four times out of five, and a lamp that is dark claims
# nothing.
LIT_S: Final = 0.2
DARK_S: Final = 0.8
ENDS_S: Final = 1.0  # a thread that hangs in a pin keeps nobody


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


def lit(pattern: Pattern, part: int) -> bool:
    """Whether the lamp burns in this part of the pattern; those of a blink are lit and dark by turns."""
    return pattern is Pattern.STEADY or (pattern is Pattern.BLINK and part % 2 == 0)


class Lamp:
    """A lamp on pins `{"amber": BCM, "green": BCM, "red": BCM}`, level 1 = lit; never two colours at once.

    `set` only states what is wanted. `run()` is a task for the supervisor: its thread shows that, and it
    raises AnbanError(PINS_DOWN) when a pin fails; restarted, it shows what is wanted then.
    """

    def __init__(self, pin_factory: PinFactory, pins: Mapping[str, int]) -> None:
        self._factory = pin_factory
        self._numbers = {Colour(colour): number for colour, number in pins.items()}
        self._pins: dict[Colour, Pin] = {}
        self._changed = threading.Event()
        self._wanted = Colour.AMBER, Pattern.OFF

    def set(self, colour: str, pattern: str) -> None:
        """Show `colour` in `pattern` from now on. ValueError for a name that is not in the two lists."""
        wanted = Colour(colour), Pattern(pattern)
        if wanted[0] not in self._numbers:
            raise ValueError(f"this lamp has no {wanted[0]}")
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self) -> None:
        """Show what is wanted until cancelled, then go dark."""
        ends, shown = threading.Event(), Future[None]()
        threading.Thread(target=self._thread, args=(ends, shown), name="lamp", daemon=True).start()
        ended = asyncio.wrap_future(shown)
        try:
            await asyncio.shield(ended)
        finally:
            ends.set()
            self._changed.set()
            await asyncio.wait((ended,), timeout=ENDS_S)

    def _thread(self, ends: threading.Event, shown: Future[None]) -> None:
        try:
            self._shine(ends)
        except Exception as error:  # handed to whoever waits, as an executor does
            shown.set_exception(error)
        else:
            shown.set_result(None)

    def _shine(self, ends: threading.Event) -> None:
        try:
            self._claim()
            while not ends.is_set():
                self._changed.clear()
                self._show(*self._wanted, ends)
        finally:
            with contextlib.suppress(AnbanError):
                self._write(None)

    def _show(self, colour: Colour, pattern: Pattern, ends: threading.Event) -> None:
        part = 0
        while not (self._changed.is_set() or ends.is_set()):
            burns = lit(pattern, part)
            self._write(colour if burns else None)
            part += 1
            blink_s = LIT_S if burns else DARK_S
            self._changed.wait(blink_s if pattern is Pattern.BLINK else None)

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
