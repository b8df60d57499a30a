"""Netstrings (cr.yp.to/proto/netstrings.txt): `LENGTH:BYTES,` one after the other in a stream."""

from __future__ import annotations

from typing import Final

from protocols.errors import AnbanError, Reason

MOST: Final = 65_536  # bytes of one; a longer one is no message of anybody's
DIGITS: Final = len(str(MOST))


def encode(body: bytes) -> bytes:
    """One netstring. AnbanError(TOO_BIG)."""
    if len(body) > MOST:
        raise AnbanError(Reason.TOO_BIG, f"a netstring of more than {MOST} bytes")
    return b"%d:%b," % (len(body), body)


class Reader:
    """Feed it what comes; it keeps at most one unfinished netstring. After an error it is of no more use."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The netstrings that are whole by now. AnbanError: BAD_VALUE, TOO_BIG."""
        self._held += data
        out = []
        while self._held:
            head, colon, _ = self._held[: DIGITS + 1].partition(b":")
            if not head.isdigit() or (len(head) > 1 and head[:1] == b"0"):
                raise AnbanError(Reason.BAD_VALUE, "not a netstring: no length")
            if not colon:
                if len(head) > DIGITS:
                    raise AnbanError(Reason.TOO_BIG, "a netstring without an end")
                break
            length = int(head)
            if length > MOST:
                raise AnbanError(Reason.TOO_BIG, f"a netstring of {length} bytes")
            start = len(head) + 1
            if len(self._held) <= start + length:
                break
            if self._held[start + length : start + length + 1] != b",":
                raise AnbanError(Reason.BAD_VALUE, "not a netstring: no comma at its end")
            out.append(self._held[start : start + length])
            self._held = self._held[start + length + 1 :]
        return out
