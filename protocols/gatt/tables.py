"""What meters measure: each characteristic of the health profiles that a home's meters speak, as a row.

Source: Bluetooth GATT Specification Supplement and the profile specifications of each service (assigned
numbers in the rows). Units are UCUM's. A figure keeps the unit in which the meter sent it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from protocols.gatt.layout import Choice, Field, Layout
from protocols.gatt.numbers import FLOAT, SFLOAT, Bounded, DateTime, Many, Nibbles, Whole, Word
from protocols.gatt.octets import Octets, Unused

U8: Final = Whole(1)
U16: Final = Whole(2)
U24: Final = Whole(3)
U32: Final = Whole(4)
S16: Final = Whole(2, signed=True)
USER: Final = Whole(1, missing=0xFF)  # FF: an unknown user
TIME: Final = DateTime()
TENTH: Final = Whole(2, scale=Fraction(1, 10))
KILOGRAM: Final = Whole(2, scale=Fraction(5, 1000))
POUND: Final = Whole(2, scale=Fraction(1, 100))
KILOGRAM_OR_NOT: Final = Whole(2, scale=Fraction(5, 1000), missing=0xFFFF)  # FFFF: a failed weighing
POUND_OR_NOT: Final = Whole(2, scale=Fraction(1, 100), missing=0xFFFF)
HEIGHT_M: Final = Whole(2, scale=Fraction(1, 1000), high=3_000)
HEIGHT_IN: Final = Whole(2, scale=Fraction(1, 10), high=1_200)
BODY_MASS_INDEX: Final = Whole(2, scale=Fraction(1, 10), high=2_000)
# What no body and no meter has is refused: it is mostly a meter that writes its bytes in another order.
PRESSURE: Final = Bounded(SFLOAT, 1, 500)  # mm[Hg]
KILOPASCAL: Final = Bounded(SFLOAT, 0.1, 67)
MEAN: Final = Bounded(SFLOAT, 0, 500)  # some send 0 where they have none
MEAN_KILOPASCAL: Final = Bounded(SFLOAT, 0, 67)
CUFF: Final = MEAN  # while it is inflated or let go, from no pressure on
CUFF_KILOPASCAL: Final = MEAN_KILOPASCAL
PULSE: Final = Bounded(SFLOAT, 0, 500)
SATURATION: Final = Bounded(SFLOAT, 0, 100)
PERFUSION: Final = Bounded(SFLOAT, 0, 200)
CONCENTRATION: Final = Bounded(SFLOAT, 0, 1000)  # kg/L or mol/L, 10^5 and 10^3 times below what people say
AMOUNT: Final = Bounded(SFLOAT, 0, 1000)
DEGREES: Final = Bounded(FLOAT, 0, 100)  # Cel
FAHRENHEIT: Final = Bounded(FLOAT, 0, 212)
BEATS: Final = Whole(2, high=500)
PERCENT: Final = Whole(2, scale=Fraction(1, 10), high=1000)

SITES: Final = Word(  # Temperature Type, 2A1D
    {
        1: "armpit",
        2: "body",
        3: "ear",
        4: "finger",
        5: "gastro-intestinal",
        6: "mouth",
        7: "rectum",
        8: "toe",
        9: "tympanum",
    }
)
SAMPLES: Final = Word(  # Glucose Measurement, type
    {
        1: "capillary-whole-blood",
        2: "capillary-plasma",
        3: "venous-whole-blood",
        4: "venous-plasma",
        5: "arterial-whole-blood",
        6: "arterial-plasma",
        7: "undetermined-whole-blood",
        8: "undetermined-plasma",
        9: "interstitial-fluid",
        10: "control-solution",
    }
)
PLACES: Final = Word(
    {1: "finger", 2: "alternate-site", 3: "earlobe", 4: "control-solution", 15: "not-available"}
)
CARBOHYDRATES: Final = Word(
    {1: "breakfast", 2: "lunch", 3: "dinner", 4: "snack", 5: "drink", 6: "supper", 7: "brunch"}
)
MEALS: Final = Word({1: "before", 2: "after", 3: "fasting", 4: "casual", 5: "bedtime"})
TESTERS: Final = Word({1: "self", 2: "professional", 3: "laboratory", 15: "not-available"})
HEALTH: Final = Word(
    {1: "minor-issues", 2: "major-issues", 3: "menses", 4: "stress", 5: "none", 15: "not-available"}
)
MEDICINES: Final = Word(
    {
        1: "rapid-acting-insulin",
        2: "short-acting-insulin",
        3: "intermediate-acting-insulin",
        4: "long-acting-insulin",
        5: "pre-mixed-insulin",
    }
)
CHEST_OR_ELSE: Final = Word(  # Body Sensor Location, 2A38
    {0: "other", 1: "chest", 2: "wrist", 3: "finger", 4: "hand", 5: "ear-lobe", 6: "foot"}
)

_AROUND_PRESSURE: Final = (
    Field("time", TIME, 1),
    Field("pulse", PULSE, 2),
    Field("user", USER, 3),
    Field("status", U16, 4),
)
_PRESSURE: Final = (
    Field("systolic", PRESSURE, None, KILOPASCAL, 0),
    Field("diastolic", PRESSURE, None, KILOPASCAL, 0),
    Field("mean", MEAN, None, MEAN_KILOPASCAL, 0),
    *_AROUND_PRESSURE,
)
# The places of diastolic and mean pressure are not used (Blood Pressure Service 1.1.1, 3.2).
_CUFF: Final = (
    Field("cuff", CUFF, None, CUFF_KILOPASCAL, 0),
    Field("", Unused(b"\xff\x07\xff\x07")),
    *_AROUND_PRESSURE,
)
# Blood Pressure Service 1.1: seconds of the meter's own clock, and of the one that people see, since `epoch`.
_ENHANCED: Final = (
    Field("stamp_s", U32, 1),
    *_AROUND_PRESSURE[1:],
    Field("seen_s", U32, 5),
)
_PRESSURE_UNIT: Final = (Choice("unit", 0, ("mm[Hg]", "kPa")),)
_EPOCH: Final = Choice("epoch", 6, ("1900", "2000"))
_TEMPERATURE: Final = (
    Field("temperature", DEGREES, None, FAHRENHEIT, 0),
    Field("time", TIME, 1),
    Field("site", SITES, 2),
)
_TEMPERATURE_UNIT: Final = (Choice("unit", 0, ("Cel", "[degF]")),)
_MASS_UNIT: Final = Choice("unit", 0, ("kg", "[lb_av]"))


def _mass(name: str, bit: int) -> Field:
    return Field(name, KILOGRAM, bit, POUND, 0)


LAYOUTS: Final[tuple[Layout, ...]] = (
    Layout(0x2A35, "blood-pressure", _PRESSURE, _PRESSURE_UNIT, 1),
    Layout(0x2A36, "cuff-pressure", _CUFF, _PRESSURE_UNIT, 1),
    Layout(
        0x2B34,
        "enhanced-blood-pressure",
        (*_PRESSURE[:3], *_ENHANCED),
        (*_PRESSURE_UNIT, _EPOCH),
        1,
    ),
    Layout(
        0x2B35,
        "enhanced-cuff-pressure",
        (Field("cuff", CUFF, None, CUFF_KILOPASCAL, 0), *_ENHANCED),
        (*_PRESSURE_UNIT, _EPOCH),
        1,
    ),
    # Of a record in several parts each says which it is; the recorded characteristic may end with a checksum.
    Layout(
        0x2B36,
        "blood-pressure-record",
        (Field("sequence", U16), Field("characteristic", U16), Field("octets", Octets())),
        (
            Choice("first", 0, ("no", "yes")),
            Choice("last", 1, ("no", "yes")),
            Choice("part", 2, tuple(str(number) for number in range(64))),
        ),
        1,
    ),
    Layout(0x2A49, "blood-pressure-feature", (Field("features", U16),)),
    Layout(0x2A1C, "temperature", _TEMPERATURE, _TEMPERATURE_UNIT, 1),
    Layout(0x2A1E, "intermediate-temperature", _TEMPERATURE, _TEMPERATURE_UNIT, 1),
    Layout(0x2A1D, "temperature-type", (Field("site", SITES),)),
    Layout(0x2A21, "measurement-interval", (Field("interval_s", U16),)),
    Layout(
        0x2A5E,
        "oximeter-spot",
        (
            Field("oxygen", SATURATION),
            Field("pulse", PULSE),
            Field("time", TIME, 0),
            Field("status", U16, 1),
            Field("device_status", U24, 2),
            Field("perfusion", PERFUSION, 3),
        ),
        (Choice("clock", 4, ("set", "not-set")),),
        1,
    ),
    Layout(
        0x2A5F,
        "oximeter-continuous",
        (
            Field("oxygen", SATURATION),
            Field("pulse", PULSE),
            Field("oxygen_fast", SATURATION, 0),
            Field("pulse_fast", PULSE, 0),
            Field("oxygen_slow", SATURATION, 1),
            Field("pulse_slow", PULSE, 1),
            Field("status", U16, 2),
            Field("device_status", U24, 3),
            Field("perfusion", PERFUSION, 4),
        ),
        flags=1,
    ),
    Layout(
        0x2A9D,
        "weight",
        (
            Field("weight", KILOGRAM_OR_NOT, None, POUND_OR_NOT, 0),
            Field("time", TIME, 1),
            Field("user", USER, 2),
            Field("bmi", BODY_MASS_INDEX, 3),
            Field("height", HEIGHT_M, 3, HEIGHT_IN, 0),
        ),
        (_MASS_UNIT,),
        1,
    ),
    Layout(
        0x2A9C,
        "body-composition",
        (
            Field("fat_pct", Whole(2, scale=Fraction(1, 10), high=1000, missing=0xFFFF)),
            Field("time", TIME, 1),
            Field("user", USER, 2),
            Field("basal_kj", U16, 3),
            Field("muscle_pct", PERCENT, 4),
            _mass("muscle", 5),
            _mass("fat_free", 6),
            _mass("soft_lean", 7),
            _mass("water", 8),
            Field("impedance_ohm", TENTH, 9),
            _mass("weight", 10),
            Field("height", HEIGHT_M, 11, HEIGHT_IN, 0),
        ),
        (_MASS_UNIT, Choice("packets", 12, ("one", "several"))),
        2,
    ),
    Layout(
        0x2A37,
        "heart-rate",
        (
            Field("pulse", U8, None, BEATS, 0),
            Field("energy_kj", U16, 3),
            Field("rr_1024ths_s", Many(U16), 4),
        ),
        (Choice("contact", 1, ("not-supported", "not-supported", "no", "yes")),),
        1,
    ),
    Layout(
        0x2A18,
        "glucose",
        (
            Field("sequence", U16),
            Field("time", TIME),
            Field("offset_min", S16, 0),
            Field("glucose", CONCENTRATION, 1),
            Field("", Nibbles(("sample", SAMPLES), ("place", PLACES)), 1),
            Field("status", U16, 3),
        ),
        (Choice("unit", 2, ("kg/L", "mol/L")), Choice("context", 4, ("no", "follows"))),
        1,
    ),
    Layout(
        0x2A34,
        "glucose-context",
        (
            Field("sequence", U16),
            Field("extended", U8, 7),
            Field("carbohydrate", CARBOHYDRATES, 0),
            Field("carbohydrate_kg", AMOUNT, 0),
            Field("meal", MEALS, 1),
            Field("", Nibbles(("tester", TESTERS), ("health", HEALTH)), 2),
            Field("exercise_s", U16, 3),
            Field("exercise_pct", Whole(1, high=100), 3),
            Field("medicine", MEDICINES, 4),
            Field("medicine_amount", AMOUNT, 4),
            Field("hba1c_pct", SATURATION, 6),
        ),
        (Choice("medicine_unit", 5, ("kg", "L")),),
        1,
    ),
    Layout(0x2A51, "glucose-feature", (Field("features", U16),)),
    Layout(0x2A9E, "weight-feature", (Field("features", U32),)),
    Layout(0x2A9B, "body-composition-feature", (Field("features", U32),)),
    Layout(0x2A38, "sensor-location", (Field("place", CHEST_OR_ELSE),)),
    Layout(0x2A39, "heart-rate-control", (Field("op", Word({1: "reset-energy"})),)),
)
