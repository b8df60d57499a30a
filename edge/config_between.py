"""What is wrong between the keys of a seed, or of its settings, that are each allowed: sentences, pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from edge.plan import problems
from edge.prompts import plan_of
from protocols.errors import AnbanError

if TYPE_CHECKING:
    from edge.config import Config, SensorSection, Settings


def between_settings(settings: Settings) -> list[str]:
    """What is wrong with settings by themselves."""
    errors = list(problems(settings.plan))
    for i, prompt in enumerate(settings.prompts):
        try:
            plan_of(prompt)
        except AnbanError as error:
            errors.append(f"prompts[{i}]: {error.sentence}; {error.remedy}")
    errors += _doubled("prompts.id", [prompt.id for prompt in settings.prompts])
    for key in ("coap_uri", "https_url"):
        address = getattr(settings.platform, key)
        try:
            parts = urlsplit(address)
            good = bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            errors.append(f"platform.{key} = {address!r}: allowed is an address with a name and a port")
    return errors


def between(config: Config) -> list[str]:
    """What is wrong with a whole seed: settings, sensors, people who are not there, what is doubled."""
    errors = between_settings(config)
    for i, sensor in enumerate(config.sensors):
        if sensor.topic is not None and config.mqtt is None:
            errors.append(f"sensors[{i}].topic: there is no [mqtt] to hear it from")
        errors += [f"sensors[{i}]{problem}" for problem in _of_sensor(sensor)]
    elders = [elder.id for elder in config.elders]
    for owner, elder in _owners(config):
        if elder not in elders:
            errors.append(f"{owner} = {elder!r}: allowed is one of the elders, {', '.join(elders)}")
    if config.contacts and config.modem is None and config.sip is None:
        errors.append("contacts: texts and calls need a [modem], calls a [sip]")
    for what, values in _unlike(config):
        errors += _doubled(what, values)
    return errors


def _of_sensor(sensor: SensorSection) -> Iterator[str]:
    if (sensor.address is None) is (sensor.topic is None):
        yield ": allowed is one of address and topic"
    if sensor.availability is not None and sensor.topic is None:
        yield ".availability: allowed is one beside a topic"
    places = (sensor.latitude, sensor.longitude)
    if sensor.role != "tracker":
        if any(place is not None for place in places):
            yield ": latitude and longitude are allowed of a tracker"
    elif sensor.topic is None:
        yield ": a tracker is heard by topic"
    elif None in places:
        yield ": latitude and longitude of the home are missing"


def _owners(config: Config) -> Iterator[tuple[str, str]]:
    """(key, the elder whom it names), of each key that names one."""
    yield "hub.elder", config.hub.elder
    for i, pendant in enumerate(config.pendants):
        yield f"pendants[{i}].elder", pendant.elder
    for i, meter in enumerate(config.meters):
        if meter.elder is not None:
            yield f"meters[{i}].elder", meter.elder
        for user, elder in meter.users.items():
            yield f"meters[{i}].users.{user}", elder
    for i, sensor in enumerate(config.sensors):
        yield f"sensors[{i}].elder", sensor.elder
    for person in config.care.people:
        yield "care.people", person
    for i, prompt in enumerate(config.prompts):
        yield f"prompts[{i}].elder", prompt.elder
    for i, contact in enumerate(config.contacts):
        for elder in contact.elders:
            yield f"contacts[{i}].elders", elder


def _unlike(config: Config) -> Iterator[tuple[str, Sequence[object]]]:
    """(what, values of which no two may be the same): a name or address stands for one thing alone."""
    pendants, meters, sensors = config.pendants, config.meters, config.sensors
    yield "elders.id", [elder.id for elder in config.elders]
    yield "contacts.id", [contact.id for contact in config.contacts]
    yield "contacts.number", [contact.number for contact in config.contacts]
    yield "pendants.id", [pendant.id for pendant in pendants]
    yield "pendants.address", [pendant.address for pendant in pendants]
    yield "meters.id", [config.hub.id, *(p.id for p in pendants), *(m.id for m in meters)]
    yield "meters.address", [*(p.address for p in pendants), *(m.address for m in meters)]
    yield "sensors.id", [*(m.id for m in meters), *(s.id for s in sensors)]
    heard = [sensor.address for sensor in sensors if sensor.address is not None]
    yield "sensors.address", [*(m.address for m in meters), *heard]
    yield "sensors.topic", [sensor.topic for sensor in sensors if sensor.topic is not None]
    yield "pins", msgspec.structs.astuple(config.pins)


def _doubled(what: str, values: Sequence[object]) -> list[str]:
    doubled = sorted({str(value) for value in values if values.count(value) > 1})
    return [f"{what}: {', '.join(doubled)} stands there twice; allowed is once"] if doubled else []
