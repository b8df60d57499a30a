"""A reading as FHIR R4 Observations: LOINC beside MDC, units of UCUM, and why a figure is missing.

Structure and codes: HL7 FHIR R4 (4.0.1) Observation and its vital signs profiles; MDC codes of IEEE
11073-10101 beside LOINC, as the Personal Health Device guide asks. A blood pressure is one Observation with
components and no value of its own. What is nobody's has no subject; a time that only the hub knows is said in
a note.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from protocols.data import ReadingData
from protocols.kinds import typed_data
from protocols.values import Event

LOINC: Final = "http://loinc.org"
MDC: Final = "urn:iso:std:iso:11073:10101"
UCUM: Final = "http://unitsofmeasure.org"
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
VITAL_SIGNS: Final = "http://hl7.org/fhir/StructureDefinition/vitalsigns"
IDENTIFIER: Final = "urn:anban:event"  # of event ids, which a meter's bytes decide
# Ours, for names of entries in a bundle.
_NAMESPACE: Final = uuid.UUID("b8a4c1de-6d2b-5c8e-9f41-2b7f3a90c6d5")
LAST_MS: Final = 253_370_764_800_000  # the year 9999: what is later is no time of a meter
MMHG_PER_KPA: Final = 7.500617  # 1 mmHg is 133.322387415 Pa (ISO 80000-4)


@dataclass(frozen=True, slots=True)
class Code:
    """What is measured: LOINC codes (the first is the main one), MDC code, name, UCUM unit and its text."""

    loinc: tuple[str, ...]
    mdc: int | None
    text: str
    unit: str = ""


_SYSTOLIC: Final = Code(("8480-6",), 150021, "Systolic blood pressure", "mm[Hg]")
_DIASTOLIC: Final = Code(("8462-4",), 150022, "Diastolic blood pressure", "mm[Hg]")
_MEAN: Final = Code(("8478-0",), 150023, "Mean blood pressure", "mm[Hg]")
_PULSE: Final = Code(("8867-4",), 149546, "Heart rate", "/min")
_PULSE_OXIMETER: Final = Code(("8867-4",), 149530, "Heart rate", "/min")
_PERFUSION: Final = Code(("61006-3",), 150488, "Perfusion index", "%")


@dataclass(frozen=True, slots=True)
class Row:
    """How a kind of reading becomes Observations. `parts`: fields of the data as components."""

    code: Code
    parts: tuple[tuple[str, Code], ...] = ()
    panel: bool = False  # the components say all
    beside: tuple[tuple[str, Code], ...] = ()  # an Observation of its own
    vital: bool = True
    molar: Code | None = None  # where the unit counts molecules
    laboratory: bool = False


def _sample(mass: str, moles: str, text: str, mdc: int | None = None) -> Row:
    """What is measured in blood, by mass or by molecules."""
    row = Row(Code((mass,), mdc, text), vital=False, laboratory=True)
    return replace(row, molar=Code((moles,), mdc, text))


ROWS: Final[dict[str, Row]] = {
    "reading.blood_pressure": Row(
        Code(("85354-9",), 150020, "Blood pressure panel"),
        (("value", _SYSTOLIC), ("second", _DIASTOLIC), ("third", _MEAN), ("pulse_bpm", _PULSE)),
        panel=True,
    ),
    "reading.oxygen": Row(
        Code(("59408-5", "2708-6"), 150456, "Oxygen saturation", "%"),
        (("pulse_bpm", _PULSE_OXIMETER), ("second", _PERFUSION)),
    ),
    "reading.pulse": Row(Code(("8867-4",), 147842, "Heart rate", "/min")),
    "reading.body_temperature": Row(Code(("8310-5",), 150364, "Body temperature")),
    "reading.weight": Row(
        Code(("29463-7",), 188736, "Body weight"),
        beside=(("second", Code(("39156-5",), None, "Body mass index", "kg/m2")),),
    ),
    "reading.body_composition": Row(
        Code(("41982-0",), 188748, "Percentage of body fat", "%"),
        (("second", Code((), None, "Percentage of muscle", "%")),),
        vital=False,
    ),
    "reading.glucose": _sample("41653-7", "14743-9", "Glucose in capillary blood", 160184),
    "reading.uric_acid": _sample("3084-1", "14933-6", "Urate in serum or plasma"),
    "reading.cholesterol": _sample("2093-3", "14647-2", "Cholesterol in serum or plasma"),
    "reading.triglycerides": _sample("2571-8", "14927-8", "Triglyceride in serum or plasma"),
    "reading.hdl": _sample("2085-9", "14646-4", "Cholesterol in HDL in serum or plasma"),
    "reading.ldl": _sample("2089-1", "22748-8", "Cholesterol in LDL in serum or plasma"),
    "reading.room_temperature": Row(Code(("60832-3",), None, "Room temperature"), vital=False),
    "reading.humidity": Row(Code((), None, "Relative humidity of a room", "%"), vital=False),
    "reading.activity": Row(Code(("55423-8",), None, "Number of steps"), vital=False),
}
_UNDER_SKIN: Final = _sample("99504-3", "105272-9", "Glucose in interstitial fluid", 160212)
INTERPRETATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
JUDGED: Final = {"high": ("H", "High"), "low": ("L", "Low"), "normal": ("N", "Normal")}
MEALS: Final = {  # a figure's place in the day, in words: no system has them all
    "before": "before a meal",
    "after": "after a meal",
    "fasting": "fasting",
    "casual": "between meals",
    "bedtime": "at bedtime",
}
UNITS: Final = {
    "mmhg": "mm[Hg]",
    "kpa": "kPa",
    "cel": "Cel",
    "degf": "[degF]",
    "kg": "kg",
    "lb": "[lb_av]",
    "mg_per_dl": "mg/dL",
    "mmol_per_l": "mmol/L",
    "umol_per_l": "umol/L",
    "percent": "%",
    "per_min": "/min",
}
MOLECULES: Final = ("mmol_per_l", "umol_per_l")
REASONS: Final = {  # of a missing figure -> data-absent-reason; every other is an error
    "nan": "not-a-number",
    "too-high": "positive-infinity",
    "too-low": "negative-infinity",
    "nres": "unknown",
    "missing": "unknown",
    "control-solution": "not-performed",
    "no-contact": "not-performed",
    "unavailable": "temp-unknown",
}


def observations(event: Event, offset_minutes: int) -> list[dict[str, Any]]:
    """The Observations of a reading, in the time zone of its home; [] for an event that is none."""
    row = ROWS.get(event.kind)
    found, _ = typed_data(event)
    if row is None or not isinstance(found, ReadingData):
        return []
    if event.kind == "reading.glucose" and found.sample == "interstitial-fluid":
        row = _UNDER_SKIN
    code = row.molar if row.molar is not None and found.unit in MOLECULES else row.code
    made = {**_frame(event, found, offset_minutes, row, ""), "code": _concept(code)}
    unreadable = found.value is None
    if not row.panel:
        made |= _valued(found, "value", code)
    elif unreadable:
        made |= _absent(found.reason)
    parts = [] if unreadable else [_part(found, *part) for part in row.parts if _wanted(found, *part)]
    if not unreadable and found.context in MEALS:
        said = {"text": MEALS[found.context]}
        parts.append({"code": {"text": "Meal"}, "valueCodeableConcept": said})
    if parts:
        made["component"] = parts
    beside = [
        {**_frame(event, found, offset_minutes, row, name), "code": _concept(other)}
        | _valued(found, name, other)
        for name, other in row.beside
        if getattr(found, name) is not None
    ]
    return [made, *beside]


def bundle(events: Iterable[Event], offset_minutes: int) -> dict[str, Any]:
    """All their Observations as a collection."""
    found = [one for event in events for one in observations(event, offset_minutes)]
    entries = [
        {"fullUrl": f"urn:uuid:{uuid.uuid5(_NAMESPACE, one['identifier'][0]['value'])}", "resource": one}
        for one in found
    ]
    return {"resourceType": "Bundle", "type": "collection", **({"entry": entries} if entries else {})}


def _frame(event: Event, found: ReadingData, offset_minutes: int, row: Row, part: str) -> dict[str, Any]:
    """All of an Observation but what was measured."""
    own = found.measured_ms is not None
    at_ms = found.measured_ms if found.measured_ms is not None else event.wall_ms
    category = "vital-signs" if row.vital else "laboratory" if row.laboratory else "exam"
    made: dict[str, Any] = {
        "resourceType": "Observation",
        "identifier": [{"system": IDENTIFIER, "value": f"{event.id}{'#' if part else ''}{part}"}],
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": category}]}],
        "effectiveDateTime": _moment(at_ms, offset_minutes),
    }
    if found.clock == "person":
        made["method"] = {"text": "Entered by hand"}
    else:
        made["device"] = {"identifier": {"value": found.meter or event.device}}
    if event.elder and row.vital:  # the profile wants a subject
        made["meta"] = {"profile": [VITAL_SIGNS]}
    if event.elder:
        made["subject"] = {"reference": f"Patient/{event.elder}"}
        made["performer"] = [{"reference": f"Patient/{event.elder}"}]
    if not own:
        trust = "" if event.clock_trusted else ", by a clock that nobody has confirmed"
        made["note"] = [{"text": f"The time is that of arrival at the hub{trust}."}]
    if not part and found.judged in JUDGED:
        code, display = JUDGED[found.judged]
        made["interpretation"] = [{"coding": [{"system": INTERPRETATION, "code": code, "display": display}]}]
    if found.place:
        made["bodySite"] = {"text": found.place}
    return made


def _concept(code: Code) -> dict[str, Any]:
    coding = [{"system": LOINC, "code": loinc} for loinc in code.loinc]
    if code.mdc is not None:
        coding.append({"system": MDC, "code": str(code.mdc)})
    return {**({"coding": coding} if coding else {}), "text": code.text}


def _wanted(found: ReadingData, name: str, code: Code) -> bool:
    """Systole and diastole always, and then with the reason why they are missing."""
    return getattr(found, name) is not None or code in (_SYSTOLIC, _DIASTOLIC)


def _part(found: ReadingData, name: str, code: Code) -> dict[str, Any]:
    return {"code": _concept(code), **_valued(found, name, code)}


def _valued(found: ReadingData, name: str, code: Code) -> dict[str, Any]:
    value = getattr(found, name)
    if value is None:
        return _absent(found.reason)
    unit = UNITS.get(found.unit or "", "") if name == "value" and not code.unit else code.unit
    if code.unit == "mm[Hg]" and found.unit == "kpa":
        value = round(value * MMHG_PER_KPA, 1)
    named = {"unit": unit, "system": UCUM, "code": unit} if unit else {}
    return {"valueQuantity": {"value": value, **named}}


def _absent(reason: str | None) -> dict[str, Any]:
    code = REASONS.get(reason or "missing", "error")
    return {"dataAbsentReason": {"coding": [{"system": ABSENT, "code": code}]}}


def _moment(at_ms: int, offset_minutes: int) -> str:
    zone = datetime.timezone(datetime.timedelta(minutes=offset_minutes))
    return datetime.datetime.fromtimestamp(min(at_ms, LAST_MS) / 1000, zone).isoformat(timespec="seconds")
