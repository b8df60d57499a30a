"""The seed as the hub starts with it: the file, or the copy of the last good one when the file is damaged.

A power loss while an installer saves, or a mistake, must not leave a home without its hub: every start with a
good seed keeps a copy beside it, and a start with a bad one uses that copy, says so and goes on.
"""

from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path

from edge.config import Config, load
from edge.credentials import Credentials
from edge.stores.files import write_durably
from protocols.errors import AnbanError

log = logging.getLogger(__name__)


def load_or_last(path: Path) -> tuple[Config, str]:
    """The seed at `path` and ""; or the last good one, and what is wrong with the file.

    AnbanError(BAD_CONFIG), of the file at `path`, if there never was a good one.
    """
    try:
        config = load(path)
    except AnbanError as error:
        try:
            config = load(_copy_of(path))
        except AnbanError:
            raise error from None
        log.error("%s; going on with the last good seed, %s", error, _copy_of(path))
        return config, error.sentence
    threading.Thread(target=keep, args=(path,), name="keep seed", daemon=True).start()  # the disk may hang
    return config, ""


def lacks(config: Config, credentials: Credentials) -> list[str]:
    """What a good seed still needs on this machine, as sentences; a hub runs without it, and does less."""
    found = []
    if not Path(config.platform.ca_file).is_file():
        found.append(f"platform.ca_file: there is no {config.platform.ca_file}; nothing goes by HTTPS")
    if credentials.hub_id != config.hub.id:
        found.append(f"hub.id: the credentials are those of {credentials.hub_id!r}, not of {config.hub.id!r}")
    for pendant in config.pendants:
        if pendant.id not in credentials.pendants:
            found.append(f"pendants: the credentials have no keys of {pendant.id}; it will not be heard")
    for sensor in config.sensors:
        if sensor.address and sensor.id not in credentials.sensors and not sensor.plain:
            found.append(f"sensors: the credentials have no key of {sensor.id}; it will not be heard")
    for stove in (sensor for sensor in config.sensors if sensor.role == "stove"):
        if not any((s.role, s.room, s.elder) == ("motion", stove.room, stove.elder) for s in config.sensors):
            found.append(f"sensors: no motion sensor sees the room of {stove.id}; the rule stove has no eyes")
    if config.mqtt is not None and config.mqtt.user is not None and credentials.mqtt_password is None:
        found.append("mqtt: the credentials have no mqtt_password; the broker may refuse")
    for elder in config.elders:
        if elder.not_taken == "backup":  # as main.py builds Care: backup_reachable is never true yet
            found.append(f"elders.not_taken: no way to a back-up contact of {elder.id} yet; becomes an SOS")
    if config.modem is not None:
        if credentials.sms is None:
            found.append("modem: the credentials have no keys for texts; nothing goes by SMS")
        if not Path(config.modem.port).exists():
            found.append(f"modem.port: there is no {config.modem.port}; look into /dev/serial/by-path")
    if config.sip is not None:
        if credentials.sip is None:
            found.append("sip: the credentials have no password for it; the provider will refuse this hub")
        if shutil.which("baresip") is None:
            found.append("sip: there is no baresip (apt install baresip-core); nobody is rung by SIP")
    modem, sip = config.modem, config.sip
    joins = modem is not None and (modem.sound_port or modem.sound_card)
    if (joins or (sip is not None and not (sip.microphone and sip.speaker))) and not shutil.which(
        "pulseaudio"
    ):
        found.append("audio: there is no pulseaudio; nobody on the phone hears the room, or is heard in it")
    if shutil.which(config.audio.player[0]) is None:
        found.append(f"audio.player: there is no {config.audio.player[0]}; the hub is mute")
    if not (Path(config.audio.phrases_dir) / config.home.language).is_dir():
        found.append(
            f"audio.phrases_dir: {config.audio.phrases_dir} has no phrases in {config.home.language!r}"
        )
    folder = Path(config.audio.phrases_dir) / config.home.language
    if len(config.elders) > 1 and any(meter.elder is None for meter in config.meters):
        unnamed = [e.id for e in config.elders if not (folder / f"person-{e.id}.wav").is_file()]
        found += [
            f"elders: no person-{name}.wav in {folder}; nobody asks whether a reading is theirs"
            for name in unnamed
        ]
    return found


def _copy_of(path: Path) -> Path:
    return path.with_name(path.name + ".good")


def keep(path: Path) -> None:
    """Keep a copy of a good seed, durably and only if it changed. A folder that cannot be written costs the
    copy and no more.
    """
    copy = _copy_of(path)
    try:
        seed = path.read_bytes()
        if not copy.exists() or copy.read_bytes() != seed:
            write_durably(copy, seed)
    except OSError as error:
        log.warning("no copy of the seed is kept: %s", error)
