"""What scenarios look at and do again and again: arrivals, answers, hands at the seat."""

from __future__ import annotations

from sim.home.home import Home
from sim.home.ledger import Meaning, Press, match
from sim.home.pendants import now_ms
from sim.home.waiting import Condition
from sim.scenarios.case import Case

ARRIVES_S = 10.0  # a deadline for "it arrived", far above what it takes; measured times are in the claims
FEELS_S = 15.0  # the pendant hears of it at its next connection


def arrived(home: Home, *presses: Press) -> Condition:
    """Whether the platform has an event of its own for each of these presses."""
    wanted = {(press.origin, press.at_ms) for press in presses}

    def look() -> bool:
        carried = match(home.ledger.presses, home.platform.events)
        return wanted <= {(press.origin, press.at_ms) for press in carried}

    return look


def hub_says(home: Home, phrase: str, since_ms: int, hub: str = "") -> Condition:
    """Whether a hub has begun to say this phrase since then."""
    rig = home.hubs[hub] if hub else home.hub
    return lambda: rig.has_said(phrase, since_ms)


def lamp_is(home: Home, colour: str, pattern: str) -> Condition:
    """Whether the first hub's lamp shows this."""
    return lambda: (home.hub.lamp.shown.colour, home.hub.lamp.shown.pattern) == (colour, pattern)


def feels(home: Home, pendant: str, feeling: str, since_ms: int) -> Condition:
    """Whether a pendant's motor has given this feeling since then."""
    return lambda: home.pendants[pendant].felt(feeling, since_ms)


def told(home: Home, device: str, meaning: Meaning, since_ms: int) -> Condition:
    """Whether a device has told so, in whatever way, since then."""
    rig = home.hubs.get(device) or home.pendants[device]
    return lambda: rig.told(meaning, since_ms)


def has_case(home: Home, elder: str, handling: str = "", lifecycle: str = "open") -> Condition:
    """Whether the platform has such a case of this elder."""

    def look() -> bool:
        return any(
            case.elder == elder and case.lifecycle == lifecycle and handling in ("", case.handling)
            for case in home.platform.cases.values()
        )

    return look


def has_fault(home: Home, fault: str, standing: bool = True) -> Condition:
    """Whether a fault of this name stands (or none does) at the platform."""
    return lambda: any(name == fault for _, name in home.platform.faults) is standing


async def hand(home: Home, elder: str, what: str) -> int:
    """Do something at the seat to this elder's open call; gives the time before it, in wall ms."""
    case = home.platform.open_case(elder)
    if case is None:
        raise RuntimeError(f"{elder} has no open call")
    before = now_ms()
    await home.platform.hand(case.call_id, what)
    return before


async def close(home: Home, case: Case, elder: str) -> None:
    """End this elder's call at the seat, and see that every hub knows: a press before joins the old call,
    which is then opened anew."""
    await hand(home, elder, "close")

    async def known() -> bool:
        running = [hub for hub in home.hubs.values() if hub.running]
        return not any([await hub.has_open_call(elder) for hub in running])

    await case.until(f"the home knows that the call of {elder} is closed", known, FEELS_S)
