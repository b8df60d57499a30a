"""Who is told of a call beside the platform, and when: by text and by phone, over two clocks."""

from __future__ import annotations

import msgspec
import pytest

from edge.book import Book
from edge.calls import restart
from edge.letters import Letter
from edge.plan import DEFAULT, Row
from edge.reach import CONFIRMED, ROUND, Contact, ring_due, rings, texts_due, told_over, told_text
from protocols.values import Lane
from tests.unit.edge.making import CHEN, LI, MIN, S, at, eid, fold, only, pressed, said, told

HELP_MS = 90 * S
FAMILY = next(row for row in DEFAULT.rows(Lane.SOS) if row.path == "family")
VOICE = next(row for row in DEFAULT.rows(Lane.SOS) if row.path == "voice")
MUM = Contact(id="mum")
CALL = eid(1)


def letters(book: Book, ms: int, *contacts: Contact, row: Row | None = FAMILY, boot: int = 1) -> list[Letter]:
    found = texts_due(book, at(ms, boot=boot), contacts or (MUM,), row, HELP_MS)
    return [text.letter for text in found]


def ring(book: Book, ms: int, *contacts: Contact) -> tuple[str, ...]:
    due = ring_due(book, at(ms), contacts or (MUM,), VOICE, HELP_MS)
    return due.contacts if due is not None else ()


def test_the_family_is_told_after_half_a_minute_without_an_answer() -> None:
    book = fold(pressed(1))
    assert letters(book, 30 * S - 1) == []
    assert letters(book, 30 * S) == [Letter.UNREACHED]


def test_at_most_three_texts_and_one_that_it_is_taken() -> None:
    book = fold(pressed(1))
    for minute in (1, 11, 21):
        assert letters(book, minute * MIN) == [Letter.UNREACHED]
        book = fold(told(told_text("mum"), CALL, minute * MIN), book=book)
        assert letters(book, minute * MIN + 9 * MIN) == []
    assert letters(book, 600 * MIN) == []
    book = fold(said(1, "stored", CALL, 601 * MIN), said(2, "taken", CALL, 601 * MIN), book=book)
    assert letters(book, 601 * MIN) == [Letter.TAKEN]
    book = fold(told(told_over("mum"), CALL, 601 * MIN), book=book)
    assert letters(book, 601 * MIN) == []
    book = fold(said(3, "closed", CALL, 602 * MIN), book=book)
    assert letters(book, 602 * MIN) == []


def test_whoever_was_told_nothing_is_not_told_that_it_is_over() -> None:
    book = fold(pressed(1), said(1, "stored", CALL, S), said(2, "closed", CALL, 2 * S))
    assert letters(book, 3 * S) == []


def test_delivered_and_not_taken_is_told_after_ninety_seconds_also_when_ip_works() -> None:
    book = fold(pressed(1), said(1, "stored", CALL, 2 * S))
    assert letters(book, 92 * S - 1) == []
    assert letters(book, 92 * S) == [Letter.UNTAKEN]


def test_a_call_that_is_taken_tells_nobody() -> None:
    book = fold(pressed(1), said(1, "stored", CALL, 2 * S), said(2, "taken", CALL, 80 * S))
    assert letters(book, 20 * MIN) == []
    assert ring(book, 20 * MIN) == ()


@pytest.mark.parametrize("policy", ["always", "never"])
def test_the_policy_is_kept(policy: str) -> None:
    contact = msgspec.structs.replace(MUM, text=policy)  # type: ignore[arg-type]
    book = fold(pressed(1))
    assert letters(book, 0, contact) == ([Letter.CALLED] if policy == "always" else [])
    assert letters(book, 31 * S, contact) == ([Letter.UNREACHED] if policy == "always" else [])


def test_who_is_always_told_is_told_again_like_the_others_when_nobody_answers() -> None:
    contact = Contact(id="mum", text="always")
    book = fold(pressed(1), told(told_text("mum"), CALL, S))
    assert letters(book, 30 * S, contact) == []
    assert letters(book, 31 * S, contact) == [Letter.UNREACHED]


