"""Kinds and codes: for ever, each once, and with a place for what comes later."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import data
from protocols.codes import Codes
from protocols.data import FAULTS
from protocols.errors import AnbanError
from protocols.kinds import COMMAND_CODES, KIND_CODES, KINDS, opens_call, typed_data
from protocols.values import Lane
from tests.unit.protocols.strategies import pendant_sos


def test_the_codes_that_are_in_the_field_never_change() -> None:
    """A renumbered kind would turn an old hub's SOS into something else. New rows go below, old ones stay."""
    assert {name: row.code for name, row in KINDS.items() if row.code < 24} == {
        "call.sos": 1,
        "call.assistance": 2,
        "call.consultation": 3,
        "call.fall": 4,
        "call.smoke": 5,
        "call.gas": 6,
        "call.water": 7,
        "call.pull_cord": 8,
        "call.bed_exit": 9,
        "call.inactivity": 10,
        "call.vitals": 11,
        "call.stove": 12,
        "call.door": 13,
        "call.wandering": 14,
        "call.updated": 16,
        "heartbeat": 17,
        "command.result": 18,
        "fault.raised": 19,
        "fault.cleared": 20,
    }


def test_only_calls_open_calls() -> None:
    for name, row in KINDS.items():
        assert row.opens_call == (name.startswith("call.") and name != "call.updated")
        assert opens_call(name) == row.opens_call


def test_an_unknown_call_opens_a_call() -> None:
    assert opens_call("call.earthquake")
    assert not opens_call("reading.earthquake")
    assert not opens_call("code.901")


def test_no_call_rides_below_assist() -> None:
    assert all(row.lane <= Lane.ASSIST for row in KINDS.values() if row.opens_call)
    assert all(row.lane is Lane.FAULT for name, row in KINDS.items() if name.startswith("fault."))


def test_the_data_of_an_event_has_the_type_of_its_kind() -> None:
    assert typed_data(pendant_sos(data={"press": 17, "later": 1})) == (data.CallData(press=17), ())
    raised = pendant_sos(kind="fault.raised", data={"fault": "mains", "age_ms": -1})
    assert typed_data(raised) == (data.FaultData(fault="mains"), ("age_ms",))
    assert typed_data(pendant_sos(kind="vendor.thing", data={"press": 17})) == (data.Data(), ())


def test_fault_names_are_sorted_and_unique() -> None:
    assert list(FAULTS) == sorted(set(FAULTS))


@given(
    st.sampled_from([KIND_CODES, COMMAND_CODES]),
    st.text(max_size=10) | st.integers(0, 99999).map("code.{}".format),
)
def test_every_name_survives_its_code(codes: Codes, name: str) -> None:
    assert codes.from_wire(codes.to_wire(name)) == name


@given(st.sampled_from([KIND_CODES, COMMAND_CODES]), st.integers(0, 2**16 - 1))
def test_every_code_survives_its_name(codes: Codes, code: int) -> None:
    assert codes.to_wire(codes.from_wire(code)) == code


@pytest.mark.parametrize("code", [-1, 2**16, True, None, 1.0, b"call.sos", ["call.sos"]])
def test_other_things_are_no_codes(code: object) -> None:
    with pytest.raises(AnbanError):
        KIND_CODES.from_wire(code)


def test_a_key_that_stands_twice_under_two_names_is_refused() -> None:
    with pytest.raises(AnbanError):
        KIND_CODES.map_from_wire({1: "a", "call.sos": "b"})


def test_a_code_given_twice_is_refused_at_import() -> None:
    with pytest.raises(ValueError, match="twice"):
        Codes({"a": 1, "b": 1})
