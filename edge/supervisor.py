"""Keeps the hub's tasks running: restarts with back-off, and names what keeps failing as a fault."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from protocols.errors import AnbanError

log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 0.5, 2.0, 5.0, 15.0, 60.0)  # the first restart is quick: most failures are of one event
STEADY_S = 60.0  # a task that ran this long has recovered: its next failure counts as its first
FAULT_AFTER = 3  # failures in a row that make a fault; fewer are hiccups


@dataclass(slots=True)
class _Watched:
    name: str
    start: Callable[[], Awaitable[None]]
    failures: int = 0
    task: asyncio.Task[None] | None = field(default=None)


class Supervisor:
    """Runs named tasks for ever. A failing task never takes another down.

    `on_fault(name, failing, why)` is called when a task has failed FAULT_AFTER times in a row, and again with
    `failing` false when it has run steadily since. The only broad `except` of the hub stands here.
    """

    def __init__(self, on_fault: Callable[[str, bool, str], None]) -> None:
        self._on_fault = on_fault
        self._watched: dict[str, _Watched] = {}

    def add(self, name: str, start: Callable[[], Awaitable[None]]) -> None:
        """Start `start()` as the task `name` and keep it running. A normal return counts as done."""
        known = self._watched.get(name)
        if known is not None and known.task is not None and not known.task.done():
            raise ValueError(f"a task named {name} is already supervised")
        watched = _Watched(name, start)
        self._watched[name] = watched
        watched.task = asyncio.create_task(self._keep(watched), name=name)

    def running(self) -> dict[str, int]:
        """Name of each task that is alive -> its failures in a row."""
        return {w.name: w.failures for w in self._watched.values() if w.task and not w.task.done()}

    async def stop(self) -> None:
        """Cancel every task, the last started first, and wait until each has ended."""
        for watched in reversed(list(self._watched.values())):
            if watched.task is not None:
                watched.task.cancel()
                await asyncio.gather(watched.task, return_exceptions=True)

    async def _keep(self, watched: _Watched) -> None:
        loop = asyncio.get_running_loop()
        while True:
            steady = loop.call_later(STEADY_S, self._recovered, watched)
            try:
                await watched.start()
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:
                watched.failures += 1
                # A sentence with its remedy says all to a technician; anything else needs the way it came.
                log.error(
                    "task %s failed (%d in a row): %s",
                    watched.name,
                    watched.failures,
                    error,
                    exc_info=not isinstance(error, AnbanError) or log.isEnabledFor(logging.DEBUG),
                )
                if watched.failures == FAULT_AFTER:
                    self._on_fault(watched.name, True, type(error).__name__)
            finally:
                steady.cancel()
            await asyncio.sleep(BACKOFF_S[min(watched.failures, len(BACKOFF_S)) - 1])

    def _recovered(self, watched: _Watched) -> None:
        if watched.failures >= FAULT_AFTER:
            self._on_fault(watched.name, False, "")
        watched.failures = 0
