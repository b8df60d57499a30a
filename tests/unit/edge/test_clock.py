"""The hub's clocks: what the platform has confirmed stays right, whatever happens to the system's clock."""

from __future__ import annotations

import pytest

from edge.clock import SystemClock

YEAR_MS = 365 * 86_400_000
NOON_MS = 1_800_000_000_000


class Machine:
    """A machine whose system clock may be set by anybody at any time."""

    def __init__(self, wrong_by_ms: int = 0) -> None:
        self.uptime_ms, self.wrong_by_ms = 5_000, wrong_by_ms
        self.clock = SystemClock(
            boot=1,
            read_monotonic_ms=lambda: self.uptime_ms,
            read_system_ms=lambda: self.true_ms + self.wrong_by_ms,
        )

    @property
    def true_ms(self) -> int:
        return NOON_MS + self.uptime_ms


def test_a_clock_that_nobody_confirmed_is_not_trusted():
    machine = Machine(wrong_by_ms=-YEAR_MS)
    assert not machine.clock.trusted()
    assert machine.clock.wall_ms() == machine.true_ms - YEAR_MS


def test_a_clock_that_is_years_off_reads_right_once_the_platform_has_told_the_time():
    machine = Machine(wrong_by_ms=-20 * YEAR_MS)
    assert machine.clock.confirm(machine.true_ms) == 20 * YEAR_MS
    machine.uptime_ms += 3_600_000
    assert machine.clock.trusted()
    assert machine.clock.wall_ms() == machine.true_ms
    assert machine.clock.offset_ms == 20 * YEAR_MS


@pytest.mark.parametrize("jump_ms", [-YEAR_MS, YEAR_MS, 31_000, -31_000])
def test_a_step_of_the_system_clock_between_two_confirmations_is_not_believed(jump_ms):
    machine = Machine()
    assert machine.clock.confirm(machine.true_ms) == 0
    machine.uptime_ms += 10_000
    machine.wrong_by_ms += jump_ms
    assert machine.clock.wall_ms() == machine.true_ms
    assert machine.clock.trusted()
    machine.uptime_ms += 50_000
    assert machine.clock.confirm(machine.true_ms) == -jump_ms, "the fault is told"
    assert machine.clock.wall_ms() == machine.true_ms


def test_a_system_clock_that_was_put_right_is_no_fault_any_more():
    machine = Machine(wrong_by_ms=YEAR_MS)
    machine.clock.confirm(machine.true_ms)
    machine.wrong_by_ms = 0
    machine.clock.confirm(machine.true_ms)
    assert machine.clock.offset_ms == 0
    assert machine.clock.wall_ms() == machine.true_ms


def test_a_word_of_the_platform_that_was_long_on_its_way_moves_nothing():
    machine = Machine()
    machine.clock.confirm(machine.true_ms - 9_000)
    machine.uptime_ms += 60_000
    machine.clock.confirm(machine.true_ms - 29_000)
    assert machine.clock.wall_ms() == machine.true_ms


def test_the_machines_own_clocks_are_read():
    clock = SystemClock()
    before = clock.monotonic_ms()
    assert clock.monotonic_ms() >= before
    assert clock.wall_ms() > NOON_MS - 20 * YEAR_MS


def test_a_suggested_time_is_shown_and_not_trusted():
    machine = Machine(wrong_by_ms=-9 * YEAR_MS)
    assert machine.clock.suggest(machine.true_ms) == 9 * YEAR_MS
    machine.uptime_ms += 3_600_000
    machine.wrong_by_ms += 5 * YEAR_MS  # somebody sets the system's clock
    assert machine.clock.wall_ms() == machine.true_ms
    assert not machine.clock.trusted()
    assert machine.clock.source() == "network"


def test_what_the_platform_says_stands_against_every_suggestion():
    machine = Machine(wrong_by_ms=-9 * YEAR_MS)
    assert machine.clock.source() == ""
    machine.clock.suggest(machine.true_ms + 90 * 60_000)
    assert machine.clock.confirm(machine.true_ms) == 9 * YEAR_MS, "the system's own error is told, not that"
    machine.clock.suggest(machine.true_ms + 90 * 60_000)
    assert machine.clock.wall_ms() == machine.true_ms
    assert machine.clock.source() == "platform"


def test_a_suggestion_near_the_systems_clock_leaves_that_one():
    machine = Machine()
    assert machine.clock.suggest(machine.true_ms + 20_000) == 0
    assert machine.clock.wall_ms() == machine.true_ms
