"""Damaged journals: found, moved aside under the time's name, and what is readable carried into the new
file.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from edge.entries import ReceiptEntry, ReceiptsEntry
from edge.stores import marks, reading
from edge.stores.files import connect, migrate, sync_directory
from edge.stores.pages import PAGE_BYTES, Images, Value, records
from edge.stores.reading import Stored
from edge.stores.rows import GENESIS, fits, settled_by
from protocols.values import Lane

KEEP_BROKEN: Final = 3  # moved-aside files that stay for whoever examines the card; older ones are removed
_SIDES: Final = ("", "-wal", "-shm")
_HEADER: Final = b"SQLite format 3\x00"
_WAL_HEADER: Final = 32
_FRAME_HEADER: Final = 24
_SHM_MX_FRAME: Final = 16  # walformat 2.1: u32 mxFrame of the first copy of the wal-index header
_INSERT: Final = (
    "INSERT INTO entries (seq, lane, kind, event_id, call_id, owed, body, digest, crc)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (seq) DO UPDATE SET owed = max(owed, excluded.owed)"
)


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a damaged store. `lost`: entries that are certainly gone (gaps, and what was noted of
    the head); an end that was never noted may be missing besides."""

    store: str
    reason: str
    moved_to: str
    kept: int
    lost: int
    wall_ms: int


def broken_before_open(path: Path) -> str:
    """What is wrong with a file that SQLite would take as it is, or worse, would begin anew; "" when nothing
    is.

    SQLite deletes the WAL of an empty or missing file, and does not miss pages at the end (fileformat2
    1.3.7). Pages at the end that the WAL still has are not missed: the power went during a checkpoint.
    """
    wal = path.with_name(path.name + "-wal")
    try:
        if not path.exists():
            return "the file is gone and its WAL is not" if wal.exists() and wal.stat().st_size else ""
        with path.open("rb") as file:
            header = file.read(100)
            size = file.seek(0, 2)
    except OSError:
        return ""
    if size == 0:
        return "the file is empty"
    if len(header) < 100 or not header.startswith(_HEADER):
        return ""  # SQLite says so itself
    current = header[24:28] == header[92:96]
    said = int.from_bytes(header[28:32], "big")
    if current and size < said * PAGE_BYTES and not _has_pages(wal, range(size // PAGE_BYTES + 1, said + 1)):
        return "the file is shorter than it says"
    return ""


def _has_pages(wal: Path, numbers: range) -> bool:
    """Whether the committed frames of a WAL's present generation hold all of these pages (walformat)."""
    held: set[int] = set()
    waiting: set[int] = set()
    try:
        with wal.open("rb") as file:
            salts = file.read(_WAL_HEADER)[16:24]
            for frame in itertools.count():
                file.seek(_WAL_HEADER + frame * (_FRAME_HEADER + PAGE_BYTES))
                header = file.read(_FRAME_HEADER)
                if len(header) < _FRAME_HEADER or header[8:16] != salts:
                    break
                waiting.add(int.from_bytes(header[:4], "big"))
                if header[4:8] != bytes(4):  # the last frame of a commit tells the size of the database
                    held |= waiting
    except OSError:
        return False
    return held.issuperset(numbers)


def move_aside(path: Path, wall_ms: int) -> Path:
    """Rename a store and its side files to a name with the time; returns the new path. Raises OSError."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(max(0, wall_ms) / 1000 % 253402300799))
    target = path.with_name(f"{path.name}.broken-{stamp}")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.broken-{stamp}.{number}")
    for side in _SIDES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + side).rename(target.with_name(target.name + side))
    sync_directory(path.parent)
    _forget_old(path)
    return target


def _forget_old(path: Path) -> None:
    broken = [
        file for file in path.parent.glob(f"{path.name}.broken-*") if not file.name.endswith(_SIDES[1:])
    ]
    broken.sort(key=lambda file: file.stat().st_mtime)
    for file in broken[:-KEEP_BROKEN]:
        for side in _SIDES:
            file.with_name(file.name + side).unlink(missing_ok=True)


def frames_beyond(path: Path) -> int:
    """How many WAL frames of the present generation lie beyond those that SQLite took; call after the first
    read.

    SQLite ends a WAL silently at the first frame whose checksum fails; after a power cut that is the torn end
    of a commit that nobody was told of, but on a bad card it may be the middle of what was acknowledged.
    Where it took nothing at all, the header may be what is damaged: then all frames count.
    """
    wal, shm = path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")
    frame_bytes = _FRAME_HEADER + PAGE_BYTES
    try:
        with shm.open("rb") as file:
            file.seek(_SHM_MX_FRAME)
            taken = int.from_bytes(file.read(4), sys.byteorder)
        with wal.open("rb") as file:
            if taken == 0:
                return max(0, file.seek(0, 2) - _WAL_HEADER) // frame_bytes
            salts = file.read(_WAL_HEADER)[16:24]
            frames = taken
            while True:
                file.seek(_WAL_HEADER + frames * frame_bytes)
                if file.read(16)[8:16] != salts:
                    return frames - taken
                frames += 1
    except OSError:
        return 0


class Readable:
    """What can be read of a damaged journal: iterate for its rows; then `marks` holds the newest of each
    mark.
    """

    def __init__(self, path: Path, calls_only: bool = False) -> None:
        self._path = path
        self._calls_only = calls_only
        self.marks: dict[str, bytes] = {}

    def __iter__(self) -> Iterator[tuple[Stored, bool]]:
        """Every row with a good checksum in the file and its WAL, with its `owed`; stale images included."""
        images = Images(self._path, self._path.with_name(self._path.name + "-wal"))
        try:
            for rowid, values in records(images):
                if len(values) >= 9 and values[0] is None:
                    row = None if self._calls_only and _lane(values) > Lane.FAULT else _stored(rowid, values)
                    if row is not None:
                        yield row, bool(values[5])
                elif len(values) == 3:
                    self._mark(*values)
        finally:
            images.close()

    def _mark(self, name: Value, value: Value, crc: Value) -> None:
        if isinstance(name, str) and isinstance(value, bytes) and crc == marks.crc(name, value):
            self.marks[name] = max(value, self.marks.get(name, b""))


def _lane(values: list[Value]) -> int:
    return values[1] if isinstance(values[1], int) else 99


def _stored(seq: int, values: list[Value]) -> Stored | None:
    _, lane, kind, event_id, call_id, _, body, digest, crc = values[:9]
    if not (isinstance(lane, int) and isinstance(kind, str) and isinstance(crc, int)):
        return None
    if not (isinstance(digest, bytes) and len(digest) == len(GENESIS)):
        return None
    if (
        isinstance(body, bytes | None)
        and isinstance(event_id, str | None)
        and isinstance(call_id, str | None)
    ):
        row = Stored(seq, lane, kind, event_id, call_id, body, digest, crc)
        return row if row.sound and seq > 0 else None
    return None


def rows_beyond(path: Path) -> list[tuple[Stored, bool]]:
    """Sound rows that may hide beyond what SQLite took of the WAL; [] as good as always. Raises OSError."""
    return list(Readable(path)) if frames_beyond(path) else []


def building_site(path: Path) -> Path:
    """Where the new file is made while the damaged one is still in its place."""
    return path.with_name(path.name + ".recovering")


def finish_interrupted(path: Path) -> None:
    """After a crash during a recovery: take the new file where it was ready, else begin again. Raises
    OSError.
    """
    new = building_site(path)
    if new.exists() and not path.exists():
        new.rename(path)
        sync_directory(path.parent)
    for side in _SIDES:
        new.with_name(new.name + side).unlink(missing_ok=True)


def rebuild(path: Path, schema: Path, head_seq: int, reason: str, wall_ms: int) -> tuple[int, int]:
    """Make a new journal, beside the damaged one, of what is readable; how many rows it has, how many are
    lost.

    It is durable on return. Raises sqlite3.Error, OSError.
    """
    finish_interrupted(path)
    connection = connect(building_site(path))
    try:
        migrate(connection, schema)
        readable = Readable(path)
        kept = insert_rows(connection, readable)
        if "anchor" in readable.marks:
            marks.write(connection, "anchor", readable.marks["anchor"])
        lost = note_breaks(connection, head_seq, reason, wall_ms)
        if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise sqlite3.OperationalError("the new file could not be completed")
    finally:
        connection.close()
    return kept, lost


def insert_rows(connection: sqlite3.Connection, rows: Iterable[tuple[Stored, bool]]) -> int:
    """Carry rows into a journal as they are, in one transaction; returns how many are in it then.

    Of two images of a row the one with a body wins; an event that either image says is owed is owed: sending
    twice folds, not sending is a loss. Receipts among the rows settle after that. Raises sqlite3.Error.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        for row, owed in rows:
            values = (*row[:5], int(owed and row.body is not None), row.body, row.digest, row.crc)
            with contextlib.suppress(
                sqlite3.IntegrityError
            ):  # the same event under two seqs: the first stays
                connection.execute(_INSERT, values)
        _settle(connection)
        count = int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])
        connection.execute("COMMIT")
    finally:  # rows come from a disk that may fail, too
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return count


