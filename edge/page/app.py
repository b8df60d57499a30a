"""Serves the page: its files, what the hub tells, and one door for what is done on it.

Every answer needs a session (edge/page/access.py), every act the token of the session's own page as well, and
no file comes from anywhere else. Nothing that is asked or answered is logged.
"""

from __future__ import annotations

import functools
import html
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.page.access import Access, Session, host_of, is_ours, is_token, language_of
from edge.page.acts import MOST_BYTES, act_of
from edge.page.asking import Asking, have_of
from edge.page.words import catalogue, module
from protocols.errors import AnbanError, Reason

FILES: Final = Path(__file__).parent / "files"
TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
WORDS: Final = "told.js"  # is made, not kept
TOKEN_HEADER: Final = "x-anban-token"
LANGUAGE_COOKIE: Final = "anban-language"
YEAR_S: Final = 365 * 86_400
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
STATUS: Final = {Reason.NO_HUB: 503, Reason.BUSY: 503, Reason.NOT_FOUND: 404, Reason.CONFLICT: 409}
Answer = Callable[[Request, Session], Awaitable[Response]]


class _Guard:
    """Put the headers on every answer; refuse a Host that is not ours."""

    def __init__(self, app: ASGIApp, is_ours: Callable[[str], bool]) -> None:
        self._app, self._is_ours = app, is_ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if not self._is_ours(host_of(host)):
            await Response("unknown host", 421)(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)


class Page:
    """The page of one hub; `app` is its ASGI application. `port` only names the cookie."""

    def __init__(
        self,
        asking: Asking,
        access: Access,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        names: tuple[str, ...] = (),
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.access, self._asking, self._now_s = access, asking, now_s
        self.cookie = f"anban-page-{port}"  # browsers share cookies between the ports of one address
        self._files = {path.name: path.read_text(encoding="utf-8") for path in FILES.iterdir()}
        self._files[WORDS] = module()
        routes = [
            Route("/", self._front),
            Route("/state", self._known(self._state)),
            Route("/do", self._known(self._do), methods=["POST"]),
            Route("/{name}", self._known(self._file)),
        ]
        ours = functools.partial(is_ours, address=address, names=names)
        self.app = _Guard(Starlette(routes=routes), ours)

    def _session(self, request: Request) -> Session | None:
        return self.access.session(request.cookies.get(self.cookie), self._now_s())

    def _known(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        """Without a session nothing is answered."""

        async def guarded(request: Request) -> Response:
            session = self._session(request)
            return await answer(request, session) if session is not None else _refused(request)

        return guarded

    async def _front(self, request: Request) -> Response:
        """The page; with a key that is good, a session and the way to the page without the key in it."""
        session = self._session(request)
        if session is not None and "key" not in request.query_params:
            return self._page(request, session)
        cookie = None
        if session is None:
            cookie = self.access.enter(request.query_params.get("key", ""), self._now_s())
            if cookie is None:
                return _refused(request)
        # Not a redirect: whoever comes from another site's link would be led on without the strict cookie.
        on = (
            '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=./">'
            '<link rel="icon" href="icon.svg"><title>Anban</title>'
        )
        response = Response(on, media_type="text/html")
        if cookie is not None:
            https = request.url.scheme == "https"
            response.set_cookie(self.cookie, cookie, secure=https, httponly=True, samesite="strict")
        return response

    def _page(self, request: Request, session: Session) -> Response:
        wanted = request.query_params.get("language")
        language = _language(request, wanted)
        text = self._files["hub.html"]
        for name, value in {"language": language, "token": session.token}.items():
            text = text.replace("{{" + name + "}}", html.escape(value))
        response = Response(text, media_type="text/html")
        if wanted == language:
            response.set_cookie(LANGUAGE_COOKIE, language, YEAR_S, httponly=True, samesite="strict")
        return response

    async def _file(self, request: Request, _session: Session) -> Response:
        name = request.path_params["name"]
        text = self._files.get(name) if name != "hub.html" else None
        if text is None:
            return Response("not found", 404)
        return Response(text, media_type=TYPES[Path(name).suffix])

    async def _state(self, request: Request, _session: Session) -> Response:
        have = have_of(request.query_params.get("have", ""))
        return JSONResponse(await self._asking.look(have))

    async def _do(self, request: Request, session: Session) -> Response:
        """One act; 403 unless it began in this session's page, else as the hub answers it."""
        if not (is_token(session, request.headers.get(TOKEN_HEADER, "")) and _began_here(request)):
            return _refused(request)
        try:
            op, args = act_of(await _body(request))
            result: Any = await self._asking.act(op, args)
        except AnbanError as error:
            said = {"reason": str(error.reason), "sentence": error.sentence, "remedy": error.remedy}
            return JSONResponse(said, STATUS.get(error.reason, 422))
        return JSONResponse({"result": result})


def _language(request: Request, wanted: str | None = None) -> str:
    chosen = wanted or request.cookies.get(LANGUAGE_COOKIE)
    return language_of(chosen, request.headers.get("accept-language", ""))


def _refused(request: Request) -> Response:
    """No session: how to come by one, and nothing of this home."""
    language = _language(request)
    sentence = html.escape(catalogue(language)["no_key"])
    text = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>Anban</title><p>{sentence}</p>'
    )
    return Response(text, 403, media_type="text/html")


def _began_here(request: Request) -> bool:
    """Whether the browser says that the act comes from a page of this origin, or says nothing of it."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise AnbanError(Reason.TOO_BIG, f"At most {MOST_BYTES} bytes are taken.")
    return bytes(body)
