"""What becomes of presses, upgrades, cancels and seats' hands: the desk on a shelf of dictionaries."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import AnbanError, Reason
from protocols.values import Event, EventId, Lane
from sim.platform.desk import NOBODY
from sim.platform.faults import Fault, fold_fault, groups, silent_hubs
from sim.platform.folding import Action, Alert, Handling, Lifecycle

from .conftest import press, reading
from .story import CALL, Story, second, update


def test_each_press_alerts_and_one_case_stands() -> None:
    story = Story()
    story.comes(press(1))
    story.comes(second(2))
    assert story.alerts == [Alert.NEW, Alert.AGAIN]
    assert len(story.shelf.cases) == 1
    assert (story.case().unseen, story.case().alerts) == (2, 2)


def test_a_press_that_is_heard_twice_alerts_once() -> None:
    story = Story()
    first, again = story.comes(press(1)), story.comes(press(1))
    assert first[0].number == again[0].number
    assert story.alerts == [Alert.NEW]


def test_a_second_hub_that_sends_a_known_press_for_another_call_is_told_where_it_stands() -> None:
    story = Story()
    assert [receipt.call_id for receipt in story.comes(press(1))] == [None]
    story.does(Action.CLOSE)
    red = press(1, device="hub-02")
    assert story.comes(red, hub="hub-02")[0].call_id is None
    late = story.comes(second(1, call_id=red.id), hub="hub-02")[0]
    assert (late.stage, late.call_id) == ("stored", CALL)
    assert [p.id for p in story.case(red.id).presses] == [str(red.id)]


def test_a_press_after_taken_flashes_as_new_and_stays_taken() -> None:
    story = Story()
    story.comes(press(1))
    story.does(Action.TAKE)
    assert story.case().unseen == 0
    story.comes(second(2))
    assert (story.case().handling, story.case().unseen, story.alerts[-1]) == (Handling.TAKEN, 1, Alert.AGAIN)
    story.does(Action.TAKE)
    assert story.case().unseen == 0
    assert story.told() == ["taken", "taken"]


def test_a_press_after_the_end_opens_the_case_again() -> None:
    story = Story()
    story.comes(press(1))
    story.does(Action.CLOSE)
    story.comes(second(2))
    assert (story.case().lifecycle, story.case().handling) == (Lifecycle.OPEN, Handling.NONE)
    assert story.alerts[-1] is Alert.NEW
    assert len(story.shelf.cases) == 1


def test_an_upgrade_makes_the_case_graver_and_nothing_makes_it_milder() -> None:
    story = Story()
    story.comes(press(1, kind="call.assistance"))
    story.comes(second(2))
    assert (story.case().kind, story.case().lane) == ("call.sos", Lane.SOS)
    story.comes(second(3, kind="call.assistance", lane=Lane.ASSIST))
    assert (story.case().kind, story.case().lane) == ("call.sos", Lane.SOS)


def test_an_update_that_overtakes_its_press_opens_the_case() -> None:
    story = Story()
    story.comes(update(2, "cancel_asked"))
    story.comes(press(1, kind="call.assistance"))
    case = story.case()
    assert (case.lifecycle, case.kind, case.cancel_asked) == (Lifecycle.OPEN, "call.assistance", True)
    assert story.alerts == [Alert.NEW, Alert.AGAIN]


def test_asking_to_cancel_ends_nothing_until_the_seat_accepts() -> None:
    story = Story()
    story.comes(press(1))
    with pytest.raises(AnbanError) as caught:
        story.does(Action.ACCEPT_CANCEL)
    assert caught.value.reason is Reason.CONFLICT
    story.comes(update(2, "cancel_asked"))
    assert story.case().lifecycle is Lifecycle.OPEN
    assert story.told() == []
    story.does(Action.ACCEPT_CANCEL)
    assert story.case().lifecycle is Lifecycle.CANCELLED
    assert story.told() == ["cancelled"]


def test_who_presses_again_does_not_want_to_cancel_any_more() -> None:
    story = Story()
    story.comes(press(1), update(5, "cancel_asked"))
    story.comes(second(3))  # made before, and late
    assert story.case().cancel_asked
    story.comes(second(6))
    assert not story.case().cancel_asked


@pytest.mark.parametrize("change", ["realert", "not_arrived", "backup", "upgraded", "callback"])
def test_what_the_hub_insists_on_alerts_again(change: str) -> None:
    story = Story()
    story.comes(press(1))
    story.comes(update(2, change))
    assert story.alerts[-1] is Alert.AGAIN


def test_a_hub_that_reports_a_finished_call_is_told_the_end_again() -> None:
    story = Story()
    story.comes(press(1))
    story.does(Action.TAKE)
    story.does(Action.CLOSE)
    before = len(story.told())
    story.comes(update(2, "realert"))
    assert story.case().lifecycle is Lifecycle.CLOSED
    assert story.told()[before:] == ["closed"]


def test_a_hub_that_brings_a_press_of_a_case_that_is_over_hears_of_no_help_that_came_before_it() -> None:
    story = Story()
    story.comes(press(1))
    story.does(Action.ARRIVED)
    story.comes(second(2))
    story.does(Action.CLOSE)
    story.comes(press(2), hub="hub-02")
    assert story.told("hub-02") == ["closed"]


@pytest.mark.parametrize("end", [Action.CLOSE, Action.ACCEPT_CANCEL])
def test_a_hub_that_lost_its_disk_and_sends_a_finished_call_again_is_told_the_end(end: Action) -> None:
    story = Story()
    story.comes(press(1), update(2, "cancel_asked"))
    story.does(Action.TAKE)
    story.does(end)
    before = len(story.told())
    story.comes(press(1))
    assert story.told()[before:] == [{Action.CLOSE: "closed"}.get(end, "cancelled")]
    assert story.case().lifecycle is not Lifecycle.OPEN
    story.comes(second(3))
    before = len(story.told())
    story.comes(press(1))
    assert story.told()[before:] == [], "the case is open again: there is no end to tell"


def test_a_hub_that_joins_with_a_graver_press_hears_of_no_help_that_came_for_less() -> None:
    story = Story()
    story.comes(press(1, kind="call.assistance", lane=Lane.ASSIST))
    story.does(Action.TAKE)
    story.comes(press(2), hub="hub-02")
    assert story.case().lane is Lane.SOS
    assert story.told("hub-02") == []
    story.does(Action.TAKE)
    assert story.told("hub-02") == ["taken"]


def test_a_hub_that_joins_late_hears_of_no_help_that_came_before_the_press_it_heard() -> None:
    """Both hear the second press, after somebody had been there; the other hub's report is the first."""
    story = Story()
    story.comes(press(1))
    story.does(Action.ARRIVED)
    story.comes(second(2))
    story.comes(press(2), hub="hub-02")
    assert story.told("hub-02") == []
    story.does(Action.TAKE)
    assert story.told("hub-02") == ["taken"]
    story.comes(press(2), hub="hub-03")  # taken since, and who was there was there before
    assert story.told("hub-03") == ["taken"]


