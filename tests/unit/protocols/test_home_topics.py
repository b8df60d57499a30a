"""What sensors say on their topics, whatever comes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from protocols.home_topics import FIELDS, Said, read


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
