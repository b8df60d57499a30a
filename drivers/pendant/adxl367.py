"""The accelerometer ADXL367 over I2C: FIFO, activity and free-fall interrupts on one line, self-test, rates.

Registers and bits: Analog Devices, ADXL367 data sheet rev. B; the names are those of its register map. The
interrupt line is active low, as the key is. The FIFO streams through deep sleep: 512 entries, 170 samples of
three axes, nearly seven seconds at 25 Hz: all that the fall detector looks back on. Free fall is what the
chip calls inactivity: every axis below its threshold for long enough. Either is latched until STATUS is read.
"""

import time

from drivers.pendant.registers import CAUSE_FREE_FALL, CAUSE_NONE, CAUSE_WAKE, Registers

ADDRESS = 0x1D  # ASEL low; 0x53 when it is high
_DEVID_AD, _PARTID = 0x00, 0x02
_IDENTITY, _PART = 0xAD, 0xF7
_STATUS, _FIFO_ENTRIES_L, _TEMP_H, _FIFO_DATA, _SOFT_RESET = 0x0B, 0x0C, 0x14, 0x18, 0x1F
_X_H = 0x0E
_THRESH_ACT_H, _THRESH_ACT_L, _TIME_ACT = 0x20, 0x21, 0x22
_THRESH_INACT_H, _THRESH_INACT_L, _TIME_INACT_H, _TIME_INACT_L = 0x23, 0x24, 0x25, 0x26
_ACT_INACT_CTL, _FIFO_CONTROL, _INTMAP1, _FILTER_CTL = 0x27, 0x28, 0x2A, 0x2C
_POWER_CTL, _SELF_TEST, _ADC_CTL, _TEMP_CTL = 0x2D, 0x2E, 0x3C, 0x3D

DEPTH = 170  # samples of three axes in the FIFO
_RESET_CODE = 0x52
_RATES = {25: 0x01, 50: 0x02}
_RANGE_8G = 0x80  # 14 bits: 1 mg each
_BOTH_ABSOLUTE = 0x05  # activity and inactivity, each against a fixed threshold
_STREAM = 0x02  # x, y and z; the oldest make room
_14_BITS = 0xC0  # with the axis in the top two bits
_ACT, _INACT, _OVERRUN = 0x10, 0x20, 0x08
_ACTIVE_LOW = 0x80
_MEASURE = 0x02
_TEMP_ON = 0x01
WAKE_MG = 1600  # on any axis: gravity and a blow; every fall at the neck reaches 1.8 g in magnitude
_FREE_FALL_MG = 350
_FREE_FALL_SAMPLES = 3
_CHUNK = 32  # samples that are read at once: 192 bytes
_SETTLE_S = 0.1  # after measuring began, and after the self-test's force came or went
SELF_TEST_MG = (90, 270)  # the x axis moves so far under the self-test's force
_T25, _PER_C = 165, 54  # temperature: code at 25 C, codes a degree


