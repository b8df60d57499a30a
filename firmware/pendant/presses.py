"""The press book: every press that is not over yet, what the hub said of it, and which one is on the air;
pure.

Each press and each rise of meaning is an event of its own, with its own number. A press that no hub has
heard is never dropped. The book is bounded: when it is full a further press folds into an unheard one that
already says as much, so that there is at least one event on the air for it.

Stages are those of protocols/link: NONE 0, HEARD 1, DELIVERED 2, TAKEN 3, ARRIVED 4, CLOSED 5, CANCELLED 6.
"""

import struct

from firmware.pendant import schedule, surface

NONE = 0
HEARD = 1
DELIVERED = 2
TAKEN = 3
ARRIVED = 4
CLOSED = 5
CANCELLED = 6

CAPACITY = 16
KEPT_FOR_SOS = 4  # places that lower meanings may not fill
FALL = 3  # meanings as in protocols/link/const.py; SOS is above it
SOS = 4
FALL_WALKS = 6  # what is on the air of a fall whose wearer walks again; no press is of this meaning

# magic, version, presses, call stage, low buzzes felt, now_ms, ms since the call's last progress
_HEAD = "<4sBBBBQI"
_PRESS = "<IBBIQ"  # number, meaning, stage, age ms, wall ms (0 unknown)
_MAGIC = b"ABPB"
_VERSION = 1
MAX_AGE_MS = 0xFFFFFFFF
ANSWERED_KEPT = 4  # falls of the last half minute; what was answered of more is asked about again


class Press:
    """One press: its number, what it means, when it was, and how far it has come."""

    def __init__(self, number: int, meaning: int, pressed_ms: int, wall_ms: int, stage: int) -> None:
        self.number = number
        self.meaning = meaning
        self.pressed_ms = pressed_ms
        self.wall_ms = wall_ms
        self.stage = stage


