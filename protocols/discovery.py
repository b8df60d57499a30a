"""What a device tells Home Assistant of itself on its discovery topic, as far as a sensor here needs it.

Source: home-assistant.io, "MQTT": discovery topic (homeassistant/COMPONENT/.../config), abbreviations, base
topic "~"; "MQTT binary sensor" (payload_on, payload_off, value_template, availability); "MQTT device tracker"
(payload_home, payload_not_home, json_attributes_topic). A template is read where it names one member of the
message and does no more; a device with another is not understood, and never guessed.

Public: `Found`, `is_discovery`, `read_discovery`, `state_of`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

MAX_BYTES: Final = 16_384  # Zigbee2MQTT's have one or two thousand
MOST_TOPICS: Final = 4  # of availability
TOPIC: Final = re.compile(r"[^#+\x00-\x1f\s]{1,128}")
MEMBER: Final = re.compile(
    r"\s*\{\{-?\s*value_json(?:\.(\w{1,64})|\[['\"](\w{1,64})['\"]\])\s*-?\}\}\s*", re.ASCII
)
LONG: Final = {  # Home Assistant's abbreviation of each
    "state_topic": "stat_t",
    "value_template": "val_tpl",
    "payload_on": "pl_on",
    "payload_off": "pl_off",
    "payload_home": "pl_home",
    "payload_not_home": "pl_not_home",
    "json_attributes_topic": "json_attr_t",
    "availability": "avty",
    "availability_topic": "avty_t",
    "topic": "t",
}


@dataclass(frozen=True, slots=True)
class Found:
    """Where a device says what: its state on `topic`, in `member` of a JSON message or as the whole of it.
    `places`: where a tracker tells its position. `gone`: topics of its availability.
    """

    topic: str
    member: str
    on: str
    off: str
    places: str = ""
    gone: tuple[str, ...] = ()

    @property
    def topics(self) -> tuple[str, ...]:
        """All that is to be heard of it."""
        return tuple(topic for topic in (self.topic, self.places, *self.gone) if topic)


def is_discovery(topic: str) -> bool:
    """Whether a topic is one on which a device is told, and not its state."""
    return topic.endswith("/config")


def read_discovery(payload: bytes) -> Found | None:
    """The device that a message tells of; None for none, or one that is not understood here."""
    body = _object(payload)
    if body is None:
        return None
    base = body.get("~")
    state, places = (_topic(_of(body, name), base) for name in ("state_topic", "json_attributes_topic"))
    template = _of(body, "value_template")
    member = MEMBER.fullmatch(template) if isinstance(template, str) else None
    if not (state or places) or (template is not None and member is None):
        return None
    on = _of(body, "payload_on", _of(body, "payload_home", "ON" if not places else "home"))
    off = _of(body, "payload_off", _of(body, "payload_not_home", "OFF" if not places else "not_home"))
    listed = _of(body, "availability", [])
    rows = listed if isinstance(listed, list) else [listed]
    gone = [_of(row, "topic") for row in rows if isinstance(row, dict)] + [_of(body, "availability_topic")]
    known = [topic for name in gone if (topic := _topic(name, base))]
    name = (member[1] or member[2]) if member is not None else ""
    return Found(state, name, _said(on), _said(off), places, tuple(known[:MOST_TOPICS]))


def state_of(found: Found, payload: bytes) -> bool | None:
    """What a message on the device's topic says; None for neither on nor off."""
    try:
        said: Any = payload.decode().strip() if len(payload) <= MAX_BYTES else None
    except UnicodeDecodeError:
        return None
    if found.member:
        body = _object(payload)
        said = body.get(found.member) if body is not None else None
    return {found.off: False, found.on: True}.get(_said(said)) if said is not None else None


def _object(payload: bytes) -> dict[str, Any] | None:
    if len(payload) > MAX_BYTES:
        return None
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _of(body: dict[str, Any], name: str, default: Any = None) -> Any:
    return body.get(name, body.get(LONG[name], default))


def _topic(text: Any, base: Any) -> str:
    if not isinstance(text, str):
        return ""
    if isinstance(base, str) and text.startswith("~"):
        text = base + text[1:]
    elif isinstance(base, str) and text.endswith("~"):
        text = text[:-1] + base
    return text if TOPIC.fullmatch(text) else ""


def _said(value: Any) -> str:
    """As a template writes it: what JSON says as true is True."""
    return str(value) if isinstance(value, str | bool | int | float) else ""
