"""The cards of the home page say no more of a call than the platform has."""

from __future__ import annotations

from sim.home.calls import Cards
from sim.home.ledger import Press, Stored
from sim.home.platform import LiveCase
from sim.home.setup import CHEN

CALL = "hub-01.00000001.1"


def press(at_ms: int, origin: str = "hub-01", key: str = "red") -> Press:
    return Press(at_ms, origin, key, CHEN.id)


def stored(received_ms: int, origin: str = "hub-01", kind: str = "call.sos") -> Stored:
    return Stored(f"{origin}.00000001.{received_ms}", CALL, kind, origin, CHEN.id, received_ms)


def shown(cards: Cards) -> str:
    (card,) = cards.as_json()
    return str(card["state"])


def test_a_second_press_that_is_not_there_yet_is_on_its_way() -> None:
    cards = Cards({CHEN.id: CHEN})
    cards.pressed(press(1_000))
    assert shown(cards) == "going"
    cards.stored(stored(1_040))
    assert shown(cards) == "open"
    cards.pressed(press(9_000))
    assert shown(cards) == "going"
    cards.stored(stored(8_990, "pd-01"))
    assert shown(cards) == "going"  # that was another key's
    cards.stored(stored(9_040))
    assert shown(cards) == "open"


def test_an_ended_call_has_nothing_on_its_way() -> None:
    cards = Cards({CHEN.id: CHEN})
    cards.pressed(press(1_000))
    cards.stored(stored(1_040))
    cards.pressed(press(2_000))
    cards.case(LiveCase(CALL, CHEN.id, "call.sos", "cancelled", "none"), 3_000)
    assert shown(cards) == "cancelled"
