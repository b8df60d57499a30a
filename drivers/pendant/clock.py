"""Milliseconds since power came: runs on through deep sleep (the chip's RTC), never set, never wraps."""

import time


class Clock:
    """`origin_ms` is what the RTC shows at this moment; `ticks_ms` carries on from there, wrap included."""

    def __init__(self, origin_ms: int) -> None:
        self._now = origin_ms
        self._ticks = time.ticks_ms()

    def now_ms(self) -> int:
        """Call it at least every six days: half of the wrap of ticks_ms."""
        ticks = time.ticks_ms()
        passed = time.ticks_diff(ticks, self._ticks)
        if passed > 0:
            self._now += passed
            self._ticks = ticks
        return self._now
