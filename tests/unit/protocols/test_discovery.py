"""What devices tell Home Assistant of themselves: Zigbee2MQTT's and ESPHome's words, and whatever comes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.discovery import LONG, Found, is_discovery, read_discovery, state_of

ZIGBEE = {  # as Zigbee2MQTT tells of a door contact
    "availability": [{"topic": "zigbee2mqtt/bridge/state", "value_template": "{{ value_json.state }}"}],
    "device_class": "door",
    "payload_off": True,
    "payload_on": False,
    "state_topic": "zigbee2mqtt/door",
    "value_template": "{{ value_json.contact }}",
}
ESPHOME = {  # as ESPHome does, abbreviated
    "dev_cla": "occupancy",
    "stat_t": "bed/binary_sensor/bed/state",
    "avty_t": "bed/status",
    "uniq_id": "ESPbinary_sensorbed",
}


def found(body: dict[str, object]) -> Found | None:
    return read_discovery(json.dumps(body).encode())


def test_a_contact_of_zigbee2mqtt_is_open_when_contact_is_false() -> None:
    door = found(ZIGBEE)
    assert door == Found("zigbee2mqtt/door", "contact", "False", "True", "", ("zigbee2mqtt/bridge/state",))
    assert door.topics == ("zigbee2mqtt/door", "zigbee2mqtt/bridge/state")
    assert state_of(door, b'{"contact": false, "battery": 90}') is True
    assert state_of(door, b'{"contact": true}') is False
    assert state_of(door, b'{"battery": 90}') is None


def test_a_bed_of_esphome_says_on_and_off() -> None:
    bed = found(ESPHOME)
    assert bed == Found("bed/binary_sensor/bed/state", "", "ON", "OFF", "", ("bed/status",))
    assert [state_of(bed, said) for said in (b"ON", b"OFF", b"unknown", b"\xff")] == [True, False, None, None]


def test_a_base_topic_is_put_in_its_place() -> None:
    told = found({"~": "home/bed", "stat_t": "~/state", "avty": {"t": "status/~"}})
    assert told is not None
    assert told.topics == ("home/bed/state", "status/home/bed")


def test_a_tracker_tells_where_its_position_stands() -> None:
    tracker = {"state_topic": "watch/state", "json_attributes_topic": "watch/attributes"}
    assert found(tracker) == Found("watch/state", "", "home", "not_home", "watch/attributes")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"state_topic": "a/#"},
        {"state_topic": 3},
        {**ZIGBEE, "value_template": "{{ value_json.contact and now() }}"},
        {**ZIGBEE, "value_template": ["x"]},
    ],
)
def test_what_is_not_understood_is_not_guessed(body: dict[str, object]) -> None:
    assert found(body) is None


def test_which_topics_tell_of_a_device() -> None:
    assert is_discovery("homeassistant/binary_sensor/0x00158d/contact/config")
    assert not is_discovery("zigbee2mqtt/door")


names = st.sampled_from([*LONG, *LONG.values(), "~"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.sampled_from(["{{ value_json.x }}", "a/b", "~/c", "#", "ON", "x" * 200]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(names, values, max_size=6).map(lambda b: json.dumps(b).encode()) | st.binary(max_size=60),
    st.binary(max_size=40),
)
def test_whatever_is_told_its_topics_are_plain_names_and_few(payload: bytes, said: bytes) -> None:
    told = read_discovery(payload)
    if told is not None:
        assert 1 <= len(told.topics) <= 6
        assert not any(set(topic) & set("#+\0") or len(topic) > 128 for topic in told.topics)
        assert state_of(told, said) in (True, False, None)
