"""What frames in texts say, as bits: which fields, in which order, of how many bits; base32 (RFC 4648)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from protocols.errors import AnbanError, Reason

EVENT: Final = "E"
RECEIPT: Final = "R"
COMMAND: Final = "C"
ANSWER: Final = "A"
COUNTER_BITS: Final = 30
MAX_COUNTER: Final = 2**COUNTER_BITS - 1
MAX_AGE_S: Final = 2**15 - 1  # 9.1 hours; an older one says so much
NAME_BITS: Final = 20
UNKNOWN_BATTERY: Final = 127

# For ever: rows are added, never moved.
STAGES: Final = ("stored", "rejected", "taken", "arrived", "closed", "cancelled")
ASKS: Final = ("report", "paths.test", "call.back")  # none of them ends or delays a call
OUTCOMES: Final = ("done", "refused", "expired", "failed", "interrupted", "unknown")
REASONS: Final = (
    *("", "other", "no-authority", "no-call", "call-open", "line-busy", "no-answer", "no-phone", "restarted"),
    *("used-up", "ways-failed"),
)

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class EventFrame(msgspec.Struct, frozen=True, kw_only=True):
    """What an SMS says of a call's event. `origin` and `elder` are names as `name_bits` makes them.

    `call` is None where the event began its call itself; else (origin, life, number) of the call's id.
    """

    counter: int
    kind: int  # `code_of`
    origin: int
    life: int
    number: int
    elder: int
    age_s: int = 0
    durable: bool = False
    call: tuple[int, int, int] | None = None


class ReceiptFrame(msgspec.Struct, frozen=True, kw_only=True):
    """What an SMS says of a receipt. `order` is Receipt.number, `wall_s` the platform's Unix time.

    `call` is Receipt.call_id, where there is one.
    """

    counter: int
    stage: int  # place in STAGES
    origin: int
    life: int
    number: int
    order: int
    wall_s: int = 0
    call: tuple[int, int, int] | None = None


class CommandFrame(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform asks by SMS: `ask` is a place in ASKS, `command` the 64 bits of its Command.id."""

    counter: int
    ask: int
    command: int
    expires_s: int  # Unix time


class AnswerFrame(msgspec.Struct, frozen=True, kw_only=True):
    """How a command that came by SMS ended, and how the home stands; the id is that of its event.

    `outcome` and `reason` are places in OUTCOMES and REASONS; `battery` is percent, or UNKNOWN_BATTERY.
    """

    counter: int
    origin: int
    life: int
    number: int
    command: int
    outcome: int
    reason: int = 0
    faults: int = 0  # that stand, up to 63
    calls: int = 0  # that are open, up to 15
    battery: int = 127
    mains: bool = False
    ip: bool = False  # whether any way by IP works


Frame = EventFrame | ReceiptFrame | CommandFrame | AnswerFrame


def letter_of(frame: Frame) -> str:
    """The letter that stands for a frame's type."""
    return next(letter for letter, kind in _TYPES.items() if isinstance(frame, kind))


class _Bits:
    """Bits put together and taken apart, the highest first."""

    def __init__(self, text: str = "") -> None:
        self.value, self.left = 0, len(text) * 5
        for char in text:
            self.value = self.value << 5 | _ALPHABET.index(char)
        self.length = self.left

    def put(self, value: int, bits: int) -> None:
        if not 0 <= value < 1 << bits:
            raise AnbanError(Reason.BAD_VALUE, f"A figure of a frame has more than {bits} bits.")
        self.value, self.length = self.value << bits | value, self.length + bits

    def take(self, bits: int) -> int:
        if bits > self.left:
            raise AnbanError(Reason.BAD_VALUE, "A frame ends before it should.")
        self.left -= bits
        return self.value >> self.left & (1 << bits) - 1

    def text(self) -> str:
        pad = -self.length % 5
        value, count = self.value << pad, (self.length + pad) // 5
        return "".join(_ALPHABET[value >> 5 * place & 31] for place in reversed(range(count)))


_SAME, _NEAR, _FAR = 0, 1, 2  # no other call; one of the same origin and life; any


def _put_call(bits: _Bits, frame: EventFrame | ReceiptFrame) -> None:
    if frame.call is None:
        bits.put(_SAME, 2)
        return
    near = frame.call[:2] == (frame.origin, frame.life)
    bits.put(_NEAR if near else _FAR, 2)
    if not near:
        bits.put(frame.call[0], NAME_BITS)
        bits.put(frame.call[1], 32)
    bits.put(frame.call[2], 32)


def _take_call(bits: _Bits, origin: int, life: int) -> tuple[int, int, int] | None:
    form = bits.take(2)
    if form == _SAME:
        return None
    if form == _NEAR:
        return origin, life, bits.take(32)
    if form == _FAR:
        return bits.take(NAME_BITS), bits.take(32), bits.take(32)
    raise AnbanError(Reason.BAD_VALUE, "A frame names its call in a way that this release does not know.")


_ID: Final = (("origin", NAME_BITS), ("life", 32), ("number", 32))
# Fields in the order in which they stand, and their bits. For ever: another order is another MARK.
_LAYOUT: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    EVENT: (
        ("counter", COUNTER_BITS),
        *_ID,
        ("kind", 8),
        ("elder", NAME_BITS),
        ("age_s", 15),
        ("durable", 1),
    ),
    RECEIPT: (("counter", COUNTER_BITS), *_ID, ("stage", 4), ("order", 40), ("wall_s", 34)),
    COMMAND: (("counter", COUNTER_BITS), ("ask", 6), ("command", 64), ("expires_s", 34)),
    ANSWER: (
        ("counter", COUNTER_BITS),
        *_ID,
        *(("command", 64), ("outcome", 4), ("reason", 6)),
        *(("faults", 6), ("calls", 4), ("battery", 7), ("mains", 1), ("ip", 1)),
    ),
}
_TYPES: Final[dict[str, type[Frame]]] = {
    EVENT: EventFrame,
    RECEIPT: ReceiptFrame,
    COMMAND: CommandFrame,
    ANSWER: AnswerFrame,
}
LETTERS: Final = tuple(_TYPES)
_PLACES: Final = {"stage": STAGES, "ask": ASKS, "outcome": OUTCOMES, "reason": REASONS}
_FLAGS: Final = ("durable", "mains", "ip")


def payload(frame: Frame) -> str:
    """A frame in base32. AnbanError(BAD_VALUE) for a figure that has no room."""
    bits = _Bits()
    for name, size in _LAYOUT[letter_of(frame)]:
        value = int(getattr(frame, name))
        bits.put(min(value, MAX_AGE_S) if name == "age_s" else value, size)
    if isinstance(frame, EventFrame | ReceiptFrame):
        _put_call(bits, frame)
    return bits.text()


def parse(letter: str, text: str) -> Frame:
    """The frame of this type in base32. AnbanError(BAD_VALUE) for what is none, or of a later release."""
    bits = _Bits(text)
    values: dict[str, Any] = {name: bits.take(size) for name, size in _LAYOUT[letter]}
    for name, places in _PLACES.items():
        if values.get(name, 0) >= len(places):
            raise AnbanError(Reason.BAD_VALUE, f"A frame names a {name} that this release does not know.")
    values |= {name: bool(values[name]) for name in _FLAGS if name in values}
    if letter in (EVENT, RECEIPT):
        values["call"] = _take_call(bits, values["origin"], values["life"])
    if bits.left >= 5 or bits.take(bits.left):
        raise AnbanError(Reason.BAD_VALUE, "A frame is longer than it says.")
    return _TYPES[letter](**values)
