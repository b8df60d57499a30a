"""The platform's CoAP door: OSCORE or nothing; wrong requests get a reason and never a crash."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import Any

import aiocoap
from aiocoap import error
from aiocoap.oscore_sitewrapper import OscoreSiteWrapper
from aiocoap.pipe import Pipe
from aiocoap.resource import Resource

from protocols.errors import AnbanError, Reason
from sim.platform.contexts import Contexts
from sim.platform.resources import Resources

log = logging.getLogger(__name__)

CBOR = 60  # RFC 7252 12.3
ROOM_BYTES = 960  # of a downlink answer: fits one datagram, so the cursor pages and not CoAP's blocks
MAX_BLOCKS = 64  # of 1,024 bytes: a batch may be 64 KB by CoAP
RECEIVE_BUFFER = 4 << 20  # 744 of 1,000 datagrams that came at once were lost with the default [measured]

_CODES = {
    Reason.NOT_FOUND: aiocoap.NOT_FOUND,
    Reason.CONFLICT: aiocoap.CONFLICT,
    Reason.TOO_BIG: aiocoap.REQUEST_ENTITY_TOO_LARGE,
    Reason.BUSY: aiocoap.SERVICE_UNAVAILABLE,
    Reason.STORAGE_FAILED: aiocoap.SERVICE_UNAVAILABLE,
    Reason.NOT_ALLOWED: aiocoap.FORBIDDEN,
}


def hub_of(request: Any) -> str:
    """The hub that a request provably comes from, else Unauthorized: aiocoap's wrapper lets plain ones in."""
    for claim in request.remote.authenticated_claims or ():
        if claim.startswith("hub:"):
            return str(claim[4:])
    raise error.Unauthorized("OSCORE is required")


class _Door(Resource):
    """Base of all resources: who asks is settled before anything is read or assembled."""

    def __init__(self, resources: Resources) -> None:
        super().__init__()
        self.resources = resources

    async def render_to_pipe(self, pipe: Pipe) -> None:
        hub_of(pipe.request)
        block = pipe.request.opt.block1
        if block is not None and (block.block_number >= MAX_BLOCKS or block.size_exponent > 6):
            raise error.RequestEntityTooLarge("too many blocks")
        await super().render_to_pipe(pipe)

    async def render(self, request: Any) -> Any:
        hub = hub_of(request)
        handler = getattr(self, f"on_{request.code.name.lower()}", None)
        if handler is None:
            raise error.MethodNotAllowed(f"not {request.code}")
        try:
            code, body = await handler(hub, request)
        except AnbanError as refusal:
            # No exception may fly out of here: aiocoap would answer it without its reason.
            words = f"{refusal.reason.value}: {refusal.sentence}"
            return aiocoap.Message(
                code=_CODES.get(refusal.reason, aiocoap.BAD_REQUEST), payload=words.encode()
            )
        message = aiocoap.Message(code=code, payload=body)
        if body:
            message.opt.content_format = CBOR
        return message


class _Events(_Door):
    async def on_post(self, hub: str, request: Any) -> tuple[Any, bytes]:
        return aiocoap.CHANGED, await self.resources.post_events(hub, request.payload)


class _Downlink(_Door):
    async def on_get(self, hub: str, request: Any) -> tuple[Any, bytes]:
        query = dict(item.partition("=")[::2] for item in request.opt.uri_query)
        after, hold_s = self.resources.downlink_query(query)
        return aiocoap.CONTENT, await self.resources.get_downlink(hub, after, hold_s, ROOM_BYTES)


class _Config(_Door):
    async def on_get(self, hub: str, request: Any) -> tuple[Any, bytes]:
        return aiocoap.CONTENT, self.resources.get_config(hub)

    async def on_put(self, hub: str, request: Any) -> tuple[Any, bytes]:
        await self.resources.put_config(hub, request.payload)
        return aiocoap.CHANGED, b""


class _Time(_Door):
    async def on_get(self, hub: str, request: Any) -> tuple[Any, bytes]:
        return aiocoap.CONTENT, self.resources.get_time()


class _Site:
    """The addresses. Anything else is not found, and for those who are nobody all is unauthorized."""

    def __init__(self, resources: Resources) -> None:
        self._doors: dict[tuple[str, ...], _Door] = {
            ("v1", "events"): _Events(resources),
            ("v1", "downlink"): _Downlink(resources),
            ("v1", "config"): _Config(resources),
            ("v1", "time"): _Time(resources),
        }

    async def render_to_pipe(self, pipe: Pipe) -> None:
        hub_of(pipe.request)
        door = self._doors.get(tuple(pipe.request.opt.uri_path))
        if door is None:
            raise error.NotFound()
        await door.render_to_pipe(pipe)


class _Wrapper(OscoreSiteWrapper):
    """aiocoap's OSCORE front without EDHOC: hubs are provisioned, strangers make no work here."""

    async def _render_edhoc_to_pipe(self, pipe: Pipe) -> None:
        raise error.NotFound()


async def serve_coap(resources: Resources, contexts: Contexts, host: str, port: int) -> tuple[Any, int]:
    """Start the server; its aiocoap context (to shut down) and its port (0 takes a free one)."""
    wrapper = _Wrapper(_Site(resources), contexts)
    context = await aiocoap.Context.create_server_context(
        wrapper, bind=(host, port), transports=["oscore", "udp6"], server_credentials=contexts
    )
    transport = context.request_interfaces[-1].token_interface.message_interface.transport
    sock = transport.get_extra_info("socket")
    _widen(sock)
    return context, int(sock.getsockname()[1])


def _widen(sock: Any) -> None:
    for option in (33, socket.SO_RCVBUF):  # 33 = SO_RCVBUFFORCE (Linux), for those who may
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, option, RECEIVE_BUFFER)
            return


async def stop_coap(context: Any) -> None:
    """Stop the server within 3 s."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3.0):
            await context.shutdown()
