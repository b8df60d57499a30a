"""What every modelled accelerometer has: samples as time goes by, and a bus that can fail.

Time is an argument (seconds); `motion(at_s)` gives the true acceleration in milli-g. Faults on demand: `nak`
refuses so many transactions, `stuck` holds the data line until it is clocked free, `reset()` is a brown-out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

Sample = tuple[int, int, int]
Motion = Callable[[float], Sample]

NINE_CLOCKS = 9


class BusError(OSError):
    """The chip does not acknowledge."""

    def __init__(self) -> None:
        super().__init__(19, "no acknowledge")


class Accelerometer(ABC):
    """One chip, powered from `now_s` on."""

    address: int

    def __init__(self, motion: Motion, now_s: float = 0.0) -> None:
        self.motion = motion
        self.nak = 0
        self.stuck = False
        self.clocks = 0
        self._now_s = now_s
        self._next_s: float | None = None
        self.reset()

    @abstractmethod
    def reset(self) -> None:
        """Power came back: every register is at its default."""

    @property
    @abstractmethod
    def line(self) -> int:
        """INT1's level."""

    @abstractmethod
    def read(self, register: int, count: int, now_s: float) -> bytes:
        """So many bytes from this register on. BusError."""

    @abstractmethod
    def write(self, register: int, data: bytes, now_s: float) -> None:
        """Bytes to this register and those after it. BusError."""

    @abstractmethod
    def _rate_hz(self) -> float | None:
        """Samples a second; None while it does not run."""

    @abstractmethod
    def _take(self, true: Sample) -> None:
        """A sample is due."""

    def run(self, now_s: float) -> None:
        """Take every sample that is due up to now."""
        self._next_s = self.due_s()
        while (due_s := self.due_s()) is not None and due_s <= now_s:
            self._now_s = due_s
            self._take(self.motion(due_s))
            self._next_s = due_s + 1 / (self._rate_hz() or 1)
        self._now_s = max(self._now_s, now_s)

    def due_s(self) -> float | None:
        """When the next sample is taken; None while it does not run."""
        rate_hz = self._rate_hz()
        if rate_hz is None:
            return None
        return self._next_s if self._next_s is not None else self._now_s + 1 / rate_hz

    def clock(self) -> None:
        """One clock by hand: the ninth ends the byte that it was holding on to."""
        self.clocks += 1
        if self.clocks >= NINE_CLOCKS:
            self.stuck, self.clocks = False, 0

    def _reached(self, now_s: float) -> None:
        """Live up to now; whether the bus works then."""
        self.run(now_s)
        if self.nak:
            self.nak -= 1
            raise BusError
        if self.stuck:
            raise BusError
