"""What can be asked of a journal's connection: its head, its rows in order, what is owed, whether the chain
holds.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

import msgspec

from edge.entries import Entry, EventEntry, decode_entry, event_message
from edge.stores import marks
from edge.stores.rows import GENESIS, fits, row_crc
from protocols.errors import AnbanError
from protocols.values import Lane
from protocols.wire import Packed, pack

# Rows a read holds at once: a long read never keeps a snapshot open over a pause of its caller.
CHUNK: Final = 512
_COLUMNS: Final = "seq, lane, kind, event_id, call_id, body, digest, crc"
_ALL: Final = f"SELECT {_COLUMNS} FROM entries WHERE seq > ? AND body IS NOT NULL ORDER BY seq LIMIT ?"
_CALLS: Final = (
    f"SELECT {_COLUMNS} FROM entries INDEXED BY entries_calls"
    " WHERE seq > ? AND lane <= 2 AND body IS NOT NULL ORDER BY seq LIMIT ?"
)
_OWED: Final = (
    f"SELECT {_COLUMNS} FROM entries INDEXED BY entries_owed"
    " WHERE owed = 1 AND lane = ? AND seq > ? ORDER BY seq LIMIT ?"
)
_NEWEST: Final = (
    f"SELECT {_COLUMNS} FROM entries"
    " WHERE kind = 'event' AND lane = ? AND body IS NOT NULL ORDER BY seq DESC LIMIT ?"
)
_CARE: Final = (
    f"SELECT {_COLUMNS} FROM entries WHERE seq > ? AND body IS NOT NULL"
    " AND kind IN ('sensed', 'event', 'local') ORDER BY seq LIMIT ?"
)
_CHAIN: Final = f"SELECT {_COLUMNS} FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"


class Stored(NamedTuple):
    """A row as it stands on the disk."""

    seq: int
    lane: int
    kind: str
    event_id: str | None
    call_id: str | None
    body: bytes | None
    digest: bytes
    crc: int

    @property
    def sound(self) -> bool:
        """Whether the row is what was written, by its own checksum."""
        try:
            return self.crc == row_crc(*self[:7])
        except (TypeError, AttributeError, ValueError):  # a damaged page may hold any type in any column
            return False


class Owed(NamedTuple):
    """An event that the platform has not settled."""

    seq: int
    entry: EventEntry


class Queued(NamedTuple):
    """The same, in the bytes in which it was stored."""

    seq: int
    event: Packed


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk over the chain found. `bad`: seqs whose digest or checksum does not fit, at most 100 of
    them.
    """

    checked: int
    evicted: int
    known_breaks: int
    bad: tuple[int, ...]
    head_seq: int
    head_digest: bytes

    @property
    def ok(self) -> bool:
        """Whether nothing was changed or lost unsaid. Known breaks have been reported when they came to
        be.
        """
        return not self.bad


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Counts by lane (index = lane): rows with a body, and events owed."""

    rows: tuple[int, ...]
    owed: tuple[int, ...]
    head_seq: int
    breaks: int


def head(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Seq and digest of the newest row; of the anchor where there is none; (0, zeros) for a new journal."""
    row = connection.execute("SELECT seq, digest FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    if row is None:
        return marks.anchor(connection)
    return int(row[0]), row[1] if isinstance(row[1], bytes) else GENESIS


def examine(connection: sqlite3.Connection) -> None:
    """SQLite's own look at every page. Raises what a read of a damaged page raises."""
    found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if found != "ok":
        error = sqlite3.DatabaseError(found)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def seq_of_event(connection: sqlite3.Connection, event_id: str | None) -> int:
    """The seq of an event that is in the journal already."""
    row = connection.execute(
        "SELECT seq FROM entries WHERE event_id = ? AND kind = 'event'", (event_id,)
    ).fetchone()
    if row is None:
        raise sqlite3.IntegrityError("a row was refused and is not there")
    return int(row[0])


def chunk(connection: sqlite3.Connection, after: int, calls_only: bool) -> list[Stored]:
    """The next rows with a body, oldest first; `calls_only`: those of the lanes sos, assist and fault."""
    sql = _CALLS if calls_only else _ALL
    return [Stored(*row) for row in connection.execute(sql, (after, CHUNK))]


def care(connection: sqlite3.Connection, after: int) -> list[Stored]:
    """The next rows that the rules of care may fold, oldest first."""
    return [Stored(*row) for row in connection.execute(_CARE, (after, CHUNK))]


def owed(connection: sqlite3.Connection, lane: Lane, after: int, limit: int) -> list[Stored]:
    """Events of a lane that the platform has not settled, oldest first."""
    return [Stored(*row) for row in connection.execute(_OWED, (int(lane), after, limit))]


def newest(connection: sqlite3.Connection, lane: Lane, limit: int) -> list[Stored]:
    """Events of a lane, newest first."""
    return [Stored(*row) for row in connection.execute(_NEWEST, (int(lane), limit))]


def entry_of(row: Stored) -> Entry | None:
    """The entry of a row, or None where it is damaged.

    A row of a call whose checksum fails and whose bytes still read as an entry is used: a false alarm is
    better than a lost one. A reading whose checksum fails is not: a wrong value is worse than a missing one.
    """
    if not isinstance(row.body, bytes) or not (row.sound or row.lane in (Lane.SOS, Lane.ASSIST)):
        return None
    try:
        return decode_entry(row.body)
    except AnbanError:
        return None


def owed_of(row: Stored) -> Owed | None:
    """The event of an owed row, or None where it is damaged (see `entry_of`)."""
    entry = entry_of(row)
    return Owed(row.seq, entry) if isinstance(entry, EventEntry) else None


def queued_of(row: Stored) -> Queued | None:
    """An owed row of a lower lane as it may be sent on, or None where it is damaged.

    Its checksum says that these are the bytes which were encoded from a valid event: they are not read again.
    """
    if row.body is None or not row.sound:
        return None
    try:
        return Queued(row.seq, pack(event_message(row.body)))
    except AnbanError:
        return None


def verify(connection: sqlite3.Connection, head_seq: int) -> Verdict:
    """Walk the whole chain, which must reach `head_seq`. Rows are read in chunks: what is appended meanwhile
    is walked too.
    """
    before_seq, digest = marks.anchor(connection)
    breaks = {int(row[0]) for row in connection.execute("SELECT seq FROM breaks")}
    checked = evicted = 0
    bad: list[int] = []
    while True:
        rows = [Stored(*row) for row in connection.execute(_CHAIN, (before_seq, CHUNK))]
        for row in rows:
            checked += 1
            evicted += row.body is None
            fits = row.sound and _fits(row, before_seq, digest, row.seq in breaks)
            if not fits and len(bad) < 100:
                bad.append(row.seq)
            before_seq, digest = row.seq, row.digest
        if len(rows) < CHUNK:
            break
    if head_seq > before_seq and head_seq + 1 not in breaks:
        bad.append(head_seq)
    return Verdict(
        checked=checked,
        evicted=evicted,
        known_breaks=len(breaks),
        bad=tuple(bad),
        head_seq=before_seq,
        head_digest=digest,
    )


def _fits(row: Stored, before_seq: int, digest: bytes, at_break: bool) -> bool:
    if at_break:
        return True
    if row.seq != before_seq + 1:
        return False
    return row.body is None or fits(digest, row.seq, row.body, row.digest)


def stats(connection: sqlite3.Connection) -> Stats:
    """Counts for people and for retention; reads every row's head once."""
    rows, waiting = [0] * len(Lane), [0] * len(Lane)
    for lane, count, due in connection.execute(
        "SELECT lane, count(*), sum(owed) FROM entries WHERE body IS NOT NULL GROUP BY lane"
    ):
        if 0 <= lane < len(rows):
            rows[lane], waiting[lane] = count, due
    breaks = connection.execute("SELECT count(*) FROM breaks").fetchone()[0]
    return Stats(rows=tuple(rows), owed=tuple(waiting), head_seq=head(connection)[0], breaks=breaks)