def test_an_assistance_and_another_elders_call_tell_nobody() -> None:
    assert letters(fold(pressed(1, kind="call.assistance", source="green")), 60 * MIN) == []
    assert letters(fold(pressed(1)), 60 * MIN, Contact(id="mum", elders=(LI,))) == []
    assert letters(fold(pressed(1)), 60 * MIN, Contact(id="mum", elders=(CHEN,))) == [Letter.UNREACHED]


def test_the_wish_to_cancel_stops_nothing() -> None:
    wish = pressed(2, 10 * S, kind="call.updated", call=1, change="cancel_asked")
    assert letters(fold(pressed(1), wish), 31 * S) == [Letter.UNREACHED]


def test_after_a_reboot_what_waited_is_due() -> None:
    book, _ = restart(fold(pressed(1)), at(5 * S, boot=2))
    assert letters(book, 5 * S, boot=2) == [Letter.UNREACHED]
    three = [told(told_text("mum"), CALL, MIN) for _ in range(3)]
    book, _ = restart(fold(pressed(1), *three), at(5 * S, boot=2))
    assert letters(book, 60 * MIN, boot=2) == []


def test_a_plan_without_these_rows_tells_nobody() -> None:
    assert letters(fold(pressed(1)), MIN, row=None) == []
    assert ring_due(fold(pressed(1)), at(MIN), (MUM,), None, HELP_MS) is None


def test_the_list_is_rung_in_three_rounds_and_then_hourly() -> None:
    book, begun, dad = fold(pressed(1)), [], Contact(id="dad")
    for second in range(3 * 3600):
        if ring(book, second * S, MUM, dad) == ("mum", "dad"):
            begun.append(second)
            book = fold(told(ROUND, CALL, second * S), book=book)
    assert begun == [30, 90, 180, 180 + 3600, 180 + 7200]


def test_the_list_is_rung_after_the_texts_when_nobody_takes_it() -> None:
    book = fold(pressed(1), said(1, "stored", CALL, 0))
    assert ring(book, 120 * S - 1) == ()
    assert ring(book, 120 * S) == ("mum",)


def test_a_person_who_confirmed_spaces_the_next_round_and_a_press_brings_it_back() -> None:
    book = fold(pressed(1), told(ROUND, CALL, 30 * S), told(CONFIRMED, CALL, 50 * S))
    assert ring(book, 30 * MIN) == ()
    assert ring(book, 61 * MIN) == ("mum",)
    book = fold(pressed(2, 10 * MIN, call=1), book=book)
    assert ring(book, 11 * MIN) == ("mum",)


def test_a_press_hours_later_is_rung_for_at_once_and_not_by_the_hour() -> None:
    rounds = [told(ROUND, CALL, ms) for ms in (30 * S, 90 * S, 180 * S, 63 * MIN)]
    book = fold(pressed(1), *rounds, pressed(2, 70 * MIN, call=1))
    assert ring(book, 70 * MIN + 30 * S - 1) == ()
    due = ring_due(book, at(70 * MIN + 30 * S), (MUM,), VOICE, HELP_MS)
    assert due is not None
    assert due.soon
    book = fold(told(ROUND, CALL, 71 * MIN), book=book)
    assert ring(book, 120 * MIN) == ()
    later = ring_due(book, at(131 * MIN), (MUM,), VOICE, HELP_MS)
    assert later is not None
    assert not later.soon


def test_a_round_is_not_wanted_any_more_once_the_platform_has_the_call() -> None:
    book = fold(pressed(1))
    assert rings(book, only(book), at(40 * S), HELP_MS)
    book = fold(said(1, "stored", CALL, 41 * S), book=book)
    assert not rings(book, only(book), at(42 * S), HELP_MS)
    assert rings(book, only(book), at(41 * S + HELP_MS), HELP_MS)


def test_who_has_no_voice_is_not_rung() -> None:
    assert ring(fold(pressed(1)), MIN, Contact(id="mum", voice=False)) == ()
