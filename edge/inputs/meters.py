"""The home's health meters as the hub knows them: each record becomes a reading in the journal, at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivers.ble.meters import Meter, MeterFact, MeterLink, MeterSeen, MeterTrouble, Record
from drivers.ble.pendant import RadioPort
from drivers.ble.ports import Advert
from edge.config import Config, MeterSection
from edge.hub import Hub
from edge.ports import Ports
from edge.readings import Arrival, person_of, reading_of

log = logging.getLogger(__name__)

LOW_PCT: Final = 15
FAILS: Final = 4  # transfers in a row: about a minute and a half of a meter that is there and tells nothing


# (kind, figures, elder, measured when) -> what the reading is marked with
Judge = Callable[[str, Mapping[str, Any], str, int], dict[str, Any]]


@dataclass(slots=True)
class _Known:
    section: MeterSection
    link: MeterLink
    heard_ms: int | None = None
    rssi: int | None = None
    battery_pct: int | None = None


class Meters:
    """All meters of a home. Give it every advert; it asks the one radio for links, behind all calls."""

    def __init__(
        self,
        hub: Hub,
        ports: Ports,
        config: Config,
        radio: RadioPort,
        offset_minutes: Callable[[], int],
        judge: Judge = lambda *_: {},
    ) -> None:
        self._hub, self._ports, self._offset, self._judge = hub, ports, offset_minutes, judge
        self._arrivals = 0
        self._meters: dict[str, _Known] = {}
        for section in config.meters:
            meter = Meter(section.id, section.address, section.profile, section.quirk or "", section.bond)
            link = MeterLink(meter, radio, ports.clock, self._record, self._fact, self._wall)
            self._meters[section.id] = _Known(section, link)
        self._by_address = {known.section.address: known for known in self._meters.values()}

    def on_advert(self, advert: Advert) -> None:
        """Every advert of the radio, ours or not."""
        known = self._by_address.get(advert.address)
        if known is not None:
            known.heard_ms, known.rssi = advert.heard_ms, advert.rssi
            known.link.on_advert(advert)

    def devices(self) -> list[dict[str, Any]]:
        """Rows for people, as those of the pendants."""
        now_ms = self._ports.clock.monotonic_ms()
        return [
            {
                "id": name,
                "elder": known.section.elder or "",
                "room": known.section.room,
                "heard_age_s": None if known.heard_ms is None else (now_ms - known.heard_ms) / 1000,
                "rssi_dbm": known.rssi,
                "battery_pct": known.battery_pct,
                "life": "-",
                "kind": known.section.profile,
            }
            for name, known in self._meters.items()
        ]

    def _wall(self) -> tuple[int, bool, int]:
        return self._ports.clock.wall_ms(), self._ports.clock.trusted(), self._offset()

    async def _record(self, record: Record) -> bool:
        """Journal a record as a reading; True once it is durable, or once it is known to be no reading."""
        section = self._meters[record.meter].section
        clock = self._ports.clock
        self._arrivals += 1
        arrival = Arrival(
            record.meter,
            clock.wall_ms(),
            clock.trusted(),
            self._offset(),
            f"{clock.boot}.{clock.monotonic_ms()}.{self._arrivals}",
        )
        cause = str(record.refused.cause) if record.refused is not None else ""
        reading = reading_of(record.uuid, record.raw, record.values, cause, arrival)
        if reading is None:
            return True
        self._hub.see("meter_unread", record.meter, record.values is None, cause)
        elder = person_of(section.users, section.elder, reading.data.get("user"))
        at_ms = reading.data.get("measured_ms", arrival.wall_ms)
        event = self._hub.mint.event(
            reading.kind,
            reading.id,
            elder=elder,
            device=record.meter,
            room=section.room,
            data={**reading.data, **self._judge(reading.kind, reading.data, elder, at_ms)},
        )
        commit = self._hub.record(event, "system")
        if commit is None:
            return False
        await asyncio.wait({commit})
        return not commit.cancelled() and commit.exception() is None

    def _fact(self, fact: MeterFact) -> None:
        if isinstance(fact, MeterSeen):
            if fact.battery_pct is not None:
                self._meters[fact.meter].battery_pct = fact.battery_pct
                self._hub.see("meter_battery", fact.meter, fact.battery_pct <= LOW_PCT)
        elif isinstance(fact, MeterTrouble):
            self._hub.see("meter", fact.meter, fact.count >= FAILS, fact.cause)
