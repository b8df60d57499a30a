"""Judges the adverts of one pendant, and whether it stands by those with an old counter. Pure.

An advert is refused (not authentic, plaintext, of another form), a repeat (folded), fresh, or old. An old one
is authentic but late, or replayed: it is a challenge that only an authenticated STATUS can decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocols.link import messages
from protocols.link.advert import AdvertReader, counter_and_mic
from protocols.link.const import MEANING_NONE
from protocols.link.errors import REASON_NAMES, LinkError
from protocols.link.replay import FRESH, CounterGuard

REORDER: Final = 8  # two adapters may hand on adverts of the last 2 s in another order
REORDER_MS: Final = 2_000
# Between challenges, after those in a row that the pendant did not stand by: who replays a whole tape cannot
# keep the radio busy, and a late alarm waits a minute at most.
SPACING_MS: Final = (0, 10_000, 30_000, 60_000)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an authentic advert says, and when it was heard (monotonic ms)."""

    counter: int
    mic: bytes
    battery_pct: int
    meaning: int
    number: int
    age_ms: int
    heard_ms: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Not an advert of this pendant. `reason`: a name of protocols.link.errors."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fresh:
    """Authentic and newer than all before."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class Challenge:
    """Authentic, with an old counter: ask the pendant over GATT."""

    reading: Reading


class AdvertJudge:
    """The guard at the door of one pendant."""

    def __init__(self, key: bytes, mac6: bytes, floor: int) -> None:
        """`key`: the advert key; `floor`: the highest counter ever accepted, -1 for none."""
        self._reader = AdvertReader(key, mac6)
        self._guard = CounterGuard(floor)
        self._fresh_ms = -(10**12)
        self.challenge: Reading | None = None
        self._unproved = 0
        self._not_before_ms = -(10**12)

    @property
    def floor(self) -> int:
        """The highest counter accepted."""
        return self._guard.floor

    def recall(self, floor: int) -> None:
        """A disk that answers late knows of a higher counter that was accepted; it never goes back."""
        self._guard.floor = max(self._guard.floor, floor)

    def judge(self, data: bytes, now_ms: int, known: frozenset[int]) -> Refused | Fresh | Challenge | None:
        """One advert's service data; `known`: presses already told. None: nothing follows."""
        try:
            counter, mic = counter_and_mic(data)
            if self._guard.is_repeat(counter, mic):
                return None
            counter, _, battery, meaning, number, age_ms = self._reader.open(data)
        except LinkError as e:
            return Refused(REASON_NAMES[e.reason])
        reading = Reading(counter, mic, battery, meaning, number, age_ms, now_ms)
        if self._guard.judge(counter, mic) == FRESH:
            self._fresh_ms = now_ms
            return Fresh(reading)
        if self._reordered(reading, known) or self.challenge or now_ms < self._not_before_ms:
            return None
        self.challenge = reading
        return Challenge(reading)

    def _reordered(self, reading: Reading, known: frozenset[int]) -> bool:
        """Whether it is only late by a hair, and says nothing new."""
        if reading.meaning != MEANING_NONE and reading.number not in known:
            return False
        lately = reading.heard_ms - self._fresh_ms <= REORDER_MS
        return lately and self._guard.floor - reading.counter <= REORDER

    def decide(self, status: messages.Status, now_ms: int) -> bool | None:
        """What the pendant, authenticated, says of the challenge: stood by (True), not (False), or nothing
        yet (None: there is no challenge, or not everything fitted into this STATUS)."""
        reading = self.challenge
        if reading is None:
            return None
        if reading.meaning == MEANING_NONE:
            stood = status.counter < self.floor  # its counters went back: it tells the truth
        else:
            stood = any(p.number == reading.number for p in status.presses)
            if not stood and status.open_count > len(status.presses):
                return None
        self._guard.settle(reading.counter, reading.mic)
        self.close(stood, now_ms)
        return stood

    def behind(self, status: messages.Status) -> bool:
        """Whether the pendant's counter has gone back: it has to be raised above the floor."""
        return status.counter < self.floor

    def close(self, stood_by: bool, now_ms: int) -> None:
        """The challenge is over; the next one waits for its spacing."""
        self.challenge = None
        self._unproved = 0 if stood_by else self._unproved + 1
        self._not_before_ms = now_ms + SPACING_MS[min(self._unproved, len(SPACING_MS) - 1)]
