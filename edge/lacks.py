"""What a good seed still needs: credentials, files and programs of this machine, devices of the home."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from edge.config import Config
from edge.credentials import Credentials


def lacks(config: Config, credentials: Credentials) -> list[str]:
    """What is missing on this machine, as sentences; a hub runs without it, and does less."""
    return [
        *_of_credentials(config, credentials),
        *_of_home(config),
        *_of_machine(config),
        *_of_sound(config),
    ]


def _of_credentials(config: Config, credentials: Credentials) -> Iterator[str]:
    if credentials.hub_id != config.hub.id:
        yield f"hub.id: the credentials are those of {credentials.hub_id!r}, not of {config.hub.id!r}"
    for pendant in config.pendants:
        if pendant.id not in credentials.pendants:
            yield f"pendants: the credentials have no keys of {pendant.id}; it will not be heard"
    for sensor in config.sensors:
        if sensor.address and sensor.id not in credentials.sensors and not sensor.plain:
            yield f"sensors: the credentials have no key of {sensor.id}; it will not be heard"
    if config.mqtt is not None and config.mqtt.user is not None and credentials.mqtt_password is None:
        yield "mqtt: the credentials have no mqtt_password; the broker may refuse"
    if config.modem is not None and credentials.sms is None:
        yield "modem: the credentials have no keys for texts; nothing goes by SMS"
    if config.sip is not None and credentials.sip is None:
        yield "sip: the credentials have no password for it; the provider will refuse this hub"


def _of_home(config: Config) -> Iterator[str]:
    for stove in (sensor for sensor in config.sensors if sensor.role == "stove"):
        if not any((s.role, s.room, s.elder) == ("motion", stove.room, stove.elder) for s in config.sensors):
            yield f"sensors: no motion sensor sees the room of {stove.id}; the rule stove has no eyes"
    for elder in config.elders:
        if elder.not_taken == "backup":  # Care.backup_reachable is never true yet
            yield f"elders.not_taken: no way to a back-up contact of {elder.id} yet; becomes an SOS"


def _of_machine(config: Config) -> Iterator[str]:
    if not Path(config.platform.ca_file).is_file():
        yield f"platform.ca_file: there is no {config.platform.ca_file}; nothing goes by HTTPS"
    if config.modem is not None and not Path(config.modem.port).exists():
        yield f"modem.port: there is no {config.modem.port}; look into /dev/serial/by-path"
    if config.sip is not None and shutil.which("baresip") is None:
        yield "sip: there is no baresip (apt install baresip-core); nobody is rung by SIP"


def _of_sound(config: Config) -> Iterator[str]:
    modem, sip, audio = config.modem, config.sip, config.audio
    joins_modem = modem is not None and bool(modem.sound_port or modem.sound_card)
    joins_sip = sip is not None and not (sip.microphone and sip.speaker)
    if (joins_modem or joins_sip) and shutil.which("pulseaudio") is None:
        yield "audio: there is no pulseaudio; nobody on the phone hears the room, or is heard in it"
    if shutil.which(audio.player[0]) is None:
        yield f"audio.player: there is no {audio.player[0]}; the hub is mute"
    phrases = Path(audio.phrases_dir) / config.home.language
    if not phrases.is_dir():
        yield f"audio.phrases_dir: {audio.phrases_dir} has no phrases in {config.home.language!r}"
    if len(config.elders) > 1 and any(meter.elder is None for meter in config.meters):
        for name in (f"person-{elder.id}.wav" for elder in config.elders):
            if not (phrases / name).is_file():
                yield f"elders: no {name} in {phrases}; nobody asks whether a reading is theirs"
