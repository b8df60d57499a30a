"""Keep what was done and what was told, seen from outside, and judge at the end what was lost or doubled.

Nothing here is a counter of the product. A `Press` is written when a pin is driven, a `Told` when a light, a
motor or the loudspeaker did something, a `Deed` when somebody at the seat did something. After every process
has ended, the platform's own database says what arrived (`sim.home.records`), and `judge` compares them:

- `lost`: presses for which the platform has no event of their own, or one that came into a case after its
  end and left it ended (a seat was told nothing), and anything that a home was told ("the hub has it", "the
  platform has it", "somebody took it") of which nothing is at the platform;
- `duplicated`: cases minus calls. Calls are counted from presses and seat deeds alone; a case that a press
  opens again after its end counts once more, for the seat has that call once more;
- `early`: claims that were made before they were true (invariant 9).
"""

from __future__ import annotations

import enum
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

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
    """What a person at the seat did to a call of this elder: take, arrived, close, accept-cancel."""

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


@dataclass(frozen=True)
class Case:
    """One case as the platform's database has it; `opened` is how often, `ended_ms` 0 while it is open."""

    call_id: str
    elder: str
    opened: int = 1
    ended_ms: int = 0


@dataclass(frozen=True)
class Verdict:
    """What the comparison gave; `lost` and `early` are sentences that a technician can follow."""

    lost: tuple[str, ...]
    early: tuple[str, ...]
    calls: int
    cases: int
    carried: dict[Press, Stored]

    @property
    def duplicated(self) -> int:
        return self.cases - self.calls

    @property
    def ok(self) -> bool:
        return not self.lost and not self.early and self.duplicated == 0


class Ledger:
    """The record of one run. Times are wall milliseconds of this machine, as the platform writes them too."""

    def __init__(self) -> None:
        self.presses: list[Press] = []
        self.told: list[Told] = []
        self.deeds: list[Deed] = []
        self.on_write: list[Callable[[Press | Told | Deed], None]] = []

    def write(self, record: Press | Told | Deed) -> None:
        if isinstance(record, Press):
            self.presses.append(record)
        elif isinstance(record, Told):
            self.told.append(record)
        else:
            self.deeds.append(record)
        for listener in self.on_write:
            listener(record)

    def excuse(self, device: str, at_ms: int) -> None:
        """The power of a device went: a press of which it had told nobody anything until now is not owed.

        "Either the press goes out after the reboot, or the elder had not been told anything." That a lamp
        goes out, or that a call is over, is told of a call before: of this press it says nothing.
        """
        spoke = [t for t in self.told if t.device == device and t.at_ms <= at_ms and not _of_before(t)]
        for index, press in enumerate(self.presses):
            told = (t for t in spoke if press.at_ms <= t.at_ms)
            if press.origin == device and press.at_ms <= at_ms and not any(told):
                self.presses[index] = replace(press, may_fold=True)

    def is_owed(self, press: Press) -> bool:
        """Whether this press must still get an event of its own."""
        same = (p for p in self.presses if (p.origin, p.at_ms) == (press.origin, press.at_ms))
        return any(not p.may_fold for p in same)

    def judge(self, events: Sequence[Stored], cases: Sequence[Case]) -> Verdict:
        carried = match(self.presses, events)
        lost = [
            f"{press.key} key of {press.origin} pressed at {press.at_ms} ms: no event at the platform"
            for press in self.presses
            if press not in carried and not press.may_fold
        ]
        unkept, early = _claims(self, events)
        came = [
            replace(press, at_ms=carried[press].received_ms) if press in carried else press
            for press in self.presses
            if press in carried or not press.may_fold
        ]
        return Verdict(
            lost=tuple(lost + _silent(events, cases) + unkept),
            early=tuple(early),
            calls=count_calls(came, self.deeds),
            cases=sum(case.opened for case in cases),
            carried=carried,
        )


def _of_before(told: Told) -> bool:
    return told.meaning is Meaning.OVER or told.text.startswith("off")


def match(presses: Sequence[Press], events: Sequence[Stored]) -> dict[Press, Stored]:
    """Give as many presses as possible an event of their own: origin, kind and time must fit.

    A maximum matching (augmenting paths), so that no choice of ours can make a press look lost. Presses that
    cannot fold come first; among them the latest, which has the fewest events to choose from, and each takes
    the earliest that is free: what came is the press just before it, and not one of long ago.
    """
    fits = _fits(presses, events)
    owner: dict[str, Press] = {}
    has: dict[Press, str] = {}
    for press in sorted(presses, key=lambda press: (press.may_fold, -press.at_ms)):
        for event_id, asks in _path(press, fits, owner, has):
            owner[event_id], has[asks] = asks, event_id
    by_id = {event.id: event for event in events}
    return {press: by_id[event_id] for press, event_id in has.items()}


