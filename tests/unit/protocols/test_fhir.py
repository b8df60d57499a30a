"""Readings as FHIR R4: the structure by a third party's models, the codes by the published ones."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.observation import Observation
from hypothesis import given

from protocols import data as families
from protocols.fhir import ROWS, bundle, observations
from protocols.values import Event, EventId, Lane
from tests.unit.protocols import strategies as made

AT_MS = 1_718_500_000_000  # 2024-06-16 01:06:40 UTC
STATUS = "registered preliminary final amended corrected cancelled entered-in-error unknown".split()  # noqa: SIM905


def reading(kind: str, elder: str = "e-chen", **data: Any) -> Event:
    return Event(
        id=EventId("bp-01", 7, 9),
        kind=f"reading.{kind}",
        lane=Lane.READING,
        device="bp-01",
        elder=elder,
        wall_ms=AT_MS,
        clock_trusted=True,
        data={"meter": "bp-01", **data},
    )


def one(kind: str, **data: Any) -> dict[str, Any]:
    (found,) = observations(reading(kind, **data), 480)
    Observation.model_validate(found)
    return found


def codes(concept: dict[str, Any]) -> set[str]:
    return {coding["code"] for coding in concept["coding"]}


PRESSURE = {"value": 138.0, "second": 88.0, "third": 104.0, "pulse_bpm": 66.0, "unit": "mmhg"}


def test_a_blood_pressure_is_one_observation_of_components() -> None:
    found = one("blood_pressure", measured_ms=AT_MS, **PRESSURE)
    assert codes(found["code"]) == {"85354-9", "150020"}
    assert "valueQuantity" not in found
    parts = {
        coding["code"]: part["valueQuantity"]
        for part in found["component"]
        for coding in part["code"]["coding"]
    }
    assert {code: (q["value"], q["code"]) for code, q in parts.items()} == {
        "8480-6": (138, "mm[Hg]"),
        "150021": (138, "mm[Hg]"),
        "8462-4": (88, "mm[Hg]"),
        "150022": (88, "mm[Hg]"),
        "8478-0": (104, "mm[Hg]"),
        "150023": (104, "mm[Hg]"),
        "8867-4": (66, "/min"),
        "149546": (66, "/min"),
    }
    assert found["effectiveDateTime"] == "2024-06-16T09:06:40+08:00"
    assert found["subject"] == {"reference": "Patient/e-chen"}
    assert found["identifier"][0]["value"] == "bp-01.00000007.9"
    assert "note" not in found


def test_kilopascals_are_said_in_the_profiles_unit() -> None:
    found = one("blood_pressure", value=18.9, second=11.0, unit="kpa")
    quantities = [part["valueQuantity"] for part in found["component"]]
    assert [(q["value"], q["code"]) for q in quantities] == [(141.8, "mm[Hg]"), (82.5, "mm[Hg]")]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("nan", "not-a-number"),
        ("too-high", "positive-infinity"),
        ("too-low", "negative-infinity"),
        ("nres", "unknown"),
        ("short", "error"),
    ],
)
def test_a_missing_figure_says_why(reason: str, code: str) -> None:
    for kind in ("oxygen", "blood_pressure"):
        found = one(kind, judged="unusable", reason=reason)
        assert codes(found["dataAbsentReason"]) == {code}
        assert not {"valueQuantity", "component"} & found.keys()


def test_a_diastole_that_is_missing_is_said_beside_the_systole() -> None:
    systole, diastole = one("blood_pressure", value=138.0, unit="mmhg")["component"]
    assert systole["valueQuantity"]["value"] == 138
    assert codes(diastole["dataAbsentReason"]) == {"unknown"}


@pytest.mark.parametrize(
    ("kind", "data", "code", "unit"),
    [
        ("body_temperature", {"value": 37.6, "unit": "cel"}, {"8310-5", "150364"}, "Cel"),
        ("body_temperature", {"value": 99.7, "unit": "degf"}, {"8310-5", "150364"}, "[degF]"),
        ("oxygen", {"value": 95.0, "unit": "percent"}, {"59408-5", "2708-6", "150456"}, "%"),
        ("weight", {"value": 70.0, "unit": "kg"}, {"29463-7", "188736"}, "kg"),
        ("pulse", {"value": 85.0, "unit": "per_min"}, {"8867-4", "147842"}, "/min"),
        ("glucose", {"value": 144.0, "unit": "mg_per_dl"}, {"41653-7", "160184"}, "mg/dL"),
        ("glucose", {"value": 8.0, "unit": "mmol_per_l"}, {"14743-9", "160184"}, "mmol/L"),
        ("body_composition", {"value": 12.0, "unit": "percent"}, {"41982-0", "188748"}, "%"),
    ],
)
def test_every_kind_has_its_codes_and_its_unit(kind: str, data: Any, code: set[str], unit: str) -> None:
    found = one(kind, **data)
    assert codes(found["code"]) == code
    assert (found["valueQuantity"]["value"], found["valueQuantity"]["code"]) == (data["value"], unit)


def test_a_body_mass_index_is_an_observation_of_its_own() -> None:
    weight, index = observations(reading("weight", value=70.0, second=24.2, unit="kg"), 480)
    assert codes(index["code"]) == {"39156-5"}
    assert index["valueQuantity"]["code"] == "kg/m2"
    assert weight["identifier"] != index["identifier"]


def test_what_is_nobodys_has_no_subject_and_an_unknown_time_is_said() -> None:
    (found,) = observations(reading("oxygen", "", value=95.0, unit="percent"), 480)
    assert "subject" not in found
    assert "arrival" in found["note"][0]["text"]


def test_a_bundle_holds_all_of_them_under_names_of_their_own() -> None:
    pressure = reading("blood_pressure", **PRESSURE)
    weight = reading("weight", value=70.0, second=24.0, unit="kg")
    found = bundle([pressure, msgspec.structs.replace(weight, id=EventId("sc-01", 7, 9))], 480)
    Bundle.model_validate(found)
    assert len({entry["fullUrl"] for entry in found["entry"]}) == 3
    Bundle.model_validate(bundle([], 0))


def test_an_event_that_is_no_reading_is_none() -> None:
    assert observations(made.pendant_sos(), 0) == []


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_whatever_a_reading_holds_has_the_structure_of_an_observation(kind: str) -> None:
    @given(made.typed(families.ReadingData))
    def check(data: dict[str, Any]) -> None:
        for found in observations(reading(kind.removeprefix("reading."), **data), 480):
            Observation.model_validate(found)
            assert found["status"] in STATUS

    check()
