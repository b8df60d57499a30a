"""A SIP provider on one UDP port: registers who proves a password (RFC 3261 22.4), and routes between them.

A stateless proxy (RFC 3261 16.11): a request to NAME goes where NAME is registered, answers go back the way
of their Via; within a call the telephones speak to each other. `log` is what an observer sees of the calls.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
from dataclasses import dataclass, field

REALM = "sim"
FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


@dataclass
class Invite:
    """One call as the provider saw it. `answers`: status code -> when, in wall milliseconds."""

    caller: str
    callee: str
    id: str
    at_ms: int
    answers: dict[int, int] = field(default_factory=dict)

    @property
    def rang_ms(self) -> int:
        """When the callee's telephone rang; 0 if it has not."""
        return self.answers.get(180, 0)


class SipExchange(asyncio.DatagramProtocol):
    """`await open()`; then `domain` stands behind the @ of its addresses. `down`: it hears nothing."""

    def __init__(self) -> None:
        self.accounts: dict[str, str] = {}  # name -> password
        self.registered: dict[str, tuple[str, tuple[str, int]]] = {}  # name -> contact, where
        self.refused: list[str] = []  # names of those who could not prove it
        self.log: list[Invite] = []
        self.down = False
        self.port = 0
        self._nonce = secrets.token_hex(8)
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def domain(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """See asyncio.DatagramProtocol."""
        head, _, body = data.decode("utf-8", "surrogateescape").partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        if self.down or not lines:
            return
        if first.startswith("SIP/2.0"):
            self._answer(first, lines, body)
        elif first.startswith("REGISTER "):
            self._register(lines, addr)
        else:
            self._request(first, lines, body, addr)

    # --- registering ---

    def _register(self, lines: list[str], addr: tuple[str, int]) -> None:
        name = _user(_value(lines, "to"))
        proof = {k: a or b for k, a, b in FIELD.findall(_value(lines, "authorization"))}
        if not proof:
            challenge = f'WWW-Authenticate: Digest realm="{REALM}", nonce="{self._nonce}", qop="auth"'
            self._reply(lines, addr, "401 Unauthorized", challenge)
        elif self._proved(name, proof):
            contact = re.search(r"<(sips?:[^>]+)>", _value(lines, "contact"))
            gone = "expires=0" in _value(lines, "contact") or _value(lines, "expires") == "0"
            if gone or contact is None:
                self.registered.pop(name, None)
                self._reply(lines, addr, "200 OK")
            else:
                self.registered[name] = contact[1], addr
                self._reply(lines, addr, "200 OK", f"Contact: <{contact[1]}>;expires=60")
        else:
            self.refused.append(name)
            self._reply(lines, addr, "403 Forbidden")

    def _proved(self, name: str, proof: dict[str, str]) -> bool:
        password = self.accounts.get(name)
        if password is None or proof.get("nonce") != self._nonce:
            return False
        one = _md5(f"{name}:{REALM}:{password}")
        two = _md5(f"REGISTER:{proof.get('uri', '')}")
        middle = [proof.get(k, "") for k in ("nonce", "nc", "cnonce", "qop")]
        return proof.get("response") == _md5(":".join((one, *middle, two)))

    # --- routing ---

    def _request(self, first: str, lines: list[str], body: str, addr: tuple[str, int]) -> None:
        method, uri, _ = first.split(" ", 2)
        callee = _user(uri)
        if method == "INVITE":
            self._note(callee, lines)
        found = self.registered.get(callee)
        if found is None:
            if method != "ACK":
                self._reply(lines, addr, "404 Not Found" if callee not in self.accounts else "480 Offline")
            return
        contact, where = found
        via = f"Via: SIP/2.0/UDP {self.domain};branch=z9hG4bK{_md5(_value(lines, 'via'))}"
        self._send(f"{method} {contact} SIP/2.0", [via, *lines], body, where)

    def _note(self, callee: str, lines: list[str]) -> None:
        known = _value(lines, "call-id")
        if all(call.id != known for call in self.log):
            caller = _user(_value(lines, "from"))
            self.log.append(Invite(caller, callee, known, round(time.time() * 1000)))

    def _answer(self, first: str, lines: list[str], body: str) -> None:
        code = int(first.split()[1])
        for call in self.log:
            if call.id == _value(lines, "call-id") and _value(lines, "cseq").endswith("INVITE"):
                call.answers.setdefault(code, round(time.time() * 1000))
        own = next(i for i, line in enumerate(lines) if line.lower().startswith("via:"))
        rest = lines[:own] + lines[own + 1 :]
        back = re.match(r"SIP/2.0/UDP\s+([0-9.]+):([0-9]+)", _value(rest, "via"))
        if back is not None:
            self._send(first, rest, body, (back[1], int(back[2])))

    # --- the wire ---

    def _reply(self, lines: list[str], addr: tuple[str, int], status: str, *more: str) -> None:
        kept = [line for line in lines if line.lower().startswith(("via:", "from:", "call-id:", "cseq:"))]
        to = f"To: {_value(lines, 'to')}"
        to += "" if ";tag=" in to else f";tag={secrets.token_hex(4)}"
        self._send(f"SIP/2.0 {status}", [*kept, to, *more, "Content-Length: 0"], "", addr)

    def _send(self, first: str, lines: list[str], body: str, addr: tuple[str, int]) -> None:
        if self._transport is not None:
            text = "\r\n".join((first, *lines)) + "\r\n\r\n" + body
            self._transport.sendto(text.encode("utf-8", "surrogateescape"), addr)


def _value(lines: list[str], name: str) -> str:
    """The first header of this name; "" where there is none."""
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip().lower() == name:
            return value.strip()
    return ""


def _user(text: str) -> str:
    found = re.search(r"sips?:([^@;>]+)@", text)
    return found[1] if found else ""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "surrogateescape")).hexdigest()
