"""Fault records: what is wrong in the home, since when, and why it probably is; pure, as calls are.

A fault is one (fault, about) pair, e.g. ("battery", "pd-01"). Watchers report what they see, good or bad,
as often as they like; `observe` says when that has lasted long enough to become `fault.raised` or
`fault.cleared`. The record is the fold of those events, so it outlives a restart; what was merely suspected
does not.

Public: `Fault`, `Faults`, `Report`, `HOLD_MS`, `step`, `restart`, `observe`, `reminders`, `age_ms`, `Sign`,
`silent_cause`, `silent`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from edge.book import Now, elapsed_ms
from edge.entries import Entry, EventEntry, Stamp

MIN: Final = 60_000
HOUR: Final = 60 * MIN

# How long a fault has to last before it is told. What is not here is told at once.
HOLD_MS: Final[dict[str, int]] = {
    "mains": 5 * MIN,  # ARCHITECTURE "Supervision"; most cuts are shorter
    "platform_silent": 5 * MIN,
    "path": 2 * MIN,  # a router's restart is not a fault
    "modem": 2 * MIN,  # nor is a modem's, or a lift
    "mqtt": 2 * MIN,  # nor a broker's
    "pendant_battery": 0,
}
# How long it has to be well before that is told. What is not here is over as soon as it is seen to be.
CLEAR_HOLD_MS: Final[dict[str, int]] = {
    "storage": 20_000,  # four looks: a worn card that is slow at every few commits is one fault
}
REMIND_MS: Final = 24 * HOUR  # a fault that nobody mends is told again daily, with its age

HEARTBEAT_MS: Final = HOUR  # a pendant's
MISSES: Final = 3
GRACE_MS: Final = 10 * MIN  # a pendant's clock may be slow, and its 3 s burst be lost to a busy radio once
FLAT_PCT: Final = 5  # below this a coin or lithium cell's voltage drops within hours
WEAK_DBM: Final = -88  # a few dB above what a Pi's radio decodes: one more wall and it is gone


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. `count`: how often it was told since it was raised."""

    fault: str
    about: str
    cause: str
    since: Stamp
    told: Stamp
    count: int = 1


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """Open faults by (fault, about), and what is suspected: seen bad (or good again) since then."""

    open: dict[tuple[str, str], Fault] = {}
    suspected: dict[tuple[str, str], tuple[Stamp, str]] = {}
    started: Stamp | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """An event that the hub shall mint in lane FAULT: `fault.raised` or `fault.cleared`."""

    kind: str
    data: dict[str, Any]


def step(faults: Faults, entry: Entry) -> Faults:
    """Fold one journal entry; what is not an event about a fault changes nothing."""
    if not isinstance(entry, EventEntry) or entry.event.kind not in ("fault.raised", "fault.cleared"):
        return faults
    data = entry.event.data
    fault, about, cause = (str(data.get(name, "")) for name in ("fault", "about", "cause"))
    key = (fault, about)
    suspected = {k: v for k, v in faults.suspected.items() if k != key}
    known = faults.open.get(key)
    if entry.event.kind == "fault.cleared":
        still = {k: v for k, v in faults.open.items() if k != key}
        return msgspec.structs.replace(faults, open=still, suspected=suspected)
    if known is None:
        raised = Fault(fault=fault, about=about, cause=cause, since=entry.at, told=entry.at)
    else:
        raised = msgspec.structs.replace(known, cause=cause, told=entry.at, count=known.count + 1)
    return msgspec.structs.replace(faults, open={**faults.open, key: raised}, suspected=suspected)


def restart(faults: Faults, now: Now) -> Faults:
    """After the fold at start: ages are counted on from here; nothing is suspected."""
    return msgspec.structs.replace(faults, started=now, suspected={})


