"""The journal's file: connections, locks, damage mended, full disks and the reserve; knows nothing of lanes'
meaning.

`Journal` (journal.py) is built on it and is what others use.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from edge.stores import marks, reading, recovery
from edge.stores.errors import from_os, from_sqlite, is_corrupt, may_be_full
from edge.stores.files import SCHEMAS, connect, migrate, sync_directory
from edge.stores.head import Head
from edge.stores.recovery import Recovered
from edge.stores.reserve import RESERVE_BYTES, Reserve
from edge.stores.rows import GENESIS
from protocols.errors import Reason

T = TypeVar("T")

SCHEMA: Final = SCHEMAS / "journal"

_log = logging.getLogger("anban.stores")


def system_wall_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def _checkpoint(connection: sqlite3.Connection) -> None:
    """What fails here fails again at the next commit or checkpoint, and nothing is lost by it."""
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.Error as error:
        _log.warning("checkpoint: %s", error)


class Database:
    """One SQLite file with a connection to write and one to read; None is a file in memory. Raises
    StoreError.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        wall_ms: Callable[[], int] = system_wall_ms,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        self.path = path
        self.trouble: Reason | None = None
        self.recovered: tuple[Recovered, ...] = ()
        self._wall_ms = wall_ms
        self._reserve = Reserve(path.with_suffix(".reserve"), reserve_bytes) if path else None
        self._noted = Head(path.with_suffix(".head")) if path else None
        self._write_lock = threading.RLock()
        self._read_lock = threading.RLock() if path else self._write_lock
        self._head = (0, GENESIS)
        self.damaged = 0
        self._shut = False
        self._writer = self._reader = sqlite3.connect(":memory:")  # until the file is open
        self._away: Path | None = None  # where the file is that this journal in memory stands in for
        self._brought = 0  # the head when it began to stand in
        self._attach(path)

    @property
    def durable(self) -> bool:
        """Whether what `append` returned is on a disk."""
        return self.path is not None

    @property
    def head(self) -> tuple[int, bytes]:
        """The seq and the digest of the newest row; goes out with heartbeats."""
        return self._head

    @property
    def full(self) -> bool:
        """Whether the disk has no room for the reserve: only calls are written now."""
        return self._reserve is not None and self._reserve.wanted

    @property
    def ailing(self) -> bool:
        """Whether `tend` has something to try: in memory for want of a disk, or full."""
        return self._away is not None or self.full

    def _roll_back(self) -> None:
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        except sqlite3.Error as error:
            _log.warning("rollback: %s", error)

    def _mend(self, error: sqlite3.Error, call: bool) -> None:
        """Do what may let the same transaction succeed now; raises StoreError when there is nothing to do."""
        try:
            if is_corrupt(error) and self.path is not None:
                self._recover(str(error))
            elif isinstance(error, sqlite3.ProgrammingError) and self.path is not None and not self._shut:
                self._connect(self.path, True)  # a recovery had lost the disk between its two files
            elif call and may_be_full(error) and self._reserve and self._reserve.release():
                _log.error("disk full: the reserve is given to calls")
            else:
                if self._reserve and may_be_full(error):
                    self._reserve.wanted = True
                raise from_sqlite(error) from error
        except sqlite3.Error as again:
            raise from_sqlite(again) from again

    # opening and mending

    def _attach(self, path: Path | None) -> None:
        try:
            if path is not None:
                recovery.finish_interrupted(path)
            damage = recovery.broken_before_open(path) if path is not None else ""
            if damage:
                self._recover(damage)
            else:
                self._connect(path, path is not None and path.exists())
        except sqlite3.Error as error:
            self._attach_again(path, error)
        except OSError as error:
            raise from_os(error) from error
        if self._reserve:
            self._reserve.hold()

    def _attach_again(self, path: Path | None, error: sqlite3.Error) -> None:
        try:
            if path is not None and is_corrupt(error):
                self._recover(str(error))
            elif self._reserve and may_be_full(error) and self._reserve.release(of_earlier_run=True):
                self._connect(path, True)
            else:
                raise from_sqlite(error) from error
        except sqlite3.Error as again:
            raise from_sqlite(again) from again
        except OSError as again:
            raise from_os(again) from again

    def _connect(self, path: Path | None, there: bool) -> None:
        """Open, migrate, fetch what a damaged WAL hides from SQLite, and prove that the disk takes a
        write.
        """
        writer = connect(path)
        try:
            hidden = recovery.rows_beyond(path) if there and path is not None else []  # before any write
            migrate(writer, SCHEMA)
            head = reading.head(writer)[0]
            hidden = [found for found in hidden if found[0].seq > head]
            if hidden:
                recovery.insert_rows(writer, hidden)
            marks.count_opening(writer)
            reader = writer if path is None else connect(path)
        except sqlite3.Error:
            writer.close()
            raise
        self._writer, self._reader = writer, reader
        if path is not None and not there:
            sync_directory(path.parent)
        if hidden or (there and self._noted_seq() > head):
            reason = "the end of the journal was damaged"
            lost = recovery.note_breaks(writer, self._noted_seq(), reason, self._wall_ms())
            self._report(reason, "", len(hidden), lost)
        self._set_head()

    def _set_head(self) -> None:
        seq, digest = reading.head(self._writer)
        self._head = (max(seq, self._noted_seq()), digest)

    def _noted_seq(self) -> int:
        return self._noted.read() if self._noted is not None else 0

    def _recover(self, reason: str) -> None:
        """Put a new file with what is readable in the place of the damaged one. Raises StoreError,
        sqlite3.Error.

        The new one is complete before the old one is moved: a crash at any point loses nothing of either.
        """
        assert self.path is not None
        with self._read_lock:
            try:
                kept, lost = recovery.rebuild(self.path, SCHEMA, self._noted_seq(), reason, self._wall_ms())
                self._close_connections()
                moved = recovery.move_aside(self.path, self._wall_ms())
                recovery.finish_interrupted(self.path)
                self._connect(self.path, False)
            except OSError as error:
                raise from_os(error) from error
            self._report(reason, str(moved), kept, lost)

    def _carry(self, readable: recovery.Readable) -> int:
        kept = recovery.insert_rows(self._writer, readable)
        if "anchor" in readable.marks:
            marks.write(self._writer, "anchor", readable.marks["anchor"])
        return kept

    def _report(self, reason: str, moved: str, kept: int, lost: int) -> None:
        now_ms = self._wall_ms()
        report = Recovered(
            store="journal", reason=reason, moved_to=moved, kept=kept, lost=lost, wall_ms=now_ms
        )
        self.recovered = (*self.recovered, report)
        _log.error("journal recovered: %s, %d rows kept, at least %d lost", reason, kept, lost)

    def checkpoint(self) -> None:
        """Carry the WAL into the file without delaying an append; from any thread but the writer's."""
        with self._read_lock:
            if not self._shut:
                _checkpoint(self._reader)

    def checkpoint_now(self) -> None:
        """Carry what is left of the WAL into the file, so that it begins anew; from the writer's thread."""
        with self._write_lock:
            _checkpoint(self._writer)

    def checkpoint_elsewhere(self) -> None:
        """From now on no append pays for a checkpoint: the caller calls `checkpoint` from time to time."""
        self._writer.execute("PRAGMA wal_autocheckpoint=0")

    def close(self) -> None:
        """Close the file; what is in its WAL is carried into it first."""
        with self._write_lock, self._read_lock:
            self._shut = True
            self._close_connections()
            if self._noted is not None:
                self._noted.close()

    def _close_connections(self) -> None:
        for connection in (self._reader, self._writer):
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """What `ask` returns; damage that it meets is mended first. Raises StoreError."""
        try:
            with self._read_lock:
                return ask(self._reader)
        except sqlite3.Error as error:
            if not is_corrupt(error) or self.path is None:
                raise from_sqlite(error) from error
            damage = str(error)
        try:
            with self._write_lock, self._read_lock:
                self._recover(damage)
                return ask(self._reader)
        except sqlite3.Error as error:
            raise from_sqlite(error) from error
