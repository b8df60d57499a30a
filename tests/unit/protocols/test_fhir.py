"""Readings as FHIR R4: the structure by a third party's models, the codes by the published ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.observation import Observation
from hypothesis import given, settings

from protocols import data as families
from protocols.fhir import ROWS, bundle, observations
from protocols.kinds import KINDS
from protocols.values import Event, EventId, Lane
from tests.unit.protocols import strategies as made
from tests.unit.protocols.fhir_examples import EXAMPLES, NOT_OURS, OURS_ALONE

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
        (
            "glucose",
            {"value": 102.0, "unit": "mg_per_dl", "sample": "interstitial-fluid"},
            {"99504-3", "160212"},
            "mg/dL",
        ),
        ("uric_acid", {"value": 420.0, "unit": "umol_per_l"}, {"14933-6"}, "umol/L"),
        ("uric_acid", {"value": 7.1, "unit": "mg_per_dl"}, {"3084-1"}, "mg/dL"),
        ("cholesterol", {"value": 5.2, "unit": "mmol_per_l"}, {"14647-2"}, "mmol/L"),
        ("cholesterol", {"value": 200.0, "unit": "mg_per_dl"}, {"2093-3"}, "mg/dL"),
        ("triglycerides", {"value": 1.7, "unit": "mmol_per_l"}, {"14927-8"}, "mmol/L"),
        ("hdl", {"value": 1.2, "unit": "mmol_per_l"}, {"14646-4"}, "mmol/L"),
        ("ldl", {"value": 3.4, "unit": "mmol_per_l"}, {"22748-8"}, "mmol/L"),
        ("room_temperature", {"value": 21.5, "unit": "cel"}, {"60832-3"}, "Cel"),
        ("body_composition", {"value": 12.0, "unit": "percent"}, {"41982-0", "188748"}, "%"),
    ],
)
def test_every_kind_has_its_codes_and_its_unit(kind: str, data: Any, code: set[str], unit: str) -> None:
    found = one(kind, **data)
    assert codes(found["code"]) == code
    assert (found["valueQuantity"]["value"], found["valueQuantity"]["code"]) == (data["value"], unit)


def test_every_kind_of_reading_is_an_observation() -> None:
    kinds = {kind for kind in KINDS if kind.startswith("reading.")}
    assert kinds == set(ROWS)
    for kind in kinds:
        one(kind.removeprefix("reading."), value=1.0)


def test_what_is_marked_high_or_low_says_so_in_fhirs_words() -> None:
    (high,) = one("glucose", value=15.0, unit="mmol_per_l", judged="high", reason="above-11")[
        "interpretation"
    ]
    assert codes(high) == {"H"}
    assert "interpretation" not in one("glucose", judged="unusable", reason="short")


def test_a_meal_stands_beside_its_glucose() -> None:
    (meal,) = one("glucose", value=8.0, unit="mmol_per_l", context="after")["component"]
    assert meal["valueCodeableConcept"] == {"text": "after a meal"}


def test_what_was_entered_by_hand_has_no_device() -> None:
    found = one("uric_acid", value=420.0, unit="umol_per_l", clock="person", measured_ms=AT_MS)
    assert "device" not in found
    assert found["method"] == {"text": "Entered by hand"}


def test_control_solution_is_no_measurement() -> None:
    found = one("glucose", judged="unusable", reason="control-solution")
    assert codes(found["dataAbsentReason"]) == {"not-performed"}


def leaves(found: Any, path: str = "") -> set[str]:
    """Each leaf of a resource as a line: its path without the places in lists, and what stands there."""
    if isinstance(found, dict):
        return {leaf for key, item in found.items() for leaf in leaves(item, f"{path}.{key}".strip("."))}
    if isinstance(found, list):
        return {leaf for item in found for leaf in leaves(item, path)}
    return {f"{path} {found:g}" if isinstance(found, float) else f"{path} {found}"}


def paths(lines: set[str]) -> set[str]:
    return {line.partition(" ")[0] for line in lines}


def of_example(name: str) -> tuple[set[str], set[str]]:
    """The lines of an official example, and of our reading that says the same."""
    (kind, data, which, offset), text = EXAMPLES[name]
    found = observations(reading(kind, **{"measured_ms": AT_MS, **data}), offset)[which]
    Observation.model_validate(found)
    return {line for line in text.splitlines() if line}, leaves(found)


def excused(line: str, excuses: Iterable[str]) -> bool:
    return any(line.startswith(excuse) for excuse in excuses)


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_reading_says_what_the_official_example_says(example: str) -> None:
    """The same paths; where codes, units, figures and times stand, the same ones; or it is said why not."""
    official, ours = of_example(example)
    missing = {
        line
        for line in official
        if (line not in ours if " " in line else line not in paths(ours)) and not excused(line, NOT_OURS)
    }
    assert missing == set()


def test_a_reading_says_nothing_in_a_place_of_its_own() -> None:
    every = [of_example(name) for name in EXAMPLES]
    official = set().union(*(paths(lines) for lines, _ in every))
    ours = {path for _, lines in every for path in paths(lines) if not path.endswith(".display")}
    assert ours - official - {"resourceType"} == set(OURS_ALONE)


def test_no_excuse_is_out_of_date() -> None:
    lines = [of_example(name) for name in EXAMPLES]
    for excuse in NOT_OURS:
        assert any(excused(line, [excuse]) for official, _ in lines for line in official), excuse
        assert not all(
            any(excused(line, [excuse]) for line in ours)
            for official, ours in lines
            if any(excused(line, [excuse]) for line in official)
        ), excuse


def test_a_body_mass_index_is_an_observation_of_its_own() -> None:
    weight, index = observations(reading("weight", value=70.0, second=24.2, unit="kg"), 480)
    assert codes(index["code"]) == {"39156-5"}
    assert index["valueQuantity"]["code"] == "kg/m2"
    assert weight["identifier"] != index["identifier"]


def test_what_is_nobodys_has_no_subject_and_an_unknown_time_is_said() -> None:
    (found,) = observations(reading("oxygen", "", value=95.0, unit="percent"), 480)
    assert "subject" not in found
    assert "arrival" in found["note"][0]["text"]


def test_a_profile_is_claimed_by_vital_signs_of_somebody_alone() -> None:
    """The profile wants a subject."""
    profile = {"profile": ["http://hl7.org/fhir/StructureDefinition/vitalsigns"]}
    assert one("weight", value=70.0, unit="kg")["meta"] == profile
    (nobodys,) = observations(reading("weight", "", value=70.0, unit="kg"), 480)
    assert "meta" not in nobodys
    assert "meta" not in one("glucose", value=8.0, unit="mmol_per_l")


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
    @settings(max_examples=25)
    @given(made.typed(families.ReadingData))
    def check(data: dict[str, Any]) -> None:
        for found in observations(reading(kind.removeprefix("reading."), **data), 480):
            Observation.model_validate(found)
            assert found["status"] in STATUS

    check()
