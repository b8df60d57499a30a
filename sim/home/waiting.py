"""Wait for a condition of the simulated world with a deadline, by looking again and again."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

POLL_S = 0.02

Condition = Callable[[], bool | Awaitable[bool]]


async def holds(condition: Condition) -> bool:
    """Ask a condition that may be a plain or an async function."""
    answer = condition()
    return bool(await answer if inspect.isawaitable(answer) else answer)


async def came(condition: Condition, within_s: float) -> float | None:
    """Seconds until the condition held, or None if it did not within this time."""
    began = time.monotonic()
    while True:
        if await holds(condition):
            return time.monotonic() - began
        if time.monotonic() - began > within_s:
            return None
        await asyncio.sleep(POLL_S)
