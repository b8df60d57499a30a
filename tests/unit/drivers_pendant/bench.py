"""An accelerometer's chip on a bus of its own, with a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Feel = Callable[[float], tuple[int, int, int]]


class ChipBench:
    """`feel` is what acts on the chip; it is the bus of the driver, whose sleeps pass here."""

    def __init__(
        self, chip: Callable[[Feel], Any], driver: type[Any], still: Feel, patch: pytest.MonkeyPatch | None
    ) -> None:
        self.now_s = 0.0
        self.feel = still
        self.chip = chip(lambda at_s: self.feel(at_s))
        self.freed = 0
        self.driver = driver(self, free_bus=self.free)
        if patch is not None:
            patch.setattr(f"{driver.__module__}.time.sleep", self.after)

    def after(self, seconds: float) -> None:
        self.now_s += seconds
        self.chip.run(self.now_s)

    def free(self) -> None:
        self.freed += 1
        for _ in range(9):
            self.chip.clock()

    def readfrom_mem_into(self, address: int, register: int, into: bytearray) -> None:
        assert address == self.chip.address
        into[:] = self.chip.read(register, len(into), self.now_s)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        self.chip.write(register, data, self.now_s)
