"""What is tried next to bring a silent modem back: pure, with a budget, and not in the middle of an alarm."""

from __future__ import annotations

import enum
from typing import Final

import msgspec

HOUR_MS: Final = 3_600_000


class Rung(enum.IntEnum):
    """From the mildest on."""

    WAIT = 0
    REOPEN = 1  # close the port and open it again
    RADIO = 2  # AT+CFUN=4, then 1: the radio off and on; the field's cure for SMS that dies after a day
    RESET = 3  # AT+CFUN=1,1
    POWER = 4  # the supply off and on, where there is a switch


# No service for so many checks of a minute -> the rung. A silent modem climbs one rung a check.
NO_SERVICE_CHECKS: Final = {5: Rung.RADIO, 15: Rung.RESET, 30: Rung.POWER}
BUDGET_MS: Final = {Rung.RADIO: HOUR_MS // 4, Rung.RESET: HOUR_MS, Rung.POWER: 6 * HOUR_MS}


class Climb(msgspec.Struct, frozen=True):
    """How often in a row a check found it silent, or without service, and when each rung was last used."""

    silent: int = 0
    no_service: int = 0
    used_ms: dict[Rung, int] = {}


def climb(
    before: Climb, *, answers: bool, service: bool, alarm: bool, now_ms: int, talking: bool = False
) -> tuple[Climb, Rung]:
    """What follows from one check. A modem that answers is left alone while an alarm is on its way through
    it, for it may yet send; one that is dead is not. Through which somebody talks is not dead, whatever this
    port says: its port is opened again, and no more."""
    if answers and service:
        return msgspec.structs.replace(before, silent=0, no_service=0), Rung.WAIT
    silent = 0 if answers else before.silent + 1
    no_service = before.no_service + 1 if answers else before.no_service
    after = msgspec.structs.replace(before, silent=silent, no_service=no_service)
    wanted = Rung(min(silent, Rung.POWER)) if silent else NO_SERVICE_CHECKS.get(no_service, Rung.WAIT)
    if wanted is Rung.WAIT or (answers and alarm):
        return after, Rung.WAIT
    if talking:
        wanted = min(wanted, Rung.REOPEN)
    while wanted > Rung.REOPEN and _spent(after, wanted, now_ms):
        wanted = Rung(wanted - 1)
    used = {**after.used_ms, wanted: now_ms}
    return msgspec.structs.replace(after, used_ms=used), wanted


def _spent(state: Climb, rung: Rung, now_ms: int) -> bool:
    last_ms = state.used_ms.get(rung)
    return last_ms is not None and now_ms - last_ms < BUDGET_MS[rung]
