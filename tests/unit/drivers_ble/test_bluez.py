"""Stock Bleak on a machine without a bus: the radio says so, tries on, and harms nothing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bleak.exc import BleakError

from drivers.ble import bluez
from drivers.ble.bluez import BluezAdapter, adapters
from drivers.ble.ports import DISCOVERY, AdapterDown, RadioFact
from drivers.ble.radio import Radio
from protocols.errors import AnbanError, Reason


class Clock:
    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class Unreachable(BluezAdapter):
    """A true BlueZ adapter port whose recovery is only counted."""

    recoveries = 0

    async def recover(self) -> None:
        self.recoveries += 1
        raise AnbanError(Reason.RADIO_DOWN, "It does not come back.")


async def test_without_bluetoothd_the_fault_is_told_once_and_recovery_is_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/nobody")
    facts: list[RadioFact] = []
    adapter = Unreachable("hci0")
    radio = Radio([adapter], Clock(), None, facts.append)
    task = asyncio.create_task(radio.run())
    async with asyncio.timeout(60):
        while not adapter.recoveries:
            await asyncio.sleep(0.01)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert facts == [AdapterDown("hci0", "no-scan")]


def test_what_bleak_raises_is_known_to_the_radio() -> None:
    assert BleakError in BluezAdapter("hci0").errors


def test_discovery_is_filtered_so_that_bluez_leaves_no_gaps() -> None:
    assert DISCOVERY == {"filters": {"RSSI": -127, "DuplicateData": True}}


def test_adapters_are_those_of_the_kernel_without_their_links(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("hci1", "hci0", "hci0:64"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(bluez, "_SYSFS", tmp_path)
    assert [adapter.name for adapter in adapters()] == ["hci0", "hci1"]


SCANS_AND_CONNECTS = """
import asyncio, sys
from bleak.backends.device import BLEDevice
from drivers.ble import bluez

async def first_use():
    adapter = bluez.BluezAdapter("hci0")
    scanner = adapter.scanner(lambda device, advert: None, {})
    path = "/org/bluez/hci0/dev_C4_00_00_00_00_01"
    client = adapter.client(BLEDevice("C4:00:00:00:00:01", None, {"path": path}), lambda: None, 5.0, ())
    for first in (scanner.start, client.connect):
        try:
            await first()
        except adapter.errors + (OSError,):
            pass

bluez.load()
before = set(sys.modules)
asyncio.run(first_use())
print(sorted(set(sys.modules) - before))
"""


def test_what_the_first_scan_and_the_first_connection_need_is_loaded_before_in_a_thread(
    tmp_path: Path,
) -> None:
    """Bleak leaves it until then; the first connection is that to a pendant whose press waits for its ack."""
    nobody = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/nobody"}
    command = [sys.executable, "-c", SCANS_AND_CONNECTS]
    done = subprocess.run(command, env={**os.environ, **nobody}, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
