"""What the journal holds: nine kinds of entry, each with the times at which it was written, and their bytes.

The state of every call is the fold of these entries (`edge/calls.py`), so nothing that decides about a call
may be known anywhere else. An entry is a CBOR map with integer keys: 0 = major version, 1 = kind of entry,
2 = stamp, 3... = its fields; values of `protocols/` stand inside it in their own wire bytes, so that what a
newer platform sent survives unread. Keys that this release does not know are kept in `extra` and written
back.

Public: `Stamp`, the nine entries, `Entry`, `encode_entry`, `decode_entry`, `event_message`, `settles`,
`MAJOR`, `MAX_RECEIPTS`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from protocols import cbor
from protocols.errors import AnbanError, Reason
from protocols.values import Command, Event, EventId, Lane, Receipt
from protocols.wire import (
    decode_command,
    decode_event,
    decode_receipts,
    encode_command,
    encode_event,
    encode_receipts,
)

MAJOR: Final = 1
MAX_ENTRY_BYTES: Final = 65_536  # a whole event is bounded far below; what is longer was never written by us
MAX_TEXT: Final = 256
MAX_RECEIPTS: Final = 50  # of one entry: with the longest names and reasons 1.2 KB each on the wire
SOURCES: Final = ("red", "green", "pendant", "rule", "system")
OUTCOMES: Final = ("acked", "failed", "unknown")


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """When something was written: monotonic time of one boot for decisions, wall time for people only.

    `boot` is 32 random bits of the kernel's boot; `uptime_ms` counts in that boot and goes on through a
    restart of the process. `wall_ms` is milliseconds since 1970, and worth something only where `trusted`.
    """

    uptime_ms: int
    boot: int
    wall_ms: int = 0
    trusted: bool = False


def stamp_of(event: Event) -> Stamp:
    """When an event was minted."""
    return Stamp(
        uptime_ms=event.uptime_ms, boot=event.boot, wall_ms=event.wall_ms, trusted=event.clock_trusted
    )


class EventEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An event that begins or belongs to this home; it is owed to the platform until it is settled."""

    at: Stamp
    event: Event
    source: str
    extra: dict[int, Any] = msgspec.field(default_factory=dict)


class ReceiptEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform said of an event id or of a call id, and the path on which it came."""

    at: Stamp
    receipt: Receipt
    path: str
    extra: dict[int, Any] = msgspec.field(default_factory=dict)


class ReceiptsEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform said of a batch of a lower lane, MAX_RECEIPTS of it at most; no call follows."""

    at: Stamp
    receipts: tuple[Receipt, ...]
    path: str
    extra: dict[int, Any] = msgspec.field(default_factory=dict)


class AttemptEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One try to send one event on one path, ended. An ack is a ReceiptEntry; this is about the way."""

    at: Stamp
    event_id: EventId
    path: str
    number: int
    outcome: str
    reason: str = ""
    extra: dict[int, Any] = msgspec.field(default_factory=dict)


class TimerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline of a call that fired; the names stand in `edge/calls.py`."""

    at: Stamp
    call_id: EventId
    name: str
    extra: dict[int, Any] = msgspec.field(default_factory=dict)


class CommandEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A command of the platform, as it came; its result is an event of its own."""

    at: Stamp
    command: Command
    path: str
    extra: dict[int, Any] = msgspec.field(default_factory=dict)


class LocalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person in the home did about a call that stands: asked to cancel, answered.

    `by`: the hub of the home at which they did it, where it was not this one.
    """

    at: Stamp
    call_id: EventId
    name: str
    by: str = ""
    extra: dict[int, Any] = msgspec.field(default_factory=dict)


class ToldEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something was said in full to the elder: what has one is not said again, not even after a restart."""

    at: Stamp
    call_id: EventId
    name: str
    extra: dict[int, Any] = msgspec.field(default_factory=dict)


class SensedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What a sensor of the home said, when that is news; it stays in the home. The rules of care fold it."""

    at: Stamp
    sensor: str
    what: str
    extra: dict[int, Any] = msgspec.field(default_factory=dict)


