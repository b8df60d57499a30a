"""Measurements that no meter of the home told: a person read them somewhere and enters them, figures checked.

Uric acid and lipids have no public Bluetooth profile: a drop of blood, a strip, a figure on a small screen.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final

from edge.hub import Hub
from protocols.data import ReadingData, make
from protocols.errors import AnbanError, Reason

AHEAD_MS: Final = 5 * 60_000
OLD_MS: Final = 5 * 365 * 86_400_000
_MASS, _MOLES = "mg_per_dl", "mmol_per_l"
# kind -> unit -> what a living person's figure lies between; the first unit is taken where none is given.
ALLOWED: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "uric_acid": {"umol_per_l": (30, 2_000), _MASS: (0.5, 35)},
    "cholesterol": {_MOLES: (0.5, 35), _MASS: (20, 1_350)},
    "triglycerides": {_MOLES: (0.1, 60), _MASS: (9, 5_300)},
    "hdl": {_MOLES: (0.05, 10), _MASS: (2, 390)},
    "ldl": {_MOLES: (0.05, 30), _MASS: (2, 1_160)},
    "glucose": {_MOLES: (0.5, 60), _MASS: (9, 1_080)},
    "blood_pressure": {"mmhg": (20, 320)},
    "body_temperature": {"cel": (20, 45)},
    "weight": {"kg": (2, 300)},
    "oxygen": {"percent": (20, 100)},
    "pulse": {"per_min": (15, 300)},
}
CONTEXTS: Final = ("before", "after", "fasting", "casual", "bedtime")
Judge = Callable[[str, Mapping[str, Any], str, int], dict[str, Any]]


class ByHand:
    """The operation `reading_add`: person, kind, value; if wanted unit, second, pulse, at, context."""

    def __init__(
        self, hub: Hub, people: tuple[str, ...], offset_minutes: Callable[[], int], judge: Judge
    ) -> None:
        self._hub, self._people, self._offset, self._judge = hub, people, offset_minutes, judge

    def operations(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """Name -> operation, for `edge.api.Api`."""
        return {"reading_add": self.add}

    async def add(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Journal a reading; its id once it is durable. AnbanError(BAD_REQUEST) says what is allowed."""
        person = args.get("person")
        if person not in self._people:
            raise bad(f"person = {person!r}", f"Allowed is one of {', '.join(self._people)}.")
        clock = self._hub.mint.clock
        found = reading(args, clock.wall_ms(), self._offset())
        kind = f"reading.{args['kind']}"
        at_ms = found.measured_ms if found.measured_ms is not None else clock.wall_ms()
        data = make(found)
        event = self._hub.mint.event(
            kind,
            self._hub.mint.next_id(),
            elder=str(person),
            data={**data, **self._judge(kind, data, str(person), at_ms)},
        )
        commit = self._hub.record(event, "system")
        if commit is None:
            raise AnbanError(Reason.STORAGE_FAILED, "The hub cannot keep it now.", "Try again in a minute.")
        await asyncio.shield(commit)  # whoever asked may leave; the hub's own answer to it may not
        return {"id": str(event.id), "kind": args["kind"]}


def reading(args: Mapping[str, Any], now_ms: int, offset_minutes: int) -> ReadingData:
    """What was entered, checked. AnbanError(BAD_REQUEST)."""
    kind = args.get("kind")
    units = ALLOWED.get(kind) if isinstance(kind, str) else None
    if units is None:
        raise bad(f"kind = {kind!r}", f"Allowed is one of {', '.join(ALLOWED)}.")
    unit = args.get("unit") or next(iter(units))
    if unit not in units:
        raise bad(f"unit = {unit!r}", f"Allowed for {kind} is {' or '.join(units)}.")
    second = figure("second", args.get("second"), units[unit])
    value = figure("value", args.get("value"), units[unit])
    if value is None:
        raise bad("there is no value", "Give the figure.")
    if (kind == "blood_pressure") is not (second is not None):
        raise bad("second", "A blood pressure has two figures, everything else one.")
    if second is not None and second >= value:
        raise bad("second", "The first figure is the systolic pressure, the higher one.")
    context = args.get("context")
    if context is not None and (kind != "glucose" or context not in CONTEXTS):
        raise bad(f"context = {context!r}", f"Allowed for glucose is one of {', '.join(CONTEXTS)}.")
    return ReadingData(
        value=value,
        second=second,
        pulse_bpm=figure("pulse", args.get("pulse"), (15, 300)),
        unit=str(unit),
        measured_ms=moment(args.get("at"), now_ms, offset_minutes),
        clock="person",
        context=context,
    )


def figure(name: str, value: object, between: tuple[float, float]) -> float | None:
    """A figure within its bounds; None where none was given."""
    if value is None:
        return None
    low, high = between
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise bad(f"{name} = {value!r}", f"Allowed is a number from {low:g} to {high:g} in this unit.")
    return float(value)


def moment(text: object, now_ms: int, offset_minutes: int) -> int:
    """Local time as "2026-11-20 08:00" to Unix ms; now where none is given. Never ahead, never years ago."""
    if text is None:
        return now_ms
    zone = datetime.timezone(datetime.timedelta(minutes=offset_minutes))
    try:
        at = datetime.datetime.fromisoformat(str(text))
        at_ms = round((at if at.tzinfo is not None else at.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise bad(f"at = {text!r}", 'Write it as "2026-11-20 08:00", in local time.') from None
    if not now_ms - OLD_MS <= at_ms <= now_ms + AHEAD_MS:
        raise bad(f"at = {text!r}", "Allowed is a time of the last five years.")
    return at_ms


def bad(sentence: str, remedy: str) -> AnbanError:
    """What was entered cannot be so."""
    return AnbanError(Reason.BAD_REQUEST, sentence, remedy)
