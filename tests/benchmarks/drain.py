"""Measures how fast a hub that comes back delivers what waited: from its journal to the platform's database.

The journal is filled with readings before the hub starts. The rate is taken from the platform's own receive
times, between the first and the last hundredth, so that neither the start nor the last small batch counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from edge.entries import EventEntry, Stamp
from edge.stores.journal import Journal
from protocols.values import Event, EventId, Lane
from sim.home.home import Home
from sim.home.setup import Setup
from sim.home.waiting import came

EVENTS = 20_000
LIMIT_S = 120.0
FILL_GROUP = 500


def measure(directory: Path) -> dict[str, Any]:
    """events_per_s from the journal of a hub into the platform's database, both processes on this machine."""
    place = directory / "drain"
    shutil.rmtree(place, ignore_errors=True)
    try:
        return asyncio.run(_measure(place))
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def _measure(place: Path) -> dict[str, Any]:
    home = Home(place, setup=Setup(pendants=()))
    fill(home.hub.directory / "data", EVENTS)
    database = home.platform.directory / "platform.db"

    def all_there() -> bool:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
            return bool(db.execute(COUNT).fetchone()[0] >= EVENTS)

    async with home.running():
        if await came(all_there, LIMIT_S) is None:
            raise TimeoutError(f"not delivered within {LIMIT_S:.0f} s")
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        times = [row[0] for row in db.execute(TIMES)]
    cut = len(times) // 100
    took_s = (times[-cut - 1] - times[cut]) / 1000
    return {"events_per_s": round((len(times) - 2 * cut - 1) / took_s), "n": len(times)}


COUNT = "SELECT COUNT(*) FROM events WHERE kind = 'reading.room_temperature'"
TIMES = "SELECT received_ms FROM events WHERE kind = 'reading.room_temperature' ORDER BY received_ms"


def fill(data: Path, count: int) -> None:
    """Write so many undelivered readings into the journal of a hub that does not run."""
    data.mkdir(parents=True, exist_ok=True)
    journal = Journal.open(data / "journal.db")
    assert journal.durable
    for start in range(0, count, FILL_GROUP):
        numbers = range(start, min(count, start + FILL_GROUP))
        journal.append(Lane.READING, [_reading(number) for number in numbers])
    journal.close()


def _reading(number: int) -> EventEntry:
    event = Event(
        id=EventId("hub-01", 0x0BAD0BAD, number),
        kind="reading.room_temperature",
        lane=Lane.READING,
        device="hub-01",
        wall_ms=1_790_000_000_000 + number,
        elder="e-chen",
    )
    return EventEntry(at=Stamp(uptime_ms=number, boot=1), event=event, source="system")
