"""The same values as JSON for people: nothing lost, nothing hostile accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import wire
from protocols.errors import AnbanError, Reason
from protocols.values import Command, DownlinkItem, Event, EventId, Receipt, Value
from tests.unit.protocols import strategies as made
from tests.unit.protocols.strategies import pendant_sos

CLASSES: tuple[type[Value], ...] = (Event, Receipt, Command, DownlinkItem)


@given(made.values)
def test_every_value_survives_json(value: Value) -> None:
    text = json.dumps(wire.to_json(value), allow_nan=False)
    assert wire.from_json(type(value), json.loads(text)) == value


def test_json_reads_like_the_thing_it_is() -> None:
    item = wire.to_json(pendant_sos(data={"battery_pct": 87, "raw": b"\x00\xff"}, extra={14: 1, "later": 2}))
    assert item["version"] == 1
    assert item["id"] == item["call_id"] == "pd-01.f1a2b3c4.40000"
    assert item["lane"] == "sos"
    assert item["kind"] == "call.sos"
    assert item["data"] == {"battery_pct": 87, "raw": {"$hex": "00ff"}}
    assert item["#14"] == 1
    assert item["later"] == 2


def test_a_downlink_item_names_what_it_holds() -> None:
    receipt = Receipt(number=3, about=EventId("a", 1, 1), stage="taken", by="李")
    item = wire.to_json(DownlinkItem(9, receipt))
    assert item["cursor"] == 9
    assert item["receipt"]["by"] == "李"


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": "1"},
        {"version": True},
        {"id": 5},
        {"id": None},
        {"lane": "SOS"},
        {"lane": 0},
        {"lane": None},
        {"kind": None},
        {"data": [1]},
        {"data": {"a": {"$hex": "0"}}},
        {"data": {"a": {"$hex": 5}}},
        {"data": {"a": {"$hex": "00", "b": 1}}},
        {"data": {"#3": 1}},
        {"extra": {"14": 1}},
        {"#3": 1},
        {"#014": 1},
        {"stages": {"heard": "soon"}},
        {"wall_ms": 1e400},
    ],
)
def test_a_changed_object_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AnbanError) as refused:
        wire.from_json(Event, {**wire.to_json(pendant_sos()), **change})
    assert refused.value.reason in (Reason.BAD_VALUE, Reason.BAD_VERSION)


def test_a_missing_field_is_named() -> None:
    item = wire.to_json(pendant_sos())
    del item["device"]
    with pytest.raises(AnbanError, match="device is missing"):
        wire.from_json(Event, item)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
names = st.sampled_from(
    sorted(
        {name for cls in CLASSES for name in cls.__struct_fields__} | {"version", "receipt", "command", "#14"}
    )
)


@given(anything | st.dictionaries(names, anything))
def test_no_json_raises_anything_else(item: Any) -> None:
    for cls in CLASSES:
        with made.nothing_but_refusals():
            wire.from_json(cls, item)


@given(st.dictionaries(names, anything))
def test_no_change_to_a_good_object_raises_anything_else(change: dict[str, Any]) -> None:
    with made.nothing_but_refusals():
        wire.from_json(Event, {**wire.to_json(pendant_sos()), **change})


def test_json_nested_too_deeply_is_refused() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    with pytest.raises(AnbanError) as refused:
        wire.from_json(Event, {**wire.to_json(pendant_sos()), "data": {"a": deep}})
    assert refused.value.reason is Reason.TOO_BIG
