"""Entries and stores for the tests of the stores, short to write."""

from __future__ import annotations

from edge.entries import EventEntry, ReceiptEntry, ReceiptsEntry
from edge.stores.journal import Journal
from edge.stores.rows import Row, row_of
from protocols.values import Event, Lane
from tests.unit.edge.making import HUB, at, eid, pressed, said

KINDS_BY_LANE = {
    Lane.SOS: "call.sos",
    Lane.ASSIST: "call.assistance",
    Lane.FAULT: "fault.raised",
    Lane.READING: "reading.pulse",
    Lane.TELEMETRY: "state.mains",
}


def event(number: int, lane: Lane = Lane.SOS, **data: object) -> EventEntry:
    """An event of a lane; of the lanes below ASSIST, one that belongs to no call."""
    if lane <= Lane.ASSIST:
        return pressed(number, kind=KINDS_BY_LANE[lane], **data)
    bare = Event(id=eid(number), kind=KINDS_BY_LANE[lane], lane=lane, device=HUB, data=dict(data))
    return EventEntry(at=at(number), event=bare, source="system")


def stored(number: int) -> ReceiptEntry:
    """The platform's receipt that it has an event."""
    return said(number, "stored", eid(number))


def batch(answer: list[ReceiptEntry]) -> ReceiptsEntry:
    """One entry of the receipts in these."""
    return ReceiptsEntry(at=answer[0].at, receipts=tuple(each.receipt for each in answer), path="https")


def rows(first: int, count: int, lane: Lane) -> list[Row]:
    """Rows of events with numbers from `first` on."""
    return [row_of(lane, event(number, lane)) for number in range(first, first + count)]


def fill(journal: Journal, first: int, count: int, lane: Lane) -> None:
    """Write many events in batches."""
    for at_number in range(first, first + count, 1000):
        journal.append_rows(rows(at_number, min(1000, first + count - at_number), lane))


def numbers(journal: Journal) -> list[int]:
    """The numbers of all events that can be replayed, in their order."""
    return [entry.event.id.number for _, entry in journal.replay() if isinstance(entry, EventEntry)]
