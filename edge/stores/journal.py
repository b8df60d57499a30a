"""The journal: every entry is a row in one hash-chained SQLite file, durable when `append` returns.

Contract: `append` is one transaction and returns the rows' seqs; when it raises StoreError nothing of it
counts as written (a failed commit may still turn up after a crash: everybody folds on event ids, and so does
the journal: an event that is already there keeps its row, and its old seq is returned). SOS and ASSIST may
use the reserve of a full disk, other lanes may not. A damaged file is moved aside and what is readable
salvaged, at open and while running: `recovered` tells. When the disk is dead at open, the journal is one in
memory and says so (`durable` False).

One thread appends (the writer); reads have a connection of their own and may come from any thread.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from edge.entries import Entry, EventEntry
from edge.stores import reading, recovery, retention
from edge.stores.database import Database, system_wall_ms
from edge.stores.errors import StoreError, from_sqlite, store_error
from edge.stores.reading import Owed, Queued, Stats, Stored, Verdict
from edge.stores.reserve import RESERVE_BYTES
from edge.stores.rows import Row, link, row_crc, row_of
from protocols.errors import Reason
from protocols.values import Event, Lane

_INSERT: Final = (
    "INSERT INTO entries (seq, lane, kind, event_id, call_id, owed, body, digest, crc)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_SETTLED: Final = "UPDATE entries SET owed = 0 WHERE event_id = ? AND kind = 'event' AND owed = 1"
# A call that the platform rejected is nobody's yet and stays owed (edge/entries.py: settles).
_SETTLE: Final = {"stored": _SETTLED, "rejected": _SETTLED + " AND lane >= 2"}

T = TypeVar("T")

_log = logging.getLogger("anban.stores")


class Journal(Database):
    """See the module. Made by `Journal.open` or `Journal.in_memory`.

    `durable`: what append returned survives a crash. `trouble`: why it does not, else None.
    `recovered`: what happened to damaged files, oldest first.
    """

    _budget = retention.BUDGET_ROWS

    @classmethod
    def open(
        cls, path: Path, *, wall_ms: Callable[[], int] = system_wall_ms, reserve_bytes: int = RESERVE_BYTES
    ) -> Journal:
        """The journal at a path: migrated, checked, recovered if need be. Never raises for a bad disk or
        file.

        On a disk that cannot be written it is a journal in memory that holds what could be read.
        """
        try:
            return cls(path, wall_ms=wall_ms, reserve_bytes=reserve_bytes)
        except StoreError as error:
            _log.error("journal in memory only: %s", error)
            journal = cls(None, wall_ms=wall_ms)
            journal.trouble = error.reason
            journal._take_over(path)
            return journal

    @classmethod
    def in_memory(
        cls, *, stands_in_for: Path | None = None, wall_ms: Callable[[], int] = system_wall_ms
    ) -> Journal:
        """A journal that lasts as long as the process; `durable` is False.

        One that stands in for a file whose disk does not answer moves there when `tend` finds it answering.
        """
        journal = cls(None, wall_ms=wall_ms)
        if stands_in_for is not None:
            journal._away, journal.trouble = stands_in_for, Reason.STORAGE_STUCK
        return journal

    # writing

    def append(self, lane: Lane, entries: Sequence[Entry]) -> list[int]:
        """Write entries in one durable transaction; returns their seqs. Raises StoreError,
        AnbanError(BAD_VALUE).
        """
        return self.append_rows([row_of(lane, entry) for entry in entries])

    def append_rows(self, rows: Sequence[Row]) -> list[int]:
        """As `append`, with rows made before (and perhaps in another thread)."""
        with self._write_lock:
            call = any(row.lane <= Lane.ASSIST for row in rows)
            if not call and self._reserve and self._reserve.wanted and not self._reserve.hold():
                raise store_error(Reason.STORAGE_FULL, "what is left is kept for calls")
            try:
                return self._commit(rows)
            except sqlite3.Error as error:
                self._roll_back()
                self._mend(error, call)
            try:
                return self._commit(rows)
            except sqlite3.Error as error:
                self._roll_back()
                raise from_sqlite(error) from error

    def _commit(self, rows: Sequence[Row]) -> list[int]:
        execute = self._writer.execute
        seq, digest = self._head
        seqs = []
        alone = len(rows) == 1 and not rows[0].settles  # a statement is a transaction: a press pays for one
        if not alone:
            execute("BEGIN IMMEDIATE")
        for row in rows:
            lane, kind, event_id, call_id, owed, body, settles = row
            after = link(digest, seq + 1, body)
            crc = row_crc(seq + 1, lane, kind, event_id, call_id, body, after)
            values = (seq + 1, int(lane), kind, event_id, call_id, int(owed), body, after, crc)
            if execute(_INSERT, values).rowcount == 1:
                seq, digest = seq + 1, after
                seqs.append(seq)
            else:
                seqs.append(reading.seq_of_event(self._writer, event_id))
            for stage, about in settles:
                execute(_SETTLE[stage], (about,))
        if not alone:
            execute("COMMIT")
        self._head = (seq, digest)
        if self._noted is not None:
            self._noted.write(seq)
        return seqs

    def _take_over(self, path: Path) -> None:
        """Into memory what a file holds of calls and faults; readings wait there until it can be written."""
        self._away = path
        try:
            self._carry(recovery.Readable(path, calls_only=True))
            recovery.note_breaks(self._writer, 0, "in memory", self._wall_ms())
        except OSError as error:
            _log.error("journal cannot be read: %s", error)
        self._set_head()
        self._brought = self._head[0]

    def tend(self) -> bool:
        """Try to get back what is lost: the reserve of a disk that was full, the disk itself. True if it was
        got.

        Called by the writing thread now and then while `ailing`; may take as long as the disk takes.
        """
        if self._reserve is not None:
            return self._reserve.wanted and self._reserve.hold()
        return self._away is not None and self._reattach(self._away)

    def _reattach(self, path: Path) -> bool:
        try:
            disk = Journal(path, wall_ms=self._wall_ms)
        except StoreError as error:
            self.trouble = error.reason
            return False
        with self._write_lock:
            missed = [row_of(Lane(lane), entry) for lane, entry in self._lanes_after(self._brought)]
            try:
                disk.append_rows(missed)
            except StoreError as error:
                self.trouble = error.reason
                disk.close()
                return False
            self._close_connections()
            self.path, self._away, self.trouble = path, None, None
            self._reserve, self._noted = disk._reserve, disk._noted
            self._writer, self._reader, self._head = disk._writer, disk._reader, disk._head
            self._read_lock = disk._read_lock
            self.recovered = (*self.recovered, *disk.recovered)
        return True

    def _lanes_after(self, seq: int) -> Iterator[tuple[int, Entry]]:
        while rows := reading.chunk(self._writer, seq, False):
            for row in rows:
                seq = row.seq
                entry = reading.entry_of(row)
                if entry is not None:
                    yield row.lane, entry

    # keeping it small

    def choose_evictions(self, keep_calls: Collection[str] = ()) -> list[int]:
        """The seqs of a batch that goes next, by lane budgets; [] when every lane is within. Raises
        StoreError.
        """
        return self._read(partial(retention.choose_next, keep_calls=keep_calls, budget=self._budget))

    def evict_rows(self, seqs: list[int]) -> None:
        """Empty the bodies of rows in one transaction; seq and digest stay. Raises StoreError."""
        with self._write_lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                retention.evict(self._writer, seqs)
                retention.drop_stubs(self._writer)
                self._writer.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                raise from_sqlite(error) from error

    def evict(self, keep_calls: Collection[str] = ()) -> int:
        """Bring every lane into its budget; `keep_calls` are ids of calls that are open. Raises
        StoreError.
        """
        total = 0
        while seqs := self.choose_evictions(keep_calls):
            self.evict_rows(seqs)
            total += len(seqs)
        return total

    # reading

    def replay(self, after: int = 0, *, calls_only: bool = False) -> Iterator[tuple[int, Entry]]:
        """All entries with a body, oldest first; `calls_only`: those of sos, assist and fault, for the fold.

        Damaged rows are passed over (see reading.entry_of) and counted in `damaged`. Raises StoreError.
        """
        self.damaged = 0
        while True:
            rows = self._read(partial(reading.chunk, after=after, calls_only=calls_only))
            for row in rows:
                after = row.seq
                entry = reading.entry_of(row)
                if entry is None:
                    self.damaged += 1
                else:
                    yield row.seq, entry
            if len(rows) < reading.CHUNK:
                return

    def of_care(self, after: int = 0) -> Iterator[tuple[int, Entry]]:
        """What the rules of care fold: oldest first. Raises StoreError."""
        while True:
            rows = self._read(partial(reading.care, after=after))
            for row in rows:
                after = row.seq
                if (entry := reading.entry_of(row)) is not None:
                    yield row.seq, entry
            if len(rows) < reading.CHUNK:
                return

    def pending(self, lane: Lane, limit: int, after: int = 0) -> list[Owed]:
        """Up to `limit` events of a lane that the platform has not settled, oldest first. Raises
        StoreError.
        """
        return self._owed(lane, limit, after, reading.owed_of)

    def packed(self, lane: Lane, limit: int, after: int = 0) -> list[Queued]:
        """As `pending`, in the bytes in which the events were stored: sent on as they are. Raises StoreError.

        Not for calls: of those a damaged row is read as far as it can be (reading.entry_of).
        """
        return self._owed(lane, limit, after, reading.queued_of)

    def _owed(self, lane: Lane, limit: int, after: int, read: Callable[[Stored], T | None]) -> list[T]:
        found: list[T] = []
        while len(found) < limit:
            wanted = limit - len(found)
            rows = self._read(partial(reading.owed, lane=lane, after=after, limit=wanted))
            found += [made for made in map(read, rows) if made is not None]
            if len(rows) < wanted:
                break
            after = rows[-1].seq
        return found

    def newest(self, lane: Lane, limit: int) -> list[Event]:
        """Events of a lane, newest first; damaged rows are passed over. Raises StoreError."""
        entries = map(reading.entry_of, self._read(partial(reading.newest, lane=lane, limit=limit)))
        return [entry.event for entry in entries if isinstance(entry, EventEntry)]

    def verify(self) -> Verdict:
        """Walk the whole hash chain. Raises StoreError."""
        return self._read(partial(reading.verify, head_seq=self._head[0]))

    def examine(self) -> None:
        """Look whether the file's pages fit together, which no single read sees; damage is mended, and
        `recovered` tells. Reads the whole file: for a calm moment, off the loop. Raises StoreError.
        """
        self._read(reading.examine)

    def stats(self) -> Stats:
        """Counts by lane. Raises StoreError."""
        return self._read(reading.stats)
