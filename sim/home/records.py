"""Read the platform's own database after every process has ended: what arrived, and its cases."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from protocols.wire import decode_event
from sim.home.ledger import Case, Stored


def read(platform_dir: Path) -> tuple[list[Stored], list[Case]]:
    """Every call event in the platform's order, and every case. Nothing if there is no database."""
    path = platform_dir / "platform.db"
    if not path.exists():
        return [], []
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute(
            "SELECT id, call_id, kind, elder, received_ms, body FROM events"
            " WHERE kind LIKE 'call.%' ORDER BY number"
        ).fetchall()
        cases = [Case(*row) for row in db.execute("SELECT call_id, elder FROM cases ORDER BY opened_ms")]
    events = [
        Stored(
            id=event_id,
            call_id=call_id or event_id,
            kind=kind,
            origin=event_id.split(".", 1)[0],
            elder=elder,
            received_ms=received_ms,
            stages=decode_event(body).stages,
        )
        for event_id, call_id, kind, elder, received_ms, body in rows
    ]
    return events, cases
