"""Rings the list of contacts by phone, one after the other, until a person has confirmed with a key.

Whoever answers may be a machine: that a person is there is believed when a key was pressed, and until then
the next number follows 45 s after this one was dialled (15 s after it was answered at least). The room can be
heard while a line is open: its begin and its end are said aloud, each opening is an event, and no line stays
open for longer than ten minutes. Where there are several telephones (`edge/lines.py`), whom one of them could
not reach is rung by the next at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

from drivers.talk import Stage, Talk
from drivers.waiting import came
from edge.book import Call, elapsed_ms, find, open_calls
from edge.budget import Purpose
from edge.hub import Hub
from edge.lines import Lines, Way, open_room
from edge.phrases import Phrase
from edge.plan import Row
from edge.reach import CONFIRMED, ROUND, Contact, Ring, ring_due, rings
from protocols.errors import AnbanError
from protocols.values import EventId

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
NEXT_MS: Final = 45_000  # facts: not confirmed by then: the next number
HEARS_MS: Final = 15_000  # whoever has just answered is not hung up on
MOST_MS: Final = 600_000  # an open line is an open microphone
AGAIN_MS: Final = 60_000
LATER_SHARE: Final = 0.8  # of the day's phone calls: the hourly rounds of an old call leave some to a new one
TONES: Final = "159"  # rising: somebody who answers hears that this is no wrong number
TONES_MS: Final = 5_000


class Sharing(Protocol):
    """`edge.reaching.Reaching`, as far as both share."""

    def contacts(self) -> tuple[Contact, ...]: ...

    def row(self, path: str) -> Row | None: ...

    def help_ms(self) -> int: ...

    def address_of(self, contact: str, way: str) -> str: ...

    def tell(self, kind: str, call: Call, contact: str, **data: Any) -> None: ...

    async def note(self, call_id: EventId, name: str) -> None: ...


class Ringing:
    """Run it as a task where there are telephones."""

    def __init__(
        self,
        hub: Hub,
        shared: Sharing,
        lines: Lines,
        say: Callable[[Phrase], object],
    ) -> None:
        self._hub, self._shared, self._lines, self._say = hub, shared, lines, say
        self._not_before_ms = 0
        self._wake = asyncio.Event()
        hub.on_change.append(self._wake.set)

    async def run(self) -> None:
        """Until cancelled; a line that is open then is hung up."""
        while True:
            self._wake.clear()
            ring = self._next()
            if ring is not None:
                await self._round(ring)
                continue
            await came(self._wake, self._pause_s())

    def _pause_s(self) -> float:
        """Until the next look: a second, or the moment at which a call's first round begins."""
        row, now = self._shared.row("voice"), self._hub.mint.stamp()
        if row is None:
            return LOOK_S
        first_ms = row.offsets_ms[0]
        ages_ms = (elapsed_ms(self._hub.book, call.at, now) for call in open_calls(self._hub.book))
        return min([LOOK_S, *((first_ms - age_ms + 1) / 1000 for age_ms in ages_ms if age_ms < first_ms)])

    def _next(self) -> Ring | None:
        talk = self._lines.talk
        if talk is not None and not _in_vain(talk):
            return None
        if not self._lines.order() or self._now_ms() < self._not_before_ms:
            return None
        shared, now = self._shared, self._hub.mint.stamp()
        return ring_due(self._hub.book, now, shared.contacts(), shared.row("voice"), shared.help_ms())

    async def _round(self, ring: Ring) -> None:
        """The whole list once, as long as it is wanted and nobody has confirmed.

        A round in which nothing could be dialled is none, and begins anew a minute later.
        """
        begun = False
        for contact in ring.contacts:
            for way in self._lines.order():
                dialled_ms = self._now_ms()
                talk = await self._dial(way, contact, ring) if self._wanted(ring.call_id) else None
                if talk is None:
                    continue
                if not begun:
                    begun = True
                    self._say(Phrase.PHONING)
                    await self._shared.note(ring.call_id, ROUND)
                if await self._follow(way, talk, ring.call_id, contact, dialled_ms):
                    return
                if _reached(talk) or self._now_ms() - dialled_ms >= NEXT_MS:
                    break
        if not begun:
            self._not_before_ms = self._now_ms() + AGAIN_MS

    def _wanted(self, call_id: EventId) -> bool:
        call, now = find(self._hub.book, call_id), self._hub.mint.stamp()
        return call is not None and rings(self._hub.book, call, now, self._shared.help_ms())

    async def _dial(self, way: Way, contact: str, ring: Ring) -> Talk | None:
        """Ring one number; None where that cannot be done."""
        purpose = Purpose(call=ring.call_id, again=not ring.soon)
        try:
            await way.budget.spend(share=1.0 if ring.soon else LATER_SHARE, purpose=purpose)
            try:
                talk = self._lines.talk
                if talk is not None and _in_vain(talk):
                    await self._lines.hang_up()  # whoever rings now does not hold up a call
                return await way.phone.dial(self._shared.address_of(contact, way.name))
            except AnbanError:
                way.budget.give_back(purpose=purpose)
                way.doubted = True
                raise
        except AnbanError as error:
            log.info("ringing %s by %s: %s", contact, way.name, error)
            return None

    async def _follow(self, way: Way, talk: Talk, call_id: EventId, contact: str, dialled_ms: int) -> bool:
        """One phone call to its end; whether a person has confirmed."""
        call = find(self._hub.book, call_id)
        assert call is not None
        opened_ms = -1
        try:
            opened_ms = await self._until_answered(talk, call_id, dialled_ms + NEXT_MS)
            if opened_ms >= 0:
                await self._open(way, talk, call, contact, dialled_ms, opened_ms)
        finally:
            stopped = talk.stage < Stage.ENDED and opened_ms < 0 and not self._wanted(call_id)
            await self._end(way, talk)
            await self._lines.silence()
            way.doubted = not stopped and not _reached(talk)
            seconds = (self._now_ms() - opened_ms) // 1000 if opened_ms >= 0 else 0
            outcome = "stopped" if stopped else _outcome(talk, answered=opened_ms >= 0)
            self._shared.tell(
                "contact.called", call, contact, what=way.name, outcome=outcome, seconds=seconds
            )
            if opened_ms >= 0:
                self._say(Phrase.VOICE_OVER)
        return bool(talk.tones)

    async def _until_answered(self, talk: Talk, call_id: EventId, until_ms: int) -> int:
        """When it was answered, in monotonic ms; -1 if it was not, or is not wanted any more."""
        while talk.stage < Stage.ANSWERED and not talk.tones and self._wanted(call_id):
            if not await self._changed(talk, until_ms):
                return -1
        return self._now_ms() if talk.stage is Stage.ANSWERED or talk.tones else -1

    async def _open(
        self, way: Way, talk: Talk, call: Call, contact: str, dialled_ms: int, opened_ms: int
    ) -> None:
        """The line is open: until somebody hangs up, nobody confirms, or ten minutes are over."""
        self._shared.tell("contact.called", call, contact, what=way.name, outcome="answered")
        opening = asyncio.ensure_future(open_room(self._hub, self._lines, self._say))
        try:
            await self._hold(way, talk, call, dialled_ms, opened_ms)
        finally:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)

    async def _hold(self, way: Way, talk: Talk, call: Call, dialled_ms: int, opened_ms: int) -> None:
        """Until the line's time is over."""
        until_ms, tones_ms = max(dialled_ms + NEXT_MS, opened_ms + HEARS_MS), opened_ms
        while talk.stage < Stage.ENDED and self._now_ms() < until_ms:
            if talk.tones and until_ms < opened_ms + MOST_MS:
                until_ms = opened_ms + MOST_MS
                await self._shared.note(call.id, CONFIRMED)
            elif not talk.tones and self._now_ms() >= tones_ms:
                tones_ms += TONES_MS
                with contextlib.suppress(AnbanError):
                    await way.phone.tones(TONES)
            await self._changed(talk, until_ms)
        if talk.tones and until_ms < opened_ms + MOST_MS:
            await self._shared.note(call.id, CONFIRMED)

    async def _changed(self, talk: Talk, until_ms: int) -> bool:
        """Wait for a change of the call, a second at most; whether there is time left."""
        left_s = (until_ms - self._now_ms()) / 1000
        if left_s <= 0:
            return False
        await came(talk.changed, min(LOOK_S, left_s))
        talk.changed.clear()
        return True

    async def _end(self, way: Way, talk: Talk) -> None:
        """Hang up until it is true."""
        while talk.stage < Stage.ENDED:
            try:
                await way.phone.hang_up()
            except AnbanError as error:
                log.warning("hanging up: %s", error)
                await asyncio.sleep(LOOK_S)  # a port that is lost ends the call by itself

    def _now_ms(self) -> int:
        return self._hub.mint.clock.monotonic_ms()


def _outcome(talk: Talk, *, answered: bool) -> str:
    """A word for how one number ended."""
    if talk.tones:
        return "confirmed"
    if answered:
        return "unconfirmed"
    if talk.end in ("busy", "failed", "lost"):
        return talk.end
    return "no-answer" if talk.rang else "unreachable"


def _reached(talk: Talk) -> bool:
    """Whether the other side's phone rang, or was busy: another telephone would do no better."""
    return talk.rang or talk.answered or bool(talk.tones) or talk.end == "busy"


def _in_vain(talk: Talk) -> bool:
    """Whether somebody only rings, and nobody has answered."""
    return talk.incoming and talk.stage < Stage.ANSWERED
