"""Values survive the wire, whatever they hold; hostile bytes give AnbanError and nothing else."""

from __future__ import annotations

import random
from typing import Any

import cbor2
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from protocols import wire
from protocols.errors import AnbanError, Reason
from protocols.values import MAX_VALUE_BYTES, Command, DownlinkItem, Event, EventId, Lane, Receipt, Unknown
from tests.unit.protocols import strategies as made
from tests.unit.protocols.strategies import pendant_sos

DECODERS = (
    wire.decode_event,
    wire.decode_events,
    wire.decode_each_event,
    wire.decode_receipts,
    wire.decode_command,
    wire.decode_downlink,
    wire.pack,
)


def loads(raw: bytes) -> dict[Any, Any]:
    message = cbor2.loads(raw)
    assert isinstance(message, dict)
    return message


@given(made.events)
def test_an_event_survives(event: Event) -> None:
    raw = wire.encode_event(event)
    assert len(raw) <= MAX_VALUE_BYTES
    assert wire.decode_event(raw) == event


@given(st.lists(made.events, max_size=3))
def test_a_batch_survives_in_its_order(events: list[Event]) -> None:
    assert wire.decode_events(wire.encode_events(events)) == events


@given(made.events)
def test_a_single_event_may_stand_for_a_batch(event: Event) -> None:
    assert wire.decode_events(wire.encode_event(event)) == [event]


@given(st.lists(made.events, min_size=1, max_size=3), st.integers(0, 7))
def test_what_is_packed_goes_out_as_if_it_had_been_read(events: list[Event], which: int) -> None:
    some = [wire.pack(wire.encode_event(e)) if which >> n & 1 else e for n, e in enumerate(events)]
    assert wire.decode_events(wire.encode_delivery(some)) == events
    assert wire.encode_events(some) == wire.encode_events(events)
    for event, other in zip(events, some, strict=True):
        assert (other.id, other.lane, other.uptime_ms, other.boot) == (
            *(event.id, event.lane, event.uptime_ms, event.boot),
        )


@pytest.mark.parametrize("count", [0, 1, 23, 24, 255, 256, wire.MAX_ITEMS])
def test_a_batch_of_any_length_is_plain_cbor(count: int) -> None:
    raw = wire.encode_events([pendant_sos()] * count)
    one = {k: v for k, v in loads(wire.encode_event(pendant_sos())).items() if k != 0}
    assert loads(raw) == {0: wire.MAJOR, -1: [one] * count}
    assert raw == cbor2.dumps({0: wire.MAJOR, -1: [one] * count})


@given(st.lists(made.receipts, max_size=3))
def test_receipts_survive(receipts: list[Receipt]) -> None:
    assert wire.decode_receipts(wire.encode_receipts(receipts)) == receipts


@given(made.commands)
def test_a_command_survives(command: Command) -> None:
    assert wire.decode_command(wire.encode_command(command)) == command


@given(st.lists(made.downlink_items, max_size=3))
def test_the_downlink_survives_with_entries_of_unknown_types(items: list[DownlinkItem]) -> None:
    assert wire.decode_downlink(wire.encode_downlink(items)) == items


def test_the_largest_event_that_can_be_made_can_be_sent() -> None:
    event = pendant_sos(
        id=EventId("x" * 16, 2**32 - 1, 2**32 - 1),
        call_id=EventId("y" * 16, 2**32 - 1, 2**32 - 1),
        kind="k" * 32,
        device="z" * 16,
        elder="e" * 16,
        room="r" * 16,
        wall_ms=2**53 - 1,
        uptime_ms=2**53 - 1,
        data={f"key{i}": "字" * 170 for i in range(3)} | {"rest": "x" * 440},
        stages={f"abcdefghijklmno{c}": 2**53 - 1 for c in "abcdefgh"},
        extra={2**16 - 1: "字" * 170, "later": "字" * 155},
    )
    raw = wire.encode_event(event)
    assert 3000 < len(raw) <= MAX_VALUE_BYTES
    assert wire.decode_event(raw) == event


def test_the_sos_of_a_pendant_is_small() -> None:
    assert len(wire.encode_event(pendant_sos())) <= 76
    assert len(wire.encode_event(pendant_sos(room="hall", data={}))) <= 76


