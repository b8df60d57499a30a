"""Puts readings that were never delivered into the journal of a hub that does not run."""

from __future__ import annotations

from pathlib import Path

from edge.entries import EventEntry, Stamp
from edge.stores.journal import Journal
from protocols.values import Event, EventId, Lane

GROUP = 2_000  # of one commit
OLD_BOOT = 1
TRUE_MS = 1_700_000_000_000  # late 2023: no true clock is before this
READING = "reading.room_temperature"


def fill(path: Path, count: int) -> None:
    """Write so many undelivered readings into the journal of a hub that does not run. RuntimeError if it is
    not on a disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal.open(path)
    if not journal.durable:
        raise RuntimeError(f"{path} cannot be opened: {journal.trouble}")
    for start in range(0, count, GROUP):
        numbers = range(start, min(count, start + GROUP))
        journal.append(Lane.READING, [_reading(number) for number in numbers])
    journal.close()


def _reading(number: int) -> EventEntry:
    event = Event(
        id=EventId("hub-01", 0x0BAD0BAD, number),
        kind=READING,
        lane=Lane.READING,
        device="hub-01",
        wall_ms=TRUE_MS + number,
        elder="e-chen",
    )
    return EventEntry(at=Stamp(uptime_ms=number, boot=OLD_BOOT), event=event, source="system")
