"""Keep what was done and what was told, seen from outside, and judge at the end what was lost or doubled.

Nothing here is a counter of the product. A `Press` is written when a pin is driven, a `Told` when a light, a
motor or the loudspeaker did something, a `Deed` when somebody at the seat did something. After every process
has ended, the platform's own database says what arrived (`sim.home.records`), and `judge` compares them:

- `lost`: presses for which the platform has no event of their own, or one that came into a case after its
  end and left it ended (a seat was told nothing), and anything that a home was told ("the hub has it", "the
  platform has it", "somebody took it") of which nothing is at the platform;
- `duplicated`: cases minus calls. Calls are counted from presses and seat deeds alone; a case that a press
  opens again after its end counts once more, for the seat has that call once more;
- `early`: claims that were made before they were true of the presses before them (invariant 9;
  `sim.home.ledger_claims`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sim.home.ledger_claims import claims
from sim.home.ledger_values import CLOCK_SLACK_MS, FELL, Case, Deed, Meaning, Press, Stored, Told

__all__ = [
    "FELL",
    "Case",
    "Deed",
    "Ledger",
    "Meaning",
    "Press",
    "Stored",
    "Told",
    "Verdict",
    "count_calls",
    "match",
]


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

    def asked_about(self, at_ms: int) -> Press | None:
        """The last fall before then, if nobody has answered yet."""
        falls = (p for p in reversed(self.presses) if p.key == FELL and p.at_ms <= at_ms)
        return next((fell for fell in falls if not fell.may_fold), None)

    def answer(self, fell: Press, at_ms: int) -> None:
        """Somebody says that all is well after this fall: no call need come of it."""
        self.presses[self.presses.index(fell)] = replace(fell, may_fold=True)
        self.write(Deed(at_ms, fell.elder, "", "fine"))

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
        unkept, early = claims(self.presses, self.told, self.deeds, events, carried, match)
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
