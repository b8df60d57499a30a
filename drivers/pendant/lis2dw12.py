"""The accelerometer LIS2DW12 over I2C: FIFO, wake-up and free-fall interrupts on one line, self-test, rates.

Registers and bits: ST, LIS2DW12 datasheet DocID030823 rev 6, and application note AN5038. The interrupt line
is active low, as the key is, so that one level wakes the chip. The FIFO runs in continuous mode through deep
sleep: what it holds when the program has booted is the history (32 samples; the newest push out the oldest).
Wake-up and free fall are latched until `cause` reads them.
"""

import time

from drivers.pendant.registers import CAUSE_FREE_FALL, CAUSE_WAKE, Registers

ADDRESS = 0x19  # SA0 high; 0x18 when it is low
_WHO_AM_I, _IDENTITY = 0x0F, 0x44
_OUT_T_L = 0x0D
_CTRL1, _CTRL2, _CTRL3, _CTRL4, _CTRL6 = 0x20, 0x21, 0x22, 0x23, 0x25
_OUT_X_L = 0x28
_FIFO_CTRL, _FIFO_SAMPLES = 0x2E, 0x2F
_WAKE_UP_THS, _WAKE_UP_DUR, _FREE_FALL = 0x34, 0x35, 0x36
_ALL_INT_SRC, _CTRL7 = 0x3B, 0x3F

DEPTH = 32  # samples in the FIFO
_RATES = {25: 0x30, 50: 0x40}  # ODR in CTRL1, high 4 bits; low-power mode 1 below them
_RANGE_G = 8  # a fall's blow is 3-8 g; +-8 g keeps 1 LSB at 0.244 mg in 14 bits, 3.9 mg in low-power mode 1
_FS = {2: 0x00, 4: 0x10, 8: 0x20, 16: 0x30}
_CONTINUOUS = 0xC0
_SOFT_RESET, _BDU, _IF_ADD_INC = 0x40, 0x08, 0x04
_LATCHED, _ACTIVE_LOW = 0x10, 0x08
_INT1_FREE_FALL, _INT1_WAKE = 0x10, 0x20
_INTERRUPTS_ON = 0x20
_SELF_TEST = 0x40
WAKE_MG = 500  # of slope, half the change between two samples; a step gives 100-300, a blow more than 700
_FREE_FALL_CODE = 3  # 312 mg: of eight thresholds, the one below a stumble's dip
_FREE_FALL_SAMPLES = 3
SELF_TEST_MG = (70, 1500)  # change in each axis that a good part shows


class Lis2dw12(Registers):
    """One chip. `hz` is the rate it runs at; `overrun`: samples were lost before the last read."""

    def __init__(self, i2c, address: int = ADDRESS, free_bus=None) -> None:
        super().__init__(i2c, address, free_bus)
        self._raw = bytearray(6 * DEPTH)
        self.hz = 0
        self.overrun = False

    # -- setting up

    def start(self, hz: int, wake_mg: int = WAKE_MG) -> None:
        """Set everything up and let it run at 25 or 50 Hz. OSError when there is no such chip."""
        if self.get(_WHO_AM_I) != _IDENTITY:
            raise OSError(19)  # ENODEV
        self.put(_CTRL2, _SOFT_RESET)
        for _ in range(10):
            if not self.get(_CTRL2) & _SOFT_RESET:
                break
            time.sleep(0.001)
        self.put(_CTRL2, _BDU | _IF_ADD_INC)
        self.put(_CTRL3, _LATCHED | _ACTIVE_LOW)
        self.put(_CTRL6, _FS[_RANGE_G])
        # 1 LSB is 1/64 of the range, one sample above it is enough
        self.put(_WAKE_UP_THS, min(63, wake_mg * 64 // (_RANGE_G * 1000)))
        self.put(_WAKE_UP_DUR, 0)
        self.put(_FREE_FALL, _FREE_FALL_SAMPLES << 3 | _FREE_FALL_CODE)
        self.put(_CTRL4, _INT1_FREE_FALL | _INT1_WAKE)
        self.put(_CTRL7, _INTERRUPTS_ON)
        self.put(_CTRL1, _RATES[hz])
        self.put(_FIFO_CTRL, _CONTINUOUS)
        self.hz = hz

    def resume(self, hz: int) -> bool:
        """After a deep sleep: true when the chip still runs as it was set up, and its FIFO is history."""
        if self.get(_WHO_AM_I) != _IDENTITY or self.get(_CTRL1) != _RATES[hz]:
            return False
        if self.get(_FIFO_CTRL) != _CONTINUOUS or self.get(_CTRL7) != _INTERRUPTS_ON:
            return False
        self.hz = hz
        return True

    # -- running

    def read(self) -> list:
        """All samples in the FIFO, the oldest first: (x, y, z) in milli-g. `overrun` tells of a loss before.

        OSError when the bus fails twice; what was in the FIFO may be lost then.
        """
        state = self.get(_FIFO_SAMPLES)
        count = min(state & 0x3F, DEPTH)
        self.overrun = bool(state & 0x40)
        if not count:
            return []
        raw = self.read_into(_OUT_X_L, self._raw if count == DEPTH else bytearray(6 * count))
        out = []
        for at in range(0, 6 * count, 6):
            out.append((_milli_g(raw, at), _milli_g(raw, at + 2), _milli_g(raw, at + 4)))
        return out

    def cause(self) -> int:
        """What pulled the line, CAUSE_ bits; reading it lets go of the line."""
        sources = self.get(_ALL_INT_SRC)
        return (CAUSE_FREE_FALL if sources & 1 else 0) | (CAUSE_WAKE if sources & 2 else 0)

    def temperature_c(self) -> int:
        """Of the chip, whole degrees; 25 C is 0 in 12 bits, 1/16 C each, left-aligned."""
        raw = self.read_into(_OUT_T_L, bytearray(2))
        value = raw[0] | raw[1] << 8
        return 25 + ((value - 65536 if value > 32767 else value) >> 8)

    def self_test(self) -> bool:
        """The chip pushes its own mass: each axis must move by what the datasheet says. Takes 0.4 s at 50 Hz.

        The stream is disturbed by it: only at the start, or when a fault is looked for.
        """
        before = self._mean()
        self.put(_CTRL3, _LATCHED | _ACTIVE_LOW | _SELF_TEST)
        pushed = self._mean()
        self.put(_CTRL3, _LATCHED | _ACTIVE_LOW)
        low, high = SELF_TEST_MG
        return all(low <= abs(b - a) <= high for a, b in zip(before, pushed))  # noqa: B905 - MicroPython

    def _mean(self) -> tuple:
        self.read()
        time.sleep(0.12)
        self.read()  # what settled meanwhile
        time.sleep(0.1)
        samples = self.read() or [(0, 0, 0)]
        return tuple(sum(s[axis] for s in samples) // len(samples) for axis in (0, 1, 2))


def _milli_g(raw: bytearray, at: int) -> int:
    """16 bits, left-aligned: the whole range is +-32768."""
    value = raw[at] | raw[at + 1] << 8
    if value > 32767:
        value -= 65536
    return value * _RANGE_G * 1000 >> 15
