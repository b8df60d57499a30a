"""The grammar of AT commands: bytes into lines, which lines end a command, which come unasked, what an error
number asks for.

Source: ITU-T V.250 5.7 (results), 3GPP TS 27.005 3.2.5 (+CMS ERROR) and TS 27.007 9.2 (+CME ERROR). What an
error asks for is from the field: which numbers pass by themselves, which need mending, which are for ever.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

PROMPT: Final = "\0prompt"  # no line of a modem: a line has no zero byte after `Lines`
MAX_LINE: Final = 2048  # bytes; a longer line is noise, and is cut
FINALS: Final = ("OK", "ERROR", "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS")  # the last two: Huawei's ERROR
ERRORS: Final = ("+CME ERROR:", "+CMS ERROR:")
CALL_FINALS: Final = ("NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE")  # of ATD alone
TWO_LINES: Final = ("+CMT:", "+CDS:")  # an unsolicited code whose PDU is the line after it
_SECRETS = re.compile(r'(\+CPIN=|\+CLCK=)"?[^",\r]*"?')
_NUMBERS = re.compile(r"\+?[0-9]{5,}")
_DIGITS = re.compile(r"\A\+?[0-9]{3,20}\Z")
_HEX = re.compile(r"\b[0-9A-Fa-f]{20,}\b")


class Lines:
    """Bytes in, lines out, whatever comes; `wants_prompt` makes a `>` at a line's start one."""

    def __init__(self) -> None:
        self.wants_prompt = False
        self._held = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that became whole, without their ends; empty ones are left out."""
        self._held += data.replace(b"\0", b"")
        out: list[str] = []
        while True:
            self._held = self._held.lstrip(b"\r\n")
            if self.wants_prompt and self._held.startswith(b">"):
                self._held = self._held[1:].removeprefix(b" ")
                self.wants_prompt = False
                out.append(PROMPT)
                continue
            ends = [at for at in (self._held.find(b"\r"), self._held.find(b"\n")) if at >= 0]
            if not ends:
                break
            line, self._held = self._held[: min(ends)], self._held[min(ends) :]
            text = line[:MAX_LINE].decode("utf-8", "replace").strip()
            if text:
                out.append(text)
        if len(self._held) > MAX_LINE:
            self._held = b""
        return out

    def drop(self) -> None:
        """Forget a line that is not whole yet."""
        self._held = b""


def is_final(line: str, *, dialling: bool = False) -> bool:
    """Whether a line, as a whole, ends a command."""
    return line in FINALS or line.startswith(ERRORS) or (dialling and line in CALL_FINALS)


def error_number(line: str) -> tuple[str, int | None]:
    """("CMS" or "CME" or "", the number) of a final that is an error."""
    for start in ERRORS:
        if line.startswith(start):
            word = line.removeprefix(start).strip()
            return start[1:4], int(word) if word.isascii() and word.isdigit() and len(word) < 5 else None
    return "", None


class Remedy(msgspec.Struct, frozen=True):
    """What an error of AT+CMGS asks for. `outcome` is "failed" or "unknown"; `again_s` 0 = not by itself;
    `repair` names what has to be mended first: "storage", "centre", "mode" or nothing."""

    outcome: str = "failed"
    again_s: float = 0.0
    repair: str = ""


_AGAIN_SOON: Final = (41, 314)
_AGAIN_LATER: Final = (17, 22, 27, 38, 42, 47, 331, 332, 350, 500, 512, 513, 514, 515)
_REPAIRS: Final = {322: "storage", 330: "centre", 304: "mode", 305: "mode"}
UNKNOWN_CMS: Final = 500  # "unknown error": the message may have gone


def remedy(cms: int | None) -> Remedy:
    """What a +CMS ERROR of AT+CMGS asks for; None stands for a bare ERROR."""
    if cms in _AGAIN_SOON:
        return Remedy(again_s=3.0)
    if cms in _REPAIRS:
        return Remedy(again_s=0.5, repair=_REPAIRS[cms])
    if cms == UNKNOWN_CMS:
        return Remedy(outcome="unknown", again_s=30.0)
    if cms in _AGAIN_LATER:
        return Remedy(again_s=30.0)
    return Remedy()


def fields(line: str) -> list[str]:
    """The values after the colon of an answer such as `+CREG: 2,1,"1A2B"`, without their quotes."""
    _, _, rest = line.partition(":")
    return [value.strip().strip('"') for value in rest.split(",")]


def number_at(line: str, place: int) -> int | None:
    """The whole number at a place of an answer, or None."""
    values = fields(line)
    word = values[place] if place < len(values) else ""
    return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else None


class Line(msgspec.Struct, frozen=True):
    """A phone call of +CLCC (TS 27.007 7.18) or of a code like it."""

    incoming: bool
    stat: int  # 0 active, 1 held, 2 dialling, 3 alerting, 4 incoming, 5 waiting; of ^DSCI 6: ended
    number: str = ""


ACTIVE, DIALLING, ALERTING, INCOMING, ENDED = 0, 2, 3, 4, 6
_DSCI_STAT: Final = {1: 1, 2: DIALLING, 3: ACTIVE, 4: INCOMING, 5: 5, 6: ENDED, 7: ALERTING}


def line_of(text: str) -> Line | None:
    """The phone call that a `+CLCC:` or `^DSCI:` tells of; None for one of data, and for what is none.

    ^DSCI: id, direction, state, type, number, as Quectel's manuals have it; its states are others.
    """
    values = fields(text)
    found = [number_at(text, place) for place in range(4)]
    if None in found or found[1] not in (0, 1):
        return None
    _, direction, stat, mode = found
    if text.startswith("^DSCI:"):
        number, stat = values[4] if len(values) > 4 else "", _DSCI_STAT.get(stat or 0)
    elif text.startswith("+CLCC:"):
        number = values[5] if len(values) > 5 else ""
    else:
        return None
    if stat is None or stat > ENDED or mode != 0:
        return None
    return Line(direction == 1, stat, number if _DIGITS.match(number) else "")


def tone_of(text: str) -> str:
    """The key that the other side of a call has pressed, or "".

    `+QTONEDET: 49` bears the character's number (Quectel), `+DTMF: 1` and `+RXDTMF: 1` the key (SIMCom).
    """
    name, _, rest = text.partition(":")
    word = rest.strip().strip('"')
    if name == "+QTONEDET":
        word = chr(int(word)) if word.isascii() and word.isdigit() and len(word) < 4 else ""
    elif name not in ("+DTMF", "+RXDTMF"):
        return ""
    return word if len(word) == 1 and word in "0123456789*#ABCD" else ""


def masked(line: str) -> str:
    """A line for a log: without PIN, numbers and contents of messages."""
    return _NUMBERS.sub("<number>", _HEX.sub("<pdu>", _SECRETS.sub(r"\1<pin>", line)))
