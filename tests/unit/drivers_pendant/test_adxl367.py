"""The ADXL367's driver against the chip's registers: its long history, interrupts, a bus that fails."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.pendant import adxl367, registers
from drivers.pendant.adxl367 import Adxl367
from sim.pendant.adxl367_chip import Chip
from tests.unit.drivers_pendant.bench import ChipBench


def made(patch: pytest.MonkeyPatch | None = None) -> ChipBench:
    return ChipBench(Chip, Adxl367, lambda at_s: (0, -1000, 0), patch)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ChipBench:
    bench = made(monkeypatch)
    bench.driver.start(25)
    return bench


def test_what_acts_on_it_is_read_in_milli_g(bench: ChipBench) -> None:
    bench.feel = lambda at_s: (-250, 980, 7400)
    bench.after(1.01)
    assert bench.driver.read() == [(-250, 980, 7400)] * 25
    assert bench.driver.read() == []


def test_who_looks_often_slows_nothing(bench: ChipBench) -> None:
    for _ in range(100):
        bench.after(0.01)
    assert len(bench.driver.read()) == 25


def test_more_than_the_range_is_its_end(bench: ChipBench) -> None:
    bench.feel = lambda at_s: (30_000, -30_000, 0)
    bench.after(0.1)
    assert bench.driver.read()[-1] == (8191, -8192, 0)


def test_nearly_seven_seconds_are_kept_and_the_loss_is_told(bench: ChipBench) -> None:
    bench.feel = lambda at_s: (round(at_s * 100), 0, 0)
    bench.after(9.01)
    samples = bench.driver.read()
    assert bench.driver.overrun
    assert len(samples) == adxl367.DEPTH
    assert samples[-1][0] - samples[0][0] == 169 * 4
    bench.after(0.2)
    bench.driver.read()
    assert not bench.driver.overrun


def test_a_sample_that_was_torn_is_left_out(bench: ChipBench) -> None:
    bench.feel = lambda at_s: (1, 2, 3)
    bench.after(0.21)
    bench.chip._fifo.popleft()
    bench.chip._fifo.pop()
    assert bench.driver.read() == [(1, 2, 3)] * 3
    bench.after(0.2)
    assert set(bench.driver.read()) == {(1, 2, 3)}


def test_a_blow_pulls_the_line_until_it_is_asked(bench: ChipBench) -> None:
    assert bench.chip.line == 1
    bench.after(1.0)
    assert bench.chip.line == 1, "hanging still wakes nobody"
    bench.feel = lambda at_s: (0, -2500, 0)
    bench.after(0.1)
    bench.feel = lambda at_s: (0, -1000, 0)
    bench.after(5.0)
    assert bench.chip.line == 0
    assert bench.driver.cause() == registers.CAUSE_WAKE
    assert bench.chip.line == 1
    assert bench.driver.cause() == registers.CAUSE_NONE


def test_a_drop_pulls_the_line_before_the_blow(bench: ChipBench) -> None:
    bench.after(0.5)
    bench.feel = lambda at_s: (60, 60, 100)
    bench.after(0.4)
    assert bench.chip.line == 0
    assert bench.driver.cause() == registers.CAUSE_FREE_FALL


def test_what_a_read_saw_of_the_cause_is_not_lost(bench: ChipBench) -> None:
    """Reading the status lets go of the line; who asks later still hears of the blow."""
    bench.feel = lambda at_s: (0, -2500, 0)
    bench.after(0.1)
    bench.feel = lambda at_s: (0, -1000, 0)
    bench.driver.read()
    assert bench.driver.cause() == registers.CAUSE_WAKE
    assert bench.driver.cause() == registers.CAUSE_NONE


def test_lying_on_any_side_and_walking_wake_nobody(bench: ChipBench) -> None:
    for pose in ((1000, 0, 0), (0, 0, -1000), (700, 700, 0)):
        bench.feel = lambda at_s, pose=pose: pose
        bench.after(2.0)
    bench.feel = lambda at_s: (0, -1000 - (450 if round(at_s * 25) % 14 == 0 else -100), 0)
    bench.after(20.0)
    assert bench.chip.line == 1


def test_after_a_sleep_its_history_stands(bench: ChipBench) -> None:
    bench.after(8.0)
    woken = Adxl367(bench)
    assert woken.resume(25)
    assert not woken.resume(50)
    assert len(woken.read()) == adxl367.DEPTH


def test_after_a_brown_out_it_has_to_be_set_up_anew(bench: ChipBench) -> None:
    bench.chip.reset()
    woken = Adxl367(bench)
    assert not woken.resume(25)
    woken.start(25)
    bench.after(0.5)
    assert len(woken.read()) == 12


def test_an_error_of_the_bus_is_tried_again_and_a_stuck_one_freed(bench: ChipBench) -> None:
    bench.after(0.41)
    bench.chip.nak = 1
    assert len(bench.driver.read()) == 10
    bench.chip.stuck = True
    bench.after(0.4)
    assert len(bench.driver.read()) == 10
    assert bench.driver.errors == 2


def test_a_dead_bus_or_another_chip_is_an_error_and_nothing_else(bench: ChipBench) -> None:
    bench.chip.nak = 10**6
    with pytest.raises(OSError, match="19"):
        bench.driver.read()
    bench.chip.nak = 0
    bench.chip._registers[0x02] = 0xF2  # its elder brother
    with pytest.raises(OSError, match="19"):
        bench.driver.start(25)
    assert not bench.driver.resume(25)


def test_the_self_test_tells_a_good_chip_from_one_that_does_not_move(
    bench: ChipBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.driver.self_test()
    monkeypatch.setattr("sim.pendant.adxl367_chip.PUSH_MG", 20)
    assert not bench.driver.self_test()


@pytest.mark.parametrize("celsius", [25.0, -5.0, 41.0])
def test_its_temperature(bench: ChipBench, celsius: float) -> None:
    bench.chip.celsius = celsius
    assert bench.driver.temperature_c() == celsius


@given(st.lists(st.tuples(st.integers(0x1F, 0x45), st.integers(0, 255)), max_size=20), st.floats(0, 3))
@example([], 0.36)  # a sample is due at the very end
@settings(max_examples=40, deadline=None)
def test_whatever_stands_in_its_registers_it_can_be_set_up(
    writes: list[tuple[int, int]], wait_s: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        bench = made(patch)
        for register, value in writes:
            bench.chip.write(register, bytes((value,)), bench.now_s)
            bench.after(0.01)
        bench.driver.start(50)
        bench.driver.read()
        bench.after(0.2 + wait_s)
        assert abs(len(bench.driver.read()) - (0.2 + wait_s) * 50) < 1.5
