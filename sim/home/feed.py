"""Hold what the home page shows, and tell every open page what has changed.

The state is a flat dictionary of JSON values by name; a page gets all of it first and then each name that
changed. Changes within one turn of the loop are sent once. Rows of the timeline are appended, never changed.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

ROWS_KEPT = 300  # what a page that is opened late still sees
BACKLOG = 2_000  # messages a page may lag behind before it is cut off; it connects again and gets all

Message = tuple[str, Any]
END: Message = ("end", None)


class Feed:
    """One writer (the orchestrator), any number of readers (open pages)."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.rows: deque[dict[str, Any]] = deque(maxlen=ROWS_KEPT)
        self._readers: set[asyncio.Queue[Message]] = set()
        self._dirty: set[str] = set()
        self._numbers = itertools.count(1)
        self._started = time.monotonic()

    def show(self, name: str, value: Any) -> None:
        """Set one part of the state; pages hear of it at the end of this turn of the loop."""
        if self.state.get(name) == value:
            return
        self.state[name] = value
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._flush)
        self._dirty.add(name)

    def row(self, what: str, who: str = "", **more: Any) -> None:
        """Append a line to the timeline: `what` is a key of the page's dictionary, `who` a device."""
        at_ms = round((time.monotonic() - self._started) * 1000)
        row = {"n": next(self._numbers), "ms": at_ms, "what": what, "who": who, **more}
        self.rows.append(row)
        self._send(("row", row))

    async def read(self) -> AsyncIterator[Message]:
        """Everything as it is now, then each change. Ends when the reader lags too far behind."""
        queue: asyncio.Queue[Message] = asyncio.Queue(BACKLOG)
        self._readers.add(queue)
        try:
            yield "all", {"state": self.state, "rows": list(self.rows)}
            while queue in self._readers and (message := await queue.get()) is not END:
                yield message
        finally:
            self._readers.discard(queue)

    def close(self) -> None:
        """Say good-bye to every open page; their readers end."""
        self._send(END)

    def _flush(self) -> None:
        names, self._dirty = self._dirty, set()
        self._send(("state", {name: self.state[name] for name in names}))

    def _send(self, message: Message) -> None:
        for queue in list(self._readers):
            try:
                queue.put_nowait(message)
            except asyncio.QueueFull:
                self._readers.discard(queue)
