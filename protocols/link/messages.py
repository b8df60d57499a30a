"""What the frames of a session carry: a kind byte and fixed fields, little-endian.

The pendant sends STATUS by itself as soon as the hub has proved itself, and whenever GET_STATUS asks, FALL
when it has one to tell of, and before the first STATUS an ANSWERED for each fall that another hub has asked
about to the end; it answers every other message of the hub with OK, after its flash holds what the message
brought. Bytes behind the known fields are left alone, so that later minor versions can add
some. What a pendant reports is read with leniency (an unknown meaning is an SOS, an odd battery figure is
clamped): an alarm is never refused for a field beside it.
"""

import struct

from protocols.link.const import (
    MEANING_ASSIST,
    MEANING_CALL_BACK,
    MEANING_FALL,
    MEANING_NONE,
    MEANING_SOS,
    STAGE_CANCELLED,
    STAGE_HEARD,
    STAGE_NONE,
)
from protocols.link.errors import REASON_KIND, REASON_LENGTH, REASON_VALUE, LinkError
from protocols.link.keys import MAX_ID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

KIND_STATUS = 1  # pendant to hub
KIND_ACK = 2
KIND_CALL_STATE = 3
KIND_ASK = 4
KIND_TIME = 5
KIND_FLOOR = 6
KIND_CONFIG = 7
KIND_OK = 8  # pendant to hub
KIND_GET_STATUS = 9
KIND_FALL = 10  # pendant to hub, unasked: what a fall was like
KIND_ANSWERED = 11  # likewise: a question that was answered at another hub

RESULT_DONE = 0
RESULT_NOT_UNDERSTOOD = 1  # a kind or value that this firmware does not know
RESULT_NOT_KEPT = 2  # understood and shown, but the flash does not hold it

PRESET_ONE_MEANING = 0
PRESET_TWO_MEANINGS = 1

MAX_PRESSES = 8  # of one STATUS: 18 + 8 * 10 bytes fit a frame
_MEANINGS = (MEANING_NONE, MEANING_ASSIST, MEANING_CALL_BACK, MEANING_FALL, MEANING_SOS)
_U32 = 0xFFFFFFFF
_STATUS = "<BIIBHIBB"
_PRESS = "<IBIB"
_ACK = "<BIIB"
_TIME = "<BQB"
_OK = "<BBBIIBI"
_FALL = "<BIB"
_ANSWERED = "<BIIB"
_ID_BYTES = b"abcdefghijklmnopqrstuvwxyz0123456789-"  # as in keys.id_bytes


class Press:
    """One press that the pendant still holds open."""

    def __init__(self, number: int, meaning: int, age_ms: int, stage: int) -> None:
        self.number = number  # u32, its own
        self.meaning = meaning
        self.age_ms = age_ms  # u32, held at its end
        self.stage = stage  # what the elder was told of it


class Status:
    """STATUS: how the pendant is, and every press that is not over (the oldest first, up to MAX_PRESSES)."""

    kind = KIND_STATUS

    def __init__(
        self,
        life: int,
        counter: int,
        battery_pct: int,
        faults: int,
        uptime_s: int,
        presses: "list[Press]",
        open_count: int,
    ) -> None:
        self.life = life  # u32, of its counter store
        self.counter = counter  # u32, of its last advert
        self.battery_pct = battery_pct
        self.faults = faults  # const.FAULT_ bits
        self.uptime_s = uptime_s  # u32, since power came
        self.presses = presses
        self.open_count = open_count  # may be more than are listed

    def encode(self) -> bytes:
        """The message."""
        presses = self.presses[:MAX_PRESSES]
        out = struct.pack(
            _STATUS,
            KIND_STATUS,
            self.life & _U32,
            self.counter & _U32,
            max(0, min(self.battery_pct, 100)),
            self.faults & 0xFFFF,
            min(self.uptime_s, _U32),
            min(self.open_count, 255),
            len(presses),
        )
        for p in presses:
            out += struct.pack(_PRESS, p.number, p.meaning, max(0, min(p.age_ms, _U32)), p.stage)
        return out


class Ack:
    """ACK: how far the help for one press has come. HEARD: the hub's disk has it, and never before that.

    `answered`, with CANCELLED: this hub asked about it, somebody said there that all is well, and no call
    went out. It came later than the fields before it: who does not send it has not said so.
    """

    kind = KIND_ACK

    def __init__(self, life: int, number: int, stage: int, answered: bool = False) -> None:
        self.life = life
        self.number = number
        self.stage = stage
        self.answered = answered

    def encode(self) -> bytes:
        """The message."""
        head = struct.pack(_ACK, KIND_ACK, self.life, self.number, self.stage)
        return head + bytes((1 if self.answered else 0,))


