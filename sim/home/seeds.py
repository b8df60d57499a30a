"""The seed of one hub of the home, as TOML: JSON strings are TOML strings, which spares us a writer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge.phrases.record import record_name
from edge.plan import DEFAULT
from sim.home.meters import meter_address
from sim.home.sensors import sensor_address
from sim.home.setup import PLATFORM_NUMBER, TEST_NUMBER, Setup

if TYPE_CHECKING:
    from sim.home.hubs import HubRig
    from sim.home.pendants import PendantRig

ROOT = Path(__file__).resolve().parents[2]


def hub_toml(
    rig: HubRig,
    home: Setup,
    pendants: Mapping[str, PendantRig],
    *,
    coap_port: int,
    https_port: int,
    ca_file: str,
) -> str:
    """The whole seed."""
    platform = _pairs(
        coap_uri=f"coap://127.0.0.1:{coap_port}",
        https_url=f"https://127.0.0.1:{https_port}",
        ca_file=ca_file,
    )
    lines = [
        *_itself(rig),
        *("[home]", *_pairs(language=home.language)),
        *("[platform]", *platform),
        *_settings(rig, home),
        *_telephones(rig, home),
        *_people(rig, home),
        *_devices(home, pendants.values()),
    ]
    for rule, values in home.care.items():
        lines += [f"[care.{rule}]", *_pairs(**values)] if isinstance(values, dict) else []
    return "\n".join(lines) + "\n"


def _itself(rig: HubRig) -> Iterator[str]:
    here = rig.directory
    yield "[hub]"
    yield from _pairs(id=rig.setup.id, room="living", elder=rig.setup.elder)
    yield from _pairs(data_dir=str(here / "data"), runtime_dir=str(here / "run"))
    yield from _pairs(credentials_file=str(here / "credentials.json"))


def _settings(rig: HubRig, home: Setup) -> Iterator[str]:
    if home.named:
        yield "[audio]"
        yield from _pairs(phrases_dir=str(recorded_names(rig.directory / "phrases", home)))
    yield "[timing]"
    yield from _pairs(**home.timing)
    yield "[care]"
    yield from _pairs(**{key: value for key, value in home.care.items() if not isinstance(value, dict)})


def _telephones(rig: HubRig, home: Setup) -> Iterator[str]:
    if home.modems:
        yield "[modem]"
        yield f"platform_numbers = [{json.dumps(PLATFORM_NUMBER)}]"
        yield from _pairs(port=str(rig.modem_port), number=home.number_of(rig.setup.id), place="3-2-501")
        yield from _pairs(voice_port=f"{rig.modem_port}-voice", test_number=TEST_NUMBER, weekly_test=False)
        yield from _pairs(texts_a_day=home.texts_a_day, calls_a_day=home.calls_a_day)
    for row in DEFAULT.sos if home.rings_ms else ():
        rung = {"offsets_ms": home.rings_ms} if row.path == "voice" else {}
        yield "[[plan.sos]]"
        yield from _pairs(**msgspec.to_builtins(msgspec.structs.replace(row, **rung)))
    if rig.sip is not None:
        yield from rig.sip.section(rig.setup.id)


def _people(rig: HubRig, home: Setup) -> Iterator[str]:
    for relative in home.family if home.modems or home.sip else ():
        yield "[[contacts]]"
        yield from _pairs(id=relative.id, number=relative.number, text=relative.text)
        if rig.sip is not None:
            yield from _pairs(sip=rig.sip.address(relative.id))
    for elder in home.elders:
        yield "[[elders]]"
        name = getattr(elder, home.language)
        yield from _pairs(id=elder.id, name=name, not_taken=home.not_taken, **home.service)


def _devices(home: Setup, pendants: Iterable[PendantRig]) -> Iterator[str]:
    for pendant in pendants:
        setup = pendant.setup
        yield "[[pendants]]"
        yield from _pairs(id=setup.id, address=pendant.address, elder=setup.elder)
        yield from _pairs(room="bedroom", preset=setup.preset)
    for number, meter in enumerate(home.meters, 1):
        owner: dict[str, str | bool] = {"elder": meter.elder} if meter.elder else {}
        owner |= {"bond": True} if "bond" in meter.manners else {}
        yield "[[meters]]"
        yield from _pairs(id=meter.id, address=meter_address(number), profile=meter.kind)
        yield from _pairs(room=meter.room, **owner)
        if meter.users:
            yield "[meters.users]"
            yield from _pairs(**meter.users)
    for number, sensor in enumerate(home.sensors, 1):
        yield "[[sensors]]"
        yield from _pairs(id=sensor.id, address=sensor_address(number), role=sensor.role)
        yield from _pairs(room=sensor.room, elder=sensor.elder, silent_s=sensor.silent_s)


def recorded_names(folder: Path, home: Setup) -> Path:
    """The phrases, and everybody's name beside them."""
    for path in (ROOT / "build" / "phrases").rglob("*.wav"):
        link = folder / path.relative_to(ROOT / "build" / "phrases")
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(path)
    for elder in home.elders:
        record_name(elder.id, getattr(elder, home.language), home.language, folder)
    return folder


def _pairs(**values: str | int | float) -> list[str]:
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
