"""Somebody rings the hub: who is let into the room, and who has to be answered with the green key.

Only while a call is open, and for ten minutes after it, does the hub take a phone call by itself, and only
from a number that the seed lists; any other number then rings aloud, and the green key answers. At other
times nothing is answered and nothing rings. A number that is withheld is refused. No line stays open for
longer than ten minutes; its begin and its end are said, and are events.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from drivers.talk import Stage, Talk
from drivers.waiting import any_came, came
from edge.book import Book, Call, Life, Now, elapsed_ms
from edge.hub import Hub
from edge.lines import Lines, Way, open_room
from edge.phrases import Phrase
from edge.ringing import LOOK_S, MOST_MS, NEXT_MS
from protocols.errors import AnbanError

log = logging.getLogger(__name__)

AFTER_MS: Final = 600_000  # whoever was called calls back
ALOUD_MS: Final = 8_000  # between two sentences that it rings


class Door(enum.Enum):
    """What becomes of somebody who rings."""

    TAKEN = "taken"  # the line opens by itself
    ALOUD = "aloud"  # the elder decides, with the green key
    REFUSED = "refused"
    LEFT = "left"  # it rings in vain


def concerned(book: Book, now: Now) -> Call | None:
    """The call within which, or ten minutes after which, somebody may be let in; the newest."""
    for call in reversed(tuple(book.calls.values())):
        over = call.life in (Life.CLOSED, Life.CANCELLED)
        if call.life is Life.OPEN or (over and elapsed_ms(book, call.progress, now) <= AFTER_MS):
            return call
    return None


def door(number: str, listed: Mapping[str, str], call: Call | None) -> Door:
    """Whether the line opens. `listed`: number -> id of those whom the seed names."""
    if not number:
        return Door.REFUSED
    if call is None:
        return Door.LEFT
    return Door.TAKEN if number in listed else Door.ALOUD


class Incoming:
    """Run it as a task where there are telephones; hand `rang` to it."""

    def __init__(
        self,
        hub: Hub,
        lines: Lines,
        listed: Callable[[], Mapping[str, str]],
        say: Callable[[Phrase], object],
    ) -> None:
        self._hub, self._lines, self._listed, self._say = hub, lines, listed, say
        self._rang = asyncio.Event()
        self._key = asyncio.Event()
        self._aloud = False
        lines.on_ring = lambda number: self._rang.set()

    def take(self) -> bool:
        """The green key went down: whether it answers the phone, and means nothing else."""
        if self._aloud:
            self._key.set()
        return self._aloud

    async def ring_back(self, address: Callable[[str], str], share: float) -> str:
        """The platform asks to talk: ring it, and open the line when it is answered.

        As for whoever rings: only within a call, or ten minutes after it. `address(way)` is the platform's on
        that telephone; `share` of the day's phone calls may be spent. Gives why it came to nothing, at the
        end of the phone call, or "".
        """
        call = concerned(self._hub.book, self._hub.mint.stamp())
        if call is None:
            return "no-call"
        if self._lines.talk is not None:
            return "line-busy"
        why = "no-phone"
        for way in self._lines.order():
            try:
                await way.budget.spend(share=share)
            except AnbanError:
                why = "used-up"
                continue
            why = await self._rung_back(way, address(way.name), call)
            if not why:
                return ""
            way.budget.give_back()
            if why == "no-answer":
                return why  # its phone rang: another telephone would do no better
        return why

    async def _rung_back(self, way: Way, number: str, call: Call) -> str:
        """Why it came to nothing, at the end of the phone call, or ""."""
        try:
            talk = await way.phone.dial(number)
        except AnbanError as error:
            log.info("ringing back by %s: %s", way.name, error)
            way.doubted = True
            return "no-phone"
        until_ms = self._now_ms() + NEXT_MS
        while talk.stage < Stage.ANSWERED and self._now_ms() < until_ms:
            await self._changed(talk)
        if talk.stage is Stage.ANSWERED:
            await self._open(talk, call)
            return ""
        rang = talk.rang
        while talk.stage < Stage.ENDED:
            await self._end(talk)
        return "no-answer" if rang else "no-phone"

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._rang.clear()
            talk = self._lines.talk
            if talk is not None and talk.incoming:
                await self._one(talk)
            # Whoever rings beside a call is heard at its end.
            await came(self._rang, None if self._lines.talk is None else LOOK_S)

    async def _one(self, talk: Talk) -> None:
        """One phone call, from its first ring to its end."""
        call = concerned(self._hub.book, self._hub.mint.stamp())
        what = door(talk.number, self._listed(), call)
        log.info("somebody rings: %s", what.value)
        with contextlib.suppress(AnbanError):
            if what is Door.REFUSED:
                await self._lines.hang_up()
            elif call is not None and (what is Door.TAKEN or await self._answered(talk)):
                await self._lines.answer()
                await self._open(talk, call)
        while talk.stage < Stage.ENDED:
            await self._changed(talk)

    async def _answered(self, talk: Talk) -> bool:
        """Let it ring aloud; whether the green key came before its end."""
        self._key.clear()
        self._aloud, again_ms = True, 0
        try:
            while talk.stage < Stage.ENDED and not self._key.is_set():
                if self._now_ms() >= again_ms:
                    again_ms = self._now_ms() + ALOUD_MS
                    self._say(Phrase.PHONE_RINGS)
                await self._changed(talk)
            return talk.stage < Stage.ENDED
        finally:
            self._aloud = False
            self._key.clear()  # answered: what waits for a change of the line is not woken by it again

    async def _open(self, talk: Talk, call: Call) -> None:
        """The room can be heard: for ten minutes at most."""
        began_ms = self._now_ms()
        self._tell(talk, call, outcome="answered")
        try:
            await self._answered_by(talk)
            await open_room(self._hub, self._lines, self._say)
            while talk.stage < Stage.ENDED and self._now_ms() - began_ms < MOST_MS:
                await self._changed(talk)
        finally:
            while talk.stage < Stage.ENDED:
                await self._end(talk)
            await self._lines.silence()
            self._say(Phrase.VOICE_OVER)
            self._tell(talk, call, outcome="ended", seconds=(self._now_ms() - began_ms) // 1000)

    async def _answered_by(self, talk: Talk) -> None:
        """Wait until the line stands: a telephone may take a moment after it was told to answer."""
        while talk.stage < Stage.ANSWERED:
            await self._changed(talk)

    async def _end(self, talk: Talk) -> None:
        """Hang up; again after a second where the telephone refuses."""
        try:
            await self._lines.hang_up()
        except AnbanError as error:
            log.warning("hanging up: %s", error)
            await asyncio.sleep(LOOK_S)

    async def _changed(self, talk: Talk) -> None:
        await any_came(talk.changed, self._key, within_s=LOOK_S)
        talk.changed.clear()

    def _tell(self, talk: Talk, call: Call, **data: Any) -> None:
        contact = self._listed().get(talk.number, "")
        what = "incoming" if talk.incoming else "asked"
        told = {"call": str(call.id), "contact": contact, "what": what, **data}
        self._hub.report("contact.called", told, elder=call.elder)

    def _now_ms(self) -> int:
        return self._hub.mint.clock.monotonic_ms()
