"""A fall is weighed: what the pendant felt, and what the home knows, become a confidence beside the call.

The pendant decides that there was a fall and the call stands from then on; nothing here ends one or keeps one
back. From the note that follows over GATT a richer model tells how sure it is, together with the pendant's
score, in which is more than fits into a note; signs (in bed, charging, put down, dropped, too many false
falls lately) are named beside it. Whoever takes the call sees it as `call.updated`, once for each fall.

No pendant has a line that tells of its charger: that it charges is known from a cell whose charge rises. A
pendant that lay on its charger for longer than that trend reaches back, full, is not known to.

Public: `Weighed`, `weigh`, `charging`, `Weighing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from edge import weighing_trunk, weighing_wrist
from edge.book import find
from edge.faults import Sign
from edge.hub import Hub
from protocols import fall_note
from protocols.values import EventId

TREE: Final = 24  # four features, four cuts, sixteen leaves around 128
PER_MILLE: Final = 1000  # the tables' least score of what is likely is in thousandths of log-odds
WRIST: Final = 2
TREND_MS: Final = 3 * 3_600_000  # three heartbeats; a small cell is full after about as long
# Points that only a charger adds: 30-50 mV in the flat of the curve. A cell that rests after a call, and the
# noise of the chip's converter, make less than half of it.
RISE_PCT: Final = 10


class Weighed(NamedTuple):
    """How sure it is that somebody fell, in percent; whether that is likely; what else is known of it."""

    confidence: int
    likely: bool
    signs: tuple[str, ...] = ()


def weigh(
    note: bytes, in_bed: bool = False, charges: bool = False, false_often: bool = False
) -> Weighed | None:
    """The confidence of a note; None for what is no note: then the fall counts as it was told.

    That many were none says nothing of what was felt this time: whoever takes the call is told, and what is
    likely stays so.
    """
    read = fall_note.read(note)
    if read is None:
        return None
    scale, least, trees, pendants = (weighing_wrist if read.placement == WRIST else weighing_trunk).TABLE
    odds = (score(trees, fall_note.weights(read)) / scale + read.score / pendants) / 2
    signs = []
    if in_bed:
        signs.append("in_bed")
    if charges:
        signs.append("charging")
    if fall_note.put_down(read):
        signs.append("dropped" if fall_note.dropped(read) else "put_down")
    confidence = round(100 / (1 + math.exp(-max(-20.0, min(odds, 20.0)))))
    likely = round(odds * PER_MILLE) >= least and not signs
    if false_often:
        signs.append("false_falls")
    return Weighed(max(1, min(confidence, 99)), likely, tuple(signs))


def charging(signs: Sequence[Sign], now_ms: int) -> bool:
    """Whether the cell was on a charger when last heard: its charge has risen, and is at its highest. Off the
    charger the voltage falls back at once.
    """
    lately = [sign.battery_pct for sign in signs if now_ms - sign.at_ms <= TREND_MS]
    return bool(lately) and lately[-1] == max(lately) >= min(lately) + RISE_PCT


def score(trees: bytes, weights: bytes) -> int:
    """The sum of the leaves that the weights lead to."""
    total = 0
    for at in range(0, len(trees), TREE):
        leaf = 0
        for level in range(at, at + 4):
            leaf = 2 * leaf + (weights[trees[level]] > trees[level + 4])
        total += trees[at + 8 + leaf] - 128
    return total


class Weighing:
    """Takes the notes of one hub's pendants."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._told: dict[EventId, Weighed] = {}  # of this process; a restart may tell again

    def take(
        self,
        event_id: EventId,
        note: bytes,
        in_bed: Callable[[], bool],
        charges: Callable[[], bool],
        false_often: Callable[[], bool],
    ) -> Weighed | None:
        """A note of a fall that is a call: told to whoever has it, once."""
        call = find(self._hub.book, event_id)
        if call is None or event_id in self._told:
            return None
        weighed = weigh(note, in_bed(), charges(), false_often())
        if weighed is None:
            return None
        self._told[event_id] = weighed
        if len(self._told) > 64:
            del self._told[next(iter(self._told))]
        if not call.withdrawn:
            data = {"confidence": weighed.confidence, "signs": " ".join(weighed.signs)}
            change = "fall_likely" if weighed.likely else "fall_unsure"
            self._hub.update(call.id, change, "rule", {k: v for k, v in data.items() if v})
        return weighed
