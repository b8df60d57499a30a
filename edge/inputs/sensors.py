"""The home's sensors, BTHome's and MQTT's: smoke, gas, water and the pull cord are calls at once.

What the others say is news for the rules of care, and stands in the journal.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from dataclasses import dataclass
from typing import Any, Final

from drivers.ble.ports import Advert
from edge.care.hazards import KINDS, SAYS, Firing, Hazard, look, pressed, step
from edge.care.home import OFF, ON, PRESS, ROLES, WORN
from edge.config import Config, SensorSection
from edge.credentials import Credentials
from edge.hub import Hub
from edge.inputs.whereabouts import HEARD_MS, Fence
from edge.ports import Ports
from edge.threads import in_thread
from protocols import home_topics
from protocols.discovery import Found, is_discovery, read_discovery, state_of
from protocols.home_topics import Message

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
LOW_PCT: Final = 15
NEWS_MS: Final = 1_000  # between two entries of a sensor: one that flutters must not fill the journal


@dataclass(slots=True)
class _Known:
    section: SensorSection
    heard_ms: int  # at first when watching began
    hazard: Hazard | None
    reader: Any = None  # drivers.ble.sensors.SensorReader, once that is imported
    rssi: int | None = None
    battery_pct: int | None = None
    heard: bool = False
    on: bool | None = None  # as it says
    told: bool | None = None  # as it stands in the journal
    told_ms: int = 0
    gone: bool = False  # its broker says that it is not there
    near_ms: int = 0  # a tag: last heard as one does who is at home
    fence: Fence | None = None
    found: Found | None = None  # what its discovery topic says


class Sensors:
    """All sensors of a home. Give it every advert; `run()` is a task for the supervisor."""

    def __init__(self, hub: Hub, ports: Ports, config: Config, credentials: Credentials) -> None:
        self._hub, self._clock = hub, ports.clock
        now_ms = ports.clock.monotonic_ms()
        self._sensors: dict[str, _Known] = {}
        self._keys: dict[str, bytes | None] = {}
        self._unread: set[str] = set()  # for want of their key
        for section in config.sensors:
            key = credentials.sensors.get(section.id)
            if section.address is not None and key is None and not section.plain:
                hub.see("sensor_keys", section.id, True, "no key in the credentials")
                self._unread.add(section.id)
                continue
            if section.address is not None:
                self._keys[section.id] = None if section.plain else bytes.fromhex(key or "")
            silent_ms = round(section.silent_s * 1000)
            hazard = Hazard(section.role, silent_ms, now_ms) if section.role in KINDS else None
            known = self._sensors[section.id] = _Known(section, now_ms, hazard, near_ms=now_ms)
            if section.latitude is not None and section.longitude is not None:
                known.fence = Fence(section.latitude, section.longitude)
        self._by_address = {known.section.address: known for known in self._sensors.values()}
        self._availability: dict[str, list[_Known]] = {}
        for known in self._sensors.values():
            if known.section.availability is not None:
                self._availability.setdefault(known.section.availability, []).append(known)
        self._by_topic = {k.section.topic: k for k in self._sensors.values() if k.section.topic is not None}

    async def run(self) -> None:
        """Load what decodes, then look at the time now and then; at once over where there are no sensors."""
        if not self._sensors:
            return
        if self._keys:
            driver = await in_thread("import sensors", importlib.import_module, "drivers.ble.sensors")
            for name, key in self._keys.items():
                self._sensors[name].reader = driver.SensorReader(key)
        while True:
            await asyncio.sleep(LOOK_S)
            for name, known in self._sensors.items():
                self._tell(known)
                if known.hazard is not None:
                    known.hazard = look(known.hazard, self._clock.monotonic_ms())
                    self._hub.see("rule_blind", name, known.hazard.blind or known.gone, "sensor-silent")

    def silent(self) -> frozenset[str]:
        """Sensors of the rules of care that were not heard for longer than they may be; those without their
        key too.
        """
        now_ms = self._clock.monotonic_ms()
        return frozenset(self._unread).union(
            name
            for name, known in self._sensors.items()
            if known.gone or now_ms - known.heard_ms >= known.section.silent_s * 1000
        )

    def on_advert(self, advert: Advert) -> None:
        """Every advert of the radio, ours or not."""
        known = self._by_address.get(advert.address)
        heard = known.reader.read(advert) if known is not None and known.reader is not None else None
        if known is None or heard is None:
            return
        known.rssi = advert.rssi
        if known.section.role == "tag" and advert.rssi >= known.section.least_dbm:
            self._near(known)
        self._said(known, dict(heard.states), heard.battery_pct, bool(heard.presses))

    @property
    def topics(self) -> tuple[str, ...]:
        """What is to be heard of the broker, as far as it is known by now."""
        found = (known.found.topics for known in self._sensors.values() if known.found is not None)
        return tuple(
            dict.fromkeys((*self._by_topic, *self._availability, *(t for row in found for t in row)))
        )

    def on_message(self, message: Message) -> None:
        """A message of the broker. One that it kept from before is no news, and no sign of life."""
        if (here := self._availability.get(message.topic)) is not None:
            there = home_topics.available(message.payload)
            for one in here if there is not None else ():
                one.gone = not there  # kept from before or not: that it is there tells nothing of it
            return
        known = self._by_topic.get(message.topic)
        if known is not None and is_discovery(message.topic):
            self._discovered(known, read_discovery(message.payload))
            return
        for one in self._sensors.values():
            if one.found is not None and message.topic in one.found.topics and not message.retained:
                self._on_found(one, one.found, message)
        said = home_topics.read(message.payload) if known is not None and not message.retained else None
        if known is None or said is None:
            return
        self._plain(known, said)

    def _plain(self, known: _Known, said: home_topics.Said) -> None:
        if known.section.role in WORN:
            self._worn(known, said)
            return
        states = dict(said.states)
        if said.plain is not None:  # ON of a smoke detector's topic is smoke: its role says what it means
            states = {(SAYS.get(known.section.role) or ROLES[known.section.role])[0]: said.plain}
        self._said(known, states, said.battery_pct, bool(said.presses))

    def _discovered(self, known: _Known, found: Found | None) -> None:
        """A device told Home Assistant of itself. What it is here stands in the seed, not there."""
        if found is None:
            log.warning("%s: what its discovery topic says is not understood", known.section.id)
            return
        for topic in known.found.gone if known.found is not None else ():
            if topic != known.section.availability and known in self._availability.get(topic, ()):
                self._availability[topic].remove(known)
                if not self._availability[topic]:
                    del self._availability[topic]
        known.found = found
        for topic in found.gone:
            if known not in (there := self._availability.setdefault(topic, [])):
                there.append(known)

    def _on_found(self, known: _Known, found: Found, message: Message) -> None:
        if message.topic == found.places:
            said = home_topics.read(message.payload)
            if said is not None and known.section.role in WORN:
                self._worn(known, said)
        elif message.topic == found.topic and (on := state_of(found, message.payload)) is not None:
            self._plain(known, home_topics.Said(plain=on))

    def _worn(self, known: _Known, said: home_topics.Said) -> None:
        """A tag or a tracker, by the broker."""
        at_home = said.home if said.home is not None else said.plain
        if at_home or said.near:
            self._near(known)
        elif at_home is False:
            known.on, known.near_ms = False, self._clock.monotonic_ms() - HEARD_MS
        if said.place is not None and known.fence is not None:
            clock = self._clock
            if not known.fence.at(said.place, clock.wall_ms() if clock.trusted() else None):
                return
        self._said(known, {}, said.battery_pct, False)
        self._tell(known)

    def _near(self, known: _Known) -> None:
        known.on, known.near_ms = True, self._clock.monotonic_ms()

    def _said(self, known: _Known, states: dict[str, bool], battery_pct: int | None, press: bool) -> None:
        known.heard, known.heard_ms, known.gone = True, self._clock.monotonic_ms(), False
        if battery_pct is not None:
            known.battery_pct = battery_pct
            self._hub.see("sensor_battery", known.section.id, battery_pct <= LOW_PCT)
        if known.hazard is not None:
            self._danger(known, known.hazard, states, press)
            return
        if press:
            self._hub.sense(known.section.id, PRESS)
        mine = [states[name] for name in ROLES[known.section.role] if name in states]
        if mine:
            known.on = any(mine)
            self._tell(known)

    def _danger(self, known: _Known, hazard: Hazard, states: dict[str, bool], press: bool) -> None:
        name = known.section.id
        known.hazard, firing = step(hazard, states, self._clock.monotonic_ms())
        self._hub.see("rule_blind", name, False)
        firing = firing or (pressed(hazard) if press else None)
        if firing is not None:
            self._call(known.section, firing)
        if press and pressed(hazard) is not None:
            self._hub.sense(name, PRESS)
        if any(state in SAYS[hazard.role] for state in states):
            known.on = known.hazard.on
            self._tell(known)

    def _call(self, section: SensorSection, firing: Firing) -> None:
        log.warning("%s: %s", section.id, firing.reason)
        # "system", not "rule": a call of a rule begins by asking, and nobody is asked about smoke.
        self._hub.call(
            firing.kind,
            "system",
            elder=section.elder,
            device=section.id,
            room=section.room,
            data={"source": "rule", "rule": firing.reason},
        )

    def _tell(self, known: _Known) -> None:
        """Journal what a sensor says, if it is news; what changes back within a second is none."""
        now_ms = self._clock.monotonic_ms()
        if known.section.role == "tag" and now_ms - known.near_ms >= HEARD_MS:
            known.on = False
        if known.fence is not None and (news := known.fence.news(now_ms)) is not None:
            self._hub.sense(known.section.id, news)
        if known.on is None or known.on is known.told:
            return
        if known.told is not None and now_ms - known.told_ms < NEWS_MS:
            return
        known.told, known.told_ms = known.on, now_ms
        self._hub.sense(known.section.id, ON if known.on else OFF)

    def devices(self) -> list[dict[str, Any]]:
        """Rows for people, as those of the pendants."""
        now_ms = self._clock.monotonic_ms()
        return [
            {
                "id": name,
                "elder": known.section.elder,
                "room": known.section.room,
                "heard_age_s": (now_ms - known.heard_ms) / 1000 if known.heard else None,
                "rssi_dbm": known.rssi,
                "battery_pct": known.battery_pct,
                "life": "-",
                "kind": known.section.role,
            }
            for name, known in self._sensors.items()
        ]
