"""Kinds of simulated meters and their manners, as data, and what a meter has seen of its centrals.

Does it forget what was confirmed, does it send its whole memory each time, which clock has it, when does it
die: each is a field, so that a test asks for the meter that it needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kind:
    """The services of a kind of meter: service -> characteristics that tell; `memory` has an access point."""

    services: dict[int, tuple[int, ...]]
    notifies: frozenset[int] = frozenset()
    memory: bool = False
    session: bool = False  # a sensor under the skin: it knows when it began, and goes on telling


KINDS = {
    "blood-pressure": Kind({0x1810: (0x2A35,)}),
    "thermometer": Kind({0x1809: (0x2A1C,)}),
    "oximeter": Kind({0x1822: (0x2A5E, 0x2A5F)}, frozenset({0x2A5F})),
    "scale": Kind({0x181D: (0x2A9D,), 0x181B: (0x2A9C,)}),
    "heart-rate": Kind({0x180D: (0x2A37,)}, frozenset({0x2A37})),
    "glucose": Kind({0x1808: (0x2A18, 0x2A34)}, frozenset({0x2A18, 0x2A34}), memory=True),
    "continuous-glucose": Kind({0x181F: (0x2AA7,)}, frozenset({0x2AA7}), memory=True, session=True),
}


@dataclass
class Manners:
    """`forgets`: what was confirmed is gone. `off_s`: on the air for so long after a
    measurement, or after a link that did not take all. `clock`: "current-time",
    "date-time" (beside the measurement, as A&D's) or "". `leaves`: ends the link itself after the last."""

    forgets: bool = True
    off_s: float = 60.0
    clock: str = "current-time"
    leaves: bool = False
    pace_s: float = 0.0  # between two records: a real link has 7.5 to 50 ms between its events
    dies_after: int = -1  # indications, then its battery is out; -1: never
    # What its adverts bear. "static": its own address; "resolvable": another each time that it goes on the
    # air, by which those who have its key know it; "non-resolvable": another, by which nobody does.
    addresses: str = "static"
    bond: str = ""  # "just-works", or the passkey that it shows: without a bond it tells nothing
    hides: bool = False  # whoever asks anything of it on a link that is not encrypted is hung up on
    dies_at: str = ""  # "connected", "clock", "subscribed", "asked": once, at that step
    # Its users' numbers and codes: it tells of a person to who gives that person's code, and of nobody else.
    consents: dict[str, int] = field(default_factory=dict)
    session: str = ""  # hex of its session's start (2AAA); "" while it was not told
    stopped: bool = False  # no session runs


@dataclass
class Seen:
    """What the meter has seen of its centrals, for the outside ledger."""

    connections: int = 0
    sent: int = 0
    confirmed: int = 0
    strangers: int = 0  # asked by who is not bonded
    hung_up: int = 0  # on who asked before the link was encrypted
    clock: str = ""  # the last value written to its clock, hex
    clock_after_s: float = -1.0  # of the connection
    asked: list[str] = field(default_factory=list)  # of its memory, hex
    consented: list[str] = field(default_factory=list)  # what it answered to codes, hex
    addresses: list[str] = field(default_factory=list)  # that were not its own, on the air
