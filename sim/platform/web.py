"""What both web servers of the platform share: their sockets, bounded bodies, refusals in words."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from protocols.errors import AnbanError, Reason

IDLE_S = 150  # an idle connection stays: a hub that polls every 25 s never needs a second handshake
CONNECTIONS = 4_000
LAST_WORDS_S = 0.35  # uvicorn notices the end within 0.1 s and gives its connections 0.1 s

_STATUS = {
    Reason.NOT_FOUND: 404,
    Reason.CONFLICT: 409,
    Reason.TOO_BIG: 413,
    Reason.BUSY: 503,
    Reason.STORAGE_FAILED: 503,
    Reason.NOT_ALLOWED: 403,
    Reason.NOT_AUTHENTIC: 401,
}


class _Server(uvicorn.Server):
    """uvicorn inside a loop that is not its own: it leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """One uvicorn server on a socket of its own."""

    def __init__(self, app: Any, host: str, port: int, **options: Any) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Of a socket that does not say TCP asyncio leaves Nagle's algorithm on: the second part of each
        # answer would wait 40 ms for the hub's delayed acknowledgement of the first.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self.port = int(self._socket.getsockname()[1])
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=1,
            limit_concurrency=CONNECTIONS,
            **options,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; returns once connections are taken."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                await self._task  # why it ended
                raise RuntimeError("the web server ended before it began")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop listening; what is being answered has a third of a second, idle connections are dropped."""
        self._server.should_exit = True
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=LAST_WORDS_S)
        if not done:
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()
        await self._task


async def read_body(request: Request, limit: int) -> bytes:
    """The body, of at most `limit` bytes. AnbanError(TOO_BIG) before more than that is held in memory."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise AnbanError(Reason.TOO_BIG, f"At most {limit} bytes are taken at once.")
    return bytes(body)


def bearer(request: Request) -> str:
    """The token of an Authorization header; empty if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def refused(_request: Request, error: Exception) -> Response:
    """An AnbanError as an answer: {"reason", "sentence"}."""
    assert isinstance(error, AnbanError)
    body = {"reason": error.reason.value, "sentence": error.sentence}
    status = _STATUS.get(error.reason, 400)
    return JSONResponse(body, status, {"www-authenticate": "Bearer"} if status == 401 else None)
