"""The hub's two clocks: monotonic milliseconds for deadlines, wall milliseconds for people."""

from __future__ import annotations

import datetime
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol


def local(wall_ms: int, offset_minutes: int) -> datetime.datetime:
    """Unix time as the clocks of a home say it that is so many minutes ahead of UTC: for people."""
    zone = datetime.timezone(datetime.timedelta(minutes=offset_minutes))
    return datetime.datetime.fromtimestamp(wall_ms / 1000, zone)


class Clock(Protocol):
    """What the hub knows of time. `boot` is 32 random bits, new whenever monotonic time starts again."""

    boot: int

    def monotonic_ms(self) -> int: ...

    def wall_ms(self) -> int: ...

    def trusted(self) -> bool: ...

    def source(self) -> str:
        """Who has told the wall time: "platform", "network" (of the modem, unproved), or "" for nobody."""
        ...


def kernel_boot() -> int:
    """32 bits of the kernel's boot id: the same for every process of a boot. Random where there is none."""
    try:
        return int(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8], 16)
    except (OSError, ValueError):
        return secrets.randbits(32)


CLOSE_MS: Final = 30_000  # the platform's word has a path's delays: a system clock this near to it is right


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _system_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class SystemClock:
    """The machine's clocks. The wall clock is trusted once the platform has confirmed it to within 30 s.

    A wrong wall clock is not set by the hub (that is the system's work): the offset to the platform's time
    is kept and added, so that what people read is right even if the system's clock is years off. From a
    confirmation on, wall time is what was confirmed and the monotonic time since: a step of the system's
    clock changes nothing that is trusted, and is told with the next confirmation. Until the first one a
    suggestion may stand in its place: shown to people, and not trusted.
    """

    boot: int = field(default_factory=kernel_boot)
    offset_ms: int = 0
    read_monotonic_ms: Callable[[], int] = _monotonic_ms
    read_system_ms: Callable[[], int] = _system_ms
    _confirmed: tuple[int, int] | None = None  # monotonic and wall ms of the last confirmation
    _suggested: tuple[int, int] | None = None  # likewise, by somebody who proves nothing

    def monotonic_ms(self) -> int:
        """Milliseconds since the machine's start; never goes back."""
        return self.read_monotonic_ms()

    def wall_ms(self) -> int:
        """Unix time in milliseconds, by the platform's clock as soon as that is known."""
        told = self._confirmed or self._suggested
        if told is None:
            return max(0, self.read_system_ms() + self.offset_ms)
        then_ms, wall_ms = told
        return wall_ms + self.monotonic_ms() - then_ms

    def trusted(self) -> bool:
        """Whether the platform has confirmed the time since the start of this process."""
        return self._confirmed is not None

    def source(self) -> str:
        """See `Clock`."""
        if self._confirmed is not None:
            return "platform"
        return "" if self._suggested is None else "network"

    def suggest(self, wall_ms: int) -> int:
        """Take a time that nobody proves, while nothing better is known; by how much the system's clock
        differs from it (0 within 30 s: then that one stays)."""
        if self._confirmed is not None:
            return 0
        system_ms = self.read_system_ms()
        step = wall_ms - system_ms
        if abs(step) <= CLOSE_MS:
            step = 0
        self._suggested = (self.monotonic_ms(), system_ms + step)
        return step

    def confirm(self, platform_wall_ms: int) -> int:
        """Take the platform's time; by how much the system's clock has come to differ (0 within 30 s).

        Within 30 s of it the system's clock, which is disciplined, is the better one: it counts on from here.
        """
        system_ms = self.read_system_ms() + self.offset_ms
        step = platform_wall_ms - system_ms
        if abs(step) <= CLOSE_MS:
            step = 0
        self.offset_ms += step
        self._confirmed = (self.monotonic_ms(), system_ms + step)
        return step