def test_keys_on_the_wire_are_integers_and_key_0_is_the_version() -> None:
    message = loads(wire.encode_event(pendant_sos(stages={"heard": 5})))
    assert message[0] == 1
    assert all(type(key) is int for key in message)
    assert message[3] == 1  # call.sos
    assert message[11] == {5: 87}  # battery_pct
    assert message[12] == {0: 5}  # heard


def test_what_a_later_version_adds_comes_back_out_of_this_one() -> None:
    message = loads(wire.encode_event(pendant_sos()))
    message |= {3: 901, 13: {1: [True, b"x"]}, "later": "yes"}
    message[11] = {1: "pendant", 77: 5, "note": None}
    message[12] = {0: 1, 9: 2}
    event = wire.decode_event(cbor2.dumps(message))
    assert event.kind == "code.901"
    assert event.extra == {13: {1: [True, b"x"]}, "later": "yes"}
    assert loads(wire.encode_event(event)) == message


def test_an_unknown_code_in_the_data_of_a_known_kind_comes_back() -> None:
    message = loads(wire.encode_event(pendant_sos()))
    message[11] = {3: 17, 77: 5, "note": None}
    event = wire.decode_event(cbor2.dumps(message))
    assert event.data == {"press": 17, "code.77": 5, "note": None}
    assert loads(wire.encode_event(event)) == message


def test_an_unknown_receipt_stage_comes_back() -> None:
    receipt = Receipt(number=1, about=EventId("a", 1, 1), stage="taken")
    message = loads(wire.encode_receipts([receipt]))
    message[-1][0][3] = 40
    [later] = wire.decode_receipts(cbor2.dumps(message))
    assert later.stage == "code.40"
    assert loads(wire.encode_receipts([later])) == message


def test_versions_n_and_n_minus_1_are_accepted_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    first = wire.encode_event(pendant_sos())
    second = cbor2.dumps(loads(first) | {0: 2})
    assert wire.decode_event(first) == pendant_sos()
    with pytest.raises(AnbanError) as refused:
        wire.decode_event(second)
    assert refused.value.reason is Reason.BAD_VERSION
    monkeypatch.setattr(wire, "MAJOR", 2)
    assert wire.decode_event(first) == wire.decode_event(second) == pendant_sos()
    monkeypatch.setattr(wire, "MAJOR", 3)
    with pytest.raises(AnbanError) as refused:
        wire.decode_event(first)
    assert refused.value.reason is Reason.BAD_VERSION


@pytest.mark.parametrize("version", [None, True, "1", 1.0, -1, 0, 2**40])
def test_a_message_without_a_spoken_version_is_refused(version: Any) -> None:
    with pytest.raises(AnbanError):
        wire.decode_event(cbor2.dumps(loads(wire.encode_event(pendant_sos())) | {0: version}))


def test_one_bad_event_does_not_hold_up_its_batch() -> None:
    message = loads(wire.encode_events([pendant_sos(), pendant_sos(), pendant_sos()]))
    message[-1][0][4] = 99
    message[-1][1] = "no event"
    first, second, third = wire.decode_each_event(cbor2.dumps(message))
    assert isinstance(first, tuple)
    assert first[0] == pendant_sos().id
    assert first[1].reason is Reason.BAD_VALUE
    assert isinstance(second, tuple)
    assert second[0] is None
    assert third == pendant_sos()
    with pytest.raises(AnbanError):
        wire.decode_events(cbor2.dumps(message))


def test_a_bad_downlink_entry_does_not_hide_the_receipt_behind_it() -> None:
    taken = Receipt(number=8, about=EventId("a", 1, 1), stage="taken")
    message = loads(wire.encode_downlink([DownlinkItem(7, taken), DownlinkItem(8, taken)]))
    message[-1][0][2] = {1: "not a number"}
    assert wire.decode_downlink(cbor2.dumps(message)) == [DownlinkItem(7, Unknown(1)), DownlinkItem(8, taken)]


def test_more_items_than_a_message_may_hold_are_refused_on_both_sides() -> None:
    receipt = Receipt(number=1, about=EventId("a", 1, 1), stage="stored")
    full = wire.encode_receipts([receipt] * wire.MAX_ITEMS)
    assert len(wire.decode_receipts(full)) == wire.MAX_ITEMS
    with pytest.raises(AnbanError, match="items"):
        wire.encode_receipts([receipt] * (wire.MAX_ITEMS + 1))
    message = loads(full)
    message[-1].append(message[-1][0])
    with pytest.raises(AnbanError, match="items"):
        wire.decode_receipts(cbor2.dumps(message))


