"""Smoke, gas and water: a call when it begins, none while it lasts, and no silence is taken for safety."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.care.hazards import KINDS, SAYS, Firing, Hazard, look, step

SMOKE = Hazard("smoke", silent_ms=1_000, heard_ms=0)


def test_smoke_is_a_call_when_it_begins_and_only_then() -> None:
    on, fired = step(SMOKE, {"smoke": True}, 10)
    assert fired == Firing("call.smoke", "smoke_on")
    assert step(on, {"smoke": True}, 20)[1] is None
    off, _ = step(on, {"smoke": False}, 30)
    assert step(off, {"smoke": True}, 40)[1] is not None


def test_carbon_monoxide_is_gas() -> None:
    gas = Hazard("gas", 1_000, 0)
    assert step(gas, {"carbon_monoxide": True}, 1)[1] == Firing("call.gas", "gas_on")


def test_a_silent_sensor_is_blind_and_what_it_says_after_that_is_news() -> None:
    on, _ = step(SMOKE, {"smoke": True}, 0)
    assert not look(on, 999).blind
    blind = look(on, 1_000)
    assert blind.blind
    seeing, fired = step(blind, {"smoke": True}, 1_001)
    assert fired is not None
    assert not seeing.blind


def test_a_battery_report_says_that_it_lives_and_nothing_of_smoke() -> None:
    on, _ = step(SMOKE, {"smoke": True}, 0)
    after, fired = step(on, {"battery_low": True}, 900)
    assert (after.on, fired, look(after, 1_500).blind) == (True, None, False)


@given(
    st.sampled_from(sorted(KINDS)),
    st.lists(
        st.tuples(st.integers(0, 3_000), st.dictionaries(st.sampled_from(["smoke", "x"]), st.booleans()))
    ),
)
def test_no_beginning_is_ever_missed(role: str, said: list[tuple[int, dict[str, bool]]]) -> None:
    hazard, now, on = Hazard(role, 1_000, 0), 0, False
    for pause, states in said:
        now += pause
        hazard = look(hazard, now)
        was_blind = hazard.blind
        hazard, fired = step(hazard, states, now)
        known = [states[name] for name in SAYS[role] if name in states]
        if known:
            begins = any(known) and (not on or was_blind)
            assert (fired is not None) == begins
            on = any(known)
        else:
            assert fired is None
