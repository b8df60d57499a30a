"""Who waits for something is told whether it came, can always be ended, and leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from drivers.waiting import any_came, came, ended_before


async def settled() -> None:
    """Everything that can run has run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_comes_is_told_and_what_does_not_come_in_time_is_told_too() -> None:
    event = asyncio.Event()
    assert not await came(event, 0)
    assert not await came(event, -1)
    waiting = asyncio.create_task(came(event, None))
    await settled()
    assert not waiting.done()
    event.set()
    assert await waiting
    assert await came(event, 0)


async def test_a_cancel_gets_through_even_when_the_event_comes_with_it() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(came(event, 60))
    await settled()
    event.set()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize("which", [0, 1])
async def test_one_of_several_is_enough(which: int) -> None:
    events = (asyncio.Event(), asyncio.Event())
    assert not await any_came(*events, within_s=0)
    waiting = asyncio.create_task(any_came(*events))
    await settled()
    assert not waiting.done()
    events[which].set()
    assert await waiting


async def test_who_is_ended_while_waiting_for_several_leaves_nobody_waiting() -> None:
    before = asyncio.all_tasks()
    waiting = asyncio.create_task(any_came(asyncio.Event(), asyncio.Event()))
    await settled()
    assert len(asyncio.all_tasks() - before) == 3
    waiting.cancel()
    await settled()
    assert asyncio.all_tasks() == before


async def test_a_task_or_an_event_whichever_is_first() -> None:
    async def fails() -> None:
        raise ConnectionError("refused")

    event, going_on = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(came_without_end(going_on))
    waiting = asyncio.create_task(ended_before(task, event))
    await settled()
    assert not waiting.done()
    event.set()
    assert not await waiting
    assert not task.done(), "whose event came first goes on"
    going_on.set()
    assert await ended_before(task, asyncio.Event())
    with pytest.raises(ConnectionError):
        await ended_before(asyncio.create_task(fails()), asyncio.Event())


async def test_who_is_ended_while_it_waits_for_either_leaves_the_task_alone() -> None:
    task = asyncio.create_task(came_without_end(asyncio.Event()))
    waiting = asyncio.create_task(ended_before(task, asyncio.Event()))
    await settled()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await settled()
    assert waiting.cancelled()
    assert asyncio.all_tasks() == {task, asyncio.current_task()}
    task.cancel()


async def came_without_end(event: asyncio.Event) -> None:
    await event.wait()
