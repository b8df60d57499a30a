"""When the ways are tried: weekly, by day, each hub at an hour of its own, and daily while one fails."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edge.entries import Stamp
from edge.proofs import BY_DAY_MS, DAY_MS, FAILED, GOOD, HOUR_MS, WEEK_MS, Proof, due, slot_ms

OFFSET = 480
HUB = "hub-01"
MONDAY_MS = 1_800_000_000_000 // WEEK_MS * WEEK_MS + 4 * DAY_MS


def at(wall_ms: int, *, trusted: bool = True) -> Stamp:
    return Stamp(uptime_ms=wall_ms % WEEK_MS, boot=1, wall_ms=wall_ms, trusted=trusted)


def proof(wall_ms: int, outcome: str = GOOD, path: str = "sms") -> Proof:
    return Proof(path=path, outcome=outcome, at=at(wall_ms))


def tried_at(first_ms: int, days: int, outcome: str = GOOD) -> list[int]:
    """The minutes at which a hub that looks every minute tries, when each try ends so."""
    found, last = [], proof(first_ms, outcome)
    for minute in range(days * 24 * 60):
        now_ms = first_ms + minute * 60_000
        if due({"sms": last}, ("sms",), at(now_ms), OFFSET, HUB):
            found.append(now_ms)
            last = proof(now_ms, outcome)
    return found


@given(st.text(min_size=1, max_size=16), st.integers(0, 2**42))
def test_every_hub_has_one_hour_a_week_and_it_is_by_day(hub: str, local_ms: int) -> None:
    slot = slot_ms(hub, local_ms)
    assert 0 <= local_ms - slot < WEEK_MS
    assert BY_DAY_MS[0] <= slot % DAY_MS < BY_DAY_MS[1]
    assert slot_ms(hub, slot) == slot == slot_ms(hub, slot + WEEK_MS - 1)


def test_hubs_are_spread_over_the_week() -> None:
    slots = {slot_ms(f"hub-{number:02}", MONDAY_MS) for number in range(50)}
    assert len(slots) == 50
    assert len({slot // DAY_MS % 7 for slot in slots}) == 7


def test_a_good_way_is_tried_once_a_week() -> None:
    tries = tried_at(MONDAY_MS, 22)
    assert len(tries) in (3, 4)
    assert all(later - earlier == WEEK_MS for earlier, later in itertools.pairwise(tries))


def test_a_way_that_failed_is_tried_daily() -> None:
    tries = tried_at(MONDAY_MS, 10, FAILED)
    assert 8 <= len(tries) <= 12
    for now_ms in tries:
        hour = (now_ms + OFFSET * 60_000) % DAY_MS // HOUR_MS
        assert 10 <= hour < 17


def test_a_new_hub_proves_its_ways_on_its_first_day_and_never_at_night() -> None:
    night, noon = MONDAY_MS - 6 * HOUR_MS, MONDAY_MS + 4 * HOUR_MS
    assert not due({}, ("sms",), at(night), OFFSET, HUB)
    assert due({}, ("sms",), at(noon), OFFSET, HUB)
    assert due({"sms": proof(noon)}, ("sms", "voice"), at(noon + 1), OFFSET, HUB)


def test_a_clock_that_is_not_trusted_rings_nobody() -> None:
    assert not due({}, ("sms",), at(MONDAY_MS + 4 * HOUR_MS, trusted=False), OFFSET, HUB)
