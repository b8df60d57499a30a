# The `machine` module of an ESP32-C3 for the unix port: pins, PWM, ADC, RTC memory, watchdog, light and deep
# sleep, reset.
import binascii
import json
import socket
import time

import powered

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
PIN_WAKE = 2
TIMER_WAKE = 4


class Pin:
    IN = 1
    OUT = 3
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, number, mode=-1, pull=-1, value=None):
        self.number = number
        self._out = mode == Pin.OUT
        self._level = 0
        if self._out:
            self._level = value or 0

    def value(self, level=None):
        if level is None:
            if self.number == powered.param("i2c_data"):
                return I2C(0).ask(s=1)["v"]
            if self.number == powered.param("i2c_line"):
                return I2C(0).ask(l=1)["v"]  # what was just let go of is free
            return self._level if self._out else powered.levels.get(self.number, 1)
        level = 1 if level else 0
        if level != self._level:
            self._level = level
            powered.emit("pin", [self.number, level])
            if self.number == powered.param("i2c_clock") and level:
                I2C(0).ask(c=1)  # by the bus's own way: it is ordered with what is read next

    def irq(self, handler=None, trigger=IRQ_RISING | IRQ_FALLING):
        powered.handlers[self.number] = lambda: handler(self)
        powered.interrupting.add(self.number)
        powered.by_level.discard(self.number)
        powered.listen()


class PWM:
    def __init__(self, pin, freq=0, duty_u16=0):
        self._pin = pin
        self._freq = freq
        self._duty = duty_u16

    def freq(self, hertz):
        self._freq = hertz

    def duty_u16(self, duty):
        if bool(duty) != bool(self._duty):
            powered.emit("pwm", [self._pin.number, self._freq if duty else 0])
        self._duty = duty


class ADC:
    ATTN_11DB = 3

    def __init__(self, pin, atten=None):
        self._pin = pin

    def read_uv(self):
        return powered.microvolts.get(self._pin.number, 2000000)


class I2C:
    # Each transaction is a line to the bench, where the chips run on while this one sleeps.
    _socket = None

    def __init__(self, bus, scl=None, sda=None, freq=400000):
        if I2C._socket is None:
            I2C._socket = s = socket.socket(socket.AF_UNIX)
            s.connect(b"\x01\x00" + powered.param("i2c").encode() + b"\x00")

    def ask(self, **request):
        I2C._socket.write((json.dumps(request) + "\n").encode())
        answer = json.loads(I2C._socket.readline())
        if "e" in answer:
            raise OSError(answer["e"])
        return answer

    def readfrom_mem_into(self, address, register, buffer):
        buffer[:] = binascii.unhexlify(self.ask(a=address, r=register, n=len(buffer))["d"])

    def writeto_mem(self, address, register, data):
        self.ask(a=address, w=register, d=binascii.hexlify(data).decode())


class RTC:
    # A file stands for the memory: two bytes of length, then the bytes, rewritten in place by one write,
    # which no signal can tear. (A rename has the disk flushed, and a busy one takes seconds for that.)
    _file = None

    def _open(self):
        if RTC._file is None:
            try:
                RTC._file = open(powered.param("rtc"), "r+b")  # noqa: SIM115
            except OSError:
                RTC._file = open(powered.param("rtc"), "w+b")  # noqa: SIM115
        RTC._file.seek(0)
        return RTC._file

    def memory(self, data=None):
        if data is None:
            kept = self._open().read()
            return kept[2 : 2 + int.from_bytes(kept[:2], "little")]
        if len(data) > 2048:
            raise ValueError("2048 bytes")
        self._open().write(len(data).to_bytes(2, "little") + data)


class WDT:
    def __init__(self, timeout):
        powered.emit("wdt", timeout)

    def feed(self):
        powered.emit("feed", 0)


def reset_cause():
    return powered.param("reset_cause")


def wake_reason():
    return powered.param("wake_reason")


def wake_pins():
    return tuple(powered.param("wake_pins"))


def unique_id():
    return binascii.unhexlify(powered.param("address"))


class _Registers:
    # GPIO_PINn_REG alone: bits 13 to 17 let the pin interrupt.
    PIN0 = 0x60004074
    INTERRUPTS = 0x1F << 13

    def __getitem__(self, address):
        return 0x2000 if (address - self.PIN0) // 4 in powered.interrupting else 0

    def __setitem__(self, address, value):
        if not value & self.INTERRUPTS:
            powered.interrupting.discard((address - self.PIN0) // 4)


mem32 = _Registers()


def lightsleep(ms):
    # As on the chip: a radio that is on loses what it was doing for good (MicroPython's issue 6396); a pin
    # that may end the sleep interrupts by its level from then on, and does so without end while it is low.
    import bluetooth
    import esp32

    bluetooth.BLE().die()
    for pin, _ in esp32.armed:
        powered.by_level.add(pin)
    powered.nap(ms, esp32.armed)
    for pin in powered.by_level & powered.interrupting:
        while powered.levels.get(pin, 1) == 0:
            time.sleep(1)  # the handler is called again and again: nothing but the watchdog ends it


def deepsleep(ms=0):
    import esp32

    powered.emit("sleep", [ms, esp32.armed, powered.taken])
    powered.end()


def reset():
    powered.emit("reset", 0)
    powered.end()