def test_two_hubs_hear_one_pendant_and_both_hear_of_the_help() -> None:
    story = Story()
    story.comes(press(1), hub="hub-01")
    story.does(Action.TAKE)
    story.comes(press(1), hub="hub-02")
    assert story.told("hub-02") == ["taken"]
    story.does(Action.ARRIVED)
    assert story.told("hub-01") == story.told("hub-02") == ["taken", "arrived"]
    assert len(story.shelf.events) == 1


def test_only_one_takes_a_call_and_repeating_is_harmless() -> None:
    story = Story()
    story.comes(press(1))
    story.does(Action.TAKE, "Li")
    story.does(Action.TAKE, "Li")
    with pytest.raises(AnbanError):
        story.does(Action.TAKE, "Wang")
    assert story.told() == ["taken"]
    story.does(Action.CLOSE, "Li")
    story.does(Action.CLOSE, "Wang")
    with pytest.raises(AnbanError):
        story.does(Action.TAKE, "Wang")
    assert story.told() == ["taken", "closed"]


def test_arriving_untaken_tells_both() -> None:
    story = Story()
    story.comes(press(1))
    story.does(Action.ARRIVED)
    assert story.told() == ["taken", "arrived"]


def test_nobody_acts_on_a_call_that_is_not() -> None:
    with pytest.raises(AnbanError) as caught:
        Story().does(Action.TAKE)
    assert caught.value.reason is Reason.NOT_FOUND


