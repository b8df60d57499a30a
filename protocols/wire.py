"""Values to CBOR and back: integer keys, key 0 is the major version. The grammar is anban.cddl, beside this.

    event    {0: 1, 1: id, 2: call id or true (its own id), 3: kind, 4: lane*4 + durable*2 + clock trusted,
              5: wall ms, 6: uptime ms, 7: boot, 8: elder, 9: device (if not the origin), 10: room, 11: data,
              12: stages}
    receipt  {1: number, 2: about, 3: stage, 4: by, 5: reason, 6: wall ms,
              7: the call that a stored event stands in, if another than it was sent with}
    command  {1: id, 2: kind, 3: expires ms, 4: authority, 5: data}
    many     {0: 1, -1: [items without key 0]}; a downlink item is [cursor, type, body], type 1 receipt, 2
    command

What is empty is left out. Unknown keys are kept in `extra`. A receiver accepts its own major version and
the one before. Whatever stands in a message, decoding gives a valid value or AnbanError (BAD_VALUE,
BAD_VERSION, TOO_BIG).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from protocols import cbor
from protocols.errors import AnbanError, Reason
from protocols.kinds import (
    COMMAND_CODES,
    EVENT_STAGE_CODES,
    KIND_CODES,
    RECEIPT_STAGE_CODES,
    data_codes,
)
from protocols.text import from_json, to_json
from protocols.values import (
    COMMAND_FREE_KEY,
    EVENT_FREE_KEY,
    MAX_VALUE_BYTES,
    RECEIPT_FREE_KEY,
    Command,
    DownlinkItem,
    Event,
    EventId,
    Lane,
    Receipt,
    Unknown,
)

__all__ = [
    "Packed",
    "decode_command",
    "decode_downlink",
    "decode_each_event",
    "decode_event",
    "decode_events",
    "decode_receipts",
    "encode_command",
    "encode_delivery",
    "encode_downlink",
    "encode_event",
    "encode_events",
    "encode_receipts",
    "from_json",
    "pack",
    "to_json",
]

MAJOR = 1
MAX_ITEMS = 512  # of one batch or downlink answer
MAX_MESSAGE_BYTES = 1024 * 1024

TYPE_RECEIPT = 1
TYPE_COMMAND = 2

_VERSION_KEY = 0
_ITEMS_KEY = -1
_LAST_LANE = max(Lane)

T = TypeVar("T")
Coded = dict[int | str, Any]


class Packed(NamedTuple):
    """An event in the bytes in which it was stored, to be passed on unread: `body` is its map in a batch."""

    id: EventId
    lane: Lane
    uptime_ms: int
    boot: int
    body: bytes


def encode_event(event: Event) -> bytes:
    """One event, with its version."""
    return cbor.dump({_VERSION_KEY: MAJOR, **_event_body(event)})


def decode_event(raw: bytes) -> Event:
    """One event. Raises AnbanError for anything else."""
    return _event(_message(raw, MAX_VALUE_BYTES))


def encode_events(events: Sequence[Event | Packed]) -> bytes:
    """A batch of up to MAX_ITEMS events, which together must stay below MAX_MESSAGE_BYTES."""
    bodies = [e.body if isinstance(e, Packed) else cbor.dump(_event_body(e)) for e in events]
    return _join(bodies)


def encode_delivery(events: Sequence[Event | Packed]) -> bytes:
    """What is posted to the platform: one event as itself, several (or one that was packed) as a batch."""
    first = events[0]
    return encode_event(first) if len(events) == 1 and isinstance(first, Event) else encode_events(events)


def pack(raw: bytes) -> Packed:
    """An event out of the bytes that `encode_event` made; read is only what delivery asks. AnbanError."""
    message = _message(raw, MAX_VALUE_BYTES)
    about, lane = _id(_take(message, 1)), Lane(_state(message) >> 2)
    # A map of less than 24 keys that begins with the version: without it, the rest stands as it is.
    plain = raw[1:3] == b"\x00\x01" and 0xA1 <= raw[0] <= 0xB7
    body = bytes((raw[0] - 1,)) + raw[3:] if plain else cbor.dump(message)
    return Packed(about, lane, message.get(6, 0), message.get(7, 0), body)


def decode_events(raw: bytes) -> list[Event]:
    """One event or a batch; a single bad event refuses the whole. A receiver wants decode_each_event."""
    out: list[Event] = []
    for item in decode_each_event(raw):
        if not isinstance(item, Event):
            raise item[1]
        out.append(item)
    return out


def decode_each_event(raw: bytes) -> list[Event | tuple[EventId | None, AnbanError]]:
    """One event or a batch, each on its own: a bad one comes as its id, if it can be read, and its error.

    So a batch never hangs on one bad event: the receiver rejects that one by a receipt and takes the others.
    """
    message = _message(raw, MAX_MESSAGE_BYTES)
    bodies = _items(message) if _ITEMS_KEY in message else [message]
    return [_try_event(body) for body in bodies]


def encode_receipts(receipts: Sequence[Receipt]) -> bytes:
    """Up to MAX_ITEMS receipts."""
    return _encode_many([_receipt_body(receipt) for receipt in receipts])


def decode_receipts(raw: bytes) -> list[Receipt]:
    """The receipts of a message. Raises AnbanError for anything else."""
    return [_receipt(_map(body)) for body in _items(_message(raw, MAX_MESSAGE_BYTES))]


def encode_command(command: Command) -> bytes:
    """One command, with its version."""
    return cbor.dump({_VERSION_KEY: MAJOR, **_command_body(command)})


def decode_command(raw: bytes) -> Command:
    """One command. Raises AnbanError for anything else."""
    return _command(_message(raw, MAX_VALUE_BYTES))


def encode_downlink(items: Sequence[DownlinkItem]) -> bytes:
    """Up to MAX_ITEMS entries of the downlink."""
    return _encode_many([_downlink_body(entry) for entry in items])


def decode_downlink(raw: bytes) -> list[DownlinkItem]:
    """The entries of a downlink answer.

    An entry of an unknown type, or that cannot be read, comes as Unknown: the cursor moves on, and what
    stands behind it arrives. Raises AnbanError when the message itself is not one.
    """
    return [_downlink_item(entry) for entry in _items(_message(raw, MAX_MESSAGE_BYTES))]


def _encode_many(bodies: list[Any]) -> bytes:
    return _join([cbor.dump(body) for body in bodies])


def _join(bodies: list[bytes]) -> bytes:
    """A message of many: {0: MAJOR, -1: [bodies]}."""
    if len(bodies) > MAX_ITEMS:
        raise AnbanError(Reason.TOO_BIG, f"{len(bodies)} items in one message; {MAX_ITEMS} are allowed.")
    empty = cbor.dump({_VERSION_KEY: MAJOR, _ITEMS_KEY: []})
    raw = empty[:-1] + _list_head(len(bodies)) + b"".join(bodies)
    if len(raw) > MAX_MESSAGE_BYTES:
        raise AnbanError(Reason.TOO_BIG, f"A message of {len(raw)} bytes; {MAX_MESSAGE_BYTES} are allowed.")
    return raw


def _list_head(count: int) -> bytes:
    """RFC 8949 3.1: major type 4, and a count below 24, of one byte or of two."""
    if count < 24:
        return bytes((0x80 | count,))
    return bytes((0x98, count)) if count < 256 else b"\x99" + count.to_bytes(2, "big")


def _message(raw: bytes, limit: int) -> Coded:
    """The map of a message of an accepted version, without its version key."""
    message = _map(cbor.load(raw, limit))
    version = message.pop(_VERSION_KEY, None)
    if type(version) is not int:
        raise AnbanError(Reason.BAD_VALUE, "The message bears no version.")
    if not max(1, MAJOR - 1) <= version <= MAJOR:
        raise AnbanError(
            Reason.BAD_VERSION,
            f"The message is of version {version}; {MAJOR} is spoken here, and the one before.",
            "Update the older side.",
        )
    return message


def _items(message: Coded) -> list[Any]:
    items = message.get(_ITEMS_KEY)
    if type(items) is not list:
        raise AnbanError(Reason.BAD_VALUE, "The message bears no list of items.")
    if len(items) > MAX_ITEMS:
        raise AnbanError(Reason.TOO_BIG, f"{len(items)} items in one message; {MAX_ITEMS} are allowed.")
    return items


def _map(item: Any) -> Coded:
    if type(item) is not dict:
        raise AnbanError(Reason.BAD_VALUE, "A map was expected.")
    return item


def _extra(body: Coded, first_free: int) -> Coded:
    """What this version does not know, checked by the value that keeps it."""
    return {key: value for key, value in body.items() if type(key) is not int or not 0 <= key < first_free}


def _take(body: Coded, key: int) -> Any:
    if key not in body:
        raise AnbanError(Reason.BAD_VALUE, f"Key {key} is missing.")
    return body[key]


def _id_body(about: EventId) -> list[Any]:
    return [about.origin, about.life, about.number]


def _id(item: Any) -> EventId:
    if type(item) is not list or len(item) != 3:
        raise AnbanError(Reason.BAD_VALUE, "An id is a list of origin, life and number.")
    return EventId(item[0], item[1], item[2])


def _event_body(event: Event) -> Coded:
    body: Coded = {1: _id_body(event.id)}
    if event.call_id is not None:
        body[2] = True if event.call_id == event.id else _id_body(event.call_id)
    body[3] = KIND_CODES.to_wire(event.kind)
    body[4] = event.lane << 2 | event.durable << 1 | event.clock_trusted
    if event.device != event.id.origin:
        body[9] = event.device
    plain = ((5, event.wall_ms), (6, event.uptime_ms), (7, event.boot), (8, event.elder), (10, event.room))
    body.update((key, value) for key, value in plain if value)
    if event.data:
        body[11] = data_codes(event.kind).map_to_wire(event.data)
    if event.stages:
        body[12] = EVENT_STAGE_CODES.map_to_wire(event.stages)
    body.update(event.extra)
    return body


def _event(body: Coded) -> Event:
    event_id = _id(_take(body, 1))
    call = body.get(2)
    kind = KIND_CODES.from_wire(_take(body, 3))
    state = _state(body)
    return Event(
        id=event_id,
        call_id=None if call is None else event_id if call is True else _id(call),
        kind=kind,
        lane=Lane(state >> 2),
        durable=bool(state & 2),
        clock_trusted=bool(state & 1),
        wall_ms=body.get(5, 0),
        uptime_ms=body.get(6, 0),
        boot=body.get(7, 0),
        elder=body.get(8, ""),
        device=body.get(9, event_id.origin),
        room=body.get(10, ""),
        data=data_codes(kind).map_from_wire(body.get(11, {})),
        stages=EVENT_STAGE_CODES.map_from_wire(body.get(12, {})),
        extra=_extra(body, EVENT_FREE_KEY),
    )


def _state(body: Coded) -> int:
    """Lane, durable and clock_trusted in one number."""
    state = _take(body, 4)
    if type(state) is not int or not 0 <= state >> 2 <= _LAST_LANE:
        raise AnbanError(Reason.BAD_VALUE, "Key 4 holds no lane.")
    return state


def _try_event(body: Any) -> Event | tuple[EventId | None, AnbanError]:
    try:
        return _event(_map(body))
    except AnbanError as error:
        return _id_if_readable(body), error


def _id_if_readable(body: Any) -> EventId | None:
    try:
        return _id(_take(_map(body), 1))
    except AnbanError:
        return None


def _receipt_body(receipt: Receipt) -> Coded:
    body: Coded = {
        1: receipt.number,
        2: _id_body(receipt.about),
        3: RECEIPT_STAGE_CODES.to_wire(receipt.stage),
    }
    plain = ((4, receipt.by), (5, receipt.reason), (6, receipt.wall_ms))
    body.update((key, value) for key, value in plain if value)
    if receipt.call_id is not None:
        body[7] = _id_body(receipt.call_id)
    body.update(receipt.extra)
    return body


def _receipt(body: Coded) -> Receipt:
    return Receipt(
        number=_take(body, 1),
        about=_id(_take(body, 2)),
        stage=RECEIPT_STAGE_CODES.from_wire(_take(body, 3)),
        by=body.get(4, ""),
        reason=body.get(5, ""),
        wall_ms=body.get(6, 0),
        call_id=_id(body[7]) if 7 in body else None,
        extra=_extra(body, RECEIPT_FREE_KEY),
    )


def _command_body(command: Command) -> Coded:
    body: Coded = {1: command.id, 2: COMMAND_CODES.to_wire(command.kind), 3: command.expires_ms}
    if command.authority:
        body[4] = command.authority
    if command.data:
        body[5] = command.data
    body.update(command.extra)
    return body


def _command(body: Coded) -> Command:
    return Command(
        id=_take(body, 1),
        kind=COMMAND_CODES.from_wire(_take(body, 2)),
        expires_ms=_take(body, 3),
        authority=body.get(4, ""),
        data=body.get(5, {}),
        extra=_extra(body, COMMAND_FREE_KEY),
    )


def _downlink_body(entry: DownlinkItem) -> list[Any]:
    item = entry.item
    if isinstance(item, Receipt):
        return [entry.cursor, TYPE_RECEIPT, _receipt_body(item)]
    if isinstance(item, Command):
        return [entry.cursor, TYPE_COMMAND, _command_body(item)]
    return [entry.cursor, item.type, item.body]


_READERS: dict[int, Callable[[Coded], Receipt | Command]] = {TYPE_RECEIPT: _receipt, TYPE_COMMAND: _command}


def _downlink_item(entry: Any) -> DownlinkItem:
    if type(entry) is not list or len(entry) < 3 or type(entry[1]) is not int:
        raise AnbanError(Reason.BAD_VALUE, "A downlink entry is a list of cursor, type and body.")
    cursor, code, body = entry[:3]
    try:
        if code in _READERS:
            return DownlinkItem(cursor, _READERS[code](_map(body)))
        return DownlinkItem(cursor, Unknown(code, body))
    except AnbanError:
        return DownlinkItem(cursor, Unknown(code))  # raises when the cursor itself is bad
