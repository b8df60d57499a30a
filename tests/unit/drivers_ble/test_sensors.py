"""What a BTHome sensor says, and what only pretends to be one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.ble.ports import Advert
from drivers.ble.sensors import UUID, SensorReader
from sim.home.sensors import SensorRig
from sim.home.setup import SensorSetup

SMOKE = bytes((0x01, 87, 0x29, 1))


def rig(seed: int = 1) -> SensorRig:
    return SensorRig(SensorSetup("smoke-01", "smoke", "e-chen", "kitchen"), 1, None, seed)  # type: ignore[arg-type]


def advert(data: bytes, at_ms: int = 1_000) -> Advert:
    return Advert("hci0", rig().address, -60, at_ms, None, {UUID: data}, {})


def test_an_encrypted_sensor_is_read_with_its_key() -> None:
    sensor = rig()
    heard = SensorReader(sensor.key).read(advert(sensor._encrypted(SMOKE)))
    assert heard is not None
    assert (heard.states, heard.battery_pct) == ({"smoke": True}, 87)


def test_plain_text_another_key_and_an_old_counter_are_nothing() -> None:
    sensor, other = rig(), rig(2)
    sensor._counter = 1_000  # below 100 a sensor is taken for one with a new battery
    reader = SensorReader(sensor.key)
    assert reader.read(advert(b"\x40" + SMOKE)) is None
    assert reader.read(advert(other._encrypted(SMOKE))) is None
    old = sensor._encrypted(SMOKE)
    assert reader.read(advert(sensor._encrypted(bytes((0x29, 0))), 2_000)) is not None
    assert reader.read(advert(old, 3_000)) is None
    assert reader.read(advert(other._encrypted(SMOKE), 4_000)) is None


def test_a_sensor_with_a_new_battery_is_heard() -> None:
    sensor = rig()
    sensor._counter = 1_000
    reader = SensorReader(sensor.key)
    assert reader.read(advert(sensor._encrypted(SMOKE))) is not None
    sensor._counter = 1
    assert reader.read(advert(sensor._encrypted(SMOKE), 2_000)) is not None


def test_a_plain_sensor_is_read_only_where_it_is_configured_so() -> None:
    heard = SensorReader(None).read(advert(b"\x40" + SMOKE))
    assert heard is not None
    assert heard.states == {"smoke": True}
    assert SensorReader(None).read(advert(rig()._encrypted(SMOKE))) is None


@given(st.binary(max_size=31), st.booleans())
def test_whatever_is_on_the_air_is_read_or_nothing(data: bytes, keyed: bool) -> None:
    SensorReader(rig().key if keyed else None).read(advert(data))


def test_a_press_is_one_however_often_it_is_on_the_air() -> None:
    sensor = rig()
    reader = SensorReader(sensor.key)
    pressed = sensor._encrypted(bytes((0x3A, 0x01)))
    told = [reader.read(advert(pressed, 1_000 + n)) for n in range(5)]
    assert [heard.presses for heard in told if heard is not None] == [("press",), (), (), (), ()]
    again = reader.read(advert(sensor._encrypted(bytes((0x3A, 0x01))), 2_000))
    assert again is not None
    assert again.presses == ("press",)


def test_a_plain_press_without_a_number_is_told_again_when_it_comes_much_later() -> None:
    reader = SensorReader(None)
    told = [reader.read(advert(b"\x40\x3a\x01", at_ms)) for at_ms in (20_000, 20_100, 40_000)]
    assert [heard.presses for heard in told if heard is not None] == [("press",), (), ("press",)]
