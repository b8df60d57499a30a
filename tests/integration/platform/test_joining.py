"""Which case a new call becomes part of: two hubs of a home, a hub that forgot, one that means it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edge.book import FOLD_MS as HUBS_FOLD_MS
from protocols.values import Event
from sim.platform.folding import FOLD_MS, Action, Alert
from sim.platform.service import Platform

from .conftest import Home, press
from .story import CALL, Story, second


def test_two_hubs_that_heard_different_presses_share_one_case_under_two_names() -> None:
    """Hub 2 was out of range at the first press: for it the call is named after the second."""
    story = Story()
    story.comes(press(1), hub="hub-01")
    story.comes(press(2), hub="hub-02")  # its own call, as far as it knows
    story.comes(second(2), hub="hub-01")
    assert list(story.shelf.cases) == [CALL]
    story.does(Action.TAKE)
    told = [(hub, item.about.number) for hub, _, item in story.shelf.downlink if item.stage == "taken"]
    assert told == [("hub-01", 1), ("hub-02", 2)]


def test_the_same_with_the_second_hub_first() -> None:
    story = Story()
    story.comes(press(2), hub="hub-02")
    story.comes(press(1), hub="hub-01")
    story.comes(second(2), hub="hub-01")
    assert [str(case) for case in story.shelf.cases] == [str(press(2).id)]
    story.does(Action.TAKE, call_id=press(2).id)
    told = [(hub, item.about.number) for hub, _, item in story.shelf.downlink if item.stage == "taken"]
    assert told == [("hub-02", 2), ("hub-01", 1)]


BOOT, MINUTE_MS = 77, 60_000


def heard(number: int, at_min: float, boot: int = BOOT, **fields: Any) -> Event:
    """A press that opens a call of its own, as its hub sees it, with the time by that hub's clock."""
    return press(number, boot=boot, uptime_ms=round(at_min * MINUTE_MS), **fields)


def test_one_hub_that_opens_a_new_call_means_it() -> None:
    """After 30 minutes without progress a hub opens a new call while ours still stands open."""
    story = Story()
    story.comes(heard(1, at_min=100))
    story.comes(heard(2, at_min=130))
    story.comes(heard(3, at_min=160, boot=BOOT + 1))
    assert len(story.shelf.cases) == 3
    assert story.alerts == [Alert.NEW] * 3


def test_two_calls_that_waited_for_the_line_stay_two_in_whatever_order_they_come() -> None:
    story = Story()
    story.comes(heard(2, at_min=140))
    story.comes(heard(1, at_min=100))
    assert len(story.shelf.cases) == 2


def test_a_later_press_of_a_new_call_says_nothing_of_what_its_hub_forgot() -> None:
    """Rebooted, it knows its newest call by its disk: what joins that was not pressed into an older one."""
    story = Story()
    story.comes(heard(1, at_min=100))
    story.comes(heard(3, at_min=2, boot=BOOT + 1, call_id=press(2).id))
    story.comes(heard(2, at_min=200))
    assert [str(case) for case in story.shelf.cases] == [str(CALL), str(press(2).id)]


@pytest.mark.parametrize(
    "anew",
    [
        heard(2, at_min=129.9),
        heard(3, at_min=101, call_id=press(2).id),
        heard(2, at_min=3, boot=BOOT + 1),
        heard(2, at_min=0, boot=BOOT + 1),
    ],
    ids=["killed", "killed, and its second press overtakes", "rebooted", "rebooted, pressed before"],
)
def test_a_hub_that_forgot_a_call_brings_the_next_press_into_it_and_the_seat_is_alerted(anew: Event) -> None:
    """Its disk hung and it was killed: for it the next press is the first of a new call."""
    story = Story()
    story.comes(heard(1, at_min=100))
    story.does(Action.TAKE)
    story.comes(anew)
    assert list(story.shelf.cases) == [CALL]
    assert (story.alerts[-1], story.case().unseen) == (Alert.AGAIN, 1)
    story.does(Action.CLOSE)
    ended = [item.about for _, _, item in story.shelf.downlink if item.stage == "closed"]
    assert ended == [CALL, anew.call_id], "it hears the end by the name that it knows"


def test_a_graver_press_of_a_hub_that_forgot_a_call_has_nobody_yet() -> None:
    story = Story()
    story.comes(heard(1, at_min=100, kind="call.assistance"))
    story.does(Action.TAKE)
    story.comes(heard(2, at_min=101))
    assert (story.case().kind, story.alerts[-1]) == ("call.sos", Alert.AGAIN)
    assert [item.about for _, _, item in story.shelf.downlink if item.stage == "taken"] == [CALL]


def test_a_press_that_reached_its_hub_late_counts_from_when_it_was_heard() -> None:
    """An hour out of range: the hub counts from when it knew of it, and so does whoever judges its memory."""
    story = Story()
    story.comes(heard(1, at_min=40, stages={"heard": 60 * MINUTE_MS}))
    story.comes(heard(2, at_min=110))
    assert len(story.shelf.cases) == 1


def test_a_call_that_came_by_text_is_judged_by_the_platforms_own_clock() -> None:
    story = Story()
    story.comes(press(1))
    story.comes(heard(2, at_min=100))
    assert list(story.shelf.cases) == [CALL]
    story.now_ms += 31 * MINUTE_MS
    story.comes(press(3))
    assert len(story.shelf.cases) == 2


def test_hub_and_platform_fold_for_as_long_as_each_other() -> None:
    assert FOLD_MS == HUBS_FOLD_MS


def test_a_call_of_somebody_else_joins_nothing() -> None:
    story = Story()
    story.comes(press(1), hub="hub-01")
    story.comes(press(2, elder="e-wu"), press(3, elder=""), hub="hub-02")
    assert len(story.shelf.cases) == 3


async def test_the_store_joins_what_a_hub_forgot_and_keeps_both_names(
    home: Home, platform: Platform, rows: Callable[[str], list[tuple[Any, ...]]]
) -> None:
    path = home.https(platform)
    await path.send([heard(1, at_min=100)])
    await path.send([heard(2, at_min=101)])
    await path.send([heard(3, at_min=140)])
    assert rows("SELECT call_id FROM cases ORDER BY call_id") == [(str(CALL),), (str(press(3).id),)]
    assert rows("SELECT call_id, case_id FROM calls") == [(str(press(2).id), str(CALL))]
