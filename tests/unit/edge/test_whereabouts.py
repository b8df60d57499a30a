"""A tag that is worn, and a tracker: near, or so far from home; and what the broker says of who is gone."""

from __future__ import annotations

import json
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.ports import Advert
from drivers.ble.sensors import Heard
from edge.config import MqttSection, SensorSection
from edge.credentials import Credentials
from edge.hub import Hub
from edge.inputs.sensors import Sensors
from edge.inputs.whereabouts import EVERY_MS, HEARD_MS, Fence, metres
from edge.mint import Mint
from protocols.home_topics import Message, Place
from tests.unit.edge.by_hand import ClockByHand, DiskByHand
from tests.unit.edge.test_sensor_calls import CONFIG

TAG = SensorSection(
    id="tag-01", address="C4:5E:00:00:00:02", role="tag", room="hall", elder="e-chen", plain=True
)
TRACKER = SensorSection(
    id="tracker-01",
    topic="owntracks/chen/watch",
    role="tracker",
    room="hall",
    elder="e-chen",
    latitude=30.25,
    longitude=120.17,
)
SMOKE = SensorSection(
    id="smoke-01",
    topic="z/smoke",
    availability="z/smoke/availability",
    role="smoke",
    room="hall",
    elder="e-chen",
)
BED = SensorSection(
    id="bed-01", topic="esp/bed", availability="esp/status", role="bed", room="b", elder="e-chen"
)


class Home:
    """A hub with these sensors, and a clock in a test's hand."""

    def __init__(self, *sections: SensorSection) -> None:
        self.clock = ClockByHand()
        self.hub = Hub(Mint("hub-01", self.clock), DiskByHand(), elder="e-chen", room="hall")
        self.sensed: list[str] = []
        self.hub.sense = lambda _, what: self.sensed.append(what)  # type: ignore[method-assign]
        self.hub.see = lambda *_: None  # type: ignore[method-assign]
        config = msgspec.structs.replace(CONFIG, sensors=sections, mqtt=MqttSection())
        credentials = Credentials(hub_id="hub-01", https_token="", oscore=())
        self.sensors = Sensors(self.hub, SimpleNamespace(clock=self.clock), config, credentials)  # type: ignore[arg-type]
        for known in self.sensors._sensors.values():
            known.reader = SimpleNamespace(read=lambda advert: Heard({}, None))

    def passes(self, ms: int) -> None:
        """Time goes by, and the hub looks."""
        self.clock.now += ms
        for known in self.sensors._sensors.values():
            self.sensors._tell(known)

    def hears(self, rssi: int) -> None:
        self.sensors.on_advert(Advert("hci0", str(TAG.address), rssi, self.clock.now, None, {}, {}))
        self.passes(0)

    def is_told(self, topic: str | None, payload: object, *, retained: bool = False) -> None:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self.sensors.on_message(Message(str(topic), text.encode(), retained))


async def test_a_tag_is_at_home_while_it_is_heard_well_enough() -> None:
    home = Home(TAG)
    home.passes(1_000)
    assert home.sensed == [], "nobody knows yet"
    home.hears(-70)
    assert home.sensed == ["on"]
    home.passes(HEARD_MS - 1)
    home.hears(-96)
    assert home.sensed == ["on"]
    home.passes(1)
    assert home.sensed == ["on", "off"], "heard from the street is not at home"
    assert home.sensors.silent() == frozenset()
    home.hears(-94)
    home.passes(1_000)
    assert home.sensed == ["on", "off", "on"]


async def test_a_tag_that_a_receiver_of_the_home_hears_is_at_home() -> None:
    home = Home(msgspec.structs.replace(TAG, address=None, topic="room_presence/living"))
    home.is_told("room_presence/living", {"id": "tag", "distance": 3.4})
    home.passes(HEARD_MS)
    home.is_told("room_presence/living", "home")
    home.passes(1_000)
    home.is_told("room_presence/living", "not_home")
    home.passes(1_000)
    assert home.sensed == ["on", "off", "on", "off"]


async def test_of_a_place_the_journal_has_the_distance_that_is_certain() -> None:
    home = Home(TRACKER)
    here = {"_type": "location", "lat": 30.25, "lon": 120.17, "acc": 20, "batt": 80}
    home.is_told(TRACKER.topic, here)
    home.passes(EVERY_MS)
    home.is_told(TRACKER.topic, {**here, "lat": 30.26})
    home.is_told(TRACKER.topic, {"latitude": 30.27, "longitude": 120.17, "gps_accuracy": 100})
    home.passes(1)
    assert home.sensed == ["far:0", "far:1092"], "one is enough for a while"
    home.passes(EVERY_MS)
    assert home.sensed[2:] == ["far:2124"]
    assert "30." not in str(home.sensed)


