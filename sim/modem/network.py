"""A cell network that carries SMS between numbers: late, lost, doubled or out of order, as its weather says.

It knows nothing of what a message says: a SUBMIT becomes a DELIVER octet by octet (3GPP TS 23.040 9.2.2),
with the sender's number and the network's time put in. `log` is what an observer outside sees.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from sim.modem.exchange import Exchange

# ETSI EMTEL 2006: 6 to 8 s are typical between mobiles. A scenario says so when it makes them shorter.
TYPICAL_S = (6.0, 8.0)


@dataclass
class Air:
    """What the network does now. `delay_s` is drawn evenly between its two figures."""

    delay_s: tuple[float, float] = TYPICAL_S
    loss: float = 0.0
    doubled: float = 0.0
    down: bool = False


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

            handle = asyncio.get_running_loop().call_later(self._dice.uniform(*self.air.delay_s), arrive)
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
    digits = sender.lstrip("+")
    padded = digits + "f" * (len(digits) % 2)
    address = bytes(int(padded[i + 1] + padded[i], 16) for i in range(0, len(padded), 2))
    now = time.gmtime(time.time() if now_s is None else now_s)
    figures = (now.tm_year % 100, now.tm_mon, now.tm_mday, now.tm_hour, now.tm_min, now.tm_sec, 0)
    stamp = bytes(int(f"{figure:02d}"[::-1], 16) for figure in figures)
    first = 0x04 | (0x40 if has_header else 0)
    kind = 0x91 if sender.startswith("+") else 0x81
    return bytes((first, len(digits), kind)) + address + bytes((0, coding)) + stamp + data
