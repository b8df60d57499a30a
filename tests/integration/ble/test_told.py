"""Scales and thermometers that only advertise, on a simulated air: from the advert to the hub's journal."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from edge.config import Config, ElderSection, HubSection, MeterSection, PlatformSection
from edge.credentials import Credentials
from edge.hub import Hub
from edge.inputs.meters import Meters
from edge.mint import Mint
from sim.air.station import Station
from sim.home.xiaomi import beacon, weighing
from tests.integration.ble.home import HubHome
from tests.integration.ble.waiting import until
from tests.unit.edge.by_hand import ClockByHand, DiskByHand

SCALE, THERMOMETER = "C4:0E:00:00:00:01", "A4:C1:38:02:83:F4"
KEY = bytes(range(16))
CONFIG = Config(
    hub=HubSection(id="hub-01", room="hall", elder="e-chen"),
    platform=PlatformSection(coap_uri="coap://platform", https_url="https://platform", ca_file="ca.pem"),
    elders=(ElderSection(id="e-chen"),),
    meters=(
        MeterSection(id="scale", address=SCALE, profile="xiaomi-scale", room="bath", elder="e-chen"),
        MeterSection(id="warm", address=THERMOMETER, profile="xiaomi-thermometer", room="bed"),
    ),
)


class Home:
    """A hub's radio on the air, and the hub with its disk by hand."""

    def __init__(self, hub: HubHome) -> None:
        self.hub, self.station = hub, hub.station
        self.clock, self.disk = ClockByHand(), DiskByHand()
        self.edge = Hub(Mint("hub-01", self.clock), self.disk, elder="e-chen", room="hall")
        secrets = Credentials(hub_id="hub-01", https_token="t", oscore=(), sensors={"warm": KEY.hex()})
        ports = SimpleNamespace(clock=self.clock)
        self.meters = Meters(self.edge, ports, CONFIG, hub.radio, lambda: 480, credentials=secrets)  # type: ignore[arg-type]
        hub.radio.listeners.append(self.meters.on_advert)

    def told(self) -> list[tuple[str, str, float]]:
        events = [entry.event for _, entries, _ in self.disk.jobs for entry in entries]
        return [(e.kind, e.elder, e.data["value"]) for e in events if e.kind.startswith("reading.")]

    async def hears(self, address: str, data: bytes, times: int = 3) -> None:
        await self.station.forge(
            name=address, address=address, data=data.hex(), times=times, every_s=0.02, connectable=False
        )
        before = self.meters._by_address[address].heard_ms
        await until(lambda: self.meters._by_address[address].heard_ms != before)


@pytest.fixture
async def home(station: Station):
    hub = await HubHome(station).start()
    home = Home(hub)
    await home.meters.run()
    yield home
    await hub.stop()


async def test_a_weighing_is_one_reading_of_hers(home: Home) -> None:
    for state in ("wavering", "settled", "left"):
        await home.hears(SCALE, weighing(61.75, state))
    await until(lambda: home.told())
    await home.hears(SCALE, weighing(61.75, "left"), times=10)
    assert home.told() == [("reading.weight", "e-chen", 61.75)]


async def test_a_weighing_that_no_disk_took_is_taken_from_its_next_advert(home: Home) -> None:
    await home.hears(SCALE, weighing(61.75, "settled"), times=1)
    await until(lambda: home.told())
    await home.disk.fail("storage-full")
    home.disk.jobs.clear()
    await home.hears(SCALE, weighing(61.75, "left"), times=1)
    await until(lambda: home.told())
    assert home.told() == [("reading.weight", "e-chen", 61.75)]


async def test_a_rooms_warmth_is_nobodys_and_told_now_and_then(home: Home) -> None:
    for number, tenths in enumerate((215, 216, 217)):
        await home.hears(THERMOMETER, beacon(THERMOMETER, KEY, number, temperature_tenths=tenths))
    await until(lambda: home.told())
    assert home.told() == [("reading.room_temperature", "", 21.5)]


async def test_a_thermometer_under_another_key_is_a_fault(home: Home) -> None:
    await home.hears(THERMOMETER, beacon(THERMOMETER, bytes(16), 1, temperature_tenths=215))
    await until(lambda: home.disk.jobs)
    events = [entry.event for _, entries, _ in home.disk.jobs for entry in entries]
    assert [(e.kind, e.data["fault"], e.data["about"]) for e in events] == [
        ("fault.raised", "sensor_keys", "warm")
    ]
