"""A hub's radio and one meter on a simulated air, for tests."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from drivers.ble.consent import Consent
from drivers.ble.meter_facts import Meter, MeterFact, Record, Timing
from drivers.ble.meters import MeterLink
from protocols.gatt import Moment, encode
from tests.integration.ble.home import HubHome

ADDRESS = "C4:0E:00:00:00:01"
NEIGHBOUR = "C4:0E:00:00:00:09"
QUICK = Timing(settle_s=0.01, first_s=1.0, quiet_s=0.3, live_s=60.0, again_s=(0.2,), failed_s=(0.1,))
PATIENT = dataclasses.replace(QUICK, first_s=60.0, quiet_s=60.0)  # a link that a busy machine does not cut
ENDING = dataclasses.replace(PATIENT, quiet_s=2.0)  # the same, where its end is waited for
WALL_MS = 1_750_000_000_000  # 2025-06-15 15:06:40 UTC


def pressure(systolic: float, minute: int = 0) -> list[Any]:
    values = {
        "systolic": systolic,
        "diastolic": 80,
        "mean": 95,
        "time": Moment(2025, 6, 15, 20 + minute // 60, minute % 60, 0),
        "pulse": 66,
        "user": 1,
    }
    return [0x2A35, encode(0x2A35, values).hex()]


class MeterHome:
    """A hub's radio and one meter; records are kept here, durably or not as `takes` says."""

    def __init__(self, hub: HubHome) -> None:
        self.hub, self.station = hub, hub.station
        self.records: list[Record] = []
        self.facts: list[MeterFact] = []
        self.takes, self.timing = True, QUICK
        self.disk: asyncio.Event | None = None

    async def meter(
        self,
        kind: str = "blood-pressure",
        quirk: str = "",
        codes: tuple[Consent, ...] = (),
        **manners: Any,
    ) -> MeterLink:
        await self.station.add_meter(name="m-1", address=ADDRESS, kind=kind, **manners)
        meter = Meter("m-1", ADDRESS, kind, quirk, bool(manners.get("bond")), codes)
        wall = lambda: (WALL_MS, True, 480)  # noqa: E731
        hub, told = self.hub, self.facts.append
        link = MeterLink(meter, hub.radio, hub.clock, self._record, told, wall, self.timing)
        self.hub.radio.listeners.append(
            lambda a: link.on_advert(a) if a.address == ADDRESS else link.on_stranger(a)
        )
        return link

    async def stranger(self, **manners: Any) -> dict[str, Any]:
        """A neighbour's cuff measures; what it has seen."""
        await self.station.add_meter(name="n-1", address=NEIGHBOUR, kind="blood-pressure", **manners)
        await self.station.measure(name="n-1", records=[pressure(199)])
        return await self.station.meter(name="n-1")

    async def _record(self, record: Record) -> bool:
        self.records.append(record)
        if self.disk is not None:
            await self.disk.wait()
        return self.takes

    async def seen(self) -> dict[str, Any]:
        return await self.station.meter(name="m-1")

    async def linked(self) -> int:
        return int((await self.station.state())["radios"]["m-1"]["connections"])

    def systolic(self) -> list[float]:
        return [record.values["systolic"] for record in self.records if record.values]


async def released(home: MeterHome) -> None:
    """Until the meter's link has ended."""
    async with asyncio.timeout(60):
        while await home.linked():
            await asyncio.sleep(0.01)
