"""A value that exists is valid: bounds are enforced when it is made, and nothing else is ever raised."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols import data
from protocols.errors import AnbanError, Reason
from protocols.fields import MAX_BYTES, MAX_DATA_BYTES, MAX_DEPTH, MAX_TEXT
from protocols.values import Command, DownlinkItem, Event, EventId, Lane, Receipt
from tests.unit.protocols import strategies as made
from tests.unit.protocols.strategies import pendant_sos

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.integers() | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(made.event_ids)
def test_an_event_id_reads_back_from_its_text(event_id: EventId) -> None:
    assert EventId.parse(str(event_id)) == event_id


def test_an_event_id_is_spelled_as_agreed() -> None:
    assert str(EventId("pd-01", 0x1A2B3C4D, 17)) == "pd-01.1a2b3c4d.17"


@given(st.text(max_size=40))
@example("pd-01.1a2b3c4d.17\n")
@example("pd-01.1a2b3c4d.017")
@example("pd-01.1A2B3C4D.17")
@example("pd-01.1a2b3c4d.4294967296")
@example("pd-01.1a2b3c4d.٣")
def test_other_texts_are_no_event_ids(text: str) -> None:
    with pytest.raises(AnbanError) as refused:
        EventId.parse(text)
    assert refused.value.reason is Reason.BAD_VALUE


def test_event_ids_order_by_origin_life_and_number() -> None:
    ids = [EventId("b", 1, 1), EventId("a", 2, 1), EventId("a", 1, 10), EventId("a", 1, 2)]
    assert sorted(ids) == list(reversed(ids))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", ""),
        ("kind", "Call.SOS"),
        ("kind", "x" * 33),
        ("lane", 0),
        ("device", ""),
        ("device", "pd_01"),
        ("elder", "Chen Guiying"),
        ("room", "x" * 17),
        ("wall_ms", -1),
        ("wall_ms", 2**53),
        ("wall_ms", 1.0),
        ("uptime_ms", True),
        ("boot", 2**32),
        ("durable", 1),
        ("call_id", "pd-01.1a2b3c4d.17"),
        ("data", []),
        ("data", {1: 2}),
        ("data", {"": 2}),
        ("data", {"a": float("nan")}),
        ("data", {"a": float("inf")}),
        ("data", {"a": 2**64}),
        ("data", {"a": "x" * (MAX_TEXT + 1)}),
        ("data", {"a": "\ud800"}),
        ("data", {"a": "\x1b[2J"}),
        ("data", {"a": b"x" * (MAX_BYTES + 1)}),
        ("data", {"a": {1, 2}}),
        ("data", {"a": (1,)}),
        ("stages", {"heard": -1}),
        ("stages", {"heard": 1.5}),
        ("stages", {"HEARD": 1}),
        ("extra", {0: 1}),
        ("extra", {12: 1}),
        ("extra", {"kind": 1}),
        ("extra", {2**16: 1}),
        ("extra", {True: 1}),
    ],
)
def test_a_field_out_of_its_bounds_is_refused(name: str, value: Any) -> None:
    with pytest.raises(AnbanError) as refused:
        pendant_sos(**{name: value})
    assert refused.value.reason is Reason.BAD_VALUE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data", {"a": list(range(MAX_DATA_BYTES // 9))}),
        ("data", {"a": [[0] * 100] * 3}),
        ("data", {f"k{i}": "x" * 500 for i in range(5)}),
        ("data", {f"k{i}": 0 for i in range(MAX_DATA_BYTES // 12)}),
        ("stages", {"abcdefghi"[i]: i for i in range(9)}),
        ("extra", {20 + i: i for i in range(17)}),
        ("extra", {20: "x" * 500, 21: "y" * 500, 22: "z" * 500}),
    ],
)
def test_too_much_in_one_value_is_refused(name: str, value: Any) -> None:
    with pytest.raises(AnbanError) as refused:
        pendant_sos(**{name: value})
    assert refused.value.reason is Reason.TOO_BIG


def test_nesting_is_bounded_even_when_it_is_endless() -> None:
    fits: Any = 1
    for _ in range(MAX_DEPTH - 1):
        fits = [fits]
    pendant_sos(data={"a": fits})
    with pytest.raises(AnbanError, match="nested"):
        pendant_sos(data={"a": [[fits]]})
    endless: dict[str, Any] = {}
    endless["a"] = endless
    with pytest.raises(AnbanError, match="nested"):
        pendant_sos(data=endless)


@given(st.dictionaries(st.sampled_from(Event.__struct_fields__), anything))
def test_no_event_of_arbitrary_fields_raises_anything_else(fields: dict[str, Any]) -> None:
    with made.nothing_but_refusals():
        pendant_sos(**fields)


@given(anything, anything, anything)
def test_no_receipt_or_command_of_arbitrary_fields_raises_anything_else(a: Any, b: Any, c: Any) -> None:
    makers = (
        lambda: Receipt(number=a, about=b, stage=c),
        lambda: Receipt(number=1, about=EventId("a", 1, 1), stage="taken", by=a, reason=b, wall_ms=c),
        lambda: Command(id=a, kind=b, expires_ms=c, authority=""),
        lambda: Command(id="c", kind="k", expires_ms=1, authority=a, data=b, extra=c),
        lambda: DownlinkItem(a, b),
        lambda: EventId(a, b, c),
    )
    for make in makers:
        with made.nothing_but_refusals():
            make()


def test_values_cannot_be_changed() -> None:
    event = pendant_sos()
    with pytest.raises(AttributeError):
        event.lane = Lane.TELEMETRY  # type: ignore[misc]


def test_a_changed_copy_is_checked_too() -> None:
    with pytest.raises(AnbanError):
        msgspec.structs.replace(pendant_sos(), boot=-1)


def test_a_bad_battery_figure_does_not_hide_the_rest_of_an_alarm() -> None:
    seen, misfits = data.read(data.CallData, {"press": 17, "battery_pct": 400, "later": [1]})
    assert seen == data.CallData(press=17)
    assert misfits == ("battery_pct",)


def test_typed_data_becomes_the_keys_that_were_set() -> None:
    made_data = data.make(data.FaultData(fault="mains", age_ms=0))
    assert made_data == {"fault": "mains", "age_ms": 0}
    assert data.read(data.FaultData, made_data) == (data.FaultData(fault="mains", age_ms=0), ())


def test_typed_data_out_of_bounds_is_refused_where_it_is_made() -> None:
    with pytest.raises(AnbanError, match=r"CallData\.battery_pct"):
        data.CallData(battery_pct=101)
