"""The hub's telephones as one: which of them rings somebody, which is in a call, whether the room is open.

Pure is the order (`ordered`): a telephone that cannot ring is left out, one that failed when it was last
proved or tried comes after the others, else the modem before SIP, for it needs no router of the home's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from drivers.talk import Phone, Stage, Talk
from edge.budget import Purpose
from edge.hub import Hub
from edge.phrases import Phrase
from protocols.errors import AnbanError, Reason

log = logging.getLogger(__name__)

NO_NETWORK: Final = ("no-service", "denied", "card", "pin", "puk")
LOOK_S: Final = 0.25
HEARD_S: Final = 6.0  # the sentence takes 4 s; nobody is kept waiting for a speaker


class Spending(Protocol):
    """`edge.budget.Budget`, as far as a telephone spends it."""

    async def spend(self, count: int = 1, share: float = 1.0, purpose: Purpose | None = None) -> None: ...

    def give_back(self, count: int = 1, purpose: Purpose | None = None) -> None: ...


class Rooms(Protocol):
    """`drivers.pi.room.Room`."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...


class Way:
    """One telephone. `name` is that of its proof: "voice" (the modem) or "sip". `trouble()`: what others know
    of why it cannot ring; `test`: whom it rings to prove itself."""

    def __init__(
        self,
        name: str,
        phone: Phone,
        budget: Spending,
        *,
        trouble: Callable[[], str] = lambda: "",
        test: str | None = None,
        room: Rooms | None = None,
    ) -> None:
        """`room`: the hub's own microphone and speaker, where the telephone uses them through it."""
        self.name, self.phone, self.budget, self.test, self.room = name, phone, budget, test, room
        self._trouble = trouble
        self.doubted = False  # it failed when it was last tried

    @property
    def usable(self) -> bool:
        """Whether a call can begin on it, as far as is known."""
        return self.phone.good and self._trouble() not in NO_NETWORK


def ordered(ways: Sequence[Way]) -> tuple[Way, ...]:
    """Those that can ring, what is doubted last."""
    return tuple(sorted((way for way in ways if way.usable), key=lambda way: way.doubted))


class Lines:
    """All telephones. One call at a time in all: there is one room."""

    def __init__(self, ways: Sequence[Way]) -> None:
        self.ways = tuple(ways)
        self.on_ring: Callable[[str], None] = lambda number: None
        self.on_sound: Callable[[], object] = lambda: None  # the room is about to open
        self._sounding: Talk | None = None
        for way in self.ways:
            way.phone.on_ring = lambda number: self.on_ring(number)

    def order(self) -> tuple[Way, ...]:
        """See `ordered`."""
        return ordered(self.ways)

    def _active(self) -> Way | None:
        """The telephone in a call; of several the one that is further."""
        stages = [(way.phone.talk.stage, way) for way in self.ways if way.phone.talk is not None]
        return max(stages, key=lambda pair: pair[0])[1] if stages else None

    @property
    def talk(self) -> Talk | None:
        """The call that stands."""
        way = self._active()
        return None if way is None else way.phone.talk

    @property
    def is_open(self) -> bool:
        """Whether somebody is on the line: what the hub has to say waits."""
        talk = self.talk
        return talk is not None and talk.stage is Stage.ANSWERED

    @property
    def sounding(self) -> bool:
        """Whether the room is open: no prompt is said into it."""
        return self._sounding is not None and self._sounding.stage is Stage.ANSWERED

    async def answer(self) -> Talk:
        """Take the call that rings. AnbanError, as `Phone`."""
        return await self._phone().answer()

    async def hang_up(self) -> None:
        """AnbanError, as `Phone`."""
        await self._phone().hang_up()

    async def tones(self, keys: str) -> None:
        """AnbanError, as `Phone`."""
        await self._phone().tones(keys)

    async def sound(self) -> None:
        """Open the room to the call that stands. AnbanError, as `Phone`; the room is closed then."""
        way, talk = self._active(), self.talk
        if way is None or talk is None or talk.stage is not Stage.ANSWERED:
            raise AnbanError(Reason.NOT_FOUND, "there is no call")
        self._sounding = talk
        self.on_sound()
        try:
            if way.room is not None:
                await way.room.open()
            await way.phone.sound()
        except BaseException:
            await self.silence()
            raise

    async def silence(self) -> None:
        """Close the room to whoever was on the line. What cannot be taken back politely is ended."""
        self._sounding = None
        for way in self.ways:
            try:
                await way.phone.silence()
            except AnbanError as error:
                log.warning("closing the room: %s", error)
            if way.room is not None:
                await way.room.close()

    def _phone(self) -> Phone:
        way = self._active()
        if way is None:
            raise AnbanError(Reason.NOT_FOUND, "there is no call")
        return way.phone


async def open_room(hub: Hub, lines: Lines, say: Callable[[Phrase], object]) -> None:
    """Somebody has answered: say so in the room, and then let it be heard. A card that fails is a fault; the
    line then stays as it is, and carries nothing of the room."""
    saying, loop = say(Phrase.VOICE_OPEN), asyncio.get_running_loop()
    until = loop.time() + HEARD_S
    while isinstance(saying, asyncio.Future) and not saying.done() and lines.is_open and loop.time() < until:
        await asyncio.wait({saying}, timeout=LOOK_S)
    try:
        await lines.sound()
    except AnbanError as error:
        if error.reason is not Reason.NOT_FOUND:  # the other side was quicker
            log.warning("opening the room: %s", error)
            hub.see("audio", "line", True, str(error.reason))
    else:
        hub.see("audio", "line", False)
