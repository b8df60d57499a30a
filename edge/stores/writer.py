"""The thread that commits: whoever calls from the loop waits for a future, never for the disk.

Lanes: all SOS that wait go in one commit, alone; then ASSIST; then the lower lanes together, at most
BATCH_ROWS a commit, so that a press waits for one bounded commit at most. Futures are resolved on the loop
in the order of the commits. When a commit fails, its futures fail at once (the call goes out from memory,
durable=false), and rows of calls and faults are kept and tried again with whatever comes next, and every
RETRY_S: `on_saved` tells when they are on the disk after all. Reads have a thread of their own, so that a
hanging commit delays none of them.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from edge.entries import Entry
from edge.stores.errors import StoreError
from edge.stores.journal import Journal
from edge.stores.rows import Row, row_of
from protocols.errors import Reason
from protocols.values import Lane

T = TypeVar("T")

# 256 rows commit in about 10 ms on a hub's card: the longest that a press waits for others
BATCH_ROWS: Final = 256
MAX_WAITING_ROWS: Final = 20_000  # of readings and telemetry while the disk hangs: 10 MB of memory
MAX_UNSAVED_ROWS: Final = 4_096
EVICT_ROWS: Final = 500  # counting the lanes reads every row: not before this many new ones
RETRY_S: Final = 2.0  # a disk that failed is asked again
TEND_S: Final = 5.0  # a journal in memory looks for its disk, a full one for room
CHECKPOINT_FRAMES: Final = 1_000  # pages of WAL, as SQLite's own default: 4 MB
# Under unbroken load the reading thread never catches up with the last commit, and the WAL would grow for
# ever: then the writer carries the little that is left itself.
CATCH_UP_FRAMES: Final = 8_000

_log = logging.getLogger("anban.stores")


def _system_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class _Job(NamedTuple):
    entries: Sequence[Entry]
    rows: list[Row]
    future: asyncio.Future[list[int]]

    @property
    def touched(self) -> int:
        """Rows that its commit writes: its own, and those of events that it settles."""
        return len(self.rows) + sum(len(row.settles) for row in self.rows)


class _Reads:
    """A daemon thread that runs one callable after the other; a read that hangs never keeps the process
    alive.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any] | None] | None]
        self._asked = queue.SimpleQueue()
        threading.Thread(target=self._run, name="anban-store-read", daemon=True).start()

    def ask(self, action: Callable[[], T]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self._loop.create_future()
        self._asked.put((action, future))
        return future

    def post(self, action: Callable[[], Any]) -> None:
        self._asked.put((action, None))

    def stop(self) -> None:
        self._asked.put(None)

    def _run(self) -> None:
        while (job := self._asked.get()) is not None:
            action, future = job
            try:
                result, error = action(), None
            except StoreError as failed:
                result, error = None, failed
                _log.warning("store read: %s", failed)
            if future is not None:
                _post(self._loop, _settle, future, result, error)


def _post(loop: asyncio.AbstractEventLoop, action: Callable[..., None], *args: Any) -> None:
    try:
        loop.call_soon_threadsafe(action, *args)
    except RuntimeError:  # the loop is closed: nobody is left to be told
        _log.info("a store answered after the loop had closed")


def _settle(future: asyncio.Future[Any], result: Any, error: StoreError | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
        future.exception()  # a caller that no longer waits is no warning


class Writer:
    """See the module. Make it on the loop; `journal` belongs to it until `close` has returned.

    `on_saved(entries, seqs)` is called on the loop for entries whose future failed and that are on the disk
    now; `on_attached()` when a journal in memory has found its disk and moved there: what the disk held of
    earlier runs can be replayed then.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        monotonic_ms: Callable[[], int] = _system_ms,
        on_saved: Callable[[Sequence[Entry], list[int]], None] | None = None,
        on_attached: Callable[[], None] | None = None,
    ) -> None:
        self.journal = journal
        self._monotonic_ms = monotonic_ms
        self._on_saved = on_saved
        self._on_attached = on_attached
        self._loop = asyncio.get_running_loop()
        self._queues: tuple[deque[_Job], ...] = tuple(deque() for _ in Lane)
        self._waiting_rows = 0
        self._wake: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._chores: deque[Callable[[], None]] = deque()
        self._unsaved: deque[_Job] = deque()
        self._began_ms: int | None = None
        self._ended_ms: int | None = None
        self._closing = False
        self._frames = 0
        self._evicted_at = -EVICT_ROWS
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._reads = _Reads(self._loop)
        journal.checkpoint_elsewhere()
        threading.Thread(target=self._run, name="anban-store-write", daemon=True).start()

    @property
    def durable(self) -> bool:
        """Whether what a future returned survives a crash; False for a journal in memory."""
        return self.journal.durable

    @property
    def unsaved(self) -> int:
        """Submissions of calls and faults that failed and wait for the disk to come back."""
        return len(self._unsaved)

    def stuck_ms(self, now_ms: int) -> int:
        """How long the present commit has been running, by the clock given at the start; 0 between
        commits.
        """
        began_ms = self._began_ms if self._ended_ms is None else self._ended_ms
        return 0 if began_ms is None else max(0, now_ms - began_ms)

    def submit(self, lane: Lane, entries: Sequence[Entry]) -> asyncio.Future[list[int]]:
        """Write entries in one transaction; the future has their seqs when they are durable, or a StoreError.

        At most BATCH_ROWS entries. Raises AnbanError(BAD_VALUE) at once for what may not be written, and
        StoreError (BUSY) when too many readings wait for a disk that hangs; SOS, ASSIST and FAULT are never
        refused.
        """
        rows = [row_of(lane, entry) for entry in entries]
        return self._submit(lane, _Job(entries, rows, self._loop.create_future()))

    def _submit(self, lane: Lane, job: _Job) -> asyncio.Future[list[int]]:
        if self._closing or self._ended_ms is not None:
            raise StoreError(Reason.NOT_READY, "The journal is closed.")
        if not 0 < len(job.rows) <= BATCH_ROWS:
            raise StoreError(
                Reason.TOO_BIG, f"{len(job.rows)} entries in one transaction, at most {BATCH_ROWS}."
            )
        if lane >= Lane.READING and self._waiting_rows >= MAX_WAITING_ROWS:
            raise StoreError(Reason.BUSY, "Too many readings wait for the disk.")
        self._waiting_rows += len(job.rows)
        self._queues[lane].append(job)
        self._rouse()
        return job.future

    def _rouse(self) -> None:
        """The writing thread looks at what waits; one that has been roused and has not looked yet will."""
        if self._wake.empty():
            self._wake.put(True)

    def read(self, ask: Callable[[Journal], T]) -> asyncio.Future[T]:
        """The result of `ask(journal)`, run in the reading thread, e.g. `read(lambda j: j.pending(lane,
        100))`.
        """
        return self._reads.ask(lambda: ask(self.journal))

    async def evict(self, keep_calls: Collection[str] = ()) -> int:
        """Bring every lane into its budget (edge/stores/retention.py), a small transaction at a time; how
        many rows.
        """
        if 0 <= self.journal.head[0] - self._evicted_at < EVICT_ROWS:
            return 0
        self._evicted_at = self.journal.head[0]
        total = 0
        while seqs := await self.read(lambda journal: journal.choose_evictions(keep_calls)):
            done: asyncio.Future[None] = self._loop.create_future()
            self._chores.append(partial(self._evict, seqs, done))
            self._rouse()
            await done
            total += len(seqs)
        return total

    async def close(self, timeout_s: float = 5.0) -> bool:
        """Commit what waits, then close the journal; False if the disk did not let that happen in time."""
        if not self._closing:
            self._closing = True
            self._rouse()
        try:
            await asyncio.wait_for(asyncio.shield(self._closed), timeout_s)
        except TimeoutError:
            return False
        return True

    # in the writing thread

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._ended_ms = self._monotonic_ms()
        _post(self._loop, _settle, self._closed, None, None)

    def _work(self) -> None:
        while True:
            jobs = self._next()
            if jobs:
                self._commit(jobs)
            elif self._chores:
                self._timed(self._chores.popleft())
            elif self._closing:
                break
            else:
                self._idle()
        if self._unsaved:
            self._commit([])
        self._reads.stop()
        self._timed(self.journal.close)

    def _idle(self) -> None:
        wait_s = RETRY_S if self._unsaved else TEND_S if self.journal.ailing else None
        try:
            self._wake.get(timeout=wait_s)
        except queue.Empty:
            self._timed(self._tend)
            if self._unsaved:
                self._commit([])

    def _tend(self) -> None:
        was_away = not self.journal.durable
        if self.journal.tend() and was_away and self._on_attached is not None:
            _post(self._loop, self._on_attached)

    def _timed(self, action: Callable[[], Any]) -> None:
        self._began_ms = self._monotonic_ms()
        try:
            action()
        finally:
            self._began_ms = None

    def _next(self) -> list[_Job]:
        """What goes into the next commit: one call lane alone, or the lower lanes together."""
        for lane in (Lane.SOS, Lane.ASSIST):
            if self._queues[lane]:
                return self._take((lane,))
        return self._take((Lane.FAULT, Lane.READING, Lane.TELEMETRY))

    def _take(self, lanes: Sequence[Lane]) -> list[_Job]:
        jobs: list[_Job] = []
        room = BATCH_ROWS
        for lane in lanes:
            waiting = self._queues[lane]
            while waiting and (not jobs or waiting[0].touched <= room):
                jobs.append(waiting.popleft())
                room -= jobs[-1].touched
        return jobs

    def _commit(self, jobs: list[_Job]) -> None:
        """Commit jobs, with what could not be saved before them; whoever waits is told on the loop."""
        late = list(self._unsaved)
        rows = [row for job in late for row in job.rows]
        rows += [row for job in jobs for row in job.rows]
        self._began_ms = self._monotonic_ms()
        try:
            seqs = self.journal.append_rows(rows)
        except StoreError as error:
            self._began_ms = None
            self._keep(jobs)
            _post(self._loop, self._failed, jobs, error)
            return
        self._began_ms = None
        self._unsaved.clear()
        _post(self._loop, self._done, late, jobs, seqs)
        touched = sum(job.touched for job in (*late, *jobs))
        self._carry_over(4 + touched // 8)  # a row's page and its indexes' pages; eight rows to a page

    def _carry_over(self, frames: int) -> None:
        before = self._frames
        self._frames += frames
        if self._frames >= CATCH_UP_FRAMES:
            self._frames = 0
            self._timed(self.journal.checkpoint_now)
        elif self._frames // CHECKPOINT_FRAMES > before // CHECKPOINT_FRAMES:
            self._reads.post(self.journal.checkpoint)

    def _keep(self, jobs: list[_Job]) -> None:
        room = MAX_UNSAVED_ROWS - sum(len(job.rows) for job in self._unsaved)
        for job in jobs:
            if job.rows[0].lane <= Lane.FAULT and len(job.rows) <= room:
                self._unsaved.append(job)
                room -= len(job.rows)

    def _evict(self, seqs: list[int], done: asyncio.Future[None]) -> None:
        try:
            self.journal.evict_rows(seqs)
        except StoreError as error:
            _post(self._loop, _settle, done, None, error)
        else:
            _post(self._loop, _settle, done, None, None)

    # on the loop

    def _done(self, late: list[_Job], jobs: list[_Job], seqs: list[int]) -> None:
        at = 0
        for job in late:
            if self._on_saved is not None:
                self._on_saved(job.entries, seqs[at : at + len(job.rows)])
            at += len(job.rows)
        for job in jobs:
            self._waiting_rows -= len(job.rows)
            _settle(job.future, seqs[at : at + len(job.rows)], None)
            at += len(job.rows)

    def _failed(self, jobs: list[_Job], error: StoreError) -> None:
        for job in jobs:
            self._waiting_rows -= len(job.rows)
            _settle(job.future, None, error)
