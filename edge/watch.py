"""Looks after the house: mains, battery, storage and the system's watchdog; what is wrong becomes a fault."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Final

from drivers.pi.power import MainsPin, read_sysfs
from edge import faults
from edge.heartbeat import Heartbeat
from edge.hub import Hub
from edge.phrases import Phrase
from protocols.errors import AnbanError

LOOK_S: Final = 5.0  # a mains cut is noticed at once by nobody and told after 5 minutes
LOW_PCT: Final = 20  # of a battery made for 12 h: 2.4 h are left to bring somebody
DAY: Final = (datetime.time(7), datetime.time(22))  # a silent platform is spoken of by day


class Watch:
    """One look every LOOK_S. `healthy()` decides whether the system's watchdog is fed.

    `stores()` looks after the stores. `mains_pin`, where there is one, tells of mains instead of the kernel.
    """

    def __init__(
        self,
        hub: Hub,
        heartbeat: Heartbeat,
        say: Callable[[Phrase], object],
        *,
        utc_offset_minutes: int,
        power_supplies: Path,
        healthy: Callable[[], bool],
        feed: Callable[[], None],
        stores: Callable[[], None],
        mains_pin: MainsPin | None = None,
    ) -> None:
        self._hub, self._heartbeat, self._say = hub, heartbeat, say
        self.utc_offset_minutes = utc_offset_minutes
        self._supplies, self._healthy, self._feed = power_supplies, healthy, feed
        self._stores, self._mains_pin = stores, mains_pin
        self._was_silent = False
        hub.on_storage = lambda _reason: stores()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._stores()
            await self._power()
            self._silence()
            for report in faults.reminders(self._hub.faults, self._hub.mint.stamp()):
                self._hub.report(report.kind, report.data)
            if self._healthy():
                self._feed()
            await asyncio.sleep(LOOK_S)

    async def _power(self) -> None:
        power = await asyncio.to_thread(read_sysfs, self._supplies)
        hub_id = self._hub.mint.origin
        mains = power.mains if self._mains_pin is None else _by_pin(self._mains_pin)
        self._heartbeat.mains, self._heartbeat.battery_pct = mains, power.battery_pct
        if mains is not None:
            self._hub.see("mains", hub_id, not mains)
        if power.battery_pct is not None:
            low = power.battery_pct <= LOW_PCT and not power.charging
            self._hub.see("battery", hub_id, low)

    def _silence(self) -> None:
        """The lamp shows a silent platform at once; it is said by day, and when it ends."""
        silent = self._heartbeat.silent
        if silent == self._was_silent or (silent and not self._is_day()):
            return
        self._was_silent = silent
        self._say(Phrase.PLATFORM_SILENT if silent else Phrase.PLATFORM_BACK)

    def _is_day(self) -> bool:
        if not self._hub.mint.clock.trusted():
            return False
        seconds = self._hub.mint.clock.wall_ms() / 1000 + self.utc_offset_minutes * 60
        return DAY[0] <= datetime.datetime.fromtimestamp(seconds, datetime.UTC).time() < DAY[1]


def _by_pin(pin: MainsPin) -> bool | None:
    """Mains, or None where the pins fail: the keys' task, which has the same pins, says that they do."""
    try:
        return pin.read().mains
    except AnbanError:
        return None
