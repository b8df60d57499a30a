"""Whatever a hub hears of a pendant's presses, in whatever order: each is told, and no rise of one twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.facts import PressHeard
from drivers.ble.heard import UNTOLD, Heard
from protocols.link import messages
from protocols.link.const import MEANING_ASSIST, MEANING_FALL, MEANING_SOS, STAGE_CLOSED
from protocols.values import Lane

LIFE = 0x1A2B3C4D
NUMBERS = st.integers(1, 3)
MEANINGS = st.sampled_from([MEANING_ASSIST, MEANING_SOS, MEANING_FALL])
HELD = st.dictionaries(NUMBERS, st.tuples(MEANINGS, st.sampled_from([0, STAGE_CLOSED])))
WORDS = st.lists(st.tuples(st.just("advert"), NUMBERS, MEANINGS) | st.tuples(st.just("status"), HELD))


def by_advert(number: int, meaning: int, life: int = 0) -> PressHeard:
    return PressHeard("pd-01", life, number, meaning, 100, 5_000, -60, "advert")


def says(held: dict[int, tuple[int, int]]) -> messages.Status:
    presses = [messages.Press(number, meaning, 200, stage) for number, (meaning, stage) in held.items()]
    return messages.Status(LIFE, 2, 80, 0, 10, presses, len(presses))


@given(WORDS, st.booleans())
def test_each_press_is_told_and_no_rise_of_its_meaning_twice(words: list, patient: bool) -> None:
    told: list[PressHeard] = []
    heard = Heard("pd-01", 0, told.append)
    loudest: dict[int, int] = {}
    for word in words:
        if word[0] == "status":
            heard.status(says(word[1]), 6_000, -60, None)
            for number, (meaning, stage) in word[1].items():
                if stage < STAGE_CLOSED:
                    loudest[number] = max(loudest.get(number, UNTOLD), meaning)
            continue
        press = by_advert(*word[1:], life=heard.life)
        if heard.is_news(press):
            begins = heard.advert(press)
            assert not begins or not heard.life
            if begins and not patient:
                heard.overdue(press.number)
    told_of = {number: [p.meaning for p in told if p.number == number] for number in (1, 2, 3)}
    for number, meanings in told_of.items():
        assert meanings == sorted(set(meanings)), "each rise once"
        assert max(meanings, default=UNTOLD) == heard.meaning(number)
        assert heard.meaning(number) >= loudest.get(number, UNTOLD), "what a pendant holds is told"


def test_a_press_waits_for_its_life_and_is_told_with_it() -> None:
    told: list[PressHeard] = []
    heard = Heard("pd-01", 0, told.append)
    assert heard.advert(by_advert(61, MEANING_ASSIST)), "its time begins"
    assert not heard.advert(by_advert(61, MEANING_SOS)), "and does not begin anew"
    assert told == []
    heard.status(says({}), 6_000, -60, None)
    assert [(press.life, press.number, press.meaning) for press in told] == [(LIFE, 61, MEANING_SOS)]
    heard.overdue(61)
    assert len(told) == 1
    assert (heard.lane(61), heard.lane(62)) == (Lane.SOS, Lane.SOS), "what nobody knows is an SOS"


def test_a_press_that_was_accepted_on_proof_of_life_is_told_as_late() -> None:
    told: list[PressHeard] = []
    heard = Heard("pd-01", LIFE, told.append)
    heard.status(says({61: (MEANING_SOS, 0), 62: (MEANING_ASSIST, 0)}), 6_000, -60, late=61)
    assert [(press.number, press.via, press.late) for press in told] == [
        (61, "status", True), (62, "status", False)
    ]  # fmt: skip
    assert heard.lane(62) == Lane.ASSIST
