"""What a meter's record means in this home: kind, figures, whose it is, when, and an id of its own. Pure.

The id is made of the meter and the bytes of the record, so a meter that sends its whole memory each time, a
hub that died in the middle, and a second hub all name one reading with one id, and every receiver folds on
it. A record without a date has none of its own: it is news whenever it comes.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from protocols.data import ReadingData, make
from protocols.gatt import Absence, Moment, Values
from protocols.values import EventId

AHEAD_MS: Final = 5 * 60_000  # a meter's clock may be so much fast; what is later has not happened yet
OLD_MS: Final = 5 * 365 * 86_400_000  # no meter's memory is so long: its clock was never set
UNITS: Final = {  # UCUM, as the decoder says it -> our word for it
    "mm[Hg]": "mmhg",
    "kPa": "kpa",
    "Cel": "cel",
    "[degF]": "degf",
    "kg": "kg",
    "[lb_av]": "lb",
    "kg/L": "mg_per_dl",
    "mol/L": "mmol_per_l",
}
CONTROL: Final = "control-solution"  # a meter is tested with it: nobody's blood
# Bits of an oximeter's measurement status (Pulse Oximeter Service 1.0.1) that take its word from it.
OXIMETER: Final = {10: "demonstration", 11: "testing", 13: "unavailable", 15: "invalid"}
MEALS: Final = {name: name for name in ("before", "after", "fasting", "casual", "bedtime")}
GLUCOSE_FACTORS: Final = {"kg/L": 100_000, "mol/L": 1_000}  # to what people say: mg/dL, mmol/L


@dataclass(frozen=True, slots=True)
class Row:
    """How one characteristic becomes a reading: names of its values for each figure."""

    kind: str
    value: str
    second: str = ""
    third: str = ""
    pulse: str = ""
    unit: str = ""  # where the characteristic does not choose


ROWS: Final[dict[int, Row]] = {
    0x2A35: Row("reading.blood_pressure", "systolic", "diastolic", "mean", "pulse"),
    0x2A1C: Row("reading.body_temperature", "temperature"),
    0x2A5E: Row("reading.oxygen", "oxygen", "perfusion", "", "pulse", "percent"),
    0x2A5F: Row("reading.oxygen", "oxygen", "perfusion", "", "pulse", "percent"),
    0x2A9D: Row("reading.weight", "weight", "bmi"),
    0x2A9C: Row("reading.body_composition", "fat_pct", "muscle_pct", unit="percent"),
    0x2A37: Row("reading.pulse", "pulse", unit="per_min"),
    0x2A18: Row("reading.glucose", "glucose"),
    0x2AA7: Row("reading.glucose", "glucose", unit="mg_per_dl"),
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where and when a record came to the hub."""

    meter: str
    wall_ms: int
    trusted: bool
    offset_minutes: int
    mark: str  # different for every arrival: of a record that bears no date


@dataclass(frozen=True, slots=True)
class Reading:
    """An event to be."""

    id: EventId
    kind: str
    data: dict[str, Any]


def reading_of(uuid: int, raw: bytes, values: Values | None, cause: str, at: Arrival) -> Reading | None:
    """The reading in a record; None for what is none (a context without its measurement).

    `values` None: nobody can read it; it is kept as "unusable", with its bytes and the cause.
    """
    row = ROWS.get(uuid)
    if row is None:
        return None
    if values is not None:
        cause = spoiled(uuid, values)
    if values is None or cause:
        kept = ReadingData(judged="unusable", reason=cause, raw=raw[:128].hex(), meter=at.meter)
        return Reading(name_of(at.meter, uuid, raw, ""), row.kind, make(kept))
    moment: Moment | None = values.get("time")
    if moment is not None:
        moment = _shifted(moment, values.get("offset_min", 0))
    measured_ms, clock = _when(moment, at)
    dated = moment is not None and any(moment[:3])
    factor = GLUCOSE_FACTORS.get(values.get("unit", ""), 1)
    first, reason = _figure(values, row.value, factor)
    made = ReadingData(
        value=first,
        second=_figure(values, row.second)[0],
        third=_figure(values, row.third)[0] or None,  # a mean of 0 is none
        pulse_bpm=_figure(values, row.pulse)[0],
        unit=row.unit or UNITS.get(values.get("unit", "")),
        judged="unusable" if first is None else None,
        reason=reason,
        measured_ms=measured_ms,
        clock=clock,
        meter=at.meter,
        user=values["user"] if type(values.get("user")) is int else None,
        status=values["status"] if type(values.get("status")) is int else None,
        sequence=values.get("sequence"),
        place=values.get("site") or values.get("place"),
        context=MEALS.get(values.get("meal", "")),
        sample=values.get("sample"),
    )
    return Reading(name_of(at.meter, uuid, raw, "" if dated else at.mark), row.kind, make(made))


def spoiled(uuid: int, values: Values) -> str:
    """Why figures that can be read are nobody's measurement all the same; "" for those that are one."""
    if CONTROL in (values.get("sample"), values.get("place")):
        return CONTROL
    if values.get("contact") == "no":
        return "no-contact"
    if uuid in (0x2A5E, 0x2A5F):
        bits = values.get("status", 0)
        return next((word for bit, word in OXIMETER.items() if bits >> bit & 1), "")
    return ""


def person_of(users: Mapping[str, str], elder: str | None, user: int | None) -> str:
    """Whose reading it is; empty when the meter's number of who measured does not say.

    A meter whose users are told apart belongs to nobody as a whole: in doubt there is no person.
    """
    if users:
        return users.get(str(user), "") if user is not None else ""
    return elder or ""


def _figure(values: Values, name: str, factor: int = 1) -> tuple[float | None, str | None]:
    """A figure, or why there is none."""
    value = values.get(name) if name else None
    if isinstance(value, Absence):
        return None, {"+inf": "too-high", "-inf": "too-low"}.get(value, str(value))
    if value is None:
        return None, "missing" if name else None
    return (round(float(value) * factor, 6), None)


def _shifted(moment: Moment, minutes: int) -> Moment:
    """A glucose record's own time: its base time and its offset."""
    if not moment.known or not minutes:
        return moment
    try:
        at = datetime.datetime(*moment) + datetime.timedelta(minutes=minutes)
    except OverflowError:
        return moment
    return Moment(at.year, at.month, at.day, at.hour, at.minute, at.second)


def _when(moment: Moment | None, at: Arrival) -> tuple[int | None, str]:
    """When it was measured in Unix ms, and whose clock says so; the meter's is not believed against a clock
    that is known to be right."""
    if moment is None or not moment.known:
        return None, "arrival"
    zone = datetime.timezone(datetime.timedelta(minutes=at.offset_minutes))
    try:
        then_ms = round(datetime.datetime(*moment, tzinfo=zone).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None, "wrong"
    if then_ms < 0 or (at.trusted and not -OLD_MS <= then_ms - at.wall_ms <= AHEAD_MS):
        return None, "wrong"
    return then_ms, "meter"


def name_of(meter: str, uuid: int, raw: bytes, mark: str) -> EventId:
    """The id of a record; `mark` tells equal bytes apart that bear no date."""
    digest = hashlib.sha256(f"{meter}|{uuid:04x}|{mark}|".encode() + raw).digest()
    return EventId(meter, int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big"))
