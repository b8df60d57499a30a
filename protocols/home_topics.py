"""What a sensor says on its MQTT topic: Zigbee2MQTT's JSON, or the plain ON, OFF and numbers of ESPHome and
Home Assistant; whether it is available, and where a tracker is.

Sources: zigbee2mqtt.io, "Exposes" (names of fields, and which value means what) and "Availability";
home-assistant.io, "MQTT binary sensor" (payloads ON and OFF), "MQTT device tracker" (home, not_home;
latitude, longitude, gps_accuracy), "MQTT room presence" (distance); esphome.io, "MQTT client component"
(availability: online, offline); owntracks.org, "JSON" (_type location). Names of states are those that
BTHome's sensors have here.

Public: `Message`, `Place`, `Said`, `read`, `available`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Final

# field -> (state, the value that means "on")
FIELDS: Final[dict[str, tuple[str, bool]]] = {
    "occupancy": ("occupancy", True),
    "presence": ("presence", True),
    "contact": ("opening", False),  # contact is made: the door is shut
    "smoke": ("smoke", True),
    "gas": ("gas", True),
    "carbon_monoxide": ("carbon_monoxide", True),
    "water_leak": ("moisture", True),
    "sos": ("safety", True),
    "moving": ("moving", True),
    "vibration": ("vibration", True),
}
SWITCHED: Final = {"ON": True, "OFF": False}
AT_HOME: Final = {"home": True, "not_home": False}
AVAILABLE: Final = {"online": True, "offline": False}
WATTS_ON: Final = 15  # a plug whose stove stands by draws less
MAX_BYTES: Final = 4_096
MAX_ACTION: Final = 32


@dataclass(frozen=True, slots=True)
class Message:
    """What the broker hands on. `retained`: it kept it from before, so it is no news."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tracker was, in degrees, how certainly, and when in Unix s, as far as it says."""

    latitude: float
    longitude: float
    accuracy_m: float | None = None
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """Binary states by name, battery, presses ("single", ...). `plain`: ON or OFF of whatever it is.

    Of what is worn: `home`, `place`, and `near`: a receiver of the home hears it.
    """

    states: dict[str, bool] = field(default_factory=dict)
    battery_pct: int | None = None
    presses: tuple[str, ...] = ()
    plain: bool | None = None
    home: bool | None = None
    place: Place | None = None
    near: bool = False


def available(payload: bytes) -> bool | None:
    """What stands on a topic of availability: whether the device is there; None for anything else."""
    if len(payload) > MAX_BYTES:
        return None
    try:
        text = payload.decode().strip()
        if text.startswith("{"):
            body = json.loads(text)
            text = str(body.get("state")) if isinstance(body, dict) else ""
    except (ValueError, RecursionError):
        return None
    return AVAILABLE.get(text)


def read(payload: bytes) -> Said | None:
    """What a message says; None for one that says nothing that is known here."""
    if len(payload) > MAX_BYTES:
        return None
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    if text.strip().upper() in SWITCHED:
        return Said(plain=SWITCHED[text.strip().upper()])
    if text.strip() in AT_HOME:
        return Said(home=AT_HOME[text.strip()])
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if (watts := _number(body)) is not None:  # of a plug with a topic for each figure
        return Said({"power": watts >= WATTS_ON})
    return _of(body) if isinstance(body, dict) else None


def _of(body: dict[str, Any]) -> Said | None:
    level: Any
    states = {name: body[key] is on for key, (name, on) in FIELDS.items() if isinstance(body.get(key), bool)}
    watts, switch = body.get("power"), body.get("state")
    if isinstance(watts, int | float) and not isinstance(watts, bool):
        states["power"] = watts >= WATTS_ON
    elif isinstance(switch, str) and switch in SWITCHED:
        states["power"] = SWITCHED[switch]
    level, action = body.get("battery", body.get("batt")), body.get("action")
    battery = int(level) if type(level) in (int, float) and 0 <= level <= 100 else None
    presses = (action,) if isinstance(action, str) and 0 < len(action) <= MAX_ACTION else ()
    said = Said(states, battery, presses, place=_place(body), near=_number(body.get("distance")) is not None)
    return said if said != Said() else None


def _place(body: dict[str, Any]) -> Place | None:
    """Of Home Assistant's attributes, or of OwnTracks; 0 and 0 is what a receiver without a fix says."""
    north, east = (
        _number(body.get(long, body.get(short)))
        for long, short in (("latitude", "lat"), ("longitude", "lon"))
    )
    if north is None or east is None or abs(north) > 90 or abs(east) > 180 or (north, east) == (0, 0):
        return None
    unsure = _number(body.get("gps_accuracy", body.get("acc")))
    return Place(north, east, unsure if unsure is None or unsure >= 0 else None, _number(body.get("tst")))


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
