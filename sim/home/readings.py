"""The outside ledger of readings: what was measured in the home, and what of it the platform holds.

A measurement is written down when a meter is told to make it, before anything of the product hears of it.
After that the platform's own database says what arrived: `judge` names what is lost, doubled, or somebody
else's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from protocols.wire import decode_event

READINGS = "SELECT elder, device, body FROM events WHERE kind LIKE 'reading.%' ORDER BY number"


@dataclass(frozen=True)
class Measured:
    """One measurement in a meter's memory. `elder` is whose it is; empty where nobody can know."""

    meter: str
    elder: str
    kind: str
    figures: tuple[float, ...]  # as the event's value, second, pulse_bpm; empty where nobody can read it
    at_ms: int = 0  # by the meter's clock; 0: it does not say


@dataclass(frozen=True)
class Arrived:
    """One reading as the platform's database has it."""

    id: str
    meter: str
    elder: str
    kind: str
    data: dict[str, Any]
    clock_trusted: bool

    @property
    def as_measured(self) -> Measured:
        """The measurement that it claims to be."""
        found = (self.data.get(name) for name in ("value", "second", "pulse_bpm"))
        figures = tuple(figure for figure in found if figure is not None)
        return Measured(self.meter, self.elder, self.kind, figures, self.data.get("measured_ms", 0))


@dataclass(frozen=True)
class ReadingVerdict:
    """Sentences for each offence."""

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    invented: tuple[str, ...]  # at the platform, and never measured so: other figures, another person

    @property
    def ok(self) -> bool:
        return not (self.lost or self.doubled or self.invented)


def arrived(db: sqlite3.Connection) -> list[Arrived]:
    """Every reading in the platform's database."""
    found = []
    for elder, device, body in db.execute(READINGS):
        event = decode_event(body)
        found.append(Arrived(str(event.id), device, elder, event.kind, dict(event.data), event.clock_trusted))
    return found


def judge(measured: Sequence[Measured], there: Sequence[Arrived]) -> ReadingVerdict:
    """Compare what was measured with what arrived; equal measurements count as often as they were made."""
    left = list(measured)
    doubled, invented = [], []
    for reading in there:
        claims = reading.as_measured
        if claims in left:
            left.remove(claims)
        elif claims in measured:
            doubled.append(f"{reading.id}: {claims} once more")
        else:
            invented.append(f"{reading.id}: {claims} was never measured")
    return ReadingVerdict(tuple(f"{one} did not arrive" for one in left), tuple(doubled), tuple(invented))