Entry = (
    EventEntry
    | ReceiptEntry
    | ReceiptsEntry
    | AttemptEntry
    | TimerEntry
    | CommandEntry
    | LocalEntry
    | ToldEntry
    | SensedEntry
)

# Kind -> its code on the disk, and the first key of its map that this release does not know.
_FORMS: Final[dict[type[msgspec.Struct], tuple[int, int]]] = {
    EventEntry: (1, 5),
    ReceiptEntry: (2, 5),
    AttemptEntry: (3, 8),
    TimerEntry: (4, 5),
    CommandEntry: (5, 5),
    LocalEntry: (6, 6),
    ToldEntry: (7, 5),
    ReceiptsEntry: (8, 5),
    SensedEntry: (9, 5),
}
_KINDS: Final = {code: kind for kind, (code, _) in _FORMS.items()}


def settles(receipt: Receipt, lane: Lane) -> bool:
    """Whether this receipt ends the delivery of the event of that lane that it is about.

    "stored" always does. "rejected" ends it for faults, readings and telemetry; a call that the platform
    refused is nobody's yet, so it stays owed, is tried on, and becomes a fault.
    """
    return receipt.stage == "stored" or (receipt.stage == "rejected" and lane >= Lane.FAULT)


def encode_entry(entry: Entry) -> bytes:
    """The bytes of an entry for the journal. Raises AnbanError(BAD_VALUE) for what may not be written."""
    code, unknown = _FORMS[type(entry)]
    at = entry.at
    _check_stamp(at.uptime_ms, at.boot, at.wall_ms, at.trusted)  # what could not be read back is not written
    body: dict[int, Any] = {0: MAJOR, 1: code, 2: [at.uptime_ms, at.boot, at.wall_ms, at.trusted]}
    body.update(_fields(entry))
    if entry.extra:
        body.update((key, value) for key, value in entry.extra.items() if key >= unknown)
    return cbor.dump(body)


def _fields(entry: Entry) -> dict[int, Any]:
    if isinstance(entry, EventEntry):
        if entry.source not in SOURCES:
            raise _bad(f"source {entry.source!r}")
        return {3: encode_event(entry.event), 4: entry.source}
    if isinstance(entry, ReceiptEntry):
        return {3: encode_receipts([entry.receipt]), 4: _text(entry.path)}
    if isinstance(entry, ReceiptsEntry):
        if not 0 < len(entry.receipts) <= MAX_RECEIPTS:
            raise _bad(f"{len(entry.receipts)} receipts")
        return {3: encode_receipts(entry.receipts), 4: _text(entry.path)}
    if isinstance(entry, CommandEntry):
        return {3: encode_command(entry.command), 4: _text(entry.path)}
    if isinstance(entry, AttemptEntry):
        if entry.outcome not in OUTCOMES:
            raise _bad(f"outcome {entry.outcome!r}")
        about, number = _pack_id(entry.event_id), _natural(entry.number, 1 << 63)
        return {3: about, 4: _text(entry.path), 5: number, 6: entry.outcome, 7: _text(entry.reason)}
    if isinstance(entry, SensedEntry):
        return {3: _text(entry.sensor), 4: _text(entry.what)}
    if isinstance(entry, LocalEntry) and entry.by:
        return {3: _pack_id(entry.call_id), 4: _text(entry.name), 5: _text(entry.by)}
    return {3: _pack_id(entry.call_id), 4: _text(entry.name)}


def decode_entry(data: bytes) -> Entry:
    """An entry from its bytes. Raises AnbanError, never anything else, whatever the bytes are."""
    return _build(_body(data))


def event_message(data: bytes) -> bytes:
    """The wire bytes of the event in an event's entry, unread. Raises AnbanError for any other entry."""
    body = _body(data)
    if _KINDS[body[1]] is not EventEntry:
        raise _bad(f"kind {body[1]!r} and not an event")
    return _bytes(body.get(3))


