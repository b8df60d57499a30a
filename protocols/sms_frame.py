"""One value in one SMS, readable by a person and by a machine, and proved by a tag.

    #A1E HOME PAYLOAD TAG [words for people]        without the blanks between the first three

`#A1`, then the type: E an event and A a command's answer going up, R a receipt and C a command coming down
(`protocols/sms_payload.py`). HOME: 4 characters, which key it is.
PAYLOAD: bits in base32 (RFC 4648), TAG: 16 characters, the first 80 bits of HMAC-SHA256 over all before it
(RFC 2104 5 asks for half the hash or 80 bits at least), with a key for each direction. A sender's number
proves nothing. Only the machine's part is proved: the words are for eyes, and cut to what one part has room
for. Everything of the machine's part is in the GSM alphabet, so it survives every gateway.

An id is (origin, life, number); origins and elders travel as 20 bits of their SHA-256, which the receiver
finds among those that it knows of this home. The id is whole, because every path folds on it.

Whatever a text holds, `read` gives a frame or AnbanError (BAD_VALUE, NOT_AUTHENTIC).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final

from protocols import gsm7, sms_pdu
from protocols.errors import AnbanError, Reason
from protocols.kinds import KINDS, TEST
from protocols.sms_payload import (
    ANSWER,
    ASKS,
    COMMAND,
    EVENT,
    LETTERS,
    MAX_AGE_S,
    MAX_COUNTER,
    NAME_BITS,
    OUTCOMES,
    REASONS,
    RECEIPT,
    STAGES,
    UNKNOWN_BATTERY,
    AnswerFrame,
    CommandFrame,
    EventFrame,
    Frame,
    ReceiptFrame,
    letter_of,
    parse,
    payload,
)
from protocols.values import Event, EventId

__all__ = [
    "ANSWER",
    "ASKS",
    "COMMAND",
    "EVENT",
    "MAX_AGE_S",
    "MAX_COUNTER",
    "NAME_BITS",
    "OUTCOMES",
    "REASONS",
    "RECEIPT",
    "STAGES",
    "UNKNOWN_BATTERY",
    "AnswerFrame",
    "CommandFrame",
    "EventFrame",
    "Frame",
    "ReceiptFrame",
    "Window",
    "call_of",
    "code_of",
    "find_name",
    "home_of",
    "id_of",
    "kind_of",
    "name_bits",
    "read",
    "type_of",
    "write",
]

MARK: Final = "#A1"
HOME_CHARS: Final = 4  # 20 bits: a million homes to a platform number
TAG_CHARS: Final = 16  # 80 bits
MIN_KEY_BYTES: Final = 16
NO_COUNTER: Final = 0  # "none is to be had": an alarm may bear it, nothing else

# What `call.updated` says, from 128 on among the kinds' codes. For ever: rows are added, never moved.
UPDATES: Final = (
    *(
        "",
        "cancel_asked",
        "cancelled",
        "upgraded",
        "callback",
        "answered",
        "realert",
        "not_arrived",
        "backup",
    ),
)
_UPDATE: Final = "call.updated"
_KINDS: Final = {row.code: kind for kind, row in KINDS.items() if row.code < 128}

_FRAME = re.compile(rf"#A1([A-Z])([A-Z2-7]{{{HOME_CHARS}}})([A-Z2-7]{{20,80}})(?![A-Z2-7])")


def name_bits(name: str) -> int:
    """20 bits that stand for the id of a device or an elder."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:3], "big") >> 4


def code_of(event: Event) -> int | None:
    """The code of an event's kind, or of what it changes; None for what has no place in a text."""
    if event.kind == _UPDATE:
        change = event.data.get("change", "")
        return 128 + UPDATES.index(change) if change in UPDATES else None
    row = KINDS.get(event.kind)
    return row.code if row is not None and (row.opens_call or event.kind == TEST) else None


def kind_of(code: int) -> tuple[str, str]:
    """The kind and the change that a code stands for. AnbanError(BAD_VALUE) for one that has none here."""
    if 128 <= code < 128 + len(UPDATES):
        return _UPDATE, UPDATES[code - 128]
    if code in _KINDS and (KINDS[_KINDS[code]].opens_call or _KINDS[code] == TEST):
        return _KINDS[code], ""
    raise AnbanError(Reason.BAD_VALUE, "A frame is of a kind that this release does not know.")


def find_name(bits: int, names: Iterable[str]) -> str:
    """The one of these names that the bits stand for. AnbanError(UNKNOWN_DEVICE) for none or several."""
    found = {name for name in names if name_bits(name) == bits}
    if len(found) != 1:
        raise AnbanError(Reason.UNKNOWN_DEVICE, "A frame names what is not of this home.")
    return found.pop()


