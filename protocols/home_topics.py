"""What a sensor says on its MQTT topic: Zigbee2MQTT's JSON, or the plain ON and OFF of ESPHome and others.

Sources: zigbee2mqtt.io, "Exposes" (names of fields, and which value means what); home-assistant.io, "MQTT
binary sensor" (payloads ON and OFF). Names of states are those that BTHome's sensors have here.

Public: `Said`, `read`.
"""

from __future__ import annotations

import json
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
WATTS_ON: Final = 15  # a plug whose stove stands by draws less
MAX_BYTES: Final = 4_096
MAX_ACTION: Final = 32


@dataclass(frozen=True, slots=True)
class Said:
    """Binary states by name, battery, presses ("single", ...). `plain`: ON or OFF of whatever it is."""

    states: dict[str, bool] = field(default_factory=dict)
    battery_pct: int | None = None
    presses: tuple[str, ...] = ()
    plain: bool | None = None


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
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _of(body) if isinstance(body, dict) else None


def _of(body: dict[str, Any]) -> Said | None:
    level: Any
    states = {name: body[key] is on for key, (name, on) in FIELDS.items() if isinstance(body.get(key), bool)}
    watts, switch = body.get("power"), body.get("state")
    if isinstance(watts, int | float) and not isinstance(watts, bool):
        states["power"] = watts >= WATTS_ON
    elif isinstance(switch, str) and switch in SWITCHED:
        states["power"] = SWITCHED[switch]
    level, action = body.get("battery"), body.get("action")
    battery = int(level) if type(level) in (int, float) and 0 <= level <= 100 else None
    presses = (action,) if isinstance(action, str) and 0 < len(action) <= MAX_ACTION else ()
    return Said(states, battery, presses) if states or presses or battery is not None else None
