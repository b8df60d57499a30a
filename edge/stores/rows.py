"""An entry as a row of the journal: which columns it fills, what it settles, and the digests that bind it."""

from __future__ import annotations

import hashlib
import zlib
from typing import Final, NamedTuple

from edge.entries import (
    AttemptEntry,
    CommandEntry,
    Entry,
    EventEntry,
    LocalEntry,
    ReceiptEntry,
    ReceiptsEntry,
    SensedEntry,
    TimerEntry,
    ToldEntry,
    encode_entry,
)
from protocols.values import Lane

GENESIS: Final = bytes(32)  # the digest before the first row
_EVENT_RECEIPTS: Final = ("stored", "rejected")  # the other stages are about a call
Settled = tuple[tuple[str, str], ...]
_KINDS: Final[dict[type[Entry], str]] = {
    EventEntry: "event",
    ReceiptEntry: "receipt",
    ReceiptsEntry: "receipts",
    AttemptEntry: "attempt",
    TimerEntry: "timer",
    CommandEntry: "command",
    LocalEntry: "local",
    ToldEntry: "told",
    SensedEntry: "sensed",
}


class Row(NamedTuple):
    """What the journal stores of one entry. `settles` are (stage, event id) of receipts that may end an
    owing.
    """

    lane: Lane
    kind: str
    event_id: str | None
    call_id: str | None
    owed: bool
    body: bytes
    settles: Settled = ()


def row_of(lane: Lane, entry: Entry) -> Row:
    """The row of an entry; an event goes by its own lane, whatever it was submitted in. Raises
    AnbanError(BAD_VALUE) for what may not be written.
    """
    body, kind = encode_entry(entry), _KINDS[type(entry)]
    if isinstance(entry, EventEntry):
        event = entry.event
        lane = event.lane
        own = event.id if event.lane <= Lane.ASSIST else None  # a call bears the id of its first event
        call = event.call_id or own
        return Row(lane, kind, str(event.id), str(call) if call else None, True, body)
    if isinstance(entry, ReceiptEntry):
        about, stage = str(entry.receipt.about), entry.receipt.stage
        if stage in _EVENT_RECEIPTS:
            return Row(lane, kind, about, None, False, body, settled_by(entry))
        return Row(lane, kind, None, about, False, body)
    if isinstance(entry, ReceiptsEntry):
        return Row(lane, kind, None, None, False, body, settled_by(entry))
    if isinstance(entry, AttemptEntry):
        return Row(lane, kind, str(entry.event_id), None, False, body)
    if isinstance(entry, CommandEntry | SensedEntry):
        return Row(lane, kind, None, None, False, body)
    return Row(lane, kind, None, str(entry.call_id), False, body)


def settled_by(entry: ReceiptEntry | ReceiptsEntry) -> Settled:
    """(stage, event id) of each receipt in an entry that is about an event."""
    receipts = entry.receipts if isinstance(entry, ReceiptsEntry) else (entry.receipt,)
    return tuple((r.stage, str(r.about)) for r in receipts if r.stage in _EVENT_RECEIPTS)


def link(before: bytes, seq: int, body: bytes) -> bytes:
    """The digest of a row: sha256 over the digest before it, its seq (8 bytes, big endian) and its body."""
    return hashlib.sha256(before + seq.to_bytes(8, "big") + body).digest()


def fits(before: object, seq: int, body: object, digest: object) -> bool:
    """Whether a row with a body follows the digest before it; a damaged row may hold any type in any
    column.
    """
    return isinstance(before, bytes) and isinstance(body, bytes) and digest == link(before, seq, body)


def row_crc(
    seq: int,
    lane: int,
    kind: str,
    event_id: str | None,
    call_id: str | None,
    body: bytes | None,
    digest: bytes,
) -> int:
    """The checksum of one row, over everything that never changes while its body stands."""
    head = b"%d|%d|%s|%s|%s|%d|" % (
        seq,
        lane,
        kind.encode(),
        (event_id or "").encode(),
        (call_id or "").encode(),
        -1 if body is None else len(body),
    )
    return zlib.crc32(digest, zlib.crc32(body or b"", zlib.crc32(head)))
