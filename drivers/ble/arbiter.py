"""Who may connect now, on which adapter, and when an adapter has to listen: pure, time is an argument.

Rules, highest first:
1.  A connection attempt makes an adapter deaf. It lasts at most 4 s, and within any stretch without 2 s of
    uninterrupted listening all attempts of an adapter together last at most 4 s.
2.  A lane never waits for a lower one: an attempt of a lower lane is aborted for a want of a higher lane
    whose device was heard lately, and none is begun meanwhile. A full adapter gives up its lowest link,
    and among equals the oldest, once it has had its turn.
3.  Where two adapters live, one of them always listens. A device is connected by the adapter that hears it
    best of those that may.
4.  Connect on an advert just heard, never on hope. Between wants of one lane the older goes first, those that
    failed go behind, and an attempt is cut to 1.5 s while an equal waits.
5.  Nothing heard for 90 s: scanning is restarted; still nothing: the adapter is recovered, ever more rarely.

The shell reports what happens (heard, want, ended, closed, scanning, ...), calls `decide`, does what it says,
and calls again at `due` or after the next report. Nothing here knows of Bleak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

ATTEMPT_MS: Final = 4_000  # BlueZ stops scanning while it connects: never deaf for longer than this
LISTEN_MS: Final = 2_000  # a pendant's burst lasts 3 s: 2 s of listening between attempts hear every burst
LEAST_ATTEMPT_MS: Final = 500  # BlueZ needs 0.4-0.5 s to connect; less is not worth the deafness
TURN_MS: Final = 1_500  # thrice the usual connect, then an equal gets its turn
FRESH_MS: Final = 1_500  # heard so lately that the device is still advertising
LATELY_MS: Final = 15_000  # a heard pendant advertises in bursts every 10 s: worth listening for
BACKOFF_MS: Final = (250, 500, 1_000)  # after failures in a row; the last one stays
SILENCE_MS: Final = 90_000  # neighbours' devices alone are heard more often than this
AFTER_RESTART_MS: Final = 30_000  # a restart of scanning gets this long before the adapter is recovered
RECOVER_MS: Final = (10_000, 60_000, 300_000, 900_000)  # between recoveries that did not help
START_FAILURES: Final = 3  # scanning could not be started so often: recover
SMOOTHING: Final = 0.3  # of the signal (RSSI), exponential
LINK_TURN_MS: Final = 3_000  # a link's talk takes 0.3 s; who stays for more makes room while an equal waits
SLOTS: Final = 4  # connections of one adapter: what a Raspberry Pi's chip keeps without trouble


@dataclass(frozen=True, slots=True)
class Connect:
    """Begin to connect; give up after limit_ms."""

    adapter: str
    address: str
    lane: int
    limit_ms: int


@dataclass(frozen=True, slots=True)
class Abort:
    """Give up a running attempt. `why`: "lane" (a higher one waits) or "turn" (an equal waits)."""

    adapter: str
    address: str
    why: str


@dataclass(frozen=True, slots=True)
class Close:
    """End an established link to make room for a higher lane."""

    adapter: str
    address: str


@dataclass(frozen=True, slots=True)
class Restart:
    """Stop and start scanning on an adapter."""

    adapter: str


@dataclass(frozen=True, slots=True)
class Recover:
    """Reset an adapter. `why`: silent (hears nothing), no-scan (scanning does not start), hung."""

    adapter: str
    why: str


Action = Connect | Abort | Close | Restart | Recover


@dataclass(slots=True)
class _Want:
    lane: int
    since_ms: int
    failures: int = 0
    not_before_ms: int = 0


@dataclass(slots=True)
class _Attempt:
    address: str
    lane: int
    begun_ms: int
    limit_ms: int
    aborted: str = ""  # why


@dataclass(frozen=True, slots=True)
class _Held:
    lane: int
    since_ms: int


@dataclass(slots=True)
class _Signal:
    rssi: float
    at_ms: int


@dataclass(slots=True)
class _Adapter:
    name: str
    listening_ms: int  # since when it listens without a break
    quiet_ms: int  # since when it has heard nothing
    scanning: bool = False
    well: bool = True  # False while it is being recovered
    starting: bool = False  # a restart is under way
    deaf_used_ms: int = 0
    attempt: _Attempt | None = None
    links: dict[str, _Held] = field(default_factory=dict)  # by address
    signals: dict[str, _Signal] = field(default_factory=dict)
    start_failures: int = 0
    restart_at_ms: int | None = None  # scanning is off and is to be tried again then
    restarted: bool = False  # in this silence
    recoveries: int = 0
    recover_not_before_ms: int = 0
    recover_at_once: bool = False

    def budget_ms(self, now_ms: int) -> int:
        """How long it may be deaf from now on."""
        rested = self.attempt is None and now_ms - self.listening_ms >= LISTEN_MS
        return ATTEMPT_MS if rested else ATTEMPT_MS - self.deaf_used_ms


class Arbiter:
    """The radio's arbitration. Lanes are ints, 0 the highest; addresses and adapter names are opaque text."""

    def __init__(self, adapters: Sequence[str], now_ms: int, slots: int = SLOTS) -> None:
        self.slots = slots
        self._adapters = {name: _Adapter(name, now_ms, now_ms, restart_at_ms=now_ms) for name in adapters}
        self._wants: dict[str, _Want] = {}

    # ---- what happened ----

    def heard(self, adapter: str, address: str, rssi: int, now_ms: int) -> None:
        """An advert of any device was heard by an adapter."""
        a = self._adapters[adapter]
        a.quiet_ms, a.restarted, a.recoveries = now_ms, False, 0
        old = a.signals.get(address)
        if old is None or now_ms - old.at_ms > LATELY_MS:
            a.signals[address] = _Signal(float(rssi), now_ms)
        else:
            old.rssi += SMOOTHING * (rssi - old.rssi)
            old.at_ms = now_ms
        if len(a.signals) > 256:  # strangers' phones change their address every 15 minutes
            self._forget_strangers(a, now_ms)

    def _forget_strangers(self, a: _Adapter, now_ms: int) -> None:
        keep = {k: s for k, s in a.signals.items() if now_ms - s.at_ms <= LATELY_MS or k in self._wants}
        if len(keep) > 256:  # somebody floods us with addresses
            keep = {k: s for k, s in keep.items() if k in self._wants}
        a.signals = keep

    def want(self, address: str, lane: int, now_ms: int) -> bool:
        """A link is wanted; a second want may raise its lane, never lower it. True if it is news."""
        old = self._wants.get(address)
        if old is None or lane < old.lane:
            self._wants[address] = _Want(lane, now_ms)
            return True
        return False

    def drop(self, address: str) -> None:
        """It is wanted no longer. A running attempt goes on until the shell ends it."""
        self._wants.pop(address, None)

    def scanning(self, adapter: str, on: bool, now_ms: int) -> None:
        """Scanning was started, or has stopped or could not be started."""
        a = self._adapters[adapter]
        a.starting = False
        if on:
            a.scanning, a.start_failures, a.restart_at_ms = True, 0, None
            a.listening_ms = now_ms
        else:
            a.scanning = False
            a.start_failures += 1
            a.restart_at_ms = now_ms + BACKOFF_MS[min(a.start_failures, len(BACKOFF_MS)) - 1]
            a.recover_at_once |= a.start_failures >= START_FAILURES

    def ended(self, adapter: str, address: str, ok: bool, now_ms: int) -> None:
        """An attempt ended: the link stands (ok), or it failed, timed out, or was aborted."""
        a = self._adapters[adapter]
        attempt = a.attempt
        if attempt is None or attempt.address != address:
            return
        a.attempt = None
        a.deaf_used_ms += now_ms - attempt.begun_ms
        a.listening_ms = now_ms
        want = self._wants.get(address)
        if ok:
            a.links[address] = _Held(attempt.lane, now_ms)
            if want:
                want.failures = 0
        elif want and attempt.aborted != "lane":
            want.failures += 1
            if not attempt.aborted:
                want.not_before_ms = now_ms + BACKOFF_MS[min(want.failures, len(BACKOFF_MS)) - 1]

    def closed(self, adapter: str, address: str, now_ms: int) -> None:
        """A link ended, whoever ended it."""
        self._adapters[adapter].links.pop(address, None)

    def hung(self, adapter: str, now_ms: int) -> None:
        """The adapter does not answer commands any more."""
        self._adapters[adapter].recover_at_once = True

    def recovered(self, adapter: str, now_ms: int) -> None:
        """A recovery is over, whether it helped or not: all its links and its attempt are gone."""
        a = self._adapters[adapter]
        a.well, a.scanning, a.starting, a.attempt = True, False, False, None
        a.links.clear()
        a.start_failures, a.recover_at_once, a.restarted = 0, False, False
        a.restart_at_ms = a.quiet_ms = now_ms
        a.deaf_used_ms = 0

    # ---- what is known ----

    def rssi(self, address: str) -> int | None:
        """The smoothed signal of a device at the adapter that hears it best; None if not heard lately."""
        known = [s.rssi for a in self._adapters.values() if (s := a.signals.get(address))]
        return round(max(known)) if known else None

    def link_adapter(self, address: str) -> str | None:
        """The adapter that holds a link to a device."""
        return next((a.name for a in self._adapters.values() if address in a.links), None)

    def listening(self, adapter: str) -> bool:
        """Whether an adapter hears adverts now."""
        a = self._adapters[adapter]
        return a.well and a.scanning and a.attempt is None

    # ---- what to do ----

    def decide(self, now_ms: int) -> list[Action]:
        """Everything that is to be done now; it counts as begun."""
        actions: list[Action] = []
        for a in self._adapters.values():
            self._mend(a, now_ms, actions)
        for address, want in self._ready(now_ms):
            self._serve(address, want, now_ms, actions)
        return actions

    def due(self, now_ms: int) -> int | None:
        """When `decide` may say something without a new report; never in the past."""
        times: list[int] = []
        for a in self._adapters.values():
            if a.well and not a.starting:
                times.append(a.restart_at_ms if a.restart_at_ms is not None else self._mend_at(a))
                times.append(a.recover_not_before_ms if a.recover_at_once else 0)
            if a.attempt and not a.attempt.aborted:
                times.append(a.attempt.begun_ms + TURN_MS)
            if self._wants and len(a.links) >= self.slots:
                times += [held.since_ms + LINK_TURN_MS for held in a.links.values()]
            if self._wants and a.attempt is None and a.budget_ms(now_ms) < ATTEMPT_MS:
                times.append(a.listening_ms + LISTEN_MS)
        times += [w.not_before_ms for w in self._wants.values()]
        later = [t for t in times if t > now_ms]
        return min(later) if later else None

    # ---- adapters ----

    def _mend_at(self, a: _Adapter) -> int:
        if not a.restarted:
            return a.quiet_ms + SILENCE_MS
        return max(a.quiet_ms + SILENCE_MS + AFTER_RESTART_MS, a.recover_not_before_ms)

    def _mend(self, a: _Adapter, now_ms: int, actions: list[Action]) -> None:
        if not a.well:
            return
        if a.recover_at_once and now_ms >= a.recover_not_before_ms:
            self._recover(a, now_ms, actions)
        elif a.attempt or a.starting:
            return
        elif a.restart_at_ms is not None:
            if now_ms >= a.restart_at_ms:
                a.starting, a.restart_at_ms = True, None
                actions.append(Restart(a.name))
        elif now_ms >= self._mend_at(a):
            if a.restarted:
                self._recover(a, now_ms, actions)
            else:
                a.restarted = a.starting = True
                actions.append(Restart(a.name))

    def _recover(self, a: _Adapter, now_ms: int, actions: list[Action]) -> None:
        a.recover_not_before_ms = now_ms + RECOVER_MS[min(a.recoveries, len(RECOVER_MS) - 1)]
        a.recoveries += 1
        why = "no-scan" if a.start_failures >= START_FAILURES else "hung" if a.recover_at_once else "silent"
        a.well = a.scanning = a.starting = a.recover_at_once = False
        actions.append(Recover(a.name, why))

    # ---- wants ----

    def _linked(self, address: str) -> bool:
        return any(
            address in a.links or (a.attempt is not None and a.attempt.address == address)
            for a in self._adapters.values()
        )

    def _heard_ms(self, address: str) -> int | None:
        times = [s.at_ms for a in self._adapters.values() if (s := a.signals.get(address))]
        return max(times) if times else None

    def _ready(self, now_ms: int) -> list[tuple[str, _Want]]:
        """Wants whose device was heard lately, in the order in which they are served."""
        ready = []
        for address, want in self._wants.items():
            heard = self._heard_ms(address)
            if heard is not None and now_ms - heard <= LATELY_MS and not self._linked(address):
                ready.append((address, want))
        return sorted(ready, key=lambda w: (w[1].lane, w[1].failures, w[1].since_ms, w[0]))

    def _serve(self, address: str, want: _Want, now_ms: int, actions: list[Action]) -> None:
        self._push_aside(address, want, now_ms, actions)
        if now_ms < want.not_before_ms or self._held_back(address, want, now_ms):
            return
        best: tuple[float, _Adapter] | None = None
        for a in self._adapters.values():
            signal = a.signals.get(address)
            if signal is None or now_ms - signal.at_ms > FRESH_MS or not self._may(a, now_ms):
                continue
            if len(a.links) >= self.slots:
                self._make_room(a, want.lane, now_ms, actions)
            elif best is None or signal.rssi > best[0]:
                best = (signal.rssi, a)
        if best is None:
            return
        a = best[1]
        if now_ms - a.listening_ms >= LISTEN_MS:
            a.deaf_used_ms = 0
        limit = min(ATTEMPT_MS, a.budget_ms(now_ms))
        a.attempt = _Attempt(address, want.lane, now_ms, limit)
        actions.append(Connect(a.name, address, want.lane, limit))

    def _may(self, a: _Adapter, now_ms: int) -> bool:
        """Whether an adapter may begin an attempt: free, rested, and another listens where there are two."""
        if not a.well or a.starting or a.attempt or a.budget_ms(now_ms) < LEAST_ATTEMPT_MS:
            return False
        others = [b for b in self._adapters.values() if b is not a and b.well and b.scanning]
        return not others or any(b.attempt is None for b in others)

    def _held_back(self, address: str, want: _Want, now_ms: int) -> bool:
        """Whether a higher lane waits for its device or its back-off: then nobody makes an adapter deaf."""
        return any(other.lane < want.lane for name, other in self._ready(now_ms) if name != address)

    def _push_aside(self, address: str, want: _Want, now_ms: int, actions: list[Action]) -> None:
        """Abort attempts that stand in the way of this want."""
        for a in self._adapters.values():
            attempt = a.attempt
            if attempt is None or attempt.aborted or not a.well or attempt.address == address:
                continue
            if want.lane < attempt.lane:
                why = "lane"
            elif want.lane == attempt.lane and now_ms - attempt.begun_ms >= TURN_MS:
                why = "turn"
            else:
                continue
            if any(self._may(b, now_ms) and address in b.signals for b in self._adapters.values()):
                continue  # it need not wait for this attempt
            attempt.aborted = why
            actions.append(Abort(a.name, attempt.address, why))

    def _make_room(self, a: _Adapter, lane: int, now_ms: int, actions: list[Action]) -> None:
        """End one link for a want of this lane: the lowest that is lower, else the oldest after its turn."""
        if any(isinstance(x, Close) and x.adapter == a.name for x in actions):
            return
        address, held = max(a.links.items(), key=lambda link: (link[1].lane, -link[1].since_ms))
        if held.lane > lane or (held.lane == lane and now_ms - held.since_ms >= LINK_TURN_MS):
            actions.append(Close(a.name, address))