def _fits(presses: Sequence[Press], events: Sequence[Stored]) -> dict[Press, list[Stored]]:
    """The events that may carry each press, the earliest first."""
    of: dict[str, list[Stored]] = {}
    for event in sorted(events, key=lambda event: event.received_ms):
        of.setdefault(event.origin, []).append(event)
    fits = {}
    for press in presses:
        mine = of.get(press.origin, [])
        first = bisect_left(mine, press.at_ms - CLOCK_SLACK_MS, key=lambda event: event.received_ms)
        fits[press] = [event for event in mine[first:] if event.kind in press.kinds]
    return fits


def _path(
    press: Press,
    fits: Mapping[Press, Sequence[Stored]],
    owner: Mapping[str, Press],
    has: Mapping[Press, str],
) -> list[tuple[str, Press]]:
    """Who takes which event so that `press` gets one and nobody is left without; empty if there is no way.

    In breadth, so that a chain of thousands of presses costs no stack.
    """
    asked: dict[str, Press] = {}
    waiting = deque([press])
    while waiting:
        asks = waiting.popleft()
        for event in fits[asks]:
            if event.id in asked:
                continue
            asked[event.id] = asks
            if event.id in owner:
                waiting.append(owner[event.id])
                continue
            steps = [(event.id, asks)]
            while asks is not press:
                asks = asked[has[asks]]
                steps.append((has[steps[-1][1]], asks))
            return steps
    return []


def count_calls(presses: Iterable[Press], deeds: Iterable[Deed]) -> int:
    """Calls that a careful observer would count: one open call per elder until a seat ends it."""
    calls = 0
    open_elders: set[str] = set()
    acts: list[Press | Deed] = [*presses, *deeds]
    for act in sorted(acts, key=lambda act: act.at_ms):
        if isinstance(act, Deed):
            if act.what in ("close", "accept-cancel"):
                open_elders.discard(act.elder)
        elif act.elder not in open_elders:
            open_elders.add(act.elder)
            calls += 1
    return calls


def _silent(events: Sequence[Stored], cases: Sequence[Case]) -> list[str]:
    """Calls that came into a case after its end and left it ended: no seat was told."""
    ended = {case.call_id: case.ended_ms for case in cases if case.ended_ms}
    return [
        f"{event.id} came at {event.received_ms} ms into a case that had ended at {ended[event.call_id]} ms,"
        " and no seat was told"
        for event in events
        if event.kind != "call.updated"
        and event.received_ms > ended.get(event.call_id, event.received_ms) + CLOCK_SLACK_MS
    ]


def _claims(ledger: Ledger, events: Sequence[Stored]) -> tuple[list[str], list[str]]:
    """Sentences about claims that never came true, and about claims made before they were true."""
    unkept: list[str] = []
    early: list[str] = []
    for told in ledger.told:
        truths = _truths(told, ledger, events)
        if truths is None:
            continue
        sentence = f"{told.device} {told.surface} told '{told.meaning}' at {told.at_ms} ms"
        if not any(event.kind.startswith("call.") and told.elder in ("", event.elder) for event in events):
            unkept.append(f"{sentence}: nothing at the platform")
        elif not any(truth <= told.at_ms + CLOCK_SLACK_MS for truth in truths):
            early.append(f"{sentence}: not true then")
    return unkept, early


def _truths(told: Told, ledger: Ledger, events: Sequence[Stored]) -> list[int] | None:
    """When what was told became true, as far as this person or home goes; None if it claims nothing."""
    whose = ("", told.elder)

    def deeds(*what: str) -> list[int]:
        return [d.at_ms for d in ledger.deeds if d.what in what and (d.elder in whose or not told.elder)]

    if told.meaning is Meaning.HEARD:
        return [press.at_ms for press in ledger.presses if press.elder == told.elder or not told.elder]
    if told.meaning is Meaning.DELIVERED:
        return [
            event.received_ms
            for event in events
            if event.kind.startswith("call.") and (event.elder == told.elder or not told.elder)
        ]
    if told.meaning is Meaning.TAKEN:
        return deeds("take", "arrived")
    if told.meaning is Meaning.OVER:
        return deeds("arrived", "close", "accept-cancel")
    return None
