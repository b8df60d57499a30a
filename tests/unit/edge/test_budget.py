"""What a SIM may cost in a day, over restarts and wrong clocks."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.budget import DAY_MS, HOUR_MS, Budget, Cap, Purpose, calls_cap
from edge.entries import Stamp
from edge.paths.sms import cap_of
from edge.plan import DEFAULT
from protocols.errors import AnbanError, Reason
from protocols.values import EventId, Lane


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


# --- of one call ---

CAP = cap_of(2)
CALL, OTHER = EventId("hub-01", 7, 1), EventId("pd-01", 9, 1)


def of_call(budget, *, press=1, lane=Lane.SOS, call=CALL):
    return budget.spend(purpose=Purpose(call=call, event=EventId("hub-01", 7, press), lane=lane))


async def tries(budget, **which):
    """One try of an event, to both numbers: how many texts went."""
    went = 0
    for _ in range(2):
        try:
            await of_call(budget, **which)
            went += 1
        except AnbanError as error:
            if error.reason is not Reason.RATE_LIMITED:
                raise
    return went


def plan_ms(row, count):
    """When the tries of one event are due, none answered."""
    offsets = list(row.offsets_ms)
    while len(offsets) < count:
        offsets.append(
            offsets[-1] + row.gaps_ms[min(len(offsets) - len(row.offsets_ms), len(row.gaps_ms) - 1)]
        )
    return offsets


@pytest.mark.parametrize("rows", [DEFAULT.sos, DEFAULT.assist])
async def test_one_press_is_never_held_back_by_its_calls_share(rows):
    row = next(row for row in rows if row.path == "sms")
    clock, kept = Clock(), Kept()
    budget = Budget(kept, "texts", 500, clock, CAP)
    at_ms = 0
    for due_ms in plan_ms(row, row.most):
        clock.on(due_ms - at_ms)
        at_ms = due_ms
        assert await tries(budget) == 2, f"{due_ms} ms after the press"
        budget = Budget(kept, "texts", 500, clock, CAP)  # a restart forgets none of it


async def test_a_call_of_ten_presses_costs_what_a_call_may_and_is_never_silent():
    clock, kept = Clock(), Kept()
    row = next(row for row in DEFAULT.sos if row.path == "sms")
    due = sorted(
        (pressed * 30_000 + due_ms, pressed) for pressed in range(10) for due_ms in plan_ms(row, row.most)
    )
    spent, hours, firsts = 0, set(), 0
    for at_ms, press in due:
        if at_ms >= DAY_MS:
            break
        clock.on(at_ms - clock.uptime_ms)
        went = await tries(Budget(kept, "texts", 500, clock, CAP), press=press)
        firsts += went == 2 and at_ms == press * 30_000 + row.offsets_ms[0]
        spent += went
        hours |= {at_ms // 3_600_000} if went else set()
    assert spent <= CAP.most
    assert firsts == 10, "each press has been texted once at the least"
    assert len(hours) >= 20, f"silent in too many hours: {sorted(hours)}"


async def test_what_was_spent_on_an_assistance_takes_nothing_from_the_sos_into_which_it_rises():
    clock, kept = Clock(), Kept()
    budget = Budget(kept, "texts", 500, clock, CAP)
    while await tries(budget, lane=Lane.ASSIST):
        clock.on(60_000)
    for press in range(2, 200):
        await tries(budget, lane=Lane.ASSIST, press=press)
    assert await tries(budget, lane=Lane.ASSIST, press=200) == 0
    for _ in range(4):  # the plan's first three minutes
        assert await tries(budget, press=300) == 2
        clock.on(60_000)


async def test_another_call_has_its_own_share():
    budget = Budget(Kept(), "texts", 500, Clock(), CAP)
    while await tries(budget):
        pass
    assert await tries(budget, call=OTHER, press=9) == 2


async def test_what_has_not_gone_of_a_call_is_given_back_to_that_call():
    budget = Budget(Kept(), "texts", 500, Clock(), Cap(first=1, again=0))
    await of_call(budget)
    await budget.spend()
    budget.give_back(purpose=Purpose(call=CALL, event=CALL))
    assert budget.spent() == 1
    await of_call(budget)


async def test_the_hourly_rounds_of_a_call_leave_phone_calls_to_its_next_press():
    budget = Budget(Kept(), "calls", 60, Clock(), calls_cap(60))
    for _ in range(36):  # three fifths of a day's
        await budget.spend(purpose=Purpose(call=CALL, again=True))
    with pytest.raises(AnbanError):
        await budget.spend(purpose=Purpose(call=CALL, again=True))
    for _ in range(12):
        await budget.spend(purpose=Purpose(call=CALL))
    with pytest.raises(AnbanError):
        await budget.spend(purpose=Purpose(call=CALL))
    await budget.spend(purpose=Purpose(call=OTHER))


async def test_rows_of_a_release_before_are_read():
    kept, clock = Kept(msgspec.msgpack.encode([[1, 0, 1_800_000_000_000, True, 4]])), Clock()
    assert Budget(kept, "texts", 5, clock, CAP).spent() == 4


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from([Lane.SOS, Lane.ASSIST]), st.integers(0, HOUR_MS)),
        max_size=150,
    )
)
def test_however_a_call_is_pressed_each_gravity_costs_a_calls_share_at_most(presses):
    async def use():
        clock, kept, sos, alone = Clock(), Kept(), 0, True
        for press, lane, pause_ms in presses:
            went = await tries(Budget(kept, "texts", 500, clock, CAP), press=press, lane=lane)
            sos += went * (lane is Lane.SOS)
            if alone and lane is Lane.SOS:
                assert went == 2, "the first that is graver than all before"
                alone = False
            clock.on(pause_ms)
            if clock.uptime_ms >= DAY_MS:
                break
        assert sos <= CAP.most

    asyncio.run(use())
