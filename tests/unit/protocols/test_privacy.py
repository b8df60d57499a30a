"""Logs and metrics take what is public and nothing else: canaries in every other field never sing."""

from __future__ import annotations

import json
import logging
import traceback
import typing
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from hypothesis import given

from protocols import wire
from protocols.errors import AnbanError, Reason
from protocols.fields import Privacy, fits, privacy_of
from protocols.kinds import KINDS
from protocols.privacy import privacy_table, public_view
from protocols.values import Command, DownlinkItem, Event, EventId, Receipt, Unknown, Value
from tests.unit.protocols import strategies as made
from tests.unit.protocols.strategies import pendant_sos

CANARY = "canary-tweet"  # within the bounds of ids, tokens, names and sentences
NUMBER = 987654321.5  # a health figure
BITS = 987654321  # status bits of a measurement
BYTES = "ca4a47" * 4  # what a meter sent


def test_every_field_has_a_class() -> None:
    table = privacy_table()
    shapes: set[Any] = {EventId, Event, Receipt, Command, Unknown, *(row.data for row in KINDS.values())}
    for shape in shapes:
        for name in shape.__struct_fields__:
            hint = typing.get_type_hints(shape)[name]
            assert f"{shape.__name__}.{name}" in table or EventId in (hint, *typing.get_args(hint))


def test_the_classes_that_matter_most() -> None:
    table = privacy_table()
    assert table["Event.elder"] is table["Event.room"] is table["Receipt.by"] is Privacy.PERSONAL
    assert table["Event.data"] is table["Command.data"] is table["Event.extra"] is Privacy.SECRET
    assert table["ReadingData.value"] is table["CareData.answer"] is Privacy.HEALTH
    assert table["Event.kind"] is table["Event.lane"] is table["Event.wall_ms"] is Privacy.PUBLIC


def _canaries() -> dict[str, Any]:
    about = EventId("pd-01", 1, 1)
    out: dict[str, Any] = {
        "elder": pendant_sos(elder=CANARY),
        "room": pendant_sos(room=CANARY),
        "extra": pendant_sos(extra={20: CANARY, CANARY: 1}),
        "unknown data": pendant_sos(data={"name": CANARY, CANARY: {"a": CANARY}, "code.99": [CANARY]}),
        "data that does not fit": pendant_sos(data={"press": CANARY, "battery_pct": [CANARY]}),
        "data of an unknown kind": pendant_sos(kind="vendor.thing", data={"source": CANARY}),
        "receipt by": Receipt(number=1, about=about, stage="taken", by=CANARY),
        "receipt reason": Receipt(number=1, about=about, stage="rejected", reason=CANARY),
        "receipt extra": Receipt(number=1, about=about, stage="taken", extra={20: CANARY}),
        "authority": Command(id="c1", kind="speak", expires_ms=1, authority=CANARY),
        "command data": Command(id="c1", kind="speak", expires_ms=1, authority="", data={"text": CANARY}),
        "unknown entry": Unknown(9, {"a": CANARY}),
    }
    out |= {f"downlink {name}": DownlinkItem(1, v) for name, v in out.items() if not isinstance(v, Event)}
    for kind, row in KINDS.items():
        for name, mark in privacy_of(row.data).items():
            if mark is not Privacy.PUBLIC:
                value = next((v for v in (CANARY, NUMBER, BITS, BYTES) if fits(row.data, name, v)), None)
                if value is not None:
                    out[f"{kind} {name}"] = pendant_sos(kind=kind, data={name: value})
    return out


CANARIES = _canaries()


def test_there_is_a_canary_in_every_field_of_data_that_is_not_public() -> None:
    marked = {
        f"{kind} {name}"
        for kind, row in KINDS.items()
        for name, mark in privacy_of(row.data).items()
        if mark is not Privacy.PUBLIC and name not in ("on", "user")  # too small to carry a canary
    }
    assert marked <= set(CANARIES)
    assert len(marked) > 20


@pytest.mark.parametrize("value", CANARIES.values(), ids=CANARIES.keys())
def test_no_canary_gets_into_a_log(value: Value, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("anban").info("%s", json.dumps(public_view(value), ensure_ascii=False))
        logging.getLogger("anban").info("%r %s", value, value)
    assert caplog.text
    assert CANARY not in caplog.text
    assert str(BITS) not in caplog.text
    assert BYTES not in caplog.text


def test_which_user_of_a_meter_measured_is_not_shown() -> None:
    event = pendant_sos(kind="reading.weight", data={"user": 7, "unit": "kg"})
    assert public_view(event)["data"] == {"unit": "kg"}


def test_a_health_boolean_is_not_shown() -> None:
    assert public_view(pendant_sos(kind="state.presence", data={"on": True, "age_ms": 5}))["data"] == {
        "age_ms": 5
    }


def test_what_a_technician_needs_is_shown() -> None:
    assert public_view(pendant_sos(data={"press": 17, "battery_pct": 87})) == {
        "id": "pd-01.f1a2b3c4.40000",
        "call_id": "pd-01.f1a2b3c4.40000",
        "kind": "call.sos",
        "lane": "sos",
        "device": "pd-01",
        "wall_ms": 1_795_310_000_123,
        "uptime_ms": 3_456_000_000,
        "boot": 0xF0000001,
        "clock_trusted": True,
        "durable": True,
        "data": {"press": 17, "battery_pct": 87},
        "stages": {"heard": 620, "stored": 631, "sent": 633},
    }


def test_a_reason_of_ours_is_shown() -> None:
    receipt = Receipt(number=1, about=EventId("a", 1, 1), stage="rejected", reason=Reason.BAD_VALUE.value)
    assert public_view(receipt)["reason"] == "bad-value"


@given(made.values)
def test_a_public_view_can_always_be_written(value: Value) -> None:
    json.dumps(public_view(value), allow_nan=False)


def _spoilt() -> dict[str, Callable[[], object]]:
    start = cbor2.loads(wire.encode_event(pendant_sos()))
    assert isinstance(start, dict)

    def decode(key: int) -> Callable[[], object]:
        return lambda: wire.decode_event(cbor2.dumps({**start, key: [CANARY]}))

    out = {f"key {key}": decode(key) for key in start}
    out["a key twice"] = lambda: wire.decode_event(b"\xa2" + (cbor2.dumps(CANARY) + b"\x01") * 2)
    out["broken UTF-8"] = lambda: wire.decode_event(b"\x6d" + CANARY.encode() + b"\xff")
    out["json id"] = lambda: wire.from_json(Event, {**wire.to_json(pendant_sos()), "id": CANARY})
    out["json lane"] = lambda: wire.from_json(Event, {**wire.to_json(pendant_sos()), "lane": CANARY})
    out["json data"] = lambda: wire.from_json(
        Event, {**wire.to_json(pendant_sos()), "data": {CANARY + "$": 1}}
    )
    out["json missing"] = lambda: wire.from_json(Event, {CANARY: CANARY})
    out["event"] = lambda: pendant_sos(elder=CANARY * 3)
    return out


@pytest.mark.parametrize("spoil", _spoilt().values(), ids=_spoilt().keys())
def test_no_canary_gets_into_an_error(spoil: Callable[[], object]) -> None:
    with pytest.raises(AnbanError) as refused:
        spoil()
    told = "".join(traceback.format_exception_only(refused.value))
    chain = (
        refused.value.__cause__,
        refused.value.__context__ if not refused.value.__suppress_context__ else None,
    )
    assert CANARY not in told
    assert chain == (None, None)
