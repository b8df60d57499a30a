"""Waits for an event, and no longer than it may take, or than another task takes."""

from __future__ import annotations

import asyncio


async def came(event: asyncio.Event, within_s: float | None) -> bool:
    """Wait until an event is set, `within_s` seconds at most (None: without end); whether it is set.

    Not by asyncio.wait_for, which before Python 3.12 may swallow a cancel that comes with the event: the
    task would go on, and whoever ends it wait for ever.
    """
    try:
        async with asyncio.timeout(within_s):
            return await event.wait()
    except TimeoutError:
        return event.is_set()


async def any_came(*events: asyncio.Event, within_s: float | None = None) -> bool:
    """Wait until one of several events is set, `within_s` seconds at most; whether one is."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for wait in waits:
            wait.cancel()


async def ended_before(task: asyncio.Task[None], event: asyncio.Event) -> bool:
    """Wait until a task ends or an event is set; whether the task has ended. Raises what that raised; never
    ends it.
    """
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if not task.done():
        return False
    await task
    return True
