"""What a seed says of the home's telephones: the modem, the account of SIP, and what their values may be."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Phone = Annotated[str, msgspec.Meta(pattern=r"^\+[0-9]{6,15}$")]
Phones = Annotated[tuple[Phone, ...], msgspec.Meta(min_length=1, max_length=2)]
SipAddress = Annotated[
    str,
    msgspec.Meta(pattern=r"^sips?:[A-Za-z0-9+._~-]{1,64}@[A-Za-z0-9.-]{1,128}(:[0-9]{1,5})?$"),
]
AlsaDevice = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_:,=.-]{1,64}$")]
Sounding = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,16},[^\s,;]{1,200}$")]
SoundModule = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,16}$")]
Place = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{0,32}$")]
PlainPath = Annotated[str, msgspec.Meta(pattern=r"^/[^\s;]{1,200}$")]
Words = Annotated[str, msgspec.Meta(max_length=64)]


class ModemSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cellular modem: its AT port, by a path that stays (/dev/serial/by-path/...), and whom it texts.

    `number` is its own, to be called back; `place` is what a text says of where the home is.
    """

    port: str
    platform_numbers: Phones
    number: Phone | None = None
    place: Words = ""
    texts_a_day: Annotated[int, msgspec.Meta(ge=10, le=500)] = 100  # more gets a SIM blocked
    voice_port: str | None = None  # a second AT port of it: a text that hangs must not hold up a call
    calls_a_day: Annotated[int, msgspec.Meta(ge=10, le=200)] = 60
    sound_port: str | None = None  # of a call, where the family brings it on a serial port (SIM7600)
    sound_card: AlsaDevice | None = None  # where it brings it on a sound card of its own (EC25, EG91)
    test_number: Phone | None = None  # is rung once a week, to prove that it can be
    seat_number: Phone | None = None  # is rung when the platform asks to talk; else the first of its numbers
    weekly_test: bool = True  # of every way; each costs a text to each of the platform's numbers


class SipSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account at a SIP provider, by which contacts are rung too, through Debian's baresip. Its password
    stands in the credentials. Its sound is that of [audio], with echo control, unless `microphone` and
    `speaker` name a "module,device" of baresip's and `modules` what it loads for them; `test_address` is rung
    once a week.
    """

    address: SipAddress
    transport: Literal["udp", "tcp", "tls"] = "udp"
    ca_file: PlainPath = "/etc/ssl/certs/ca-certificates.crt"
    interface: Place = ""  # of the home's line; empty: any
    microphone: Sounding | None = None
    speaker: Sounding | None = None
    modules: tuple[SoundModule, ...] = ("alsa",)
    calls_a_day: Annotated[int, msgspec.Meta(ge=10, le=200)] = 60
    test_address: SipAddress | None = None
    weekly_test: bool = True
