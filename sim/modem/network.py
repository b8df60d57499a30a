"""A cell network that carries SMS between numbers: late, lost, doubled or out of order, as its weather says.

It knows nothing of what a message says: a SUBMIT becomes a DELIVER octet by octet (3GPP TS 23.040 9.2.2),
with the sender's number and the network's time put in. `log` is what an observer outside sees.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from sim.modem.exchange import Exchange

CHINA = 32  # quarters of an hour

# ETSI EMTEL 2006: 6 to 8 s are typical between mobiles. A scenario says so when it makes them shorter.
TYPICAL_S = (6.0, 8.0)
QUARTILE = 0.6745  # of the normal distribution


@dataclass
class Air:
    """What the network does now.

    `delay_s` is drawn evenly between its two figures; with `tail` half of all messages come within them, and
    the others as a log-normal distribution has it. Of each try to bring a message, `missed` fail; the next
    comes after `again_s`, the last of which repeats.
    """

    delay_s: tuple[float, float] = TYPICAL_S
    loss: float = 0.0
    doubled: float = 0.0
    down: bool = False
    tail: bool = False
    missed: float = 0.0
    again_s: tuple[float, ...] = (60.0, 300.0, 900.0)

    def draw_s(self, dice: random.Random) -> float:
        """How long one message takes."""
        low_s, high_s = self.delay_s
        took_s = dice.uniform(low_s, high_s)
        if self.tail and low_s > 0:
            middle = math.log(low_s * high_s) / 2
            took_s = dice.lognormvariate(middle, (math.log(high_s) - middle) / QUARTILE)
        tries = 0
        while tries < MOST_TRIES and dice.random() < self.missed:
            took_s += self.again_s[min(tries, len(self.again_s) - 1)]
            tries += 1
        return took_s


MOST_TRIES = 8


def published(*, at_home: bool = True) -> Air:
    """A network as it was measured; messages overtake each other, for each has a delay of its own.

    Delay: 6 to 8 s typical between mobiles, and duplicates occur (ETSI EMTEL, ITU-T workshop, 2006-10); a
    log-normal form fits 40,000 measured ones (Hung, Lin, Lu, Peng, IEEE Trans. Wireless Communications 3(6),
    2004). 5.1 % never come in normal operation (Meng and others, INFOCOM 2007). 38 % of mobiles are not
    reached at the first try, for they are off or out of reach, and 2 % of what never moves (ETSI as before):
    `at_home` takes the latter, for the modems of a home and of a platform stand still. Not published, and
    guessed: one message of a hundred comes twice, and when a centre tries again.
    """
    return Air(loss=0.051, doubled=0.01, tail=True, missed=0.02 if at_home else 0.38)


@dataclass(frozen=True)
class Carried:
    """One message as an observer of the network saw it; `arrived_ms` 0 while it has not."""

    sender: str
    receiver: str
    tpdu: bytes
    at_ms: int


class CellNetwork:
    """Join numbers to it; `submit` carries."""

    def __init__(self, seed: int = 0) -> None:
        self.air = Air()
        self.log: list[Carried] = []
        self.exchange = Exchange(seed)
        self._dice = random.Random(f"cell {seed}")
        self._members: dict[str, Callable[[bytes], None]] = {}
        self._waiting: dict[str, list[bytes]] = {}
        self._under_way: set[asyncio.TimerHandle] = set()
        self.on_carried: list[Callable[[Carried], None]] = []
        self.clock: Callable[[], float] = time.time  # seconds: what it tells modems that join (NITZ)
        self.zone = CHINA
        self.tells_time = True

    def join(self, number: str, deliver: Callable[[bytes], None]) -> None:
        """A phone or modem is in the network: what waited for it comes."""
        self._members[number] = deliver
        for tpdu in self._waiting.pop(number, []):
            deliver(tpdu)

    def leave(self, number: str) -> None:
        self._members.pop(number, None)

    def has(self, number: str) -> bool:
        return number in self._members

    def submit(self, sender: str, tpdu: bytes) -> bool:
        """Take a SUBMIT; whether the network accepted it."""
        if self.air.down:
            return False
        receiver, coding, data = read_submit(tpdu)
        carried = Carried(sender, receiver, tpdu, round(time.time() * 1000))
        self.log.append(carried)
        for listener in self.on_carried:
            listener(carried)
        copies = 2 if self._dice.random() < self.air.doubled else 1
        for _ in range(copies):
            if self._dice.random() < self.air.loss:
                continue
            out = deliver_of(sender, bool(tpdu[0] & 0x40), coding, data)
            handle: asyncio.TimerHandle | None = None

            def arrive(out: bytes = out) -> None:
                self._arrive(receiver, out)
                if tpdu[0] & 0x20:
                    self._arrive(sender, report_of(receiver, tpdu[1]))

            handle = asyncio.get_running_loop().call_later(self.air.draw_s(self._dice), arrive)
            self._under_way = {h for h in self._under_way if not h.cancelled()} | {handle}
        return True

    def _arrive(self, receiver: str, tpdu: bytes) -> None:
        member = self._members.get(receiver)
        if member is not None and not self.air.down:
            member(tpdu)
        else:
            self._waiting.setdefault(receiver, []).append(tpdu)

    def set_down(self, down: bool) -> None:
        """The network goes, or comes back: what waited arrives."""
        self.air.down = self.exchange.down = down
        if not down:
            for number in list(self._waiting):
                if number in self._members:
                    self.join(number, self._members[number])

    def close(self) -> None:
        self.exchange.close()
        for handle in self._under_way:
            handle.cancel()


def read_submit(tpdu: bytes) -> tuple[str, int, bytes]:
    """(receiver, data coding, from the user data's length on) of a SUBMIT. ValueError for anything else."""
    try:
        if tpdu[0] & 0x03 != 1:
            raise ValueError("not a SUBMIT")
        digits, kind = tpdu[2], tpdu[3]
        end = 4 + (digits + 1) // 2
        number = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in tpdu[4:end])[:digits]
        coding = tpdu[end + 1]
        validity = (0, 7, 1, 7)[tpdu[0] >> 3 & 3]
        data = tpdu[end + 2 + validity :]
        if not data:
            raise ValueError("no user data")
    except IndexError:
        raise ValueError("too short") from None
    return ("+" if kind >> 4 & 7 == 1 else "") + number, coding, data


def deliver_of(sender: str, has_header: bool, coding: int, data: bytes, now_s: float | None = None) -> bytes:
    """The DELIVER of what came as a SUBMIT, stamped with the network's time."""
    first = 0x04 | (0x40 if has_header else 0)
    return bytes((first,)) + _address(sender) + bytes((0, coding)) + _stamp(now_s) + data


def report_of(receiver: str, reference: int) -> bytes:
    """The STATUS REPORT that a message has come (TS 23.040 9.2.2.3)."""
    return bytes((0x06, reference)) + _address(receiver) + _stamp() + _stamp() + b"\x00"


def _address(number: str) -> bytes:
    digits = number.lstrip("+")
    padded = digits + "f" * (len(digits) % 2)
    kind = 0x91 if number.startswith("+") else 0x81
    semi_octets = (int(padded[i + 1] + padded[i], 16) for i in range(0, len(padded), 2))
    return bytes((len(digits), kind, *semi_octets))


def _stamp(now_s: float | None = None) -> bytes:
    now = time.gmtime(time.time() if now_s is None else now_s)
    figures = (now.tm_year % 100, now.tm_mon, now.tm_mday, now.tm_hour, now.tm_min, now.tm_sec, 0)
    return bytes(int(f"{figure:02d}"[::-1], 16) for figure in figures)
