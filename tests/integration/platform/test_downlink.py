"""What the platform says comes at once, on every path, in order, and is never said to another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge import downlink as downlink_module
from edge.downlink import Downlink
from edge.paths.base import PathError
from protocols.errors import Reason
from protocols.values import Command, DownlinkItem, Event, Receipt
from sim.platform.folding import Action
from sim.platform.registry import provision
from sim.platform.service import Platform, running

from .conftest import ELDERS, Home, press

Poll = Callable[[int, float], Any]


@pytest.fixture(params=["coap", "https"])
async def path(request: pytest.FixtureRequest, home: Home, platform: Platform) -> Any:
    return await home.coap(platform.info["coap_port"]) if request.param == "coap" else home.https(platform)


def stages(items: Sequence[DownlinkItem]) -> list[str]:
    return [entry.item.stage for entry in items if isinstance(entry.item, Receipt)]


async def test_a_held_poll_is_answered_the_moment_somebody_takes_the_call(
    path: Any, platform: Platform
) -> None:
    await path.send([press(1)])
    (stored,) = await path.poll(0, 0)
    assert stored.item.stage == "stored"  # the acknowledgement also comes by the poll: its answer may be lost
    waiting = asyncio.create_task(path.poll(stored.cursor, 25))
    while not platform.bell._waiting:
        await asyncio.sleep(0)
    await platform.store.act(press(1).id, Action.TAKE, "李")
    async with asyncio.timeout(60):
        (taken,) = await waiting
    assert (taken.item.stage, taken.item.by, taken.item.about) == ("taken", "李", press(1).id)
    assert taken.cursor > stored.cursor


async def test_a_poll_with_nothing_to_say_ends_empty(path: Any) -> None:
    assert await path.poll(0, 0) == []
    async with asyncio.timeout(60):
        assert await path.poll(0, 0.2) == []


async def test_what_is_not_yet_kept_is_said_again(path: Any, platform: Platform) -> None:
    await path.send([press(1)])
    await platform.store.act(press(1).id, Action.CLOSE, "Li")
    first, again = await path.poll(0, 0), await path.poll(0, 0)
    assert first == again
    assert stages(first) == ["stored", "closed"]
    assert await path.poll(first[-1].cursor, 0) == []


async def test_a_long_downlink_comes_in_pages(path: Any, platform: Platform) -> None:
    for number in range(1, 301):
        await platform.store.command("hub-01", command(f"c-{number}"))
    seen: list[str] = []
    cursor = 0
    while items := await path.poll(cursor, 0):
        seen += [entry.item.id for entry in items]
        cursor = items[-1].cursor
    assert seen == [f"c-{number}" for number in range(1, 301)]


def command(name: str) -> Command:
    return Command(
        id=name, kind="speak", expires_ms=2_000_000_000_000, authority="seat", data={"phrase": "hello"}
    )


async def test_one_home_hears_nothing_of_another(home: Home, platform: Platform, directory: Path) -> None:
    other = Home(provision(directory, "hub-99", [{"id": "e-other", "name": "x", "address": "y"}]))
    stranger = other.https(platform)
    await (await home.coap(platform.info["coap_port"])).send([press(1)])
    await platform.store.act(press(1).id, Action.TAKE, "Li")
    assert await stranger.poll(0, 0) == []
    await stranger.close()


async def test_a_second_hub_of_the_home_hears_of_the_help(
    home: Home, platform: Platform, directory: Path
) -> None:
    second = Home(provision(directory, "hub-02", ELDERS))
    two = second.https(platform)
    await home.https(platform).send([press(1)])
    await platform.store.act(press(1).id, Action.TAKE, "Li")
    await two.send([press(1)])
    assert stages(await two.poll(0, 0)) == ["taken"]
    await two.close()


async def test_a_cursor_of_another_life_of_the_platform_hears_everything(
    home: Home, platform: Platform
) -> None:
    path = home.https(platform)
    await path.send([press(1)])
    assert stages(await path.poll(1_000_000, 0)) == ["stored"]


async def test_the_downlink_outlives_the_platforms_restart(home: Home, directory: Path) -> None:
    async with running(directory) as platform:
        port = platform.info["coap_port"]
        path = await home.coap(port)
        await path.send([press(1)])
        await platform.store.act(press(1).id, Action.TAKE, "Li")
    async with running(directory, coap_port=port) as platform:
        assert stages(await path.poll(0, 0)) == ["stored", "taken"]
        await platform.store.act(press(1).id, Action.CLOSE, "Li")
        items = await path.poll(0, 0)
        assert stages(items) == ["stored", "taken", "closed"]
        assert [entry.cursor for entry in items] == sorted({entry.cursor for entry in items})


async def test_a_stopping_platform_answers_what_it_holds(home: Home, directory: Path) -> None:
    async with running(directory) as platform:
        path = home.https(platform)
        waiting = asyncio.create_task(path.poll(0, 25))
        while not platform.bell._waiting:
            await asyncio.sleep(0.01)
    async with asyncio.timeout(60):
        assert await waiting == []


async def test_abandoned_polls_do_not_pile_up(home: Home, platform: Platform) -> None:
    waiting = [asyncio.create_task(platform.resources.downlink("hub-01", 0, 60, 900)) for _ in range(20)]
    while sum(task.done() for task in waiting) < 16:
        await asyncio.sleep(0)
    assert len(platform.bell._waiting["hub-01"]) == 4
    platform.bell.ring("hub-01")
    await asyncio.gather(*waiting)


# --- the hub's loop, with paths and time made up ---


class MadeUp:
    """A path that answers as the test says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
        self.answers: asyncio.Queue[list[DownlinkItem] | PathError] = asyncio.Queue()

    async def send(self, events: Sequence[Event]) -> list[Receipt]:
        raise AssertionError("the downlink sends nothing")

    async def poll(self, after: int, hold_s: float) -> list[DownlinkItem]:
        self.asked.put_nowait((after, hold_s))
        answer = await self.answers.get()
        if isinstance(answer, PathError):
            raise answer
        return answer

    async def time(self) -> tuple[int, float]:
        return 0, 0.0

    async def config(self) -> tuple[str, str]:
        raise AssertionError("the downlink asks for no settings")

    async def put_config(self, document: str, author: str) -> None:
        raise AssertionError("the downlink reports no settings")

    async def close(self) -> None:
        pass


