"""Measures the store as the hub uses it: commits a second through the writer's thread, alone and grouped.

`commits_per_s`: one caller, one event a commit, each awaited before the next is submitted: encoding, hash
chain, indexes and both handoffs between loop and thread are in it. `busy_commits_per_s`: two callers do the
same at once, in lanes that never share a commit, so that the thread always finds the next event waiting.
`grouped_per_s`: readings that come faster than the disk, committed together. The ceiling is raw sqlite3 in
one thread on the same disk with the same pragmas: one row of the same size a commit, nothing else. Runs of
product and ceiling alternate, so that what else the machine does falls on both. `acked_lost`: what a kill -9
loses of what a caller was told.
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
    """commits_per_s, busy_…, grouped_per_s, ceiling_… (medians of rounds), ratios, acked_lost."""
    place = directory / "store"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        alone, busy, ceiling, grouped = [], [], [], []
        for number in range(ROUNDS):
            ceiling.append(_raw(place / f"raw-{number}.db"))
            alone.append(asyncio.run(_called(place / f"alone-{number}.db", [Lane.SOS])))
            busy.append(asyncio.run(_called(place / f"busy-{number}.db", [Lane.SOS, Lane.ASSIST])))
            grouped.append(asyncio.run(_grouped(place / f"grouped-{number}.db")))
        lost = sum(_killed(place / f"killed-{number}.db") for number in range(KILLS))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    top = statistics.median(ceiling)
    return {
        "commits_per_s": round(statistics.median(alone)),
        "busy_commits_per_s": round(statistics.median(busy)),
        "grouped_per_s": round(statistics.median(grouped)),
        "ceiling_commits_per_s": round(top),
        "commits_of_ceiling": round(statistics.median(alone) / top, 2),
        "busy_of_ceiling": round(statistics.median(busy) / top, 2),
        "grouped_of_ceiling": round(statistics.median(grouped) / top, 2),
        "acked_lost": lost,
        "n": {"commits": ROUNDS * COMMITS, "grouped": ROUNDS * GROUPED, "kills": KILLS},
    }


def entry(number: int, lane: Lane = Lane.SOS) -> EventEntry:
    """An event as a press makes it, or a reading."""
    event_id = EventId("hub-01", 0x1A2B3C4D, number)
    kind = {Lane.SOS: "call.sos", Lane.ASSIST: "call.assistance"}.get(lane, "heartbeat")
    event = Event(
        id=event_id,
        kind=kind,
        lane=lane,
        device="hub-01",
        call_id=event_id if lane <= Lane.ASSIST else None,
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


async def _called(path: Path, lanes: list[Lane]) -> float:
    """Commits a second with a caller for each lane, who waits for each event before the next."""
    each = COMMITS // len(lanes)
    made = {lane: [entry(int(lane) * COMMITS + number, lane) for number in range(each)] for lane in lanes}
    writer = _writer(path)

    async def call(lane: Lane) -> None:
        for one in made[lane]:
            await writer.submit(lane, [one])

    began = time.perf_counter()
    await asyncio.gather(*(call(lane) for lane in lanes))
    took = time.perf_counter() - began
    await writer.close()
    return COMMITS / took


async def _grouped(path: Path) -> float:
    """As readings come: many at once, and the thread commits what waits together."""
    entries = [entry(number, Lane.TELEMETRY) for number in range(GROUPED)]
    writer = _writer(path)
    began = time.perf_counter()
    await asyncio.gather(*(writer.submit(Lane.TELEMETRY, [made]) for made in entries))
    took = time.perf_counter() - began
    await writer.close()
    return GROUPED / took


def _writer(path: Path) -> Writer:
    journal = Journal.open(path)
    assert journal.durable
    return Writer(journal)


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


async def _promise_for_ever(path: Path) -> None:
    """The child: tells each number as soon as it is durable, until it is killed."""
    writer, number = _writer(path), 0
    while True:
        await writer.submit(Lane.SOS, [entry(number)])
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    asyncio.run(_promise_for_ever(Path(sys.argv[1])))
