"""What the outside ledger is made of: presses, claims, deeds; events and cases as the platform has them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

FELL = "fall"  # the key of a press that no finger made: a body fell
CLOCK_SLACK_MS = 5  # two processes of one machine read one clock; this is rounding to milliseconds twice


class Meaning(enum.StrEnum):
    """What a light, a buzz or a spoken phrase claims."""

    HEARD = "heard"  # the hub has it, durably
    DELIVERED = "delivered"  # the platform has it
    TAKEN = "taken"  # a person took it
    OVER = "over"  # arrived, closed or cancelled
    NOT_YET = "not_yet"  # no hub, or no path: an honest "I keep trying"
    OTHER = "other"


@dataclass(frozen=True)
class Press:
    """One key edge that a finger made. `kinds` are the event kinds that may carry it to the platform.

    `origin` is the device whose number the event bears; `may_fold` marks a press that need not have an event
    of its own: made during the boot of a pendant, or before a power cut that came before any answer.
    """

    at_ms: int
    origin: str
    key: str
    elder: str
    kinds: frozenset[str] = frozenset({"call.sos"})
    may_fold: bool = False


@dataclass(frozen=True)
class Told:
    """What one device said to the person in front of it. `elder` is empty where it spoke to all."""

    at_ms: int
    device: str
    surface: str
    meaning: Meaning
    text: str = ""
    elder: str = ""


@dataclass(frozen=True)
class Deed:
    """What a person at the seat did to a call of this elder: take, arrived, close, accept-cancel; or `fine`:
    somebody at home answered, when the hub asked about a fall, that all is well. Nothing need go out then.
    """

    at_ms: int
    elder: str
    call_id: str
    what: str


@dataclass(frozen=True)
class Stored:
    """One event as the platform's database has it; `call_id` is its case, however a hub named the call."""

    id: str
    call_id: str
    kind: str
    origin: str
    elder: str
    received_ms: int
    stages: dict[str, int] = field(default_factory=dict)
    wall_ms: int = 0
    clock_trusted: bool = False
    durable: bool = False
    by_text: bool = False


@dataclass(frozen=True)
class Case:
    """One case as the platform's database has it; `opened` is how often, `ended_ms` 0 while it is open."""

    call_id: str
    elder: str
    opened: int = 1
    ended_ms: int = 0