class CallState:
    """CALL_STATE: how far help for the elder has come, over the whole set of calls.

    It is said after the ACKs of all presses of which it is true, and again after an ACK that came later: with
    a press, and with an ACK that is news, the pendant forgets what it was told of help before.
    """

    kind = KIND_CALL_STATE

    def __init__(self, stage: int) -> None:
        self.stage = stage

    def encode(self) -> bytes:
        """The message."""
        return bytes((KIND_CALL_STATE, self.stage))


class Ask:
    """ASK: buzz, "are you all right?"; `round_number` counts from 1. A press answers that help is wanted."""

    kind = KIND_ASK

    def __init__(self, round_number: int) -> None:
        self.round_number = round_number

    def encode(self) -> bytes:
        """The message."""
        return bytes((KIND_ASK, self.round_number & 0xFF))


class Time:
    """TIME: the hub's wall clock, and whether the hub trusts it."""

    kind = KIND_TIME

    def __init__(self, wall_ms: int, trusted: bool) -> None:
        self.wall_ms = wall_ms  # u64, Unix time
        self.trusted = trusted

    def encode(self) -> bytes:
        """The message."""
        return struct.pack(_TIME, KIND_TIME, self.wall_ms, 1 if self.trusted else 0)


class Floor:
    """FLOOR: the highest advert counter that the hub has accepted. The pendant goes on above it."""

    kind = KIND_FLOOR

    def __init__(self, counter: int) -> None:
        self.counter = counter

    def encode(self) -> bytes:
        """The message."""
        return struct.pack("<BI", KIND_FLOOR, self.counter)


class Config:
    """CONFIG: the preset of the key and the language of the home (two letters)."""

    kind = KIND_CONFIG

    def __init__(self, preset: int, language: str) -> None:
        self.preset = preset
        self.language = language

    def encode(self) -> bytes:
        """The message."""
        return bytes((KIND_CONFIG, self.preset)) + self.language.encode()


class GetStatus:
    """GET_STATUS: send STATUS again."""

    kind = KIND_GET_STATUS

    def encode(self) -> bytes:
        """The message."""
        return bytes((KIND_GET_STATUS,))


class Ok:
    """OK: the pendant's answer to each message: which kind it answers, and what its flash holds now.

    For an ACK `life`, `number` and `stage` are those of the press; for a FLOOR `counter` is the next advert
    counter that it will use. Fields without a meaning are 0.
    """

    kind = KIND_OK

    def __init__(self, about: int, result: int, life: int, number: int, stage: int, counter: int) -> None:
        self.about = about  # the KIND_ that is answered
        self.result = result
        self.life = life
        self.number = number
        self.stage = stage
        self.counter = counter

    def encode(self) -> bytes:
        """The message."""
        return struct.pack(
            _OK, KIND_OK, self.about, self.result, self.life, self.number, self.stage, self.counter
        )


class Fall:
    """FALL: what the accelerometer felt of the fall that is press `number`, to be weighed; no answer."""

    kind = KIND_FALL

    def __init__(self, number: int, note: bytes) -> None:
        self.number = number
        self.note = note  # protocols/fall_note.py

    def encode(self) -> bytes:
        """The message."""
        return struct.pack(_FALL, KIND_FALL, self.number, len(self.note)) + self.note


class Answered:
    """ANSWERED: at the hub `hub` somebody has said that all is well after the fall that is press `number` of
    `life`; who still asks about it need not. No answer."""

    kind = KIND_ANSWERED

    def __init__(self, life: int, number: int, hub: str) -> None:
        self.life = life
        self.number = number
        self.hub = hub  # its id

    def encode(self) -> bytes:
        """The message."""
        raw = self.hub.encode()
        return struct.pack(_ANSWERED, KIND_ANSWERED, self.life, self.number, len(raw)) + raw


if TYPE_CHECKING:
    Message = Status | Ack | CallState | Ask | Time | Floor | Config | Ok | GetStatus | Fall | Answered


