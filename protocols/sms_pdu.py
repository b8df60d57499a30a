"""SMS in PDU mode: SUBMIT out of text, DELIVER and STATUS REPORT into text, parts split and joined.

Source: 3GPP TS 23.040 9.2 (PDUs), 9.1.2.5 (addresses), 9.2.3.24.1 and .8 (concatenation with 8- and 16-bit
references); TS 23.038 4 (data coding). A PDU stands in AT commands as hexadecimal, the service centre's
address before it (TS 27.005 4.1); the length that AT+CMGS is told excludes that address.

Whatever comes in gives a value or AnbanError(BAD_VALUE): a hostile PDU never raises anything else.
"""

from __future__ import annotations

import codecs
import datetime
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from protocols import gsm7
from protocols.errors import AnbanError, Reason

# Python reads a codec from the disk when it is first asked for: now, and not with the text of a call.
codecs.lookup("utf-16-be")

MAX_SEPTETS: Final = 160  # of one message in one part; 140 octets
MAX_OCTETS: Final = 140
HEADER_OCTETS: Final = (6, 7)  # of a concatenation, narrow or wide, the length octet counted
MAX_UNITS: Final = 70
MAX_PARTS: Final = 255
EXPIRES_MS: Final = 3_600_000  # parts that miss one for an hour are shown as they are
MAX_PDU: Final = 360  # hexadecimal characters: 164 octets of TPDU and 12 of a centre, and slack
VALID_1_H: Final = 0x0B  # `validity_of(60)`
# TS 23.040 9.2.3.12.1: up to this octet a step is so many minutes, counted from (octet, minutes).
_VALIDITY: Final = ((143, 5, -1, 0), (167, 30, 143, 720), (196, 1440, 166, 0), (255, 10_080, 192, 0))
INTERNATIONAL: Final = 0x91
NATIONAL_OR_UNKNOWN: Final = 0x81
ALPHANUMERIC: Final = 5  # type of number, bits 4 to 6 of its octet

_NUMBER = re.compile(r"\A\+?[0-9*#]{1,20}\Z")
_DIGITS = "0123456789*#abc"


class Part(msgspec.Struct, frozen=True):
    """Which part of a concatenated message: `wide` for a 16-bit reference; `number` from 1 to `total`."""

    reference: int
    total: int
    number: int
    wide: bool = False


class Submit(msgspec.Struct, frozen=True):
    """One PDU to be sent: hexadecimal with an empty service centre before it, and the length for AT+CMGS."""

    hex: str
    length: int


class Deliver(msgspec.Struct, frozen=True):
    """A message that came. `number` is empty where the sender is withheld; `sent_s` is Unix time, -1 if none
    could be read; `data` holds the octets of a message that is no text."""

    number: str
    text: str
    sent_s: int = -1
    part: Part | None = None
    data: bytes = b""


class Report(msgspec.Struct, frozen=True):
    """What became of a sent message. `status` as TS 23.040 9.2.3.15: 0 to 31 delivered, 32 to 63 still
    trying, above that failed."""

    reference: int
    number: str
    status: int

    @property
    def delivered(self) -> bool:
        """Whether it came to the other phone."""
        return self.status < 0x20

    @property
    def failed(self) -> bool:
        """Whether the network has given up."""
        return self.status >= 0x40


def units(text: str) -> int:
    """UTF-16 code units of a text: what UCS-2 counts."""
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


def is_one_part(text: str) -> bool:
    """Whether a text goes out as one message without a header."""
    if gsm7.fits(text):
        return len(gsm7.encode(text)) <= MAX_SEPTETS
    return units(text) <= MAX_UNITS


def validity_of(minutes: int) -> int:
    """The octet of the longest relative validity that is not above so many minutes; 5 of them at least, 63
    weeks at most."""
    return max((octet for octet in range(256) if minutes_of(octet) <= minutes), default=0)


def minutes_of(validity: int) -> int:
    """How long a relative validity octet lets the network try, in minutes."""
    for last, step, first, base in _VALIDITY:
        if validity <= last:
            return base + step * (validity - first)
    raise AnbanError(Reason.BAD_VALUE, "A validity is one octet.")


def submits(
    number: str,
    text: str,
    *,
    reference: int = 0,
    validity: int | None = VALID_1_H,
    report: bool = False,
    wide: bool = False,
) -> list[Submit]:
    """The PDUs of a text to a number: one where it fits, else parts that bear `reference`: its low 8 bits, or
    16 if `wide`.

    `validity` is an octet of `validity_of`, or None to leave it to the network; `report` asks for a status
    report. AnbanError(BAD_VALUE) for a number that is none or a lone surrogate, (TOO_BIG) beyond 255 parts.
    """
    if not _NUMBER.match(number):
        raise AnbanError(Reason.BAD_VALUE, "A phone number has up to 20 digits, and + before them.")
    try:
        text.encode("utf-16-be")
    except UnicodeEncodeError:
        raise AnbanError(Reason.BAD_VALUE, "The text holds half a character.") from None
    pieces = [text] if is_one_part(text) else split(text, wide=wide)
    if len(pieces) > MAX_PARTS:
        raise AnbanError(Reason.TOO_BIG, f"A text has at most {MAX_PARTS} parts.")
    plain = gsm7.fits(text)
    out = []
    for place, piece in enumerate(pieces, 1):
        header = _concatenation(Part(reference, len(pieces), place, wide)) if len(pieces) > 1 else b""
        out.append(_submit(number, piece, header, plain=plain, validity=validity, report=report))
    return out


