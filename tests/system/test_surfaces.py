"""The outside eye: bare pins become what a person sees, recordings what a person hears."""

from __future__ import annotations

from drivers.pi.lamp import DARK_S, LIT_S
from edge.phrases import Phrase
from sim.home.ledger import Meaning
from sim.home.surfaces import DARK_MS, PHRASES, STEADY_MS, LampReader, Shown, meaning_of_phrase, phrase_of


def test_a_blinking_lamp_is_never_steady() -> None:
    reader = LampReader()
    lit_ms, period_ms = round(LIT_S * 1000), round((LIT_S + DARK_S) * 1000)
    seen = []
    for at in range(0, 10_000, period_ms):
        seen += [reader.level(at, "green", True), reader.level(at + lit_ms, "green", False)]
        seen += [reader.look(at + period_ms - 1)]
    assert seen[0] == Shown("green", "blink")
    assert set(seen[1:]) == {None}
    assert reader.shown.meaning is Meaning.DELIVERED


def test_a_lamp_that_burns_on_is_steady_and_then_means_taken() -> None:
    reader = LampReader()
    assert reader.level(0, "green", True) == Shown("green", "blink")
    assert reader.look(400) is None
    assert reader.look(STEADY_MS) == Shown("green", "steady")
    assert reader.shown.meaning is Meaning.TAKEN


def test_darkness_is_off_only_when_it_lasts() -> None:
    reader = LampReader()
    reader.level(0, "amber", True)
    reader.look(900)
    assert reader.level(1000, "amber", False) is None
    assert reader.look(1000 + DARK_MS - 1) is None
    assert reader.look(1000 + DARK_MS) == Shown()


def test_a_steady_lamp_that_begins_to_blink_is_seen() -> None:
    reader = LampReader()
    reader.level(0, "green", True)
    reader.look(STEADY_MS)
    reader.level(STEADY_MS + 100, "green", False)
    assert reader.look(STEADY_MS + 300) == Shown("green", "blink")


def test_from_amber_to_green() -> None:
    reader = LampReader()
    reader.level(0, "amber", True)
    reader.level(300, "amber", False)
    assert reader.level(301, "green", True) == Shown("green", "blink")


def test_every_phrase_that_claims_something_is_one_of_the_products() -> None:
    assert set(PHRASES) <= {phrase.value for phrase in Phrase}
    assert meaning_of_phrase(phrase_of("/build/phrases/zh/taken.wav")) is Meaning.TAKEN
    assert meaning_of_phrase("call-back") is Meaning.OTHER
