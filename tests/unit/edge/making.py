"""Events, receipts and entries for the tests of the hub's decisions, short to write."""

from __future__ import annotations

from typing import Any

from edge.book import Book, Call
from edge.calls import step
from edge.entries import (
    AttemptEntry,
    Entry,
    EventEntry,
    LocalEntry,
    ReceiptEntry,
    Stamp,
    TimerEntry,
    ToldEntry,
)
from protocols.kinds import KINDS
from protocols.values import Event, EventId, Lane, Receipt

HUB, PENDANT, CHEN, LI = "hub-01", "pd-01", "e-chen", "e-li"
S, MIN = 1_000, 60_000
NOON_MS = 1_800_000_000_000 // 86_400_000 * 86_400_000 + 4 * 3_600_000  # 12:00 at UTC+8


def at(ms: int, *, boot: int = 1, wall_ms: int | None = None, trusted: bool = True) -> Stamp:
    """A moment: `ms` after noon, in the same boot unless another is given."""
    return Stamp(
        uptime_ms=ms, boot=boot, wall_ms=NOON_MS + ms if wall_ms is None else wall_ms, trusted=trusted
    )


def eid(number: int, origin: str = HUB, life: int = 7) -> EventId:
    """An event id."""
    return EventId(origin, life, number)


def pressed(
    number: int,
    when: Stamp | int = 0,
    *,
    kind: str = "call.sos",
    call: int | EventId | None = None,
    source: str = "red",
    elder: str = CHEN,
    origin: str = HUB,
    lane: Lane | None = None,
    **data: Any,
) -> EventEntry:
    """The entry of one event of a call; `call` is the number of its first event, None: its own."""
    if source == "pendant":
        origin = PENDANT
    event_id = eid(number, origin)
    call_id = event_id if call is None else eid(call, origin) if isinstance(call, int) else call
    event = Event(
        id=event_id,
        call_id=call_id,
        kind=kind,
        lane=KINDS[kind].lane if lane is None else lane,
        elder=elder,
        device=origin,
        data=data,
    )
    return EventEntry(at=when if isinstance(when, Stamp) else at(when), event=event, source=source)


def said(
    number: int,
    stage: str,
    about: EventId,
    when: Stamp | int = 0,
    *,
    by: str = "",
    call: EventId | None = None,
) -> ReceiptEntry:
    """The entry of a receipt; `number` is the platform's order, `call` where the event stands elsewhere."""
    stamp = when if isinstance(when, Stamp) else at(when)
    receipt = Receipt(number=number, about=about, stage=stage, by=by, call_id=call)
    return ReceiptEntry(at=stamp, receipt=receipt, path="coap")


def fired(name: str, call_id: EventId, when: Stamp | int = 0) -> TimerEntry:
    """The entry of a timer."""
    return TimerEntry(at=when if isinstance(when, Stamp) else at(when), call_id=call_id, name=name)


def did(name: str, call_id: EventId, when: Stamp | int = 0) -> LocalEntry:
    """The entry of what somebody did in the home."""
    return LocalEntry(at=when if isinstance(when, Stamp) else at(when), call_id=call_id, name=name)


def told(name: str, call_id: EventId, when: Stamp | int = 0) -> ToldEntry:
    """The entry of a phrase that was said to its end."""
    return ToldEntry(at=when if isinstance(when, Stamp) else at(when), call_id=call_id, name=name)


def tried(event_id: EventId, number: int, when: Stamp | int = 0, outcome: str = "failed") -> AttemptEntry:
    """The entry of a try."""
    stamp = when if isinstance(when, Stamp) else at(when)
    return AttemptEntry(at=stamp, event_id=event_id, path="coap", number=number, outcome=outcome)


def fold(*entries: Entry, book: Book | None = None) -> Book:
    """The book after these entries, all of them durable."""
    book = Book() if book is None else book
    for entry in entries:
        book, _ = step(book, entry)
    return book


def only(book: Book) -> Call:
    """The one call of a book that has no other."""
    (call,) = book.calls.values()
    return call
