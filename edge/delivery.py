"""Brings events to the platform: calls by the plan, each on its own; lower lanes in batches behind them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, cast

import msgspec

from drivers.waiting import came
from edge.book import owed
from edge.entries import AttemptEntry, settles
from edge.hub import Hub
from edge.paths.base import Path, PathError, PathHealth, Sender, path_failed, path_worked
from edge.plan import IP, Action, Plan, Tries, Waiting, actions, next_due_ms, planned, spread_ms
from edge.stores.reading import Queued
from protocols.errors import AnbanError, Reason
from protocols.values import Event, EventId, Lane, Receipt
from protocols.wire import Packed

log = logging.getLogger(__name__)

LOWER: Final = (Lane.FAULT, Lane.READING, Lane.TELEMETRY)
BULK: Final = "https"  # full batches go there: 100 events a request, where a datagram holds about 10
AGAIN_MS: Final = 250  # after a batch that failed: the other path may be due, and a dead one answers fast
HANDED: Final = "handed-over"  # an attempt's reason: a network has it, and its receipt comes on its own
IDLE_S: Final = 30.0  # the queue is looked at this often even if nobody says that something came
CHECK_S: Final = 60.0  # between two checks of a good path: minute-level supervision
CHECK_DOWN_S: Final = 20.0  # of one that is down: a call must not wait for a minute to learn that it is back


Pending = Callable[[Lane, int, int], Awaitable[Sequence[Queued]]]
"""(lane, limit, after seq) -> the oldest owed events of that lane."""


class Delivery:
    """Sends what is owed. `health` is what is known of each path; `on_health(before, after)`: it changed."""

    def __init__(
        self,
        hub: Hub,
        paths: Mapping[str, Sender],
        plan: Plan,
        pending: Pending,
        on_health: Callable[[PathHealth, PathHealth], None],
        on_time: Callable[[int], object],
    ) -> None:
        self._hub, self._paths, self._plan, self._pending = hub, paths, plan, pending
        self._on_health, self._on_time = on_health, on_time
        self.health = {name: PathHealth(name=name) for name in paths}
        self._tries: dict[tuple[EventId, str], Tries] = {}  # of calls
        self._acked: set[EventId] = set()  # their receipts are on their way to the disk: not sent again
        self._lower_tries: dict[tuple[EventId, str], Tries] = {}  # of the heads of the lower lanes
        self._settling: asyncio.Future[list[int]] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._calls_wake, self._lower_wake = asyncio.Event(), asyncio.Event()
        self._not_before = dict.fromkeys(Lane, 0)
        hub.on_change.append(self.wake)

    def use(self, paths: Mapping[str, Sender], plan: Plan) -> None:
        """Other settings: what is owed is tried anew by this plan; of new paths nothing is known."""
        for name, path in paths.items():
            if self._paths.get(name) is not path:
                self.health[name] = PathHealth(name=name)
        self._paths, self._plan = dict(paths), plan
        self._tries.clear()
        self._lower_tries.clear()
        self.wake()

    def wake(self) -> None:
        """Something may be due: an event came, a commit returned, a path came back."""
        self._calls_wake.set()
        self._lower_wake.set()

    @property
    def no_path(self) -> bool:
        """Whether every path is known to be down."""
        return not any(health.good for health in self.health.values())

    # --- calls ---

    async def run_calls(self) -> None:
        """Send every call event by the plan, until cancelled."""
        while True:
            self._calls_wake.clear()
            still_owed = self._hub.events.keys() | self._hub.stranded.keys()
            self._tries = {key: t for key, t in self._tries.items() if t.in_flight or key[0] in still_owed}
            self._acked &= still_owed
            now_ms = self._now_ms()
            ready = self._ready()
            waiting = [self._waiting(event) for event in ready.values()]
            for action in actions(self._plan, waiting, self.health, self._tries, now_ms):
                self._start(action, ready[action.event_id])
            due_ms = next_due_ms(self._plan, waiting, self.health, self._tries, now_ms)
            await came(self._calls_wake, IDLE_S if due_ms is None else (due_ms - self._now_ms()) / 1000)

    def _ready(self) -> dict[EventId, Event]:
        now = self._hub.mint.stamp()
        found = ((press.id, self._hub.sendable(press, now)) for press in owed(self._hub.book))
        ready = {event_id: event for event_id, event in found if event is not None} | self._hub.stranded
        return {event_id: event for event_id, event in ready.items() if event_id not in self._acked}

    def _waiting(self, event: Event | Packed) -> Waiting:
        same_boot = event.boot == self._hub.mint.clock.boot
        age_ms = max(0, self._now_ms() - event.uptime_ms) if same_boot else None
        return Waiting(event_id=event.id, lane=event.lane, age_ms=age_ms)

    def _start(self, action: Action, event: Event) -> None:
        _begin(self._tries, action.event_id, action.path, self._now_ms())
        task = asyncio.create_task(self._send_call(action, self._hub.stages.leaving(event)))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_call(self, action: Action, event: Event) -> None:
        """One try of one event on one path: its receipt, or a note of why there is none."""
        path = self._paths[action.path]
        try:
            receipts = await path.send([event])
        except PathError as error:
            self._failed(path, error)
            unknown = error.reason is Reason.PATH_TIMEOUT
            refused = error.reason is Reason.PATH_REFUSED
            # A text that may have gone is not sent again before its gap; the receiver folds it if it went.
            handed = unknown and action.path not in IP
            _end(self._tries, event.id, action.path, refused=refused, handed=handed)
            self._note(event, action.path, str(error.reason), unknown=unknown)
        else:
            if not receipts:
                _end(self._tries, event.id, action.path, handed=True)
                self._note(event, action.path, HANDED, unknown=True)
                self.wake()
                return
            self._worked(path)
            _end(self._tries, event.id, action.path, refused=any(r.stage == "rejected" for r in receipts))
            self._acked.update(receipt.about for receipt in receipts if settles(receipt, event.lane))
            for receipt in receipts:
                self._hub.receipt(receipt, action.path)
        self.wake()

    def acknowledged(self, receipt: Receipt) -> None:
        """A receipt came on its own, and is on its way to the disk: no way is tried on meanwhile."""
        if receipt.stage == "stored":
            self._acked.add(receipt.about)
            self.wake()

    def _note(self, event: Event, path: str, reason: str, *, unknown: bool) -> None:
        tries = self._tries.get((event.id, path), Tries())
        self._hub.attempt(
            AttemptEntry(
                at=self._hub.mint.stamp(),
                event_id=event.id,
                path=path,
                number=tries.count,
                outcome="unknown" if unknown else "failed",
                reason=reason,
            )
        )

    # --- lower lanes ---

    async def run_lower(self) -> None:
        """Send faults, readings and telemetry, oldest first, in batches, whenever no call uses the path."""
        while True:
            self._lower_wake.clear()
            wait_ms = await self._drain_all()
            await came(self._lower_wake, IDLE_S if wait_ms is None else wait_ms / 1000)

    async def _drain_all(self) -> int | None:
        """Send until nothing is due; the milliseconds until something is, or None."""
        for lane in LOWER:
            wait_ms = await self._drain(lane)
            if wait_ms is not None:
                return wait_ms
        return None

    async def _drain(self, lane: Lane) -> int | None:
        """Send one lane until nothing is due; the next batch is read while one is on its way."""
        limit = self._plan.batch[lane]
        batch = await self._pending(lane, limit, 0)
        while batch:
            held_ms = self._not_before[lane] - self._now_ms()
            if held_ms > 0:
                return held_ms
            now_ms, full = self._now_ms(), len(batch) == limit
            every = planned(self._plan, self._waiting(batch[0].event), self.health, self._lower_tries, now_ms)
            action = min(every, key=lambda a: _preference(a, now_ms, full), default=None)
            if action is None or action.due_ms > now_ms:
                return int(IDLE_S * 1000) if action is None else action.due_ms - now_ms
            if self._call_probes(action.path):
                return int(IDLE_S * 1000)  # that a way is back wakes this
            if await self._calls_done(action.path):
                continue  # the path may have failed meanwhile, or come back: then this lane is spread
            following = asyncio.ensure_future(self._pending(lane, limit, batch[-1].seq))
            if not await self._send_batch(action.path, [queued.event for queued in batch], lane):
                following.cancel()
                return AGAIN_MS
            batch = await following
            if lane > Lane.FAULT and await self._pending(Lane.FAULT, 1, 0):
                return 0
        return None

    def _call_probes(self, path: str) -> bool:
        """Whether a call waits for a way that is down: it is the first to find out that it is back."""
        return not self.health[path].good and bool(self._hub.events.keys() - self._acked)

    async def _calls_done(self, path: str) -> bool:
        """Wait while a call is being sent on that path, or owed and being sent on any: all paths share the
        home's line and the platform, and a lower lane never goes beside a higher one. Whether it had to wait.
        """
        waited = False
        while self._sending and self._call_goes(path):
            waited = True
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
        return waited

    def _call_goes(self, path: str) -> bool:
        owed = (self._hub.events.keys() | self._hub.stranded.keys()) - self._acked
        under_way = (key for key, tries in self._tries.items() if tries.in_flight)
        return any(name == path or event_id in owed for event_id, name in under_way)

    async def _send_batch(self, path: str, events: Sequence[Event | Packed], lane: Lane) -> bool:
        """One batch on one path; whether all of it has a receipt that is being journalled."""
        head = events[0].id
        _begin(self._lower_tries, head, path, self._now_ms())
        way = self._paths[path]
        try:
            receipts: Sequence[Receipt] = await way.send(events)
        except PathError as error:
            self._failed(way, error)
            _end(self._lower_tries, head, path, refused=error.reason is Reason.PATH_REFUSED)
            await self._settle(lane, error.receipts, path)
            return False
        self._worked(way)
        for name in self._paths:
            self._lower_tries.pop((head, name), None)
        return await self._settle(lane, receipts, path)

    async def _settle(self, lane: Lane, receipts: Sequence[Receipt], path: str) -> bool:
        """Journal receipts, and wait for the commit of those before: disk and network work at once."""
        before, self._settling = self._settling, None
        if receipts:
            self._settling = asyncio.ensure_future(self._hub.settle(lane, receipts, path))
        try:
            if before is not None:
                await before
        except AnbanError as error:
            log.warning("receipts are not kept, their events will be sent again: %s", error)
            return False
        return True

    # --- paths ---

    async def run_checks(self, name: str) -> None:
        """Check one path for ever, so that a call knows which way is down before it goes."""
        while True:
            await self.check(name)
            await asyncio.sleep(CHECK_S if self.health[name].good else CHECK_DOWN_S)

    async def check(self, name: str) -> bool:
        """One authenticated round trip on a path by IP; whether the platform answered."""
        path = cast(Path, self._paths[name])
        try:
            wall_ms, round_trip_s = await path.time()
        except PathError as error:
            self._failed(path, error)
            return False
        self._on_time(wall_ms)
        self._worked(path, round(round_trip_s * 1000))
        return True

    def polled(self, path: Sender, error: PathError | None) -> None:
        """A long poll of the downlink has ended, as good a check as any; or a modem was looked at."""
        if error is None:
            self._worked(path)
        else:
            self._failed(path, error)

    def _worked(self, path: Sender, round_trip_ms: int = -1) -> None:
        if self._paths.get(path.name) is path:  # what is heard of a path that other settings ended counts not
            health = path_worked(self.health[path.name], self._now_ms(), round_trip_ms)
            self._set_health(path.name, health)

    def _failed(self, path: Sender, error: PathError) -> None:
        log.info("path %s: %s", path.name, error)
        if self._paths.get(path.name) is path:
            health = path_failed(self.health[path.name], str(error.reason))
            self._set_health(path.name, health)

    def _set_health(self, name: str, health: PathHealth) -> None:
        before, self.health[name] = self.health[name], health
        if before.good == health.good:
            return
        if health.good:
            fraction = random.random()  # spreads a town's reconnection, protects nothing
            for lane in LOWER:
                self._not_before[lane] = self._now_ms() + spread_ms(self._plan, lane, fraction)
        self._on_health(before, health)
        self.wake()

    def _now_ms(self) -> int:
        return self._hub.mint.clock.monotonic_ms()


def _preference(action: Action, now_ms: int, full: bool) -> tuple[bool, bool, int]:
    """What is due first; among what is due, bulk where bulk goes best."""
    return action.due_ms > now_ms, full and action.path != BULK, action.due_ms


def _begin(tries: dict[tuple[EventId, str], Tries], event_id: EventId, path: str, now_ms: int) -> None:
    before = tries.get((event_id, path), Tries())
    tries[event_id, path] = Tries(count=before.count + 1, started_ms=now_ms, in_flight=True)


def _end(
    tries: dict[tuple[EventId, str], Tries],
    event_id: EventId,
    path: str,
    *,
    refused: bool = False,
    handed: bool = False,
) -> None:
    before = tries.get((event_id, path))
    if before is not None:
        tries[event_id, path] = msgspec.structs.replace(
            before, in_flight=False, refused=refused, handed=handed
        )