def observe(
    faults: Faults, fault: str, about: str, bad: bool, now: Now, cause: str = ""
) -> tuple[Faults, Report | None]:
    """Something was looked at. The report, if any, has to be minted, journalled and stepped.

    A fault is told again when its probable cause changes. What is as it was ends a suspicion of the contrary.
    """
    key = (fault, about)
    known = faults.open.get(key)
    if bad != (known is not None):  # otherwise than it stands in the record
        since, _ = faults.suspected.get(key, (now, cause))
        hold_ms = (HOLD_MS if bad else CLEAR_HOLD_MS).get(fault, 0)
        if elapsed_ms(faults, since, now) < hold_ms:
            suspected = {**faults.suspected, key: (since, cause)}
            return msgspec.structs.replace(faults, suspected=suspected), None
        if known is not None:
            return faults, _report("fault.cleared", known, faults, now)
        fresh = Fault(fault=fault, about=about, cause=cause, since=since, told=now, count=0)
        return faults, _report("fault.raised", fresh, faults, now)
    kept = {k: v for k, v in faults.suspected.items() if k != key}
    if len(kept) < len(faults.suspected):
        faults = msgspec.structs.replace(faults, suspected=kept)
    if known is None or not cause or cause == known.cause:
        return faults, None
    told = msgspec.structs.replace(known, cause=cause)
    return faults, _report("fault.raised", told, faults, now)


def reminders(faults: Faults, now: Now) -> tuple[Report, ...]:
    """Faults that were last told a day ago or longer, to be told again with their age."""
    return tuple(
        _report("fault.raised", fault, faults, now)
        for fault in faults.open.values()
        if elapsed_ms(faults, fault.told, now) >= REMIND_MS
    )


def age_ms(faults: Faults, fault: Fault, now: Now) -> int:
    """How long it has lasted, at least."""
    return elapsed_ms(faults, fault.since, now)


def _report(kind: str, fault: Fault, faults: Faults, now: Now) -> Report:
    data: dict[str, Any] = {"fault": fault.fault, "about": fault.about, "count": fault.count + 1}
    if fault.cause:
        data["cause"] = fault.cause
    data["age_ms"] = age_ms(faults, fault, now)
    return Report(kind=kind, data=data)


class Sign(msgspec.Struct, frozen=True):
    """One sign of life of a pendant: monotonic time, signal, battery."""

    at_ms: int
    signal_dbm: int
    battery_pct: int


def silent(last_heard_ms: int, now_ms: int) -> bool:
    """Whether a pendant has missed three heartbeats."""
    return now_ms - last_heard_ms >= MISSES * HEARTBEAT_MS + GRACE_MS


def silent_cause(signs: Sequence[Sign], now_ms: int, others_heard_ms: int | None) -> str:
    """Why a pendant is probably silent: "radio", "flat", "out-of-range", "away", or "unknown".

    `signs` are its last ones, oldest first; `others_heard_ms` is when anything else was last heard on the
    air. A radio that hears nothing tells nothing of the pendant. A battery that would be empty by now comes
    before distance, because only that is mended by charging; a weak last signal means the edge of what is
    covered, a strong one that its wearer walked out of the door.
    """
    if not signs:
        return "unknown"
    if others_heard_ms is None or silent(others_heard_ms, now_ms):
        return "radio"
    if _battery_now(signs, now_ms) <= FLAT_PCT:
        return "flat"
    last = sorted(sign.signal_dbm for sign in signs[-3:])
    return "out-of-range" if last[len(last) // 2] <= WEAK_DBM else "away"


def _battery_now(signs: Sequence[Sign], now_ms: int) -> float:
    """The battery's level carried forward along the line through its first and last sign; never upward."""
    first, last = signs[0], signs[-1]
    span_ms = last.at_ms - first.at_ms
    if span_ms <= 0:
        return last.battery_pct
    slope = min(0.0, (last.battery_pct - first.battery_pct) / span_ms)
    return last.battery_pct + slope * (now_ms - last.at_ms)
