"""The way to the platform by HTTPS: for lines that let no UDP pass, and beside CoAP when that is late.

- The platform's certificate authority is pinned: the system's authorities, proxies and .netrc count for
  nothing. Plain http:// is refused when the path is made, and a redirect is an error: there is no way down.
- `requests` is imported at the first use and works in threads of the path's own, so that neither a dead
  resolver nor a stuck poll takes a thread from a call.
- One connection a purpose (sos, rest, poll) is kept; what fails on a kept connection is tried once on a new
  one, because the other side may have let go of it unheard. Events fold on their ids, so that is safe.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from edge.paths.base import (
    MAX_BODY_BYTES,
    PathError,
    bad_answer,
    config_body,
    config_of,
    receipts_for,
    wall_ms_of,
)
from edge.paths.interface import adapter
from edge.threads import Limit, in_thread
from protocols.errors import AnbanError, Reason
from protocols.values import DownlinkItem, Event, Lane, Receipt
from protocols.wire import MAX_ITEMS, Packed, decode_downlink, encode_delivery

if TYPE_CHECKING:
    import requests

CONNECT_S: Final = 3.0  # a handshake over a bad mobile line takes 1-2 s
READ_S: Final = 10.0  # the platform answers after a commit of milliseconds
POLL_SLACK_S: Final = 15.0  # beyond the hold; see coap.POLL_SLACK_S
LOOKUP_S: Final = 10.0  # getaddrinfo heeds no timeout; the caller is let go after this
BATCH: Final = 200  # events a request at most, about 20 KB: 2 s on a line of 100 kbit/s
THREADS: Final = {"sos": 4, "rest": 1, "poll": 2}
CBOR: Final = "application/cbor"
# What requests would load to guess the encoding of texts: 3 MB of tables, and we read bytes.
GUESSERS: Final = ("charset_normalizer", "chardet")

_importing = threading.Lock()


class HttpsPath:
    """The path "https". `url` is https://host[:port]; `ca_file` the one authority that is believed.

    `token` is the hub's bearer token; `interface` is the only one by which it goes, or "".
    AnbanError(BAD_CONFIG) for an address that is not https.
    """

    name = "https"

    def __init__(self, url: str, ca_file: str, token: str, interface: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise AnbanError(
                Reason.BAD_CONFIG, f"{url!r} is not an https:// address", "Mend platform.https_url."
            )
        self._url = url.rstrip("/")
        self._ca_file = ca_file
        self._token = token
        self._interface = interface
        self._limits = {purpose: Limit(threads) for purpose, threads in THREADS.items()}
        self._closed = False
        self._sessions: dict[str, requests.Session] = {}
        self._making = threading.Lock()

    async def send(self, events: Sequence[Event | Packed]) -> list[Receipt]:
        """See `Path.send`."""
        if not events:
            return []
        purpose = "sos" if min(event.lane for event in events) <= Lane.ASSIST else "rest"
        receipts: list[Receipt] = []
        for start in range(0, len(events), min(BATCH, MAX_ITEMS)):
            chunk = events[start : start + min(BATCH, MAX_ITEMS)]
            body = encode_delivery(chunk)
            try:
                receipts += receipts_for(chunk, await self._ask(purpose, "POST", "/v1/events", body, READ_S))
            except PathError as error:
                raise PathError(error.reason, error.sentence, error.remedy, receipts) from error
        return receipts

    async def poll(self, after: int, hold_s: float) -> list[DownlinkItem]:
        """See `Path.poll`."""
        address = f"/v1/downlink?after={after}&hold={hold_s:g}"
        answer = await self._ask("poll", "GET", address, b"", hold_s + POLL_SLACK_S)
        try:
            return decode_downlink(answer)
        except AnbanError as error:
            raise bad_answer(error.sentence) from error

    async def time(self) -> tuple[int, float]:
        """See `Path.time`: on the connection that calls use, which it so keeps warm."""
        begun = time.monotonic()
        answer = await self._ask("sos", "GET", "/v1/time", b"", READ_S)
        round_trip_s = time.monotonic() - begun
        return wall_ms_of(answer) + int(round_trip_s * 500), round_trip_s

    async def config(self) -> tuple[str, str]:
        """See `Path.config`."""
        return config_of(await self._ask("rest", "GET", "/v1/config", b"", READ_S))

    async def put_config(self, document: str, author: str) -> None:
        """See `Path.put_config`."""
        await self._ask("rest", "PUT", "/v1/config", config_body(document, author), READ_S)

    async def close(self) -> None:
        """See `Path.close`. Threads that hang in the system end by themselves and keep nobody."""
        self._closed = True
        for session in self._sessions.values():
            session.close()

    async def _ask(self, purpose: str, method: str, address: str, body: bytes, read_s: float) -> bytes:
        if self._closed:
            raise PathError(Reason.PATH_DOWN, "the path is closed")
        try:
            async with asyncio.timeout(2 * (CONNECT_S + read_s) + LOOKUP_S):
                return await in_thread(
                    f"https-{purpose}",
                    *(self._request, purpose, method, address, body, read_s),
                    limit=self._limits[purpose],
                )
        except TimeoutError as error:
            raise PathError(
                Reason.PATH_TIMEOUT, "no answer in time", "Check the line; it is tried on."
            ) from error
        except RuntimeError as error:
            raise PathError(Reason.PATH_DOWN, "the system has no thread to give", "Restart it.") from error

    def _request(self, purpose: str, method: str, address: str, body: bytes, read_s: float) -> bytes:
        """One exchange, in a thread of the purpose's own. PathError and nothing else."""
        requests = library()
        from urllib3.exceptions import HTTPError

        session = self._session(purpose, requests.Session)
        for last in (False, True):
            try:
                with session.request(
                    method,
                    self._url + address,
                    data=body or None,
                    headers={"Content-Type": CBOR} if body else {},
                    timeout=(CONNECT_S, read_s),
                    allow_redirects=False,
                    stream=True,
                ) as answer:
                    return _body(answer)
            except requests.exceptions.SSLError as error:
                if "CERTIFICATE_VERIFY_FAILED" in repr(error) or "doesn't match" in repr(error):
                    raise PathError(
                        Reason.NOT_AUTHENTIC,
                        "the platform's certificate is not the pinned authority's",
                        "Check ca_file and the address; if both are right, somebody stands between.",
                    ) from error
                if last:
                    raise PathError(
                        Reason.PATH_DOWN, "the TLS handshake was cut off", "Check the network."
                    ) from error
            except (requests.exceptions.ConnectTimeout, requests.exceptions.ReadTimeout) as error:
                raise PathError(Reason.PATH_TIMEOUT, "no answer in time", "Check the line.") from error
            except (requests.exceptions.RequestException, HTTPError, OSError, ValueError) as error:
                if last or not _let_go(error):
                    raise PathError(
                        Reason.PATH_DOWN,
                        f"no way to the platform: {type(error).__name__}",
                        "Check the network.",
                    ) from error
        raise AssertionError("the last try returns or raises")

    def _session(self, purpose: str, make: Callable[[], requests.Session]) -> requests.Session:
        with self._making:
            session = self._sessions.get(purpose)
            if session is None:
                session = self._sessions[purpose] = make()
                session.trust_env = False  # no proxies, no .netrc, no other authorities from the environment
                session.verify = self._ca_file
                if self._interface:
                    session.mount("https://", adapter(library(), self._interface))
                session.headers.clear()
                session.headers["Authorization"] = f"Bearer {self._token}"
                # Small on the wire, and no compression: nothing to blow up. None takes a default away.
                session.headers["Accept-Encoding"] = "identity"
                session.headers["User-Agent"] = "anban"
            return session


def library() -> ModuleType:
    """The module `requests`, without its guessers of encodings. From any thread; slow the first time."""
    with _importing:
        hidden = [name for name in GUESSERS if name not in sys.modules and "requests" not in sys.modules]
        sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: "not there"
        try:
            warnings.filterwarnings("ignore", "Unable to find acceptable character detection")
            import requests
        finally:
            for name in hidden:
                del sys.modules[name]
    return requests


def _let_go(error: Exception) -> bool:
    """Whether it looks as if the other side had closed a kept connection before our request."""
    words = repr(error)
    return any(sign in words for sign in ("RemoteDisconnected", "ConnectionResetError", "BrokenPipeError"))


def _body(answer: Any) -> bytes:
    """The body of a 200, read within bounds. PathError for any other answer."""
    body = answer.raw.read(MAX_BODY_BYTES + 1, decode_content=False)
    if len(body) > MAX_BODY_BYTES:
        raise bad_answer("it is too long")
    if answer.status_code in (200, 204):
        return bytes(body)
    words = body[:200].decode("utf-8", "replace")
    raise PathError(Reason.PATH_REFUSED, f"the platform answered {answer.status_code}: {words}")
