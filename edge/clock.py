"""The hub's two clocks: monotonic milliseconds for deadlines, wall milliseconds for people."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What the hub knows of time. `boot` is 32 random bits, new whenever monotonic time starts again."""

    boot: int

    def monotonic_ms(self) -> int: ...

    def wall_ms(self) -> int: ...

    def trusted(self) -> bool: ...


def kernel_boot() -> int:
    """32 bits of the kernel's boot id: the same for every process of a boot. Random where there is none."""
    try:
        return int(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8], 16)
    except (OSError, ValueError):
        return secrets.randbits(32)


@dataclass(slots=True)
class SystemClock:
    """The machine's clocks. The wall clock is trusted once the platform has confirmed it to within 30 s.

    A wrong wall clock is not set by the hub (that is the system's work): the offset to the platform's time
    is kept and added, so that what people read is right even if the system's clock is years off.
    """

    boot: int = field(default_factory=kernel_boot)
    offset_ms: int = 0
    confirmed: bool = False

    def monotonic_ms(self) -> int:
        """Milliseconds since the machine's start; never goes back."""
        return time.monotonic_ns() // 1_000_000

    def wall_ms(self) -> int:
        """Unix time in milliseconds, by the platform's clock as soon as that is known."""
        return time.time_ns() // 1_000_000 + self.offset_ms

    def trusted(self) -> bool:
        """Whether the platform has confirmed the time since the start of this process."""
        return self.confirmed

    def confirm(self, platform_wall_ms: int) -> int:
        """Take the platform's time; returns the step in milliseconds (0 within 30 s: its path has delays)."""
        step = platform_wall_ms - self.wall_ms()
        self.confirmed = True
        if abs(step) <= 30_000:
            return 0
        self.offset_ms += step
        return step
