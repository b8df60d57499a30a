"""After three falls that were none the wearer is asked twice; an unanswered question calls all the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.book import Book, Life, owed
from edge.calls import restart
from edge.deadlines import Timing, due, next_due_ms
from edge.entries import Entry, Stamp
from edge.false_falls import ASKED_MS, OFTEN, QUESTIONS, often, question, questions
from edge.surfaces import AskPendant, Speak, changes, surface
from tests.unit.edge.making import MIN, PENDANT, S, at, did, eid, fold, pressed, said, told

HOUR = 60 * MIN
DAY = 24 * HOUR
NOW = 5 * HOUR
FALL = eid(99, PENDANT)


def none(number: int, when: Stamp | int, *, came: bool = False) -> list[Entry]:
    """A fall that nobody answered; the platform ended its call, and somebody had gone there or not."""
    call, first = eid(number, PENDANT), 10 * number
    stages = ["stored", "arrived", "closed"] if came else ["stored", "taken", "closed"]
    fell = pressed(number, when, kind="call.fall", source="pendant")
    opens = did("answer_no", call, when)
    return [fell, opens, *(said(first + n, stage, call, when) for n, stage in enumerate(stages))]


def false(count: int, *, came: bool = False) -> list[Entry]:
    """So many false falls, one an hour, from the beginning."""
    return [entry for n in range(count) for entry in none(n + 1, n * HOUR, came=came)]


def fell(*before: Entry, when: Stamp | int = NOW, book: Book | None = None) -> Book:
    """Then a fall that is asked about."""
    entries = [*before, pressed(99, when, kind="call.fall", source="pendant")]
    return fold(*entries) if book is None else fold(*entries, book=book)


def opens_after_ms(book: Book, since: Stamp) -> int:
    """When the question ends and the call goes out."""
    left = next_due_ms(book, since, Timing(), {})
    assert left is not None
    return left


def shown(book: Book, ms: int):
    return surface(book, at(ms), {})


def test_two_false_falls_a_day_change_nothing():
    assert opens_after_ms(fell(*false(OFTEN)), at(NOW)) == ASKED_MS
    assert opens_after_ms(fell(*false(OFTEN + 1)), at(NOW)) == QUESTIONS * ASKED_MS


def test_somebody_who_does_not_answer_twice_is_called_for():
    book = fell(*false(OFTEN + 1))
    end = at(NOW + QUESTIONS * ASKED_MS)
    assert due(book, at(end.uptime_ms - 1), Timing(), {}) == ()
    book = fold(*due(book, end, Timing(), {}), book=book)
    assert book.calls[FALL].life is Life.OPEN
    assert [press.id for press in owed(book)] == [FALL]


def test_the_second_question_is_asked_aloud_and_on_the_pendant():
    book = fell(*false(OFTEN + 1))
    assert [p.key for p in shown(book, NOW).speech] == ["ask-fall"]
    book = fold(told("ask-fall.1", FALL, at(NOW + 14 * S)), book=book)
    before, after = shown(book, NOW + ASKED_MS - 1), shown(book, NOW + ASKED_MS)
    assert before.speech == ()
    (buzz, aloud) = changes(before, after)
    assert isinstance(buzz, AskPendant)
    assert (buzz.question.device, buzz.question.times) == (PENDANT, 2)
    assert isinstance(aloud, Speak)
    assert aloud.phrase.key == "ask-fall"
    book = fold(told(aloud.phrase.name, FALL, at(NOW + 45 * S)), book=book)
    assert shown(book, NOW + 59 * S).speech == (), "and no third time"


def test_green_ends_the_second_question_too():
    book = fold(did("answer_yes", FALL, NOW + 40 * S), book=fell(*false(OFTEN + 1)))
    assert book.calls[FALL].withdrawn


@pytest.mark.parametrize("source", ["pendant", "red"])
def test_a_press_calls_at_once_however_often_it_was_nothing(source):
    press = pressed(100, NOW + 5 * S, source=source, call=FALL)
    book = fold(press, book=fell(*false(OFTEN + 3)))
    assert book.calls[FALL].life is Life.OPEN
    assert len(owed(book)) == 2


def test_a_restart_while_it_is_asked_calls_at_once():
    book, entries = restart(fell(*false(OFTEN + 1)), at(NOW + 40 * S, boot=2))
    assert [entry.name for entry in entries] == ["asking.opens"]
    assert fold(*entries, book=book).calls[FALL].life is Life.OPEN


@pytest.mark.parametrize("late_s", [5, 45])
def test_a_fall_that_the_hub_weighs_as_likely_keeps_its_half_minute(late_s):
    doubted = pressed(100, NOW + 4 * S, kind="call.updated", source="rule", call=FALL, change="fall_unsure")
    book = fold(doubted, book=fell(*false(OFTEN + 1)))
    assert opens_after_ms(book, at(NOW)) == 2 * ASKED_MS
    sure = pressed(101, NOW + late_s * S, kind="call.updated", source="rule", call=FALL, change="fall_likely")
    book = fold(sure, book=book)
    assert opens_after_ms(book, at(NOW)) == ASKED_MS
    assert question(book, book.calls[FALL], at(NOW + ASKED_MS)) == 1


def test_falls_that_somebody_went_to_or_that_were_answered_do_not_count():
    answered = [
        entry
        for n in range(5)
        for entry in (
            pressed(n + 1, n * HOUR, kind="call.fall", source="pendant"),
            did("answer_yes", eid(n + 1, PENDANT), n * HOUR + 1),
        )
    ]
    for before in (false(5, came=True), answered):
        assert opens_after_ms(fell(*before), at(NOW)) == ASKED_MS


def test_it_ends_with_the_day_of_the_false_falls():
    for after, window in ((DAY - 1, 2 * ASKED_MS), (DAY, ASKED_MS)):
        book = fell(*false(OFTEN + 1), when=after)
        assert opens_after_ms(book, at(after)) == window


def test_another_pendant_and_what_a_rule_noticed_are_asked_about_as_ever():
    other = pressed(5, NOW, kind="call.fall", source="rule", elder="e-li")
    book = fold(*false(OFTEN + 1), other)
    assert opens_after_ms(book, at(NOW)) == ASKED_MS
    noticed = pressed(5, NOW, kind="call.bed_exit", source="rule", elder="e-li")
    assert opens_after_ms(fold(*false(OFTEN + 1), noticed), at(NOW)) == Timing().rule_asking_ms


def test_a_day_that_nobody_knows_after_a_restart_makes_no_call_later():
    book, _ = restart(fold(*false(OFTEN + 1)), at(0, boot=2, trusted=False))
    unsure, sure = at(MIN, boot=2, trusted=False), at(MIN, boot=2, wall_ms=at(NOW).wall_ms)
    assert often(book, PENDANT, unsure), "the fault stays while nobody knows better"
    assert opens_after_ms(fell(when=unsure, book=book), unsure) == ASKED_MS
    assert opens_after_ms(fell(when=sure, book=book), sure) == QUESTIONS * ASKED_MS
    past = at(MIN, boot=2, wall_ms=at(0).wall_ms - DAY)
    assert opens_after_ms(fell(when=past, book=book), past) == ASKED_MS


happened = st.tuples(st.integers(0, 3 * DAY), st.booleans(), st.sampled_from(["closed", "green", "came"]))


@given(st.lists(happened, max_size=8), st.integers(0, 2 * QUESTIONS * ASKED_MS), st.booleans())
def test_whatever_was_before_an_unanswered_fall_calls_within_a_minute(before, passed, trusted):
    entries: list[Entry] = []
    for n, (when, known, how) in enumerate(sorted(before)):
        stamp = at(when, trusted=known)
        some = none(n + 1, stamp, came=how == "came")
        entries += [some[0], did("answer_yes", eid(n + 1, PENDANT), stamp)] if how == "green" else some
    book = fell(*entries, when=at(3 * DAY + HOUR, trusted=trusted))
    now = at(3 * DAY + HOUR + passed, trusted=trusted)
    call = book.calls[FALL]
    assert 1 <= question(book, call, now) <= questions(book, call, now) <= QUESTIONS
    fires = bool(due(book, now, Timing(), {}))
    assert fires == (passed >= questions(book, call, now) * ASKED_MS)
    assert fires or passed < 60 * S
    assert not fires or passed >= 30 * S
