"""The two-colour light: flashes of a pattern (red, green, on ms, period ms); it never burns."""


class Light:
    """`red` and `green` are output pins, 1 = lit."""

    def __init__(self, red, green) -> None:
        self._red = red
        self._green = green
        self._pattern = None  # type: tuple
        self._lit = False
        self._next_ms = None  # type: int
        self.off()

    def off(self) -> None:
        """Dark, and no pattern."""
        self._pattern = None
        self._next_ms = None
        self._put(0, 0)

    def show(self, pattern: tuple, now_ms: int) -> None:
        """Flash this from now on; the same pattern again changes nothing."""
        if pattern == self._pattern or (self._pattern is None and not pattern[2]):
            return
        self.off()
        if pattern[2]:
            self._pattern = pattern
            self._next_ms = now_ms

    def step(self, now_ms: int) -> int | None:
        """Does what is due; when the next thing is due, None when dark."""
        if self._next_ms is not None and now_ms >= self._next_ms:
            red, green, on_ms, period_ms = self._pattern
            if self._lit:
                self._put(0, 0)
                self._next_ms = now_ms + period_ms - on_ms
            else:
                self._put(red, green)
                self._next_ms = now_ms + on_ms
        return self._next_ms

    def _put(self, red: int, green: int) -> None:
        """Amber comes and goes by way of red: between the two pins is never a green that nobody meant."""
        if not green:
            self._green.value(0)
        self._red.value(red)
        if green:
            self._green.value(1)
        self._lit = bool(red or green)
