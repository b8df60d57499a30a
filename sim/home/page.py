"""Serve the home page: its static files, the live feed, and one door for what a visitor does.

Bound to the loopback interface. Whoever only knows the address may look; whatever changes something needs
the token of this run, which stands in the page itself, so that another site open in the same browser cannot
press a key: it can neither read the page (no CORS) nor guess the token, and a foreign Host header is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.page import app
from edge.page.words import module
from sim.home.feed import Feed
from sim.internet import LOOPBACK

FILES = Path(__file__).parent / "page"
SHARED = ("trends.js", "trends.css", "making.js")  # of the hub's own page: one drawing for both
MAX_BODY = 4_096
PING_S = 15  # a comment line keeps an idle feed open and finds pages that have gone

Act = Callable[[Mapping[str, Any]], Awaitable[None]]


class ActError(ValueError):
    """What a visitor asked for cannot be done: a sentence; `word` and `about` say it in its language."""

    def __init__(self, sentence: str, word: str = "", about: str = "") -> None:
        super().__init__(sentence)
        self.said = {"word": word, "about": about} if word else {}


class _Guard:
    """Add the headers to every answer and refuse a Host that is not ours (DNS rebinding)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").rpartition(":")[0]

        async def send_guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in app.HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        if host not in (LOOPBACK, "localhost"):
            await Response("unknown host", 421)(scope, receive, send_guarded)
            return
        await self.app(scope, receive, send_guarded)


class Page:
    """The page of one run. `acts` maps what can be asked to what does it."""

    def __init__(self, feed: Feed, acts: Mapping[str, Act], token: str | None = None) -> None:
        self.feed = feed
        self.acts = acts
        self.token = token or secrets.token_urlsafe(24)
        self.app = _Guard(
            Starlette(
                routes=[
                    Route("/", self.file),
                    Route("/{name}.{kind}", self.file),
                    Route("/feed", self.stream),
                    Route("/do", self.do, methods=["POST"]),
                ]
            )
        )

    async def file(self, request: Request) -> Response:
        """One of the page's own files; the token is put into the HTML."""
        params = request.path_params
        name = f"{params['name']}.{params['kind']}" if params else "home.html"
        if name == app.WORDS:
            return Response(module(), media_type=app.TYPES[".js"])
        path = (app.FILES if name in SHARED else FILES) / name
        if name not in SHARED and name not in {path.name for path in FILES.iterdir()}:
            return Response("not found", 404)
        text = await asyncio.to_thread(path.read_text, "utf-8")
        if path.suffix == ".html":
            text = text.replace("{{token}}", self.token)
        return Response(text, media_type=app.TYPES[path.suffix])

    async def stream(self, request: Request) -> Response:
        return StreamingResponse(self._lines(), media_type="text/event-stream")

    async def _lines(self) -> AsyncIterator[str]:
        reader = self.feed.read()
        waiting: asyncio.Future[Any] = asyncio.ensure_future(anext(reader))
        try:
            while True:
                done, _ = await asyncio.wait({waiting}, timeout=PING_S)
                if not done:
                    yield ": still here\n\n"
                    continue
                kind, value = waiting.result()
                yield f"event: {kind}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"
                waiting = asyncio.ensure_future(anext(reader))
        except StopAsyncIteration:
            return
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def do(self, request: Request) -> Response:
        """Carry out one act; 403 without this run's token, 422 with a sentence when it cannot be done."""
        given = request.headers.get(app.TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return JSONResponse({"error": "token of another run: reload the page", "word": "other_run"}, 403)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return JSONResponse({"error": "too long"}, 413)
        try:
            asked = json.loads(body)
            if not isinstance(asked, dict) or asked.get("act") not in self.acts:
                raise ActError("unknown act")
            await self.acts[asked["act"]](asked)
        except ActError as error:
            return JSONResponse({"error": str(error), **error.said}, 422)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse({"ok": True})


class _QuietServer(uvicorn.Server):
    """uvicorn in somebody else's loop: signals belong to the orchestrator."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def served(page: Page, port: int = 0) -> AsyncIterator[int]:
    """Serve on the loopback interface while the block runs; gives the port (0 asks for an ephemeral one)."""
    config = uvicorn.Config(
        page.app,
        LOOPBACK,
        port,
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=1,
        lifespan="off",
    )
    server = _QuietServer(config)
    sock = config.bind_socket()
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the page could not be served")
            await asyncio.sleep(0.01)
        yield sock.getsockname()[1]
    finally:
        page.feed.close()
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        sock.close()
