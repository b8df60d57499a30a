"""Deadlines of calls: what becomes of a call that nobody takes, or that nobody arrives for."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.book import Book
from edge.calls import restart
from edge.deadlines import Care, Timing, due, in_service, next_due_ms, service_ms
from edge.entries import TimerEntry
from protocols.values import EventId, Lane
from tests.unit.edge.making import CHEN, MIN, NOON_MS, S, at, did, eid, fired, fold, pressed, said

CALL = eid(1)
ALWAYS = {CHEN: Care(service_from_minute=0, service_to_minute=0)}
DAYTIME = {CHEN: Care()}
HOUR = 60 * MIN


def names(book: Book, now, care=ALWAYS) -> list[str]:
    """Short names of what is due."""
    found = due(book, now, Timing(), care)
    return [d.name if isinstance(d, TimerEntry) else d.data.get("change", d.kind) for d in found]


def assistance(*after, when=0) -> Book:
    """A delivered assistance, and what came after it."""
    begin = [pressed(1, at(when), kind="call.assistance", source="green"), said(1, "stored", CALL, at(when))]
    return fold(*begin, *after)


def test_nothing_is_due_before_the_platform_has_the_call():
    assert names(fold(pressed(1, at(0))), at(2 * HOUR)) == []
    assert next_due_ms(fold(pressed(1, at(0))), at(0), Timing(), ALWAYS) is None


def test_an_sos_that_nobody_takes_is_alerted_again_and_again():
    book = fold(pressed(1, at(0)), said(1, "stored", CALL, at(1 * S)))
    assert names(book, at(91 * S - 1)) == []
    assert next_due_ms(book, at(1 * S), Timing(), ALWAYS) == 90 * S
    assert names(book, at(91 * S)) == ["realert"]
    fired_at, seen = [], 0
    for second in range(91, 3600):
        if names(book, at(second * S)):
            seen += 1
            update = pressed(10 + seen, at(second * S), kind="call.updated", call=1, change="realert")
            book = fold(update, said(10 + seen, "stored", eid(10 + seen), at(second * S)), book=book)
            fired_at.append(second)
    gaps = [later - earlier for earlier, later in itertools.pairwise(fired_at)]
    assert gaps[:2] == [90, 180]
    assert set(gaps[2:]) == {270}


def test_an_sos_that_the_platform_has_in_another_call_holds_no_deadline_back():
    late = pressed(9, at(5 * S), source="pendant", call=CALL)
    elsewhere = said(2, "stored", late.event.id, at(6 * S), call=late.event.id)
    waits = assistance(late)
    assert names(waits, at(2 * HOUR)) == []  # a path for it comes first
    assert names(fold(elsewhere, book=waits), at(90 * S)) == ["realert"]


def test_taken_ends_the_alerts_and_a_rise_begins_them_anew():
    book = assistance(said(2, "taken", CALL, at(10 * S)), pressed(2, at(20 * S), call=1))
    assert names(book, at(14 * MIN)) == []
    book = fold(said(3, "stored", eid(2), at(21 * S)), book=book)
    assert names(book, at(110 * S)) == []
    assert names(book, at(111 * S)) == ["realert"]


def test_taken_and_nobody_arrived_is_reported_every_quarter_of_an_hour():
    book = fold(pressed(1, at(0)), said(1, "stored", CALL), said(2, "taken", CALL, at(MIN)))
    assert names(book, at(16 * MIN - 1)) == []
    assert names(book, at(16 * MIN)) == ["not_arrived"]
    book = fold(pressed(2, at(16 * MIN), kind="call.updated", call=1, change="not_arrived"), book=book)
    assert names(book, at(31 * MIN - 1)) == []
    assert names(book, at(31 * MIN)) == ["not_arrived"]
    assert names(fold(said(3, "arrived", CALL, at(20 * MIN)), book=book), at(9 * HOUR)) == []


def test_an_assistance_that_nobody_takes_is_asked_about_three_times_and_becomes_an_sos():
    book, asked = assistance(), []
    for second in range(391):
        for item in due(book, at(second * S), Timing(), ALWAYS):
            asked.append((second, getattr(item, "name", None) or item.kind))
            if isinstance(item, TimerEntry):
                book = fold(item, book=book)
            else:
                assert (item.lane, item.call_id) == (Lane.SOS, CALL)
                sos = pressed(2, at(second * S), call=1, **item.data)
                book = fold(sos, said(9, "stored", eid(2), at(second * S)), book=book)
    assert asked == [
        (180, "assist.ask"),
        (220, "assist.ask"),
        (260, "assist.ask"),
        (300, "call.sos"),
        (390, "call.updated"),
    ]


@pytest.mark.parametrize(("reachable", "then"), [(True, "backup"), (False, "call.sos")])
def test_the_back_up_contact_is_used_only_where_there_is_a_way_to_one(reachable, then):
    always = Care(service_from_minute=0, service_to_minute=0)
    care = {CHEN: msgspec.structs.replace(always, not_taken="backup", backup_reachable=reachable)}
    book = assistance(*(fired("assist.ask", CALL, at(180 * S)) for _ in range(3)))
    assert names(book, at(220 * S), care) == [then]


def test_who_says_that_all_is_well_is_not_asked_again_and_who_does_not_is_helped_at_once():
    book = assistance(fired("assist.ask", CALL, at(180 * S)))
    assert names(fold(did("answer_yes", CALL, at(190 * S)), book=book), at(HOUR)) == []
    assert names(fold(did("answer_no", CALL, at(190 * S)), book=book), at(190 * S)) == ["call.sos"]
    cancel = pressed(2, at(190 * S), kind="call.updated", call=1, change="cancel_asked")
    assert names(fold(cancel, book=book), at(HOUR)) == []


def test_outside_service_hours_nobody_is_asked_and_the_waiting_begins_in_the_morning():
    night = 10 * HOUR  # 22:00
    book = assistance(when=night)
    assert names(book, at(night + HOUR), DAYTIME) == []
    morning = 20 * HOUR  # 08:00
    assert names(book, at(morning + 180 * S - 1), DAYTIME) == []
    assert names(book, at(morning + 180 * S), DAYTIME) == ["assist.ask"]
    assert 0 < next_due_ms(book, at(night), Timing(), DAYTIME) <= MIN


def test_a_clock_that_nobody_trusts_asks_rather_than_stays_silent():
    untrusted = at(0, wall_ms=0, trusted=False)
    book = fold(pressed(1, untrusted, kind="call.assistance"), said(1, "stored", CALL, untrusted))
    assert names(book, at(180 * S, wall_ms=180 * S, trusted=False), DAYTIME) == ["assist.ask"]


def test_a_clock_that_was_years_off_does_not_move_a_deadline():
    book = fold(pressed(1, at(0)), said(1, "stored", CALL, at(0, wall_ms=NOON_MS + 10**11)))
    assert names(book, at(90 * S - 1)) == []
    assert names(book, at(90 * S)) == ["realert"]


def test_after_a_reboot_a_deadline_runs_on_and_is_not_forgotten():
    book, _ = restart(fold(pressed(1, at(0)), said(1, "stored", CALL, at(0))), at(0, boot=2, trusted=False))
    assert names(book, at(90 * S - 1, boot=2, trusted=False)) == []
    assert names(book, at(90 * S, boot=2, trusted=False)) == ["realert"]
    assert names(book, at(1 * S, boot=2, wall_ms=at(90 * S).wall_ms)) == ["realert"]


def test_a_fall_that_is_not_answered_opens_after_half_a_minute():
    book = fold(pressed(1, at(0), kind="call.fall", source="rule"))
    assert names(book, at(30 * S - 1)) == []
    assert names(book, at(30 * S)) == ["asking.opens"]


hours = st.integers(0, 1440)


@given(hours, hours, st.integers(-720, 840), st.integers(0, 10**12), st.integers(0, 2 * 86_400_000))
@settings(max_examples=30)
def test_service_time_is_what_a_count_of_the_minutes_gives(start, end, offset, wall_ms, passed):
    care = Care(service_from_minute=start, service_to_minute=end, utc_offset_minutes=offset)
    passed -= passed % MIN
    wall_ms -= wall_ms % MIN
    then, now = at(0, wall_ms=wall_ms), at(passed, wall_ms=wall_ms + passed)
    walls = range(wall_ms, wall_ms + passed, MIN)
    counted = sum(MIN for wall in walls if in_service(at(0, wall_ms=wall), care))
    assert service_ms(Book(), then, now, care) == counted


@pytest.mark.parametrize(("hour", "open_"), [(7, False), (8, True), (19, True), (20, False), (23, False)])
def test_service_hours_are_those_of_the_local_day(hour, open_):
    assert in_service(at((hour - 12) * HOUR), Care()) is open_
    assert in_service(at(0, trusted=False), Care()) is None
    over_midnight = Care(service_from_minute=1200, service_to_minute=480)
    assert in_service(at((hour - 12) * HOUR), over_midnight) is not open_


def test_each_elder_has_a_clock_of_their_own():
    mine = pressed(1, at(0), kind="call.assistance")
    other = pressed(1, at(0), kind="call.sos", elder="e-li", origin="pd-02")
    book = fold(mine, other, said(1, "stored", CALL, at(0)), said(2, "stored", EventId("pd-02", 7, 1), at(0)))
    assert names(book, at(180 * S)) == ["assist.ask", "realert"]


def test_what_a_rule_noticed_is_asked_about_for_a_minute_and_a_fall_for_half_of_one():
    noticed = fold(pressed(1, at(0), kind="call.bed_exit", source="rule"))
    assert names(noticed, at(60 * S - 1)) == []
    assert names(noticed, at(60 * S)) == ["asking.opens"]
    fallen = fold(pressed(1, at(0), kind="call.fall", source="rule"))
    assert names(fallen, at(30 * S)) == ["asking.opens"]
