"""The downlink's cursor on the disk never passes over what the disk did not take."""

import asyncio

import pytest

from edge.clock import SystemClock
from edge.config import parse_settings
from edge.hub import Hub
from edge.mint import Mint
from edge.stores.errors import StoreError
from edge.stores.state import State
from edge.uplink import CURSOR, Uplink
from protocols.errors import Reason
from protocols.values import DownlinkItem, EventId, Receipt
from tests.unit.edge.by_hand import ClockByHand, DiskByHand, PathByHand
from tests.unit.edge.test_config import SETTINGS

NOON_MS = 1_800_000_000_000


class UplinkByHand(Uplink):
    """The product's, on paths that say nothing."""

    def _make_paths(self, platform):
        self._platform = platform
        self._coap = PathByHand("coap")
        self.paths = {"coap": self._coap, "https": PathByHand("https")}


class Disk(DiskByHand):
    """Commits at once, fails, or sheds, as a test says."""

    trouble = ""

    def submit(self, lane, entries):
        if self.trouble == "sheds":
            raise StoreError(Reason.BUSY, "too many wait")
        future = super().submit(lane, entries)
        if self.trouble == "fails":
            future.set_exception(StoreError(Reason.STORAGE_FAILED, "the disk says no"))
        else:
            future.set_result([1])
        return future


class Home:
    def __init__(self, directory):
        self.disk = Disk()
        self.state = State.open(directory / "state.db")
        clock = ClockByHand()
        hub = Hub(Mint("hub-01", clock), self.disk, elder="e-chen", room="hall")
        self.uplink = UplinkByHand(hub, self.disk, self.state, parse_settings(SETTINGS), None, clock, None)

    async def said(self, *cursors):
        """The platform says items of these cursors; what is on the disk then."""
        about = EventId("hub-01", 7, 1)
        items = [DownlinkItem(n, Receipt(number=n, about=about, stage="closed")) for n in cursors]
        await self.uplink._downlink_items("coap", items)
        if self.uplink._keeping is not None:
            await self.uplink._keeping
        raw = self.state.get(*CURSOR)
        return self.uplink.cursor, 0 if raw is None else int.from_bytes(raw, "big")


async def test_what_the_disk_took_is_not_asked_for_again(tmp_path):
    home = Home(tmp_path)
    assert await home.said(1, 2) == (2, 2)
    assert await home.said(5) == (5, 5)
    home.state.close()
    assert Home(tmp_path).uplink.cursor == 5


@pytest.mark.parametrize("trouble", ["fails", "sheds", "in memory"])
async def test_what_the_disk_did_not_take_comes_again(tmp_path, trouble):
    home = Home(tmp_path)
    await home.said(1)
    home.disk.trouble, home.disk.durable = trouble, trouble != "in memory"
    assert await home.said(2) == (2, 1)  # the elder hears of it now; the next run of the hub too
    assert await home.said(3) == (3, 1)
    home.disk.trouble, home.disk.durable = "", True
    assert await home.said(4) == (1, 1)  # the disk takes again: from where it stopped
    assert await home.said(2, 3, 4) == (4, 4)


@pytest.mark.parametrize("off_ms", [0, 3 * 3_600_000])
async def test_a_time_that_nobody_proves_raises_the_fault_of_a_wrong_clock_and_clears_none(tmp_path, off_ms):
    home = Home(tmp_path)
    hub, uplink = home.uplink._hub, home.uplink
    clock = uplink._clock = SystemClock(read_monotonic_ms=lambda: 5_000, read_system_ms=lambda: NOON_MS)
    uplink._network_time(NOON_MS + off_ms)
    await asyncio.sleep(0)
    assert bool(hub.faults.open) is bool(off_ms)
    uplink._network_time(NOON_MS)
    await asyncio.sleep(0)
    assert bool(hub.faults.open) is bool(off_ms), "whoever says so"
    uplink._platform_time(NOON_MS)
    await asyncio.sleep(0)
    assert not hub.faults.open
    assert clock.source() == "platform"
