"""A record of a meter goes into the journal at once, and is said to be kept only when it is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from drivers.ble.meter_facts import MeterSeen, MeterTrouble, Record
from edge.config import Config, ElderSection, HubSection, MeterSection, PlatformSection
from edge.hub import Hub
from edge.inputs.meters import FAILS, Meters
from edge.mint import Mint
from protocols.errors import Reason
from protocols.gatt import Cause, GattError, decode
from tests.unit.edge.by_hand import ClockByHand, DiskByHand

RAW = bytes.fromhex("1E7C0056006100E807060F11111B3300010000")
CONFIG = Config(
    hub=HubSection(id="hub-01", room="hall", elder="e-chen"),
    platform=PlatformSection(coap_uri="coap://platform", https_url="https://platform", ca_file="ca.pem"),
    elders=(ElderSection(id="e-chen"),),
    meters=(
        MeterSection(
            id="bp-01",
            address="C4:0E:00:00:00:01",
            profile="blood-pressure",
            room="bedroom",
            users={"1": "e-chen"},
        ),
    ),
)


class Table:
    """A hub with one meter on its table."""

    def __init__(self) -> None:
        self.clock, self.disk = ClockByHand(), DiskByHand()
        self.hub = Hub(Mint("hub-01", self.clock), self.disk, elder="e-chen", room="hall")
        radio = SimpleNamespace(request=lambda *args: None, withdraw=lambda address: None)
        self.meters = Meters(self.hub, SimpleNamespace(clock=self.clock), CONFIG, radio, lambda: 480)

    def takes(self, raw: bytes = RAW, refused: GattError | None = None) -> asyncio.Task:
        values = None if refused else decode(0x2A35, raw)
        return asyncio.ensure_future(self.meters._record(Record("bp-01", 0x2A35, raw, values, refused)))

    def events(self) -> list:
        return [entry.event for _, entries, _ in self.disk.jobs for entry in entries]


@pytest.fixture
async def table() -> Table:
    return Table()


async def test_a_reading_is_kept_when_its_commit_has_returned_and_not_before(table: Table) -> None:
    kept = table.takes()
    await asyncio.sleep(0)
    assert not kept.done()
    await table.disk.commit()
    assert await kept
    event = table.events()[0]
    assert (event.kind, event.elder, event.device, event.room) == (
        "reading.blood_pressure",
        "e-chen",
        "bp-01",
        "bedroom",
    )


async def test_a_disk_that_says_no_is_not_kept(table: Table) -> None:
    kept = table.takes()
    await asyncio.sleep(0)
    await table.disk.fail(Reason.STORAGE_FULL)
    assert not await kept


async def test_what_nobody_can_read_is_kept_with_its_bytes(table: Table) -> None:
    kept = table.takes(b"\x00\x78", GattError(Cause.SHORT, "too short"))
    await asyncio.sleep(0)
    await table.disk.commit()
    assert await kept
    fault, event = table.events()
    assert (fault.kind, fault.data["fault"], fault.data["cause"]) == ("fault.raised", "meter_unread", "short")
    assert (event.elder, event.data["raw"], event.data["judged"]) == ("", "0078", "unusable")


async def test_a_low_battery_and_a_meter_that_tells_nothing_are_faults(table: Table) -> None:
    seen: list = []
    table.hub.see = lambda *args: seen.append(args)  # type: ignore[method-assign]
    table.meters._fact(MeterSeen("bp-01", 9))
    table.meters._fact(MeterTrouble("bp-01", "device-timeout", FAILS))
    table.meters._fact(MeterTrouble("bp-01", "", 0))
    assert seen == [
        ("meter_battery", "bp-01", True),
        ("meter", "bp-01", True, "device-timeout"),
        ("meter", "bp-01", False, ""),
    ]
    assert table.meters.devices()[0]["battery_pct"] == 9
