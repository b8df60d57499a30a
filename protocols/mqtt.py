"""MQTT 3.1.1 as a client that only listens needs it: bytes of its packets, and the broker's bytes to packets.

Source: OASIS MQTT Version 3.1.1, sections named beside. Quality of service 0 and 1; a message of 2 is
refused, for no subscription is of more than 1. Topics are plain names, which the broker compares.

Public: `connect`, `subscribe`, `puback`, `PINGREQ`, `DISCONNECT`, `ConnAck`, `SubAck`, `Publish`, `PingResp`,
`Parser`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocols.errors import AnbanError, Reason

MAX_PACKET: Final = 65_536  # a sensor's message has some hundred bytes
MAX_NAME: Final = 65_535  # 1.5.3: a length of two bytes
PINGREQ: Final = b"\xc0\x00"  # 3.12
DISCONNECT: Final = b"\xe0\x00"  # 3.14
CLEAN: Final = 0x02  # 3.1.2.3
PASSWORD, USER = 0x40, 0x80


@dataclass(frozen=True, slots=True)
class ConnAck:
    """3.2: the broker's answer; `code` 0 is yes, 4 and 5 are about user and password."""

    code: int


@dataclass(frozen=True, slots=True)
class SubAck:
    """3.9: what became of each topic; 0x80 is refused."""

    packet_id: int
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Publish:
    """3.3: a message. `retained`: the broker kept it from before, so it is no news."""

    topic: str
    payload: bytes
    qos: int
    retained: bool
    packet_id: int = 0  # of QoS 1, to be acknowledged


@dataclass(frozen=True, slots=True)
class PingResp:
    """3.13: the broker lives."""


Packet = ConnAck | SubAck | Publish | PingResp


def connect(client: str, keepalive_s: int, user: str | None = None, password: str | None = None) -> bytes:
    """3.1: a clean session. A password without a user is not of this version."""
    flags = CLEAN | (USER if user is not None else 0)
    body = _text(client)
    if user is not None:
        body += _text(user)
        if password is not None:
            flags |= PASSWORD
            body += _text(password)
    return _packet(0x10, _text("MQTT") + bytes((4, flags)) + keepalive_s.to_bytes(2, "big") + body)


def subscribe(packet_id: int, topics: tuple[str, ...]) -> bytes:
    """3.8: each with QoS 1."""
    return _packet(0x82, packet_id.to_bytes(2, "big") + b"".join(_text(topic) + b"\x01" for topic in topics))


def puback(packet_id: int) -> bytes:
    """3.4."""
    return _packet(0x40, packet_id.to_bytes(2, "big"))


def _packet(first: int, body: bytes) -> bytes:
    length, left = b"", len(body)
    while True:  # 2.2.3
        left, low = divmod(left, 128)
        length += bytes((low | (0x80 if left else 0),))
        if not left:
            return bytes((first,)) + length + body


def _text(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_NAME or "\0" in text:
        raise AnbanError(Reason.BAD_VALUE, "MQTT: a name is too long or holds a zero.")
    return len(raw).to_bytes(2, "big") + raw


class Parser:
    """Bytes of the broker to packets. After an AnbanError the connection is worth nothing any more."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that are whole now. AnbanError(BAD_VALUE) or (TOO_BIG) for what is none."""
        self._buffer += data
        found: list[Packet] = []
        while (whole := self._next()) is not None:
            packet = _read(*whole)
            if packet is not None:
                found.append(packet)
        return found

    def _next(self) -> tuple[int, bytes] | None:
        length = shift = 0
        for index in range(1, 5):
            if len(self._buffer) <= index:
                return None
            length |= (self._buffer[index] & 0x7F) << shift
            shift += 7
            if not self._buffer[index] & 0x80:
                break
        else:
            raise _bad("a length of more than four bytes")
        if length > MAX_PACKET:
            raise AnbanError(Reason.TOO_BIG, f"MQTT: a packet of {length} bytes.")
        end = index + 1 + length
        if len(self._buffer) < end:
            return None
        first, body = self._buffer[0], bytes(self._buffer[index + 1 : end])
        del self._buffer[:end]
        return first, body


def _read(first: int, body: bytes) -> Packet | None:
    kind = first >> 4
    if kind == 2 and len(body) == 2:
        return ConnAck(body[1])
    if kind == 3:
        return _publish(first, body)
    if kind == 9 and len(body) >= 3:
        return SubAck(int.from_bytes(body[:2], "big"), tuple(body[2:]))
    if kind == 11 and len(body) == 2:
        return None  # an unsubscription that nobody asked for harms nobody
    if kind == 13 and not body:
        return PingResp()
    raise _bad(f"packet {kind} of {len(body)} bytes")


def _publish(first: int, body: bytes) -> Publish:
    qos = (first >> 1) & 3
    if qos > 1 or len(body) < 2:
        raise _bad(f"a message of quality {qos}")
    size = int.from_bytes(body[:2], "big")
    rest = body[2 + size :]
    if len(body) < 2 + size or (qos and len(rest) < 2):
        raise _bad("a message that ends too soon")
    try:
        topic = body[2 : 2 + size].decode()
    except UnicodeDecodeError as error:
        raise _bad("a topic that is no text") from error
    packet_id = int.from_bytes(rest[:2], "big") if qos else 0
    return Publish(topic, rest[2:] if qos else rest, qos, bool(first & 1), packet_id)


def _bad(what: str) -> AnbanError:
    return AnbanError(Reason.BAD_VALUE, f"MQTT: {what}.", "What answers there is no broker of MQTT 3.1.1.")
