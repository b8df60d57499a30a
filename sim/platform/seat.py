"""The seat's page and its door: calls and faults as they come, and what a person at the seat does about them.

On the loopback interface only. The page itself holds nothing; everything else asks for the seat's token,
which is made at the first start (DIR/seat-token, mode 0600) and comes to the page once, in the fragment of
its address. It travels in a header, never in a cookie: another site open in the same browser can do nothing
with it.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from protocols.errors import AnbanError, Reason
from protocols.sms_payload import ASKS
from protocols.values import Command, EventId
from sim.platform.desk import Arrival
from sim.platform.folding import Action
from sim.platform.store import Store, now_ms
from sim.platform.views import call_view, faults_view, reading_view
from sim.platform.web import bearer, read_body, refused

PAGE = Path(__file__).parent / "page"
FILES = {
    "/": ("seat.html", "text/html"),
    "/seat.css": ("seat.css", "text/css"),
    "/seat.js": ("seat.js", "text/javascript"),
    "/words.js": ("words.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
HOSTS = ("127.0.0.1", "localhost", "[::1]")
TOKEN_FILE = "seat-token"
MAX_BODY = 4_096
MAX_NAME = 64
MAX_SETTINGS = 8_192  # bytes; what a hub takes (edge/config.py)
ENDED_SHOWN = 30
READINGS_SHOWN = 12
ASKED_MS = 600_000  # a wish that is older is none any more
PING_S = 15.0  # also tells the page the platform's time
BEHIND = 500  # messages that a page may be behind; then it is let go, comes again and gets the whole state


def seat_token(directory: Path) -> str:
    """The token of this platform's seat; made when there is none. No default exists."""
    path = directory / TOKEN_FILE
    if not path.exists():
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path.read_text().strip()