class Hub:
    """The loop under test, the cursor it is given, and what it handed over. Time passes only by `pass_s`."""

    def __init__(self) -> None:
        self.coap, self.https = MadeUp("coap"), MadeUp("https")
        self.cursor = 0
        self.handed: list[tuple[str, list[int]]] = []
        self.health: list[tuple[str, bool]] = []
        self.slept: asyncio.Queue[float] = asyncio.Queue()
        self.may_wake = asyncio.Event()
        self.now_s = 0.0
        self.loop = Downlink(
            [self.coap, self.https],
            lambda: self.cursor,
            self.keep,
            lambda path, error: self.health.append((path.name, error is None)),
            sleep=self.sleep,
            chance=lambda: 1.0,
            monotonic=lambda: self.now_s,
        )

    async def keep(self, name: str, items: list[DownlinkItem]) -> None:
        self.handed.append((name, [entry.cursor for entry in items]))
        self.cursor = items[-1].cursor

    async def sleep(self, seconds: float) -> None:
        self.slept.put_nowait(seconds)
        await self.may_wake.wait()
        self.may_wake.clear()


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    made = Hub()
    task = asyncio.create_task(made.loop.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def items(*cursors: int) -> list[DownlinkItem]:
    return [DownlinkItem(n, Receipt(number=n, about=press(1).id, stage="taken")) for n in cursors]


async def soon(queue: asyncio.Queue[Any]) -> Any:
    async with asyncio.timeout(60):
        return await queue.get()


DOWN = PathError(Reason.PATH_DOWN, "cut")


async def test_one_path_is_polled_while_all_is_calm(hub: Hub) -> None:
    assert await soon(hub.coap.asked) == (0, 25.0)
    hub.now_s += 25
    hub.coap.answers.put_nowait(items(4, 7))
    assert await soon(hub.coap.asked) == (7, 25.0)
    assert hub.handed == [("coap", [4, 7])]
    assert hub.https.asked.empty()


async def test_an_open_call_brings_the_second_path_with_short_holds(hub: Hub) -> None:
    await soon(hub.coap.asked)
    hub.loop.set_call_open(True)
    assert await soon(hub.https.asked) == (0, 8.0)
    hub.coap.answers.put_nowait(items(1))
    assert await soon(hub.coap.asked) == (1, 8.0)


async def test_what_both_bring_is_handed_over_once(hub: Hub) -> None:
    hub.loop.set_call_open(True)
    await soon(hub.coap.asked)
    await soon(hub.https.asked)
    hub.https.answers.put_nowait(items(1, 2))
    await soon(hub.https.asked)
    hub.coap.answers.put_nowait(items(1, 2, 3))
    await soon(hub.coap.asked)
    assert hub.handed == [("https", [1, 2]), ("coap", [3])]


async def test_when_the_first_fails_the_second_takes_over_and_gives_back(hub: Hub) -> None:
    await soon(hub.coap.asked)
    hub.coap.answers.put_nowait(DOWN)
    assert await soon(hub.https.asked) == (0, 25.0)
    assert await soon(hub.slept) == 1.0
    hub.may_wake.set()
    await soon(hub.coap.asked)
    hub.now_s += 25
    hub.coap.answers.put_nowait([])
    await soon(hub.coap.asked)
    hub.https.answers.put_nowait([])
    hub.now_s += 25
    hub.coap.answers.put_nowait([])
    await soon(hub.coap.asked)
    assert hub.https.asked.empty()
    assert hub.health == [("coap", False), ("coap", True), ("https", True), ("coap", True)]


async def test_other_settings_end_what_was_asked_before_and_wait_for_nothing(hub: Hub) -> None:
    await soon(hub.coap.asked)
    hub.coap.answers.put_nowait(DOWN)
    await soon(hub.slept)
    assert await soon(hub.https.asked) == (0, 25.0)
    moved = [MadeUp("coap"), MadeUp("https")]
    hub.loop.use(moved)
    assert await soon(moved[0].asked) == (0, 25.0)  # the wait for the old address is cut short
    hub.https.answers.put_nowait(items(7))
    moved[0].answers.put_nowait(items(1))
    await soon(moved[0].asked)
    assert hub.cursor == 1  # what the old platform had to say came too late


async def test_failures_wait_longer_each_time_and_a_call_waits_for_nobody(hub: Hub) -> None:
    waits = []
    for _ in range(9):
        await soon(hub.coap.asked)
        hub.coap.answers.put_nowait(DOWN)
        waits.append(await soon(hub.slept))
        if len(waits) < 9:
            hub.may_wake.set()
    assert waits == [*downlink_module.BACKOFF_S, 60.0, 60.0]
    hub.loop.set_call_open(True)  # nobody wakes the sleep of 60 s: the call does
    await soon(hub.coap.asked)
    hub.coap.answers.put_nowait(DOWN)
    assert await soon(hub.slept) == 2.0


async def test_a_platform_that_answers_empty_at_once_is_not_hammered(hub: Hub) -> None:
    await soon(hub.coap.asked)
    hub.coap.answers.put_nowait([])
    assert await soon(hub.slept) == downlink_module.SHORT_S
    assert hub.coap.asked.empty()


async def test_a_cursor_that_goes_back_with_the_platforms_store_is_followed(hub: Hub) -> None:
    await soon(hub.coap.asked)
    hub.coap.answers.put_nowait(items(100))
    assert await soon(hub.coap.asked) == (100, 25.0)
    hub.coap.answers.put_nowait(items(3))
    assert await soon(hub.coap.asked) == (3, 25.0)


async def test_a_hub_that_does_not_keep_is_not_spun(hub: Hub) -> None:
    async def forget(name: str, items: list[DownlinkItem]) -> None:
        pass

    hub.loop._on_items = forget
    await soon(hub.coap.asked)
    hub.coap.answers.put_nowait(items(1))
    assert await soon(hub.slept) == downlink_module.SHORT_S