def _settle(connection: sqlite3.Connection) -> None:
    found = connection.execute(
        "SELECT seq, lane, kind, event_id, call_id, body, digest, crc FROM entries"
        " WHERE (kind = 'receipts' OR kind = 'receipt' AND event_id IS NOT NULL) AND body IS NOT NULL"
    ).fetchall()
    for row in found:
        entry = reading.entry_of(Stored(*row))
        if isinstance(entry, ReceiptEntry | ReceiptsEntry):
            connection.executemany(
                "UPDATE entries SET owed = 0 WHERE event_id = ? AND kind = 'event' AND lane >= ?",
                [(about, 0 if stage == "stored" else int(Lane.FAULT)) for stage, about in settled_by(entry)],
            )


def note_breaks(connection: sqlite3.Connection, head_seq: int, reason: str, wall_ms: int) -> int:
    """Record where the chain of salvaged rows is interrupted; returns how many entries are certainly
    missing.
    """
    before, digest = marks.anchor(connection)
    known = {int(row[0]) for row in connection.execute("SELECT seq FROM breaks")}
    lost = 0
    breaks = []
    for seq, body, now in connection.execute("SELECT seq, body, digest FROM entries ORDER BY seq"):
        missing = seq - before - 1
        if seq not in known and (missing or (body is not None and not fits(digest, seq, body, now))):
            breaks.append((seq, missing, reason, wall_ms))
            lost += missing
        before, digest = seq, now
    if head_seq > before and head_seq + 1 not in known:
        breaks.append((head_seq + 1, head_seq - before, reason, wall_ms))
        lost += head_seq - before
    connection.executemany("INSERT OR REPLACE INTO breaks VALUES (?, ?, ?, ?)", breaks)
    return lost
