"""Asks a modem for the time that its network has told it, as its family gives it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from drivers.modem.families import Family
from protocols.at_clock import Shown, shown

ASKED_S: Final = 15  # two answers, one after the other, from a modem that takes its time

Ask = Callable[[str, str], Awaitable[list[str]]]
"""(command, prefix) -> the lines of its answer; none where the modem does not know it, or is mute."""


class NetworkTime(msgspec.Struct, frozen=True):
    """`utc_s`: seconds of Unix time; `zone_s`: how far local time is ahead of it. `checked`: the modem has
    shown both, and they agree; else it has shown local time alone, and the zone is all there is."""

    utc_s: int
    zone_s: int
    checked: bool


class Mute(Exception):
    """The modem does not answer this: it is not asked again before it is opened anew."""


async def network_time(ask: Ask, family: Family) -> NetworkTime | None:
    """What the network has told the modem; None where it has not, or where the modem contradicts itself.

    Mute where the modem does not answer.
    """
    if not family.local_clock:
        return None
    gmt = await _shown(ask, family.gmt_clock) if family.gmt_clock else None
    if family.gmt_clock and gmt is None:
        return None
    local = await _shown(ask, family.local_clock)
    if local is None:
        return None
    utc_s = local.clock_s - local.zone_s
    if gmt is None:
        return NetworkTime(utc_s, local.zone_s, checked=False)
    agree = gmt.zone_s == local.zone_s and 0 <= utc_s - gmt.clock_s <= ASKED_S
    return NetworkTime(utc_s, local.zone_s, checked=True) if agree else None


async def _shown(ask: Ask, command: str) -> Shown | None:
    lines = await ask(command, f"{command[2:7]}:")
    if not lines:
        raise Mute
    return shown(lines[0])
