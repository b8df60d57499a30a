"""The week of a person: her own band, mealtimes, nights, and what is too old to be how she is."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from edge import cli_trends
from edge.care.home import Home, Sensor
from edge.cli_trends import bar
from edge.entries import EventEntry, SensedEntry, Stamp
from edge.history import History
from edge.stores.journal import Journal
from edge.trends import DAY_MS, HOUR_MS, Slept, trends
from protocols.values import Event, EventId, Lane

CHINA = datetime.timezone(datetime.timedelta(hours=8))
NOW = datetime.datetime(2026, 3, 20, 10, 0, tzinfo=CHINA)
NOW_MS = round(NOW.timestamp() * 1000)
CHEN = ("e-chen",)


def reading(kind: str, at_ms: int, number: int = 0, elder: str = "e-chen", **data: Any) -> Event:
    return Event(
        id=EventId("m-1", 1, number),
        kind=f"reading.{kind}",
        lane=Lane.READING,
        device="m-1",
        elder=elder,
        wall_ms=NOW_MS,
        data={"measured_ms": at_ms, **data},
    )


def pressure(days_ago: float, systolic: float, number: int = 0, **data: Any) -> Event:
    figures = {"value": systolic, "second": systolic - 45, "unit": "mmhg", **data}
    return reading("blood_pressure", round(NOW_MS - days_ago * DAY_MS), number, **figures)


def week(readings: list[Event], slept: list[Slept] | None = None) -> dict[str, Any]:
    made = trends(readings, slept or [], CHEN, {}, NOW_MS, 480)
    json.dumps(made, allow_nan=False)
    (person,) = made["people"]
    return {**person, "days": made["days"]}


def test_a_week_has_seven_days_of_the_home_and_ends_today() -> None:
    days = week([])["days"]
    assert (len(days), days[0], days[-1]) == (7, "2026-03-14", "2026-03-20")


def test_her_band_is_of_a_month_and_the_points_are_of_the_week() -> None:
    month = [pressure(n + 0.1, 130 + n % 5, n) for n in range(30)]
    found = week([*month, pressure(40, 190, 99)])["blood_pressure"]
    assert len(found["points"]) == 7
    low, high = found["band"]["systolic"]
    assert (low, high) == (112.0, 152.0)  # 132, and what a cuff differs by


def test_too_few_figures_make_no_band() -> None:
    found = week([pressure(1, 130), pressure(2, 131)])["blood_pressure"]
    assert (len(found["points"]), found["band"]) == (2, None)


def test_what_nobody_can_read_and_what_is_anothers_is_not_drawn() -> None:
    bad = reading("blood_pressure", NOW_MS - HOUR_MS, judged="unusable", reason="short")
    found = week([bad, reading("blood_pressure", NOW_MS, elder="e-wang", value=120.0, second=80.0)])
    assert found["blood_pressure"]["points"] == []
    assert [seen["text"] for seen in found["seen"]] == ["unusable (short)"]


def test_a_meter_whose_clock_runs_ahead_is_not_drawn_in_the_future() -> None:
    assert week([pressure(-2, 130)])["blood_pressure"]["points"] == []


def test_glucose_is_sorted_by_mealtime_in_one_unit() -> None:
    def at(hour: int) -> int:
        return round(NOW.replace(day=19, hour=hour).timestamp() * 1000)

    rows = [
        reading("glucose", at(7), 1, value=5.6, unit="mmol_per_l", context="before"),
        reading("glucose", at(9), 2, value=144.128, unit="mg_per_dl", context="after"),
        reading("glucose", at(12), 3, value=7.0, unit="mmol_per_l"),
        reading("glucose", at(23), 4, value=6.0, unit="mmol_per_l"),
        reading("glucose", at(2), 5, value=4.0, unit="mmol_per_l"),
    ]
    found = week(rows)["glucose"]
    told = [(m["meal"], m["count"], m["low"], m["mean"], m["high"]) for m in found]
    assert told == [
        ("breakfast", 2, 5.6, 6.8, 8.0),
        ("lunch", 1, 7.0, 7.0, 7.0),
        ("night", 2, 4.0, 5.0, 6.0),
    ]
    assert [point["context"] for point in found[0]["points"]] == ["before", "after"]


def test_a_night_is_from_noon_to_noon_with_each_time_that_she_was_up() -> None:
    evening = round(NOW.replace(day=18, hour=22).timestamp() * 1000)
    slept = [
        Slept("e-chen", evening, True),
        Slept("e-chen", evening + 3 * HOUR_MS, False),
        Slept("e-chen", evening + 3 * HOUR_MS + 600_000, True),
        Slept("e-chen", evening + 8 * HOUR_MS, False),
        Slept("e-chen", evening + 9 * HOUR_MS, True),
        Slept("e-chen", evening + 9 * HOUR_MS + 30_000, False),  # she sat on it to dress
        Slept("e-wang", evening, True),
    ]
    (night,) = week([], slept)["sleep"]
    assert night == {
        "day": "2026-03-19",
        "spans": [[600, 780], [790, 1080]],
        "minutes": 470,
        "exits": 1,
    }
    assert bar(night["spans"]) == "." * 10 + "#" * 8 + "." * 6


def test_a_bed_that_was_never_left_is_no_night_for_days() -> None:
    assert week([], [Slept("e-chen", NOW_MS - 3 * DAY_MS, True)])["sleep"] == []
    (night,) = week([], [Slept("e-chen", NOW_MS - HOUR_MS, True)])["sleep"]
    assert night["minutes"] == 60


def test_what_is_old_is_said_to_be_old() -> None:
    found = week([pressure(3, 130), reading("weight", NOW_MS - HOUR_MS, 2, value=61.5, unit="kg")])
    assert [(seen["kind"], seen["stale"]) for seen in found["seen"]] == [
        ("blood_pressure", True),
        ("weight", False),
    ]


@given(
    st.lists(
        st.builds(
            reading,
            st.sampled_from(["blood_pressure", "glucose", "weight"]),
            st.integers(0, 4_000_000_000_000),
            value=st.floats(0, 1e6),
            second=st.none() | st.floats(0, 1e6),
            unit=st.sampled_from(["mmhg", "kpa", "mmol_per_l", "mg_per_dl", ""]),
        ),
        max_size=20,
    ),
    st.lists(
        st.builds(Slept, st.just("e-chen"), st.integers(0, 4_000_000_000_000), st.booleans()), max_size=20
    ),
)
def test_anything_makes_a_week(readings: list[Event], slept: list[Slept]) -> None:
    found = week(readings, slept)
    assert all(0 <= a < b <= 1440 for night in found["sleep"] for a, b in night["spans"])


async def test_the_hub_tells_it_from_its_journal_and_the_command_draws_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = Journal.in_memory()

    def stamp(at_ms: int, trusted: bool = True) -> Stamp:
        return Stamp(uptime_ms=at_ms - NOW_MS + DAY_MS * 9, boot=7, wall_ms=at_ms, trusted=trusted)

    bed = NOW_MS - 10 * HOUR_MS
    for event in (
        pressure(1, 138, judged="high"),
        reading("glucose", NOW_MS, 2, value=6.1, unit="mmol_per_l"),
    ):
        journal.append(event.lane, [EventEntry(at=stamp(NOW_MS), event=event, source="system")])
    for at_ms, what, trusted in ((bed - HOUR_MS, "on", False), (bed, "on", True), (NOW_MS, "off", True)):
        entry = SensedEntry(at=stamp(at_ms, trusted), sensor="bed-01", what=what)
        journal.append(Lane.TELEMETRY, [entry])

    async def read(ask: Any) -> Any:
        return ask(journal)

    home = Home(CHEN, (Sensor("bed-01", "bed", "e-chen", "bedroom"),))
    told = await History(read, lambda: 480, lambda: home, lambda: NOW_MS).trends({})
    assert told["people"][0]["sleep"][0]["minutes"] == 600
    monkeypatch.setattr(cli_trends, "ask_hub", lambda socket, op: told)
    drawn = CliRunner().invoke(cli_trends.trends, []).output
    assert "138/93 mmHg [high]" in drawn
    assert "mean 6.1 mmol/L (1)" in drawn
    assert "10 h 00 min" in drawn
