"""The cell network's phone calls: dialled, ringing, answered, ended, with the keys that are pressed in them.

`log` is what an observer outside sees; times are wall milliseconds.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Protocol

SETUP_S = (0.5, 1.0)  # until the other phone rings: within an LTE network
RINGS_S = 60.0  # a network gives up on a phone that nobody answers


class Terminal(Protocol):
    """A phone or modem: told of each change of a call that it is in."""

    def changed(self, call: PhoneCall) -> None: ...

    def heard(self, call: PhoneCall, key: str) -> None:
        """The other side has pressed a key."""
        ...


@dataclass
class PhoneCall:
    """`state`: "dialling", "ringing", "answered" or "ended"; `cause` of its end as a modem says it."""

    caller: str
    callee: str
    state: str = "dialling"
    cause: str = ""
    keys: str = ""  # that the callee pressed
    at_ms: dict[str, int] = field(default_factory=dict)

    def other(self, number: str) -> str:
        """The number at the other end."""
        return self.callee if number == self.caller else self.caller


class Exchange:
    """Join numbers to it; a number is in one call at most."""

    def __init__(self, seed: int = 0) -> None:
        self.setup_s, self.rings_s, self.down = SETUP_S, RINGS_S, False
        self.log: list[PhoneCall] = []
        self._dice = random.Random(f"exchange {seed}")
        self._terminals: dict[str, Terminal] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def join(self, number: str, terminal: Terminal) -> None:
        self._terminals[number] = terminal

    def leave(self, number: str) -> None:
        """It is off, or out of reach: its call ends."""
        self._terminals.pop(number, None)
        call = self.call_of(number)
        if call is not None:
            self._end(call, "NO CARRIER")

    def call_of(self, number: str) -> PhoneCall | None:
        """The call that this number is in."""
        mine = (call for call in self.log if number in (call.caller, call.callee))
        return next((call for call in mine if call.state != "ended"), None)

    def dial(self, caller: str, callee: str) -> PhoneCall:
        """A call from a number; what becomes of it, its terminals are told."""
        busy = self.call_of(callee) is not None
        call = PhoneCall(caller, callee)
        self.log.append(call)
        self._stamp(call)
        wait_s = self._dice.uniform(*self.setup_s)
        if self.down or callee not in self._terminals:
            self._later(call, wait_s, lambda: self._end(call, "NO CARRIER"))
        elif busy:
            self._later(call, wait_s, lambda: self._end(call, "BUSY"))
        else:
            self._later(call, wait_s, lambda: self._ring(call))
        return call

    def answer(self, call: PhoneCall) -> None:
        if call.state == "ringing":
            self._set(call, "answered")
            self._later(call, 0, lambda: None)

    def hang_up(self, call: PhoneCall) -> None:
        """Either side."""
        self._end(call, "NO CARRIER")

    def press(self, call: PhoneCall, by: str, key: str) -> None:
        """A key in a call that stands."""
        if call.state != "answered":
            return
        if by == call.callee:
            call.keys += key
        terminal = self._terminals.get(call.other(by))
        if terminal is not None:
            terminal.heard(call, key)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _ring(self, call: PhoneCall) -> None:
        self._set(call, "ringing")
        self._later(call, self.rings_s, lambda: self._end(call, "NO ANSWER"))

    def _end(self, call: PhoneCall, cause: str) -> None:
        if call.state != "ended":
            call.cause = cause
            self._set(call, "ended")
            self._later(call, 0, lambda: None)

    def _set(self, call: PhoneCall, state: str) -> None:
        call.state = state
        self._stamp(call)
        for number in (call.caller, call.callee):
            terminal = self._terminals.get(number)
            if terminal is not None:
                terminal.changed(call)

    def _stamp(self, call: PhoneCall) -> None:
        call.at_ms[call.state] = round(time.time() * 1000)

    def _later(self, call: PhoneCall, wait_s: float, work: object) -> None:
        """The one thing that this call waits for."""
        timer = self._timers.pop(id(call), None)
        if timer is not None:
            timer.cancel()
        if wait_s:
            self._timers[id(call)] = asyncio.get_running_loop().call_later(wait_s, work)  # type: ignore[arg-type]
