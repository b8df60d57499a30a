"""Measures the journal: durable commits a second, alone and grouped, and what a kill -9 loses of its word.

The ceiling is raw sqlite3 on the same disk with the same pragmas, one row of the same size a commit. Runs of
product and ceiling alternate, so that what else the machine does falls on both.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from edge.entries import EventEntry, Stamp, encode_entry
from edge.stores.journal import Journal
from edge.stores.writer import Writer
from protocols.values import Event, EventId, Lane

ROUNDS = 5
COMMITS = 1_000  # a round
GROUPED = 10_000
KILLS = 5
KILL_AFTER = 400  # acknowledged events before the process is killed


def measure(directory: Path) -> dict[str, Any]:
    """commits_per_s, grouped_per_s, ceiling_commits_per_s (medians of rounds), ratios, acked_lost."""
    place = directory / "store"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        alone, ceiling, grouped = [], [], []
        for number in range(ROUNDS):
            ceiling.append(_raw(place / f"raw-{number}.db"))
            alone.append(_alone(place / f"alone-{number}.db"))
            grouped.append(_grouped(place / f"grouped-{number}.db"))
        lost = sum(_killed(place / f"killed-{number}.db") for number in range(KILLS))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    top = statistics.median(ceiling)
    return {
        "commits_per_s": round(statistics.median(alone)),
        "grouped_per_s": round(statistics.median(grouped)),
        "ceiling_commits_per_s": round(top),
        "commits_of_ceiling": round(statistics.median(alone) / top, 2),
        "grouped_of_ceiling": round(statistics.median(grouped) / top, 2),
        "acked_lost": lost,
        "n": {"commits": ROUNDS * COMMITS, "grouped": ROUNDS * GROUPED, "kills": KILLS},
    }


def entry(number: int, lane: Lane = Lane.SOS) -> EventEntry:
    """An event as a press makes it, or a reading."""
    event_id = EventId("hub-01", 0x1A2B3C4D, number)
    kind = "call.sos" if lane is Lane.SOS else "heartbeat"
    event = Event(
        id=event_id,
        kind=kind,
        lane=lane,
        device="hub-01",
        call_id=event_id if lane is Lane.SOS else None,
        wall_ms=1_790_000_000_000 + number,
        uptime_ms=number,
        boot=7,
        elder="e-chen",
        room="hall",
    )
    return EventEntry(at=Stamp(uptime_ms=number, boot=7), event=event, source="red")


def _raw(path: Path) -> float:
    body = encode_entry(entry(1))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, body BLOB)")
    began = time.perf_counter()
    for number in range(COMMITS):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO entries VALUES (?, ?)", (number, body))
        connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return COMMITS / took


def _alone(path: Path) -> float:
    """One press after the other, each durable before the next: encoding, chain and index included."""
    entries = [entry(number) for number in range(COMMITS)]
    journal = Journal.open(path)
    assert journal.durable
    began = time.perf_counter()
    for made in entries:
        journal.append(Lane.SOS, [made])
    took = time.perf_counter() - began
    journal.close()
    return COMMITS / took


def _grouped(path: Path) -> float:
    """As readings come: many at once through the writer's thread, which commits what waits together."""

    async def all_of_them() -> float:
        entries = [entry(number, Lane.TELEMETRY) for number in range(GROUPED)]
        journal = Journal.open(path)
        assert journal.durable
        writer = Writer(journal)
        began = time.perf_counter()
        await asyncio.gather(*(writer.submit(Lane.TELEMETRY, [made]) for made in entries))
        took = time.perf_counter() - began
        await writer.close()
        return GROUPED / took

    return asyncio.run(all_of_them())


def _killed(path: Path) -> int:
    """How many acknowledged events are not there after a kill -9 at full speed."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.store", str(path)],
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(KILL_AFTER)]
    child.kill()
    told += [int(line) for line in child.stdout if line.endswith("\n")]
    child.wait()
    journal = Journal.open(path)
    there = {e.event.id.number for _seq, e in journal.replay() if isinstance(e, EventEntry)}
    journal.close()
    return len(set(told) - there)


def _promise_for_ever(path: Path) -> None:
    """The child: tells each number as soon as it is durable, until it is killed."""
    journal = Journal.open(path)
    number = 0
    while True:
        journal.append(Lane.SOS, [entry(number)])
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    _promise_for_ever(Path(sys.argv[1]))
