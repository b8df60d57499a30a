"""Families of modems as rows: how ATI names them, and what they need beside the common init."""

from __future__ import annotations

from typing import Final

import msgspec


class Family(msgspec.Struct, frozen=True):
    """`signs` are words of ATI's answer; `init` is sent after the common commands, errors of it are borne;
    `call_codes` makes the family tell of calls; `audio` opens a call's sound, `sound` says where it is then:
    on a serial port of the modem or on a USB sound card of its own; `tones` makes it tell of keys that the
    other side presses.

    `local_clock` asks for the time that the network has told, in local time with its zone; `gmt_clock` for
    the same in GMT, where a family knows both: then one proves the other. A family whose manual does not
    say which of the two +CCLK is has neither, and its clock is not read."""

    name: str
    signs: tuple[str, ...]
    init: tuple[str, ...] = ()
    call_codes: str = ""
    audio: str = ""
    sound: str = ""
    tones: str = ""
    local_clock: str = ""
    gmt_clock: str = ""


SERIAL: Final = "serial"  # 8 kHz, signed 16 bit
CARD: Final = "card"
_PCM: Final = "AT+CPCMREG=1"
_UAC: Final = "AT+QPCMV=1,2"
_URC: Final = ('AT+QURCCFG="urcport","usbat"',)
_Q: Final = "AT+QTONEDET=1"
_CCLK: Final = "AT+CCLK?"  # local time on SIMCom's, once AT+CTZU=1 was sent
_LOCAL, _GMT = "AT+QLTS=2", "AT+QLTS=1"  # Quectel's; its +CCLK is GMT or local, as +CTZU was set
GENERIC: Final = Family("generic", ())
FAMILIES: Final = (  # the first whose sign is found: EC200 stands before EC20
    Family(
        *("simcom7600", ("SIM7600", "SIMCOM_SIM7600"), (), "AT+CLCC=1", _PCM, SERIAL, "AT+DDET=1"),
        local_clock=_CCLK,
    ),
    Family("a7670", ("A7670", "A7672"), (), "AT+CLCC=1", tones="AT+DDET=1", local_clock=_CCLK),
    Family("ec200", ("EC200",), _URC, "AT^DSCI=1", tones=_Q, local_clock=_LOCAL, gmt_clock=_GMT),
    Family("ec25", ("EC25", "EC20"), _URC, "AT^DSCI=1", _UAC, CARD, _Q, _LOCAL, _GMT),
    Family("eg91", ("EG91",), _URC, "AT^DSCI=1", _UAC, CARD, _Q, _LOCAL, _GMT),
    GENERIC,
)

# CNMI in the order of preference: stored and told of, reports too; a family takes the first that it knows.
CNMI: Final = ("2,1,2,1,0", "2,1,2,2,0", "2,1,2,0,0")
STORES: Final = ("ME", "SM")


def family_of(identity: str) -> Family:
    """The family that an answer to ATI names; the generic one where it names none that is known."""
    words = identity.upper()
    for family in FAMILIES:
        if any(sign in words for sign in family.signs):
            return family
    return GENERIC