def _body(data: bytes) -> dict[int, Any]:
    body = cbor.load(data, MAX_ENTRY_BYTES)
    if not isinstance(body, dict) or not all(type(key) is int for key in body):
        raise _bad("not a map with integer keys")
    if body.get(0) not in (MAJOR, MAJOR - 1) or type(body.get(1)) is not int or body[1] not in _KINDS:
        raise _bad(f"version {body.get(0)!r}, kind {body.get(1)!r}")
    return body


def _build(body: dict[int, Any]) -> Entry:
    kind = _KINDS[body[1]]
    at, text = _stamp(body.get(2)), _text(body.get(4))
    extra = {key: value for key, value in body.items() if key >= _FORMS[kind][1]}
    if kind is EventEntry:
        if text not in SOURCES:
            raise _bad(f"source {text!r}")
        return EventEntry(at=at, event=decode_event(_bytes(body.get(3))), source=text, extra=extra)
    if kind is ReceiptEntry:
        receipts = decode_receipts(_bytes(body.get(3)))
        if len(receipts) != 1:
            raise _bad(f"{len(receipts)} receipts in one entry")
        return ReceiptEntry(at=at, receipt=receipts[0], path=text, extra=extra)
    if kind is ReceiptsEntry:
        found = tuple(decode_receipts(_bytes(body.get(3))))
        if not 0 < len(found) <= MAX_RECEIPTS:
            raise _bad(f"{len(found)} receipts")
        return ReceiptsEntry(at=at, receipts=found, path=text, extra=extra)
    if kind is CommandEntry:
        command = decode_command(_bytes(body.get(3)))
        return CommandEntry(at=at, command=command, path=text, extra=extra)
    if kind is SensedEntry:
        return SensedEntry(at=at, sensor=_text(body.get(3)), what=text, extra=extra)
    about = _unpack_id(body.get(3))
    if kind is AttemptEntry:
        number, outcome = _natural(body.get(5), 1 << 63), _text(body.get(6))
        if outcome not in OUTCOMES:
            raise _bad(f"outcome {outcome!r}")
        reason = _text(body.get(7))
        return AttemptEntry(
            at=at, event_id=about, path=text, number=number, outcome=outcome, reason=reason, extra=extra
        )
    if kind is TimerEntry:
        return TimerEntry(at=at, call_id=about, name=text, extra=extra)
    if kind is LocalEntry:
        return LocalEntry(at=at, call_id=about, name=text, by=_text(body.get(5, "")), extra=extra)
    return ToldEntry(at=at, call_id=about, name=text, extra=extra)


def _bad(sentence: str) -> AnbanError:
    return AnbanError(Reason.BAD_VALUE, f"journal entry: {sentence}")


def _pack_id(event_id: EventId) -> list[Any]:
    return [event_id.origin, event_id.life, event_id.number]


def _unpack_id(value: Any) -> EventId:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise _bad(f"id {value!r}")
    return EventId(_text(value[0]), _natural(value[1], 1 << 32), _natural(value[2], 1 << 32))


def _stamp(value: Any) -> Stamp:
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise _bad(f"stamp {value!r}")
    uptime, boot, wall, trusted = value
    _check_stamp(uptime, boot, wall, trusted)
    return Stamp(uptime_ms=uptime, boot=boot, wall_ms=wall, trusted=trusted)


def _check_stamp(uptime: Any, boot: Any, wall: Any, trusted: Any) -> None:
    if type(trusted) is not bool:
        raise _bad(f"stamp's trust {trusted!r}")
    if type(wall) is not int or abs(wall) >= 1 << 63:
        raise _bad(f"wall time {wall!r}")
    _natural(uptime, 1 << 63)
    _natural(boot, 1 << 32)


def _natural(value: Any, below: int) -> int:
    if type(value) is not int or not 0 <= value < below:
        raise _bad(f"number {value!r}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _bad(f"text {value!r}")
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise _bad("a value that is not bytes")
    return value
