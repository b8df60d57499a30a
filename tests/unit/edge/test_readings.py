"""What a meter's record means in this home: whose, when, in which unit, and under which id."""

from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st

from edge.readings import ROWS, Arrival, person_of, reading_of
from protocols import data as families
from protocols.gatt import GattError, Moment, decode, encode
from protocols.kinds import KINDS
from protocols.values import Event

NOW_MS = 1_718_500_000_000  # 2024-06-16 01:06:40 UTC
PRESSURE = "167C0056006100E807060F11111B33000000"


def arrival(mark: str = "1", *, trusted: bool = True, wall_ms: int = NOW_MS) -> Arrival:
    return Arrival("bp-01", wall_ms, trusted, 480, mark)


def read(uuid: int, raw: str, at: Arrival | None = None):
    packed = bytes.fromhex(raw)
    return reading_of(uuid, packed, decode(uuid, packed), "", at or arrival())


def test_a_blood_pressure_keeps_its_figures_its_unit_and_its_own_time() -> None:
    reading = read(0x2A35, PRESSURE)
    assert reading.kind == "reading.blood_pressure"
    measured = datetime.datetime(2024, 6, 15, 9, 17, 27, tzinfo=datetime.UTC)  # 17:17:27 in China
    assert reading.data == {
        "value": 124,
        "second": 86,
        "third": 97,
        "pulse_bpm": 51,
        "unit": "mmhg",
        "measured_ms": round(measured.timestamp() * 1000),
        "clock": "meter",
        "meter": "bp-01",
        "status": 0,
    }


def test_the_same_record_has_the_same_id_whenever_it_comes() -> None:
    first, again = read(0x2A35, PRESSURE, arrival("1")), read(0x2A35, PRESSURE, arrival("2"))
    assert first.id == again.id
    assert first.id.origin == "bp-01"
    assert read(0x2A35, PRESSURE.replace("7C", "7D", 1)).id != first.id


def test_a_test_of_the_meter_is_nobodys_glucose() -> None:
    reading = read(0x2A18, "020300E307021B0C0A1E78B04A")  # control solution
    assert (reading.data["judged"], reading.data["reason"]) == ("unusable", "control-solution")
    assert "value" not in reading.data


def test_a_belt_that_is_not_worn_and_a_demonstration_are_no_measurements() -> None:
    for uuid, raw, why in ((0x2A37, "0455", "no-contact"), (0x2A5E, "0264005A000004", "demonstration")):
        reading = read(uuid, raw)
        assert (reading.data["judged"], reading.data["reason"]) == ("unusable", why)


def test_a_sensors_glucose_says_of_what_it_is() -> None:
    values = {"glucose": 102.0, "offset_min": 5, "time": Moment(2024, 6, 15, 9, 5, 0)}
    reading = reading_of(0x2AA7, b"x", {**values, "sample": "interstitial-fluid"}, "", arrival())
    assert (reading.data["value"], reading.data["unit"]) == (102, "mg_per_dl")
    assert (reading.data["sample"], reading.data["clock"]) == ("interstitial-fluid", "meter")


def test_a_meal_stands_beside_its_glucose() -> None:
    raw = bytes.fromhex("120100E307021B0B0A1E78B011")
    values = {**decode(0x2A18, raw), "meal": "after"}
    found = reading_of(0x2A18, raw, values, "", arrival())
    assert (found.data["context"], found.id) == ("after", read(0x2A18, raw.hex()).id)


def test_a_record_without_a_date_is_news_each_time() -> None:
    first, again = read(0x2A5F, "0064005A00", arrival("1")), read(0x2A5F, "0064005A00", arrival("2"))
    assert first.id != again.id
    assert (first.data["clock"], "measured_ms" in first.data) == ("arrival", False)


def test_year_0_is_the_time_of_arrival_and_still_one_record() -> None:
    raw = "1E8A00580078000000041114293B3C00012700"
    first, again = read(0x2A35, raw, arrival("1")), read(0x2A35, raw, arrival("2"))
    assert first.id == again.id
    assert (first.data["clock"], first.data["user"], "measured_ms" in first.data) == ("arrival", 1, False)


def test_a_meter_whose_clock_is_off_is_not_believed_against_one_that_is_known_to_be_right() -> None:
    before = NOW_MS - 3 * 86_400_000  # the record would be of tomorrow
    assert read(0x2A35, PRESSURE, arrival(wall_ms=before)).data["clock"] == "wrong"
    assert read(0x2A35, PRESSURE, arrival(wall_ms=before, trusted=False)).data["clock"] == "meter"


def test_what_is_no_number_is_unusable_with_its_reason() -> None:
    data = read(0x2A35, "00FF07FF07FF07").data
    assert (data["judged"], data["reason"], "value" in data) == ("unusable", "nan", False)
    assert read(0x2A5F, "00FE070000").data["reason"] == "too-high"


def test_what_nobody_can_read_keeps_its_bytes() -> None:
    reading = reading_of(0x2A35, bytes.fromhex("0078"), None, "short", arrival())
    assert reading is not None
    assert reading.data == {"judged": "unusable", "reason": "short", "raw": "0078", "meter": "bp-01"}


def test_glucose_is_said_as_people_say_it() -> None:
    moles = read(0x2A18, "070200E3070815071B19B40050C0F1")
    assert (moles.data["value"], moles.data["unit"], moles.data["sequence"]) == (8.0, "mmol_per_l", 2)
    grams = encode(
        0x2A18,
        {
            **decode(0x2A18, bytes.fromhex("070200E3070815071B19B40050C0F1")),
            "unit": "kg/L",
            "glucose": 0.00144,
        },
    )
    assert read(0x2A18, grams.hex()).data["value"] == 144


def test_glucose_is_of_its_base_time_and_its_offset() -> None:
    data = read(0x2A18, "070200E3070815071B19B40050C0F1", arrival(trusted=False)).data
    measured = datetime.datetime(2019, 8, 21, 2, 27, 25, tzinfo=datetime.UTC)  # 07:27:25 and 3 h, in China
    assert data["measured_ms"] == round(measured.timestamp() * 1000)


def test_in_doubt_a_reading_is_nobodys() -> None:
    users = {"1": "e-chen", "2": "e-wang"}
    assert person_of(users, None, 1) == "e-chen"
    assert person_of(users, None, 3) == person_of(users, None, None) == ""
    assert person_of(users, "e-chen", None) == ""  # somebody shares it: it is not hers as a whole
    assert person_of({}, "e-chen", 7) == "e-chen"
    assert person_of({}, None, 1) == ""


@given(st.sampled_from(sorted(ROWS)), st.binary(max_size=40), st.integers(0, 2**42))
def test_whatever_a_meter_sends_is_an_event_that_fits_its_kind(uuid: int, raw: bytes, wall_ms: int) -> None:
    try:
        values, cause = decode(uuid, raw), ""
    except GattError as error:
        values, cause = None, str(error.cause)
    reading = reading_of(uuid, raw, values, cause, arrival(wall_ms=wall_ms))
    assert reading is not None
    Event(id=reading.id, kind=reading.kind, lane=KINDS[reading.kind].lane, device="bp-01", data=reading.data)
    _, misfits = families.read(families.ReadingData, reading.data)
    assert misfits == ()