class Seat:
    """The application, and the pages that listen."""

    def __init__(self, store: Store, token: str) -> None:
        self._store = store
        self._token = token
        self._pages: set[asyncio.Queue[str | None]] = set()
        self._faults_due: asyncio.TimerHandle | None = None
        self._readings_due: asyncio.TimerHandle | None = None
        self.on_command: Callable[[str, Command], None] = lambda hub, command: None
        routes = [Route(address, self._file, methods=["GET"]) for address in FILES]
        routes += [
            Route("/seat/state", self._state, methods=["GET"]),
            Route("/seat/stream", self._stream, methods=["GET"]),
            Route("/seat/calls/{call_id}/{action}", self._act, methods=["POST"]),
            Route("/seat/hubs/{hub}/settings", self._propose, methods=["POST"]),
            Route("/seat/hubs/{hub}/commands/{kind}", self._ask, methods=["POST"]),
            Route("/seat/hubs/{hub}/prompts", self._prompt, methods=["POST"]),
            Route("/seat/hubs/{hub}/prompts/{prompt}", self._remove_prompt, methods=["DELETE"]),
        ]
        self.app = _Guard(Starlette(routes=routes, exception_handlers={AnbanError: refused}))

    def tell(self, arrival: Arrival) -> None:
        """Pass on to every page what a commit changed."""
        for change in arrival.changes:
            if change.case is not None:
                view = call_view(change.case, self._store.register)
                self._send("call", {"alert": change.alert.value, "call": view, "now_ms": now_ms()})
            if change.fault and self._faults_due is None:
                # A district's outage is thousands of faults in a moment: they are shown together.
                self._faults_due = asyncio.get_running_loop().call_later(0.25, self._send_faults)
            if change.reading and self._pages and self._readings_due is None:
                self._readings_due = asyncio.get_running_loop().call_later(1.0, self._send_readings)

    def close(self) -> None:
        """End all streams."""
        if self._faults_due is not None:
            self._faults_due.cancel()
        if self._readings_due is not None:
            self._readings_due.cancel()
        for page in self._pages:
            page.put_nowait(None)

    def _send_faults(self) -> None:
        self._faults_due = None
        self._send("faults", self._faults())

    def _send_readings(self) -> None:
        self._readings_due = None
        self._send("readings", self._readings())

    def _readings(self) -> list[dict[str, Any]]:
        register = self._store.register
        return [reading_view(*row, register) for row in self._store.readings(READINGS_SHOWN)]

    def _send(self, name: str, value: Any) -> None:
        message = f"event: {name}\ndata: {json.dumps(value, ensure_ascii=True)}\n\n"
        for page in list(self._pages):
            if page.qsize() > BEHIND:
                self._pages.discard(page)
                page.put_nowait(None)
            else:
                page.put_nowait(message)

    def _faults(self) -> list[dict[str, Any]]:
        return faults_view(self._store.standing_faults(), self._store.register)

    def _whole(self) -> dict[str, Any]:
        register = self._store.register
        register.refresh()
        return {
            "now_ms": now_ms(),
            "hubs": len(register.hubs),
            "calls": [call_view(case, register) for case in self._store.cases(ENDED_SHOWN)],
            "faults": self._faults(),
            "readings": self._readings(),
        }

    def _check(self, request: Request) -> None:
        if not hmac.compare_digest(bearer(request).encode(), self._token.encode()):
            raise AnbanError(Reason.NOT_AUTHENTIC, "The seat's token is required.")

    async def _file(self, request: Request) -> Response:
        name, kind = FILES[request.url.path]
        return Response((PAGE / name).read_bytes(), media_type=kind)

    async def _state(self, request: Request) -> Response:
        self._check(request)
        return JSONResponse(self._whole())

    async def _stream(self, request: Request) -> Response:
        self._check(request)
        return StreamingResponse(self._messages(), media_type="text/event-stream")

    async def _messages(self) -> AsyncIterator[str]:
        page: asyncio.Queue[str | None] = asyncio.Queue()
        self._pages.add(page)
        try:
            yield f"event: state\ndata: {json.dumps(self._whole(), ensure_ascii=True)}\n\n"
            while True:
                try:
                    async with asyncio.timeout(PING_S):
                        message = await page.get()
                except TimeoutError:
                    message = f'event: ping\ndata: {{"now_ms": {now_ms()}}}\n\n'
                if message is None:
                    return
                yield message
        finally:
            self._pages.discard(page)

    async def _act(self, request: Request) -> Response:
        self._check(request)
        call_id = EventId.parse(request.path_params["call_id"])
        try:
            action = Action(request.path_params["action"])
        except ValueError:
            raise AnbanError(Reason.NOT_FOUND, "There is no such action.") from None
        by, seen = _hand_in(await read_body(request, MAX_BODY))
        arrival = await self._store.act(call_id, action, by, seen)
        case = arrival.changes[0].case if arrival.changes else None
        return JSONResponse(call_view(case, self._store.register) if case is not None else {})

    async def _propose(self, request: Request) -> Response:
        """Settings for one hub: the body is the document, ?by= the person; the hub tries them and reports."""
        self._check(request)
        by = _name(request.query_params.get("by", ""))
        body = await read_body(request, MAX_SETTINGS)
        try:
            document = body.decode()
        except UnicodeDecodeError:
            raise AnbanError(Reason.BAD_VALUE, "A settings document is text in UTF-8.") from None
        await self._store.propose(request.path_params["hub"], document, by)
        return JSONResponse({}, 202)

    async def _ask(self, request: Request) -> Response:
        """Ask something of a hub: a report of how it stands, a test of its ways, to phone the seat."""
        self._check(request)
        hub, kind = request.path_params["hub"], request.path_params["kind"]
        self._store.register.refresh()
        if hub not in self._store.register.hubs or kind not in ASKS:
            raise AnbanError(Reason.NOT_FOUND, f"A hub of ours is asked one of {', '.join(ASKS)}.")
        command = Command(
            id=secrets.token_hex(8),
            kind=kind,
            expires_ms=now_ms() + ASKED_MS,
            authority=_name(request.query_params.get("by", "")),
        )
        await self._store.command(hub, command)
        self.on_command(hub, command)
        return JSONResponse({"command": command.id}, 202)

    async def _prompt(self, request: Request) -> Response:
        """A prompt for one hub: the body is what edge/prompts.py calls a Prompt, as JSON; ?by= the person."""
        try:
            data = json.loads(await self._body(request))
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise AnbanError(Reason.BAD_VALUE, "A prompt is a JSON object.")
        return await self._send_prompt(request, "prompt", data)

    async def _remove_prompt(self, request: Request) -> Response:
        """Take a prompt away again."""
        self._check(request)
        return await self._send_prompt(request, "prompt.remove", {"id": request.path_params["prompt"]})

    async def _send_prompt(self, request: Request, kind: str, data: dict[str, Any]) -> Response:
        by = _name(request.query_params.get("by", ""))
        await self._store.prompt(request.path_params["hub"], kind, data, by)
        return JSONResponse({}, 202)

    async def _body(self, request: Request) -> bytes:
        self._check(request)
        return await read_body(request, MAX_BODY)


def _hand_in(body: bytes) -> tuple[str, int | None]:
    """Who acts, and how many presses that seat had seen: {"by": name, "presses": n}, both optional."""
    try:
        fields = json.loads(body or b"{}")
        by, seen = fields.get("by", ""), fields.get("presses")
    except (ValueError, AttributeError, RecursionError):
        raise AnbanError(Reason.BAD_VALUE, 'The body reads {"by": name, "presses": n}.') from None
    if seen is not None and type(seen) is not int:
        raise AnbanError(Reason.BAD_VALUE, "The number of presses is a whole number.")
    return _name(by), seen


def _name(by: object) -> str:
    if not isinstance(by, str) or len(by) > MAX_NAME or not by.isprintable():
        raise AnbanError(Reason.BAD_VALUE, f"A name has at most {MAX_NAME} printable characters.")
    return by.strip() or "seat"


class _Guard:
    """Adds the headers to every answer, and refuses a Host that is not this machine (DNS rebinding)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").rpartition(":")[0]

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        answer: ASGIApp = self._app if host in HOSTS else Response("not this host", 421)
        await answer(scope, receive, send_guarded)
