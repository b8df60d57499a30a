"""Which presses of one pendant are told, each once for each rise of its meaning. Pure bookkeeping.

A press is named by the pendant's life and its own number, and an advert bears the number alone. While the
life is not known a press waits for a STATUS to say it; when the caller says that it has waited long enough,
it is told with life 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from drivers.ble.facts import PressHeard
from protocols.link.const import MEANING_ASSIST, MEANING_CALL_BACK, MEANING_NONE, STAGE_CLOSED
from protocols.link.messages import Status
from protocols.values import Lane

MAX_TOLD: Final = 256
UNTOLD: Final = -1  # below every meaning


def lane_of(meaning: int) -> int:
    """The lane of a press by its meaning; what is unknown is an SOS."""
    if meaning == MEANING_NONE:
        return Lane.TELEMETRY
    return Lane.ASSIST if meaning in (MEANING_ASSIST, MEANING_CALL_BACK) else Lane.SOS


class Heard:
    """`tell` is called at once, with each press that is news. `life` 0: not known yet."""

    def __init__(self, device: str, life: int, tell: Callable[[PressHeard], None]) -> None:
        self.life = life
        self._device, self._tell = device, tell
        self._told: dict[tuple[int, int], int] = {}  # (life, number) -> meaning
        self._waiting: dict[int, PressHeard] = {}  # by number

    def numbers(self) -> frozenset[int]:
        """Of the presses told in this life, or while it was not known."""
        return frozenset(number for life, number in self._told if life in (0, self.life))

    def meaning(self, number: int) -> int:
        """The meaning under which a press was told, with its life or without; UNTOLD if it was not."""
        return max(self._told.get((self.life, number), UNTOLD), self._told.get((0, number), UNTOLD))

    def lane(self, number: int) -> int:
        """The highest lane under which a press of this number was told, in any life; SOS if none was."""
        meanings = [meaning for (_, known), meaning in self._told.items() if known == number]
        return min(map(lane_of, meanings), default=Lane.SOS)

    def is_news(self, press: PressHeard) -> bool:
        """Whether it is not known yet under this meaning or a graver one."""
        if self.meaning(press.number) >= press.meaning:
            return False
        waiting = self._waiting.get(press.number)
        return waiting is None or waiting.meaning < press.meaning

    def advert(self, press: PressHeard) -> bool:
        """A press that is news, by advert: told now, or it waits. True when it begins to wait: call
        `overdue` for it in time."""
        if self.life:
            self._report(press)
            return False
        begins = press.number not in self._waiting
        self._waiting[press.number] = press
        return begins

    def overdue(self, number: int) -> None:
        """It has waited long enough for its life."""
        if press := self._waiting.pop(number, None):
            self._report(press)

    def status(self, status: Status, now_ms: int, rssi: int | None, late: int | None) -> None:
        """The pendant, authenticated, says which life this is and what it holds; `late`: the number of a
        press that is accepted because of it."""
        self.life = status.life
        for held in status.presses:
            waiting = self._waiting.pop(held.number, None)
            meaning = max(held.meaning, waiting.meaning if waiting else UNTOLD)
            if held.stage >= STAGE_CLOSED or self.meaning(held.number) >= meaning:
                continue
            if waiting:
                self._report(replace(waiting, life=status.life, meaning=meaning))
            else:
                what = (self._device, status.life, held.number, held.meaning, held.age_ms)
                self._report(PressHeard(*what, now_ms, rssi, via="status", late=held.number == late))
        for number in tuple(self._waiting):  # heard, authentic, and not listed: told all the same
            self._report(replace(self._waiting.pop(number), life=status.life))

    def _report(self, press: PressHeard) -> None:
        self._told[press.life, press.number] = press.meaning
        if len(self._told) > MAX_TOLD:
            del self._told[next(iter(self._told))]
        self._tell(press)
