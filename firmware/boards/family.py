"""What all boards of the ESP32 family do alike: pins to parts, wake and deep sleep, RTC memory, identity.

A board file makes one `Board` of its pins and of its way to arm the wake. Source: MicroPython's `machine` and
`esp32` modules, documentation 1.25-1.29.
"""

import os
import time

import esp32
import machine
import vfs

BOOTLOADER_MS = 120  # from wake to the start of MicroPython's clock: ROM and second-stage loader, typical
_INTERRUPTS = 0x1F << 13  # GPIO_PINn_REG: may the pin interrupt (C3: technical reference manual, 5.14)


class RtcMemory:
    """RTC memory: 2048 bytes that survive deep sleep and resets, not a power loss."""

    def __init__(self) -> None:
        self._rtc = machine.RTC()

    def read(self) -> bytes:
        """What was written last, or nothing."""
        return self._rtc.memory()

    def write(self, data: bytes) -> None:
        """At most 2048 bytes."""
        self._rtc.memory(data)


class Board:
    """The parts of one pendant. `arm_wake(pins, level)` lets that level of any of the pins end deep sleep.

    `motion` is (interrupt, clock, data): the pins of the accelerometer, where there is one. `pin_registers`
    is the address of GPIO_PIN0_REG, where a pin that ends a light sleep must be kept from interrupting; a
    board without it takes no naps.
    """

    def __init__(
        self,
        key: int,
        red: int,
        green: int,
        buzzer: int,
        cell: int,
        arm_wake,
        cell_divider: int = 2,
        motion: tuple = (),
        pin_registers: int = 0,
    ):
        self.key_down_level = 0  # the key pulls to ground
        self.key_pin = machine.Pin(key, machine.Pin.IN, machine.Pin.PULL_UP)
        self.red_pin = machine.Pin(red, machine.Pin.OUT, value=0)
        self.green_pin = machine.Pin(green, machine.Pin.OUT, value=0)
        self.buzzer = machine.PWM(machine.Pin(buzzer), freq=2700, duty_u16=0)
        self._cell = machine.ADC(machine.Pin(cell), atten=machine.ADC.ATTN_11DB)
        self._cell_divider = cell_divider
        self._arm_wake = arm_wake
        self._key = key
        self.naps = pin_registers != 0
        self._pin_registers = pin_registers
        self._motion = motion
        self._motion_pin = machine.Pin(motion[0], machine.Pin.IN, machine.Pin.PULL_UP) if motion else None
        self.rtc = RtcMemory()
        self.directory = "/anban"

    def mount(self, again: bool) -> None:
        """The directory of the stores is there; `again` after a failure. OSError when flash fails.

        The boot script has mounted the file system. LittleFS does not go on after an error of its chip, even
        when the chip does: then it has to be mounted anew.
        """
        if again:
            self._remount()
        try:
            os.mkdir(self.directory)
        except OSError as error:
            if not (error.args and error.args[0] == 17):  # EEXIST
                raise

    def _remount(self) -> None:
        from flashbdev import bdev  # the port's own block device, frozen into every image

        vfs.umount("/")
        vfs.mount(bdev, "/")

    def power_on_ms(self) -> int:
        """Milliseconds on the RTC, which starts at 0 with the power and is never set."""
        return time.time_ns() // 1000000

    def since_wake_ms(self) -> int:
        """How long ago the chip woke."""
        return time.ticks_diff(time.ticks_ms(), 0) + BOOTLOADER_MS  # its ticks begin with the boot  # type: ignore[operator]

    def wake_cause(self) -> str:
        """`key`, `motion`, `timer`, `watchdog`, `power` or `reset`. Key and motion together are the key."""
        cause = machine.reset_cause()
        if cause == machine.DEEPSLEEP_RESET:
            if machine.wake_reason() == machine.TIMER_WAKE:
                return "timer"
            return "motion" if self._motion_woke() else "key"
        if cause == machine.WDT_RESET:
            return "watchdog"
        return "power" if cause == machine.PWRON_RESET else "reset"

    def _motion_woke(self) -> bool:
        if not self._motion:
            return False
        woken = machine.wake_pins()
        return self._motion[0] in woken and self._key not in woken

    def deep_sleep(self, ms: int, when_down: bool, motion: bool) -> None:
        """Sleeps until the key is down (or, with `when_down` false, until it is up), the accelerometer's line
        is low, if `motion` says so, or the time has passed. All pins of a source share one level: a stuck key
        is waited for alone.
        """
        pins = (self.key_pin,)
        if motion and when_down:
            pins += (self._motion_pin,)  # type: ignore[assignment]
        self._arm_wake(pins, self.key_down_level if when_down else 1 - self.key_down_level)
        machine.deepsleep(ms)

    def light_sleep(self, ms: int) -> None:
        """Sleeps with all that it knows until the key is down or the time has passed; the radio must be off.

        It keeps no edges of the key, `Key.woke` must follow. MicroPython makes a pin that ends it interrupt
        for as long as it is low: a key that is down would let the program do nothing else. So it may not
        interrupt at all until `Pin.irq` is asked for edges again.
        """
        machine.mem32[self._pin_registers + 4 * self._key] &= ~_INTERRUPTS
        self._arm_wake((self.key_pin,), self.key_down_level)
        machine.lightsleep(ms)

    def motion_line_free(self) -> bool:
        """Nothing holds the accelerometer's line: one that is low for ever would wake it for ever."""
        return bool(self._motion_pin.value())

    def accelerometer(self):
        """Its driver, or None on a board without: an ADXL367 where one answers, else an LIS2DW12.

        Each is asked by its own address: a scan of a stuck bus waits for every address, seconds in all.
        """
        if not self._motion:
            return None
        from drivers.pendant import adxl367, lis2dw12

        bus = self._bus()
        chip = adxl367.Adxl367(bus, free_bus=self._free_bus)
        return chip if chip.is_there() else lis2dw12.Lis2dw12(bus, free_bus=self._free_bus)

    def _bus(self):
        return machine.I2C(0, scl=machine.Pin(self._motion[1]), sda=machine.Pin(self._motion[2]), freq=400000)

    def _free_bus(self) -> None:
        from drivers.pendant.registers import clock_out

        scl = machine.Pin(self._motion[1], machine.Pin.OUT, value=1)
        sda = machine.Pin(self._motion[2], machine.Pin.IN, machine.Pin.PULL_UP)
        clock_out(scl, sda, time.sleep_us)
        self._bus()  # the pins belong to the bus again

    def placement(self) -> int:
        """Where it is worn, as provisioning wrote it: 0 neck, 1 waist, 2 wrist."""
        worn = bytearray(1)
        try:
            esp32.NVS("anban").get_blob("worn", worn)
        except OSError:
            pass
        return worn[0]

    def reset(self) -> None:
        """Starts over; RTC memory stays."""
        machine.reset()

    def watchdog(self, timeout_ms: int):
        """The hardware watchdog, with feed()."""
        return machine.WDT(timeout=timeout_ms)

    def battery_mv(self) -> int:
        """Voltage of the cell."""
        return self._cell.read_uv() * self._cell_divider // 1000

    def random_u32(self) -> int:
        """32 bits from the hardware generator (true noise while the radio is on)."""
        return int.from_bytes(os.urandom(4), "little")

    def identity(self) -> tuple:
        """(id, root key, preset) as provisioning wrote them into NVS, a partition of its own that wears
        with nothing.
        """
        nvs = esp32.NVS("anban")
        name = bytearray(16)
        size = nvs.get_blob("id", name)
        root = bytearray(32)
        length = nvs.get_blob("root", root)
        preset = bytearray(1)  # 0 = one-meaning
        try:
            nvs.get_blob("preset", preset)
        except OSError:
            pass
        return bytes(name[:size]).decode(), bytes(root[:length]), preset[0]
