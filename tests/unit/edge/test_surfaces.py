"""What the elder sees, feels and hears: the architecture's table, and that nothing claims too much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.book import Book, Life, open_calls, owed
from edge.calls import restart, step
from edge.deadlines import Care
from edge.surfaces import (
    PRESSES_TOLD,
    AskPendant,
    Lamp,
    SetLamp,
    Speak,
    Surface,
    TellPendant,
    asked,
    cancel_offered,
    changes,
    surface,
)
from protocols.link.const import (
    STAGE_ARRIVED,
    STAGE_CANCELLED,
    STAGE_CLOSED,
    STAGE_DELIVERED,
    STAGE_HEARD,
    STAGE_NONE,
    STAGE_TAKEN,
)
from tests.unit.edge.making import CHEN, LI, MIN, PENDANT, S, at, did, eid, fired, fold, pressed, said, told

PRESS = eid(1, PENDANT)
CARE = {
    CHEN: Care(service_from_minute=0, service_to_minute=0),
    LI: Care(service_from_minute=0, service_to_minute=0),
}
DAYTIME = {CHEN: Care()}
OFF, AMBER = Lamp("amber", "off"), Lamp("amber", "steady")
BLINKING, GREEN = Lamp("green", "blink"), Lamp("green", "steady")
HOUR = 60 * MIN


def sos(number=1, when=0, **kwargs):
    """A press of the pendant."""
    return pressed(number, at(when), source="pendant", **kwargs)


def show(book: Book, now=None, care=CARE, **known) -> Surface:
    return surface(book, at(0) if now is None else now, care, **known)


def stage_of(book: Book, event_id, now, care) -> int:
    """What the pendant is told of this press."""
    stages = {p.event_id: p.stage for p in surface(book, now, care).pendants}
    return stages.get(event_id, STAGE_NONE)


def spoken(book: Book, now=None, care=CARE, **known) -> list[str]:
    """Everything that is said if each phrase is spoken to its end at this moment."""
    said_keys = []
    while (now_due := show(book, now, care, **known).speech) and len(said_keys) < 20:
        phrase = now_due[0]
        said_keys.append(phrase.key)
        book = fold(told(phrase.name, phrase.call_id, at(0) if now is None else now), book=book)
    return said_keys


TABLE = [
    ([], AMBER, STAGE_HEARD, "calling"),
    ([said(1, "stored", PRESS)], BLINKING, STAGE_DELIVERED, "delivered"),
    ([said(1, "stored", PRESS), said(2, "taken", PRESS)], GREEN, STAGE_TAKEN, "taken"),
    (
        [said(1, "stored", PRESS), said(2, "taken", PRESS), said(3, "arrived", PRESS)],
        OFF,
        STAGE_ARRIVED,
        "arrived",
    ),
    ([said(1, "stored", PRESS), said(3, "closed", PRESS)], OFF, STAGE_CLOSED, "closed"),
    ([said(1, "stored", PRESS), said(3, "cancelled", PRESS)], OFF, STAGE_CANCELLED, "cancelled"),
]


@pytest.mark.parametrize(("entries", "lamp", "stage", "phrase"), TABLE)
def test_each_row_of_what_the_elder_gets(entries, lamp, stage, phrase):
    book = fold(sos(), *entries)
    shown = show(book)
    assert shown.lamp == lamp
    assert [(p.device, p.event_id, p.stage) for p in shown.pendants] == [(PENDANT, PRESS, stage)]
    assert [p.key for p in shown.speech] == [phrase]


def test_a_press_that_is_not_on_the_disk_yet_claims_nothing():
    book, _ = step(Book(), sos(), durable=False)
    assert show(book) == Surface()
    delivered = fold(said(1, "stored", PRESS), book=book)
    assert show(delivered).lamp == BLINKING  # true all the same: the platform has it
    assert show(delivered).pendants[0].stage == STAGE_DELIVERED


def test_nothing_is_said_twice_and_each_new_press_is_answered_anew():
    book = fold(sos(), said(1, "stored", PRESS))
    assert spoken(book) == ["delivered", "cancel-offer"]
    book = fold(told("delivered.1", PRESS), told("cancel-offer.1", PRESS), book=book)
    assert spoken(book) == []
    book = fold(sos(2, call=1), book=book)
    assert spoken(book) == ["calling"]
    assert spoken(fold(said(2, "stored", eid(2, PENDANT)), book=book)) == ["delivered", "cancel-offer"]


def test_a_restart_repeats_no_old_speech():
    ended = fold(sos(), said(1, "stored", PRESS), said(2, "closed", PRESS))
    assert spoken(ended) == ["closed"]
    for boot in (1, 2):
        assert spoken(restart(ended, at(5 * S, boot=boot))[0], at(6 * S, boot=boot)) == []
    told_before = fold(
        sos(), said(1, "stored", PRESS), told("delivered.1", PRESS), told("cancel-offer.1", PRESS)
    )
    assert spoken(restart(told_before, at(5 * S))[0], at(6 * S)) == []


def test_who_is_not_reached_is_told_so_at_0_1_3_and_then_every_10_minutes():
    book, heard = fold(sos(), told("calling.1", PRESS)), []
    for second in range(0, 45 * 60, 5):
        for phrase in show(book, at(second * S)).speech:
            heard.append((second, phrase.key))
            book = fold(told(phrase.name, PRESS, at(second * S)), book=book)
    assert {key for _, key in heard} == {"not-reached"}
    assert [second - 10 for second, _ in heard] == [0, 60, 180, 780, 1380, 1980, 2580]


def test_a_cut_line_is_said_at_once_and_after_a_reboot_too():
    book = fold(sos(), told("calling.1", PRESS))
    assert spoken(book, at(1)) == []
    assert spoken(book, at(1), no_path=True) == ["not-reached"]
    assert spoken(restart(book, at(0, boot=2))[0], at(1, boot=2)) == ["not-reached"]


def test_outside_service_hours_nothing_says_that_the_centre_has_an_assistance():
    book = fold(sos(kind="call.assistance"), said(1, "stored", PRESS))
    night = at(11 * HOUR)
    shown = show(book, night, DAYTIME)
    assert shown.lamp == AMBER
    assert shown.pendants[0].stage == STAGE_HEARD
    assert spoken(book, night, DAYTIME) == ["delivered-later"]
    assert show(book, at(0), DAYTIME).lamp == BLINKING
    assert show(book, at(0, trusted=False), DAYTIME).lamp == AMBER
    assert show(fold(said(2, "taken", PRESS), book=book), night, DAYTIME).lamp == GREEN
    upgraded = fold(sos(2, call=1), said(3, "stored", eid(2, PENDANT)), book=book)
    assert show(upgraded, night, DAYTIME).lamp == BLINKING


def test_the_lamp_shows_the_least_that_is_true_of_any_call():
    taken = [sos(), said(1, "stored", PRESS), said(2, "taken", PRESS)]
    other = pressed(1, at(0), elder=LI)
    assert show(fold(*taken, other)).lamp == AMBER
    assert show(fold(*taken, other, said(3, "stored", eid(1)))).lamp == BLINKING
    undurable, _ = step(fold(*taken), other, durable=False)
    assert show(undurable).lamp == OFF


def test_an_upgrade_that_is_not_delivered_yet_takes_back_the_green():
    book = fold(
        sos(kind="call.assistance"), said(1, "stored", PRESS), said(2, "taken", PRESS), sos(2, call=1)
    )
    assert show(book).lamp == AMBER
    stages = {p.event_id.number: p.stage for p in show(book).pendants}
    # not TAKEN: a pendant that reached another hub with 2 would feel "taken" for an SOS that nobody took
    assert stages == {1: STAGE_DELIVERED, 2: STAGE_HEARD}


def test_what_stands_in_another_call_gets_no_news_of_this_one():
    """Another hub brought the press before, into a call of its own that may have ended or wait still."""
    mine = eid(1)
    book = fold(pressed(1), said(8, "stored", mine), said(9, "taken", mine))
    book = fold(sos(3, call=mine), said(5, "stored", eid(3, PENDANT), call=eid(3, PENDANT)), book=book)
    assert stage_of(book, eid(3, PENDANT), at(0), CARE) == STAGE_DELIVERED
    assert show(book).lamp == GREEN
    book = fold(said(11, "closed", mine), book=book)
    assert stage_of(book, eid(3, PENDANT), at(0), CARE) == STAGE_DELIVERED
    quiet = fold(sos(4, kind="call.assistance", call=mine), book=book)
    quiet = fold(said(4, "stored", eid(4, PENDANT), call=eid(4, PENDANT)), book=quiet)
    closed = {CHEN: Care(service_from_minute=800, service_to_minute=900)}  # it is noon
    assert stage_of(quiet, eid(4, PENDANT), at(0), closed) == STAGE_HEARD


def test_a_question_reaches_the_pendant_and_the_speaker_each_time_until_it_is_answered():
    book = fold(sos(kind="call.assistance"), said(1, "stored", PRESS), told("delivered.1", PRESS))
    book = fold(told("cancel-offer.1", PRESS), book=book)
    before = show(book)
    assert asked(book) is None
    book = fold(fired("assist.ask", PRESS), book=book)
    after = show(book)
    assert asked(book) == PRESS
    assert [type(effect) for effect in changes(before, after)] == [AskPendant, Speak]
    assert spoken(book) == ["ask-urgent"]
    book = fold(told("ask-urgent.1.1", PRESS), fired("assist.ask", PRESS), book=book)
    assert spoken(book) == ["ask-urgent"]
    answered = fold(did("answer_yes", PRESS), book=book)
    assert asked(answered) is None
    assert spoken(answered) == []
    assert show(answered).questions == ()


def test_what_became_of_an_unanswered_question_is_said():
    begin = [sos(kind="call.assistance"), said(1, "stored", PRESS)]
    rule = pressed(2, at(0), call=PRESS, source="rule")
    assert spoken(fold(*begin, rule)) == ["now-urgent"]
    backup = pressed(2, at(0), call=PRESS, kind="call.updated", change="backup")
    assert "now-backup" in spoken(fold(*begin, backup))


def test_waiting_wishes_and_alerts_are_said_once_each():
    begin = fold(sos(), said(1, "stored", PRESS))
    nudged = fold(pressed(2, at(0), call=PRESS, kind="call.updated", change="realert"), book=begin)
    assert spoken(nudged) == ["delivered", "cancel-offer", "still-waiting"]
    cancel = fold(pressed(2, at(0), call=PRESS, kind="call.updated", change="cancel_asked"), book=begin)
    assert spoken(cancel) == ["delivered", "cancel-asked"]
    back = fold(sos(2, kind="call.consultation", call=1), said(2, "stored", eid(2, PENDANT)), book=begin)
    assert spoken(back)[0] == "call-back"


def test_cancelling_counts_only_within_a_minute_of_being_offered_aloud():
    book = fold(sos(), said(1, "stored", PRESS))
    assert cancel_offered(book, at(0)) is None
    book = fold(told("cancel-offer.1", PRESS, at(5 * S)), book=book)
    assert cancel_offered(book, at(65 * S)) == PRESS
    assert cancel_offered(book, at(65 * S + 1)) is None
    cancel = pressed(2, at(6 * S), call=PRESS, kind="call.updated", change="cancel_asked")
    assert cancel_offered(fold(cancel, book=book), at(7 * S)) is None


def test_a_fall_that_is_asked_about_blinks_and_offers_the_way_out():
    book = fold(pressed(1, at(0), kind="call.fall", source="rule"))
    assert show(book).lamp == Lamp("amber", "blink")
    assert asked(book) == eid(1)
    assert spoken(book) == ["ask-fall"]


def test_a_silent_platform_shows_only_while_no_call_needs_the_lamp():
    assert show(Book(), silent=True).lamp == Lamp("red", "blink")
    assert show(fold(sos()), silent=True).lamp == AMBER


def test_who_presses_on_and_on_is_told_of_the_newest_presses():
    """A pendant holds 16: of hundreds it asks for no more, and nobody is told of all of them at each."""
    book = fold(*(sos(n) for n in range(1, 100)), *(pressed(n, at(0)) for n in range(1, 100)))
    assert [p.event_id.number for p in show(book).pendants] == list(range(100 - PRESSES_TOLD, 100))
    one_call = fold(*(sos(n, call=1) for n in range(1, 100)))
    assert [p.event_id.number for p in show(one_call).pendants] == list(range(100 - PRESSES_TOLD, 100))


def test_a_pendant_is_not_bothered_with_calls_that_ended_long_ago():
    book = fold(sos(), said(1, "stored", PRESS), said(2, "closed", PRESS))
    assert show(book, at(30 * MIN)).pendants != ()
    assert show(book, at(30 * MIN + 1)).pendants == ()


def test_changes_lead_from_one_surface_to_the_next_and_are_none_when_nothing_changed():
    before, after = Surface(), show(fold(sos()))
    assert [type(effect) for effect in changes(before, after)] == [SetLamp, TellPendant, Speak]
    assert changes(after, after) == ()
    assert changes(after, before) == (SetLamp(OFF),)


# -- whatever happens

events = st.tuples(
    st.sampled_from(["call.sos", "call.assistance"]), st.sampled_from([CHEN, LI]), st.booleans()
)
receipts = st.tuples(st.sampled_from(["stored", "taken", "arrived", "closed"]), st.integers(1, 4))


@given(st.lists(events | receipts, max_size=12), st.integers(-12, 12))
def test_nothing_claims_more_than_is_known(happenings, hour):
    book, count, numbers = Book(), 0, 0
    now = at(hour * HOUR)
    for happening in happenings:
        if len(happening) == 3:
            kind, elder, durable = happening
            count += 1
            mine = next((c.id for c in open_calls(book) if c.elder == elder), None)
            book, _ = step(book, sos(count, kind=kind, elder=elder, call=mine), durable=durable)
        else:
            numbers += 1
            book = fold(said(numbers, happening[0], eid(happening[1], PENDANT)), book=book)
        shown = surface(book, now, {CHEN: Care(), LI: Care()})
        _claims_hold(book, shown)


def _claims_hold(book: Book, shown: Surface) -> None:
    pending = {press.id for press in owed(book)}
    stored = {
        press.id
        for call in book.calls.values()
        for press in call.presses.values()
        if press.stored is not None
    }
    for pendant in shown.pendants:
        press = book.calls[book.index[pendant.event_id]].presses[pendant.event_id]
        assert pendant.stage < STAGE_DELIVERED or pendant.event_id in stored
        assert press.durable or press.id in stored
    if shown.lamp in (BLINKING, GREEN):
        assert not any(call.owes_a_press for call in book.calls.values())
        assert not pending
    if shown.lamp == GREEN:
        untaken = [c for c in open_calls(book) if c.life is Life.OPEN and c.handling.value == "none"]
        assert not untaken
    for phrase in shown.speech:
        call = book.calls[phrase.call_id]
        if phrase.key in ("delivered", "taken", "arrived"):
            assert not call.owes_a_press
        if phrase.key in ("taken", "arrived"):
            assert any(heard.stage in ("taken", "arrived") for heard in call.heard)


def test_a_pendant_that_fell_is_told_that_the_hub_has_it_and_asks():
    """It need not search for a hub while the question is asked, and nothing more is claimed."""
    book = fold(pressed(1, at(0), kind="call.fall", source="pendant"))
    shown = show(book)
    assert [(p.device, p.stage) for p in shown.pendants] == [(PENDANT, STAGE_HEARD)]
    assert [(q.device, q.call_id, q.times) for q in shown.questions] == [(PENDANT, PRESS, 1)]
    assert owed(book) == ()
    again = fold(pressed(2, at(5 * S), kind="call.fall", source="pendant", call=PRESS), book=book)
    assert [q.times for q in show(again).questions] == [2], "a second fall is asked about anew"


@pytest.mark.parametrize("end", [did("answer_yes", PRESS), fired("asking.opens", PRESS)])
def test_a_question_that_is_over_is_not_asked_on_a_pendant_that_comes_late(end):
    asking = fold(pressed(1, at(0), kind="call.fall", source="pendant"))
    effects = changes(show(asking), show(fold(end, book=asking)))
    (withdrawn,) = [effect.question for effect in effects if isinstance(effect, AskPendant)]
    assert (withdrawn.device, withdrawn.times) == (PENDANT, 0)


def test_a_fall_of_a_rule_asks_no_pendant():
    assert show(fold(pressed(1, at(0), kind="call.fall", source="rule"))).questions == ()


def test_a_fall_that_was_nothing_ends_on_its_pendant_too():
    book = fold(pressed(1, at(0), kind="call.fall", source="pendant"), did("answer_yes", PRESS))
    assert [p.stage for p in show(book).pendants] == [STAGE_CANCELLED]
    assert show(book).questions == ()


def test_what_a_rule_noticed_is_asked_about_three_times_and_then_no_more():
    book = fold(pressed(1, at(0), kind="call.bed_exit", source="rule"))
    assert (spoken(book), asked(book)) == (["ask-well"], eid(1))
    for seconds in (2, 24, 46):
        book = fold(told("ask-well.1", eid(1), at(seconds * S)), book=book)
        assert spoken(book, at((seconds + 19) * S)) == []
        assert spoken(book, at((seconds + 20) * S)) == (["ask-well"] if seconds < 46 else [])


def test_who_says_that_all_is_well_is_not_told_of_a_call_that_was_cancelled():
    book = fold(pressed(1, at(0), kind="call.bed_exit", source="rule"), did("answer_yes", eid(1), at(5 * S)))
    assert spoken(book, at(6 * S)) == ["well"]