def test_a_poison_event_gets_its_own_receipt_and_stops_no_other() -> None:
    story = Story()
    bad = AnbanError(Reason.BAD_VALUE, "not an event")
    receipts = story.comes(reading(1), (None, bad), (press(9).id, bad), reading(2))
    assert [receipt.stage for receipt in receipts] == ["stored", "rejected", "rejected", "stored"]
    assert (receipts[1].about, receipts[2].about) == (NOBODY, press(9).id)
    assert all(receipt.reason for receipt in receipts[1:3])
    assert len(story.shelf.events) == 2


def test_no_hub_mints_ids_of_another_home() -> None:
    """Else a neighbour's hub could send an id first, and the true press would fold into it."""
    story = Story()
    story.shelf.owners = {"pd-01": {"hub-01"}}
    assert story.comes(press(1), hub="hub-02")[0].stage == "rejected"
    assert story.comes(press(1), hub="hub-01")[0].stage == "stored"
    assert story.comes(press(1, device="pd-77"), hub="hub-02")[0].stage == "stored"  # unknown is not foreign


def test_a_reading_opens_no_case() -> None:
    story = Story()
    story.comes(reading(1), reading(2, call_id=CALL))
    assert not story.shelf.cases


def test_an_unknown_kind_of_call_opens_one() -> None:
    story = Story()
    story.comes(press(1, kind="call.volcano", data={"lava": True}))
    assert story.case().kind == "call.volcano"


def test_a_call_without_an_id_of_its_own_is_one_of_its_own() -> None:
    story = Story()
    story.comes(press(1, call_id=None))
    assert story.case().lifecycle is Lifecycle.OPEN


actions = st.sampled_from(list(Action))
events = st.builds(
    lambda number, call, kind, change, boot, at_min: press(
        number,
        kind=kind,
        call_id=press(call).id,
        boot=boot,
        uptime_ms=at_min * 60_000,
        data={"change": change} if kind == "call.updated" else {},
    ),
    st.integers(1, 12),
    st.integers(1, 3),
    st.sampled_from(["call.sos", "call.assistance", "call.updated", "call.fall"]),
    st.sampled_from(["realert", "cancel_asked", "answered", "?"]),
    st.integers(0, 2),
    st.integers(0, 90),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("event"), events, st.sampled_from(["hub-01", "hub-02"])),
        st.tuples(st.just("action"), actions, st.integers(1, 3)),
    ),
    max_size=40,
)


@given(steps)
@settings(max_examples=300)
def test_whatever_happens_nothing_is_lost_and_nothing_is_doubled(history: list[tuple[Any, ...]]) -> None:
    story = Story()
    sent: set[EventId] = set()
    unhandled: set[EventId] = set()
    for kind, what, more in history:
        if kind == "event":
            (receipt,) = story.comes(what, hub=more)
            assert receipt.stage == "stored"
            if what.id not in sent and what.kind != "call.updated":
                unhandled.add(story.shelf.case_ids[what.id])
            sent.add(what.id)
        else:
            case_id = press(more).id
            with contextlib.suppress(AnbanError):
                story.does(what, call_id=case_id)
                unhandled.discard(case_id)
        for case_id in unhandled:  # a press that no hand has seen stands open and unseen before the seat
            assert story.case(case_id).lifecycle is Lifecycle.OPEN
            assert story.case(case_id).unseen > 0
    assert set(story.shelf.events) == sent
    in_cases = sorted(p.id for case in story.shelf.cases.values() for p in case.presses)
    assert in_cases == sorted(str(about) for about in sent)
    numbers = [number for _, number, _ in story.shelf.downlink]
    assert numbers == sorted(set(numbers))
    for case in story.shelf.cases.values():  # each hub was told, by the name it uses, how its case ended
        for name in case.names:
            if case.lifecycle is not Lifecycle.OPEN:
                told = [item.stage for hub, _, item in story.shelf.downlink if (hub, item.about) == name]
                assert case.lifecycle.value in told


