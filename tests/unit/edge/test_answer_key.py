"""The green key while the hub asks something of the day, and what it means the moment a call is open."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.pi.keys import KeyDown, KeyUp
from edge.hub import Hub
from edge.inputs.answers import HELP_MS, TWICE_MS, Answer, AnswerKey
from edge.inputs.keys import KeyInput
from edge.mint import Mint
from tests.unit.edge.by_hand import ClockByHand, DiskByHand


def test_once_is_yes_when_no_second_press_comes() -> None:
    key = AnswerKey()
    key.down(0)
    assert key.up(120) is None
    assert key.due_at() == 120 + TWICE_MS
    assert key.tick(119 + TWICE_MS) is None
    assert key.tick(120 + TWICE_MS) is Answer.YES
    assert key.due_at() is None


def test_twice_is_no_at_the_second_release() -> None:
    key = AnswerKey()
    key.down(0)
    key.up(100)
    key.down(1_500)
    assert key.tick(1_700) is None, "it is being pressed again"
    assert key.up(1_800) is Answer.NO


def test_held_for_two_seconds_is_help_at_the_threshold() -> None:
    key = AnswerKey()
    key.down(0)
    assert key.tick(HELP_MS - 1) is None
    assert key.tick(HELP_MS) is Answer.HELP
    assert key.up(5_000) is None, "said once"


@given(st.lists(st.tuples(st.sampled_from(["down", "up", "tick"]), st.integers(0, 3_000)), max_size=30))
def test_whatever_a_hand_does_there_are_no_more_answers_than_presses(deeds: list[tuple[str, int]]) -> None:
    key, at, downs, answers = AnswerKey(), 0, 0, 0
    for deed, after in deeds:
        at += after
        downs += deed == "down"
        answers += getattr(key, deed)(at) is not None
    assert answers <= downs


class Hand:
    """A hand at a hub's keys; `asks` is the question that is open."""

    def __init__(self) -> None:
        self.clock = ClockByHand()
        self.hub = Hub(Mint("hub-01", self.clock), DiskByHand(), elder="e-chen", room="hall")
        self.asks, self.answers = "pills.1", []
        self.keys = KeyInput(
            self.hub,
            lambda: None,
            lambda key, stuck: None,
            question=lambda: "" if self.hub.book.calls else self.asks,
            answered=lambda question, answer: self.answers.append((question, answer)),
        )

    def presses(self, key: str = "green", hold_ms: int = 120) -> None:
        self.keys.on_event(KeyDown(key, self.clock.now))
        self.clock.now += hold_ms
        self.keys.on_event(KeyUp(key, self.clock.now, 0))
        self.clock.now += 200

    def waits(self, ms: int) -> None:
        self.clock.now += ms
        self.keys._held(self.clock.now)

    @property
    def kinds(self) -> list[str]:
        return [press.kind for call in self.hub.book.calls.values() for press in call.presses.values()]


@pytest.fixture
async def hand() -> Hand:
    await asyncio.sleep(0)
    return Hand()


async def test_an_answer_is_no_call(hand: Hand) -> None:
    hand.presses()
    hand.waits(TWICE_MS)
    hand.presses()
    hand.presses()
    assert hand.answers == [("pills.1", Answer.YES), ("pills.1", Answer.NO)]
    assert hand.kinds == []


async def test_who_holds_the_key_gets_assistance(hand: Hand) -> None:
    hand.keys.on_event(KeyDown("green", hand.clock.now))
    hand.waits(HELP_MS)
    assert (hand.kinds, hand.answers) == (["call.assistance"], [])


async def test_red_is_an_sos_at_once_and_green_means_assistance_after_it(hand: Hand) -> None:
    hand.presses()
    hand.presses("red")
    assert hand.kinds == ["call.sos"]
    hand.presses()
    hand.waits(TWICE_MS)
    assert hand.kinds == ["call.sos", "call.assistance"]
    assert hand.answers == [], "the press before the call is no answer any more"


async def test_an_answer_never_goes_to_the_next_question(hand: Hand) -> None:
    hand.presses()
    hand.asks = "pills.2"
    hand.waits(TWICE_MS)
    assert hand.answers == []


async def test_without_a_question_green_is_what_it_was(hand: Hand) -> None:
    hand.asks = ""
    hand.presses()
    assert hand.kinds == ["call.assistance"]
