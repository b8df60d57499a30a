"""A modem's clock as its family shows it: what the network has told, or what it begins with."""

from __future__ import annotations

import datetime

from sim.modem.network import CellNetwork

SIMCOM = ("simcom7600", "a7670")
QUECTEL = ("ec25", "ec200", "eg91")
ASLEEP = {"simcom7600": "80/01/06,00:00:30+00", "a7670": "70/01/01,00:00:30+32"}
FIRST = "80/01/06,00:00:30"


def clock_lines(text: str, family: str, network: CellNetwork, told: bool) -> list[str]:
    """The answer to AT+CCLK? or AT+QLTS=n of a modem that was told the time, or was not.

    Quectel's +CCLK is GMT with the zone beside it (AT+CTZU=1), SIMCom's is local; who does not know +QLTS
    says ERROR.
    """
    if text == "AT+CCLK?":
        if not told:
            return [f'+CCLK: "{ASLEEP.get(family, FIRST)}"', "OK"]
        local = family in SIMCOM
        return [f'+CCLK: "{_written(network, "%y", local=local)}"', "OK"]
    if family not in QUECTEL or text not in ("AT+QLTS=1", "AT+QLTS=2"):
        return ["ERROR"]
    if not told:
        return ['+QLTS: ""', "OK"]
    return [f'+QLTS: "{_written(network, "%Y", local=text == "AT+QLTS=2")},0"', "OK"]


def _written(network: CellNetwork, year: str, *, local: bool) -> str:
    at_s = network.clock() + (network.zone * 900 if local else 0)
    at = datetime.datetime.fromtimestamp(at_s, datetime.UTC)
    return f"{at:{year}/%m/%d,%H:%M:%S}{network.zone:+03d}"