def decode(message: bytes) -> "Message":
    """The message of an opened frame. LinkError with REASON_LENGTH, REASON_KIND or REASON_VALUE."""
    if not message:
        raise LinkError(REASON_LENGTH)
    kind = message[0]
    if kind not in _DECODERS:
        raise LinkError(REASON_KIND)
    decoder, length = _DECODERS[kind]
    if len(message) < length:
        raise LinkError(REASON_LENGTH)
    return decoder(message)


def _status(message: bytes) -> Status:
    _, life, counter, battery, faults, uptime, open_count, listed = struct.unpack_from(_STATUS, message)
    at, size = struct.calcsize(_STATUS), struct.calcsize(_PRESS)
    if listed > MAX_PRESSES:
        raise LinkError(REASON_VALUE)
    if len(message) < at + listed * size:
        raise LinkError(REASON_LENGTH)
    presses = []
    for i in range(listed):
        number, meaning, age_ms, stage = struct.unpack_from(_PRESS, message, at + i * size)
        meaning = meaning if meaning in _MEANINGS else MEANING_SOS
        stage = stage if stage <= STAGE_CANCELLED else STAGE_NONE
        presses.append(Press(number, meaning, age_ms, stage))
    return Status(life, counter, min(battery, 100), faults, uptime, presses, max(open_count, listed))


def _ack(message: bytes) -> Ack:
    _, life, number, stage = struct.unpack_from(_ACK, message)
    if not STAGE_HEARD <= stage <= STAGE_CANCELLED:
        raise LinkError(REASON_VALUE)
    at = struct.calcsize(_ACK)
    return Ack(life, number, stage, len(message) > at and message[at] == 1)


def _call_state(message: bytes) -> CallState:
    if message[1] > STAGE_CANCELLED:
        raise LinkError(REASON_VALUE)
    return CallState(message[1])


def _ask(message: bytes) -> Ask:
    return Ask(message[1])


def _time(message: bytes) -> Time:
    _, wall_ms, trusted = struct.unpack_from(_TIME, message)
    if wall_ms >= 1 << 53:
        raise LinkError(REASON_VALUE)
    return Time(wall_ms, trusted == 1)


def _floor(message: bytes) -> Floor:
    return Floor(struct.unpack_from("<BI", message)[1])


def _config(message: bytes) -> Config:
    if message[1] not in (PRESET_ONE_MEANING, PRESET_TWO_MEANINGS):
        raise LinkError(REASON_VALUE)
    for byte in message[2:4]:
        if not 0x61 <= byte <= 0x7A:
            raise LinkError(REASON_VALUE)
    return Config(message[1], str(message[2:4], "utf-8"))


def _ok(message: bytes) -> Ok:
    _, about, result, life, number, stage, counter = struct.unpack_from(_OK, message)
    return Ok(about, result, life, number, stage, counter)


def _get_status(message: bytes) -> GetStatus:
    return GetStatus()


def _fall(message: bytes) -> Fall:
    _, number, length = struct.unpack_from(_FALL, message)
    at = struct.calcsize(_FALL)
    if len(message) < at + length:
        raise LinkError(REASON_LENGTH)
    return Fall(number, message[at : at + length])


def _answered(message: bytes) -> Answered:
    _, life, number, length = struct.unpack_from(_ANSWERED, message)
    at = struct.calcsize(_ANSWERED)
    if len(message) < at + length:
        raise LinkError(REASON_LENGTH)
    hub = message[at : at + length]
    if not 1 <= length <= MAX_ID:
        raise LinkError(REASON_VALUE)
    for byte in hub:
        if byte not in _ID_BYTES:
            raise LinkError(REASON_VALUE)
    return Answered(life, number, str(hub, "utf-8"))


_DECODERS: "dict[int, tuple[Callable[[bytes], Message], int]]" = {
    KIND_STATUS: (_status, struct.calcsize(_STATUS)),
    KIND_ACK: (_ack, struct.calcsize(_ACK)),
    KIND_CALL_STATE: (_call_state, 2),
    KIND_ASK: (_ask, 2),
    KIND_TIME: (_time, struct.calcsize(_TIME)),
    KIND_FLOOR: (_floor, 5),
    KIND_CONFIG: (_config, 4),
    KIND_OK: (_ok, struct.calcsize(_OK)),
    KIND_GET_STATUS: (_get_status, 1),
    KIND_FALL: (_fall, struct.calcsize(_FALL)),
    KIND_ANSWERED: (_answered, struct.calcsize(_ANSWERED)),
}
