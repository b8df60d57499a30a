"""What the storm of phones looks for in the exchange's log, each found in a log that was made up."""

import pytest

from sim.modem.exchange import PhoneCall
from tests.chaos.phones import judged

HOME, DAUGHTER, NEIGHBOUR, SEAT = "+1000001", "+1000002", "+1000003", "+1000004"
FAMILY = (DAUGHTER, NEIGHBOUR)
MIN_MS = 60_000


def call(callee, dialled_ms, *, answered_ms=None, ended_ms=None, keys=""):
    at_ms = {"dialling": dialled_ms, "answered": answered_ms, "ended": ended_ms}
    return PhoneCall(
        HOME, callee, "ended", keys=keys, at_ms={k: v for k, v in at_ms.items() if v is not None}
    )


def found(*log, pressed_ms=(0,), died_ms=()):
    return judged(log, HOME, FAMILY, pressed_ms, died_ms)


CONFIRMED = call(DAUGHTER, 10_000, answered_ms=15_000, ended_ms=30_000, keys="1")


def test_a_round_as_it_should_be():
    assert not found(
        call(DAUGHTER, 10_000, ended_ms=55_000), call(NEIGHBOUR, 55_000, keys="1", ended_ms=60_000)
    )
    assert not found(CONFIRMED, call(SEAT, 40_000, ended_ms=50_000)), "the seat asked for it"
    assert not found(CONFIRMED, PhoneCall(DAUGHTER, HOME, at_ms={"dialling": 40_000})), "she phones back"


def test_whoever_is_rung_after_somebody_has_confirmed_is_found():
    assert found(CONFIRMED, call(NEIGHBOUR, 31_000, ended_ms=40_000))
    assert found(CONFIRMED, call(NEIGHBOUR, 31_000, ended_ms=40_000), pressed_ms=(3_000,))


@pytest.mark.parametrize("why", [{"pressed_ms": (20_000,)}, {"died_ms": (20_000,)}])
def test_a_press_since_then_or_a_death_meanwhile_rings_anew(why):
    assert not found(CONFIRMED, call(NEIGHBOUR, 31_000, ended_ms=40_000), **why)


def test_an_hour_later_they_are_rung_again():
    assert not found(CONFIRMED, call(NEIGHBOUR, 10_000 + 61 * MIN_MS, ended_ms=10_000 + 62 * MIN_MS))


def test_a_line_that_is_open_too_long_is_found():
    assert not found(call(DAUGHTER, 0, answered_ms=5_000, ended_ms=5_000 + 10 * MIN_MS))
    assert found(call(DAUGHTER, 0, answered_ms=5_000, ended_ms=5_000 + 11 * MIN_MS))
    assert found(call(SEAT, 0, answered_ms=5_000)), "and never ended"
