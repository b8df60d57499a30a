"""What a SIM may cost in a day, and in one call: texts and phone calls counted over restarts.

More gets it blocked. A call of ten presses spends what one press would, for they are one case at the seat:
what is of a call has its share (`Cap`), and the same rows say how much of it is gone. The first of a call is
never held back by it, nor the first that is graver than all before: what is less grave is not counted against
it. Tries that repeat what was sent are spread over the day, so that a call never falls silent because it was
loud at first.

The count stands in the state. It is written before a text goes, and the text waits for that no longer than a
call waits for its commit. Days are counted as ages are: by the monotonic clock of one boot, and by the wall
clock across boots where it was trusted at both ends; what is of unknown age counts as of this start.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from edge.book import elapsed_ms
from edge.entries import Stamp
from edge.threads import in_thread
from protocols.errors import AnbanError, Reason
from protocols.values import EventId

log = logging.getLogger(__name__)

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
TOGETHER_MS: Final = 600_000  # what is spent for the same within ten minutes is one row
KEPT_S: Final = 0.25  # as long as a call waits for its commit (edge/hub.py)
ROWS: Final = 600  # of a day: 500 texts at most, and 144 that are of no call
SPACE: Final = "spent"


class Keeping(Protocol):
    """`edge.stores.state.State`, as far as values are kept."""

    def get(self, space: str, name: str) -> bytes | None: ...

    def put(self, space: str, name: str, value: bytes | None) -> None: ...


class Purpose(msgspec.Struct, frozen=True, kw_only=True):
    """What is spent for: an event, or a round, of a call. `lane`: the lower, the graver; `again`: it is a
    repetition whatever `event` says."""

    call: EventId
    event: EventId | None = None
    lane: int = 0
    again: bool = False


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """What one call may spend in 24 hours: `first` on what goes for the first time (`each` for an event), and
    on repetitions `again`, and `hourly` more with each hour since the call's first. What is beyond `first` is
    counted as a repetition."""

    first: int
    again: int
    hourly: int = 0
    each: int = 1

    @property
    def most(self) -> int:
        """In all."""
        return self.first + self.again + 24 * self.hourly


class Spent(msgspec.Struct, frozen=True, array_like=True):
    """`count` messages or calls from this moment on, within TOGETHER_MS; `call` and `event` are digests."""

    boot: int
    uptime_ms: int
    wall_ms: int
    trusted: bool
    count: int
    call: str = ""
    event: str = ""
    lane: int = 0
    again: bool = False

    @property
    def at(self) -> Stamp:
        return Stamp(uptime_ms=self.uptime_ms, boot=self.boot, wall_ms=self.wall_ms, trusted=self.trusted)


class Budget:
    """`most` of `name` in 24 hours, of them `cap` for one call; `now()` is the mint's stamp."""

    def __init__(
        self, state: Keeping, name: str, most: int, now: Callable[[], Stamp], cap: Cap | None = None
    ) -> None:
        self._state, self._name, self.most, self._now, self.cap = state, name, most, now, cap
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

    async def spend(self, count: int = 1, share: float = 1.0, purpose: Purpose | None = None) -> None:
        """Count what is about to go. AnbanError(RATE_LIMITED) where it would leave `share` of the day's, or
        what its call may spend."""
        if self.spent() + count > self.most * share:
            raise AnbanError(
                Reason.RATE_LIMITED,
                f"the day's {self._name} are used up",
                "The seed's calls_a_day and texts_a_day bound them.",
            )
        now = self._now()
        row = self._row(now, count, purpose)
        place = next((n for n in range(len(self._rows) - 1, -1, -1) if _same(self._rows[n], row)), None)
        if place is None:
            self._rows.append(row)
        else:
            before = self._rows[place]
            self._rows[place] = msgspec.structs.replace(before, count=before.count + count)
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self._save())
        await asyncio.wait({self._saving}, timeout=KEPT_S)

    def give_back(self, count: int = 1, purpose: Purpose | None = None) -> None:
        """What was counted last, for this, has not gone."""
        call, event = _digests(purpose)
        for place in range(len(self._rows) - 1, -1, -1):
            row = self._rows[place]
            if (row.call, row.event) == (call, event):
                del self._rows[place]
                if row.count > count:
                    self._rows.insert(place, msgspec.structs.replace(row, count=row.count - count))
                return

    def _row(self, now: Stamp, count: int, purpose: Purpose | None) -> Spent:
        """What is about to be spent, as a row. AnbanError(RATE_LIMITED) where its call may not."""
        call, event = _digests(purpose)
        row = Spent(now.boot, now.uptime_ms, now.wall_ms, now.trusted, count, call, event)
        if purpose is None or self.cap is None:
            return row
        mine = [other for other in self._rows if other.call == call and other.lane <= purpose.lane]
        row = msgspec.structs.replace(row, lane=purpose.lane, again=purpose.again)
        age_ms = max((elapsed_ms(self, other.at, now) for other in mine), default=0)
        row = counted(self.cap, mine, row)
        if not within(self.cap, mine, row, age_ms):
            raise AnbanError(
                Reason.RATE_LIMITED,
                f"the {self._name} that one call may cost are used up",
                "A graver call has its own; repetitions go on every hour.",
            )
        return row

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


def counted(cap: Cap, mine: Sequence[Spent], row: Spent) -> Spent:
    """`row` as what it counts: a repetition, or the first time. Pure; `mine` is what its call has spent on
    what is as grave."""
    of_event = sum(other.count for other in mine if row.event and other.event == row.event)
    firsts = sum(other.count for other in mine if not other.again)
    again = row.again or of_event >= cap.each or (firsts > 0 and firsts + row.count > cap.first)
    return msgspec.structs.replace(row, again=again)


def within(cap: Cap, mine: Sequence[Spent], row: Spent, age_ms: int) -> bool:
    """Whether a call, whose first is `age_ms` old, may spend what is so counted: pure."""
    again = sum(other.count for other in mine if other.again)
    allowed = cap.again + cap.hourly * (age_ms // HOUR_MS)
    return not mine or not row.again or again + row.count <= allowed


def calls_cap(a_day: int) -> Cap:
    """What one call may cost in phone calls: four fifths of a day's, a fifth of them for the first rounds of
    its presses, so that another call finds some."""
    return Cap(first=a_day // 5, again=a_day * 3 // 5)


def _same(row: Spent, new: Spent) -> bool:
    """Whether what is spent now may be counted in a row before."""
    return (
        row.boot == new.boot
        and new.uptime_ms - row.uptime_ms < TOGETHER_MS
        and (row.call, row.event, row.lane, row.again) == (new.call, new.event, new.lane, new.again)
    )


def _digests(purpose: Purpose | None) -> tuple[str, str]:
    """Short names of call and event: 2^-48 that two are the same, and then they share a budget."""
    ids = (None, None) if purpose is None else (purpose.call, purpose.event)
    names = ("" if i is None else hashlib.blake2s(str(i).encode(), digest_size=6).hexdigest() for i in ids)
    call, event = names
    return call, event


def _possible(row: Spent) -> bool:
    """Whether a row that was read back can be one that was written."""
    return 0 < row.count < 10_000 and 0 <= row.uptime_ms < 1 << 63 and 0 <= row.boot < 1 << 32
