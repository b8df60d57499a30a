"""What the platform's addresses do, the same for CoAP and HTTPS: bodies in, bodies out, who asks is known.

A body is CBOR (`protocols/wire.py`), or for people JSON. Refusals are AnbanErrors; the doors put them into
their own words (4.00 and 400, ...).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from protocols import cbor
from protocols.errors import AnbanError, Reason
from protocols.values import DownlinkItem, Event, EventId, Receipt
from protocols.wire import (
    MAX_ITEMS,
    decode_downlink,
    decode_each_event,
    encode_downlink,
    encode_receipts,
    from_json,
    to_json,
)
from sim.platform.desk import Unread
from sim.platform.store import Store, now_ms

MAJOR = 1  # of the bodies that stand here: time and configuration
MAX_BODY = 262_144  # bytes of one request
MAX_DOCUMENT = 65_536  # bytes of a configuration
MAX_HOLD_S = 60.0  # of a poll: below the idle time of any proxy that lets 25 s pass
POLLS_HELD = 4  # for one hub; the oldest is answered when there is one more


class Bell:
    """Wakes the polls of a hub when there is something for it."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    def ring(self, hub: str) -> None:
        """Wake every poll of `hub`."""
        for future in self._waiting.pop(hub, []):
            if not future.done():
                future.set_result(None)

    def ring_all(self) -> None:
        """Wake every poll there is, for the end."""
        for hub in list(self._waiting):
            self.ring(hub)

    def enlist(self, hub: str) -> asyncio.Future[None]:
        """A future that is done at the next ring. Take it before looking: no ring falls between."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(hub, [])
        waiting.append(future)
        if len(waiting) > POLLS_HELD:
            oldest = waiting.pop(0)
            if not oldest.done():
                oldest.set_result(None)
        return future

    def leave(self, hub: str, future: asyncio.Future[None]) -> None:
        """The poll is over."""
        waiting = self._waiting.get(hub)
        if waiting is not None and future in waiting:
            waiting.remove(future)
            if not waiting:
                del self._waiting[hub]


class Resources:
    """The addresses' handlers; `hub` is always the authenticated one."""

    def __init__(self, store: Store, bell: Bell) -> None:
        self._store = store
        self._bell = bell
        self._closing = False
        self.heard_ms: dict[str, int] = {}  # hub -> when it last asked anything by IP

    async def post_events(self, hub: str, body: bytes) -> bytes:
        """POST /v1/events in CBOR: the receipts, after the commit."""
        return encode_receipts(await self.deliver(hub, read_delivery(body)))

    async def post_events_json(self, hub: str, body: bytes) -> list[dict[str, Any]]:
        """POST /v1/events in JSON."""
        receipts = await self.deliver(hub, read_delivery_json(body))
        return [to_json(receipt) for receipt in receipts]

    async def deliver(self, hub: str, events: Sequence[Event | Unread]) -> list[Receipt]:
        """Commit a delivery; the receipts in its order."""
        self.heard_ms[hub] = now_ms()
        return (await self._store.receive(events, hub)).receipts

    def downlink_query(self, query: Mapping[str, str]) -> tuple[int, float]:
        """`after` and `hold` of a poll. AnbanError(BAD_VALUE)."""
        try:
            after, hold_s = int(query.get("after", "0")), float(query.get("hold", "0"))
        except ValueError:
            raise AnbanError(Reason.BAD_VALUE, "after is a number, hold is seconds") from None
        if not 0 <= after < 1 << 53 or not 0 <= hold_s <= 86_400:
            raise AnbanError(Reason.BAD_VALUE, "after or hold is out of its bounds")
        return after, min(hold_s, MAX_HOLD_S)

    async def get_downlink(self, hub: str, after: int, hold_s: float, room: int) -> bytes:
        """GET /v1/downlink in CBOR; waits up to `hold_s` for something to say."""
        return encode_downlink(await self.downlink(hub, after, hold_s, room))

    async def downlink(self, hub: str, after: int, hold_s: float, room: int) -> list[DownlinkItem]:
        """The items after a cursor, of at most `room` bytes; empty if nothing came in `hold_s`."""
        self.heard_ms[hub] = now_ms()
        loop = asyncio.get_running_loop()
        end = loop.time() + hold_s
        while True:
            rung = self._bell.enlist(hub)
            try:
                found = self._store.downlink(hub, after, room)
                left = end - loop.time()
                if found or left <= 0 or self._closing:
                    return [item for body in found for item in decode_downlink(body)]
                await asyncio.wait({rung}, timeout=left)
                if rung.done() and not self._store.downlink(hub, after, 1):
                    return []  # rung for another poll's sake, or for the end
            finally:
                self._bell.leave(hub, rung)

    def get_time(self) -> bytes:
        """GET /v1/time in CBOR: {0: major version, 1: Unix milliseconds}."""
        return cbor.dump({0: MAJOR, 1: now_ms()})

    def get_config(self, hub: str) -> bytes:
        """GET /v1/config in CBOR: {0: version, 1: document, 2: author, 3: SHA-256, 4: side, 5: Unix ms}."""
        found = self.config(hub)
        fields = ("document", "author", "hash", "side", "at_ms")
        return cbor.dump({0: MAJOR, **{key: found[name] for key, name in enumerate(fields, 1)}})

    def config(self, hub: str) -> dict[str, Any]:
        """The platform's proposal for a hub, else what the hub last reported. AnbanError(NOT_FOUND)."""
        found = self._store.config(hub)
        if found is None:
            raise AnbanError(Reason.NOT_FOUND, "There is no configuration for this hub.")
        return found

    async def put_config(self, hub: str, body: bytes) -> None:
        """PUT /v1/config in CBOR: {0: version, 1: document, 2: author}, what the hub says is active."""
        fields = cbor.load(body, MAX_BODY)
        if not isinstance(fields, dict) or fields.get(0) not in (MAJOR, MAJOR - 1):
            raise AnbanError(Reason.BAD_VERSION, "A configuration of another version.")
        await self.keep_config(hub, fields.get(1), fields.get(2, ""))

    async def keep_config(self, hub: str, document: Any, author: Any) -> None:
        """Keep what a hub reports as its active configuration. AnbanError(BAD_VALUE) or (TOO_BIG)."""
        if not isinstance(document, str) or not isinstance(author, str) or len(author) > 64:
            raise AnbanError(Reason.BAD_VALUE, "A configuration has a document and an author, both text.")
        if len(document.encode("utf-8", "surrogatepass")) > MAX_DOCUMENT:
            raise AnbanError(Reason.TOO_BIG, f"A configuration has at most {MAX_DOCUMENT} bytes.")
        await self._store.put_config(hub, document, author)

    def close(self) -> None:
        """Answer all polls now."""
        self._closing = True
        self._bell.ring_all()


