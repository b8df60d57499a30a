"""MQTT's bytes, and what sensors say on their topics, whatever comes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import mqtt
from protocols.errors import AnbanError
from protocols.home_topics import FIELDS, Said, read


def test_the_packets_are_those_of_the_standard() -> None:
    assert mqtt.connect("hub", 30) == b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x1e\x00\x03hub"
    assert mqtt.connect("h", 60, "u", "p")[9:10] == b"\xc2"
    assert mqtt.subscribe(1, ("a/b",)) == b"\x82\x08\x00\x01\x00\x03a/b\x01"
    assert mqtt.puback(10) == b"\x40\x02\x00\x0a"


def message(topic: bytes, payload: bytes, flags: int = 0, number: bytes = b"") -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + number + payload
    length = len(body)
    head = bytes((length,)) if length < 128 else bytes((length & 0x7F | 0x80, length >> 7))
    return bytes((0x30 | flags,)) + head + body


def test_packets_come_in_any_pieces() -> None:
    stream = b"\x20\x02\x00\x00" + b"\x90\x03\x00\x01\x01" + message(b"t", b"x" * 200) + b"\xd0\x00"
    stream += message(b"t", b"y", 0x03, b"\x00\x09")
    wanted = [
        mqtt.ConnAck(0),
        mqtt.SubAck(1, (1,)),
        mqtt.Publish("t", b"x" * 200, 0, False),
        mqtt.PingResp(),
        mqtt.Publish("t", b"y", 1, True, 9),
    ]
    for size in (1, 3, 7, len(stream)):
        parser, found = mqtt.Parser(), []
        for first in range(0, len(stream), size):
            found += parser.feed(stream[first : first + size])
        assert found == wanted


@pytest.mark.parametrize(
    "data",
    [
        *(b"\x30\xff\xff\xff\xff\x01", b"\x30\xff\xff\x7f", b"\x34\x02\x00\x00", b"\x30\x01\x00"),
        *(b"\x30\x03\x00\x09a", b"\x30\x03\x00\x01\xff", b"\x10\x00", b"\x20\x01\x00", b"\x32\x03\x00\x01a"),
    ],
)
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(AnbanError):
        mqtt.Parser().feed(data)


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_whatever_a_broker_sends_is_packets_or_an_error(pieces: list[bytes]) -> None:
    parser = mqtt.Parser()
    try:
        for piece in pieces:
            parser.feed(piece)
    except AnbanError:
        pass


def test_zigbee2mqtt_says_it_in_its_own_words() -> None:
    contact = read(b'{"contact": false, "battery": 97, "linkquality": 120, "voltage": 3000}')
    assert contact == Said({"opening": True}, 97)
    assert read(b'{"water_leak": true}') == Said({"moisture": True})
    assert read(b'{"action": "single", "battery": 100}') == Said({}, 100, ("single",))
    assert read(b'{"state": "ON", "power": 3}') == Said({"power": False}), "it stands by"
    assert read(b'{"action": ""}') is None


def test_others_say_on_and_off() -> None:
    assert (read(b"ON"), read(b"off")) == (Said(plain=True), Said(plain=False))
    assert read(b"unavailable") is None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.binary(max_size=60)
    | st.dictionaries(st.sampled_from([*FIELDS, "battery", "action", "power", "state"]), json_values).map(
        lambda body: json.dumps(body).encode()
    )
)
def test_whatever_stands_on_a_topic_is_read_or_nothing(payload: bytes) -> None:
    said = read(payload)
    assert said is None or all(type(on) is bool for on in said.states.values())
