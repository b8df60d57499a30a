"""What HL7's own examples of measurements in FHIR R4 (4.0.1) are built of: every path, every code.

A line is a path of the example's JSON without the places in lists, and what stands there where that is a
code, a system, a unit, a figure or a time. Left out are narratives, ids and displays: those words are theirs.
"""

from __future__ import annotations

from typing import Any, Final

_VITAL = """
meta.profile http://hl7.org/fhir/StructureDefinition/vitalsigns
"""
_HEAD = """
status final
category.coding.system http://terminology.hl7.org/CodeSystem/observation-category
category.coding.code vital-signs
code.coding.system http://loinc.org
subject.reference
"""
_UCUM = "valueQuantity.system http://unitsofmeasure.org"
_INTERPRETED = (
    "interpretation.coding.system http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
)
_BLOOD_PRESSURE = f"""{_VITAL}{_HEAD}
identifier.system
identifier.value
code.coding.code 85354-9
code.text
effectiveDateTime
performer.reference
{_INTERPRETED}
interpretation.coding.code L
interpretation.text
bodySite.coding.system http://snomed.info/sct
bodySite.coding.code 368209003
component.code.coding.system http://loinc.org
component.code.coding.system http://snomed.info/sct
component.code.coding.system http://acme.org/devices/clinical-codes
component.code.coding.code 8480-6
component.code.coding.code 271649006
component.code.coding.code bp-s
component.code.coding.code 8462-4
component.valueQuantity.value 107
component.valueQuantity.unit
component.{_UCUM}
component.valueQuantity.code mm[Hg]
"""
PRESSURE: Final = {"value": 107.0, "second": 60.0, "unit": "mmhg", "judged": "low", "place": "arm"}
# example -> (kind, data of a reading that says the same, which of its Observations, offset in minutes), lines
EXAMPLES: Final[dict[str, tuple[tuple[str, dict[str, Any], int, int], str]]] = {
    "blood-pressure": (
        ("blood_pressure", PRESSURE, 0, 0),
        f"""{_BLOOD_PRESSURE}
basedOn.identifier.system
basedOn.identifier.value
component.valueQuantity.value 60
component.{_INTERPRETED}
component.interpretation.coding.code N
component.interpretation.coding.code L
component.interpretation.text
""",
    ),
    "blood-pressure-dar": (
        ("blood_pressure", {**PRESSURE, "second": None, "reason": "no-contact"}, 0, 0),
        f"""{_BLOOD_PRESSURE}
component.dataAbsentReason.coding.system http://terminology.hl7.org/CodeSystem/data-absent-reason
component.dataAbsentReason.coding.code not-performed
""",
    ),
    "body-temperature": (
        ("body_temperature", {"value": 36.5, "unit": "cel"}, 0, 0),
        f"""{_VITAL}{_HEAD}
category.text
code.coding.code 8310-5
code.text
effectiveDateTime
valueQuantity.value 36.5
valueQuantity.unit
{_UCUM}
valueQuantity.code Cel
""",
    ),
    "heart-rate": (
        ("pulse", {"value": 44.0, "unit": "per_min"}, 0, 0),
        f"""{_VITAL}{_HEAD}
category.text
code.coding.code 8867-4
code.text
effectiveDateTime
valueQuantity.value 44
valueQuantity.unit
{_UCUM}
valueQuantity.code /min
""",
    ),
    "satO2": (
        (
            "oxygen",
            {"value": 95.0, "unit": "percent", "judged": "normal", "measured_ms": 1_417_768_210_000},
            0,
            60,
        ),
        f"""{_VITAL}{_HEAD}
identifier.system
identifier.value
partOf.reference
category.text
code.coding.code 2708-6
code.coding.code 59408-5
code.coding.system urn:iso:std:iso:11073:10101
code.coding.code 150456
effectiveDateTime 2014-12-05T09:30:10+01:00
valueQuantity.value 95
valueQuantity.unit
{_UCUM}
valueQuantity.code %
{_INTERPRETED}
interpretation.coding.code N
interpretation.text
device.reference
referenceRange.low.value
referenceRange.low.unit
referenceRange.low.system
referenceRange.low.code
referenceRange.high.value
referenceRange.high.unit
referenceRange.high.system
referenceRange.high.code
""",
    ),
    "bmi": (
        ("weight", {"value": 50.0, "second": 16.2, "unit": "kg"}, 1, 0),
        f"""{_VITAL}{_HEAD}
category.text
code.coding.code 39156-5
code.text
effectiveDateTime
valueQuantity.value 16.2
valueQuantity.unit
{_UCUM}
valueQuantity.code kg/m2
""",
    ),
    "example (a weight)": (
        ("weight", {"value": 185.0, "unit": "lb"}, 0, 0),
        f"""{_HEAD}
code.coding.code 29463-7
code.coding.code 3141-9
code.coding.system http://snomed.info/sct
code.coding.code 27113001
code.coding.system http://acme.org/devices/clinical-codes
code.coding.code body-weight
encounter.reference
effectiveDateTime
valueQuantity.value 185
valueQuantity.unit
{_UCUM}
valueQuantity.code [lb_av]
""",
    ),
    "f001 (a glucose)": (
        ("glucose", {"value": 6.3, "unit": "mmol_per_l", "judged": "high"}, 0, 60),
        f"""
identifier.use
identifier.system
identifier.value
status final
code.coding.system http://loinc.org
code.coding.code 15074-8
subject.reference
effectivePeriod.start
issued
performer.reference
valueQuantity.value 6.3
valueQuantity.unit
{_UCUM}
valueQuantity.code mmol/L
{_INTERPRETED}
interpretation.coding.code H
referenceRange.low.value
referenceRange.low.unit
referenceRange.low.system
referenceRange.low.code
referenceRange.high.value
referenceRange.high.unit
referenceRange.high.system
referenceRange.high.code
""",
    ),
}
# What of an example no reading of ours has: the beginning of its line, and why.
NOT_OURS: Final = {
    "basedOn": "nobody ordered it",
    "partOf": "it is part of no procedure",
    "encounter": "there is no visit",
    "issued": "nobody reviews it before it goes out",
    "identifier.use": "there is one identifier",
    "category.text": "the code says it",
    "interpretation.text": "the code says it",
    "component.interpretation": "a pressure is judged as a whole",
    "referenceRange": "the limits are rules of care, which change: they stand in the settings",
    "bodySite.coding": "meters tell the place in words",
    "device.reference": "a device is no resource of ours: it is named by its identifier",
    "effectivePeriod": "a strip is read at a moment",
    "code.coding.code 15074-8": "ours is of capillary blood: 14743-9",
    "code.coding.code 3141-9": "29463-7 is the profile's, and enough",
    "code.coding.system http://snomed.info/sct": "LOINC and MDC are said",
    "code.coding.code 27113001": "LOINC and MDC are said",
    "component.code.coding.system http://snomed.info/sct": "LOINC and MDC are said",
    "component.code.coding.code 271649006": "LOINC and MDC are said",
    "code.coding.system http://acme.org": "another's own codes",
    "code.coding.code body-weight": "another's own codes",
    "component.code.coding.system http://acme.org": "another's own codes",
    "component.code.coding.code bp-s": "another's own codes",
}
# What of a reading of ours none of these examples has, and why.
OURS_ALONE: Final = {
    "bodySite.text": "meters tell the place in words",
    "device.identifier.value": "a device is no resource of ours",
    "component.code.text": "a name for people, as the code above has one",
}
