"""An alarm of a sensor is an open call in the same moment; a sensor without its key is a fault."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from drivers.ble.ports import Advert
from drivers.ble.sensors import Heard
from edge.calls import Life
from edge.config import Config, ElderSection, HubSection, PlatformSection, SensorSection
from edge.credentials import Credentials
from edge.hub import Hub
from edge.inputs.sensors import Sensors
from edge.mint import Mint
from tests.unit.edge.by_hand import ClockByHand, DiskByHand

ADDRESS = "C4:5E:00:00:00:01"
CONFIG = Config(
    hub=HubSection(id="hub-01", room="hall", elder="e-chen"),
    platform=PlatformSection(coap_uri="coap://platform", https_url="https://platform", ca_file="ca.pem"),
    elders=(ElderSection(id="e-chen"), ElderSection(id="e-wang")),
    sensors=(SensorSection(id="smoke-01", address=ADDRESS, role="smoke", room="kitchen", elder="e-wang"),),
)


class Kitchen:
    """A hub with a smoke detector, or another sensor, whose adverts are read as a test says."""

    def __init__(self, keys: dict[str, str], role: str = "smoke") -> None:
        self.clock = ClockByHand()
        self.hub = Hub(Mint("hub-01", self.clock), DiskByHand(), elder="e-chen", room="hall")
        credentials = Credentials(hub_id="hub-01", https_token="", oscore=(), sensors=keys)
        self.seen: list[tuple] = []
        self.hub.see = lambda *args: self.seen.append(args)  # type: ignore[method-assign]
        (section,) = CONFIG.sensors
        config = msgspec.structs.replace(CONFIG, sensors=(msgspec.structs.replace(section, role=role),))
        self.sensed: list[tuple[str, str]] = []
        self.hub.sense = lambda *args: self.sensed.append(args)  # type: ignore[method-assign]
        self.sensors = Sensors(self.hub, SimpleNamespace(clock=self.clock), config, credentials)
        for known in self.sensors._sensors.values():
            known.reader = SimpleNamespace(read=lambda advert: self.heard)
        self.heard: Heard | None = None

    def says(self, *presses: str, **states: bool) -> None:
        self.heard = Heard(states, 9, presses)
        self.sensors.on_advert(Advert("hci0", ADDRESS, -60, self.clock.now, None, {}, {}))


@pytest.fixture
async def kitchen() -> Kitchen:
    return Kitchen({"smoke-01": "00" * 16})


async def test_smoke_is_an_open_call_of_the_rooms_person_at_once(kitchen: Kitchen) -> None:
    kitchen.says(smoke=True)
    (call,) = kitchen.hub.book.calls.values()
    (press,) = call.presses.values()
    assert (call.life, call.elder, press.kind, press.device) == (
        Life.OPEN,
        "e-wang",
        "call.smoke",
        "smoke-01",
    )
    kitchen.says(smoke=True)
    assert len(call.presses) == 1
    assert ("sensor_battery", "smoke-01", True) in kitchen.seen


async def test_what_cannot_be_read_is_no_sign_of_life(kitchen: Kitchen) -> None:
    kitchen.says(smoke=False)
    heard_ms = kitchen.sensors._sensors["smoke-01"].hazard.heard_ms
    kitchen.clock.now += 5_000
    kitchen.sensors._sensors["smoke-01"].reader = SimpleNamespace(read=lambda advert: None)
    kitchen.sensors.on_advert(Advert("hci0", ADDRESS, -60, kitchen.clock.now, None, {}, {}))
    assert kitchen.sensors._sensors["smoke-01"].hazard.heard_ms == heard_ms


async def test_a_sensor_without_its_key_is_a_fault_and_not_heard() -> None:
    kitchen = Kitchen({})
    kitchen.says(smoke=True)
    assert kitchen.seen == [("sensor_keys", "smoke-01", True, "no key in the credentials")]
    assert kitchen.sensors.silent() == {"smoke-01"}, "a rule that needs it is blind, and does not wait for it"
    assert not kitchen.hub.book.calls


async def test_a_pull_of_the_cord_is_a_call_at_once_whether_it_is_a_button_or_a_contact() -> None:
    for said in ((("press",), {}), ((), {"opening": True})):
        bath = Kitchen({"smoke-01": "00" * 16}, "pull_cord")
        bath.says(*said[0], **said[1])
        (call,) = bath.hub.book.calls.values()
        assert (call.life, [press.kind for press in call.presses.values()]) == (Life.OPEN, ["call.pull_cord"])


async def test_what_a_bed_says_is_journalled_when_it_is_news_and_is_no_call() -> None:
    room = Kitchen({"smoke-01": "00" * 16}, "bed")
    for occupied in (False, False, True, True):
        room.clock.now += 2_000
        room.says(occupancy=occupied)
    assert room.sensed == [("smoke-01", "off"), ("smoke-01", "on")]
    assert not room.hub.book.calls


async def test_an_armchair_that_shakes_is_a_sign_of_life() -> None:
    room = Kitchen({"smoke-01": "00" * 16}, "motion")
    for shakes in (True, False):
        room.clock.now += 2_000
        room.says(vibration=shakes)
    assert room.sensed == [("smoke-01", "on"), ("smoke-01", "off")]


async def test_a_sensor_that_flutters_does_not_fill_the_journal() -> None:
    room = Kitchen({"smoke-01": "00" * 16}, "motion")
    for n in range(200):
        room.clock.now += 50
        room.says(motion=n % 2 == 0)
    assert len(room.sensed) <= 11


async def test_a_sensor_that_is_not_heard_for_long_is_silent() -> None:
    room = Kitchen({"smoke-01": "00" * 16}, "bed")
    room.says(occupancy=True)
    room.clock.now += 4 * 3_600_000 - 1
    assert room.sensors.silent() == frozenset()
    room.clock.now += 1
    assert room.sensors.silent() == {"smoke-01"}
    room.says(occupancy=True)
    assert room.sensors.silent() == frozenset()
