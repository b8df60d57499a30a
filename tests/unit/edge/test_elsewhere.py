"""A fall that two hubs ask about: an answer at the other one ends the question here, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.facts import FallAnswered, PressHeard
from edge.book import Life, owed
from edge.calls import restart
from edge.entries import EventEntry, LocalEntry
from edge.surfaces import PendantStage, Surface, surface
from protocols.link.const import MEANING_FALL, MEANING_SOS, STAGE_CANCELLED
from protocols.values import EventId
from tests.unit.edge.making import PENDANT, S, at, did, eid, fold, pressed
from tests.unit.edge.test_pendant_presses import LIFE, NUMBER, Wrist

FALL, NEXT = eid(1, PENDANT), eid(2, PENDANT)
FELL = pressed(1, 0, kind="call.fall", source="pendant")


# --- the fold ---


def test_it_is_over_and_nothing_goes_out():
    book = fold(FELL, did("answered_elsewhere.1", FALL, 9 * S))
    assert book.calls[FALL].withdrawn
    assert owed(book) == ()


def test_who_falls_again_before_it_is_folded_is_asked_about_further():
    again = pressed(2, 9 * S, kind="call.fall", source="pendant", call=FALL)
    book = fold(FELL, again, did("answered_elsewhere.1", FALL, 9 * S))
    assert book.calls[FALL].life is Life.ASKING
    assert fold(did("answered_elsewhere.2", FALL, 10 * S), book=book).calls[FALL].withdrawn


@pytest.mark.parametrize("source", ["pendant", "red", "green"])
def test_a_call_that_is_open_stays_as_it_is(source):
    opened = fold(FELL, pressed(2, 5 * S, source=source, call=FALL))
    for name in ("answered_elsewhere.1", "answered_elsewhere.2"):
        book = fold(did(name, FALL, 9 * S), book=opened)
        assert book.calls[FALL] == opened.calls[FALL]


@given(st.text(max_size=30).map(lambda end: f"answered_elsewhere{end}"))
def test_no_other_name_ends_anything(name):
    book = fold(FELL, did(name, FALL, 9 * S))
    assert (book.calls[FALL].life is Life.ASKING) == (name != "answered_elsewhere.1")


def test_a_restart_while_it_is_asked_calls_all_the_same():
    _, entries = restart(fold(FELL), at(0, boot=2))
    assert [entry.name for entry in entries] == ["asking.opens"]


def test_the_pendant_is_told_that_it_was_answered_and_of_no_other_end():
    def told(*entries: LocalEntry) -> tuple[PendantStage, ...]:
        shown: Surface = surface(fold(FELL, *entries), at(10 * S), {})
        return shown.pendants

    assert told(did("answer_yes", FALL)) == (PendantStage(PENDANT, FALL, STAGE_CANCELLED, True),)
    assert not any(stage.answered for stage in told(did("answer_no", FALL)) + told())


# --- the hub ---


@pytest.fixture
async def wrist() -> Wrist:
    return Wrist()


def falls(wrist: Wrist, number: int = NUMBER, life: int = LIFE, meaning: int = MEANING_FALL) -> EventId:
    wrist.pendants._fact(
        PressHeard("pd-01", life, number, meaning, 100, wrist.clock.now, -60, "advert"),
    )
    return EventId("pd-01", life, number)


async def answered(wrist: Wrist, number: int = NUMBER, life: int = LIFE) -> None:
    wrist.pendants._fact(FallAnswered("pd-01", life, number, "hub-02"))
    await wrist.disk.commit()


def told(wrist: Wrist) -> list[dict[str, object]]:
    """What the platform is told of answers."""
    entries = [entry for _, some, _ in wrist.disk.jobs for entry in some]
    events = [entry.event for entry in entries if isinstance(entry, EventEntry)]
    return [dict(event.data) for event in events if event.kind == "care.answered"]


def life_of(wrist: Wrist, fall: EventId) -> Life:
    call = wrist.hub.book.calls[wrist.hub.book.index[fall]]
    return call.life


async def test_an_answer_at_the_other_hub_ends_the_question_and_says_who_and_tells_the_same(wrist: Wrist):
    fall = falls(wrist)
    await answered(wrist)
    await answered(wrist)
    assert life_of(wrist, fall) is Life.CANCELLED
    assert told(wrist) == [{"plan": "fall", "answer": "fine"}]
    local = [e for _, some, _ in wrist.disk.jobs for e in some if isinstance(e, LocalEntry)]
    assert [(entry.call_id, entry.by) for entry in local] == [(fall, "hub-02")]
    again = wrist.again()
    assert again.hub.book.calls[fall].withdrawn, "nor does a restart bring it back"


@pytest.mark.parametrize(("number", "life"), [(NUMBER + 1, LIFE), (NUMBER, LIFE + 1), (NUMBER, 0)])
async def test_an_answer_about_another_fall_or_life_ends_nothing(wrist: Wrist, number: int, life: int):
    fall = falls(wrist)
    await answered(wrist, number, life)
    assert life_of(wrist, fall) is Life.ASKING
    assert told(wrist) == []


async def test_of_two_falls_both_have_to_be_answered(wrist: Wrist):
    first, second = falls(wrist), falls(wrist, NUMBER + 1)
    await answered(wrist)
    assert life_of(wrist, first) is life_of(wrist, second) is Life.ASKING
    await answered(wrist, NUMBER + 1)
    assert life_of(wrist, second) is Life.CANCELLED
    assert told(wrist) == [{"plan": "fall", "answer": "fine"}]


async def test_a_press_meanwhile_calls_and_no_answer_takes_that_back(wrist: Wrist):
    fall = falls(wrist)
    falls(wrist, NUMBER + 1, meaning=MEANING_SOS)
    await answered(wrist)
    await answered(wrist, NUMBER + 1)
    assert life_of(wrist, fall) is Life.OPEN
    assert told(wrist) == []
    assert len(owed(wrist.hub.book)) == 2


async def test_what_a_rule_of_this_hub_noticed_is_asked_about_further(wrist: Wrist):
    fall = falls(wrist)
    wrist.hub.call("call.bed_exit", "rule", elder="e-chen", data={"source": "rule", "rule": "bed_exit"})
    await answered(wrist)
    assert life_of(wrist, fall) is Life.ASKING


async def test_a_fall_that_is_heard_late_is_over_as_soon_as_it_is_heard(wrist: Wrist):
    await answered(wrist)
    fall = falls(wrist)
    await wrist.disk.commit()
    assert life_of(wrist, fall) is Life.CANCELLED
    other = falls(wrist, NUMBER + 1)
    await wrist.disk.commit()
    assert life_of(wrist, other) is Life.ASKING


async def test_a_fall_while_the_disk_takes_its_time_is_not_ended_with_the_one_before(wrist: Wrist):
    fall = falls(wrist)
    wrist.pendants._fact(FallAnswered("pd-01", LIFE, NUMBER, "hub-02"))
    falls(wrist, NUMBER + 1)
    await wrist.disk.commit()
    assert life_of(wrist, fall) is Life.ASKING
    await answered(wrist, NUMBER + 1)
    assert life_of(wrist, fall) is Life.CANCELLED


async def test_what_is_remembered_is_bounded(wrist: Wrist):
    for number in range(1000):
        await answered(wrist, number + 1)
    assert len(wrist.pendants._elsewhere._by) <= 32
