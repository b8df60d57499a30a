"""Whose a reading is: what people said last counts, what is undone gives way, and the rules know it too."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.care.rules import FIRES
from edge.care.whose import Known, Slot, apply, confirmed, last_of, step
from edge.entries import EventEntry
from protocols.values import Event, EventId, Lane
from tests.unit.edge.care.story import DAY_MS, Story

SLOT = Slot("bp-01", 2)


def reading(number: int, elder: str = "", wall_ms: int = 0, **data: Any) -> Event:
    return Event(
        id=EventId("bp-01", 1, number),
        kind="reading.blood_pressure",
        lane=Lane.READING,
        device="bp-01",
        elder=elder,
        wall_ms=wall_ms,
        data={"value": 120.0, "second": 80.0, "unit": "mmhg", **data},
    )


def whose(number: int, elder: str, by: str = "asked", **data: Any) -> Event:
    about = str(EventId("bp-01", 1, number))
    return Event(
        id=EventId("hub-01", 1, number),
        kind="care.whose",
        lane=Lane.READING,
        device="hub-01",
        elder=elder,
        data={"about": about, "by": by, **data},
    )


def told(*events: Event) -> list[tuple[str, str]]:
    """Persons of the readings and who says so, the oldest first."""
    rows = [e for e in reversed(apply(reversed(events))) if e.kind.startswith("reading.")]
    return [(event.elder, event.data.get("whose", "")) for event in rows]


def test_what_was_said_last_counts_and_undone_it_is_as_before() -> None:
    one = reading(1)
    assert told(one) == [("", "")]
    assert told(one, whose(1, "e-chen")) == [("e-chen", "asked")]
    corrected = (one, whose(1, "e-chen"), whose(1, "e-wang", "command"))
    assert told(*corrected) == [("e-wang", "command")]
    assert told(*corrected, whose(1, "e-chen", "undo")) == [("e-chen", "asked")]
    assert told(*corrected, whose(1, "e-chen", "undo"), whose(1, "", "undo")) == [("", "")]


def test_it_is_judged_as_theirs() -> None:
    event = apply([whose(1, "e-chen", judged="high", reason="own-band"), reading(1)])[1]
    assert (event.data["judged"], event.data["reason"]) == ("high", "own-band")


def fold(*events: Event) -> Known:
    known = Known()
    for event in events:
        known = step(known, event)
    return known


def test_a_user_of_a_meter_is_who_was_confirmed_as_them_until_somebody_says_otherwise() -> None:
    known = fold(reading(1, user=2), reading(2, user=3), whose(1, "e-chen"))
    assert (confirmed(known, SLOT), confirmed(known, Slot("bp-01", 3))) == ("e-chen", "")
    known = step(step(known, reading(4, user=2)), whose(4, "e-wang", "command"))
    assert confirmed(known, SLOT) == "e-wang"
    assert confirmed(step(known, whose(4, "", "undo")), SLOT) == "e-chen"


def test_a_meter_that_tells_nobody_apart_is_in_doubt_each_time_and_says_who_is_asked_first() -> None:
    known = fold(reading(1), whose(1, "e-wang"))
    assert confirmed(known, Slot("bp-01", None)) == ""
    assert last_of(known, "bp-01") == "e-wang"
    assert last_of(known, "bp-02") == ""


def test_a_crisis_that_was_nobodys_is_asked_about_when_it_is_somebodys() -> None:
    day = Story(clock="09:00")
    at = day.stamp()
    crisis = reading(1, wall_ms=at.wall_ms, value=190.0)
    day.fold(EventEntry(at=at, event=crisis, source="system"))
    assert day.raises() == []
    day.at("09:02").fold(EventEntry(at=day.stamp(), event=whose(1, "e-chen"), source="system"))
    assert day.verdict("vitals").state == FIRES
    day.fold(EventEntry(at=day.stamp(), event=whose(1, "", "undo"), source="system"))
    assert day.raises() == []


def test_a_glucose_sensor_does_not_push_the_blood_pressure_of_thirty_days_out() -> None:
    day = Story(clock="08:00")
    for _ in range(30):
        day.event("reading.blood_pressure", value=130.0, second=80.0, unit="mmhg")
        for _ in range(96):
            day.now_ms += DAY_MS // 96
            day.event("reading.glucose", value=6.0, unit="mmol_per_l")
    slots = day.known.readings["e-chen"]
    assert sum(kind == "reading.blood_pressure" for _, kind in slots) == 30
    assert sum(len(slot) for slot in slots.values()) <= 30 + 31 * 4 * 3
    day.event("reading.blood_pressure", value=158.0, second=80.0, unit="mmhg")
    assert day.known.newest["e-chen"].reading.figures["systolic"] == 158.0


events = st.builds(
    lambda number, elder, by, is_reading: reading(number, elder) if is_reading else whose(number, elder, by),
    st.integers(1, 4),
    st.sampled_from(("", "e-chen", "e-wang")),
    st.sampled_from(("asked", "command", "confirmed", "undo", "else")),
    st.booleans(),
)


@given(st.lists(events, max_size=20))
def test_whatever_is_said_the_rules_count_a_reading_once_and_as_its_persons(said: list[Event]) -> None:
    day, seen, owner = Story(clock="09:00"), set[str](), {}
    for event in said:
        if event.kind == "care.whose":
            about = str(event.data["about"])
            if about in seen:
                owner[about] = event.elder
        elif str(event.id) not in seen:
            seen.add(str(event.id))
            owner[str(event.id)] = event.elder
        day.fold(EventEntry(at=day.stamp(), event=event, source="system"))
    kept = [
        (str(one.event_id), elder)
        for elder, slots in day.known.readings.items()
        for slot in slots.values()
        for one in slot
    ]
    assert len(kept) == len({name for name, _ in kept})
    assert all(owner[name] == elder for name, elder in kept)
