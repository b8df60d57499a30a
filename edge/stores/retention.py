"""How long the journal keeps what: a budget of rows by lane, and what goes first when a lane is beyond it.

Rows and not days, because the wall clock may be wrong by years. In each lane what the platform has goes
first, oldest first. Calls go whole (an opening without its end would fold wrongly), and never one that the
caller names as open. An event that the platform has not settled: of a call, never goes; of other lanes only
beyond twice the budget, oldest first (a reading of three weeks ago matters less than today's). Evicted rows
keep seq and digest; the oldest of them are dropped whole beyond `STUBS`, and the chain then begins at an
anchor with the digest of the last one dropped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Final

from edge.stores import marks, reading
from edge.stores.rows import row_crc
from protocols.values import Lane

# A call leaves about 20 rows of 200 bytes; a start folds all rows of calls and faults at about 50,000 a
# second.
BUDGET_ROWS: Final = {
    Lane.SOS: 20_000,  # 1,000 calls: years
    Lane.ASSIST: 10_000,
    Lane.FAULT: 6_000,
    Lane.READING: 120_000,  # 100,000 may wait through a long outage, and still be sent
    Lane.TELEMETRY: 10_000,
}
STUBS: Final = 50_000  # evicted rows that stay as (seq, digest): 4 MB
BATCH: Final = 256  # rows a transaction, as long as a press may have to wait for

_SETTLED: Final = (
    "SELECT seq FROM entries WHERE lane = ? AND body IS NOT NULL AND owed = 0 AND call_id IS NULL"
    " ORDER BY seq LIMIT ?"
)
_OWED: Final = "SELECT seq FROM entries WHERE owed = 1 AND lane = ? ORDER BY seq LIMIT ?"
_OLDEST_CALLS: Final = (
    "SELECT call_id, count(*), max(owed) FROM entries WHERE lane <= 1 AND body IS NOT NULL"
    " AND call_id IS NOT NULL GROUP BY call_id ORDER BY max(seq)"
)
_OF_CALL: Final = (
    "SELECT seq FROM entries WHERE lane <= 2 AND body IS NOT NULL AND (call_id = ?1 OR event_id IN"
    " (SELECT event_id FROM entries WHERE call_id = ?1 AND kind = 'event'))"
)


def beyond(rows: tuple[int, ...], budget: dict[Lane, int] = BUDGET_ROWS) -> dict[Lane, int]:
    """How many rows each lane has too many, by Stats.rows; only lanes that have."""
    return {lane: rows[lane] - kept for lane, kept in budget.items() if rows[lane] > kept}


def choose_next(
    connection: sqlite3.Connection, keep_calls: Collection[str], budget: dict[Lane, int]
) -> list[int]:
    """The next batch to evict from whichever lane is beyond its budget; [] when there is nothing to evict."""
    for lane, excess in beyond(reading.stats(connection).rows, budget).items():
        seqs = choose(connection, lane, excess, keep_calls, budget[lane])
        if seqs:
            return seqs
    return []


def choose(
    connection: sqlite3.Connection, lane: Lane, excess: int, keep_calls: Collection[str], budget: int
) -> list[int]:
    """The seqs to evict next from a lane that is `excess` rows beyond its budget; at most a batch or one
    call.
    """
    if lane <= Lane.ASSIST:
        for call_id, _, owed in connection.execute(_OLDEST_CALLS):
            if not owed and call_id not in keep_calls:
                return [int(row[0]) for row in connection.execute(_OF_CALL, (call_id,))]
        return []
    limit = min(excess, BATCH)
    seqs = [int(row[0]) for row in connection.execute(_SETTLED, (int(lane), limit))]
    if not seqs and excess > budget:
        limit = min(excess - budget, BATCH)
        seqs = [int(row[0]) for row in connection.execute(_OWED, (int(lane), limit))]
    return seqs


def evict(connection: sqlite3.Connection, seqs: list[int]) -> None:
    """Empty the bodies of rows, in the caller's transaction; seq and digest stay."""
    for seq in seqs:
        row = connection.execute(
            "SELECT lane, kind, event_id, call_id, digest FROM entries WHERE seq = ? AND body IS NOT NULL",
            (seq,),
        ).fetchone()
        if row is not None:
            lane, kind, event_id, call_id, digest = row
            crc = row_crc(seq, lane, kind, event_id, call_id, None, digest)
            connection.execute("UPDATE entries SET body = NULL, owed = 0, crc = ? WHERE seq = ?", (crc, seq))


def drop_stubs(connection: sqlite3.Connection, keep: int = STUBS) -> int:
    """Drop the oldest evicted rows beyond `keep`, in the caller's transaction; returns how many.

    Only an unbroken run of evicted rows from the beginning goes, so that the chain holds from the anchor on.
    """
    first = connection.execute("SELECT min(seq) FROM entries WHERE body IS NOT NULL").fetchone()[0]
    newest = connection.execute("SELECT max(seq) FROM entries").fetchone()[0] or 0
    last = min((first or newest) - 1, newest - 1)  # the newest row stays: it is the head
    count = connection.execute("SELECT count(*) FROM entries WHERE seq <= ?", (last,)).fetchone()[0]
    if count <= keep:
        return 0
    row = connection.execute(
        "SELECT seq, digest FROM entries WHERE seq <= ? ORDER BY seq LIMIT 1 OFFSET ?",
        (last, count - keep - 1),
    ).fetchone()
    marks.set_anchor(connection, int(row[0]), bytes(row[1]))
    connection.execute("DELETE FROM entries WHERE seq <= ?", (row[0],))
    connection.execute("DELETE FROM breaks WHERE seq <= ?", (row[0],))
    return int(count - keep)
