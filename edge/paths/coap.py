"""The way to the platform by CoAP over UDP, protected by OSCORE: small, and the first choice for a call.

Why it is built as it is (the facts stand in RFC 7252, RFC 8613 and aiocoap 0.4.17)
- aiocoap sends one confirmable message at a time to a peer (NSTART = 1), and a cancelled request goes on
  being retransmitted. So each purpose has sockets of its own, one request each, and a socket whose request
  failed is thrown away with what it still meant to send. An SOS never waits for an assistance, a reading or a
  poll.
- A request is bound to its OSCORE context before aiocoap sees it: there is no way for it to leave in plain.
- The platform's address is looked up off the way and kept: a dead resolver does not stop a call.
- The end of a call's delivery is the receipt for its event id, never a CoAP acknowledgement.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import logging
import socket
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiocoap  # type: ignore[import-untyped]
import aiocoap.error  # type: ignore[import-untyped]
from aiocoap import oscore
from aiocoap.numbers.constants import TransportTuning  # type: ignore[import-untyped]
from aiocoap.transports.oscore import OSCOREAddress  # type: ignore[import-untyped]
from aiocoap.transports.udp6 import UDP6EndpointAddress  # type: ignore[import-untyped]

from edge.credentials import OscoreKeys
from edge.paths.base import (
    MAX_BODY_BYTES,
    PathError,
    bad_answer,
    config_body,
    config_of,
    receipts_for,
    wall_ms_of,
)
from edge.paths.interface import bind
from edge.paths.oscore import HubContext, Keyring, NoNumber, Reserve
from edge.threads import in_thread
from protocols.errors import AnbanError, Reason
from protocols.values import DownlinkItem, Event, Lane, Receipt
from protocols.wire import Packed, decode_downlink, encode_delivery, encode_event

log = logging.getLogger(__name__)

DEFAULT_PORT = 5683  # RFC 7252 6.1
CONFIG = ("v1", "config")
CBOR = 60  # RFC 7252 12.3: application/cbor
ANSWER_S = 19.0  # a request gives up after 18.75 s by itself (Tuning); this bounds a platform that only ACKs
POLL_SLACK_S = 15.0  # a poll that hears nothing this long after its hold was lost on the way
LOOKUP_S = 3.0  # a resolver that takes longer is treated as dead
DATAGRAM_PAYLOAD = 960  # bytes of events a request: with all headers < 1,100, below any path's MTU of 1,280

# What aiocoap raises, or lets out when a stranger sends it nonsense: a path turns all of it into PathError.
_LIBRARY_ERRORS = (
    aiocoap.error.Error,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    NotImplementedError,
)


class Tuning(TransportTuning):  # type: ignore[misc]
    """Retransmission: at about 1, 3 and 7 s, given up by 18.75 s (RFC 7252 4.8.2: 1 * (2^4 - 1) * 1.25)."""

    ACK_TIMEOUT = 1.0  # RFC 7252 4.8: not below 1 s
    ACK_RANDOM_FACTOR = 1.25
    MAX_RETRANSMIT = 3


class _LibraryLog(logging.Logger):
    """aiocoap 0.4.17 logs the end of a request that nobody waits for with a keyword that logging refuses
    (`exception`, pipe.py): a TypeError a request that was given up. What it says is for its developers.
    """

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        """As Logger.error; what bears that keyword is for debugging."""
        if "exception" in kwargs:
            self.debug(msg, *args, exc_info=kwargs.pop("exception"))
        else:
            super().error(msg, *args, **kwargs)


@functools.cache
def _library_log() -> logging.Logger:
    usual = logging.getLoggerClass()
    logging.setLoggerClass(_LibraryLog)
    try:
        return logging.getLogger("anban.coap")
    finally:
        logging.setLoggerClass(usual)


class _Lines:
    """Sockets for one purpose, one request each at a time; at most `limit` of them, bound to `interface`."""

    def __init__(self, limit: int, interface: str) -> None:
        self._interface = interface
        self._free: list[aiocoap.Context] = []
        self._lent = asyncio.Semaphore(limit)
        self._ending: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def line(self) -> AsyncIterator[aiocoap.Context]:
        """A socket with nothing under way. If the request in it fails or is given up, the socket goes too."""
        async with self._lent:
            context = self._free.pop() if self._free else await self._open()
            try:
                yield context
            except BaseException:
                self._end(context)
                raise
            self._free.append(context)

    async def ready(self) -> None:
        """Open a first socket before it is needed."""
        if not self._free:
            self._free.append(await self._open())

    async def close(self) -> None:
        while self._free:
            self._end(self._free.pop())
        if self._ending:
            await asyncio.wait(self._ending)

    async def _open(self) -> aiocoap.Context:
        context = await aiocoap.Context.create_client_context(
            transports=["oscore", "udp6"], loggername=_library_log().name
        )
        try:
            bind(_wire(context).transport.get_extra_info("socket"), self._interface)
        except OSError:
            self._end(context)
            raise
        return context

    def _end(self, context: aiocoap.Context) -> None:
        task = asyncio.create_task(context.shutdown())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


class _Address:
    """Where the platform is: a literal at once, a name looked up in a thread, the last good answer kept."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        if parts.scheme != "coap" or not parts.hostname:
            raise AnbanError(
                Reason.BAD_CONFIG, f"{uri!r} is not a coap:// address", "Mend platform.coap_uri."
            )
        self._host = parts.hostname
        self._port = parts.port or DEFAULT_PORT
        self._known: str | None = None
        self._literal = False
        with contextlib.suppress(ValueError):
            self._known = _mapped(self._host)
            self._literal = True
        self._looking: asyncio.Task[None] | None = None

    def look_again(self) -> None:
        """Look the name up anew in the background: what was known served badly."""
        if not self._literal and self._looking is None:
            self._looking = asyncio.create_task(self._look())

    async def get(self) -> tuple[str, int, int, int]:
        """An IPv6 socket address. PathError(PATH_DOWN) if the name was never found."""
        if self._known is None:
            self.look_again()
            if self._looking is not None:
                await asyncio.wait({self._looking}, timeout=LOOKUP_S)
        if self._known is None:
            raise PathError(
                Reason.PATH_DOWN, f"no address is known for {self._host}", "Check the name service."
            )
        return (self._known, self._port, 0, 0)

    async def _look(self) -> None:
        try:
            found = await in_thread(
                "coap-lookup", socket.getaddrinfo, self._host, self._port, 0, socket.SOCK_DGRAM
            )
            self._known = _mapped(str(found[0][4][0]))
        except (OSError, RuntimeError, ValueError, IndexError) as error:
            log.info("the platform's name was not found: %s", type(error).__name__)
        finally:
            self._looking = None


