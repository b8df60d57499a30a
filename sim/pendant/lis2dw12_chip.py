"""The LIS2DW12 as its registers show it: what runs, what its FIFO holds, when its line falls.

A model of the chip by its datasheet (ST DocID030823), made independently of the driver: only what is
written over the bus configures it.
"""

from __future__ import annotations

from collections import deque

from sim.pendant.chip import Accelerometer, Sample

DEPTH = 32
ODR_HZ = {0x1: 1.6, 0x2: 12.5, 0x3: 25.0, 0x4: 50.0, 0x5: 100.0}
RANGE_G = (2, 4, 8, 16)
FREE_FALL_MG = (156, 219, 250, 312, 344, 406, 469, 500)
READ_ONLY = {0x0D, 0x0E, 0x0F, 0x26, 0x27, *range(0x28, 0x2E), 0x2F, *range(0x37, 0x3C)}
PUSH_MG = (300, 350, 900)  # of the self-test, for each axis
RESET_VALUES = {0x0F: 0x44, 0x21: 0x04}


class Chip(Accelerometer):
    """One chip, powered from `now_s` on."""

    address = 0x19

    def reset(self) -> None:
        """Power came back: every register is at its default."""
        self._registers = bytearray(64)
        for register, value in RESET_VALUES.items():
            self._registers[register] = value
        self._fifo: deque[Sample] = deque()
        self._overrun = False
        self._latched = 0  # ALL_INT_SRC bits: 1 free fall, 2 wake-up
        self._low_samples = 0
        self._last: tuple[int, int, int] | None = None
        self._next_s = None
        self._out = (0, 0, 0)

    @property
    def line(self) -> int:
        """INT1's level."""
        routed = self._registers[0x23]
        mask = (1 if routed & 0x10 else 0) | (2 if routed & 0x20 else 0)
        active = bool(self._registers[0x3F] & 0x20) and bool(self._latched & mask)
        low_active = bool(self._registers[0x22] & 0x08)
        return int(active != low_active)

    def _rate_hz(self) -> float | None:
        return ODR_HZ.get(self._registers[0x20] >> 4)

    def _take(self, true: Sample) -> None:
        if self._registers[0x22] & 0xC0:
            true = tuple(a + b for a, b in zip(true, PUSH_MG, strict=True))  # type: ignore[assignment]
        limit = RANGE_G[self._registers[0x25] >> 4 & 3] * 1000
        # low-power mode 1 has 12 bits, left-aligned in 16
        raw = [max(-2048, min(round(a * 2048 / limit), 2047)) << 4 for a in true]
        self._out = (raw[0], raw[1], raw[2])
        self._store()
        mg = tuple(value * limit / 32768 for value in raw)
        self._interrupts(mg, limit)

    def _store(self) -> None:
        mode = self._registers[0x2E] >> 5
        if mode == 0b110:  # continuous
            if len(self._fifo) == DEPTH:
                self._fifo.popleft()
                self._overrun = True
            self._fifo.append(self._out)
        elif mode == 0b001 and len(self._fifo) < DEPTH:  # stops when full
            self._fifo.append(self._out)

    def _interrupts(self, mg: tuple[float, ...], limit: int) -> None:
        """Free fall: every axis below its threshold for long enough. Wake-up: the slope of an axis (this
        sample minus the last, halved: AN5038, 5.5) is above its own."""
        free = self._registers[0x36]
        if all(abs(a) < FREE_FALL_MG[free & 7] for a in mg):
            self._low_samples += 1
        else:
            self._low_samples = 0
        duration = (free >> 3) | (self._registers[0x35] >> 2 & 0x20)
        if self._low_samples and self._low_samples > duration:
            self._latched |= 1
        threshold = (self._registers[0x34] & 0x3F) * limit / 64
        if self._last is not None and threshold:
            slope = max(abs(a - b) / 2 for a, b in zip(mg, self._last, strict=True))
            if slope > threshold:
                self._latched |= 2
        self._last = (round(mg[0]), round(mg[1]), round(mg[2]))

    # -- the bus

    def read(self, register: int, count: int, now_s: float) -> bytes:
        """A read with the register's address counting up; from the FIFO it starts over after each sample."""
        self._reached(now_s)
        out = bytearray()
        while len(out) < count:
            out.append(self._get(register))
            if register == 0x2D and self._fifo:
                self._fifo.popleft()
                self._overrun = False
            if self._registers[0x21] & 0x04:
                register = 0x28 if register == 0x2D else register + 1 & 0x3F
        return bytes(out)

    def write(self, register: int, data: bytes, now_s: float) -> None:
        """A write; read-only registers keep what they have."""
        self._reached(now_s)
        for value in data:
            self._set(register, value)
            register = register + 1 & 0x3F

    def _get(self, register: int) -> int:
        if 0x28 <= register <= 0x2D:
            sample = self._fifo[0] if self._fifo else self._out
            word = sample[(register - 0x28) // 2] & 0xFFFF
            return word >> 8 if register & 1 else word & 0xFF
        if register == 0x2F:
            return len(self._fifo) | (0x40 if self._overrun else 0)
        if register in (0x38, 0x3B):
            seen, self._latched = self._latched, 0
            return seen
        return self._registers[register]

    def _set(self, register: int, value: int) -> None:
        if register == 0x21 and value & 0x40:
            self.reset()
            return
        if register in READ_ONLY:
            return
        self._registers[register] = value
        if register == 0x2E and not value >> 5:  # bypass empties it
            self._fifo.clear()
            self._overrun = False
        if register == 0x20:
            self._next_s = None
