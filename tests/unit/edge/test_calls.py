"""Calls: every row of the table, and what no sequence of entries can break."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.book import Book, Handling, Life, call_for, elapsed_ms, find, open_calls, owed
from edge.calls import TABLE, ClearFault, RaiseFault, RunCommand, Send, Trigger, restart, step
from edge.entries import CommandEntry, EventEntry
from protocols.values import Command, Event, Lane
from tests.unit.edge.making import (
    CHEN,
    LI,
    MIN,
    S,
    at,
    did,
    eid,
    fired,
    fold,
    only,
    pressed,
    said,
    told,
    tried,
)

CALL = eid(1)
REACH = {  # entries that bring a call of one assistance to a state, by receipts numbered below 50
    (Life.ASKING, Handling.NONE): [pressed(1, kind="call.fall", source="rule")],
    (Life.OPEN, Handling.NONE): [],
    (Life.OPEN, Handling.TAKEN): [said(20, "taken", CALL)],
    (Life.OPEN, Handling.ARRIVED): [said(20, "taken", CALL), said(21, "arrived", CALL)],
    (Life.CLOSED, Handling.NONE): [said(30, "closed", CALL)],
    (Life.CLOSED, Handling.TAKEN): [said(20, "taken", CALL), said(30, "closed", CALL)],
    (Life.CLOSED, Handling.ARRIVED): [said(20, "arrived", CALL), said(30, "closed", CALL)],
    (Life.CANCELLED, Handling.NONE): [said(30, "cancelled", CALL)],
    (Life.CANCELLED, Handling.TAKEN): [said(20, "taken", CALL), said(30, "cancelled", CALL)],
    (Life.CANCELLED, Handling.ARRIVED): [said(20, "arrived", CALL), said(30, "cancelled", CALL)],
}
FIRST = [pressed(1, kind="call.assistance", source="green"), said(10, "stored", CALL)]
APPLY = {
    Trigger.PRESS: [pressed(2, kind="call.assistance", call=1, source="green"), said(50, "stored", eid(2))],
    Trigger.RISE: [pressed(2, kind="call.sos", call=1), said(50, "stored", eid(2))],
    Trigger.OPENS: [fired("asking.opens", CALL)],
    Trigger.FINE: [did("cancel_asked", CALL)],
    Trigger.TAKEN: [said(50, "taken", CALL)],
    Trigger.ARRIVED: [said(50, "arrived", CALL)],
    Trigger.CLOSED: [said(50, "closed", CALL)],
    Trigger.CANCELLED: [said(50, "cancelled", CALL)],
}


def state(book: Book) -> tuple[Life, Handling]:
    call = only(book)
    return call.life, call.handling


# Nothing of a call that asks has gone out, so nobody can answer it.
HOME = ("press", "opens", "fine")  # what can happen to it in the home; a rise is but a press there
PAIRS = [(b, t) for b in REACH for t in Trigger if b[0] is not Life.ASKING or t.value in HOME]


@pytest.mark.parametrize(("before", "trigger"), PAIRS)
def test_each_row_of_the_table_and_each_pair_that_has_none(before, trigger):
    asking = before[0] is Life.ASKING
    book = fold(*([] if asking else FIRST), *REACH[before])
    assert state(book) == before
    assert state(fold(*APPLY[trigger], book=book)) == TABLE.get((*before, trigger), before)


def test_a_press_is_owed_at_once_and_until_its_own_ack():
    book, effects = step(Book(), pressed(1), durable=False)
    assert effects == (Send(eid(1), Lane.SOS),)
    assert [press.id for press in owed(book)] == [eid(1)]
    assert not only(book).presses[eid(1)].durable
    book, effects = step(book, pressed(1))
    assert only(book).presses[eid(1)].durable
    assert effects == ()
    book = fold(pressed(2, call=1), said(1, "stored", eid(1)), book=book)
    assert [press.id for press in owed(book)] == [eid(2)]


def test_each_press_of_an_elder_joins_the_open_call():
    book = fold(pressed(1, at(0)))
    assert call_for(book, CHEN, eid(2), at(10 * MIN)) == eid(1)
    assert call_for(book, LI, eid(2), at(10 * MIN)) == eid(2)


def test_after_thirty_minutes_without_progress_a_press_is_a_new_call():
    book = fold(pressed(1, at(0)), said(1, "stored", eid(1), at(10 * MIN)))
    assert call_for(book, CHEN, eid(2), at(40 * MIN - 1)) == eid(1)
    assert call_for(book, CHEN, eid(2), at(40 * MIN)) == eid(2)


@pytest.mark.parametrize("end", ["closed", "cancelled"])
def test_after_the_end_a_press_is_a_new_call(end):
    book = fold(pressed(1), said(1, "stored", eid(1)), said(2, end, eid(1)))
    assert call_for(book, CHEN, eid(2), at(1)) == eid(2)


def test_a_press_that_crosses_the_closing_keeps_the_call_open():
    book = fold(pressed(1), said(1, "stored", eid(1)), pressed(2, call=1), said(5, "closed", eid(1)))
    assert state(book) == (Life.OPEN, Handling.NONE)
    seen_by_the_seat = fold(said(4, "stored", eid(2)), book=book)
    assert only(seen_by_the_seat).life is Life.CLOSED
    stored_after_the_end = fold(said(6, "stored", eid(2)), book=book)
    assert only(stored_after_the_end).life is Life.OPEN


def test_help_that_came_for_less_does_not_count_for_an_sos():
    book = fold(*FIRST, said(20, "taken", CALL), pressed(2, call=1))
    assert only(book).lane is Lane.SOS
    assert only(fold(said(21, "stored", eid(2)), book=book)).handling is Handling.NONE
    assert (
        only(fold(said(21, "stored", eid(2)), said(22, "taken", CALL), book=book)).handling is Handling.TAKEN
    )


def test_a_fall_is_asked_about_and_goes_out_when_nobody_says_that_all_is_well():
    book, effects = step(Book(), pressed(1, kind="call.fall", source="rule"))
    assert effects == () == owed(book)
    book, effects = step(book, fired("asking.opens", CALL))
    assert effects == (Send(CALL, Lane.SOS),)
    assert only(book).life is Life.OPEN


def test_a_key_opens_a_call_that_asks_and_both_events_go_out():
    book = fold(pressed(1, kind="call.fall", source="rule"))
    book, effects = step(book, pressed(2, call=1))
    assert {effect.event_id for effect in effects} == {eid(1), eid(2)}


def test_a_fall_that_was_nothing_is_withdrawn_and_the_next_press_is_a_call_of_its_own():
    book = fold(pressed(1, kind="call.fall", source="rule"), did("answer_yes", CALL))
    assert only(book).life is Life.CANCELLED
    assert owed(book) == ()
    assert call_for(book, CHEN, eid(2), at(1)) == eid(2)


MEANWHILE = (  # whatever may happen to a fall that is asked about, but the green key
    *(
        pressed(n, kind=kind, call=1)
        for n, kind in ((2, "call.fall"), (3, "call.sos"), (4, "call.assistance"))
    ),
    pressed(5, kind="call.updated", call=1, change="cancel_asked"),
    *(said(50, stage, CALL) for stage in ("stored", "taken", "arrived", "closed", "cancelled")),
    *(fired(name, CALL) for name in ("asking.opens", "assist.ask", "assist.urgent", "calls.old", "no such")),
    *(told(name, CALL) for name in ("ask-fall.1", "closed.1", "cancelled.1")),
    *(did(name, CALL) for name in ("answer_no", "no such")),
)


@given(st.lists(st.sampled_from(MEANWHILE), max_size=8))
def test_nothing_but_the_green_key_ends_a_falls_question(meanwhile):
    book = fold(pressed(1, kind="call.fall", source="rule"), *meanwhile)
    (call, *_) = book.calls.values()
    assert not call.withdrawn
    opened = fold(fired("asking.opens", CALL), book=book)
    stored = any(entry == said(50, "stored", CALL) for entry in meanwhile)
    assert stored or CALL in [press.id for press in owed(opened)], "it goes out unless it went out"


def test_a_restart_ends_the_countdown_and_the_call_opens():
    book, entries = restart(fold(pressed(1, kind="call.fall", source="rule")), at(3 * S))
    assert [entry.name for entry in entries] == ["asking.opens"]
    assert [press.id for press in owed(fold(*entries, book=book))] == [CALL]
    assert restart(fold(*FIRST), at(3 * S))[1] == ()


def test_a_cancel_waits_for_every_press_of_its_call_and_removes_none():
    cancel = pressed(3, kind="call.updated", call=1, change="cancel_asked")
    book = fold(pressed(1), pressed(2, call=1), cancel)
    assert [press.id for press in owed(book)] == [eid(1), eid(2)]
    book = fold(said(1, "stored", eid(1)), book=book)
    assert [press.id for press in owed(book)] == [eid(2)]
    book = fold(said(2, "stored", eid(2)), book=book)
    assert [press.id for press in owed(book)] == [eid(3)]
    assert only(book).life is Life.OPEN
    assert only(fold(said(4, "cancelled", CALL), book=book)).life is Life.CANCELLED


def test_a_press_after_the_wish_to_cancel_takes_the_wish_back():
    book = fold(pressed(1), pressed(2, kind="call.updated", call=1, change="cancel_asked"))
    assert only(book).cancel_asked
    assert not only(fold(pressed(3, call=1), book=book)).cancel_asked


def test_a_call_that_the_platform_refuses_is_a_fault_and_stays_owed():
    book, effects = step(fold(pressed(1)), said(1, "rejected", eid(1)))
    assert effects == (RaiseFault("refused", str(eid(1)), "refused"),)
    assert [press.id for press in owed(book)] == [eid(1)]
    book, effects = step(book, said(2, "stored", eid(1)))
    assert effects == (ClearFault("refused", str(eid(1))),)


def test_urgent_events_are_owed_first_whatever_their_age():
    book = fold(
        pressed(1, at(0), kind="call.assistance", source="green"),
        pressed(2, at(1), elder=LI),
        pressed(3, at(2), call=1, kind="call.updated", lane=Lane.ASSIST, change="realert"),
        pressed(4, at(3), call=1),
    )
    assert [press.id.number for press in owed(book)] == [2, 4, 1, 3]


def test_a_command_runs_once():
    command = Command(id="c-1", kind="test", expires_ms=1, authority="seat")
    entry = CommandEntry(at=at(0), command=command, path="coap")
    book, effects = step(Book(), entry)
    assert effects == (RunCommand(command),)
    assert step(book, entry) == (book, ())


def commanded(name):
    command = Command(id=name, kind="report", expires_ms=1, authority="seat")
    return CommandEntry(at=at(0), command=command, path="coap")


def result(name):
    data = {"command": name, "outcome": "done"}
    event = Event(
        id=eid(5),
        kind="command.result",
        lane=Lane.FAULT,
        elder=CHEN,
        device="hub-01",
        call_id=None,
        data=data,
    )
    return EventEntry(at=at(1), event=event, source="system")


def test_a_command_stands_without_an_answer_until_its_result():
    book = fold(commanded("c-1"), commanded("c-2"))
    assert list(book.unanswered) == ["c-1", "c-2"]
    book = fold(result("c-1"), result("c-9"), commanded("c-1"), book=book)
    assert list(book.unanswered) == ["c-2"]
    assert fold(result("c-2"), commanded("c-2"), book=book).unanswered == {}


def test_a_command_that_is_forgotten_owes_no_answer():
    book = fold(*(commanded(f"c-{number}") for number in range(300)))
    assert tuple(book.unanswered) == book.commands
    assert len(book.commands) == 256


def test_what_is_about_nothing_known_changes_nothing():
    book = fold(pressed(1))
    for entry in (
        said(1, "stored", eid(99)),
        said(1, "taken", eid(99)),
        said(2, "unheard-of", CALL),
        said(3, "rejected", CALL.__class__("other", 1, 1)),
        fired("asking.opens", eid(99)),
        fired("unheard-of", CALL),
        did("unheard-of", CALL),
        told("delivered.1", eid(99)),
        tried(eid(1), 1),
    ):
        assert step(book, entry) == (book, ()), entry


def test_an_update_whose_call_was_lost_with_the_journal_still_goes_out():
    book = fold(pressed(5, kind="call.updated", call=1, change="realert"))
    assert [press.id for press in owed(book)] == [eid(5)]
    assert find(book, eid(1)).life is Life.OPEN


def test_what_is_said_of_a_case_that_bears_the_id_of_one_of_our_presses_is_not_about_our_call():
    """A hub that died before its disk had the first press comes back with the second one as its call."""
    book = fold(pressed(2), pressed(1, call=2), said(3, "stored", eid(1)), said(4, "stored", eid(2)))
    assert only(fold(said(5, "closed", eid(1)), book=book)).life is Life.OPEN
    assert only(fold(said(5, "closed", eid(2)), book=book)).life is Life.CLOSED


def test_old_calls_are_forgotten_only_when_they_are_over_and_owe_nothing():
    book = Book()
    for number in range(1, 200):
        book = fold(pressed(number), book=book)
        if number % 2:
            book = fold(
                said(2 * number, "stored", eid(number)),
                said(2 * number + 1, "closed", eid(number)),
                book=book,
            )
    assert len(open_calls(book)) == 99
    assert len(book.calls) == len(book.index) == 99 + 1


def test_time_between_boots_is_at_least_what_anything_tells():
    book = msgspec.structs.replace(Book(), started=at(5 * S, boot=2))
    then = at(1000 * MIN, boot=1, wall_ms=0, trusted=False)
    assert elapsed_ms(book, then, at(8 * S, boot=2)) == 3 * S
    assert elapsed_ms(book, at(0, boot=1), at(8 * S, boot=2, wall_ms=at(0).wall_ms + MIN)) == MIN
    assert elapsed_ms(book, at(0, boot=1), at(8 * S, boot=2, wall_ms=0)) == 3 * S
    assert elapsed_ms(book, at(9 * S, boot=2), at(8 * S, boot=2)) == 0


# -- whatever happens, in whatever order

kinds = st.sampled_from(["call.sos", "call.assistance", "call.consultation"])


@st.composite
def cases(draw):
    """Presses of one call, in the order of the journal, and what the platform said of them."""
    presses = [
        pressed(number, at(number), kind=draw(kinds), call=1, source="pendant")
        for number in range(1, draw(st.integers(2, 5)))
    ]
    ids = [entry.event.id for entry in presses]
    stages = st.tuples(st.sampled_from(["taken", "arrived", "closed", "cancelled"]), st.just(ids[0]))
    stored = st.tuples(st.just("stored"), st.sampled_from(ids))
    what = draw(st.lists(stages | stored, max_size=9))
    receipts = [said(number, stage, about, at(100 + number)) for number, (stage, about) in enumerate(what)]
    return presses, receipts


def platform_view(book: Book) -> tuple[object, ...]:
    call = only(book)
    return state(book), call.view.lane, call.owed, {press.id: press.stored for press in call.presses.values()}


@given(cases(), st.randoms(use_true_random=False))
def test_receipts_may_come_late_twice_and_in_any_order(case, random):
    presses, receipts = case
    shuffled = receipts * 2
    random.shuffle(shuffled)
    assert platform_view(fold(*presses, *shuffled)) == platform_view(fold(*presses, *receipts))


@given(cases(), st.randoms(use_true_random=False))
def test_nothing_is_lost_doubled_or_lowered_at_any_step(case, random):
    presses, receipts = case
    entries = presses + receipts + random.sample(presses, 1) + random.sample(receipts, len(receipts) // 2)
    random.shuffle(entries)
    book, known, acked, lane = Book(), set(), set(), Lane.TELEMETRY
    for entry in entries:
        book, _ = step(book, entry)
        if hasattr(entry, "event"):
            known.add(entry.event.id)
        elif entry.receipt.stage == "stored" and entry.receipt.about in known:
            acked.add(entry.receipt.about)
        assert set(book.index) == known
        assert {press.id for press in owed(book)} == known - acked
        assert len(book.calls) == (1 if known else 0)
        if known:
            assert only(book).lane <= lane
            lane = only(book).lane
        if known - acked:
            assert only(book).life is Life.OPEN


@given(cases())
def test_folding_everything_again_changes_nothing(case):
    presses, receipts = case
    book = fold(*presses, *receipts)
    assert platform_view(fold(*presses, *receipts, book=book)) == platform_view(book)


def test_two_thousand_presses_of_one_call_are_all_kept():
    book = Book()
    for number in range(1, 2001):
        book = fold(pressed(number, call=1), said(number, "stored", eid(number)), book=book)
    assert only(book).owed == ()
    assert len(only(book).presses) == 2000


def test_a_press_after_somebody_arrived_has_nobody_until_it_is_taken():
    arrived = fold(*FIRST, said(20, "arrived", CALL), *APPLY[Trigger.PRESS])
    assert state(arrived) == (Life.OPEN, Handling.NONE)
    taken = fold(*FIRST, said(20, "taken", CALL), *APPLY[Trigger.PRESS])
    assert state(taken) == (Life.OPEN, Handling.TAKEN)


def test_no_wall_clock_keeps_a_press_from_joining_its_call():
    book, _ = restart(fold(pressed(1, at(0))), at(0, boot=2))
    years_later = at(9 * S, boot=2, wall_ms=at(0).wall_ms + 10**11)
    assert call_for(book, CHEN, eid(2), years_later) == eid(1)
    assert call_for(book, CHEN, eid(2), at(30 * MIN, boot=2, wall_ms=0, trusted=False)) == eid(2)


def test_a_press_that_stands_in_another_call_raises_nothing_here():
    """A late press of an ended call joins a new one here; a graver press after it is a rise all the same."""
    mine = eid(1)
    book = fold(pressed(1, kind="call.assistance", source="green"), said(8, "stored", mine))
    late = pressed(9, source="pendant", call=mine)
    book = fold(
        late, said(5, "stored", late.event.id, call=late.event.id), said(10, "taken", mine), book=book
    )
    assert only(book).handling is Handling.TAKEN
    book = fold(pressed(2, call=mine), said(12, "stored", eid(2)), book=book)
    assert only(book).handling is Handling.NONE