class PressBook:
    """Open presses in the order they were made, and the stage of the elder's call as the hub last told it."""

    def __init__(self) -> None:
        self.presses = []
        self.call_stage = NONE
        self.progress_ms = 0  # when a hub last told something new of the call
        self.low_buzzes = 0  # felt for the oldest unheard press
        self.answered = []  # (number, hub): falls about which that hub's question was answered; not in flash
        self.answered_ms = 0  # the last of them

    # -- what happens

    def press(self, now_ms: int, number: int, meaning: int, pressed_ms: int, wall_ms: int = 0) -> bool:
        """A press was made; False when it folded into an unheard one because the book is full."""
        room = CAPACITY if meaning == SOS else CAPACITY - KEPT_FOR_SOS
        if len(self.presses) >= room:
            self._make_room()
        if len(self.presses) >= room and self._stands_for(meaning):
            return False
        if not self.unheard():
            self.low_buzzes = 0
        self.call_stage = NONE  # whatever was said of help, it was not said of this one
        self.presses.append(Press(number, meaning, pressed_ms, wall_ms, NONE))
        return True

    def ack(self, now_ms: int, number: int, stage: int, hub: str = "") -> bool:
        """A hub says how far one press has come; True when that is news. A stage never goes back. `hub`: the
        one whose question about it was answered, and which ends it for that.

        What was said of the call before is forgotten with it: who said that did not know that this press had
        come so far. Its call may have ended since, and its hub may have lost all memory of it. A hub says it
        again, after its acks, while it is true.
        """
        for press in self.presses:
            if press.number == number and press.stage < stage <= CANCELLED:
                press.stage = stage
                self.call_stage = NONE
                self.progress_ms = now_ms
                if stage >= CLOSED:
                    self.presses.remove(press)
                    if hub and stage == CANCELLED and press.meaning == FALL:
                        self.answered = (self.answered + [(number, hub)])[-ANSWERED_KEPT:]  # noqa: RUF005
                        self.answered_ms = now_ms
                    if not self.presses:
                        self.call_stage = stage
                if not self.unheard():
                    self.low_buzzes = 0
                return True
        return False

    def call(self, now_ms: int, stage: int) -> bool:
        """A hub says how far the set of the elder's calls has come; True when that is news.

        What no hub has heard is not in that set: such presses stay whatever is said.
        """
        if stage > CANCELLED or stage == self.call_stage:
            return False
        self.call_stage = stage
        self.progress_ms = now_ms
        if stage >= CLOSED:
            self.presses = self.unheard()
        return True

    def expire(self, now_ms: int) -> bool:
        """Heard presses are polled for 30 minutes after the last progress, then the hub carries them
        alone.
        """
        if not schedule.over(schedule.HEARD, now_ms - self.progress_ms):
            return False
        unheard = self.unheard()
        if len(unheard) == len(self.presses):
            return False
        self.presses = unheard
        self.call_stage = NONE  # what was said of that call must not be said of those that no hub has
        return True

    def learn_wall(self, now_ms: int, wall_ms: int) -> bool:
        """The hub told the time: presses that lost their age with the power get it back; True when any
        did.
        """
        changed = False
        for press in self.presses:
            if press.wall_ms and wall_ms > press.wall_ms:
                pressed_ms = now_ms - (wall_ms - press.wall_ms)
                if pressed_ms < press.pressed_ms - 5000:
                    press.pressed_ms = pressed_ms
                    changed = True
            elif not press.wall_ms:
                press.wall_ms = wall_ms - (now_ms - press.pressed_ms)
                changed = True
        return changed

    # -- what follows

    def unheard(self) -> list:
        """Presses that no hub has, in the order they were made."""
        return [p for p in self.presses if p.stage == NONE]

    def stage(self) -> int:
        """How far all that is open has come: the least of its presses, and the call's word above `delivered`.

        While a press is unheard nothing is said of help, whatever came of those before it.
        """
        least = min([press.stage for press in self.presses]) if self.presses else NONE
        if least >= DELIVERED and least < self.call_stage < CLOSED:
            return self.call_stage
        return least

    def is_open(self) -> bool:
        """A call of this pendant is open as far as it knows."""
        return bool(self.presses)

    def oldest_unheard_age(self, now_ms: int) -> int:
        """Age in ms, -1 when every press is heard."""
        unheard = self.unheard()
        return max(0, now_ms - unheard[0].pressed_ms) if unheard else -1

    def on_air(self, now_ms: int, turn: int) -> tuple:
        """(press or None, interval in ms or 0 when silent, ms until that changes or None).

        Unheard presses take turns, highest meaning first and oldest first among equals; the pace is that of
        the youngest. With none, the latest heard press is the hub's occasion to come back. No press with an
        interval: heartbeats.
        """
        if not self.presses:
            if not self.answered:
                return None, 0, None
            age = max(0, now_ms - self.answered_ms)
            interval, change = schedule.pace(schedule.ANSWERED, age)
            return None, interval, None if change is None else change - age
        unheard = self.unheard()
        if unheard:
            youngest = unheard[-1]
            age = now_ms - youngest.pressed_ms
            interval, change = schedule.pace(schedule.UNHEARD, age)
            unheard.sort(key=_rank)
            press = unheard[turn % len(unheard)]
        else:
            press = self.presses[-1]
            age = now_ms - self.progress_ms
            interval, change = schedule.pace(schedule.HEARD, age)
        return press, interval, None if change is None else max(1, change - max(age, 0))

    def next_ms(self, now_ms: int) -> int | None:
        """When a low buzz or the end of polling is due, or None. (The air asks `on_air` for itself.)"""
        unheard = self.unheard()
        due = None
        if unheard:
            due = unheard[0].pressed_ms + surface.no_hub_age(self.low_buzzes)
        if len(unheard) < len(self.presses):
            end = self.progress_ms + schedule.HEARD[-1][0]
            due = end if due is None else min(due, end)
        return due

    # -- bytes

    def pack(self, now_ms: int) -> bytes:
        """The book as it goes to flash and to RTC memory; ages are relative to `now_ms` of the power-on
        clock.
        """
        since = min(max(0, now_ms - self.progress_ms), MAX_AGE_MS)
        count = len(self.presses)
        head = struct.pack(
            _HEAD, _MAGIC, _VERSION, count, self.call_stage, min(self.low_buzzes, 255), now_ms, since
        )
        parts = [head]
        for p in self.presses:
            age = min(max(0, now_ms - p.pressed_ms), MAX_AGE_MS)
            parts.append(struct.pack(_PRESS, p.number, p.meaning, p.stage, age, max(0, p.wall_ms)))
        return b"".join(parts)

    def load(self, data: bytes, now_ms: int, same_clock: bool) -> None:
        """Takes the book from bytes; ValueError when they are none. Without the same clock, ages are at
        least.
        """
        size = struct.calcsize(_HEAD)
        each = struct.calcsize(_PRESS)
        if len(data) < size:
            raise ValueError("press book too short")
        magic, version, count, call_stage, low, then_ms, since = struct.unpack(_HEAD, data[:size])
        if magic != _MAGIC or version != _VERSION or len(data) != size + count * each or count > CAPACITY:
            raise ValueError("not a press book")
        if not same_clock or then_ms > now_ms:
            then_ms = now_ms
        presses = []
        for i in range(count):
            number, meaning, stage, age, wall = struct.unpack(
                _PRESS, data[size + i * each : size + (i + 1) * each]
            )
            presses.append(Press(number, meaning, then_ms - age, wall, stage))
        self.presses = presses
        self.call_stage = call_stage
        self.low_buzzes = low
        self.progress_ms = then_ms - since

    def merge(self, data: bytes, now_ms: int) -> bool:
        """A book that turned up late, of a clock that is gone: its unheard presses join; True when there
        were any.

        The life may have changed since: a press that a hub did hear then becomes a second event, in the same
        call while that is open. No hub folds by number alone: a new life's numbers may repeat an old one's,
        and an alarm too many is better than one too few.
        """
        other = PressBook()
        other.load(data, now_ms, False)
        known = [p.number for p in self.presses]
        joining = [p for p in other.unheard() if p.number not in known]
        self.presses = (joining + self.presses)[:CAPACITY]
        return bool(joining)

    # -- inside

    def _make_room(self) -> None:
        for press in self.presses:
            if press.stage != NONE:
                self.presses.remove(press)
                return

    def _stands_for(self, meaning: int) -> bool:
        """An unheard press already says at least this much (always true of a full book that holds only
        such).
        """
        for press in self.presses:
            if press.stage == NONE and press.meaning >= meaning:
                return True
        return len(self.presses) >= CAPACITY


def _rank(press: Press) -> tuple:
    return (-press.meaning, press.pressed_ms)
