"""Published vectors of each characteristic: what a meter sent, and what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from protocols.gatt import CHARACTERISTICS, Absence, Cause, GattError, Moment, decode, encode, find
from protocols.gatt.__main__ import main
from protocols.gatt.names import ALSO, ASSIGNED

VECTORS: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (
        0x2A35,
        "1E8A00580078000000041114293B3C00012700",
        {
            "unit": "mm[Hg]",
            "systolic": 138,
            "diastolic": 88,
            "mean": 120,
            "time": Moment(0, 4, 17, 20, 41, 59),
            "pulse": 60,
            "user": 1,
            "status": 0x27,
        },
    ),
    (
        0x2A35,
        "15BDF00B009FF03C001200",
        {"unit": "kPa", "systolic": 18.9, "diastolic": 11, "mean": 15.9, "pulse": 60, "status": 0x12},
    ),
    (
        0x2A35,
        "167C0056006100E807060F11111B33000000",
        {
            "unit": "mm[Hg]",
            "systolic": 124,
            "diastolic": 86,
            "mean": 97,
            "time": Moment(2024, 6, 15, 17, 17, 27),
            "pulse": 51,
            "status": 0,
        },
    ),
    (
        0x2A18,
        "1B0100E307021B0B0A1EFBFF1E00120501",
        {
            "unit": "kg/L",
            "context": "follows",
            "sequence": 1,
            "time": Moment(2019, 2, 27, 11, 10, 30),
            "offset_min": -5,
            "glucose": 30,
            "sample": "capillary-plasma",
            "place": "finger",
            "status": 0x0105,
        },
    ),
    (
        0x2A18,
        "070200E3070815071B19B40050C0F1",
        {
            "unit": "mol/L",
            "context": "no",
            "sequence": 2,
            "time": Moment(2019, 8, 21, 7, 27, 25),
            "offset_min": 180,
            "glucose": 0.008,
            "sample": "capillary-whole-blood",
            "place": "not-available",
        },
    ),
    (0x2A52, "0101", {"op": "report", "operator": "all"}),
    (
        0x2A52,
        "0103010700",
        {"op": "report", "operator": "at-least", "filter": 1, "bounds": (7,)},
    ),
    (0x2A52, "0401", {"op": "count", "operator": "all"}),
    (0x2A52, "05000201", {"op": "count-response", "operator": "none", "count": 258}),
    (
        0x2A52,
        "06000101",
        {"op": "response", "operator": "none", "request": "report", "result": "success"},
    ),
    (
        0x2A52,
        "06000106",
        {"op": "response", "operator": "none", "request": "report", "result": "no-records"},
    ),
    (
        0x2AA7,
        "0FE3D2E405000214FF02F0E5F38E3F",
        {
            "records": (
                {
                    "glucose": 12.34,
                    "offset_min": 5,
                    "status": 2,
                    "calibration": 0x14,
                    "warning": 0xFF,
                    "trend": 0.2,
                    "quality_pct": 99.7,
                    "crc": True,
                },
            )
        },
    ),
    (
        0x2A1C,
        "06B00E00FEDC070C050B321B04",
        {
            "unit": "Cel",
            "temperature": 37.6,
            "time": Moment(2012, 12, 5, 11, 50, 27),
            "site": "finger",
        },
    ),
    (0x2A5F, "0064005A00", {"oxygen": 100, "pulse": 90}),
    (
        0x2A5F,
        "1C5F005A00200000000057F0",
        {"oxygen": 95, "pulse": 90, "status": 0x20, "device_status": 0, "perfusion": 8.7},
    ),
    (
        0x2A9D,
        "02B036E7070C190E1E2D",
        {"unit": "kg", "weight": 70, "time": Moment(2023, 12, 25, 14, 30, 45)},
    ),
    (0x2A9D, "01543D", {"unit": "[lb_av]", "weight": 157}),
    (
        0x2A9C,
        "0C007800054006",
        {"unit": "kg", "packets": "one", "fat_pct": 12, "user": 5, "basal_kj": 1600},
    ),
    (
        0x2A37,
        "1E5532002100",
        {"contact": "yes", "pulse": 85, "energy_kj": 50, "rr_1024ths_s": (33,)},
    ),
    (
        0x2A2B,
        "E907010F0E1E2D032101",
        {
            "time": Moment(2025, 1, 15, 14, 30, 45),
            "weekday": 3,
            "fraction_256ths_s": 33,
            "reason": 1,
        },
    ),
    (0x2A9F, "013132", {"op": "register", "consent": 0x3231}),
    (0x2A9F, "20020105", {"op": "response", "request": "consent", "result": "success", "user": 5}),
    (
        0x2A36,
        "1E0400000000000000041114293B3C00012700",
        {
            "unit": "mm[Hg]",
            "cuff": 4,
            "time": Moment(0, 4, 17, 20, 41, 59),
            "pulse": 60,
            "user": 1,
            "status": 0x27,
        },
    ),
    (
        0x2A36,
        "156FF0000000003C001200",
        {"unit": "kPa", "cuff": 11.1, "pulse": 60, "status": 0x12},
    ),
    (0x2A36, "00D7F0FF07FF07", {"unit": "mm[Hg]", "cuff": 21.5}),
    (  # made by hand from the layout: none is published
        0x2B34,
        "7E78005000600001000000480002040002000030",
        {
            "unit": "mm[Hg]",
            "epoch": "2000",
            "systolic": 120,
            "diastolic": 80,
            "mean": 96,
            "stamp_s": 1,
            "pulse": 72,
            "user": 2,
            "status": 4,
            "seen_s": 0x30000000 + 2,
        },
    ),
    (0x2B35, "01D7F0", {"unit": "kPa", "epoch": "1900", "cuff": 21.5}),
    (
        0x2B36,
        "0705003543A1B2",
        {
            "first": "yes",
            "last": "yes",
            "part": "1",
            "sequence": 5,
            "characteristic": 0x4335,
            "octets": "a1b2",
        },
    ),
    (
        0x2A34,
        "FF0000B30364000412" + "3C00" + "32" + "04D2F459F1",
        {
            "medicine_unit": "L",
            "sequence": 0,
            "extended": 0xB3,
            "carbohydrate": "dinner",
            "carbohydrate_kg": 100,
            "meal": "casual",
            "tester": "professional",
            "health": "minor-issues",
            "exercise_s": 60,
            "exercise_pct": 50,
            "medicine": "long-acting-insulin",
            "medicine_amount": 123.4,
            "hba1c_pct": 34.5,
        },
    ),
    (0x2A52, "050001", {"op": "count-response", "operator": "none", "count": 1}),
    (0x2A52, "050004030201", {"op": "count-response", "operator": "none", "count": 16909060}),
    (
        0x2A52,
        "06000C02",
        {"op": "response", "operator": "none", "request": "12", "result": "op-not-supported"},
    ),
    (
        0x2AA7,
        "06000C10050006000C100600",
        {
            "records": (
                {"glucose": 120, "offset_min": 5, "crc": False},
                {"glucose": 120, "offset_min": 6, "crc": False},
            )
        },
    ),
    (
        0x2AA8,
        "6E9E01168AC1",
        {"features": 0x19E6E, "sample": "arterial-plasma", "place": "finger", "crc": True},
    ),
    (
        0x2AA8,
        "6E8E0116FFFF",
        {"features": 0x18E6E, "sample": "arterial-plasma", "place": "finger", "crc": False},
    ),
    (0x2AA9, "05003F3FFFA7E0", {"offset_min": 5, "status": 0xFF3F3F, "crc": True}),
    (0x2AA9, "0600010101", {"offset_min": 6, "status": 0x010101, "crc": False}),
    (0x2AAB, "0C00", {"hours": 12, "crc": False}),
    (0x2AAC, "1C02013C3B", {"op": "response", "request": "get-interval", "result": "success", "crc": True}),
    (
        0x2AAC,
        "0601200A0032140001 0004BFB2",
        {
            "op": "calibration",
            "glucose": 100,
            "offset_min": 10,
            "sample": "capillary-plasma",
            "place": "earlobe",
            "next_offset_min": 20,
            "record": 1,
            "status": 4,
            "crc": True,
        },
    ),
    (0x2AAC, "090CF0", {"op": "patient-high", "level": 1.2, "crc": False}),
    (0x2AAC, "0C0BC034BE", {"op": "patient-low", "level": 0.0011, "crc": True}),
    (0x2AAC, "0F0100", {"op": "hypo", "level": 1, "crc": False}),
    (0x2AAC, "120A20", {"op": "hyper", "level": 1000, "crc": False}),
    (0x2AAC, "150110", {"op": "rate-of-decrease", "level": 10, "crc": False}),
    (0x2AAC, "180A40", {"op": "rate-of-increase", "level": 100_000, "crc": False}),
    (0x2AAC, "030A8A75", {"op": "interval", "interval_min": 10, "crc": True}),
    (0x2AAC, "1A", {"op": "start-session", "crc": False}),
    (0x2A37, "0055", {"contact": "not-supported", "pulse": 85}),
    (0x2A37, "04FF", {"contact": "no", "pulse": 255}),
    (
        0x2A37,
        "1F0101320101000201FFFF",
        {"contact": "yes", "pulse": 257, "energy_kj": 306, "rr_1024ths_s": (1, 258, 65535)},
    ),
    (0x2A38, "01", {"place": "chest"}),
    (0x2A60, "0000", {"features": 0}),
    (
        0x2A60,
        "0300E0FF010000",
        {"features": 3, "status_known": 0xFFE0, "device_status_known": 1},
    ),
    (
        0x2A9D,
        "0EB036E7070C190E1E2D05F500D606",
        {
            "unit": "kg",
            "weight": 70,
            "time": Moment(2023, 12, 25, 14, 30, 45),
            "user": 5,
            "bmi": 24.5,
            "height": 1.75,
        },
    ),
    (
        0x2A9C,
        "000E4600401FB036E803",
        {"unit": "kg", "packets": "one", "fat_pct": 7, "impedance_ohm": 800, "weight": 70, "height": 1},
    ),
    (
        0x2A9C,
        "C0015000E02E1027401F",
        {"unit": "kg", "packets": "one", "fat_pct": 8, "fat_free": 60, "soft_lean": 50, "water": 40},
    ),
    (
        0x2A14,
        "01020503",
        {"source": "network-time", "accuracy_8ths_s": 2, "days_since_update": 5, "hours_since_update": 3},
    ),
    (0x2A0D, "04", {"dst_15min": 4}),
    (0x2A0E, "20", {"zone_15min": 32}),
    (
        0x2A50,
        "010D0000000110",
        {"vendor_source": "bluetooth-sig", "vendor": 13, "product": 0, "version": 0x1001},
    ),
    (0x2A19, "64", {"percent": 100}),
    (0x2A24, "55412D3635314200", {"text": "UA-651B"}),
)


@pytest.mark.parametrize(("uuid", "raw", "says"), VECTORS, ids=[f"{u:04X} {r}" for u, r, _ in VECTORS])
def test_a_published_vector_says_what_was_published(uuid: int, raw: str, says: dict[str, Any]) -> None:
    values = decode(uuid, bytes.fromhex(raw))
    assert values == says
    assert decode(uuid, encode(uuid, values)) == says


@pytest.mark.parametrize(
    ("raw", "absence"),
    [
        ("FF07", Absence.NAN),
        ("0008", Absence.NRES),
        ("FE07", Absence.PLUS_INFINITY),
        ("0208", Absence.MINUS_INFINITY),
        ("0108", Absence.RESERVED),
    ],
)
def test_what_is_no_number_is_never_a_figure(raw: str, absence: Absence) -> None:
    values = decode(0x2A35, bytes.fromhex("00" + raw + "5000FF07"))
    assert values["systolic"] is absence
    assert (values["diastolic"], values["mean"]) == (80, Absence.NAN)
    assert encode(0x2A35, values) == bytes.fromhex("00" + raw + "5000FF07")


@pytest.mark.parametrize(
    ("raw", "absence"),
    [
        ("FFFF7F00", Absence.NAN),
        ("00008000", Absence.NRES),
        ("FEFF7F00", Absence.PLUS_INFINITY),
        ("02008000", Absence.MINUS_INFINITY),
        ("01008000", Absence.RESERVED),
    ],
)
def test_a_thermometer_without_a_result_says_why(raw: str, absence: Absence) -> None:
    assert decode(0x2A1C, bytes.fromhex("00" + raw))["temperature"] is absence


REFUSED = (
    (0x2A35, "", Cause.SHORT),
    (0x2A35, "007800500060", Cause.SHORT),
    (0x2A35, "0078005000600000", Cause.TRAILING),
    (0x2A35, "02780050006000E8070D0F11111B", Cause.IMPOSSIBLE),  # a thirteenth month
    (0x2A35, "02780050006000E707021D11111B", Cause.IMPOSSIBLE),  # 29 February 2023
    (0x2A35, "02780050006000E807060F18111B", Cause.IMPOSSIBLE),  # 24 o'clock
    (0x2A35, "00007800500060", Cause.IMPOSSIBLE),  # its bytes in another order
    (0x2A5F, "0065005A00", Cause.IMPOSSIBLE),  # 101 % of oxygen
    (0x2A19, "65", Cause.IMPOSSIBLE),
    (0x2AA7, "0FE3D2E405000214FF02F0E5F38E3E", Cause.CHECKSUM),
    (0x2AA7, "05C0D2E405", Cause.IMPOSSIBLE),
    (0x2AA7, "", Cause.SHORT),
    (0x2A52, "0600010101", Cause.TRAILING),
    (0x2A9F, "0131", Cause.SHORT),
    (0x2A2B, "E907010F0E1E2D082101", Cause.IMPOSSIBLE),
    (0x2AA7, "06E30C1006", Cause.SHORT),
    (0x2AA7, "07E30C10060000", Cause.SHORT),
    (0x2AA7, "08000C100600586F", Cause.CHECKSUM),
    (0x2AA8, "6E9E0116AFBE", Cause.CHECKSUM),
    (0x2AA8, "6E8E0116AFBE", Cause.CHECKSUM),
    (0x2AA8, "6E9E0116", Cause.SHORT),
    (0x2AA9, "060001010101", Cause.TRAILING),
    (0x2AA9, "0600010101A7E0", Cause.CHECKSUM),
    (0x2AAC, "1C0202A701", Cause.CHECKSUM),
    (0x2AAC, "060A01", Cause.SHORT),
    (0x2AAC, "F0", Cause.IMPOSSIBLE),
    (0x2A52, "0500030201", Cause.TRAILING),
    (0x2A52, "06010101", Cause.IMPOSSIBLE),
    (0x2A1C, "06B00E00FEDC070C050B321B", Cause.SHORT),
    (0x2A0D, "01", Cause.IMPOSSIBLE),
    (0x2A14, "01000018", Cause.IMPOSSIBLE),
    (0x2A60, "01000000000000", Cause.TRAILING),
    (0x2A37, "01FFFF", Cause.IMPOSSIBLE),
    (0x2A9D, "08B036F5FFD606", Cause.IMPOSSIBLE),
    (0xFFFF, "00", Cause.UNKNOWN),
)


@pytest.mark.parametrize(("uuid", "raw", "cause"), REFUSED, ids=[f"{u:04X} {r}" for u, r, _ in REFUSED])
def test_what_is_no_such_value_is_refused_with_its_reason(uuid: int, raw: str, cause: Cause) -> None:
    with pytest.raises(GattError) as refused:
        decode(uuid, bytes.fromhex(raw))
    assert refused.value.cause is cause


def test_an_unknown_user_and_a_failed_weighing_are_no_numbers() -> None:
    assert decode(0x2A35, bytes.fromhex("08780050006000FF"))["user"] is Absence.NAN
    assert decode(0x2A9D, bytes.fromhex("00FFFF"))["weight"] is Absence.NAN


def test_a_characteristic_is_found_by_every_way_of_naming_it() -> None:
    full = "00002a35-0000-1000-8000-00805f9b34fb"
    texts = ("2A35", "0x2a35", "00002A35", full, full.upper(), "blood-pressure", "Blood Pressure Measurement")
    more = ("blood_pressure_measurement", "org.bluetooth.characteristic.blood_pressure_measurement")
    assert {find(text) for text in (*texts, *more, "bloodPressureMeasurement")} == {0x2A35}
    assert set(ASSIGNED) <= set(CHARACTERISTICS)
    assert {find(name) for uuid, name in ASSIGNED.items() if uuid != 0x2A98} == set(ASSIGNED) - {0x2A98}
    assert set(ALSO.values()) <= set(CHARACTERISTICS)
    assert all(find(row.name) == uuid for uuid, row in CHARACTERISTICS.items())
    with pytest.raises(GattError):
        find("heart")


def test_a_technician_sees_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["2A35", "167C0056006100E807060F11111B33000000"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["characteristic"], said["systolic"], said["time"]) == (
        "blood-pressure",
        124,
        "2024-06-15T17:17:27",
    )
    assert main(["Glucose Measurement", "(0x) 07-02-00-E3-07-08-15-07-1B-19-B4-00-50-C0-F1"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["uuid"], said["glucose"], said["glucose_mmol_per_l"]) == ("2A18", 0.008, 8.0)
    assert main(["2A36", "0x1E, 04 00 00 00 00 00", "00:00:04:11:14:29:3B:3C:00:01:37:00"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["status_means"][-2:] == ["wrong-position", "pulse-below-range"]
    assert main(["--list"]) == 0
    assert "2AA7  continuous-glucose" in capsys.readouterr().out
    assert main(["2A35", "16"]) == 1
    assert "refused (short)" in capsys.readouterr().err