def split(text: str, *, wide: bool = False) -> list[str]:
    """The parts of a long text; no character, and no pair of surrogates or escape and code, is cut."""
    plain = gsm7.fits(text)
    octets = MAX_OCTETS - HEADER_OCTETS[wide]
    room = octets * 8 // 7 if plain else octets // 2  # 153 or 67, and 152 or 66
    pieces, piece, used = [], "", 0
    for char in text:
        size = gsm7.width(char) if plain else units(char)
        if used + size > room:
            pieces.append(piece)
            piece, used = "", 0
        piece, used = piece + char, used + size
    return [*pieces, piece]


def _concatenation(part: Part) -> bytes:
    """A user data header that says which part this is."""
    if part.wide:
        return bytes((6, 8, 4, part.reference >> 8 & 0xFF, part.reference & 0xFF, part.total, part.number))
    return bytes((5, 0, 3, part.reference & 0xFF, part.total, part.number))


def _submit(
    number: str, text: str, header: bytes, *, plain: bool, validity: int | None, report: bool
) -> Submit:
    if plain:
        septets = gsm7.encode(text)
        head = -(-len(header) * 8 // 7)  # septets that the header takes, rounded up
        fill = head * 7 - len(header) * 8
        data, count, coding = header + gsm7.pack(septets, fill), head + len(septets), 0x00
    else:
        data, coding = header + text.encode("utf-16-be"), 0x08
        count = len(data)
    until = b"" if validity is None else bytes((validity,))
    first = 0x01 | (0x10 if until else 0) | (0x20 if report else 0) | (0x40 if header else 0)  # SUBMIT
    tpdu = bytes((first, 0)) + _address(number) + bytes((0, coding)) + until + bytes((count,)) + data
    return Submit(hex=(b"\x00" + tpdu).hex().upper(), length=len(tpdu))


def _address(number: str) -> bytes:
    digits = number.lstrip("+")
    kind = INTERNATIONAL if number.startswith("+") else NATIONAL_OR_UNKNOWN
    return bytes((len(digits), kind)) + _semi_octets(digits)


def _semi_octets(digits: str) -> bytes:
    nibbles = [_DIGITS.index(digit) for digit in digits] + [0xF] * (len(digits) % 2)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


# --- what comes in ---


class _Octets:
    """Takes octets off the front; AnbanError(BAD_VALUE) when there are not enough."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def take(self, count: int) -> bytes:
        if count > len(self.raw) - self.at:
            raise AnbanError(Reason.BAD_VALUE, "A PDU ends before it should.")
        self.at += count
        return self.raw[self.at - count : self.at]

    def one(self) -> int:
        return self.take(1)[0]


def decode(pdu: str) -> Deliver | Report:
    """A PDU as a modem gives it, the service centre before it. AnbanError(BAD_VALUE) for anything else."""
    text = pdu.strip()
    if len(text) > MAX_PDU:
        raise AnbanError(Reason.BAD_VALUE, "A PDU is longer than any can be.")
    try:
        raw = _Octets(bytes.fromhex(text))
    except ValueError:
        raise AnbanError(Reason.BAD_VALUE, "A PDU is hexadecimal.") from None
    raw.take(raw.one())
    first = raw.one()
    kind = first & 0x03
    if kind in (0, 3):  # 3 is reserved, and read as 0: TS 23.040 9.2.3.1
        return _deliver(raw, has_header=bool(first & 0x40))
    if kind == 2:
        reference = raw.one()
        number = _read_address(raw)
        raw.take(14)  # when it was sent, and when that was known
        return Report(reference, number, raw.one())
    raise AnbanError(Reason.BAD_VALUE, "A PDU is neither a message nor a report.")


def _deliver(raw: _Octets, *, has_header: bool) -> Deliver:
    number = _read_address(raw)
    raw.one()  # protocol identifier
    coding = raw.one()
    sent_s = _timestamp(raw.take(7))
    count = raw.one()
    data = raw.raw[raw.at :]
    if len(data) > MAX_OCTETS:
        raise AnbanError(Reason.BAD_VALUE, "A message is longer than any can be.")
    head = data[0] + 1 if has_header and data else 0
    if head > len(data):
        raise AnbanError(Reason.BAD_VALUE, "A header is longer than its message.")
    part = _part(data[1:head]) if head else None
    alphabet = _alphabet(coding)
    if alphabet == 7:
        skipped = -(-head * 8 // 7)
        septets = gsm7.unpack(data[head:], max(0, count - skipped), skipped * 7 - head * 8)
        return Deliver(number, gsm7.decode(septets), sent_s, part)
    body = data[head : max(head, count)]
    if alphabet == 16:
        # Half a character at a part's end is the sender's fault; the other half may come with the next part.
        return Deliver(number, body[: len(body) & ~1].decode("utf-16-be", "surrogatepass"), sent_s, part)
    return Deliver(number, "", sent_s, part, body)


def _alphabet(coding: int) -> int:
    """7 for GSM, 16 for UCS-2, 8 for octets: TS 23.038 4."""
    group = coding >> 4
    if group <= 7:  # general, and the same marked for deletion; bit 5 says that it is compressed
        return 8 if coding & 0x20 else (7, 8, 16, 7)[coding >> 2 & 3]
    if group == 0xE:
        return 16
    if group == 0xF:
        return 8 if coding & 4 else 7
    return 7


def _read_address(raw: _Octets) -> str:
    count, kind = raw.one(), raw.one()
    if count > 22:
        raise AnbanError(Reason.BAD_VALUE, "An address is longer than any can be.")
    octets = raw.take((count + 1) // 2)
    if kind >> 4 & 7 == ALPHANUMERIC:
        return gsm7.decode(gsm7.unpack(octets, count * 4 // 7))
    nibbles = [n for octet in octets for n in (octet & 0xF, octet >> 4)][:count]
    digits = "".join(_DIGITS[n] for n in nibbles if n != 0xF)
    return f"+{digits}" if digits and kind >> 4 & 7 == 1 else digits


def _timestamp(octets: bytes) -> int:
    """Unix seconds of a service centre's time stamp, TS 23.040 9.2.3.11; -1 if it is none."""
    pairs = [(octet & 0xF) * 10 + (octet >> 4) for octet in octets[:6]]
    zone = octets[6]
    quarters = (zone & 0x07) * 10 + (zone >> 4)
    try:
        year, month, day, hour, minute, second = pairs
        local = datetime.datetime(2000 + year, month, day, hour, minute, second, tzinfo=datetime.UTC)
    except ValueError:
        return -1
    return int(local.timestamp()) - (-quarters if zone & 0x08 else quarters) * 15 * 60


def _part(header: bytes) -> Part | None:
    """The part that a user data header names, if it names one that can be."""
    found = None
    while len(header) >= 2:
        kind, length = header[0], header[1]
        value, header = header[2 : 2 + length], header[2 + length :]
        if kind == 0x00 and len(value) == 3:
            found = Part(value[0], value[1], value[2])
        elif kind == 0x08 and len(value) == 4:
            found = Part(value[0] << 8 | value[1], value[2], value[3], wide=True)
    return found if found is not None and 1 <= found.number <= found.total else None


class Held(msgspec.Struct, frozen=True):
    """A message where the modem keeps it: its place, and since when it is known (monotonic ms)."""

    index: int
    since_ms: int
    message: Deliver


def assemble(held: Sequence[Held], now_ms: int) -> list[tuple[Deliver, tuple[int, ...]]]:
    """The messages that are whole, or whose parts have waited for an hour, each with the places it takes.

    Parts belong together by (sender, reference, its width, total); a part that is there twice counts once. A
    gap is shown as "…". Nothing is kept here: until a message is whole, its parts stay where they are.
    """
    out: list[tuple[Deliver, tuple[int, ...]]] = []
    groups: dict[tuple[str, int, bool, int], list[Held]] = {}
    for item in held:
        part = item.message.part
        if part is None:
            out.append((item.message, (item.index,)))
        else:
            groups.setdefault((item.message.number, part.reference, part.wide, part.total), []).append(item)
    for (_, _, _, total), items in groups.items():
        parts: dict[int, Deliver] = {}
        for item in items:
            if item.message.part is not None:
                parts.setdefault(item.message.part.number, item.message)
        if len(parts) == total or now_ms - min(item.since_ms for item in items) >= EXPIRES_MS:
            out.append((_joined(parts, total), tuple(item.index for item in items)))
    return out


def _joined(parts: dict[int, Deliver], total: int) -> Deliver:
    first = parts[min(parts)]
    pieces = [parts[n].text if n in parts else "…" for n in range(1, total + 1)]
    text = re.sub("…{2,}", "…", "".join(pieces)) if len(parts) < total else "".join(pieces)
    # Halves of a character that two parts shared are one again.
    text = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    return Deliver(first.number, text, first.sent_s, None, b"".join(parts[n].data for n in sorted(parts)))
