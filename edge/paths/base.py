"""What every way to the platform can do, how it fails, and what the hub remembers of its health.

A path carries bytes and never decides: when to send, on which path and how often stands in `edge/plan.py`. A
path raises `PathError` and nothing else; the reason tells a line that is cut from a platform that refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from protocols import cbor
from protocols.errors import AnbanError, Reason
from protocols.fields import MAX_MS
from protocols.values import DownlinkItem, Event, Receipt
from protocols.wire import Packed, decode_receipts

MAX_TIME_BYTES = 64
MAX_CONFIG_BYTES = 16_384  # a document has at most half of it (edge/config.py)
MAX_AUTHOR = 64  # characters
MAX_BODY_BYTES = 262_144  # of one answer: a downlink answer is <= 1 KB by CoAP, a configuration some KB


class PathError(AnbanError):
    """A path did not do what was asked. `receipts` are those that came before, in the events' order.

    The events without a receipt may have arrived all the same: they are sent again, and fold there.
    """

    def __init__(
        self, reason: Reason, sentence: str, remedy: str = "", receipts: Sequence[Receipt] = ()
    ) -> None:
        super().__init__(reason, sentence, remedy)
        self.receipts = tuple(receipts)


class Sender(Protocol):
    """A way on which events go out. Safe to use from several tasks of one loop at once."""

    @property
    def name(self) -> str:
        """The word for it in plans, entries and tables: "coap", "https", "sms"."""
        ...

    async def send(self, events: Sequence[Event | Packed]) -> list[Receipt]:
        """Deliver events; the platform's receipt for each ("stored" or "rejected"), in order. PathError.

        No receipts at all: handed to a network that brings them later, if it brings them.
        """
        ...


class Path(Sender, Protocol):
    """A way to the platform that answers: one by IP."""

    async def poll(self, after: int, hold_s: float) -> list[DownlinkItem]:
        """What the platform says after the cursor `after`; waits up to `hold_s` for something. PathError."""
        ...

    async def time(self) -> tuple[int, float]:
        """The platform's Unix time in milliseconds as of now, and the round trip in seconds. PathError.

        Authenticated, on the way that calls take, and changes nothing: so it is also the check of a path.
        """
        ...

    async def config(self) -> tuple[str, str]:
        """The settings document that the platform wants this hub to have, and its author. PathError."""
        ...

    async def put_config(self, document: str, author: str) -> None:
        """Report the settings document that is active. PathError."""
        ...

    async def close(self) -> None:
        """Let go of sockets and threads. The path is not used afterwards."""
        ...


class PathHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a path. Times are monotonic milliseconds; -1 = never."""

    name: str
    good: bool = True  # a path is innocent until its first failure: nothing waits for a first check
    failures: int = 0  # in a row
    last_good_ms: int = -1
    round_trip_ms: int = -1
    reason: str = ""  # of the last failure; empty while good


def path_worked(health: PathHealth, now_ms: int, round_trip_ms: int = -1) -> PathHealth:
    """The health after anything authenticated came back on the path."""
    known = round_trip_ms if round_trip_ms >= 0 else health.round_trip_ms
    return msgspec.structs.replace(
        health, good=True, failures=0, last_good_ms=now_ms, round_trip_ms=known, reason=""
    )


def path_failed(health: PathHealth, reason: str) -> PathHealth:
    """The health after a PathError."""
    return msgspec.structs.replace(health, good=False, failures=health.failures + 1, reason=reason)


def bad_answer(sentence: str) -> PathError:
    """An answer that is authentic and yet not what the protocol says."""
    return PathError(Reason.PATH_BAD_ANSWER, f"the platform's answer was not understood: {sentence}")


def receipts_for(events: Sequence[Event | Packed], answer: bytes) -> list[Receipt]:
    """The receipts in an answer to `events`. PathError if they are not one for each, in order."""
    try:
        receipts = decode_receipts(answer)
    except AnbanError as error:
        raise bad_answer(error.sentence) from error
    if [receipt.about for receipt in receipts] != [event.id for event in events]:
        raise bad_answer("the receipts are not those of the events sent")
    if any(receipt.stage not in ("stored", "rejected") for receipt in receipts):
        raise bad_answer("a receipt says neither stored nor rejected")
    return receipts


def config_of(answer: bytes) -> tuple[str, str]:
    """Document and author of an answer to GET /v1/config ({0: 1, 1: document, 2: author, ...}). PathError."""
    try:
        body = cbor.load(answer, MAX_CONFIG_BYTES)
    except AnbanError as error:
        raise bad_answer(error.sentence) from error
    document, author = (body.get(1), body.get(2)) if isinstance(body, dict) else (None, None)
    if not isinstance(document, str) or not isinstance(author, str) or len(author) > MAX_AUTHOR:
        raise bad_answer("it holds no settings")
    return document, author


def config_body(document: str, author: str) -> bytes:
    """The body of PUT /v1/config."""
    return cbor.dump({0: 1, 1: document, 2: author})


def wall_ms_of(answer: bytes) -> int:
    """The Unix time in milliseconds of an answer to GET /v1/time ({0: 1, 1: ms}). PathError."""
    try:
        body = cbor.load(answer, MAX_TIME_BYTES)
    except AnbanError as error:
        raise bad_answer(error.sentence) from error
    wall_ms = body.get(1) if isinstance(body, dict) else None
    if type(wall_ms) is not int or not 0 <= wall_ms <= MAX_MS:
        raise bad_answer("it holds no time")
    return wall_ms
