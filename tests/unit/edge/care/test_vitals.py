"""What a figure means for the person who measured it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.care.settings import Vitals
from edge.care.vitals import DAY_MS, Judgement, Reading, figures_of, judge

NOW_MS = 20_000 * DAY_MS


def pressure(systolic: float, days_ago: float = 0.0) -> Reading:
    return Reading(round(NOW_MS - days_ago * DAY_MS), {"systolic": systolic})


def test_units_are_made_one() -> None:
    assert figures_of("reading.blood_pressure", {"value": 16.0, "second": 10.0, "unit": "kpa"}) == {
        "systolic": 16.0 * 7.50062,
        "diastolic": 10.0 * 7.50062,
    }
    assert figures_of("reading.body_temperature", {"value": 98.6, "unit": "degf"})["temperature_c"] == 37.0
    assert round(figures_of("reading.glucose", {"value": 90, "unit": "mg_per_dl"})["glucose_mmol"], 1) == 5.0


def test_an_unusable_reading_has_no_figures() -> None:
    assert figures_of("reading.oxygen", {"value": 50, "judged": "unusable"}) == {}
    assert figures_of("reading.oxygen", {"value": True}) == {}


def test_beyond_a_limit_it_is_marked_and_beyond_the_next_somebody_is_asked() -> None:
    assert judge(pressure(150), (), Vitals()) is None
    assert judge(pressure(160), (), Vitals()) == Judgement("high", "limit", "systolic", 160, False)
    assert judge(pressure(180), (), Vitals()) == Judgement("high", "limit", "systolic", 180, True)
    assert judge(Reading(NOW_MS, {"oxygen_pct": 87}), (), Vitals()) == Judgement(
        "low", "limit", "oxygen_pct", 87, True
    )


def test_the_gravest_figure_counts() -> None:
    both = Reading(NOW_MS, {"systolic": 165.0, "pulse_bpm": 35.0})
    assert judge(both, (), Vitals()) == Judgement("low", "limit", "pulse_bpm", 35.0, True)


def test_far_from_ones_own_last_month_it_is_marked_and_nobody_is_asked() -> None:
    mine = [pressure(118 + n % 5, days_ago=n + 1) for n in range(12)]
    found = judge(pressure(150), mine, Vitals())
    assert found == Judgement("high", "own-band", "systolic", 150, False)
    assert judge(pressure(135), mine, Vitals()) is None, "within what a cuff differs"


def test_a_few_figures_or_old_ones_make_no_band() -> None:
    few = [pressure(120, days_ago=n + 1) for n in range(9)]
    assert judge(pressure(150), few, Vitals()) is None
    old = [pressure(120, days_ago=40 + n) for n in range(30)]
    assert judge(pressure(150), old, Vitals()) is None


@given(
    st.dictionaries(
        st.sampled_from(["value", "second", "pulse_bpm", "unit", "judged"]),
        st.floats(-1e9, 1e9) | st.text(max_size=5) | st.booleans() | st.none(),
    ),
    st.sampled_from(["reading.blood_pressure", "reading.glucose", "reading.oxygen", "call.sos"]),
)
def test_whatever_a_reading_holds_is_judged_or_not(data: dict[str, object], kind: str) -> None:
    judge(Reading(NOW_MS, figures_of(kind, data)), (), Vitals())