def test_a_batch_that_grows_too_long_is_refused_where_it_is_made() -> None:
    big = pendant_sos(data={f"k{i}": "x" * 450 for i in range(4)}, extra={20: "x" * 500})
    with pytest.raises(AnbanError, match="bytes"):
        wire.encode_events([big] * wire.MAX_ITEMS)


def test_a_message_longer_than_allowed_is_not_even_parsed() -> None:
    with pytest.raises(AnbanError) as refused:
        wire.decode_event(bytes(MAX_VALUE_BYTES + 1))
    assert refused.value.reason is Reason.TOO_BIG


HOSTILE = {
    "nothing": b"",
    "trailing bytes": wire.encode_event(pendant_sos()) + b"\x00",
    "truncated": wire.encode_event(pendant_sos())[:-1],
    "indefinite map": b"\xbf\x00\x01\xff",
    "a key twice": bytes.fromhex("a300010101" + "0102"),
    "a date": bytes.fromhex("c11a00000000"),
    "a big number": bytes.fromhex("c24100"),
    "a bigfloat that takes for ever": bytes.fromhex("c5821b0fffffffffffffff03"),
    "a regular expression": bytes.fromhex("d8236128"),
    "a shared reference to itself": bytes.fromhex("d81c81d81d00"),
    "a list of 2**64 - 1 items": bytes.fromhex("9bffffffffffffffff"),
    "a text of 2**63 bytes": bytes.fromhex("7b8000000000000000"),
    "a deep well": b"\x81" * 3000 + b"\x00",
    "undefined": b"\xf7",
    "a simple value": b"\xe0",
    "a list as key": bytes.fromhex("a1810101"),
    "a map as key": bytes.fromhex("a1a001"),
    "broken UTF-8": bytes.fromhex("a2000101" + "62ffff"),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_refused(raw: bytes) -> None:
    for decode in DECODERS:
        with pytest.raises(AnbanError) as refused:
            decode(raw)
        assert refused.value.reason in made.REFUSALS


INNER = {
    **{name: HOSTILE[name] for name in ("a date", "a big number", "undefined", "a simple value")},
    "a small big number": bytes.fromhex("c24105"),  # would be a plain integer by the time it is checked
    "a number said to be CBOR": bytes.fromhex("d9d9f705"),
    "not a number": bytes.fromhex("f97e00"),
    "infinity": bytes.fromhex("f97c00"),
}


@pytest.mark.parametrize("inner", INNER.values(), ids=INNER.keys())
def test_hostile_values_inside_an_event_are_refused(inner: bytes) -> None:
    start = wire.encode_event(pendant_sos())
    raw = bytes([start[0] + 1]) + start[1:] + b"\x18\x20" + inner  # one more key: 32
    with pytest.raises(AnbanError) as refused:
        wire.decode_event(raw)
    assert refused.value.reason is Reason.BAD_VALUE


@given(st.binary(max_size=200))
@example(b"\xa1\x00\x01")
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    for decode in DECODERS:
        with made.nothing_but_refusals():
            decode(raw)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-2, 14) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.integers(-2, 14), anything))
def test_no_message_of_arbitrary_shape_raises_anything_else(fields: dict[int, Any]) -> None:
    raw = cbor2.dumps({**fields, 0: 1})
    for decode in DECODERS:
        with made.nothing_but_refusals():
            decode(raw)


@given(made.events, st.integers(0, 2**32))
def test_an_event_with_bits_turned_or_bytes_cut_raises_nothing_else(event: Event, seed: int) -> None:
    rng = random.Random(seed)
    raw = bytearray(wire.encode_event(event))
    for _ in range(rng.randint(1, 4)):
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.3:
        del raw[rng.randrange(len(raw)) :]
    with made.nothing_but_refusals():
        event = wire.decode_event(bytes(raw))
        assert wire.decode_event(wire.encode_event(event)) == event  # what was read is a value like any other


@given(made.events, made.events)
def test_two_different_events_never_look_alike(one: Event, other: Event) -> None:
    assume(one != other)
    assert wire.encode_event(one) != wire.encode_event(other)


def test_lanes_and_flags_share_a_byte_without_mixing() -> None:
    for lane in Lane:
        for durable in (False, True):
            for trusted in (False, True):
                event = pendant_sos(lane=lane, durable=durable, clock_trusted=trusted)
                assert wire.decode_event(wire.encode_event(event)) == event
