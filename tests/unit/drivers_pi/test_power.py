"""Mains and battery from what the kernel writes: known, or said to be unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import given
from hypothesis import strategies as st

from drivers.pi.power import MainsPin, Power, decode, read_sysfs
from protocols.errors import AnbanError, Reason

MAINS = {"type": "Mains", "online": "1"}
NO_MAINS = {"type": "Mains", "online": "0"}
CHARGING = {"type": "Battery", "present": "1", "capacity": "83", "status": "Charging"}
DISCHARGING = {"type": "Battery", "present": "1", "capacity": "41", "status": "Discharging"}


@pytest.mark.parametrize(
    ("supplies", "power"),
    [
        ({}, Power(None)),
        ({"ac": MAINS}, Power(True)),
        ({"ac": MAINS, "bat": CHARGING}, Power(True, 83, True)),
        ({"ac": NO_MAINS, "bat": DISCHARGING}, Power(False, 41, False)),
        ({"ac": NO_MAINS, "usb": {"type": "USB", "online": "1"}}, Power(True)),
        ({"bat": DISCHARGING}, Power(False, 41, False)),
        ({"bat": CHARGING}, Power(True, 83, True)),
        ({"bat": {"type": "Battery", "capacity": "50"}}, Power(None, 50, None)),
        ({"bat": {**CHARGING, "present": "0"}}, Power(None)),
        ({"bat": {**DISCHARGING, "capacity": "101"}}, Power(False, None, False)),
        ({"a": DISCHARGING, "b": {**DISCHARGING, "capacity": "90"}}, Power(False, 90, False)),
        ({"ac": {"type": "Mains", "online": "yes"}}, Power(None)),
        ({"mouse": {"type": "Wireless"}}, Power(None)),
    ],
)
def test_what_the_supplies_say(supplies: dict[str, dict[str, str]], power: Power) -> None:
    assert decode(supplies) == power


@given(st.dictionaries(st.text(max_size=8), st.dictionaries(st.sampled_from(list(CHARGING)), st.text())))
def test_no_text_of_a_supply_is_a_crash(supplies: dict[str, dict[str, str]]) -> None:
    power = decode(supplies)
    assert power.battery_pct is None or 0 <= power.battery_pct <= 100


def test_it_reads_what_the_kernel_writes(tmp_path: Path) -> None:
    for name, attributes in {"ac": NO_MAINS, "bat": DISCHARGING}.items():
        (tmp_path / name).mkdir()
        for attribute, text in attributes.items():
            (tmp_path / name / attribute).write_text(text + "\n")
    (tmp_path / "ac" / "status").mkdir()  # an attribute that cannot be read
    (tmp_path / "bat" / "capacity").write_bytes(b"41\n\xff")
    assert read_sysfs(tmp_path) == Power(False, None, False)
    assert read_sysfs(tmp_path / "none") == Power(None)


def test_a_pin_tells_mains_where_no_kernel_driver_does() -> None:
    factory = MockFactory()
    supply = MainsPin(factory, 6)
    factory.pin(6).drive_high()
    assert supply.read() == Power(True)
    factory.pin(6).drive_low()
    assert supply.read() == Power(False)
    assert MainsPin(factory, 6, mains_level=0).read() == Power(True)


def test_a_pin_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AnbanError) as failure:
        MainsPin(MockFactory(), 99).read()
    assert failure.value.reason is Reason.PINS_DOWN
