"""A glucose sensor's session: each record has its time in this home and a name among all sessions."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.sessions import Session, first_request, shifted, start_of, start_values
from protocols.errors import AnbanError
from protocols.gatt import Absence, GattError, Moment, decode, encode

START = Moment(2025, 6, 14, 23, 58, 0)


def test_the_published_record_is_one_of_its_session() -> None:
    raw = bytes.fromhex("0FE3D2E405000214FF02F0E5F38E3F")
    [(own, values)] = Session(START, True).records(raw)
    assert (values["glucose"], values["time"]) == (12.34, Moment(2025, 6, 15, 0, 3, 0))
    assert own.endswith(raw)


def test_records_of_one_notification_have_names_of_their_own() -> None:
    raw = bytes.fromhex("06000C10050006000C100600")
    found = Session(START, False).records(raw)
    assert [values["offset_min"] for _, values in found] == [5, 6]
    assert len({own for own, _ in found}) == 2
    assert found[0][0] != Session(shifted(START, 1), False).records(raw)[0][0]


def test_a_record_that_lost_its_checksum_is_refused() -> None:
    with pytest.raises(GattError):
        Session(START, True).records(bytes.fromhex("06000C100500"))


@pytest.mark.parametrize(
    ("zone", "summer", "shows"),
    [
        (32, 0, Moment(2025, 6, 14, 23, 58, 0)),  # told in this home
        (0, 0, Moment(2025, 6, 15, 7, 58, 0)),  # told in London in winter
        (0, 4, Moment(2025, 6, 15, 6, 58, 0)),  # in summer
        (Absence.NAN, Absence.NAN, Moment(2025, 6, 14, 23, 58, 0)),
    ],
)
def test_a_start_is_told_in_the_time_of_this_home(zone: object, summer: object, shows: Moment) -> None:
    assert start_of({"time": START, "zone_15min": zone, "dst_15min": summer}, 480) == shows


def test_a_year_0_is_no_start() -> None:
    assert start_of({"time": Moment(0, 1, 1, 0, 0, 0), "zone_15min": 0, "dst_15min": 0}, 480) is None


def test_what_is_told_is_what_is_read() -> None:
    values = start_values(Moment(2025, 6, 15, 1, 0, 0), 480, 62, True)
    assert start_of(decode(0x2AAA, encode(0x2AAA, values)), 480) == START
    with pytest.raises(AnbanError):
        start_values(START, 7, 0, True)


def test_only_what_came_after_is_asked_for() -> None:
    assert first_request(None).hex() == "0101"
    assert first_request(95).hex() == "0103016000"
    assert first_request(0xFFFF).hex() == "010301ffff"


@given(st.binary(max_size=60), st.booleans())
def test_any_notification_is_records_or_a_refusal(raw: bytes, checked: bool) -> None:
    with contextlib.suppress(GattError):
        for own, values in Session(START, checked).records(raw):
            assert values["time"].known
            assert own[14:] in raw
