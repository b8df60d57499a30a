"""What a look at the FIFO takes: operations of the whole loop, counted; the energy model goes by them."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from drivers.pendant.lis2dw12 import Lis2dw12
from firmware import energy
from firmware.pendant import falls
from sim import motion
from sim.pendant.lis2dw12_chip import Chip
from tests.micropython.test_fall import ELEMENT_US, OPERATION_US

BYTE_US = 9 / 0.4  # nine clocks at 400 kHz
CALL_US = 200  # of MicroPython's I2C [estimate]
NAP_US = 820  # to light sleep and back [measured by others: firmware/energy.py]
COLLECT_US = 1000  # a look's share of a collection of the heap [estimate]
ELEMENTS = 12 * 32 * 3 + 24 * 4 * 46  # stretches of blocks that are summed or looked through, at most
START_MS = 5_000_000
LOOKS = 100


class Clock:
    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms


class Pin:
    def value(self, level: int | None = None) -> int:
        return 1

    def irq(self, handler: Any) -> None:
        pass


class Board:
    """A board that a blow has woken; it counts what goes over the bus."""

    naps = True
    key_down_level = 0

    def __init__(self, directory: Path, clock: Clock, samples: list[motion.Sample]) -> None:
        self.directory = str(directory)
        self.key_pin = self.red_pin = self.green_pin = Pin()
        self.buzzer = SimpleNamespace(freq=lambda hertz: None, duty_u16=lambda duty: None)
        self.rtc = SimpleNamespace(read=lambda: b"", write=lambda data: None)
        self._clock, self._samples = clock, samples
        self._chip = Chip(self._felt, START_MS / 1000)
        self.calls = self.bytes = self.napped = 0

    def _felt(self, at_s: float) -> motion.Sample:
        return self._samples[round((at_s - START_MS / 1000) * falls.HZ) % len(self._samples)]

    def identity(self) -> tuple[str, bytes, int]:
        return "pd-01", bytes(16), 0

    def mount(self, again: bool) -> None:
        pass

    def random_u32(self) -> int:
        return 7

    def wake_cause(self) -> str:
        return "motion"

    def watchdog(self, timeout_ms: int) -> Any:
        return SimpleNamespace(feed=lambda: None)

    def battery_mv(self) -> int:
        return 4000

    def placement(self) -> int:
        return 0

    def accelerometer(self) -> Lis2dw12:
        return Lis2dw12(self)

    def readfrom_mem_into(self, address: int, register: int, into: bytearray) -> None:
        self.calls += 1
        self.bytes += len(into) + 3
        into[:] = self._chip.read(register, len(into), self._clock.ms / 1000)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        self._chip.write(register, data, self._clock.ms / 1000)

    def light_sleep(self, ms: int) -> None:
        self._clock.ms += ms
        self.napped += 1


@pytest.fixture
def no_radio(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The loop's module needs these two of MicroPython's; the radio must not be switched on."""
    flag = SimpleNamespace(set=lambda: None)
    monkeypatch.setattr(asyncio, "ThreadSafeFlag", lambda: flag, raising=False)
    monkeypatch.setitem(sys.modules, "bluetooth", SimpleNamespace(BLE=object))
    yield
    for name in ("firmware.pendant.app", "firmware.pendant.radio"):
        sys.modules.pop(name, None)


def counted(app: Any) -> int:
    """Operations of the firmware in one pass."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        if "pendant" not in frame.f_code.co_filename or "sim" in Path(frame.f_code.co_filename).parts:
            return None
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        app.doze(app.turn())
    finally:
        sys.settrace(None)
    return count


def test_a_look_and_a_decision_take_about_what_the_energy_model_says(no_radio: None, tmp_path: Path) -> None:
    """About: each Python has operations of its own."""
    from firmware.pendant.app import App

    wearer = motion.Wearer(3, falls.HZ)
    samples: list[motion.Sample] = []
    for _ in range(40):  # steps that may be impacts, as of a brisk walk
        samples += [*wearer.walk(0.92), (60, -2100, 90), (20, -1700, 110)]
    clock = Clock()
    board = Board(tmp_path, clock, samples)
    app = App(board, clock)
    app.start()
    app.store.heartbeat_ms = app.store.proof_ms = clock.ms
    detector = app.falls._detector
    looks: list[int] = []
    judging: list[int] = []  # one of a decision's steps, or more
    for n in range(LOOKS):
        judged, due = detector.candidates, detector.stage
        count = counted(app)
        if n > 1:  # not those that end the start
            busy = due or detector.stage or detector.candidates > judged
            (judging if busy else looks).append(count)
        clock.ms += 8
    assert board.napped == LOOKS
    plain = sum(looks) / len(looks)
    bus_us = (board.bytes * BYTE_US + board.calls * CALL_US) / LOOKS
    look_us = plain * OPERATION_US + bus_us + NAP_US + COLLECT_US
    assert look_us / 1e6 == pytest.approx(energy.LOOK_S, rel=0.3)
    more = (sum(judging) - plain * len(judging)) / detector.candidates
    more_us = more * OPERATION_US + ELEMENTS * ELEMENT_US
    assert more_us / 1e6 == pytest.approx(energy.DECISION_S, rel=0.3)
