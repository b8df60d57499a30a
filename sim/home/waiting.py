"""Wait for a condition of the simulated world with a deadline, by looking again and again."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

POLL_S = 0.02
LIFT_S = 0.15  # a finger is up for at least so long between two presses; under 30 ms is one press to any key

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


class Finger:
    """One finger for one key: `await ready()` before it goes down, `lifted()` when it goes up."""

    def __init__(self) -> None:
        self._up_at = -LIFT_S

    async def ready(self) -> None:
        """Wait until a finger can be down again."""
        await asyncio.sleep(self._up_at + LIFT_S - time.monotonic())

    def lifted(self) -> None:
        """It is up from now on."""
        self._up_at = time.monotonic()
