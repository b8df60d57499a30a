"""Fault records: raised when they last, told once, cleared when over; and why a pendant is silent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.entries import EventEntry, Stamp
from edge.faults import (
    HEARTBEAT_MS,
    HOUR,
    Faults,
    Report,
    Sign,
    age_ms,
    observe,
    reminders,
    restart,
    silent,
    silent_cause,
    step,
)
from protocols import data
from protocols.values import Event, Lane
from tests.unit.edge.making import HUB, MIN, S, at, eid, pressed


def minted(report: Report, when: Stamp, number: int = 1) -> EventEntry:
    event = Event(id=eid(number), kind=report.kind, lane=Lane.FAULT, device=HUB, data=report.data)
    return EventEntry(at=when, event=event, source="system")


class Watch:
    """A hub that journals every report at once."""

    def __init__(self) -> None:
        self.faults, self.told = Faults(), []

    def see(self, bad: bool, when_ms: int, fault: str = "mains", about: str = HUB, cause: str = "") -> None:
        now = at(when_ms)
        self.faults, report = observe(self.faults, fault, about, bad, now, cause)
        if report is not None:
            self.told.append((when_ms, report.kind, report.data))
            self.faults = step(self.faults, minted(report, now, len(self.told)))


def test_a_short_power_cut_is_no_fault_and_a_long_one_is_told_once():
    watch = Watch()
    for second in range(0, 299, 10):
        watch.see(True, second * S)
    watch.see(False, 299 * S)
    assert watch.told == []
    for second in range(300, 1200, 10):
        watch.see(True, second * S)
    assert [(when // S, kind) for when, kind, _ in watch.told] == [(600, "fault.raised")]
    assert watch.told[0][2]["age_ms"] == 5 * MIN
    watch.see(False, 2000 * S)
    assert watch.told[-1][1] == "fault.cleared"
    assert watch.faults.open == {}


def test_what_is_not_held_back_is_told_at_once():
    watch = Watch()
    watch.see(True, 0, "storage", "journal")
    assert [kind for _, kind, _ in watch.told] == ["fault.raised"]


def test_a_card_that_is_slow_at_every_few_commits_is_one_fault():
    watch = Watch()
    for second in range(0, 300, 5):
        watch.see(second % 15 == 0, second * S, "storage", cause="stuck")
    assert [kind for _, kind, _ in watch.told] == ["fault.raised"]
    for second in range(300, 400, 5):
        watch.see(False, second * S, "storage")
    assert [(when // S, kind) for when, kind, _ in watch.told[1:]] == [(310, "fault.cleared")]
    watch.see(True, 400 * S, "storage", cause="stuck")
    assert watch.told[-1][1] == "fault.raised"


def test_a_probable_cause_that_changes_is_told_again_without_a_new_fault():
    watch = Watch()
    watch.see(True, 0, "pendant_silent", "pd-01", "away")
    watch.see(True, 1 * S, "pendant_silent", "pd-01", "away")
    watch.see(True, 2 * S, "pendant_silent", "pd-01", "flat")
    assert [entry[2].get("cause") for entry in watch.told] == ["away", "flat"]
    assert [entry[2]["count"] for entry in watch.told] == [1, 2]
    (fault,) = watch.faults.open.values()
    assert (fault.cause, fault.count, fault.since) == ("flat", 2, at(0))


def test_faults_outlive_a_restart_and_suspicions_do_not():
    watch = Watch()
    watch.see(True, 0, "storage", "journal")
    watch.see(True, 0, "mains")
    begun = restart(watch.faults, at(0, boot=2, trusted=False))
    assert set(begun.open) == {("storage", "journal")}
    assert begun.suspected == {}
    (fault,) = begun.open.values()
    assert age_ms(begun, fault, at(7 * S, boot=2, trusted=False)) == 7 * S
    assert age_ms(begun, fault, at(7 * S, boot=2, wall_ms=at(HOUR).wall_ms)) == HOUR


def test_a_fault_that_nobody_mends_is_told_again_every_day():
    watch = Watch()
    watch.see(True, 0, "storage", "journal")
    assert reminders(watch.faults, at(24 * HOUR - 1)) == ()
    (report,) = reminders(watch.faults, at(24 * HOUR))
    assert (report.data["age_ms"], report.data["count"]) == (24 * HOUR, 2)
    told_again = step(watch.faults, minted(report, at(24 * HOUR), 2))
    assert reminders(told_again, at(25 * HOUR)) == ()
    assert reminders(told_again, at(48 * HOUR)) != ()


def test_what_is_no_fault_changes_no_record():
    assert step(Faults(), pressed(1)) == Faults()


def test_reports_bear_the_fields_of_the_platforms_grammar():
    watch = Watch()
    watch.see(True, 0, "pendant_silent", "pd-01", "out-of-range")
    watch.see(False, 1)
    for _, _, body in watch.told:
        assert data.read(data.FaultData, body)[1] == ()


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["mains", "storage", "path"]), st.integers(0, 400)),
        max_size=40,
    )
)
def test_raised_and_cleared_always_alternate(seen):
    watch, now = Watch(), 0
    for bad, fault, pause in seen:
        now += pause * S
        watch.see(bad, now, fault)
    for fault in ("mains", "storage", "path"):
        kinds = [kind for _, kind, body in watch.told if body["fault"] == fault]
        assert kinds == ["fault.raised", "fault.cleared"] * (len(kinds) // 2) + kinds[len(kinds) // 2 * 2 :]
        assert kinds[:1] in ([], ["fault.raised"])
        assert ((fault, HUB) in watch.faults.open) == (len(kinds) % 2 == 1)


def day(signal: int, first_pct: int, last_pct: int, hours: int = 24) -> list[Sign]:
    """Heartbeats of some hours, the battery falling evenly."""
    return [
        Sign(hour * HOUR, signal, first_pct + (last_pct - first_pct) * hour // (hours - 1))
        for hour in range(hours)
    ]


NOW = 23 * HOUR + 3 * HEARTBEAT_MS + 10 * MIN


@pytest.mark.parametrize(
    ("signs", "others", "cause"),
    [
        (day(-60, 90, 89), NOW, "away"),
        (day(-95, 90, 89), NOW, "out-of-range"),
        (day(-60, 30, 4), NOW, "flat"),
        (day(-95, 55, 9), NOW, "flat"),  # 2 % an hour: empty by now
        (day(-60, 90, 89), 0, "radio"),
        (day(-60, 90, 89), None, "radio"),
        ([], NOW, "unknown"),
        ([Sign(0, -60, 80)], NOW, "away"),
        (day(-60, 20, 90), NOW, "away"),  # charged meanwhile: never carried on upward
    ],
)
def test_why_a_pendant_is_probably_silent(signs, others, cause):
    assert silent_cause(signs, NOW, others) == cause


def test_a_pendant_is_silent_after_three_heartbeats_and_a_little_patience():
    assert not silent(0, 3 * HEARTBEAT_MS + 10 * MIN - 1)
    assert silent(0, 3 * HEARTBEAT_MS + 10 * MIN)