def read_delivery(body: bytes) -> list[Event | Unread]:
    """The events of a CBOR body, one or a batch; what cannot be read stands in its place with its error.

    AnbanError(BAD_VALUE, BAD_VERSION or TOO_BIG) if the body is nothing to answer one by one.
    """
    if len(body) > MAX_BODY:
        raise AnbanError(Reason.TOO_BIG, f"At most {MAX_BODY} bytes are taken at once.")
    return list(decode_each_event(body))


def read_delivery_json(body: bytes) -> list[Event | Unread]:
    """As `read_delivery`, of a JSON body: one event or a list of events."""
    if len(body) > MAX_BODY:
        raise AnbanError(Reason.TOO_BIG, f"At most {MAX_BODY} bytes are taken at once.")
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AnbanError(Reason.BAD_VALUE, "The body is not JSON.") from None
    items = value if isinstance(value, list) else [value]
    if not 0 < len(items) <= MAX_ITEMS:
        raise AnbanError(Reason.TOO_BIG, f"One to {MAX_ITEMS} events are taken at once.")
    return [_read_one_json(item) for item in items]


def _read_one_json(item: Any) -> Event | Unread:
    try:
        return from_json(Event, item)
    except AnbanError as error:
        about = item.get("id") if isinstance(item, dict) else None
        try:
            return EventId.parse(about), error
        except AnbanError:
            return None, error
