"""What relatives read: complete in both languages, one part whatever the names, no more than is known."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import letters
from edge.letters import Letter, catalogue, write
from edge.phrases.catalogue import LANGUAGES
from protocols.sms_pdu import is_one_part, submits

ANY = st.text(max_size=64)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_is_in_every_language_and_nothing_else_is(language: str) -> None:
    assert set(catalogue(language)) == {str(key) for key in Letter}
    po = Path(letters.__file__).with_name(f"{language}.po")
    subprocess.run(["msgfmt", "--check", "-o", "/dev/null", str(po)], check=True, capture_output=True)


@given(st.sampled_from(list(Letter)), st.sampled_from(LANGUAGES), ANY, ANY)
def test_a_letter_is_one_part_whatever_names_and_places_are_in_it(
    letter: Letter, language: str, who: str, place: str
) -> None:
    text = write(letter, language, who=who, when="12:03", place=place)
    assert is_one_part(text)
    assert len(submits("+8613800138000", text)) == 1


def test_name_hour_and_place_are_in_it_where_there_is_room() -> None:
    text = write(Letter.UNREACHED, "zh", who="张奶奶", when="12:03", place="3-2-501")
    assert all(words in text for words in ("张奶奶", "12:03", "3-2-501", "还没有回应"))
    text = write(Letter.UNTAKEN, "en", who="Mrs Chen", when="12:03", place="3-2-501")
    assert all(words in text for words in ("Mrs Chen", "12:03", "3-2-501", "nobody has taken it"))


def test_without_an_hour_there_is_no_gap_for_it() -> None:
    assert "  " not in write(Letter.UNREACHED, "en", who="Mrs Chen")
    assert " ," not in write(Letter.UNREACHED, "en", who="Mrs Chen")


def test_only_what_follows_a_receipt_says_that_the_centre_has_it() -> None:
    for key in (Letter.CALLED, Letter.UNREACHED):
        assert "已收到" not in catalogue("zh")[key]
        assert "has it" not in catalogue("en")[key]
    for key in (Letter.CALLED, Letter.UNREACHED, Letter.UNTAKEN):
        assert "已经有人" not in catalogue("zh")[key]
