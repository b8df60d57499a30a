"""A day of medicine: when it is asked, when again, when no more, and when it was missed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import prompts
from edge.entries import EventEntry, Stamp
from edge.prompts import Asked, Prompt, Quiet, Step, decide, plan_of
from protocols.errors import AnbanError
from protocols.kinds import KINDS
from protocols.values import Event, EventId

ZONE = 480
PILLS = {
    "id": "pills",
    "elder": "e-chen",
    "kind": "medication",
    "start": "2026-03-01T08:00",
    "rule": "FREQ=DAILY",
}


def told(kind: str, at: Stamp, data: dict[str, Any]) -> EventEntry:
    event = Event(
        id=EventId("hub-01", 1, 1),
        kind=kind,
        lane=KINDS[kind].lane,
        elder="e-chen",
        device="hub-01",
        call_id=None,
        data=data,
    )
    return EventEntry(at=at, event=event, source="system")


class Day:
    """Local time goes on as a test says; what the hub tells the platform is folded as it is told."""

    def __init__(self, **changes: Any) -> None:
        self.plan = plan_of(Prompt(**{**PILLS, **changes}))
        self.here = datetime(2026, 3, 10, 7, 0)
        self.past: prompts.Past = {}
        self.trusted, self.quiet = True, Quiet()
        self.started = self.stamp()
        self.told: list[str] = []

    def stamp(self) -> Stamp:
        wall_ms = prompts.due_of(self.here, ZONE)
        return Stamp(uptime_ms=wall_ms - 1_772_000_000_000, boot=1, wall_ms=wall_ms, trusted=self.trusted)

    def at(self, clock: str) -> Day:
        hours, _, minutes = clock.partition(":")
        then = self.here.replace(hour=int(hours), minute=int(minutes))
        self.here = then if then >= self.here else then + timedelta(days=1)
        return self

    def due(self) -> Step | None:
        past = self.past.get("pills")
        return decide(self.plan, past, self.stamp(), ZONE, self.quiet, self)

    def tells(self, kind: str, due_ms: int, **more: Any) -> None:
        self.told.append(kind + str(more.get("answer", "")))
        data = {"plan": "pills", "due_ms": due_ms, **more}
        self.past = prompts.step(self.past, told(kind, self.stamp(), data))

    def asks(self) -> bool:
        """Whether it is asked now; then it was said, and the platform told."""
        step = self.due()
        if step is None:
            return False
        if step.missed:
            self.tells("care.missed", step.due_ms, answer=step.missed)
            return False
        self.tells("care.reminded", step.due_ms)
        return True

    def answers(self, answer: str) -> None:
        self.tells("care.answered", self.past["pills"].due_ms, answer=answer)


def test_nothing_is_asked_before_its_time_and_then_at_once() -> None:
    day = Day().at("07:59")
    assert day.due() is None
    step = day.at("08:00").due()
    assert step == Step(prompts.due_of(datetime(2026, 3, 10, 8, 0), ZONE), 1)


def test_what_was_answered_is_not_asked_again_until_the_next_day() -> None:
    day = Day().at("08:00")
    assert day.asks()
    day.answers("yes")
    assert not any(day.at(clock).asks() for clock in ("08:10", "08:40", "20:00", "07:59"))
    assert day.at("08:00").asks()
    assert day.told == ["care.reminded", "care.answeredyes", "care.reminded"]


def test_silence_is_asked_three_times_and_then_missed_once() -> None:
    day = Day()
    asked = [clock for clock in ("08:00", "08:05", "08:10", "08:20", "08:21") if day.at(clock).asks()]
    assert asked == ["08:00", "08:10", "08:20"]
    day.at("08:22").asks()
    day.at("09:00").asks()
    assert day.told == ["care.reminded"] * 3 + ["care.missedsilence"]


def test_not_now_puts_it_off_and_it_begins_anew() -> None:
    day = Day().at("08:00")
    assert day.asks()
    day.answers("later")
    assert not day.at("08:14").asks()
    assert day.at("08:15").asks()
    assert day.past["pills"].snoozes == 1


def test_it_is_not_said_in_quiet_hours_and_missed_if_they_outlast_it() -> None:
    night = Day(start="2026-03-01T22:30").at("22:30")
    assert not night.asks()
    night.at("23:31").asks()
    assert night.told == ["care.missednot-asked"]
    assert Day(start="2026-03-01T22:30", in_quiet_hours=True).at("22:30").asks()
    early = Day(start="2026-03-01T06:30").at("06:30")
    assert not early.asks()
    assert early.at("07:00").asks(), "as soon as they end"


def test_a_hub_that_was_off_at_the_time_asks_within_the_hour_and_no_later() -> None:
    assert Day().at("08:59").asks()
    late = Day().at("09:01")
    assert not late.asks()
    assert late.told == ["care.missednot-asked"]
    much_later = Day().at("15:00")
    assert not much_later.asks()
    assert much_later.told == []


def test_a_clock_that_nobody_confirmed_asks_nothing() -> None:
    day = Day().at("08:00")
    day.trusted = False
    assert day.due() is None


def test_a_call_that_lasts_too_long_makes_it_missed() -> None:
    day = Day().at("08:00")
    assert day.asks()
    day.at("09:11").asks()
    assert day.told == ["care.reminded", "care.missedsilence"]


def test_events_of_another_prompt_or_an_older_occurrence_change_nothing() -> None:
    day = Day().at("08:00")
    assert day.asks()
    before = day.past
    day.tells("care.missed", before["pills"].due_ms - 86_400_000)
    assert day.past == before
    missed = told("care.missed", day.stamp(), {"plan": 3})
    assert prompts.step(before, missed) is before


@pytest.mark.parametrize("change", [{"start": "8 o'clock"}, {"rule": "FREQ=HOURLY"}])
def test_a_prompt_that_cannot_be_read_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(AnbanError):
        plan_of(Prompt(**{**PILLS, **change}))


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["", "yes", "no", "later"])), max_size=40))
def test_each_occurrence_ends_once_and_is_asked_no_more_than_was_agreed(
    story: list[tuple[int, str]],
) -> None:
    day = Day()
    for minutes, answer in story:
        day.here += timedelta(minutes=minutes)
        before = day.past.get("pills")
        asked = day.asks()
        after = day.past.get("pills", Asked(0, day.stamp()))
        assert after.times <= day.plan.prompt.times
        assert not (asked and before is not None and before.done and before.due_ms == after.due_ms)
        if asked and answer:
            day.answers(answer)
