"""Published vectors of each characteristic: what a meter sent, and what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from protocols.gatt import CHARACTERISTICS, Absence, Cause, GattError, Moment, decode, encode, find
from protocols.gatt.__main__ import main

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
    assert {find(text) for text in ("2A35", "0x2a35", full, full.upper(), "blood-pressure")} == {0x2A35}
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
    assert main(["2A35", "16"]) == 1
    assert "refused (short)" in capsys.readouterr().err
