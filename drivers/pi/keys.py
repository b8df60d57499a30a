"""Reads the keys of the hub: raw edges from the pins, debounced here, handed to the loop as typed events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from drivers.pi.debounce import Debouncer, KeyDown, KeyEvent, KeyStuck, KeyUp
from drivers.pi.pins import Pin, PinFactory, pin_errors
from drivers.waiting import came
from protocols.errors import AnbanError, Reason

__all__ = ["KeyDown", "KeyEvent", "KeyStuck", "KeyUp", "Keys"]

# The lines are read this often whatever the edges say: should edges ever fail altogether, a press that lasts
# this long is still heard. The shortest press of an old hand is about 100 ms, a usual one 200 to 400 ms.
CHECK_S = 0.1
# An edge older than this was dated by another clock (lgpio: CLOCK_REALTIME on some kernels): taken as now.
OLDEST_EDGE_S = 5.0


class Clock(Protocol):
    """The monotonic clock that dates events."""

    def monotonic_ms(self) -> int:
        """Milliseconds since the machine's start."""


class Keys:
    """The keys of a hub, each closing its pin to ground (pull-up, level 0 = down).

    `pins` is key name -> BCM number. `on_event` is called on the loop, at once, for every KeyDown, KeyUp and
    KeyStuck. `run()` is a task for the supervisor; it raises AnbanError(PINS_DOWN) when a pin fails.
    A key that is down when `run()` begins counts as pressed then: a press during a restart is not lost.
    """

    def __init__(
        self,
        pin_factory: PinFactory,
        pins: Mapping[str, int],
        clock: Clock,
        on_event: Callable[[KeyEvent], None],
    ) -> None:
        self._factory = pin_factory
        self._clock = clock
        self._on_event = on_event
        self._wake = asyncio.Event()
        self._lines = {key: _Line(key, number, self) for key, number in pins.items()}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.checked_at_ms: int | None = None  # when all lines were last read: the watchdog's proof of life

    async def run(self) -> None:
        """Claim the pins, then report events until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            for line in self._lines.values():
                line.claim(self._factory)
            while True:
                self._check()
                await self._until_due()
        finally:
            self._loop = None
            for line in self._lines.values():
                line.release()

    def from_pin(self, line: _Line, ticks: float, level: int) -> None:
        """An edge, on the pin factory's thread: date it, and hand it to the loop."""
        if level not in (0, 1):
            return  # lgpio: 2 is its watchdog, not an edge
        age_s = self._factory.ticks_diff(self._factory.ticks(), ticks)
        age_ms = round(age_s * 1000) if 0 <= age_s <= OLDEST_EDGE_S else 0
        at_ms = self._clock.monotonic_ms() - age_ms
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._edge, line, level == 0, at_ms)

    def _edge(self, line: _Line, down: bool, at_ms: int) -> None:
        self._tell(line.debouncer.edge(down, at_ms))
        self._wake.set()

    def _check(self) -> None:
        for line in self._lines.values():
            self._tell(line.debouncer.sample(line.is_down(), self._clock.monotonic_ms()))
        self.checked_at_ms = self._clock.monotonic_ms()

    async def _until_due(self) -> None:
        self._wake.clear()
        due = [ms for line in self._lines.values() if (ms := line.debouncer.due_ms()) is not None]
        wait_s = CHECK_S
        if due:
            wait_s = min(wait_s, max(0.0, (min(due) - self._clock.monotonic_ms()) / 1000))
        await came(self._wake, wait_s)

    def _tell(self, events: list[KeyEvent]) -> None:
        for event in events:
            self._on_event(event)


class _Line:
    """One key's pin. Its bound `changed` is what the pin refers to weakly, so it lives as long as Keys."""

    def __init__(self, key: str, number: int, owner: Keys) -> None:
        self.key = key
        self.number = number
        self.debouncer = Debouncer(key)
        self._owner = owner
        self._pin: Pin | None = None

    def claim(self, factory: PinFactory) -> None:
        try:
            pin = factory.pin(self.number)
            pin.when_changed = None
            pin.function = "input"
            pin.pull = "up"
            pin.bounce = None  # the library's debounce loses presses (gpiozero issue 1039): ours alone
            pin.edges = "both"
            pin.when_changed = self.changed
        except pin_errors() as error:
            raise self._down(error) from error
        self._pin = pin

    def release(self) -> None:
        if self._pin is not None:
            self._pin.when_changed = None

    def is_down(self) -> bool:
        assert self._pin is not None
        try:
            return self._pin.state == 0
        except pin_errors() as error:
            raise self._down(error) from error

    def changed(self, ticks: float, level: int) -> None:
        self._owner.from_pin(self, ticks, level)

    def _down(self, error: Exception) -> AnbanError:
        return AnbanError(
            Reason.PINS_DOWN,
            f"pin {self.number} ({self.key} key) fails: {error}",
            "Check that nothing else uses the pin and that its number is right.",
        )
