"""Whatever a meter sends: a value that can be written back, or a refusal, and nothing else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.gatt import CHARACTERISTICS, GattError, decode, encode
from protocols.gatt.__main__ import plain
from protocols.gatt.numbers import SFLOAT, Absence, Cursor

UUIDS = sorted(CHARACTERISTICS)


def read(uuid: int, raw: bytes) -> dict[str, Any] | None:
    try:
        return decode(uuid, raw)
    except GattError:
        return None


@pytest.mark.parametrize("uuid", UUIDS, ids=[CHARACTERISTICS[uuid].name for uuid in UUIDS])
def test_any_bytes_are_a_value_or_a_refusal(uuid: int) -> None:
    @given(st.binary(max_size=40))
    def check(raw: bytes) -> None:
        values = read(uuid, raw)
        if values is not None:
            assert decode(uuid, encode(uuid, values)) == values
            json.dumps(plain(values), allow_nan=False)

    check()


@given(st.sampled_from(UUIDS), st.data())
def test_a_value_that_lost_or_gained_a_byte_is_never_read_as_it_was(uuid: int, data: st.DataObject) -> None:
    raw = data.draw(st.binary(min_size=1, max_size=30))
    values = read(uuid, raw)
    if values is None or "text" in values:
        return
    for other in (raw[:-1], raw + b"\0"):
        assert read(uuid, other) != values


@pytest.mark.parametrize("exponent", range(-8, 8))
def test_every_sfloat_is_written_as_the_number_that_it_is(exponent: int) -> None:
    for mantissa in range(-0x800, 0x800):
        raw = (exponent & 0xF) << 12 | (mantissa & 0xFFF)
        value = SFLOAT.read(Cursor(raw.to_bytes(2, "little")), "x")
        assert isinstance(value, Absence) == (raw in (0x7FF, 0x800, 0x7FE, 0x802, 0x801))
        assert SFLOAT.read(Cursor(SFLOAT.write(value, "x")), "x") == value


@given(
    st.sampled_from(UUIDS),
    st.dictionaries(
        st.sampled_from(["systolic", "unit", "time", "glucose", "records", "op", "text", "user", "crc"]),
        st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.just(()) | st.just({}),
    ),
)
def test_what_cannot_be_written_is_refused(uuid: int, values: dict[str, Any]) -> None:
    with contextlib.suppress(GattError):
        encode(uuid, values)
