"""Whose a reading is, where the meter did not say: the fold of what people have said of it since. Pure.

A reading is never changed: who it belongs to is an event of its own (`care.whose`), the newest counts, and
one that is undone gives way to the one before. Somebody who was confirmed for a user of a meter that tells
its users apart is that user from then on; a meter that tells nobody apart is in doubt each time.

Public: `Claim`, `Known`, `step`, `claim_of`, `applied`, `apply`, `confirmed`, `last_of`, `PERSONAL`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

import msgspec

from protocols.values import Event

T = TypeVar("T")
KIND: Final = "care.whose"
UNDO: Final = "undo"
SAID_BY: Final = ("asked", "command")  # a person has said so; "confirmed" follows from that
MOST: Final = 500  # readings that are remembered
# Those of a body; a room's are nobody's.
PERSONAL: Final = frozenset(
    f"reading.{name}"
    for name in (
        *("blood_pressure", "pulse", "oxygen", "glucose", "body_temperature", "weight", "body_composition"),
        *("uric_acid", "cholesterol", "triglycerides", "hdl", "ldl"),
    )
)


class Claim(NamedTuple):
    """Whose one reading is, who says so, and how it is judged as theirs."""

    elder: str
    by: str
    judged: str = ""
    reason: str = ""


class Slot(NamedTuple):
    """A user of a meter; None where it has no such number."""

    meter: str
    user: int | None


class Known(msgspec.Struct, frozen=True):
    """By the id of a reading, the newest last: which user of which meter, where it came as nobody's; and what
    was said of it."""

    slots: dict[str, Slot] = {}
    claims: dict[str, tuple[Claim, ...]] = {}


def step(known: Known, event: Event) -> Known:
    """Fold one event."""
    data = event.data
    if event.kind in PERSONAL and not event.elder and str(event.id) not in known.slots:
        user = data.get("user")
        slot = Slot(event.device, user if type(user) is int else None)
        return msgspec.structs.replace(known, slots=_newest({**known.slots, str(event.id): slot}))
    about = data.get("about")
    if event.kind != KIND or not isinstance(about, str):
        return known
    before = known.claims.get(about, ())
    claim = Claim(event.elder, *(str(data.get(name, "")) for name in ("by", "judged", "reason")))
    after = before[:-1] if claim.by == UNDO else (*before, claim)
    others = {key: said for key, said in known.claims.items() if key != about}
    return msgspec.structs.replace(known, claims=_newest({**others, about: after}))


def _newest(rows: dict[str, T]) -> dict[str, T]:
    return rows if len(rows) <= MOST else dict(list(rows.items())[-MOST:])


def claim_of(known: Known, reading: str) -> Claim | None:
    """What counts of a reading now; None: as its event says."""
    said = known.claims.get(reading, ())
    return said[-1] if said else None


def applied(event: Event, known: Known) -> Event:
    """A reading as that of whom it belongs to; `whose` in its data is who says so."""
    claim = claim_of(known, str(event.id))
    if claim is None:
        return event
    marks = {"judged": claim.judged, "reason": claim.reason} if claim.judged else {}
    return msgspec.structs.replace(event, elder=claim.elder, data={**event.data, **marks, "whose": claim.by})


def apply(newest_first: Iterable[Event]) -> list[Event]:
    """Events as the journal gives them, each reading as that of whom it belongs to."""
    events, known = list(newest_first), Known()
    for event in reversed(events):
        known = step(known, event)
    return [applied(event, known) for event in events]


def confirmed(known: Known, slot: Slot) -> str:
    """Whom people last said that this user of a meter is; empty where the meter tells nobody apart."""
    if slot.user is None:
        return ""
    said = (s[-1] for id, s in reversed(known.claims.items()) if s and known.slots.get(id) == slot)
    return next((claim.elder for claim in said if claim.by in SAID_BY), "")


def last_of(known: Known, meter: str) -> str:
    """Whom people last said that a reading of this meter belongs to: the first to be asked about."""
    for reading, said in reversed(known.claims.items()):
        slot = known.slots.get(reading)
        if said and slot is not None and slot.meter == meter and said[-1].by in SAID_BY:
            return said[-1].elder
    return ""
