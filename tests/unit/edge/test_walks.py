"""Whoever fell walks again: asked once more, and nothing but the green key ends it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.facts import FallWalks
from edge.book import Book, Handling, Life, owed
from edge.calls import restart
from edge.deadlines import Timing, due, next_due_ms
from edge.entries import Entry
from edge.false_falls import ASKED_MS, QUESTIONS, WALKS, walks, window_ms
from edge.surfaces import AskPendant, Speak, cancel_offered, changes, surface
from protocols.link.const import MEANING_FALL
from protocols.values import EventId
from tests.unit.edge.making import MIN, PENDANT, S, at, did, eid, fold, pressed, said, told
from tests.unit.edge.test_pendant_presses import LIFE, NUMBER, Wrist

FALL = eid(1, PENDANT)
FELL = pressed(1, 0, kind="call.fall", source="pendant")


def update(number: int, ms: int, change: str = WALKS) -> Entry:
    return pressed(number, ms, kind="call.updated", source="rule", call=FALL, change=change)


def opens_after_ms(book: Book) -> int:
    left = next_due_ms(book, at(0), Timing(), {})
    assert left is not None
    return left


def show(book: Book, ms: int):
    return surface(book, at(ms), {})


def test_it_is_asked_once_more_aloud_and_on_the_pendant():
    asked = fold(FELL, told("ask-fall.1", FALL, at(14 * S)))
    walking = fold(update(2, 16 * S), book=asked)
    (buzz, aloud) = changes(show(asked, 16 * S), show(walking, 16 * S))
    assert isinstance(buzz, AskPendant)
    assert (buzz.question.device, buzz.question.times) == (PENDANT, 2)
    assert isinstance(aloud, Speak)
    assert aloud.phrase.key == "ask-fall"
    book = fold(told(aloud.phrase.name, FALL, at(29 * S)), book=walking)
    assert show(book, 30 * S).speech == (), "and no third time"


def test_green_ends_it_and_nothing_goes_out():
    book = fold(FELL, update(2, 16 * S), did("answer_yes", FALL, 25 * S))
    assert book.calls[FALL].withdrawn
    assert owed(book) == ()


@pytest.mark.parametrize("walked_s", [1, 16, 29])
def test_silence_calls_half_a_minute_after_the_question(walked_s):
    book = fold(FELL, update(2, walked_s * S))
    assert opens_after_ms(book) == walked_s * S + ASKED_MS <= QUESTIONS * ASKED_MS
    book = fold(*due(book, at(opens_after_ms(book)), Timing(), {}), book=book)
    assert book.calls[FALL].life is Life.OPEN
    assert [press.id for press in owed(book)] == [FALL, eid(2)]


def test_what_is_weighed_as_likely_keeps_its_half_minute_and_is_asked_all_the_same():
    for entries in (
        (update(2, 5 * S, "fall_likely"), update(3, 16 * S)),
        (update(2, 16 * S), update(3, 20 * S, "fall_likely")),
    ):
        book = fold(FELL, *entries)
        assert opens_after_ms(book) == ASKED_MS
        assert show(book, 20 * S).questions[0].times == 2


@pytest.mark.parametrize("source", ["pendant", "red"])
def test_a_press_calls_at_once_however_well_somebody_walks(source):
    book = fold(FELL, update(2, 10 * S), pressed(3, 12 * S, source=source, call=FALL))
    assert book.calls[FALL].life is Life.OPEN
    assert walks(book.calls[FALL]) is None


def test_who_falls_anew_is_not_walking():
    book = fold(FELL, update(2, 10 * S), pressed(3, 20 * S, kind="call.fall", source="pendant", call=FALL))
    assert walks(book.calls[FALL]) is None
    assert opens_after_ms(book) == ASKED_MS


def test_a_restart_while_it_is_asked_calls_at_once():
    _, entries = restart(fold(FELL, update(2, 10 * S)), at(0, boot=2))
    assert [entry.name for entry in entries] == ["asking.opens"]


@pytest.mark.parametrize("stages", [["stored"], ["stored", "taken"]])
def test_once_the_call_is_out_cancelling_is_offered_anew(stages):
    heard = [said(n, stage, FALL, MIN) for n, stage in enumerate(stages)]
    spoken = ("delivered.1", "cancel-offer.1", "taken.1")
    book = fold(FELL, did("answer_no", FALL, 30 * S), *heard, *(told(name, FALL, at(MIN)) for name in spoken))
    late = 3 * MIN
    assert cancel_offered(book, at(late)) is None
    book = fold(update(2, late), said(9, "stored", eid(2), late), book=book)
    (phrase,) = show(book, late).speech
    assert phrase.key == "cancel-offer"
    book = fold(told(phrase.name, FALL, at(late + 5 * S)), book=book)
    assert cancel_offered(book, at(late + 10 * S)) == FALL
    assert book.calls[FALL].life is Life.OPEN
    assert (book.calls[FALL].handling is Handling.TAKEN) == ("taken" in stages)
    book = fold(update(3, late, "cancel_asked"), book=book)
    assert "cancel-offer" not in [phrase.key for phrase in show(book, late + 6 * S).speech]


happens = st.sampled_from([WALKS, "fall_likely", "fall_unsure", "fall"])


@given(st.lists(st.tuples(st.integers(0, 70), happens), max_size=8), st.integers(0, 70 * S))
def test_whatever_is_told_of_steps_an_unanswered_fall_calls_within_a_minute(happened, passed):
    entries = []
    for n, (s, what) in enumerate(sorted(happened), 2):
        fell = pressed(n, s * S, kind="call.fall", source="pendant", call=FALL)
        entries.append(fell if what == "fall" else update(n, s * S, what))
    book = fold(FELL, *entries)
    window = window_ms(book, book.calls[FALL], at(passed))
    assert ASKED_MS <= window <= QUESTIONS * ASKED_MS
    assert bool(due(book, at(passed), Timing(), {})) == (passed >= window)


@pytest.fixture
async def wrist() -> Wrist:
    return Wrist()


def tells(wrist: Wrist) -> list[str]:
    """Which changes were told of, by the journal."""
    wrist.pendants._fact(FallWalks("pd-01", LIFE, NUMBER))
    events = [entry.event for _, some, _ in wrist.disk.jobs for entry in some if hasattr(entry, "event")]
    return [str(event.data["change"]) for event in events if event.kind == "call.updated"]


async def test_the_pendants_word_is_told_once_of_each_fall(wrist: Wrist) -> None:
    assert tells(wrist) == [], "of a fall that nobody knows"
    wrist.hears(0, MEANING_FALL)  # before its life was known
    assert tells(wrist) == [WALKS]
    assert tells(wrist) == [WALKS]
    again = wrist.again()
    before = len(again.disk.jobs)
    again.pendants._fact(FallWalks("pd-01", LIFE, NUMBER))
    assert len(again.disk.jobs) == before, "nor by the next run of the hub"


async def test_a_fall_that_was_answered_has_no_walkers(wrist: Wrist) -> None:
    wrist.hears(LIFE, MEANING_FALL)
    wrist.hub.local(EventId("pd-01", LIFE, NUMBER), "answer_yes")
    await wrist.disk.commit()
    assert tells(wrist) == []
