"""The hub's red and green keys: what was pressed becomes a call, an update of one, or an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from drivers.pi.keys import KeyDown, KeyEvent, KeyStuck, KeyUp
from edge.book import Life, find
from edge.hub import Hub
from edge.inputs.green import GreenKey, Meaning
from edge.surfaces import asked
from protocols.values import EventId


class KeyGate:
    """Keys are read before the journal is: what is pressed meanwhile waits until it is known which calls
    stand, lest it open a second one. Nothing could go out before that either.
    """

    def __init__(self, on_event: Callable[[KeyEvent], None]) -> None:
        self._on_event = on_event
        self._early: list[KeyEvent] | None = []

    def on_event(self, event: KeyEvent) -> None:
        """Called by the keys' driver on the loop."""
        if self._early is None:
            self._on_event(event)
        else:
            self._early.append(event)

    def open(self) -> None:
        """The book is read: let in what came, in its order and with its own times, and all that comes."""
        early, self._early = self._early or [], None
        for event in early:
            self._on_event(event)


class KeyInput:
    """Turns key events into what the elder means. Red is always an SOS, at its edge, whatever is being asked.

    `offered()` names the call that the elder may cancel now; `on_stuck(key, stuck)` tells of a fault, and of
    its end; `answers()`: the phone rings, and a press of the green key has just answered it.
    """

    def __init__(
        self,
        hub: Hub,
        offered: Callable[[], EventId | None],
        on_stuck: Callable[[str, bool], None],
        answers: Callable[[], bool] = lambda: False,
    ) -> None:
        self._hub, self._offered, self._on_stuck, self._answers = hub, offered, on_stuck, answers
        self._green = GreenKey()
        self._stuck: set[str] = set()
        self._hold: asyncio.TimerHandle | None = None
        self._about: EventId | None = None  # what could be cancelled when the green key went down

    def on_event(self, event: KeyEvent) -> None:
        """Called by the keys' driver on the loop."""
        if isinstance(event, KeyStuck):
            self._stuck.add(event.key)
            self._on_stuck(event.key, True)
        elif isinstance(event, KeyUp):
            if event.key in self._stuck:
                self._stuck.discard(event.key)
                self._on_stuck(event.key, False)
            if event.key == "green":
                self._mean(self._green.up(event.at_ms), event.at_ms)
        elif event.key == "red":
            self._press("call.sos", "red", event.at_ms)
        elif isinstance(event, KeyDown) and not self._answers():
            asking = asked(self._hub.book) is not None
            self._about = self._offered()
            meaning = self._green.down(event.at_ms, asking=asking, cancel_offered=self._about is not None)
            self._mean(meaning, event.at_ms)
            self._watch_hold()

    def _watch_hold(self) -> None:
        if self._hold is not None:
            self._hold.cancel()
        due = self._green.due_at()
        if due is not None:
            wait_s = max(0, due - self._hub.mint.clock.monotonic_ms()) / 1000
            self._hold = asyncio.get_running_loop().call_later(wait_s, self._held, due)

    def _held(self, at_ms: int) -> None:
        self._mean(self._green.tick(at_ms), at_ms)

    def _mean(self, meaning: Meaning | None, at_ms: int) -> None:
        if meaning is Meaning.ASSISTANCE:
            self._press("call.assistance", "green", at_ms)
        elif meaning is Meaning.CALL_BACK:
            self._press("call.consultation", "green", at_ms)
        elif meaning is Meaning.CANCEL:
            self._cancel()
        elif meaning is Meaning.ANSWER:
            self._answer()

    def _press(self, kind: str, key: str, at_ms: int) -> None:
        age_ms = max(0, self._hub.mint.clock.monotonic_ms() - at_ms)
        self._hub.call(kind, key, data={"source": key}, stages={"heard": age_ms}, age_ms=age_ms)

    def _cancel(self) -> None:
        """A hold means the call that was offered when the key went down, whatever is offered by now."""
        call = find(self._hub.book, self._about) if self._about and self._offered() else None
        if call is None or call.life is not Life.OPEN:  # the offer has ended: somebody still wants something
            self._press("call.assistance", "green", self._hub.mint.clock.monotonic_ms())
        else:
            self._hub.update(call.id, "cancel_asked", "green")

    def _answer(self) -> None:
        """Green while it is asked "are you all right?": yes. Silence and red are the other answers."""
        call_id = asked(self._hub.book)
        if call_id is not None:
            self._hub.local(call_id, "answer_yes")
