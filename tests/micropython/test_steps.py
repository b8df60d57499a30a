"""Whoever gets up and walks is noticed, whoever lies there is not: on both interpreters alike.

The motion is made up (sim/motion.py); how often it is right, `anban bench fall` tells of recordings.
"""

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import build
from firmware.pendant.steps import HZ, LOOKS, Steps
from sim import motion
from sim.pendant.board import mpy_cache
from tests.micropython.hubside import micropython
from tests.micropython.test_fall import DECISION_US, OPERATION_US

LYING = (970, 50, 220)
HEAP_BYTES = 1024


def said(samples: list[motion.Sample], hang: motion.Sample | None = motion.UPRIGHT_MG) -> list[int]:
    """After how many seconds it says that somebody walks."""
    steps = Steps(hang)
    return [n // HZ for n, sample in enumerate(samples) if steps.update(*sample)]


@pytest.mark.parametrize("seed", range(5))
def test_whoever_walks_on_is_noticed_once_after_some_steps(seed: int) -> None:
    (after_s,) = said(motion.Wearer(seed, HZ).walk(30))
    assert LOOKS + 1 <= after_s <= 9


def test_a_few_steps_are_no_walk() -> None:
    wearer = motion.Wearer(1, HZ)
    few = [*wearer.walk(3), *wearer.rest(3)]
    assert said(few * 5) == []


@pytest.mark.parametrize("pose", [*motion.LYING, motion.UPRIGHT])
def test_whoever_lies_or_stands_still_does_not_walk(pose: motion.Pose) -> None:
    assert said(motion.Wearer(2, HZ, pose).rest(60)) == []
    assert said(motion.Wearer(2, HZ, pose).rest(60, noise=120.0), None) == [], "who shivers neither"


@pytest.mark.parametrize("pose", motion.LYING)
def test_whoever_is_carried_lying_does_not_walk(pose: motion.Pose) -> None:
    """The bearers' steps are felt; the pendant does not hang as it did."""
    carried = motion.Wearer(3, HZ, pose).walk(60)
    assert said(carried) == []
    assert said(carried, None) != [], "at the wrist nothing tells it apart: the hub asks, and that is all"


def test_a_hanging_angle_that_is_not_known_tells_of_no_walk() -> None:
    assert said(motion.Wearer(4, HZ).walk(30), (0, 0, 0)) == []


def test_rocking_in_a_chair_is_slower_than_steps() -> None:
    rocked = [(50, -990 + (150 if n % 50 < 25 else -150), 100) for n in range(60 * HZ)]
    assert said(rocked) == []


def test_both_interpreters_say_the_same_in_little_memory() -> None:
    wearer = motion.Wearer(5, HZ)
    samples = [*wearer.rest(5), *wearer.walk(12), *wearer.rest(4), *wearer.walk(12)]
    text = "".join("{} {} {}\n".format(*s) for s in [motion.UPRIGHT_MG, *samples])
    tree = str(build.cached("unix", mpy_cache()))
    said_there, takes = micropython("probe_steps.py", path=tree, stdin=text).splitlines()
    assert [int(n) // HZ for n in said_there.split()] == said(samples) != []
    assert int(takes) < 2 * HEAP_BYTES, "64-bit words here, 32-bit ones on the chip"


def test_a_look_is_short() -> None:
    steps, most, count = Steps(motion.UPRIGHT_MG), 0, 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    for sample in motion.Wearer(6, HZ).walk(8):
        count = 0
        sys.settrace(trace)
        try:
            steps.update(*sample)
        finally:
            sys.settrace(None)
        most = max(most, count)
    assert most > 1000, "it looked"
    assert most * OPERATION_US < DECISION_US, most


@given(st.lists(st.tuples(*[st.integers(-40_000, 40_000)] * 3), max_size=400))
@settings(max_examples=30, deadline=None)
def test_no_stream_breaks_it(samples: list[motion.Sample]) -> None:
    said(samples)
    said(samples, None)
