"""The home's BTHome sensors: what each says goes through its rule; what a rule raises is a call at once."""

from __future__ import annotations

import asyncio
import importlib
import logging
from dataclasses import dataclass
from typing import Any, Final

from drivers.ble.ports import Advert
from edge.care.hazards import Hazard, look, step
from edge.config import Config, SensorSection
from edge.credentials import Credentials
from edge.hub import Hub
from edge.ports import Ports
from edge.threads import in_thread

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
LOW_PCT: Final = 15


@dataclass(slots=True)
class _Known:
    section: SensorSection
    hazard: Hazard
    reader: Any = None  # drivers.ble.sensors.SensorReader, once that is imported
    rssi: int | None = None
    battery_pct: int | None = None
    heard: bool = False


class Sensors:
    """All sensors of a home. Give it every advert; `run()` is a task for the supervisor."""

    def __init__(self, hub: Hub, ports: Ports, config: Config, credentials: Credentials) -> None:
        self._hub, self._clock = hub, ports.clock
        now_ms = ports.clock.monotonic_ms()
        self._sensors: dict[str, _Known] = {}
        self._keys: dict[str, bytes | None] = {}
        for section in config.sensors:
            key = credentials.sensors.get(section.id)
            if key is None and not section.plain:
                hub.see("sensor_keys", section.id, True, "no key in the credentials")
                continue
            self._keys[section.id] = None if section.plain else bytes.fromhex(key or "")
            hazard = Hazard(section.role, round(section.silent_s * 1000), now_ms)
            self._sensors[section.id] = _Known(section, hazard)
        self._by_address = {known.section.address: known for known in self._sensors.values()}

    async def run(self) -> None:
        """Load what decodes, then look at the time now and then; at once over where there are no sensors."""
        if not self._sensors:
            return
        driver = await in_thread("import sensors", importlib.import_module, "drivers.ble.sensors")
        for name, known in self._sensors.items():
            known.reader = driver.SensorReader(self._keys[name])
        while True:
            await asyncio.sleep(LOOK_S)
            for name, known in self._sensors.items():
                known.hazard = look(known.hazard, self._clock.monotonic_ms())
                self._hub.see("rule_blind", name, known.hazard.blind, "sensor-silent")

    def on_advert(self, advert: Advert) -> None:
        """Every advert of the radio, ours or not."""
        known = self._by_address.get(advert.address)
        heard = known.reader.read(advert) if known is not None and known.reader is not None else None
        if known is None or heard is None:
            return
        known.rssi, known.heard = advert.rssi, True
        name, section = known.section.id, known.section
        if heard.battery_pct is not None:
            known.battery_pct = heard.battery_pct
            self._hub.see("sensor_battery", name, heard.battery_pct <= LOW_PCT)
        known.hazard, firing = step(known.hazard, dict(heard.states), self._clock.monotonic_ms())
        self._hub.see("rule_blind", name, False)
        if firing is None:
            return
        log.warning("%s: %s", name, firing.reason)
        # "system", not "rule": a call of a rule begins by asking, and nobody is asked about smoke.
        self._hub.call(
            firing.kind,
            "system",
            elder=section.elder,
            device=name,
            room=section.room,
            data={"source": "rule", "rule": firing.reason},
        )

    def devices(self) -> list[dict[str, Any]]:
        """Rows for people, as those of the pendants."""
        now_ms = self._clock.monotonic_ms()
        return [
            {
                "id": name,
                "elder": known.section.elder,
                "room": known.section.room,
                "heard_age_s": (now_ms - known.hazard.heard_ms) / 1000 if known.heard else None,
                "rssi_dbm": known.rssi,
                "battery_pct": known.battery_pct,
                "life": "-",
                "kind": known.section.role,
            }
            for name, known in self._sensors.items()
        ]
