"""What the hub owes one pendant: acks, the state of the call, a question, a floor. Pure bookkeeping.

Only the newest word on each matter is kept, and a stage only rises. What is owed stays owed until the pendant
has answered it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from protocols.link import messages
from protocols.link.const import (
    STAGE_ARRIVED,
    STAGE_CLOSED,
    STAGE_DELIVERED,
    STAGE_HEARD,
    STAGE_NONE,
    STAGE_TAKEN,
)

MAX_PRESSES = 64  # four times what a pendant's book holds
Message = messages.Ack | messages.CallState | messages.Ask | messages.Floor | messages.Time | messages.Config


@dataclass(slots=True)
class _Told:
    stage: int
    lane: int
    confirmed: int = STAGE_NONE
    answered: bool = False


class Owed:
    """Presses are keyed by (life, number) as the caller told them; lanes are ints, 0 the highest."""

    def __init__(self) -> None:
        self._presses: dict[tuple[int, int], _Told] = {}
        self._call: _Told | None = None
        self._ask: tuple[int, int] | None = None
        self._floor: int | None = None
        self._config: messages.Config | None = None

    # ---- the caller says ----

    def stage(self, life: int, number: int, stage: int, lane: int, answered: bool = False) -> None:
        """A press has come so far; `answered` as in messages.Ack. An earlier stage than the one told is
        forgotten."""
        if stage >= STAGE_CLOSED:
            self._call = None  # what was said of that call must not be said of the next
        told = self._presses.get((life, number))
        if told is None:
            self._presses[life, number] = _Told(stage, lane, answered=answered)
            self._trim()
        elif stage > told.stage:
            told.stage, told.lane, told.answered = stage, lane, answered

    def _trim(self) -> None:
        if len(self._presses) > MAX_PRESSES:
            settled = [k for k, t in self._presses.items() if t.confirmed >= t.stage]
            del self._presses[settled[0] if settled else next(iter(self._presses))]

    def held(self, life: int, numbers: Collection[int]) -> None:
        """The presses that the pendant still holds, all of them: to what it has let go no end need be told.

        A hub that has started anew owes the end of every press of the last half hour; they would stand before
        the ack of a new one.
        """
        for key, told in list(self._presses.items()):
            if key[0] == life and key[1] not in numbers and told.stage >= STAGE_CLOSED:
                del self._presses[key]

    def call_state(self, stage: int, lane: int) -> None:
        """The elder's calls, taken together, have come so far (STAGE_NONE: there is none)."""
        if self._call is None or self._call.stage != stage:
            self._call = _Told(stage, lane, confirmed=-1)

    def call_falls(self, lane: int) -> None:
        """A press waits for help anew, or nobody knows yet: that somebody has taken the call, or is there, is
        not said of it."""
        if self._call is not None and STAGE_TAKEN <= self._call.stage < STAGE_CLOSED:
            self._call = _Told(STAGE_HEARD, lane, confirmed=-1)

    def ask(self, round_number: int, lane: int) -> None:
        """Buzz the question; a later round takes the place of an earlier one."""
        self._ask = (round_number, lane)

    def ask_no_more(self) -> None:
        """The question was answered, or is not asked any longer."""
        self._ask = None

    def floor(self, counter: int) -> None:
        """The pendant's advert counter has to go above this."""
        self._floor = counter

    def config(self, preset: int, language: str) -> None:
        """The preset of its key and the language; sent with the next occasion, never a reason for one."""
        self._config = messages.Config(preset, language)

    # ---- the link asks ----

    def told(self, number: int) -> int:
        """The highest stage told of a press, by number."""
        return max((t.stage for (_, n), t in self._presses.items() if n == number), default=STAGE_NONE)

    def lane(self) -> int | None:
        """The highest lane of what is a reason to connect; None when nothing is."""
        lanes = [t.lane for t in self._presses.values() if t.confirmed < t.stage]
        if self._call and self._call.confirmed != self._call.stage:
            lanes.append(self._call.lane)
        if self._ask:
            lanes.append(self._ask[1])
        if self._floor is not None:
            lanes.append(0)  # until it is above, its alarms have to be challenged
        return min(lanes, default=None)

    def next(self) -> Message | None:
        """What to say next.

        Of help the pendant believes what is said after the acks: with each it forgets what it was told
        before, for who said that did not know of this press. What takes back that a call is taken goes first.
        So does the end of a call before the ack of a press that is only heard: it is a newer one, and stands.
        """
        if self._floor is not None:
            return messages.Floor(self._floor)
        call = self._call if self._call and self._call.confirmed != self._call.stage else None
        acks = sorted(
            (item for item in self._presses.items() if item[1].confirmed < item[1].stage),
            key=lambda item: item[1].lane,
        )
        if call and call.stage == STAGE_ARRIVED:
            acks = [item for item in acks if item[1].stage > STAGE_HEARD]
        elif call and not STAGE_HEARD < call.stage < STAGE_ARRIVED:
            acks = []
        if acks:
            (life, number), told = acks[0]
            return messages.Ack(life, number, told.stage, told.answered)
        if call:
            return messages.CallState(call.stage)
        if self._ask:
            return messages.Ask(self._ask[0])
        return self._config

    def answered(self, message: Message) -> None:
        """The pendant answered this message (whether it could keep it is the caller's to tell)."""
        if isinstance(message, messages.Ack):
            told = self._presses.get((message.life, message.number))
            if told:
                told.confirmed = max(told.confirmed, message.stage)
                if message.stage == STAGE_DELIVERED and self._call and self._call.stage >= STAGE_TAKEN:
                    self._call.confirmed = STAGE_NONE  # forgotten there with this ack: to be said again
                if told.confirmed >= STAGE_CLOSED:
                    del self._presses[message.life, message.number]
        elif isinstance(message, messages.CallState):
            if self._call and self._call.stage == message.stage:
                self._call.confirmed = message.stage
        elif isinstance(message, messages.Ask):
            if self._ask and self._ask[0] == message.round_number:
                self._ask = None
        elif isinstance(message, messages.Floor):
            if self._floor == message.counter:
                self._floor = None
        elif message is self._config:
            self._config = None


WallClock = Callable[[], tuple[int, bool]]  # Unix ms, trusted
