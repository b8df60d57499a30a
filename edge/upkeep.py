"""Looks after the stores of a hub that runs: their faults, numbers ahead, what may be forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from edge.book import open_calls
from edge.hub import Hub
from edge.identity import extend_life
from edge.stores.journal import Journal
from edge.stores.reserve import is_full
from edge.stores.state import State
from edge.stores.writer import Writer
from edge.threads import in_thread
from protocols.errors import Reason

EXAMINE_S: Final = 20.0  # after the start, when nobody waits for the first call any more
KEEP_S: Final = 60.0  # between two looks at reserved numbers and at what may be evicted


class Upkeep:
    """`disk`: a file on the disk of the stores; `loaded()`: whether state.db has answered yet; `learn()`
    takes up a journal that was mended.
    """

    def __init__(
        self,
        hub: Hub,
        journal: Journal,
        writer: Writer,
        state: State,
        disk: Path,
        loaded: Callable[[], bool],
        learn: Callable[[], Awaitable[None]],
    ) -> None:
        self._hub, self._journal, self._writer, self._state = hub, journal, writer, state
        self._disk, self._loaded, self._learn = disk, loaded, learn

    async def examine(self) -> None:
        """Once, when the start is over: damage that no single read sees; what was mended counts anew."""
        await asyncio.sleep(EXAMINE_S)
        before = self._journal.recovered
        await self._writer.read(lambda journal: journal.examine())
        if self._journal.recovered != before:
            await self._learn()

    async def run(self) -> None:
        """Once a minute: numbers ahead, what may be forgotten."""
        while True:
            await asyncio.sleep(KEEP_S)
            if self._state.trouble is not None:
                await in_thread("reopen state", self._state.reopen)
            await in_thread("event numbers", extend_life, self._state, self._hub.mint.numbers)
            await self._writer.evict({str(call.id) for call in open_calls(self._hub.book)})

    def look(self) -> None:
        """What the stores have met since the last look: damage mended, disks that do not answer."""
        hub_id = self._hub.mint.origin
        recovered = (*self._journal.recovered, *self._state.recovered)
        if recovered:
            self._hub.see("storage_recovered", hub_id, True, str(recovered[-1].reason)[:32])
        full = self._journal.full or is_full(self._disk)
        why = self._hub.storage or str(Reason.STORAGE_FULL if full else "")
        why = why or str("" if self._journal.durable else self._journal.trouble or Reason.STORAGE_FAILED)
        self._hub.see("storage", hub_id, bool(why), why)
        trouble = self._state.trouble if self._loaded() else Reason.STORAGE_STUCK
        self._hub.see("state", hub_id, trouble is not None, str(trouble or ""))
