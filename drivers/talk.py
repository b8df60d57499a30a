"""One phone call, by whatever telephone: how far it has come, what was pressed, why it ended."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from typing import Protocol


class Stage(enum.IntEnum):
    """How far a call has come; it only rises."""

    DIALLING = 0
    RINGING = 1  # the other side's phone rings
    ANSWERED = 2  # by a person, or by a machine
    ENDED = 3


class Talk:
    """One phone call. `changed` is set at every change; `end` says why it ended, `tones` what was pressed."""

    def __init__(self, number: str, *, incoming: bool = False) -> None:
        self.number, self.incoming = number, incoming
        self.stage = Stage.DIALLING
        self.tones = ""
        self.rang = self.answered = False
        self.end = ""
        self.changed = asyncio.Event()

    def rise(self, stage: Stage, end: str = "") -> None:
        """It has come so far."""
        self.rang |= stage is Stage.RINGING
        self.answered |= stage is Stage.ANSWERED
        if stage > self.stage:
            self.stage, self.end = stage, end
            self.changed.set()

    def pressed(self, key: str) -> None:
        """The other side has pressed a key."""
        self.tones += key
        self.changed.set()


class Phone(Protocol):
    """A telephone: of the modem, or by SIP. Every method: AnbanError where it cannot be done."""

    on_ring: Callable[[str], None]
    on_standing: Callable[[bool], None]

    @property
    def good(self) -> bool:
        """Whether it can ring somebody, as far as it knows."""
        ...

    @property
    def talk(self) -> Talk | None:
        """The call that stands, if there is one."""
        ...

    async def run(self) -> None:
        """Keep it up until cancelled."""
        ...

    async def dial(self, number: str) -> Talk: ...

    async def answer(self) -> Talk: ...

    async def hang_up(self) -> None: ...

    async def tones(self, keys: str) -> None: ...

    async def sound(self) -> None:
        """Let the room and the other side hear each other, until the call ends."""
        ...

    async def silence(self) -> None:
        """The call is over: nothing of the room goes to this telephone any more."""
        ...
