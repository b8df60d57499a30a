"""Families of modems as rows: how ATI names them, and what they need beside the common init."""

from __future__ import annotations

from typing import Final

import msgspec


class Family(msgspec.Struct, frozen=True):
    """`signs` are words of ATI's answer; `init` is sent after the common commands, errors of it are borne;
    `call_codes` makes the family tell of calls; `audio` opens a call's sound, `sound` says where it is then:
    on a serial port of the modem or on a USB sound card of its own; `tones` makes it tell of keys that the
    other side presses."""

    name: str
    signs: tuple[str, ...]
    init: tuple[str, ...] = ()
    call_codes: str = ""
    audio: str = ""
    sound: str = ""
    tones: str = ""


SERIAL: Final = "serial"  # 8 kHz, signed 16 bit
CARD: Final = "card"
_PCM: Final = "AT+CPCMREG=1"
_UAC: Final = "AT+QPCMV=1,2"
_Q: Final = "AT+QTONEDET=1"
GENERIC: Final = Family("generic", ())
FAMILIES: Final = (  # the first whose sign is found: EC200 stands before EC20
    Family("simcom7600", ("SIM7600", "SIMCOM_SIM7600"), (), "AT+CLCC=1", _PCM, SERIAL, "AT+DDET=1"),
    Family("a7670", ("A7670", "A7672"), (), "AT+CLCC=1", tones="AT+DDET=1"),
    Family("ec200", ("EC200",), ('AT+QURCCFG="urcport","usbat"',), "AT^DSCI=1", tones=_Q),
    Family(
        "ec25", ("EC25", "EC20"), ('AT+QURCCFG="urcport","usbat"',), "AT^DSCI=1", "AT+QPCMV=1,2", CARD, _Q
    ),
    Family("eg91", ("EG91",), ('AT+QURCCFG="urcport","usbat"',), "AT^DSCI=1", _UAC, CARD, _Q),
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
