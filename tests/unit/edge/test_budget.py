"""What a SIM may cost in a day, over restarts and wrong clocks."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.budget import DAY_MS, Budget
from edge.entries import Stamp
from protocols.errors import AnbanError, Reason


class Kept:
    """A state in memory; `works` False: the disk takes nothing."""

    def __init__(self, raw=None):
        self.raw, self.works = raw, True

    def get(self, space, name):
        return self.raw

    def put(self, space, name, value):
        if not self.works:
            raise AnbanError(Reason.STORAGE_FULL, "full")
        self.raw = value


class Clock:
    def __init__(self):
        self.boot, self.uptime_ms, self.wall_ms, self.trusted = 1, 0, 1_800_000_000_000, True

    def __call__(self):
        return Stamp(uptime_ms=self.uptime_ms, boot=self.boot, wall_ms=self.wall_ms, trusted=self.trusted)

    def on(self, ms):
        self.uptime_ms += ms
        self.wall_ms += ms

    def reboot(self, *, trusted=True, away_ms=60_000):
        self.boot, self.uptime_ms, self.trusted = self.boot + 1, 20_000, trusted
        self.wall_ms += away_ms


async def spend_all(budget, count):
    for _ in range(count):
        await budget.spend()


async def refused(budget):
    with pytest.raises(AnbanError) as error:
        await budget.spend()
    return error.value.reason is Reason.RATE_LIMITED


async def test_a_restart_does_not_forget_what_was_spent():
    kept, clock = Kept(), Clock()
    await spend_all(Budget(kept, "texts", 5, clock), 5)
    clock.on(1_000)
    again = Budget(kept, "texts", 5, clock)
    assert again.spent() == 5
    assert await refused(again)


async def test_a_day_later_it_is_there_anew_over_a_reboot_too():
    kept, clock = Kept(), Clock()
    await spend_all(Budget(kept, "texts", 5, clock), 5)
    clock.reboot(away_ms=DAY_MS - 1)
    assert await refused(Budget(kept, "texts", 5, clock))
    clock.on(1)
    await Budget(kept, "texts", 5, clock).spend()


async def test_what_is_of_unknown_age_counts_for_a_day_of_this_run():
    kept, clock = Kept(), Clock()
    await spend_all(Budget(kept, "texts", 5, clock), 5)
    clock.reboot(trusted=False, away_ms=-9 * DAY_MS)
    budget = Budget(kept, "texts", 5, clock)
    clock.on(DAY_MS - 1)
    assert await refused(budget)
    clock.on(1)
    await budget.spend()


async def test_a_state_that_is_read_late_counts_from_then_on():
    kept, clock, before = Kept(), Clock(), Kept()
    await spend_all(Budget(before, "texts", 5, clock), 3)
    kept.works = False
    budget = Budget(kept, "texts", 5, clock)
    await budget.spend()
    kept.raw, kept.works = before.raw, True
    assert budget.spent() == 4
    await budget.spend()
    assert Budget(kept, "texts", 5, clock).spent() == 5


async def test_a_disk_that_takes_nothing_stops_no_text():
    kept, clock = Kept(), Clock()
    kept.works = False
    await spend_all(Budget(kept, "texts", 5, clock), 5)


async def test_a_share_leaves_the_rest_to_what_is_more_urgent():
    budget = Budget(Kept(), "texts", 10, Clock())
    for _ in range(8):
        await budget.spend(share=0.8)
    with pytest.raises(AnbanError):
        await budget.spend(share=0.8)
    await spend_all(budget, 2)


async def test_what_has_not_gone_costs_nothing():
    kept, clock = Kept(), Clock()
    budget = Budget(kept, "texts", 5, clock)
    await spend_all(budget, 5)
    budget.give_back()
    await budget.spend()
    assert await refused(budget)


async def test_many_days_are_few_rows():
    kept, clock = Kept(), Clock()
    budget = Budget(kept, "texts", 500, clock)
    for _ in range(3 * 144):
        await budget.spend()
        clock.on(600_000)
    assert len(kept.raw) < 4_000


@given(st.binary(max_size=200))
def test_whatever_the_disk_gives_back_is_borne(raw):
    async def use():
        await Budget(Kept(raw), "texts", 5, Clock()).spend()

    asyncio.run(use())
