"""The hub's red and green keys: what was pressed becomes a call, an update of one, or an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from drivers.pi.keys import KeyDown, KeyEvent, KeyStuck, KeyUp
from edge.book import Life, find
from edge.hub import Hub
from edge.inputs.answers import Answer, AnswerKey
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
    its end; `answers_phone()`: the phone rings, and a press of the green key has just answered it;
    `question()` names what the hub asks of the day, which `answered` is told of. While a call is open there
    is no such question, and the green key means what it always does in a call.
    """

    def __init__(
        self,
        hub: Hub,
        offered: Callable[[], EventId | None],
        on_stuck: Callable[[str, bool], None],
        answers_phone: Callable[[], bool] = lambda: False,
        question: Callable[[], str] = lambda: "",
        answered: Callable[[str, Answer], None] = lambda question, answer: None,
    ) -> None:
        self._hub, self._offered, self._on_stuck = hub, offered, on_stuck
        self._answers_phone, self._question, self._answered = answers_phone, question, answered
        self._answers, self._asked = AnswerKey(), ""
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
            if event.key == "green" and self._answers.down_at is not None:
                self._understood(self._answers.up(event.at_ms), event.at_ms)
                self._watch_hold()
            elif event.key == "green":
                self._mean(self._green.up(event.at_ms), event.at_ms)
        elif event.key == "red":
            self._press("call.sos", "red", event.at_ms)
        elif isinstance(event, KeyDown) and not self._answers_phone():
            self._green_down(event.at_ms)

    def _green_down(self, at_ms: int) -> None:
        if asked_now := self._question():
            if asked_now != self._asked:
                self._answers, self._asked = AnswerKey(), asked_now
            self._answers.down(at_ms)
        else:
            self._answers = AnswerKey()  # what was begun there is over
            asking = asked(self._hub.book) is not None
            self._about = self._offered()
            self._mean(self._green.down(at_ms, asking=asking, cancel_offered=self._about is not None), at_ms)
        self._watch_hold()

    def _watch_hold(self) -> None:
        if self._hold is not None:
            self._hold.cancel()
        due = min((d for d in (self._green.due_at(), self._answers.due_at()) if d is not None), default=None)
        if due is not None:
            wait_s = max(0, due - self._hub.mint.clock.monotonic_ms()) / 1000
            self._hold = asyncio.get_running_loop().call_later(wait_s, self._held, due)

    def _held(self, at_ms: int) -> None:
        self._understood(self._answers.tick(at_ms), at_ms)
        self._mean(self._green.tick(at_ms), at_ms)

    def _understood(self, answer: Answer | None, at_ms: int) -> None:
        """An answer to a question of the day. Who holds the key wants somebody, whatever else goes on."""
        if answer is Answer.HELP:
            self._press("call.assistance", "green", at_ms)
        elif answer is not None and self._question() == self._asked:
            self._answered(self._asked, answer)

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
        """Green while it is asked "are you all right?": yes. Silence and red are the other answers.

        What was asked about before anything went out ends so; that there was a fall is told all the same.
        """
        call_id = asked(self._hub.book)
        call = find(self._hub.book, call_id) if call_id is not None else None
        if call is None:
            return
        self._hub.local(call.id, "answer_yes")
        if call.life is Life.ASKING:
            self._hub.answered(call)
