"""Shows the elder what is known: keeps lamp, speech and pendants at what the book of calls says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec

from drivers.pi.audio import Said, Speaker
from drivers.waiting import came
from edge.deadlines import Care, Timing, due, next_due_ms
from edge.hub import Hub
from edge.phrases import Phrase as Key
from edge.surfaces import (
    AskPendant,
    PendantStage,
    Phrase,
    Question,
    SetLamp,
    Speak,
    Surface,
    TellPendant,
    cancel_offered,
    changes,
    surface,
)
from protocols.values import EventId, Lane

LOOK_S: Final = 1.0  # surfaces also change with time alone: "not reached yet" has its minutes
VOICE_FIRST_S: Final = 20.0  # after the start, when nobody waits for the first call any more
VOICE_EVERY_S: Final = 3600.0  # a card that was pulled out is known within the hour, and at the next sentence
AGAIN_S: Final = 10.0  # until a phrase that could not be said is tried again, if it is still true


class LampPort(Protocol):
    """`drivers.pi.lamp.Lamp`, or another lamp."""

    def set(self, colour: str, pattern: str) -> None: ...


class PendantsPort(Protocol):
    """Who brings stages and questions to the pendants."""

    def tell(self, stage: PendantStage) -> None: ...

    def ask(self, question: Question) -> None: ...


class Voice(Protocol):
    """`drivers.pi.audio.Speaker`, as far as it tests itself."""

    async def check(self) -> Said: ...


async def check_voice(speaker: Voice) -> None:
    """Play silence now and then: that the hub is mute is a fault before somebody needs its voice."""
    await asyncio.sleep(VOICE_FIRST_S)
    while True:
        await speaker.check()
        await asyncio.sleep(VOICE_EVERY_S)


class Presenter:
    """Recomputes the surface after every change and once a second, and runs the difference.

    It also fires deadlines: what is due is journalled through the hub, and shows with the next look.
    """

    def __init__(
        self,
        hub: Hub,
        lamp: LampPort,
        speaker: Speaker,
        pendants: PendantsPort,
        *,
        language: str,
        timing: Timing,
        care: Mapping[str, Care],
        no_path: Callable[[], bool],
        silent: Callable[[], bool],
        asking: Callable[[], bool] = lambda: False,
        talking: Callable[[], bool] = lambda: False,
    ) -> None:
        """`talking()`: a phone line into the room is open; what is to be said waits for its end."""
        self._hub, self._lamp, self._speaker, self._pendants = hub, lamp, speaker, pendants
        self._language, self._timing, self._care = language, timing, care
        self._no_path, self._silent, self._asking, self._talking = no_path, silent, asking, talking
        self.shown = Surface()
        self._speaking: dict[asyncio.Task[None], Phrase] = {}
        self._wake = asyncio.Event()
        hub.on_change.append(self._wake.set)

    def use(self, language: str, timing: Timing, care: Mapping[str, Care]) -> None:
        """Other settings."""
        self._language, self._timing, self._care = language, timing, care
        self._wake.set()

    def offered(self) -> EventId | None:
        """The call that may be cancelled now: while the offer is being said, and for a minute after it."""
        for phrase in self._speaking.values():
            if phrase.key == Key.CANCEL_OFFER:
                return phrase.call_id
        return cancel_offered(self._hub.book, self._hub.mint.stamp())

    async def run(self) -> None:
        """Show and fire until cancelled."""
        while True:
            self._wake.clear()
            self._fire()
            self._show()
            now = self._hub.mint.stamp()
            wait_ms = next_due_ms(self._hub.book, now, self._timing, self._care)
            wait_s = LOOK_S if wait_ms is None else min(LOOK_S, max(0.01, wait_ms / 1000))
            await came(self._wake, wait_s)

    def _fire(self) -> None:
        for item in due(self._hub.book, self._hub.mint.stamp(), self._timing, self._care):
            self._hub.fire(item)

    def _show(self) -> None:
        now = self._hub.mint.stamp()
        known = {"no_path": self._no_path(), "silent": self._silent(), "prompting": self._asking()}
        after = surface(self._hub.book, now, self._care, **known)
        if self._talking():
            after = msgspec.structs.replace(after, speech=())
        effects = changes(self.shown, after)
        self.shown = after
        for effect in effects:
            if isinstance(effect, SetLamp):
                self._lamp.set(effect.lamp.colour, effect.lamp.pattern)
            elif isinstance(effect, TellPendant):
                self._pendants.tell(effect.stage)
            elif isinstance(effect, AskPendant):
                self._pendants.ask(effect.question)
            elif isinstance(effect, Speak):
                self._speak(effect.phrase)

    def _speak(self, phrase: Phrase) -> None:
        if phrase in self._speaking.values():
            return
        task = asyncio.create_task(self._say(phrase), name=f"say {phrase.key}")
        self._speaking[task] = phrase
        task.add_done_callback(self._speaking.pop)

    async def _say(self, phrase: Phrase) -> None:
        lane = Lane(phrase.lane)
        # Who waits for "taken" must not first hear out what was true before it.
        said = await self._speaker.say(
            phrase.key, self._language, lane, still=lambda: phrase in self.shown.speech
        )
        if said is Said.SAID:
            self._hub.told(phrase.call_id, phrase.name)
            return
        await asyncio.sleep(AGAIN_S if said is Said.FAILED else 0)
        spoken = tuple(p for p in self.shown.speech if p != phrase)
        self.shown = msgspec.structs.replace(self.shown, speech=spoken)  # still true? then it comes again
        self._wake.set()