class Adxl367(Registers):
    """One chip. `hz` is the rate it runs at; `overrun`: samples were lost before the last read."""

    def __init__(self, i2c, address: int = ADDRESS, free_bus=None) -> None:
        super().__init__(i2c, address, free_bus)
        self._raw = bytearray(6 * _CHUNK)
        self._cause = CAUSE_NONE
        self.hz = 0
        self.overrun = False

    # -- setting up

    def is_there(self) -> bool:
        """Whether such a chip answers."""
        return self.holds(_DEVID_AD, _IDENTITY) and self.holds(_PARTID, _PART)

    def start(self, hz: int, wake_mg: int = WAKE_MG) -> None:
        """Set everything up and let it run at 25 or 50 Hz. OSError when there is no such chip."""
        if self.get(_DEVID_AD) != _IDENTITY or self.get(_PARTID) != _PART:
            raise OSError(19)  # ENODEV
        self.put(_SOFT_RESET, _RESET_CODE)
        time.sleep(0.02)
        self._threshold(_THRESH_ACT_H, _THRESH_ACT_L, wake_mg)
        self.put(_TIME_ACT, 0)  # one sample is enough
        self._threshold(_THRESH_INACT_H, _THRESH_INACT_L, _FREE_FALL_MG)
        self.put(_TIME_INACT_H, 0)
        self.put(_TIME_INACT_L, _FREE_FALL_SAMPLES)
        self.put(_ACT_INACT_CTL, _BOTH_ABSOLUTE)
        self.put(_INTMAP1, _ACTIVE_LOW | _ACT | _INACT)
        self.put(_ADC_CTL, _14_BITS)
        self.put(_TEMP_CTL, _TEMP_ON)
        self.put(_FIFO_CONTROL, _STREAM)
        self.put(_FILTER_CTL, _RANGE_8G | _RATES[hz])
        self.put(_POWER_CTL, _MEASURE)
        self.hz = hz

    def resume(self, hz: int) -> bool:
        """After a deep sleep: true when the chip still runs as it was set up, and its FIFO is history."""
        wanted = (
            (_DEVID_AD, _IDENTITY),
            (_PARTID, _PART),
            (_FILTER_CTL, _RANGE_8G | _RATES[hz]),
            (_FIFO_CONTROL, _STREAM),
            (_INTMAP1, _ACTIVE_LOW | _ACT | _INACT),
            (_POWER_CTL, _MEASURE),
        )
        for register, value in wanted:
            if self.get(register) != value:
                return False
        self.hz = hz
        return True

    def _threshold(self, high: int, low: int, mg: int) -> None:
        """13 bits of 1 mg: seven, then six in the upper bits."""
        self.put(high, mg >> 6)
        self.put(low, (mg & 0x3F) << 2)

    # -- running

    def read(self) -> list:
        """All samples in the FIFO, the oldest first: (x, y, z) in milli-g. `overrun` tells of a loss before.

        OSError when the bus fails twice; what was in the FIFO may be lost then.
        """
        status = self.get(_STATUS)
        self._cause |= _cause_of(status)  # reading it let go of the line
        self.overrun = bool(status & _OVERRUN)
        entries = self.read_into(_FIFO_ENTRIES_L, bytearray(2))
        left = (entries[0] | (entries[1] & 3) << 8) // 3
        out = []  # type: list[tuple]
        sample = []  # type: list[int]
        while left > 0:
            count = min(left, _CHUNK)
            raw = self.read_into(_FIFO_DATA, self._raw if count == _CHUNK else bytearray(6 * count))
            left -= count
            for at in range(0, 6 * count, 2):
                axis = raw[at] >> 6
                if axis == 0:
                    sample = []
                if axis == len(sample):  # an axis that was lost takes its sample with it
                    sample.append(_milli_g(raw[at] << 8 | raw[at + 1]))
                    if axis == 2:
                        out.append((sample[0], sample[1], sample[2]))
                        sample = []
        return out

    def cause(self) -> int:
        """What pulled the line, CAUSE_ bits; reading it lets go of the line."""
        cause, self._cause = self._cause | _cause_of(self.get(_STATUS)), CAUSE_NONE
        return cause

    def temperature_c(self) -> int:
        """Of the chip, whole degrees; it is measured with every sample."""
        raw = self.read_into(_TEMP_H, bytearray(2))
        return 25 + (_signed14(raw[0] << 6 | raw[1] >> 2) - _T25) // _PER_C

    def self_test(self) -> bool:
        """The chip pushes its own mass along x: it must move by what the data sheet says. Takes 0.4 s.

        The stream is disturbed by it: only at the start, or when a fault is looked for.
        """
        self.put(_SELF_TEST, 1)
        time.sleep(_SETTLE_S)
        before = self._x()
        self.put(_SELF_TEST, 3)
        time.sleep(_SETTLE_S)
        pushed = self._x()
        self.put(_SELF_TEST, 0)
        low, high = SELF_TEST_MG
        return low <= pushed - before <= high

    def _x(self) -> int:
        raw = self.read_into(_X_H, bytearray(2))
        return _signed14(raw[0] << 6 | raw[1] >> 2)


def _cause_of(status: int) -> int:
    return (CAUSE_FREE_FALL if status & _INACT else 0) | (CAUSE_WAKE if status & _ACT else 0)


def _signed14(value: int) -> int:
    return value - 16384 if value > 8191 else value


def _milli_g(entry: int) -> int:
    """14 bits below the axis; at +-8 g one is 1 mg."""
    return _signed14(entry & 0x3FFF)
