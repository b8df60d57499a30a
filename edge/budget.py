"""What a SIM may cost in a day: texts and phone calls counted over restarts, for more gets it blocked.

The count stands in the state. It is written before a text goes, and the text waits for that no longer than a
call waits for its commit. Days are counted as ages are: by the monotonic clock of one boot, and by the wall
clock across boots where it was trusted at both ends; what is of unknown age counts as of this start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from edge.book import elapsed_ms
from edge.entries import Stamp
from edge.threads import in_thread
from protocols.errors import AnbanError, Reason

log = logging.getLogger(__name__)

DAY_MS: Final = 24 * 3_600_000
TOGETHER_MS: Final = 600_000  # what is spent within ten minutes is one row: at most 144 of a day
KEPT_S: Final = 0.25  # as long as a call waits for its commit (edge/hub.py)
ROWS: Final = 300
SPACE: Final = "spent"


class Keeping(Protocol):
    """`edge.stores.state.State`, as far as values are kept."""

    def get(self, space: str, name: str) -> bytes | None: ...

    def put(self, space: str, name: str, value: bytes | None) -> None: ...


class Spent(msgspec.Struct, frozen=True, array_like=True):
    """`count` messages or calls from this moment on, within TOGETHER_MS."""

    boot: int
    uptime_ms: int
    wall_ms: int
    trusted: bool
    count: int

    @property
    def at(self) -> Stamp:
        return Stamp(uptime_ms=self.uptime_ms, boot=self.boot, wall_ms=self.wall_ms, trusted=self.trusted)


class Budget:
    """`most` of `name` in 24 hours; `now()` is the mint's stamp."""

    def __init__(self, state: Keeping, name: str, most: int, now: Callable[[], Stamp]) -> None:
        self._state, self._name, self.most, self._now = state, name, most, now
        self.started: Stamp | None = now()
        self._rows: list[Spent] = []
        self._known = False
        self._saving: asyncio.Task[None] | None = None

    def spent(self) -> int:
        """How many of the last 24 hours are known of."""
        self._recall()
        now = self._now()
        self._rows = [row for row in self._rows if elapsed_ms(self, row.at, now) < DAY_MS]
        return sum(row.count for row in self._rows)

    async def spend(self, count: int = 1, share: float = 1.0) -> None:
        """Count what is about to go. AnbanError(RATE_LIMITED) where it would leave `share` of the day's."""
        if self.spent() + count > self.most * share:
            raise AnbanError(
                Reason.RATE_LIMITED,
                f"the day's {self._name} are used up",
                "The seed's calls_a_day and texts_a_day bound them.",
            )
        now = self._now()
        last = self._rows[-1] if self._rows else None
        if last is not None and last.boot == now.boot and now.uptime_ms - last.uptime_ms < TOGETHER_MS:
            self._rows[-1] = msgspec.structs.replace(last, count=last.count + count)
        else:
            self._rows.append(Spent(now.boot, now.uptime_ms, now.wall_ms, now.trusted, count))
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self._save())
        await asyncio.wait({self._saving}, timeout=KEPT_S)

    def give_back(self, count: int = 1) -> None:
        """What was counted last has not gone."""
        if self._rows and self._rows[-1].count > 0:
            last = self._rows.pop()
            if last.count > count:
                self._rows.append(msgspec.structs.replace(last, count=last.count - count))

    def _recall(self) -> None:
        """What earlier runs have spent, as soon as the state is read."""
        raw = None if self._known else self._state.get(SPACE, self._name)
        if raw is None:
            return
        self._known = True
        with contextlib.suppress(msgspec.MsgspecError):
            before = msgspec.msgpack.decode(raw, type=list[Spent])[-ROWS:]
            self._rows = [row for row in before if _possible(row)] + self._rows

    async def _save(self) -> None:
        """Bring the count to the disk, and once more if it has grown meanwhile."""
        kept: list[Spent] = []
        while kept != self._rows:
            kept = list(self._rows)
            try:
                raw = msgspec.msgpack.encode(kept[-ROWS:])
                await in_thread(f"spent {self._name}", self._state.put, SPACE, self._name, raw)
                self._known = True
            except (AnbanError, RuntimeError) as error:
                log.warning("what is spent of %s is not kept: %s", self._name, error)
                return


def _possible(row: Spent) -> bool:
    """Whether a row that was read back can be one that was written."""
    return 0 < row.count < 10_000 and 0 <= row.uptime_ms < 1 << 63 and 0 <= row.boot < 1 << 32
