"""What the page asks of the hub: seldom, one thing at a time, and no answer grows younger by waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.page import asking
from edge.page.asking import CALLS, Asking
from tests.hub_pages import Door, reading


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    door = Door(tmp_path / "hub.sock")
    await door.open()
    yield door
    await door.close()


async def test_all_that_a_page_shows_is_asked_once_however_many_look(door: Door, clock: Clock) -> None:
    hub = Asking(door.path, clock)
    seen = await asyncio.gather(*(hub.look({}) for _ in range(20)))
    assert sorted(door.asked) == sorted(asking.OPS)
    assert all(one["up"] and set(one["parts"]) == asking.OPS for one in seen)
    clock.now_s += 1
    await hub.look({})
    assert len(door.asked) == len(asking.OPS)


async def test_readings_are_asked_again_when_the_journal_has_grown(door: Door, clock: Clock) -> None:
    hub = Asking(door.path, clock)
    await hub.look({})
    door.asked.clear()
    clock.now_s += 11
    await hub.look({})
    assert "readings" not in door.asked
    door.answers["status"]["store"]["head_seq"] = 5
    clock.now_s += 11
    await hub.look({})
    assert {"readings", "trends"} <= set(door.asked)


async def test_what_is_done_is_seen_at_once(door: Door, clock: Clock) -> None:
    hub = Asking(door.path, clock)
    await hub.look({})
    door.asked.clear()
    await hub.act("readings.assign", {"id": "r", "person": "e-wang"})
    await hub.look({})
    assert "readings" in door.asked
    assert await door.next() == ("readings.assign", {"id": "r", "person": "e-wang"})


async def test_what_a_page_has_is_not_sent_again(door: Door, clock: Clock) -> None:
    hub = Asking(door.path, clock)
    first = await hub.look({})
    have = {op: part["version"] for op, part in first["parts"].items()}
    assert all("value" not in part for part in (await hub.look(have))["parts"].values())
    door.answers["faults"] = [{"fault": "mains", "about": "hub-01", "cause": "", "age_s": 1.0}]
    clock.now_s += 3
    again = await hub.look(have)
    assert [op for op, part in again["parts"].items() if "value" in part] == ["faults"]


async def test_what_a_hub_told_before_it_died_grows_old(door: Door, clock: Clock) -> None:
    hub = Asking(door.path, clock)
    await hub.look({})
    await door.close()
    clock.now_s += 3600
    down = await hub.look({})
    assert not down["up"]
    assert "no hub answers" in down["sentence"]
    assert {part["age_s"] for part in down["parts"].values()} == {3600.0}
    await door.open()
    clock.now_s += 3
    up = await hub.look({})
    assert up["up"]
    assert up["parts"]["devices"]["age_s"] == 0.0


async def test_a_hub_that_is_gone_is_not_asked_by_every_look(door: Door, clock: Clock) -> None:
    await door.close()
    hub = Asking(door.path, clock)
    assert not (await hub.look({}))["up"]
    await door.open()
    assert not (await hub.look({}))["up"]  # nobody asked meanwhile
    assert door.asked == []
    clock.now_s += 3
    assert (await hub.look({}))["up"]


async def test_a_hub_that_hangs_is_no_hub_that_answers(
    door: Door, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "WITHIN_S", 0.05)
    door.hangs = asyncio.Event()
    down = await Asking(door.path, clock).look({})
    assert (down["up"], door.asked) == (False, ["status"])  # the others are not asked
    door.hangs.set()


async def test_an_operation_that_an_older_hub_lacks_is_left_out(door: Door, clock: Clock) -> None:
    await door.close()
    del door.answers["people"]
    await door.open()
    seen = await Asking(door.path, clock).look({})
    assert seen["up"]
    assert set(seen["parts"]) == asking.OPS - {"people"}


async def test_only_the_newest_calls_are_shown(door: Door, clock: Clock) -> None:
    door.answers["calls"] = [{"call_id": str(n)} for n in range(50)]
    door.answers["readings"] = [reading(n) for n in range(40)]
    seen = await Asking(door.path, clock).look({})
    assert [one["call_id"] for one in seen["parts"]["calls"]["value"]] == [
        str(n) for n in range(50 - CALLS, 50)
    ]


async def test_what_was_asked_before_an_act_is_not_taken_for_its_outcome(door: Door, clock: Clock) -> None:
    """The hub is slow with an answer, and something is done meanwhile."""
    hub = Asking(door.path, clock)
    door.hangs, door.slow = asyncio.Event(), "readings"
    looking = asyncio.create_task(hub.look({}))
    while "readings" not in door.asked:
        await asyncio.sleep(0.001)
    clock.now_s += 3
    await hub.act("readings.undo", {"id": "r"})
    door.hangs.set()
    assert (await looking)["parts"]["readings"]["age_s"] == 3.0  # as old as the question
    door.asked.clear()
    await hub.look({})
    assert "readings" in door.asked