# --- faults ---


def fault(number: int, kind: str = "fault.raised", **data: Any) -> Event:
    return press(
        number, kind=kind, lane=Lane.FAULT, call_id=None, device="hub-01", data={"fault": "mains", **data}
    )


def test_a_fault_has_an_age_and_ends_and_is_never_a_case() -> None:
    story = Story()
    story.comes(fault(1, age_ms=300_000))
    (standing,) = story.shelf.faults.values()
    assert standing.since_ms == story.now_ms - 300_000
    story.comes(fault(2, "fault.cleared"))
    (ended,) = story.shelf.faults.values()
    assert ended.ended_ms == story.now_ms
    story.comes(fault(3))
    (again,) = story.shelf.faults.values()
    assert (again.ended_ms, again.count) == (0, 2)
    assert not story.shelf.cases


def test_an_old_report_that_comes_late_changes_nothing() -> None:
    story = Story()
    story.comes(fault(5, "fault.cleared"))
    story.comes(fault(4))
    (record,) = story.shelf.faults.values()
    assert record.ended_ms


def test_faults_of_different_devices_and_things_are_different() -> None:
    story = Story()
    story.comes(fault(1, about="a"), fault(2, about="b"), press(3, kind="fault.raised", lane=Lane.FAULT))
    assert len(story.shelf.faults) == 3


def test_a_district_without_mains_is_one_row() -> None:
    def one(hub: str, name: str, since_ms: int, ended_ms: int = 0) -> Fault:
        return Fault(hub=hub, device=hub, fault=name, about="", since_ms=since_ms, ended_ms=ended_ms)

    standing = [one(f"hub-{n}", "mains", 100 - n) for n in range(12)]
    standing += [one("hub-x", "battery", 1), one("hub-1", "path", 5), one("hub-2", "mains", 1, ended_ms=9)]
    areas = {f"hub-{n}": "North" for n in range(12)} | {"hub-x": "South"}
    rows = groups(standing, areas)
    assert [(row.area, row.fault, len(row.faults)) for row in rows] == [
        ("North", "mains", 12),
        ("South", "battery", 1),
        ("North", "path", 1),
    ]
    assert rows[0].since_ms == 89


def test_three_missed_heartbeats_are_silence_and_two_are_not() -> None:
    heard = {"hub-01": 0, "hub-02": 100_000}
    assert silent_hubs(heard, 150_000) == set()
    assert silent_hubs(heard, 211_000) == {"hub-01"}


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.integers(0, 10**15)), max_size=12))
def test_no_order_of_reports_breaks_a_fault(reports: list[tuple[int, bool, int]]) -> None:
    record: Fault | None = None
    for number, raised, age_ms in reports:
        kind = "fault.raised" if raised else "fault.cleared"
        record = fold_fault(record, fault(number, kind, age_ms=age_ms), "hub-01", 1_000_000)
        assert 0 <= record.since_ms <= 1_000_000
    if reports:
        assert record is not None
        newest = max(number for number, _, _ in reports)
        last = [raised for number, raised, _ in reports if number == newest][-1]
        assert bool(record.ended_ms) is not last


@pytest.mark.parametrize("end", [Action.CLOSE, Action.ACCEPT_CANCEL])
def test_a_call_is_not_ended_over_a_press_that_the_seat_has_not_seen(end: Action) -> None:
    story = Story()
    story.comes(press(1))
    story.comes(update(2, "cancel_asked"))
    story.does(Action.TAKE, seen=1)
    story.comes(second(3))
    story.comes(update(4, "cancel_asked"))
    with pytest.raises(AnbanError) as crossed:
        story.does(end, seen=1)
    assert crossed.value.reason is Reason.CONFLICT
    assert story.case().lifecycle is Lifecycle.OPEN
    story.does(end, seen=2)
    assert story.case().lifecycle is not Lifecycle.OPEN
