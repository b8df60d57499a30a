"""Asks the platform what it has to say, for ever: a long poll, and a second path beside it in a call.

The caller keeps the cursor: `cursor()` is asked before each poll, `on_items` is awaited before the next one,
and is to make the items durable and move the cursor to the last of them. A poll that fails is tried again,
spread by chance so that a district that comes back does not come at once; while a call is open nobody waits
for chance.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from edge.paths.base import Path, PathError
from protocols.values import DownlinkItem

log = logging.getLogger(__name__)

HOLD_S = 25.0  # below the 30 s after which the worst of mobile networks forget a UDP binding
CALL_HOLD_S = 8.0  # with a call open: an answer lost with its binding costs no more than this
BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # each taken between its half and its whole, by chance
CALL_BACKOFF_S = (0.5, 1.0, 2.0)  # by the clock: the news of a call does not wait
SHORT_S = 1.0  # an empty answer sooner than this is no long poll: a full or ending platform is not hammered

OnItems = Callable[[str, list[DownlinkItem]], Awaitable[None]]
OnHealth = Callable[[Path, PathError | None], None]


class Downlink:
    """Polls on `paths`, the preferred first. `run()` for ever; `set_call_open()` as calls come and go.

    `on_items(path name, items)` is never called twice at once, nor twice with the same item while the cursor
    moves on. `on_health(path, None or why)` is called after every poll.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        cursor: Callable[[], int],
        on_items: OnItems,
        on_health: OnHealth,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths = list(paths)
        self._cursor = cursor
        self._on_items = on_items
        self._on_health = on_health
        self._sleep = sleep
        self._chance = chance
        self._monotonic = monotonic
        self._failures = [0] * len(self._paths)
        self._call_open = False
        self._changed = asyncio.Event()
        self._handing_over = asyncio.Lock()

    def set_call_open(self, call_open: bool) -> None:
        """Say whether a call is open: the second path starts at once, waits between tries are cut short."""
        if call_open != self._call_open:
            self._call_open = call_open
            self._changed.set()

    def use(self, paths: Sequence[Path]) -> None:
        """Other settings: as many paths, of the same names in the same order, some of them new."""
        self._paths = list(paths)
        self._failures = [0] * len(paths)
        self._changed.set()

    async def run(self) -> None:
        """Poll until cancelled."""
        async with asyncio.TaskGroup() as group:
            for index in range(len(self._paths)):
                group.create_task(self._run_path(index), name=f"downlink {self._paths[index].name}")

    def wanted(self, index: int) -> bool:
        """Whether the path at `index` is to be polled.

        The first always; the second too while a call is open; and each when all before it fail.
        """
        if index == 0 or (self._call_open and index == 1):
            return True
        return all(self._failures[:index])

    async def _run_path(self, index: int) -> None:
        while True:
            while not self.wanted(index):
                self._changed.clear()
                await self._changed.wait()
            pause_s = await self._poll(index)
            if pause_s > 0:
                await self._wait(pause_s)

    async def _poll(self, index: int) -> float:
        """One poll on one path; seconds to wait before the next."""
        path, after, begun = self._paths[index], self._cursor(), self._monotonic()
        hold_s = CALL_HOLD_S if self._call_open else HOLD_S
        try:
            items = await path.poll(after, hold_s)
        except PathError as error:
            return self._failed(index, path, error)
        if self._paths[index] is not path:
            return 0.0  # other settings ended it: what it says is not of the platform that counts now
        self._failures[index] = 0
        self._on_health(path, None)
        if not items:
            return 0.0 if self._monotonic() - begun >= min(SHORT_S, hold_s) else SHORT_S
        return await self._hand_over(path.name, after, items)

    def _failed(self, index: int, path: Path, error: PathError) -> float:
        if self._paths[index] is not path:
            return 0.0
        self._failures[index] += 1
        if self._failures[index] == 1:
            self._changed.set()  # those behind may be wanted now
        self._on_health(path, error)
        return self._backoff(self._failures[index])

    async def _hand_over(self, name: str, after: int, items: list[DownlinkItem]) -> float:
        async with self._handing_over:
            if self._cursor() != after:  # the other path was quicker
                items = [item for item in items if item.cursor > self._cursor()]
                if not items:
                    return 0.0
            await self._on_items(name, items)
            if self._cursor() == items[-1].cursor:
                return 0.0
        log.warning("the downlink's cursor did not move to %d", items[-1].cursor)
        return SHORT_S

    def _backoff(self, failures: int) -> float:
        if self._call_open:
            return CALL_BACKOFF_S[min(failures, len(CALL_BACKOFF_S)) - 1]
        return BACKOFF_S[min(failures, len(BACKOFF_S)) - 1] * (0.5 + self._chance() / 2)

    async def _wait(self, seconds: float) -> None:
        """Wait, but not past the moment when a call opens or other settings come."""
        calm, paths = not self._call_open, self._paths
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        try:
            while not sleeping.done() and not (calm and self._call_open) and paths is self._paths:
                self._changed.clear()
                changed = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait({sleeping, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
        finally:
            sleeping.cancel()
