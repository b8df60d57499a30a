"""The hub's seed and its settings: TOML documents, validated whole, as typed values.

The seed is what an installer leaves in a file: who this hub is, its wiring, its people and pendants, and the
first settings. Settings are what may be changed from afar, tried and taken back (`edge/configuration.py`):
whole documents of their own. People, pairings and keys are never part of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from drivers.ble.profiles import ADVERTS, PROFILES, QUIRKS
from edge.care.settings import CARE, CareSection
from edge.config_between import between, between_settings
from edge.config_phones import (
    AlsaDevice,
    ModemSection,
    Phone,
    Phones,
    Place,
    PlainPath,
    SipAddress,
    SipSection,
    Sounding,
    SoundModule,
    Words,
)
from edge.document import inline, read
from edge.plan import DEFAULT, Plan
from edge.prompts import Prompt, Quiet
from protocols.errors import AnbanError, Reason

SCHEMA: Final = 1  # of a settings document
MAX_BYTES: Final = 8192  # of a settings document: a whole plan of one's own has about 2,000

Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,16}$")]
Address = Annotated[str, msgspec.Meta(pattern="^([0-9A-F]{2}:){5}[0-9A-F]{2}$")]
Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]  # BCM numbers of the 40-pin header
Minutes = Annotated[int, msgspec.Meta(ge=0, le=24 * 60)]
Command = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
CoapUri = Annotated[str, msgspec.Meta(pattern=r"^coap://[^/\s]+$")]
Interface = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_.-]{0,15}$")]
HttpsUrl = Annotated[str, msgspec.Meta(pattern=r"^https://[^/\s]+$")]
# A plain name: nothing is a pattern.
Topic = Annotated[str, msgspec.Meta(pattern=r"^[^#+\x00-\x1f\s]{1,128}$")]
Profile = Annotated[str, msgspec.Meta(pattern=f"^({'|'.join((*PROFILES, *ADVERTS))})$")]
QuirkName = Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(QUIRKS)})$")]
UserNumber = Annotated[str, msgspec.Meta(pattern="^(0|[1-9][0-9]{0,2})$")]  # a key of TOML is a text


class HubSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This hub: its id, the room it stands in, the elder its own keys call for, where it keeps its files."""

    id: Name
    room: Name
    elder: Name
    data_dir: str = "/var/lib/anban"
    runtime_dir: str = "/run/anban"
    credentials_file: str = "/etc/anban/credentials.json"


class HomeSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the home speaks, and its time zone."""

    language: Literal["zh", "en"] = "zh"
    utc_offset_minutes: Annotated[int, msgspec.Meta(ge=-720, le=840)] = 480  # of service hours: China


class PlatformSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the platform is. `ca_file` pins its certificate authority: no other is accepted.

    The interfaces keep a way to one line of the home ("wwan0": the modem's), so that no cut takes both.
    """

    coap_uri: CoapUri
    https_url: HttpsUrl
    ca_file: str
    coap_interface: Interface = ""  # any
    https_interface: Interface = ""


class PinsSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """BCM pin numbers. The keys close to ground; the lamp's pins drive one colour each."""

    red: Pin = 17
    green: Pin = 27
    lamp_red: Pin = 22
    lamp_green: Pin = 23
    lamp_amber: Pin = 24
    mains: Pin | None = None  # high while there is mains: of a supply that the kernel has no driver for


class AudioSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The player (a command that takes a WAV file as its last argument) and the recorded phrases; the ALSA
    devices of the room while a phone line is open."""

    player: Command = ("aplay", "-q")
    phrases_dir: str = "/usr/share/anban/phrases"
    microphone: AlsaDevice = "default"
    speaker: AlsaDevice = "default"


class ContactSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A relative or neighbour: told by text of every SOS, of those that nobody answers in time, or never; and
    rung, in the order of the seed. `elders`: of whose calls; empty for everybody's.
    """

    id: Name
    number: Phone
    text: Literal["always", "late", "never"] = "late"
    voice: bool = True
    language: Literal["zh", "en"] | None = None
    elders: tuple[Name, ...] = ()
    sip: SipAddress | None = None  # else the number at the account's own domain


class MqttSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker of the home's other radios. What it says is believed: it stands on this machine, or on a
    network that only the home's own devices can reach. The password stands in the credentials.
    """

    host: Annotated[str, msgspec.Meta(pattern=r"^[^\s/]{1,64}$")] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 1883
    user: Words | None = None


class ElderSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person of this home, and what becomes of an assistance that nobody has taken in time."""

    id: Name
    service_from_minute: Minutes = 8 * 60  # minutes after local midnight
    service_to_minute: Minutes = 20 * 60
    not_taken: Literal["sos", "backup"] = "sos"
    name: Words = ""  # in texts alone: the platform has its own register


class PendantSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pendant: whose, with which address. Its keys stand in the credentials, never here."""

    id: Name
    address: Address
    elder: Name
    room: Name
    preset: Literal["one-meaning", "two-meanings"] = "one-meaning"


class MeterSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A health meter: what it measures, where it lies, and whose its readings are.

    `elder`: all of them; `users`: by the meter's own number of who measured. A reading that neither names is
    nobody's, and is shown so.
    """

    id: Name
    address: Address
    profile: Profile
    room: Name
    elder: Name | None = None
    users: dict[UserNumber, Name] = {}
    quirk: QuirkName | None = None
    bond: bool = False


class SensorSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sensor: what it stands for, where, and whose call it raises. By `address` it is a BTHome sensor,
    whose key stands in the credentials, unless it is `plain`: then anybody on the air can raise it. By
    `topic` it is one of the home's MQTT broker; `availability` is the topic on which that tells that the
    device is gone. A tag that is worn is at home while it is heard at `least_dbm` or louder; of a tracker,
    `latitude` and `longitude` are those of the home.
    """

    id: Name
    address: Address | None = None
    topic: Topic | None = None
    availability: Topic | None = None
    role: Literal[
        "smoke", "gas", "water", "pull_cord", "bed", "motion", "door", "stove", "well", "tag", "tracker"
    ]
    room: Name
    elder: Name
    plain: bool = False
    silent_s: Annotated[float, msgspec.Meta(ge=1, le=7 * 86_400)] = 4 * 3600.0  # most say something hourly
    least_dbm: Annotated[int, msgspec.Meta(ge=-120, le=0)] = -95  # of a tag: what is fainter is not at home
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None


class TimingSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deadlines that an organisation may shorten, in seconds; the defaults are the reviewed ones."""

    help_s: Annotated[float, msgspec.Meta(gt=0, le=90)] = 90.0  # delivered and not taken
    assist_help_s: Annotated[float, msgspec.Meta(gt=0, le=180)] = 180.0
    assist_ask_s: Annotated[float, msgspec.Meta(gt=0, le=40)] = 40.0  # three questions in two minutes
    rereport_s: Annotated[float, msgspec.Meta(gt=0, le=900)] = 900.0  # taken and not arrived
    heartbeat_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 60.0
    platform_silent_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 300.0


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be proposed: one document, active as a whole or not at all."""

    platform: PlatformSection
    home: HomeSection = HomeSection()
    timing: TimingSection = TimingSection()
    plan: Plan = DEFAULT
    care: CareSection = CARE
    quiet: Quiet = Quiet()
    prompts: tuple[Prompt, ...] = ()


class Config(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of a seed: the settings, and what only an installer changes."""

    hub: HubSection
    pins: PinsSection = PinsSection()
    audio: AudioSection = AudioSection()
    modem: ModemSection | None = None
    sip: SipSection | None = None
    mqtt: MqttSection | None = None
    contacts: tuple[ContactSection, ...] = ()
    elders: tuple[ElderSection, ...]
    pendants: tuple[PendantSection, ...] = ()
    meters: tuple[MeterSection, ...] = ()
    sensors: tuple[SensorSection, ...] = ()

    @property
    def settings(self) -> Settings:
        """The part that may be proposed."""
        return Settings(**{name: getattr(self, name) for name in Settings.__struct_fields__})

    def having(self, settings: Settings) -> Config:
        """This seed with other settings."""
        return msgspec.structs.replace(self, **msgspec.structs.asdict(settings))


_ALLOWED = {
    Name: "1 to 16 of a-z, 0-9 and -",
    Topic: "a topic such as zigbee2mqtt/bed, without + and #",
    Address: "an address such as F0:F1:F2:F3:F4:F5, in capitals",
    Pin: "a BCM pin, 0 to 27",
    Minutes: "minutes after midnight, 0 to 1440",
    CoapUri: "coap:// and a name, such as coap://care.example:5683 (OSCORE protects what goes there)",
    Phones: "a list of one or two numbers such as +8613800138000",
    Interface: "the name of a network interface such as wwan0, or nothing",
    Words: "a text in quotes of at most 64 characters",
    Place: "an interface such as eth0, or an address of this machine",
    PlainPath: "a path from / on, without blanks",
    AlsaDevice: "an ALSA device such as default or plughw:CARD=Device",
    SipAddress: "an address such as sip:name@care.example",
    Sounding: "a module of baresip and a device, such as alsa,default",
    SoundModule: "a module of baresip, such as alsa",
    Phone: "a number such as +8613800138000, the country first",
    HttpsUrl: "https:// and a name, such as https://care.example, and no path",
    Command: "a list of texts, the program first",
    Profile: f"one of {', '.join(PROFILES)}",
    QuirkName: f"one of {', '.join(QUIRKS)}",
    dict[UserNumber, Name]: 'numbers of the meter and elders, such as { 1 = "e-chen" }',
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
}


def load(path: Path) -> Config:
    """Read and validate the seed at `path`. AnbanError(BAD_CONFIG) names every wrong key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AnbanError(
            Reason.BAD_CONFIG, f"{path} cannot be read: {error}", "Check the path and the file's rights."
        ) from error
    return parse(text)


def parse(text: str) -> Config:
    """Validate a seed as a whole; see `load`."""
    return read(text, Config, _ALLOWED, between)


def parse_settings(text: str) -> Settings:
    """Validate a settings document as a whole. AnbanError: BAD_CONFIG names every wrong key, or TOO_BIG."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise AnbanError(
            Reason.TOO_BIG, f"a settings document has at most {MAX_BYTES} bytes", "Leave out what is default."
        )
    return read(text, Settings, _ALLOWED, between_settings)


def render(settings: Settings) -> str:
    """The document of these settings, always the same text for the same values; `parse_settings` reads it."""
    document = msgspec.to_builtins(settings)
    prompts = document.pop("prompts")  # a list: it stands before the first table
    lines = [f"prompts = {inline(prompts)}"] if prompts else []
    for section, value in document.items():
        if (section, getattr(settings, section)) in (("plan", DEFAULT), ("care", CARE), ("quiet", Quiet())):
            continue
        lines += [f"[{section}]", *(f"{key} = {inline(item)}" for key, item in value.items())]
    return "\n".join(lines) + "\n"
