"""The home's health meters as the hub knows them: each record becomes a reading in the journal, at once.

What decodes is imported only in a home that has a meter.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from drivers.ble.link import RadioPort
from drivers.ble.ports import Advert
from drivers.ble.profiles import ADVERTS
from edge.config import Config, MeterSection
from edge.credentials import Credentials
from edge.hub import Hub
from edge.ports import Ports
from edge.threads import in_thread
from protocols.errors import AnbanError, Reason

if TYPE_CHECKING:
    from drivers.ble.meter_facts import MeterFact, Record
    from drivers.ble.meters import MeterLink
    from drivers.ble.xiaomi import XiaomiReader
    from edge.readings import Arrival, Reading

log = logging.getLogger(__name__)

LOW_PCT: Final = 15
ROOM_KINDS: Final = ("reading.room_temperature", "reading.humidity")
ROOM_MS: Final = 10 * 60_000  # between two of a room, whose thermometer says something every few seconds
PASSKEY: Final = re.compile("[0-9]{6}", re.ASCII)
FAILS: Final = 4  # transfers in a row: about a minute and a half of a meter that is there and tells nothing


# (kind, figures, elder, measured when) -> what the reading is marked with
Judge = Callable[[str, Mapping[str, Any], str, int], dict[str, Any]]


@dataclass(slots=True)
class _Known:
    section: MeterSection
    link: MeterLink | None = None
    reader: XiaomiReader | None = None  # of one that only advertises, once that is imported
    told_ms: dict[str, int] = field(default_factory=dict)  # by kind: what stands in the journal of its room
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
        credentials: Credentials | None = None,
    ) -> None:
        self._hub, self._ports, self._offset, self._judge = hub, ports, offset_minutes, judge
        self._arrivals = 0
        self._meters: dict[str, _Known] = {}
        self._keys = credentials.sensors if credentials is not None else {}
        if config.meters:
            importlib.import_module("edge.told")  # now: the card may hang when the first reading comes
        if any(section.profile not in ADVERTS for section in config.meters):
            from drivers.ble.consent import Consent
            from drivers.ble.meter_facts import Meter
            from drivers.ble.meters import MeterLink
        for section in config.meters:
            known = self._meters[section.id] = _Known(section)
            if section.profile not in ADVERTS:
                codes = credentials.consents.get(section.id, {}) if credentials is not None else {}
                consents = tuple(Consent(user, code) for user, code in sorted(codes.items()))
                meter = Meter(
                    section.id, section.address, section.profile, section.quirk or "", section.bond, consents
                )
                known.link = MeterLink(meter, radio, ports.clock, self._record, self._fact, self._wall)
        self._by_address = {known.section.address: known for known in self._meters.values()}

    def on_advert(self, advert: Advert) -> None:
        """Every advert of the radio, ours or not."""
        known = self._by_address.get(advert.address)
        if known is not None:
            known.heard_ms, known.rssi = advert.heard_ms, advert.rssi
            if known.link is not None:
                known.link.on_advert(advert)
            elif known.reader is not None:
                self._told(known, known.reader, advert)
        elif advert.services and advert.hidden:
            for known in self._meters.values():
                if known.link is not None:
                    known.link.on_stranger(advert)

    async def run(self) -> None:
        """Load what reads adverts; at once over where no meter needs it. A task for the supervisor."""
        told = [known for known in self._meters.values() if known.section.profile in ADVERTS]
        if told:
            driver = await in_thread("import meters", importlib.import_module, "drivers.ble.xiaomi")
            for known in told:
                key = self._keys.get(known.section.id)
                known.reader = driver.XiaomiReader(bytes.fromhex(key) if key else None)

    def operations(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """Name -> operation, for `edge.api.Api`."""
        return {"meter_pair": self.pair, "meter_passkey": self.give, "meter_pairing": self.pairing}

    async def pair(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Pair a meter anew when it is heard next: {"meter", "passkey": six figures, where known before}."""
        link, passkey = self._paired(args), args.get("passkey")
        link.pair(_passkey(passkey) if passkey is not None else None)
        return await self.pairing(args)

    async def give(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The passkey that a meter shows now: {"meter", "passkey"}."""
        if not self._paired(args).pairing.give(_passkey(args.get("passkey"))):
            raise AnbanError(Reason.CONFLICT, "No passkey is asked for now.", "Begin the pairing again.")
        return await self.pairing(args)

    async def pairing(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """How far it is: "waiting" to be heard, "passkey" is shown, "paired", "failed"."""
        return {"meter": args["meter"], "state": self._paired(args).pairing.state}

    def _paired(self, args: Mapping[str, Any]) -> MeterLink:
        known = self._meters.get(str(args.get("meter")))
        if known is None or known.link is None:
            can = ", ".join(name for name, one in self._meters.items() if one.link is not None) or "none"
            raise AnbanError(
                Reason.BAD_REQUEST, f"meter = {args.get('meter')!r}", f"Allowed is one of: {can}."
            )
        return known.link

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
                "pairing": None if known.link is None else known.link.pairing.state,
            }
            for name, known in self._meters.items()
        ]

    def _wall(self) -> tuple[int, bool, int]:
        return self._ports.clock.wall_ms(), self._ports.clock.trusted(), self._offset()

    async def _record(self, record: Record) -> bool:
        """Journal a record as a reading; True once it is durable, or once it is known to be no reading."""
        from edge.readings import reading_of

        section = self._meters[record.meter].section
        arrival = self._arrival(record.meter)
        cause = str(record.refused.cause) if record.refused is not None else ""
        reading = reading_of(record.uuid, record.raw, record.values, cause, arrival)
        if reading is None:
            return True
        self._hub.see("meter_unread", record.meter, record.values is None, cause)
        commit = self._journal(section, reading, arrival)
        if commit is None:
            return False
        await asyncio.wait({commit})
        return not commit.cancelled() and commit.exception() is None

    def _arrival(self, meter: str) -> Arrival:
        from edge.readings import Arrival

        clock = self._ports.clock
        self._arrivals += 1
        mark = f"{clock.boot}.{clock.monotonic_ms()}.{self._arrivals}"
        return Arrival(meter, clock.wall_ms(), clock.trusted(), self._offset(), mark)

    def _journal(self, section: MeterSection, reading: Reading, arrival: Arrival) -> Any:
        """The commit of a reading as an event; None when the store takes nothing."""
        from edge.readings import person_of

        elder = person_of(section.users, section.elder, reading.data.get("user"))
        elder = "" if reading.kind in ROOM_KINDS else elder
        at_ms = reading.data.get("measured_ms", arrival.wall_ms)
        event = self._hub.mint.event(
            reading.kind,
            reading.id,
            elder=elder,
            device=section.id,
            room=section.room,
            data={**reading.data, **self._judge(reading.kind, reading.data, elder, at_ms)},
        )
        return self._hub.record(event, "system")

    def _told(self, known: _Known, reader: XiaomiReader, advert: Advert) -> None:
        """A meter that only advertises said something: what is new becomes a reading."""
        from edge.told import readings_of

        told, section = reader.read(advert), known.section
        self._hub.see("sensor_keys", section.id, reader.locked, "no key that fits in the credentials")
        if told is None:
            return
        if told.battery_pct is not None:
            self._battery(section.id, told.battery_pct)
        arrival = self._arrival(section.id)
        now_ms = self._ports.clock.monotonic_ms()
        for reading in readings_of(section.profile, told, arrival):
            since = known.told_ms.get(reading.kind)
            if reading.kind in ROOM_KINDS and since is not None and now_ms - since < ROOM_MS:
                continue
            commit = self._journal(section, reading, arrival)
            if commit is None:
                reader.forget()
                continue
            known.told_ms[reading.kind] = now_ms
            commit.add_done_callback(
                lambda kept: reader.forget() if kept.cancelled() or kept.exception() else None
            )

    def _battery(self, meter: str, percent: int) -> None:
        self._meters[meter].battery_pct = percent
        self._hub.see("meter_battery", meter, percent <= LOW_PCT)

    def _fact(self, fact: MeterFact) -> None:
        from drivers.ble.meter_facts import MeterSeen

        if isinstance(fact, MeterSeen):
            if fact.battery_pct is not None:
                self._battery(fact.meter, fact.battery_pct)
        else:
            # A person has to do something: told at once.
            person = fact.cause in (Reason.PAIR_AGAIN, Reason.CONSENT_REFUSED)
            self._hub.see("meter", fact.meter, person or fact.count >= FAILS, fact.cause)


def _passkey(text: object) -> int:
    if not (isinstance(text, str) and PASSKEY.fullmatch(text)):
        sentence, allowed = "That is no passkey.", "Allowed are six figures, as the meter shows them."
        raise AnbanError(Reason.BAD_REQUEST, sentence, allowed)
    return int(text)
