"""The ADXL367 as its registers show it: what runs, what its FIFO holds, when its line falls.

A model of the chip by its data sheet (Analog Devices, rev. B), made independently of the driver: only what is
written over the bus configures it. Modelled: absolute activity and inactivity in the default mode, the FIFO
with x, y and z, temperature, self-test. What the driver does not use is not there.
"""

from __future__ import annotations

from collections import deque

from sim.pendant.chip import Accelerometer, Sample

ENTRIES = 512
ODR_HZ = {0: 12.5, 1: 25.0, 2: 50.0, 3: 100.0, 4: 200.0, 5: 400.0}
CODES_A_MG = {0: 4, 1: 2, 2: 1}  # of +-2, 4 and 8 g
READ_ONLY = range(0x1F)
RESET_VALUES = {0x00: 0xAD, 0x01: 0x1D, 0x02: 0xF7, 0x03: 0x03, 0x2C: 0x13}
RESET_CODE = 0x52
PUSH_MG = 180  # of the self-test, along x
T25, PER_C = 165, 54
ACTIVITY, INACTIVITY, OVERRUN = 0x10, 0x20, 0x08
FIFO_DATA = 0x18


class Chip(Accelerometer):
    """One chip, powered from `now_s` on."""

    address = 0x1D
    celsius = 25.0

    def reset(self) -> None:
        """Power came back: every register is at its default."""
        self._registers = bytearray(0x46)
        for register, value in RESET_VALUES.items():
            self._registers[register] = value
        self._fifo: deque[int] = deque()
        self._half: int | None = None  # the low byte of an entry whose high byte was read
        self._latched = 0
        self._low_samples = 0
        self._next_s = None
        self._out = (0, 0, 0)

    @property
    def line(self) -> int:
        """INT1's level."""
        routed = self._registers[0x2A]
        active = bool(self._latched & routed & 0x78)
        return int(active != bool(routed & 0x80))

    def _rate_hz(self) -> float | None:
        return ODR_HZ.get(self._registers[0x2C] & 7) if self._registers[0x2D] & 3 == 2 else None

    def _take(self, true: Sample) -> None:
        if self._registers[0x2E] & 3 == 3:
            true = (true[0] + PUSH_MG, true[1], true[2])
        scale = CODES_A_MG.get(self._registers[0x2C] >> 6, 1)
        x, y, z = (max(-8192, min(round(a * scale), 8191)) for a in true)
        self._out = (x, y, z)
        self._store()
        self._compare()

    def _store(self) -> None:
        if self._registers[0x28] & 0x7B != 0x02:  # only: stream, x y z
            return
        for axis, code in enumerate(self._out):
            self._fifo.append(axis << 14 | code & 0x3FFF)
        while len(self._fifo) > ENTRIES:
            for _ in range(3):
                self._fifo.popleft()
            self._latched |= OVERRUN

    def _compare(self) -> None:
        control = self._registers[0x27]
        most = max(abs(code) for code in self._out)
        if control & 3 == 1 and most > self._threshold(0x20):
            self._latched |= ACTIVITY
        self._low_samples = self._low_samples + 1 if most < self._threshold(0x23) else 0
        long = self._registers[0x25] << 8 | self._registers[0x26]
        if control >> 2 & 3 == 1 and self._low_samples >= max(1, long):
            self._latched |= INACTIVITY

    def _threshold(self, register: int) -> int:
        return (self._registers[register] & 0x7F) << 6 | self._registers[register + 1] >> 2

    # -- the bus

    def read(self, register: int, count: int, now_s: float) -> bytes:
        """A read with the register's address counting up; the FIFO's stays, and gives an entry in two."""
        self._reached(now_s)
        out = bytearray()
        while len(out) < count:
            out.append(self._get(register))
            if register != FIFO_DATA:
                register += 1
        return bytes(out)

    def write(self, register: int, data: bytes, now_s: float) -> None:
        """A write; read-only registers keep what they have."""
        self._reached(now_s)
        for value in data:
            self._set(register, value)
            register += 1

    def _get(self, register: int) -> int:
        if register == 0x0B:
            seen, self._latched = self._latched, 0
            return seen | (1 if self._rate_hz() else 0)
        if register in (0x0C, 0x0D):
            return len(self._fifo) >> (0 if register == 0x0C else 8) & 0xFF
        if 0x0E <= register <= 0x13:
            return self._word(self._out[(register - 0x0E) // 2], register & 1)
        if register in (0x14, 0x15):
            on = self._registers[0x3D] & 1
            return self._word(T25 + round((self.celsius - 25) * PER_C) if on else 0, register & 1)
        if register == FIFO_DATA:
            return self._entry()
        return self._registers[register] if register < len(self._registers) else 0

    def _entry(self) -> int:
        if self._half is not None:
            low, self._half = self._half, None
            return low
        entry = self._fifo.popleft() if self._fifo else 0
        if self._registers[0x3C] >> 6 != 3:  # 12 bits with the axis: the reset's format
            entry = entry & 0xC000 | (entry & 0x3FFF) >> 2
        self._half = entry & 0xFF
        return entry >> 8

    @staticmethod
    def _word(code: int, low: int) -> int:
        return (code & 0x3F) << 2 if low else code >> 6 & 0xFF

    def _set(self, register: int, value: int) -> None:
        if register == 0x1F:
            if value == RESET_CODE:
                self.reset()
            return
        if register in READ_ONLY or register >= len(self._registers):
            return
        self._registers[register] = value
        if register == 0x28 and not value & 3:  # disabled: it is empty
            self._fifo.clear()
        if register in (0x2C, 0x2D):
            self._next_s = None
