"""The fall detector on both interpreters: equal decisions, bounded memory, a bounded number of operations.

The motion is made up (sim/motion.py): what the detector is worth is told by `anban bench fall` alone.
"""

import importlib.util
import random
import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware import build
from firmware.pendant import fall
from sim import motion
from sim.pendant.board import mpy_cache
from tests.micropython.hubside import micropython

Samples = list[motion.Sample]
HEAP_BYTES = 4096
DECISION_US = 20_000
OPERATION_US = 1.0  # a bytecode on an ESP32-C3 at 160 MHz, about [estimate; nothing was timed on a chip]
LONG_US = 8.0  # a sum, shift or mask of a number of 92 bytes, in C, with its memory [estimate]
ELEMENT_US = 0.1  # an element in sum(), min(), max() or a slice, in C [estimate]


def decisions(samples: Samples, hz: int) -> list[list[int]]:
    detector = fall.make(hz)
    out = []
    for n, sample in enumerate(samples):
        seen = detector.candidates
        alarm = detector.update(*sample)
        if detector.candidates != seen:
            out.append([n, int(alarm), detector.score, *detector.f])
    return out


def alarms(samples: Samples, hz: int = 50) -> list[int]:
    return [row[0] for row in decisions(samples, hz) if row[1]]


def wild(seed: int) -> Samples:
    """Blows and stillness with no sense in it, the chip's whole range."""
    dice = random.Random(seed)
    out: Samples = []
    while len(out) < 1500:
        size = dice.choice((20, 300, 2000, 16000))
        x, y, z = (dice.randint(-size, size) for _ in range(3))
        out += [(x + dice.randint(-9, 9), y, z) for _ in range(dice.randint(1, 40))]
    return out


@pytest.mark.parametrize("hz", [25, 50])
def test_both_interpreters_decide_alike(hz: int) -> None:
    recordings = [motion.fallen(seed, hz) for seed in range(4)] + [motion.day(9, hz), wild(1), wild(2)]
    text = "".join("".join("{} {} {}\n".format(*s) for s in samples) + "r\n" for samples in recordings)
    tree = str(build.cached("unix", mpy_cache()))
    got = micropython("probe_fall.py", "decisions", str(hz), path=tree, stdin=text)
    theirs = [
        [[int(word) for word in line.split()] for line in part.splitlines() if line]
        for part in got.split("r\n")[:-1]
    ]
    assert theirs == [decisions(samples, hz) for samples in recordings]
    assert sum(len(part) for part in theirs) > 20


@pytest.mark.parametrize("hz", [25, 50])
def test_somebody_who_falls_and_stays_down_is_found_once(hz: int) -> None:
    for seed in range(10):
        found = alarms(motion.fallen(seed, hz), hz)
        assert len(found) == 1
        impact = 6.0 * hz
        assert 2.5 * hz < found[0] - impact < 4.0 * hz


def test_walking_and_sitting_down_is_no_fall() -> None:
    for seed in range(10):
        assert alarms(motion.day(seed)) == []


def test_a_step_just_before_swallows_no_fall() -> None:
    """No lock-out: an impact a second and a half before the fall is a candidate of its own."""
    wearer = motion.Wearer(3)
    stumble = [*wearer.walk(6), (300, -2600, 500), *wearer.walk(1.5)]
    assert len(alarms([*stumble, *wearer.fall(), *wearer.rest(8)])) == 1


def test_the_way_the_pendant_hangs_does_not_matter() -> None:
    turned = [(z, -x, -y) for x, y, z in motion.fallen(5)]
    assert alarms(turned) == alarms(motion.fallen(5)) != []


def test_reset_forgets_everything() -> None:
    detector = fall.make(50)
    samples = motion.fallen(1)
    first = [n for n, s in enumerate(samples) if detector.update(*s)]
    detector.update(16000, 16000, 16000)
    detector.reset()
    assert [n for n, s in enumerate(samples) if detector.update(*s)] == first


def test_it_is_a_plain_file_that_anybody_can_load(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fall.py", "fall_trunk.py", "fall_wrist.py"):
        (tmp_path / name).write_bytes((build.ROOT / "firmware/pendant" / name).read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "firmware", None)  # the package is not there
    spec = importlib.util.spec_from_file_location("plain_fall", tmp_path / "fall.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    detector = module.make(50)
    assert sum(bool(detector.update(*s)) for s in motion.fallen(1)) == 1
    assert module.make_wrist(25).update(0, 0, 1000) is False


def test_it_takes_less_than_4_kb_and_stays_flat() -> None:
    samples = "".join("{} {} {}\n".format(*s) for s in [*motion.fallen(1), *motion.day(1)])
    tree = str(build.cached("unix", mpy_cache()))
    words = micropython("probe_fall.py", "heap", "50", heap="4M", path=tree, stdin=samples).split()
    got = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    # 64-bit words here, 32-bit ones on the chip: what is measured is too much rather than too little
    assert got["takes"] < 2 * HEAP_BYTES, got
    assert got["more"] < 512, got
    assert got["candidates"] > 2
    for detector in (fall.make(50), fall.make_wrist(50)):
        arrays = (detector._x, detector._y, detector._z, detector._high, detector._low, detector._move)
        parts = (detector._trees, detector._shapes, detector.f, fall._ROOTS)
        assert sum(len(a) * a.itemsize for a in arrays) + sum(map(len, parts)) < HEAP_BYTES - 400


def test_a_decision_does_not_take_long() -> None:
    """Operations are counted by CPython's tracer; what one costs on the chip is an estimate."""
    most = [0, 0, 0]  # trees, shapes, features, each with the sample that is taken in beside
    detector = fall.make(50)
    samples = motion.fallen(2)
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    for sample in samples:
        count = 0
        due = detector.stage
        sys.settrace(trace)
        try:
            detector.update(*sample)
        finally:
            sys.settrace(None)
        if detector.stage != due:
            most[detector.stage] = max(most[detector.stage], count)
    elements = 12 * 32 * 3  # stretches of blocks that are summed or looked through, at most
    kinds = [detector._shapes[at] for at in range(0, len(detector._shapes), 4)]
    long_ones = 9 * len(kinds) + 20 * len(set(kinds))  # made for each shape, and for each kind of them
    assert min(most) > 1000
    took_us = sum(most) * OPERATION_US + elements * ELEMENT_US + long_ones * LONG_US
    assert took_us < DECISION_US, (most, took_us)


@given(st.lists(st.tuples(*[st.integers(-40_000, 40_000)] * 3), max_size=600))
@example([(0, 9048, 0), (0, 16000, 0)])  # 12 g of the first block were where it began to hang
@settings(max_examples=30, deadline=None)
def test_no_stream_breaks_it(samples: Samples) -> None:
    detector = fall.make(25)
    for sample in samples:
        detector.update(*sample)
    assert len(alarms([*samples, *motion.Wearer(1).rest(6), *motion.fallen(1)])) >= 1
