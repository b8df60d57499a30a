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

from sim.home.backlog import fill
from sim.home.home import Home
from sim.home.setup import Setup
from sim.home.waiting import came

EVENTS = 20_000
LIMIT_S = 120.0


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
    fill(home.hub.directory / "data" / "journal.db", EVENTS)
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
