"""Counters lost, old cards put back, disks that hang, platforms that restart: a press gets through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.paths.coap import CoapPath
from edge.paths.oscore import Numbers
from sim.platform.service import Platform, running

from .conftest import Counters, Home, in_use, press

Rows = Callable[[str], list[tuple[Any, ...]]]


async def test_the_platform_restarts_and_the_next_press_gets_through(
    home: Home, directory: Path, rows: Rows
) -> None:
    async with running(directory) as platform:
        port = platform.info["coap_port"]
        path = await home.coap(port)
        await path.send([press(1)])
    async with running(directory, coap_port=port):
        receipts = await path.send([press(2)])
        assert receipts[0].stage == "stored"
        assert path.contexts()["sos"] == "sos"
    assert rows("SELECT count(*) FROM events") == [(2,)]


async def test_lost_counters_bring_the_spare(home: Home, platform: Platform) -> None:
    home.counters.lost = {"oscore-sos"}
    path = await home.coap(platform.info["coap_port"])
    await in_use(path, sos="spare-sos", main="main")
    assert (await path.send([press()]))[0].stage == "stored"


async def test_with_the_spare_lost_too_fresh_keys_get_through(home: Home, platform: Platform) -> None:
    home.counters.lost = {"oscore-sos", "oscore-spare-sos"}
    path = await home.coap(platform.info["coap_port"])
    await in_use(path, sos="fresh-sos", main="main")
    for number in range(1, 4):
        assert (await path.send([press(number)]))[0].stage == "stored"


async def test_with_a_hanging_disk_a_press_goes_out_at_once(home: Home, platform: Platform) -> None:
    home.counters.may_return.clear()
    path = CoapPath(f"coap://127.0.0.1:{platform.info['coap_port']}", home.keys, home.counters)
    home.opened.append(path)
    assert (await path.send([press()]))[0].stage == "stored"  # open() did not even begin
    assert path.contexts()["sos"] == "fresh-sos"
    home.counters.may_return.set()
    await path.open()
    await in_use(path, sos="sos")
    assert (await path.send([press(2)]))[0].stage == "stored"


async def test_a_failing_disk_is_no_reason_to_give_up_a_context(home: Home, platform: Platform) -> None:
    home.counters.failing = True
    path = await home.coap(platform.info["coap_port"])
    assert path.contexts() == {"sos": "fresh-sos", "main": "fresh-main"}
    assert (await path.send([press()]))[0].stage == "stored"
    home.counters.failing = False
    await path.open()
    await in_use(path, sos="sos", main="main")


async def test_a_hub_whose_counters_went_back_still_gets_through(
    home: Home, platform: Platform, rows: Rows
) -> None:
    """Someone put an old card back: its numbers are refused as replays, and new keys take over."""
    path = await home.coap(platform.info["coap_port"])
    for number in range(1, 4):
        await path.send([press(number)])
    home.counters.next.clear()
    again = await home.coap(platform.info["coap_port"])
    assert (await again.send([press(9)]))[0].stage == "stored"
    assert rows("SELECT count(*) FROM events") == [(4,)]


async def test_a_hub_starts_ten_times_without_counters(home: Home, platform: Platform) -> None:
    home.counters.lost = {"oscore-sos", "oscore-spare-sos"}
    for number in range(1, 11):
        path = await home.coap(platform.info["coap_port"])
        assert (await path.send([press(number)]))[0].stage == "stored"


@given(takes=st.lists(st.integers(1, 40), max_size=30), fails=st.sets(st.integers(0, 40)))
@settings(max_examples=60)
def test_no_number_is_ever_used_twice_nor_before_it_is_reserved(takes: list[int], fails: set[int]) -> None:
    from edge.paths.oscore import NoNumber

    async def story() -> None:
        counters, asked, durable = Counters(), 0, 0

        def reserve(name: str, count: int) -> int:
            nonlocal asked, durable
            asked += 1
            if asked in fails:
                raise OSError("no")
            first = counters(name, count)
            durable = first + count
            return first

        used: list[int] = []
        numbers = Numbers("oscore-sos", reserve, block=16)
        for burst in takes:
            task = numbers.reserve_soon()
            if task is not None:
                await task
            for _ in range(burst):
                try:
                    used.append(numbers.take())
                except NoNumber:
                    break
            assert not used or max(used) < durable
        assert len(used) == len(set(used))
        assert used == sorted(used)
        if numbers.reserve_soon() is not None:
            await asyncio.gather(*(t for t in asyncio.all_tasks() if t is not asyncio.current_task()))

    asyncio.run(story())