def id_of(frame: EventFrame | ReceiptFrame | AnswerFrame, names: Iterable[str]) -> EventId:
    """The event or call id that a frame is about. AnbanError(UNKNOWN_DEVICE)."""
    return EventId(find_name(frame.origin, names), frame.life, frame.number)


def call_of(frame: EventFrame | ReceiptFrame, names: Iterable[str]) -> EventId | None:
    """The id of the call that a frame names beside that. AnbanError(UNKNOWN_DEVICE)."""
    if frame.call is None:
        return None
    origin, life, number = frame.call
    return EventId(find_name(origin, names), life, number)


# --- text ---


def write(home: str, key: bytes, frame: Frame, words: str = "") -> str:
    """The text of one SMS, which goes in one part whatever `words` are.

    `home`: 4 characters of base32; `key`: that of the direction, at least 16 bytes. AnbanError(BAD_VALUE).
    """
    if not re.fullmatch(f"[A-Z2-7]{{{HOME_CHARS}}}", home) or len(key) < MIN_KEY_BYTES:
        raise AnbanError(Reason.BAD_VALUE, "A home has 4 characters of base32, and keys of 16 bytes.")
    machine = MARK + letter_of(frame) + home + payload(frame)
    machine += _tag(key, machine)
    words = "".join(char if char.isprintable() else " " for char in words).strip()
    return _within_one_part(machine, words)


def _within_one_part(machine: str, words: str) -> str:
    """The machine's part and as much of the words as one part holds; in UCS-2 where they need it and there is
    room for any, else what the GSM alphabet has of them."""
    if not words:
        return machine
    if not gsm7.fits(words):
        room = sms_pdu.MAX_UNITS - len(machine) - 1
        if room > 0 and (cut := _cut(words, room, wide=True)):
            return f"{machine} {cut}"
        words = " ".join("".join(char for char in words if gsm7.fits(char)).split())
    cut = _cut(words, sms_pdu.MAX_SEPTETS - len(machine) - 1, wide=False)
    return f"{machine} {cut}" if cut else machine


def _cut(words: str, room: int, *, wide: bool) -> str:
    out = ""
    for char in words:
        try:
            room -= sms_pdu.units(char) if wide else gsm7.width(char)
            char.encode("utf-16-be")
        except UnicodeEncodeError:
            break  # half a character: nobody's name
        if room < 0:
            break
        out += char
    return out.rstrip()


def _tag(key: bytes, machine: str) -> str:
    digest = hmac.new(key, b"anban sms " + machine.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[: TAG_CHARS * 5 // 8]).decode()


def home_of(text: str) -> str | None:
    """The home that a text says it is of, unproved; None for a text that holds no frame."""
    found = _FRAME.search(text)
    return found[2] if found else None


def type_of(text: str) -> str:
    """The letter of the type that a text says it is of, unproved; empty for a text that holds no frame."""
    found = _FRAME.search(text)
    return found[1] if found else ""


def read(text: str, kind: str, home: str, key: bytes) -> Frame:
    """The frame in a text, proved. AnbanError: BAD_VALUE where there is none of this kind and home, or one of
    a later release; NOT_AUTHENTIC where the tag is not of this key."""
    found = _FRAME.search(text)
    if found is None or found[1] != kind or found[2] != home or kind not in LETTERS:
        raise AnbanError(Reason.BAD_VALUE, "The text holds no frame of this kind and home.")
    machine, tag = found[0][:-TAG_CHARS], found[0][-TAG_CHARS:]
    if not hmac.compare_digest(tag.encode(), _tag(key, machine).encode()):
        raise AnbanError(Reason.NOT_AUTHENTIC, "The tag of a frame is not of this home's key.")
    return parse(kind, found[3][:-TAG_CHARS])


class Window:
    """Which counters of one direction are new: each once, in any order, none older than 64 behind the newest.

    `top` and `mask` are what is kept over a restart (bit n of the mask: top - n was seen).
    """

    SIZE: Final = 64  # a day's worst reordering of one home's messages, whose cap is below that an hour

    def __init__(self, top: int = 0, mask: int = 0) -> None:
        self.top, self.mask = top, mask

    def is_new(self, counter: int) -> bool:
        """Whether this counter was not seen and is not too old; takes no note of it."""
        if counter == NO_COUNTER:
            return False
        behind = self.top - counter
        return behind < 0 or (behind < self.SIZE and not self.mask >> behind & 1)

    def take(self, counter: int) -> bool:
        """As `is_new`, and from now on it is seen."""
        if not self.is_new(counter):
            return False
        if counter > self.top:
            shift = counter - self.top
            self.mask = (self.mask << shift if shift < self.SIZE else 0) & (1 << self.SIZE) - 1
            self.top = counter
        self.mask |= 1 << (self.top - counter)
        return True
