"""The values that travel between home and platform: events up, receipts and commands down.

Each is immutable, bounded and checked when it is made: a value that exists is valid. Unknown wire keys of a
later version are kept in `extra` and unknown keys of `data` stay where they are, so that a relay of an older
release loses nothing. Making one out of bounds raises AnbanError(BAD_VALUE or TOO_BIG) and nothing else.
"""

from __future__ import annotations

import enum
import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from protocols.errors import AnbanError, Reason
from protocols.fields import (
    MAX_DATA_BYTES,
    MAX_EXTRA_BYTES,
    MAX_MS,
    CommandId,
    ElderId,
    Flag,
    Id,
    Kind,
    Millis,
    PersonName,
    Privacy,
    RoomId,
    Sentence,
    Token,
    check_struct,
    check_tree,
)
from protocols.fields import U32 as _U32

MAX_STAGES = 8  # names in Event.stages
MAX_EXTRA = 16  # unknown wire keys that are kept
EVENT_FREE_KEY = 13  # the first wire key that this version does not use (anban.cddl)
RECEIPT_FREE_KEY = 8
COMMAND_FREE_KEY = 6

_EVENT_ID = re.compile(r"\A([a-z0-9-]{1,16})\.([0-9a-f]{8})\.(0|[1-9][0-9]{0,9})\Z")
_STAGE_NAME = re.compile(r"\A[a-z_]{1,16}\Z|\Acode\.[0-9]{1,5}\Z")


class Lane(enum.IntEnum):
    """Urgency; a lower number goes first, everywhere."""

    SOS = 0
    ASSIST = 1
    FAULT = 2
    READING = 3
    TELEMETRY = 4


_LaneField = Annotated[Lane, Meta(extra={"privacy": Privacy.PUBLIC})]
# Classed by its kind: see privacy.py.
_Open = Annotated[dict[str, Any], Meta(extra={"privacy": Privacy.SECRET})]
_Stages = Annotated[dict[str, int], Meta(extra={"privacy": Privacy.PUBLIC})]
_Extra = Annotated[dict[int | str, Any], Meta(extra={"privacy": Privacy.SECRET})]  # not known, so not shown


class EventId(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """Who minted it, which life of its counter store, which number in that life. Never used twice."""

    origin: Id
    life: _U32
    number: _U32

    def __post_init__(self) -> None:
        check_struct(self)

    def __str__(self) -> str:
        return f"{self.origin}.{self.life:08x}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> EventId:
        """The id of a text such as `pd-01.1a2b3c4d.17`. Raises AnbanError(BAD_VALUE)."""
        found = _EVENT_ID.match(text) if isinstance(text, str) else None
        if found is None:
            raise AnbanError(
                Reason.BAD_VALUE, "An event id reads origin.life.number, e.g. pd-01.1a2b3c4d.17."
            )
        return cls(found[1], int(found[2], 16), int(found[3]))


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in the home. Its id never changes; every path and receiver folds on it.

    `wall_ms` is Unix time and may be wrong (`clock_trusted`); `uptime_ms` counts within `boot`, a number that
    differs for each boot of the hub. `stages` are milliseconds after the press: "heard", "stored", "sent".
    `call_id` is None for what belongs to no call.
    """

    id: EventId
    kind: Kind
    lane: _LaneField
    device: Id
    call_id: EventId | None = None
    wall_ms: Millis = 0
    uptime_ms: Millis = 0
    boot: _U32 = 0
    clock_trusted: Flag = False
    durable: Flag = False
    elder: ElderId = ""
    room: RoomId = ""
    data: _Open = {}
    stages: _Stages = {}
    extra: _Extra = {}

    def __post_init__(self) -> None:
        check_struct(self)
        check_tree(self.data, "Event.data", MAX_DATA_BYTES)
        _check_stages(self.stages)
        _check_extra(self, EVENT_FREE_KEY)

    def __repr__(self) -> str:  # values end in logs and tracebacks: only what is public
        return f"<Event {self.id} {self.kind}>"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform did: "stored" and "rejected" are about an event id, other stages about a call id.

    `number` is the platform's own order; `by` names the person of a "taken"; `reason` goes with "rejected".
    `call_id` goes with "stored", and only where the event stands in another call than that with which it was
    sent: what becomes of that call is no news of this event.
    """

    number: Millis
    about: EventId
    stage: Token
    by: PersonName = ""
    reason: Sentence = ""
    wall_ms: Millis = 0
    call_id: EventId | None = None
    extra: _Extra = {}

    def __post_init__(self) -> None:
        check_struct(self)
        if not self.stage:
            raise AnbanError(Reason.BAD_VALUE, "Receipt.stage is empty.")
        _check_extra(self, RECEIPT_FREE_KEY)

    def __repr__(self) -> str:
        return f"<Receipt {self.number} {self.stage} {self.about}>"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform asks the home to do, once, before `expires_ms` (Unix time), on somebody's authority.

    Its result is an event of kind `command.result`.
    """

    id: CommandId
    kind: Kind
    expires_ms: Millis
    authority: PersonName
    data: _Open = {}
    extra: _Extra = {}

    def __post_init__(self) -> None:
        check_struct(self)
        check_tree(self.data, "Command.data", MAX_DATA_BYTES)
        _check_extra(self, COMMAND_FREE_KEY)

    def __repr__(self) -> str:
        return f"<Command {self.id} {self.kind}>"


class Unknown(msgspec.Struct, frozen=True):
    """A downlink entry that this release does not know or cannot read: passed over, never in the way."""

    type: _U32
    body: _Open = {}

    def __post_init__(self) -> None:
        check_struct(self)
        check_tree(self.body, "Unknown.body", MAX_DATA_BYTES, int_keys=True)

    def __repr__(self) -> str:
        return f"<Unknown {self.type}>"


class DownlinkItem(msgspec.Struct, frozen=True):
    """One entry of the downlink; `cursor` grows, and is what the next poll asks after."""

    cursor: Millis
    item: Receipt | Command | Unknown

    def __post_init__(self) -> None:
        check_struct(self)


Value = Event | Receipt | Command | DownlinkItem
MAX_VALUE_BYTES = 4096  # of one value on the wire: data, extra, and less than 1,000 bytes of fields

RECEIPT_STAGES = ("stored", "rejected", "taken", "arrived", "closed", "cancelled")
EVENT_STAGES = ("heard", "stored", "sent")


def _check_stages(stages: dict[str, int]) -> None:
    if len(stages) > MAX_STAGES:
        raise AnbanError(Reason.TOO_BIG, "Event.stages holds too many names.")
    for name, at_ms in stages.items():
        if (
            type(name) is not str
            or not _STAGE_NAME.match(name)
            or type(at_ms) is not int
            or not 0 <= at_ms <= MAX_MS
        ):
            raise AnbanError(
                Reason.BAD_VALUE, "Event.stages maps short names to milliseconds after the press."
            )


def _check_extra(value: Event | Receipt | Command, first_free: int) -> None:
    """Unknown keys must not stand where a known field stands, on the wire or in JSON."""
    extra = value.extra
    if not extra:
        return
    what = f"{type(value).__name__}.extra"
    if len(extra) > MAX_EXTRA:
        raise AnbanError(Reason.TOO_BIG, f"{what} holds too many unknown keys.")
    for key in extra:
        taken = key in value.__struct_fields__ or key == "version"
        if taken or (type(key) is int and not first_free <= key < 2**16):
            raise AnbanError(Reason.BAD_VALUE, f"{what} holds a key that is not free.")
    check_tree(extra, what, MAX_EXTRA_BYTES, int_keys=True)
