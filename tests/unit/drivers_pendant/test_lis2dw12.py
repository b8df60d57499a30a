"""The accelerometer's driver against the chip's registers: history, interrupts, a bus that fails."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.pendant import lis2dw12, registers
from drivers.pendant.lis2dw12 import Lis2dw12
from sim.pendant.lis2dw12_chip import Chip
from tests.unit.drivers_pendant.bench import ChipBench


def made(patch: pytest.MonkeyPatch | None = None) -> ChipBench:
    return ChipBench(Chip, Lis2dw12, lambda at_s: (0, 0, 1000), patch)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ChipBench:
    bench = made(monkeypatch)
    bench.driver.start(25)
    return bench


def near(sample: tuple[int, int, int], wanted: tuple[int, int, int]) -> bool:
    return all(abs(a - b) <= 8 for a, b in zip(sample, wanted, strict=True))  # 12 bits of +-8 g: 3.9 mg


def test_what_acts_on_it_is_read_in_milli_g(bench: ChipBench) -> None:
    bench.feel = lambda at_s: (-250, 980, 7400)
    bench.after(1.01)
    samples = bench.driver.read()
    assert len(samples) == 25
    assert all(near(sample, (-250, 980, 7400)) for sample in samples)
    assert bench.driver.read() == []


def test_more_than_the_range_is_its_end(bench: ChipBench) -> None:
    bench.feel = lambda at_s: (30_000, -30_000, 0)
    bench.after(0.1)
    x, y, _ = bench.driver.read()[-1]
    assert 7900 < x < 8001
    assert -8001 <= y < -7900


def test_the_newest_second_is_kept_and_the_loss_is_told(bench: ChipBench) -> None:
    bench.feel = lambda at_s: (round(at_s * 100), 0, 0)
    bench.after(5.0)
    samples = bench.driver.read()
    assert bench.driver.overrun
    assert len(samples) == lis2dw12.DEPTH
    assert near(samples[-1], (500, 0, 0))
    assert near(samples[0], (500 - 31 * 4, 0, 0))
    bench.after(0.2)
    bench.driver.read()
    assert not bench.driver.overrun


def test_a_blow_pulls_the_line_until_it_is_asked(bench: ChipBench) -> None:
    assert bench.chip.line == 1
    bench.after(1.0)
    assert bench.chip.line == 1, "lying still wakes nobody"
    bench.feel = lambda at_s: (0, 0, 4000)
    bench.after(0.1)
    bench.feel = lambda at_s: (0, 0, 1000)
    bench.after(5.0)
    assert bench.chip.line == 0
    assert bench.driver.cause() & registers.CAUSE_WAKE
    assert bench.chip.line == 1
    assert bench.driver.cause() == registers.CAUSE_NONE


def test_a_drop_pulls_the_line_before_the_blow(bench: ChipBench) -> None:
    bench.after(0.5)
    bench.feel = lambda at_s: (60, 60, 100)
    bench.after(0.4)
    assert bench.chip.line == 0
    assert bench.driver.cause() & registers.CAUSE_FREE_FALL


def test_a_step_wakes_nobody(bench: ChipBench) -> None:
    bench.feel = lambda at_s: (0, 0, 1000 + (300 if round(at_s * 25) % 14 == 0 else -100))
    bench.after(20.0)
    assert bench.chip.line == 1


def test_after_a_sleep_its_history_stands(bench: ChipBench) -> None:
    bench.after(3.0)
    woken = Lis2dw12(bench)
    assert woken.resume(25)
    assert len(woken.read()) == lis2dw12.DEPTH


def test_after_a_brown_out_it_has_to_be_set_up_anew(bench: ChipBench) -> None:
    bench.chip.reset()
    woken = Lis2dw12(bench)
    assert not woken.resume(25)
    woken.start(25)
    bench.after(0.5)
    assert len(woken.read()) == 12


def test_an_error_of_the_bus_is_tried_again(bench: ChipBench) -> None:
    bench.after(0.41)
    bench.chip.nak = 1
    assert len(bench.driver.read()) == 10
    assert (bench.driver.errors, bench.freed) == (1, 1)


def test_a_stuck_bus_is_clocked_free(bench: ChipBench) -> None:
    bench.chip.stuck = True
    bench.after(0.41)
    assert len(bench.driver.read()) == 10
    assert not bench.chip.stuck


def test_a_dead_bus_is_an_error_and_nothing_else(bench: ChipBench) -> None:
    bench.chip.nak = 10**6
    with pytest.raises(OSError, match="19"):
        bench.driver.read()
    with pytest.raises(OSError, match="19"):
        bench.driver.start(25)


def test_another_chip_at_its_address_is_refused(bench: ChipBench) -> None:
    bench.chip._registers[0x0F] = 0x33
    with pytest.raises(OSError, match="19"):
        bench.driver.start(25)
    assert not bench.driver.resume(25)


def test_the_self_test_tells_a_good_chip_from_one_that_does_not_move(
    bench: ChipBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.driver.self_test()
    monkeypatch.setattr("sim.pendant.lis2dw12_chip.PUSH_MG", (0, 350, 900))
    assert not bench.driver.self_test()


def test_its_temperature(bench: ChipBench) -> None:
    assert bench.driver.temperature_c() == 25
    bench.chip._registers[0x0D:0x0F] = (-5 << 8 & 0xFFFF).to_bytes(2, "little")
    assert bench.driver.temperature_c() == 20


class Line:
    """A wire of the bus as a pin; `after` clocks the slave lets go of the data line."""

    def __init__(self, after: int) -> None:
        self.after, self.clocks, self.level = after, 0, 1

    def value(self, level: int | None = None) -> int:
        if level is None:
            return int(self.clocks >= self.after)
        self.clocks += level > self.level
        self.level = level
        return 0


@pytest.mark.parametrize(("after", "free"), [(0, True), (3, True), (9, True), (10, False)])
def test_nine_clocks_free_any_slave_or_none_does(after: int, free: bool) -> None:
    line = Line(after)
    assert registers.clock_out(line, line, lambda us: None) is free
    assert line.clocks == min(after, 9)


@given(st.lists(st.tuples(st.integers(0x20, 0x3F), st.integers(0, 255)), max_size=20), st.floats(0, 3))
@example([], 0.28)  # a sample is due at the very end
@settings(max_examples=60, deadline=None)
def test_whatever_stands_in_its_registers_it_can_be_set_up(
    writes: list[tuple[int, int]], wait_s: float
) -> None:
    bench = made()
    for register, value in writes:
        bench.chip.write(register, bytes((value,)), bench.now_s)
        bench.after(0.01)
    bench.driver.start(50)
    bench.driver.read()
    bench.after(0.2 + wait_s)
    assert abs(len(bench.driver.read()) - min((0.2 + wait_s) * 50, 32)) < 1.5
