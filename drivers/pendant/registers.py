"""A chip's registers over I2C: an error is tried once more, a bus that is stuck is clocked free."""

_CLOCKS = 9  # I2C specification UM10204, 3.1.16: a slave that lost its clock lets go of the data line by then
CAUSE_NONE = 0  # why an accelerometer pulled its line
CAUSE_FREE_FALL = 1
CAUSE_WAKE = 2


class Registers:
    """`i2c` has readfrom_mem_into and writeto_mem; `free_bus()` gives nine clocks on a stuck bus, or None."""

    def __init__(self, i2c, address: int, free_bus=None) -> None:
        self._i2c = i2c
        self._address = address
        self._free_bus = free_bus
        self._one = bytearray(1)
        self.errors = 0  # of the bus, since the start

    def read_into(self, register: int, into):
        """As many bytes as fit from this register on. OSError when the bus fails twice."""
        try:
            self._i2c.readfrom_mem_into(self._address, register, into)
        except OSError:
            self._freed()
            self._i2c.readfrom_mem_into(self._address, register, into)
        return into

    def get(self, register: int) -> int:
        """One register."""
        return self.read_into(register, self._one)[0]

    def holds(self, register: int, value: int) -> bool:
        """Whether a register holds this; false too when the bus fails twice."""
        try:
            return self.get(register) == value
        except OSError:
            return False

    def put(self, register: int, value: int) -> None:
        """Write one register. OSError when the bus fails twice."""
        try:
            self._i2c.writeto_mem(self._address, register, bytes((value,)))
        except OSError:
            self._freed()
            self._i2c.writeto_mem(self._address, register, bytes((value,)))

    def _freed(self) -> None:
        self.errors += 1
        if self._free_bus is not None:
            self._free_bus()


def clock_out(scl, sda, pause_us) -> bool:
    """Clocks on `scl` until the slave lets go of `sda`; true when the bus is free."""
    for _ in range(_CLOCKS):
        if sda.value():
            break
        scl.value(0)
        pause_us(5)
        scl.value(1)
        pause_us(5)
    return bool(sda.value())
