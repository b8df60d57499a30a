"""The platform's HTTPS door: the same addresses as by CoAP, a bearer token a hub, an OpenAPI document."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from protocols.errors import AnbanError, Reason
from protocols.wire import to_json
from sim.platform.openapi import document
from sim.platform.registry import Register
from sim.platform.resources import MAX_BODY, Resources
from sim.platform.store import now_ms
from sim.platform.web import WebServer, bearer, read_body, refused

CBOR = "application/cbor"
JSON = "application/json"
ROOM_BYTES = 65_536  # of one downlink answer

Handler = Callable[[str, Request], Awaitable[Response]]


class HttpsDoor:
    """The application; every address but the OpenAPI document asks who it is."""

    def __init__(self, resources: Resources, register: Register) -> None:
        self._resources = resources
        self._register = register
        routes = [
            Route("/v1/events", self._for_hubs(self._events), methods=["POST"]),
            Route("/v1/downlink", self._for_hubs(self._downlink), methods=["GET"]),
            Route("/v1/config", self._for_hubs(self._get_config), methods=["GET"]),
            Route("/v1/config", self._for_hubs(self._put_config), methods=["PUT"]),
            Route("/v1/time", self._for_hubs(self._time), methods=["GET"]),
            Route("/v1/openapi.json", self._openapi, methods=["GET"]),
        ]
        self.app = Starlette(routes=routes, exception_handlers={AnbanError: refused})

    def _for_hubs(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            token = bearer(request)
            hub = self._register.hub_of_token(token) if token else None
            if hub is None:
                raise AnbanError(Reason.NOT_AUTHENTIC, "A hub's bearer token is required.")
            return await handler(hub, request)

        return guarded

    async def _events(self, hub: str, request: Request) -> Response:
        body = await read_body(request, MAX_BODY)
        if _sends(request) == JSON:
            return JSONResponse(await self._resources.post_events_json(hub, body))
        return Response(await self._resources.post_events(hub, body), media_type=CBOR)

    async def _downlink(self, hub: str, request: Request) -> Response:
        after, hold_s = self._resources.downlink_query(dict(request.query_params))
        if _wants_json(request):
            items = await self._resources.downlink(hub, after, hold_s, ROOM_BYTES)
            return JSONResponse([to_json(item) for item in items])
        return Response(await self._resources.get_downlink(hub, after, hold_s, ROOM_BYTES), media_type=CBOR)

    async def _get_config(self, hub: str, request: Request) -> Response:
        if _wants_json(request):
            return JSONResponse({"version": 1, **self._resources.config(hub)})
        return Response(self._resources.get_config(hub), media_type=CBOR)

    async def _put_config(self, hub: str, request: Request) -> Response:
        body = await read_body(request, MAX_BODY)
        if _sends(request) == JSON:
            fields = _json_object(body)
            await self._resources.keep_config(hub, fields.get("document"), fields.get("author", ""))
        else:
            await self._resources.put_config(hub, body)
        return Response(status_code=204)

    async def _time(self, _hub: str, request: Request) -> Response:
        if _wants_json(request):
            return JSONResponse({"version": 1, "wall_ms": now_ms()})
        return Response(self._resources.get_time(), media_type=CBOR)

    async def _openapi(self, _request: Request) -> Response:
        return JSONResponse(document())


def _sends(request: Request) -> str:
    kind = request.headers.get("content-type", CBOR).partition(";")[0].strip().lower()
    if kind not in (CBOR, JSON):
        raise AnbanError(Reason.BAD_VALUE, f"A body is {CBOR} or {JSON}.")
    return kind


def _wants_json(request: Request) -> bool:
    return JSON in request.headers.get("accept", "")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise AnbanError(Reason.BAD_VALUE, "The body is no JSON object.")
    return fields


def https_server(door: HttpsDoor, host: str, port: int, certificate: Path, key: Path) -> WebServer:
    """The server, not yet started: TLS 1.2 or later, and nothing in plain."""

    def context(*_: Any) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.load_cert_chain(certificate, key)
        return made

    return WebServer(door.app, host, port, ssl_context_factory=context)