def _mapped(address: str) -> str:
    """An IP address in the form that an IPv6 socket takes. ValueError if it is none."""
    ip = ipaddress.ip_address(address)
    return f"::ffff:{ip}" if ip.version == 4 else str(ip)


class CoapPath:
    """The path "coap". `open()` before the first use, `close()` after the last.

    `keys` are the provisioned contexts (named sos, main, spare-sos, spare-main); `reserve` see
    `oscore.Reserve`; `interface` is the only one by which it goes, or "".
    """

    name = "coap"

    def __init__(
        self,
        uri: str,
        keys: Sequence[OscoreKeys],
        reserve: Reserve,
        *,
        block: int = 512,
        interface: str = "",
    ) -> None:
        self._address = _Address(uri)
        self._keyrings = {name: Keyring(name, keys, reserve, block) for name in ("sos", "main")}
        # SOS: room for many presses and their retries at once. The rest: RFC 7252's one at a time.
        limits = {"sos": 8, "assist": 2, "rest": 1, "poll": 2}
        self._lines = {purpose: _Lines(limit, interface) for purpose, limit in limits.items()}

    async def open(self) -> None:
        """Reserve numbers and open sockets ahead, so that the first call finds them. Never fails, <= 1 s."""
        await asyncio.gather(*(keyring.open() for keyring in self._keyrings.values()))
        with contextlib.suppress(*_LIBRARY_ERRORS):
            await self._lines["sos"].ready()

    async def send(self, events: Sequence[Event | Packed]) -> list[Receipt]:
        """See `Path.send`. In datagrams of < 1,100 bytes, in order, on the lines of the highest lane."""
        if not events:
            return []
        lane = min(event.lane for event in events)
        purpose = "sos" if lane <= Lane.ASSIST else "main"
        lines = {Lane.SOS: "sos", Lane.ASSIST: "assist"}.get(lane, "rest")
        receipts: list[Receipt] = []
        for chunk in _chunks(events):
            try:
                answer = await self._ask(
                    purpose, lines, aiocoap.POST, ("v1", "events"), encode_delivery(chunk), (), ANSWER_S
                )
                receipts += receipts_for(chunk, answer)
            except PathError as error:
                raise PathError(error.reason, error.sentence, error.remedy, receipts) from error
        return receipts

    async def poll(self, after: int, hold_s: float) -> list[DownlinkItem]:
        """See `Path.poll`."""
        query = (f"after={after}", f"hold={hold_s:g}")
        answer = await self._ask(
            "main", "poll", aiocoap.GET, ("v1", "downlink"), b"", query, hold_s + POLL_SLACK_S
        )
        try:
            return decode_downlink(answer)
        except AnbanError as error:
            raise bad_answer(error.sentence) from error

    async def time(self) -> tuple[int, float]:
        """See `Path.time`: on the SOS context, whose readiness matters; it answers an Echo beforehand."""
        begun = time.monotonic()
        answer = await self._ask("sos", "sos", aiocoap.GET, ("v1", "time"), b"", (), ANSWER_S)
        round_trip_s = time.monotonic() - begun
        return wall_ms_of(answer) + int(round_trip_s * 500), round_trip_s

    async def config(self) -> tuple[str, str]:
        """See `Path.config`."""
        return config_of(await self._ask("main", "rest", aiocoap.GET, CONFIG, b"", (), ANSWER_S))

    async def put_config(self, document: str, author: str) -> None:
        """See `Path.put_config`."""
        await self._ask("main", "rest", aiocoap.PUT, CONFIG, config_body(document, author), (), ANSWER_S)

    async def close(self) -> None:
        """See `Path.close`."""
        await asyncio.gather(*(lines.close() for lines in self._lines.values()))

    def contexts(self) -> dict[str, str]:
        """Purpose -> the security context in use ("sos", "spare-sos", "fresh-sos"): for status and faults."""
        return {purpose: keyring.in_use() for purpose, keyring in self._keyrings.items()}

    async def _ask(
        self,
        purpose: str,
        lines: str,
        code: Any,
        path: tuple[str, ...],
        payload: bytes,
        query: tuple[str, ...],
        within_s: float,
    ) -> bytes:
        """One request, its authenticated answer's payload; a second try if the platform lost our context."""
        keyring = self._keyrings[purpose]
        context = keyring.context()
        try:
            async with asyncio.timeout(within_s):
                sockaddr = await self._address.get()
                for _ in range(2):
                    request = _request(code, path, payload, query)
                    try:
                        answer = await self._exchange(self._lines[lines], context, sockaddr, request)
                        return _body(answer)
                    except (oscore.NotAProtectedMessage, NoNumber) as error:
                        # Unauthenticated "unknown context" or "replay": anybody can say so. It costs
                        # nothing to ask again in a context of new keys, and if it is true that is what gets
                        # through.
                        if context is keyring.fresh():
                            raise PathError(
                                Reason.PATH_REFUSED,
                                f"unprotected answer: {error}",
                                "Provision this hub again.",
                            ) from error
                        context = keyring.fresh()
        except _LIBRARY_ERRORS as error:
            self._address.look_again()
            raise _path_error(error) from error
        raise AssertionError("both tries return or raise")

    async def _exchange(
        self, lines: _Lines, context: HubContext, sockaddr: tuple[str, int, int, int], request: Any
    ) -> Any:
        async with lines.line() as socket_context:
            request.remote = OSCOREAddress(context, UDP6EndpointAddress(sockaddr, _wire(socket_context)))
            return await socket_context.request(request).response


