"""Mains and battery become what the heartbeat says, and faults."""

from types import SimpleNamespace

from gpiozero.pins.mock import MockFactory

from drivers.pi.power import MainsPin
from edge.watch import Watch


class Home:
    """A watch over made-up supplies that notes what it saw."""

    def __init__(self, folder, mains_pin=None):
        self.seen = {}
        self.folder = folder
        self.heartbeat = SimpleNamespace(mains=None, battery_pct=None)
        hub = SimpleNamespace(mint=SimpleNamespace(origin="hub-01"), see=self.see, on_storage=None)
        self.watch = Watch(
            hub,
            self.heartbeat,
            lambda phrase: None,
            utc_offset_minutes=480,
            power_supplies=folder,
            healthy=lambda: True,
            feed=lambda: None,
            stores=lambda: None,
            mains_pin=mains_pin,
        )

    def see(self, fault, about, wrong, cause=""):
        self.seen[fault] = wrong

    def supply(self, name, **attributes):
        (self.folder / name).mkdir(exist_ok=True)
        for key, value in attributes.items():
            (self.folder / name / key).write_text(f"{value}\n")


async def test_mains_and_a_low_battery_as_the_kernel_tells_them(tmp_path):
    home = Home(tmp_path)
    home.supply("ac", type="Mains", online=0)
    home.supply("cell", type="Battery", capacity=20, status="Discharging")
    await home.watch._power()
    assert home.seen == {"mains": True, "battery": True}
    assert (home.heartbeat.mains, home.heartbeat.battery_pct) == (False, 20)
    home.supply("ac", online=1)
    home.supply("cell", status="Charging")
    await home.watch._power()
    assert home.seen == {"mains": False, "battery": False}


async def test_a_home_of_which_nothing_is_known_has_no_power_fault(tmp_path):
    home = Home(tmp_path / "none")
    await home.watch._power()
    assert home.seen == {}
    assert home.heartbeat.mains is None


async def test_a_supply_without_a_driver_tells_of_mains_by_its_pin(tmp_path):
    pins = MockFactory()
    home = Home(tmp_path, MainsPin(pins, 6))
    pins.pin(6).drive_low()
    await home.watch._power()
    assert home.seen == {"mains": True}
    pins.pin(6).drive_high()
    await home.watch._power()
    assert home.seen == {"mains": False}


async def test_a_mains_pin_that_fails_stops_nothing_and_claims_nothing(tmp_path):
    home = Home(tmp_path, MainsPin(MockFactory(), 99))
    await home.watch._power()
    assert home.seen == {}
    assert home.heartbeat.mains is None
