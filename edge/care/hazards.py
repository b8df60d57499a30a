"""Smoke, gas, water and the pull cord: a call at once, never asked first; a silent sensor is blind.

Pure: `step` takes what a sensor says, `look` the time. A state that is repeated is no news; one that went and
came back is. What a sensor said before it fell silent is never taken for how it is now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

KINDS: Final = {  # role -> the call
    "smoke": "call.smoke",
    "gas": "call.gas",
    "water": "call.water",
    "pull_cord": "call.pull_cord",
}
SAYS: Final = {  # role -> BTHome's names of the state that raises it
    "smoke": ("smoke",),
    "gas": ("gas", "carbon_monoxide"),
    "water": ("moisture",),
    "pull_cord": ("opening", "safety", "problem", "generic"),  # or a press of a button that hangs on a cord
}


@dataclass(frozen=True, slots=True)
class Hazard:
    """What is known of one sensor; times are monotonic ms."""

    role: str
    silent_ms: int  # a sensor that is not heard for so long is blind
    heard_ms: int  # last heard; at first when watching began
    on: bool = False
    blind: bool = False


@dataclass(frozen=True, slots=True)
class Firing:
    """A call that a rule raises; `reason` is a token for people and for the platform."""

    kind: str
    reason: str


def step(hazard: Hazard, states: dict[str, bool], now_ms: int) -> tuple[Hazard, Firing | None]:
    """The sensor said this."""
    known = [states[name] for name in SAYS[hazard.role] if name in states]
    if not known:  # alive, and nothing about its role
        return replace(hazard, heard_ms=now_ms, blind=False), None
    on = any(known)
    after = replace(hazard, heard_ms=now_ms, on=on, blind=False)
    fired = on and (not hazard.on or hazard.blind)
    return after, Firing(KINDS[hazard.role], f"{hazard.role}_on") if fired else None


def pressed(hazard: Hazard) -> Firing | None:
    """A button of the sensor was pressed: each pull of a cord is news; smoke detectors have test buttons."""
    return Firing(KINDS["pull_cord"], "pull_cord_on") if hazard.role == "pull_cord" else None


def look(hazard: Hazard, now_ms: int) -> Hazard:
    """Time went by."""
    return replace(hazard, blind=now_ms - hazard.heard_ms >= hazard.silent_ms)
