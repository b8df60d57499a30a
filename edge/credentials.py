"""The hub's secrets as provisioning left them: one JSON file of mode 0600, read once, never logged."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated

import msgspec

from protocols.errors import AnbanError, Reason

Hex16 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
# No sign with which baresip ends or quotes a value (drivers/sip/program.py)
SipWord = Annotated[str, msgspec.Meta(pattern=r"""^[!#-&(-+\--:=?-\[\]-~]{1,128}$""")]
UserNumber = Annotated[int, msgspec.Meta(ge=0, le=254)]
ConsentCode = Annotated[int, msgspec.Meta(ge=0, le=9999)]
Hex = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{2})*$")]


class OscoreKeys(msgspec.Struct, frozen=True, kw_only=True):
    """One provisioned OSCORE context (RFC 8613 3.1), in hexadecimal."""

    name: str  # "sos", "main", "spare-sos", "spare-main"
    sender_id: Hex
    recipient_id: Hex
    master_secret: Hex
    master_salt: Hex
    id_context: Hex | None = None

    def __repr__(self) -> str:
        return f"OscoreKeys({self.name})"


class PendantKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What this hub needs of a pendant: never its root key. 16 bytes each, in hexadecimal."""

    advert_key: Hex16
    link_key: Hex16

    def __repr__(self) -> str:
        return "PendantKeys()"


class SmsKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What proves texts: the home's name in them, and a key for each direction, in hexadecimal; and the PIN
    of the modem's SIM, where it asks for one."""

    home: Annotated[str, msgspec.Meta(pattern="^[A-Z2-7]{4}$")]
    up_key: Hex16
    down_key: Hex16
    card_pin: Annotated[str, msgspec.Meta(pattern="^[0-9]{4,8}$")] | None = None

    def __repr__(self) -> str:
        return "SmsKeys()"


class SipKeys(msgspec.Struct, frozen=True, kw_only=True):
    """With which name and password the account of SIP is registered."""

    user: SipWord
    password: SipWord

    def __repr__(self) -> str:
        return "SipKeys()"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """All secrets of one hub."""

    hub_id: str
    https_token: str
    oscore: tuple[OscoreKeys, ...]
    pendants: dict[str, PendantKeys] = {}
    sms: SmsKeys | None = None
    sip: SipKeys | None = None
    sensors: dict[str, Hex16] = {}  # BTHome bind keys
    mqtt_password: str | None = None
    # By meter and its number of the user: the code for that person's own data (User Data Service)
    consents: dict[str, dict[UserNumber, ConsentCode]] = {}

    def __repr__(self) -> str:
        return f"Credentials({self.hub_id})"


def load(path: Path) -> Credentials:
    """Read `path`. AnbanError(BAD_CREDENTIALS) if others may read it, or it is something else."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        raw = path.read_bytes()
    except OSError as error:
        raise AnbanError(
            Reason.BAD_CREDENTIALS,
            f"{path} cannot be read: {error.strerror}",
            "Provision this hub, or give its service the right to read the file.",
        ) from error
    if mode & 0o077:
        raise AnbanError(
            Reason.BAD_CREDENTIALS,
            f"{path} has mode {mode:04o}: others on this machine may read it",
            f"chmod 600 {path}",
        )
    try:
        return msgspec.json.decode(raw, type=Credentials)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError):
        # The decoder's own words may quote the secret that it did not like.
        raise AnbanError(
            Reason.BAD_CREDENTIALS, f"{path} is not a credentials file", "Provision this hub again."
        ) from None
