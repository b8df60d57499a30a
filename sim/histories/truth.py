"""What is true of a case, by the platform's own record of it: the oracle for all that is claimed of help.

Written from ARCHITECTURE "A call" and not from the product's table: whoever takes a call has taken what had
been pressed by then; a graver press, or any press after somebody was there or after the end, waits anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from protocols.values import EventId, Lane
from sim.platform.folding import Action

ENDS = (Action.CLOSE, Action.ACCEPT_CANCEL)


class Mark(NamedTuple):
    """A press that the platform stored, or a seat's hand, in the order of the platform."""

    at_ms: int
    press: EventId | None = None
    lane: Lane = Lane.SOS
    hand: Action | None = None


def helped(marks: Sequence[Mark], mine: Collection[EventId], at_least: Action = Action.TAKE) -> bool:
    """Whether one who knows that my presses are stored may believe that somebody took them (or was there).

    Of the hands he may know any number, in their order: the news of the later ones may not have come yet.
    """
    wanted = (Action.TAKE, Action.ARRIVED) if at_least is Action.TAKE else (Action.ARRIVED,)
    return any(state in wanted for state in _believed(marks, mine))


def ended(marks: Sequence[Mark], mine: Collection[EventId]) -> bool:
    """Whether one who knows that my presses are stored may believe that a seat has ended the case."""
    return any(state in ENDS for state in _believed(marks, mine))


def _believed(marks: Sequence[Mark], mine: Collection[EventId]) -> Iterator[Action | None]:
    """The state of the case with only the first hand known, with the first two, and so on.

    Who arrives has taken it too: that is told as two things, and the news of the second may come later.
    """
    marks = [
        part
        for mark in marks
        for part in ((mark._replace(hand=Action.TAKE), mark) if mark.hand is Action.ARRIVED else (mark,))
    ]
    if any(mark.press in mine for mark in marks):
        hands = sum(mark.hand is not None for mark in marks)
        for known in range(1, hands + 1):
            yield _state(marks, mine, known)


def _state(marks: Sequence[Mark], mine: Collection[EventId], known: int) -> Action | None:
    state: Action | None = None
    gravest: Lane | None = None
    for mark in marks:
        if mark.hand is not None:
            state = mark.hand if known > 0 else state
            known -= 1
            continue
        graver = gravest is not None and mark.lane < gravest
        gravest = mark.lane if gravest is None else min(gravest, mark.lane)
        if mark.press in mine and (graver or state is not Action.TAKE):
            state = None
    return state
