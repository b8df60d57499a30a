"""What sensors say on their topics, whatever comes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from protocols.home_topics import FIELDS, Place, Said, available, read


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


def test_home_assistant_and_trackers_say_where_somebody_is() -> None:
    assert read(b"not_home") == Said(home=False)
    place = Place(30.25, 120.17, 12, 1_700_000_000)
    assert read(b'{"_type": "location", "lat": 30.25, "lon": 120.17, "acc": 12, "tst": 1700000000}') == Said(
        place=place
    )
    tracked = b'{"latitude": 30.25, "longitude": 120.17, "gps_accuracy": 8, "battery": 60}'
    assert read(tracked) == Said({}, 60, place=Place(30.25, 120.17, 8))
    assert read(b'{"id": "tag", "distance": 2.1}') == Said(near=True)


def test_a_plug_with_a_topic_for_each_figure_and_one_that_is_not_there() -> None:
    assert read(b"1250.5") == Said({"power": True})
    assert (available(b"offline"), available(b'{"state": "online"}'), available(b"ON")) == (False, True, None)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from([*FIELDS, "battery", "action", "power", "state", "lat", "lon", "acc", "distance"]),
        json_values,
    ).map(lambda body: json.dumps(body).encode())
)
def test_whatever_stands_on_a_topic_is_read_or_nothing(payload: bytes) -> None:
    said = read(payload)
    assert available(payload) in (True, False, None)
    assert said is None or all(type(on) is bool for on in said.states.values())
