"""Runs what blocks in a thread of its own that keeps nobody: not the loop, not the end of the process.

An executor's threads are waited for when the process ends, and a resolver or a disk may hang for minutes;
these are daemons. Whoever waits may go away at any time; the thread then ends unheard.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(name: str, work: Callable[..., T], *arguments: Any, limit: Limit | None = None) -> T:
    """`work(*arguments)` in a new daemon thread: its result, or what it raised. Waits for a place.

    RuntimeError if the system has no thread to give.
    """
    if limit is not None:
        await limit.acquire()
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def ended(result: T | None, error: Exception | None) -> None:
        if limit is not None:
            limit.release()
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work(*arguments)
        except Exception as raised:  # handed to whoever waits, as an executor does
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(ended, result, error)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError:
        if limit is not None:
            limit.release()
        raise
    return await future


class Limit(asyncio.Semaphore):
    """How many threads there may be at once. A place is free again when its thread ends, not its waiter."""
