"""Read the platform's own database from outside: what arrived, and which cases were opened."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import msgspec

from protocols.wire import decode_event
from sim.home.ledger import Case, Stored

EVENTS = (
    "SELECT number, id, call_id, kind, elder, received_ms, body FROM events"
    " WHERE number > ? AND kind LIKE 'call.%' ORDER BY number"
)


def read(platform_dir: Path) -> tuple[list[Stored], list[Case]]:
    """Every call event in the platform's order, and every case. Nothing where there is no such database."""
    path = platform_dir / "platform.db"
    if not path.exists() or not _has_tables(path):
        return [], []
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        events, _ = events_after(db, 0)
        rows = db.execute("SELECT call_id, elder, ended_ms, lifecycle, body FROM cases ORDER BY opened_ms")
        cases = [_case(*row) for row in rows]
    return events, cases


def _case(call_id: str, elder: str, ended_ms: int, lifecycle: str, body: bytes) -> Case:
    opened = 1 + msgspec.msgpack.decode(body, type=_Again).reopened
    return Case(call_id, elder, opened, 0 if lifecycle == "open" else ended_ms)


class _Again(msgspec.Struct):
    """What of a case's body is looked at."""

    reopened: int = 0


def _has_tables(path: Path) -> bool:
    """Whether the platform ever got as far as making its tables."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchall()
        return len(rows) == 1


def events_after(db: sqlite3.Connection, number: int) -> tuple[list[Stored], int]:
    """Call events that the platform stored after this number of its own order, and the last number."""
    events = []
    for after, event_id, case_id, kind, elder, received_ms, body in db.execute(EVENTS, (number,)):
        number = after
        sent = decode_event(body)
        event = Stored(
            id=event_id,
            call_id=case_id or event_id,
            kind=kind,
            origin=event_id.split(".", 1)[0],
            elder=elder,
            received_ms=received_ms,
            stages=sent.stages,
            wall_ms=sent.wall_ms,
            clock_trusted=sent.clock_trusted,
            durable=sent.durable,
            by_text=sent.boot == 0,  # a text has no room for the hub's boot
        )
        events.append(event)
    return events, number
