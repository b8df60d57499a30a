"""The key: raw edges with their time, from the pin interrupt into a small ring; what they mean is not
decided here.
"""

SIZE = 16  # a bouncing press has 4-10 edges; when full, the level read at the drain repairs what was lost


class Key:
    """`pin` with `irq`, `down_level` is its value when pressed, `notify()` wakes the loop."""

    def __init__(self, pin, down_level: int, now_ms, notify) -> None:
        self._pin = pin
        self._down_level = down_level
        self._now_ms = now_ms
        self._notify = notify
        self._levels = bytearray(SIZE)
        self._times = [0] * SIZE
        self._count = 0
        pin.irq(self._edge)  # both edges are the default trigger

    def is_down(self) -> bool:
        """The level of this moment."""
        return self._pin.value() == self._down_level

    def _edge(self, pin) -> None:
        if self._count < SIZE:
            self._levels[self._count] = 1 if pin.value() == self._down_level else 0
            self._times[self._count] = self._now_ms()
            self._count += 1
        self._notify()

    def woke(self) -> None:
        """After a light sleep, which keeps no edges: they are noted again, and a key that is down by now went
        down at this moment, which ended the sleep.
        """
        self._pin.irq(self._edge)
        if self.is_down():
            self._edge(self._pin)

    def waiting(self) -> bool:
        """Edges came since the last drain."""
        return self._count > 0

    def drain(self) -> list:
        """`(down, at_ms)` since the last drain, in order; the last one is always the level of now."""
        if not self._count:
            return []
        edges = [(bool(self._levels[i]), self._times[i]) for i in range(self._count)]
        self._count = 0
        down = self.is_down()
        if edges[-1][0] != down:
            edges.append((down, self._now_ms()))
        return edges
