"""What is done on the page, out of whatever bytes a browser sends."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.page.acts import act_of
from edge.page.asking import OPS, have_of
from protocols.errors import AnbanError, Reason

OPERATIONS = {"readings.assign", "readings.undo", "meter_pair", "meter_passkey"}


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (
            {"act": "give", "id": "r", "person": "e-chen"},
            ("readings.assign", {"id": "r", "person": "e-chen"}),
        ),
        ({"act": "give", "id": "r", "person": ""}, ("readings.assign", {"id": "r", "person": ""})),
        ({"act": "undo", "id": "r"}, ("readings.undo", {"id": "r"})),
        ({"act": "pair", "meter": "th-01"}, ("meter_pair", {"meter": "th-01"})),
        (
            {"act": "passkey", "meter": "th-01", "passkey": "042317"},
            ("meter_passkey", {"meter": "th-01", "passkey": "042317"}),
        ),
    ],
)
def test_each_act_is_an_operation_of_the_hub(body: dict[str, str], asked: tuple[str, dict[str, str]]) -> None:
    assert act_of(json.dumps(body).encode()) == asked


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"[" * 2_000,
        b"\xff",
        b'{"act":"export"}',
        b'{"act":"config.propose","document":"x"}',
        b'{"act":"give","id":"r"}',
        b'{"act":"give","id":7,"person":"e"}',
        b'{"act":"give","id":"r","person":"e","more":1}',
        b'{"act":"passkey","meter":"m","passkey":"12345"}',
        b'{"act":"passkey","meter":"m","passkey":"123456\\n"}',
        '{"act":"passkey","meter":"m","passkey":"１２３４５６"}'.encode(),
        json.dumps({"act": "pair", "meter": "m" * 200}).encode(),
    ],
)
def test_everything_else_is_refused_and_not_repeated(body: bytes) -> None:
    with pytest.raises(AnbanError) as refused:
        act_of(body)
    assert refused.value.reason is Reason.BAD_REQUEST
    assert "12345" not in str(refused.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
acts = st.dictionaries(st.sampled_from(["act", "id", "person", "meter", "passkey"]), values)


@given(st.binary() | (acts | values).map(lambda value: json.dumps(value).encode()))
def test_no_body_is_a_crash_or_another_operation(body: bytes) -> None:
    with contextlib.suppress(AnbanError):
        op, args = act_of(body)
        assert op in OPERATIONS
        assert all(isinstance(value, str) and len(value) <= 120 for value in args.values())


@given(
    st.text()
    | st.lists(st.sampled_from(["status.3", "trends.", "x.1", "calls.²", ".", "faults.9"])).map(",".join)
)
def test_no_query_is_a_crash_or_names_another_operation(text: str) -> None:
    found = have_of(text)
    assert set(found) <= OPS
    assert all(0 <= version < 10**9 for version in found.values())


def test_what_a_page_has_is_read() -> None:
    assert have_of("status.3,trends.7,verify.1,faults.-1") == {"status": 3, "trends": 7}