@pytest.mark.parametrize(
    "place",
    [
        {"lat": 0, "lon": 0, "acc": 5},
        {"lat": 91, "lon": 0},
        {"lat": 30.4, "lon": True},
        {"lat": 30.4, "lon": 120.2, "acc": 1_500},
        {"lat": 30.4, "lon": 1e999},
    ],
)
async def test_a_place_that_says_nothing_is_no_news(place: dict[str, object]) -> None:
    home = Home(TRACKER)
    home.is_told(TRACKER.topic, place)
    home.is_told(TRACKER.topic, {"lat": 30.4, "lon": 120.2, "acc": 5}, retained=True)
    home.passes(60_000)
    assert home.sensed == []


def test_where_it_was_an_hour_ago_is_not_where_it_is() -> None:
    fence, now_ms = Fence(30.25, 120.17), 1_800_000_000_000
    old = Place(30.4, 120.2, 5, now_ms / 1000 - 3_600)
    assert not fence.at(old, now_ms)
    assert fence.at(old, None), "without a clock it is what there is"


async def test_who_is_not_there_makes_its_rules_blind_and_that_it_is_there_says_nothing_more() -> None:
    home = Home(SMOKE, BED)
    assert set(home.sensors.topics) == {"z/smoke", "esp/bed", "z/smoke/availability", "esp/status"}
    home.is_told("z/smoke/availability", {"state": "offline"}, retained=True)
    home.is_told("esp/status", "offline")
    assert home.sensors.silent() == {"smoke-01", "bed-01"}
    home.is_told("esp/status", "online")
    assert home.sensors.silent() == {"smoke-01"}
    home.clock.now += 5 * 3_600_000
    home.is_told("esp/status", "online")
    assert home.sensors.silent() == {"smoke-01", "bed-01"}, "its state is as old as before"
    home.is_told("z/smoke", {"smoke": False})
    assert home.sensors.silent() == {"bed-01"}
    assert home.sensed == ["off"], "of the smoke detector, for a replay"


degrees = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(degrees, degrees)
def test_a_distance_is_the_same_both_ways_and_within_the_earth(
    a: tuple[float, float], b: tuple[float, float]
) -> None:
    assert metres(a, b) == pytest.approx(metres(b, a), abs=0.01)
    assert 0 <= metres(a, b) <= 20_020_000
    assert metres(a, a) == 0


DOOR = SensorSection(
    id="door-01",
    topic="homeassistant/binary_sensor/0x1/contact/config",
    role="door",
    room="hall",
    elder="e-chen",
)
TELLS = {
    "state_topic": "z/door",
    "value_template": "{{ value_json.contact }}",
    "payload_on": False,
    "payload_off": True,
    "availability_topic": "z/door/availability",
}


async def test_a_device_that_tells_home_assistant_of_itself_is_heard_where_it_says() -> None:
    home = Home(DOOR)
    home.is_told("z/door", {"contact": False})
    assert (home.sensed, home.sensors.topics) == ([], (DOOR.topic,))
    home.is_told(DOOR.topic, TELLS, retained=True)
    assert set(home.sensors.topics) == {DOOR.topic, "z/door", "z/door/availability"}
    home.is_told("z/door", {"contact": False}, retained=True)
    assert home.sensed == [], "kept from before, it is no news"
    home.is_told("z/door", {"contact": False})
    assert home.sensed == ["on"]
    home.is_told("z/door/availability", "offline")
    assert home.sensors.silent() == {"door-01"}
    home.is_told(DOOR.topic, {**TELLS, "state_topic": "z/other", "availability_topic": "z/other/a"})
    assert set(home.sensors.topics) == {DOOR.topic, "z/other", "z/other/a"}
    home.is_told("z/other", {"contact": True})
    home.passes(1_000)
    assert (home.sensed, home.sensors.silent()) == (["on", "off"], frozenset())


async def test_a_tracker_that_home_assistant_knows_tells_its_place_in_its_attributes() -> None:
    home = Home(msgspec.structs.replace(TRACKER, topic="homeassistant/device_tracker/watch/config"))
    told = {"state_topic": "watch/state", "json_attributes_topic": "watch/attributes"}
    home.is_told("homeassistant/device_tracker/watch/config", told)
    home.is_told("watch/attributes", {"latitude": 30.27, "longitude": 120.17, "gps_accuracy": 100})
    assert home.sensed == ["far:2124"]
    home.is_told("watch/state", "home")
    home.passes(1_000)
    assert home.sensed == ["far:2124", "on"]