def _wire(context: aiocoap.Context) -> Any:
    """The UDP side of one of the library's contexts."""
    return context.request_interfaces[-1].token_interface.message_interface


def _request(code: Any, path: tuple[str, ...], payload: bytes, query: tuple[str, ...]) -> Any:
    message = aiocoap.Message(code=code, payload=payload, transport_tuning=Tuning(), uri_path=path)
    if query:
        message.opt.uri_query = query
    if payload:
        message.opt.content_format = CBOR
    return message


def _body(answer: Any) -> bytes:
    """The payload of a successful answer. PathError for a refusal, with the platform's reason."""
    if not answer.code.is_successful():
        words = answer.payload[:200].decode("utf-8", "replace")
        raise PathError(Reason.PATH_REFUSED, f"the platform answered {answer.code}: {words}")
    if len(answer.payload) > MAX_BODY_BYTES:
        raise bad_answer(f"{len(answer.payload)} bytes")
    return bytes(answer.payload)


def _chunks(events: Sequence[Event | Packed]) -> list[list[Event | Packed]]:
    """`events` in order, each part fit for one datagram; one event alone may be longer (blockwise)."""
    chunks: list[list[Event | Packed]] = []
    room = 0
    for event in events:
        size = len(event.body) if isinstance(event, Packed) else len(encode_event(event))
        if size > room or not chunks:
            chunks.append([])
            room = DATAGRAM_PAYLOAD
        chunks[-1].append(event)
        room -= size
    return chunks


def _path_error(error: BaseException) -> PathError:
    if isinstance(error, PathError):
        return error
    if isinstance(error, TimeoutError | aiocoap.error.ConRetransmitsExceeded):
        return PathError(Reason.PATH_TIMEOUT, "no answer in time", "Check the line; it is tried on.")
    if isinstance(error, OSError | aiocoap.error.NetworkError):
        return PathError(Reason.PATH_DOWN, f"no way to the platform: {error}", "Check the network.")
    return PathError(Reason.PATH_BAD_ANSWER, f"{type(error).__name__}: {error}")
