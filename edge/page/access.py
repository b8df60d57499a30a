"""Who may look at the hub's page: one-time keys become sessions; names that are not ours are refused.

Pure: the time is an argument, secrets come from a source. Nothing is shown without a session, on the loopback
interface too: other users of the machine may not open the hub's socket, and may not read it by this way.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from edge.phrases.catalogue import LANGUAGES

KEY_S: Final = 600.0  # from the printed link to the click on it
SESSION_S: Final = 12 * 3600.0  # without a look: a phone that is found later shows nothing
MOST_SESSIONS: Final = 16  # of one home; the one that was used longest ago ends
MOST_HEADER: Final = 500  # characters of a header that are read
LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(slots=True)
class Session:
    """A browser that came with a key. `token` stands in its page and proves that an action began there."""

    token: str
    seen_s: float


class Access:
    """The keys that were given out, and the browsers that came with one."""

    def __init__(self, secret: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> None:
        self._secret = secret
        self._key, self._made_s = "", 0.0
        self._sessions: dict[str, Session] = {}

    def key(self, now_s: float) -> str:
        """A key that nobody has used yet: the one that was given out last while half of its time is left."""
        if not self._key or now_s - self._made_s > KEY_S / 2:
            self._key, self._made_s = self._secret(), now_s
        return self._key

    def enter(self, key: str, now_s: float) -> str | None:
        """The cookie of a new session, once for each key; None for a key that is not good (any more)."""
        good = hmac.compare_digest(key.encode("utf-8", "replace"), self._key.encode())
        if not self._key or not good or now_s - self._made_s > KEY_S:
            return None
        self._key = ""
        self._forget(now_s)
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda name: self._sessions[name].seen_s)]
        cookie = self._secret()
        self._sessions[cookie] = Session(self._secret(), now_s)
        return cookie

    def session(self, cookie: str | None, now_s: float) -> Session | None:
        """The session of this cookie, which lives on by being used."""
        self._forget(now_s)
        given = (cookie or "").encode("utf-8", "replace")
        for known, session in self._sessions.items():
            if hmac.compare_digest(given, known.encode()):
                session.seen_s = now_s
                return session
        return None

    def _forget(self, now_s: float) -> None:
        for name in [n for n, s in self._sessions.items() if now_s - s.seen_s > SESSION_S]:
            del self._sessions[name]


def is_token(session: Session, given: str) -> bool:
    """Whether an action began in the session's own page."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), session.token.encode())


def host_of(header: str) -> str:
    """The name of a Host header without its port, in small letters; empty where it is none."""
    text = header[:MOST_HEADER].strip().lower()
    if text.startswith("["):
        name, closed, rest = text[1:].partition("]")
        return name if closed and (not rest or rest.startswith(":")) else ""
    name, _, port = text.partition(":")
    return name if not port or (port.isascii() and port.isdigit()) else ""


def is_ours(host: str, address: str, names: Collection[str] = ()) -> bool:
    """Whether a Host is this page: a name that somebody else points here (DNS rebinding) is not. `address`
    is what the page listens on; where that is every address of the machine, an address by number is ours."""
    if host in {*LOCAL_NAMES, address.lower(), *(name.lower() for name in names)}:
        return True
    try:
        return ipaddress.ip_address(address).is_unspecified and bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def language_of(chosen: str | None, header: str) -> str:
    """The language of a page: what was chosen on it, else what Accept-Language (RFC 9110 12.5.4) likes best.

    Who takes anything gets Chinese, who asks for other languages English.
    """
    if chosen in LANGUAGES:
        return chosen
    likes: dict[str, float] = {}
    for part in header[:MOST_HEADER].split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES:
            likes[language] = max(likes.get(language, 0.0), _weight(weight))
    best = max(likes, key=lambda name: likes[name], default="")
    if best and likes[best] > 0:
        return best
    return "zh" if header.strip() in ("", "*") else "en"


def _weight(text: str) -> float:
    """The q of a part of Accept-Language: 1 where there is none, 0 for nonsense."""
    name, _, value = text.strip().partition("=")
    if not name:
        return 1.0
    digits = value.strip()
    if name.strip().lower() != "q" or len(digits) > 5 or not digits.replace(".", "", 1).isascii():
        return 0.0
    whole, _, part = digits.partition(".")
    return float(digits) if whole in ("0", "1") and (part.isdigit() or not part) else 0.0
