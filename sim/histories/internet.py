"""The way to the platform and the platform itself: the product's wire bytes on lines that lose, delay and
double.

The platform is the reference platform's own desk and folding on a shelf in memory; a seat takes calls,
arrives, closes and accepts cancels by chance, or is asleep.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from edge.paths.base import PathError
from protocols.errors import AnbanError, Reason
from protocols.kinds import opens_call
from protocols.values import DownlinkItem, Event, EventId, Lane, Receipt
from protocols.wire import (
    decode_downlink,
    decode_each_event,
    decode_receipts,
    encode_downlink,
    encode_events,
    encode_receipts,
)
from sim.histories.clockwork import Loop, World
from sim.histories.truth import ENDS, Mark
from sim.platform.desk import Arrival, Desk, MemoryShelf
from sim.platform.folding import Action, Alert, Case, Lifecycle

TIMEOUT_MS = {"coap": 9_000, "https": 12_000}
WALL_MS = 1_800_000_000_000  # the true Unix time at the world's zero
LIMIT = 50  # items of one downlink answer

Answer = Callable[[bytes], None]


class Platform:
    """Commits, folds and answers, while it is up. What it has stored stays."""

    def __init__(self, world: World) -> None:
        self.world, self.shelf = world, MemoryShelf()
        self.desk = Desk(self.shelf)
        self.up = True
        self.seat = "prompt"  # or "slow", "asleep"
        self.marks: defaultdict[EventId, list[Mark]] = defaultdict(list)  # of each case, in order
        self.numbers: dict[tuple[str, int], EventId] = {}  # what is stored, whatever life it bears
        self.refuses = False  # calls are rejected: a platform that was configured wrongly
        self.on_end: Callable[[Case, Action], None] = lambda case, action: None
        self.on_case: Callable[[Case], None] = lambda case: None  # it opens, for the first time
        self._waiting: list[tuple[str, int, Answer]] = []

    def receive(self, raw: bytes, hub: str, answer: Answer) -> None:
        """A delivery."""
        if not self.up:
            return
        events = decode_each_event(raw)
        if self.refuses and any(isinstance(e, Event) and e.lane <= Lane.ASSIST for e in events):
            receipts = [
                Receipt(number=self.shelf.next_number(), about=e.id, stage="rejected", reason="bad-value")
                for e in events
                if isinstance(e, Event)
            ]
            self.world.note("the platform refuses a call", "platform: refuses")
            answer(encode_receipts(receipts))
            return
        new = [e for e in events if isinstance(e, Event) and e.id not in self.shelf.events]
        arrival = self.desk.receive(events, hub, self.world.now_ms)
        for event in new:
            if opens_call(event.kind):
                mark = Mark(self.world.now_ms, event.id, event.lane)
                self.marks[self.shelf.case_ids[event.id]].append(mark)
        self.numbers.update({(e.id.origin, e.id.number): e.id for e in events if isinstance(e, Event)})
        self._after(arrival)
        if self.world.random.random() < 0.02:
            self.world.note("the platform commits, and its answer is lost", "platform: answer lost")
            return
        answer(encode_receipts(arrival.receipts))

    def poll(self, hub: str, after: int, hold_ms: int, answer: Answer) -> None:
        """A long poll."""
        if not self.up:
            return
        if self.shelf.after(hub, after):
            self._answer(hub, after, answer)
        else:
            self._waiting.append((hub, after, answer))
            self.world.after(hold_ms * self.world.lapse, self._release, hub, after, answer)

    def act(self, call_id: EventId, action: Action, by: str) -> None:
        """A seat's hand, if the case is in a state for it."""
        if not self.up:
            self.world.after(60_000 * self.world.lapse, self.act, call_id, action, by)
            return
        try:
            arrival = self.desk.act(call_id, action, by, self.world.now_ms)
        except AnbanError:
            return
        self.marks[call_id].append(Mark(self.world.now_ms, hand=action))
        if action in ENDS:
            self.on_end(self.shelf.cases[call_id], action)
        self.world.note(f"seat: {action.value} {call_id}", f"seat: {action.value}")
        self._after(arrival)

    def open_cases(self) -> list[Case]:
        """Cases that still need somebody."""
        return [case for case in self.shelf.cases.values() if case.lifecycle is Lifecycle.OPEN]

    def _after(self, arrival: Arrival) -> None:
        for change in arrival.changes:
            if change.case is not None and change.alert is Alert.NEW and not change.case.reopened:
                self.on_case(change.case)
            if change.case is not None and change.alert is not Alert.NONE:
                self._alert(change.case, change.alert)
        for hub, after, answer in list(self._waiting):
            if hub in arrival.hubs:
                self._release(hub, after, answer)

    def _release(self, hub: str, after: int, answer: Answer) -> None:
        if (hub, after, answer) in self._waiting:
            self._waiting.remove((hub, after, answer))
            if self.up:
                self._answer(hub, after, answer)

    def _answer(self, hub: str, after: int, answer: Answer) -> None:
        items = [DownlinkItem(cursor, item) for cursor, item in self.shelf.after(hub, after)[:LIMIT]]
        answer(encode_downlink(items))

    def _alert(self, case: Case, alert: Alert) -> None:
        """What a person at the seat does about it, sooner or later."""
        call_id, delay = case.call_id, self.world.delay
        if self.seat == "asleep":
            return
        slow = 8 if self.seat == "slow" else 1
        wake = self.world.after
        if case.cancel_asked and self.world.random.random() < 0.8:
            wake(delay(300, 25_000) * slow, self.act, call_id, Action.ACCEPT_CANCEL, "wang")
        if alert is Alert.UPDATE:
            return
        at_ms = delay(1_000, 15_000) * slow
        if self.world.random.random() < 0.2:
            at_ms += delay(20_000, 60_000)  # somebody has other calls
        if self.world.random.random() < 0.1:  # settled by a word on the telephone
            wake(at_ms, self.act, call_id, Action.CLOSE, "wang")
            return
        wake(at_ms, self.act, call_id, Action.TAKE, "wang")
        if self.world.random.random() < 0.6:
            wake(at_ms + delay(2_000, 30_000), self.act, call_id, Action.ARRIVED, "wang")
        if self.world.random.random() < 0.7:
            wake(at_ms + delay(20_000, 60_000), self.act, call_id, Action.CLOSE, "wang")


class Line:
    """One path of one home: what it does to everything that goes over it."""

    def __init__(self, world: World, name: str, platform: Platform) -> None:
        self.world, self.name, self.platform = world, name, platform
        self.cut = False
        self.loss = 0.0
        self.slow = 1
        self.calls_in_flight: set[str] = set()

    def carry(self, delivered: Callable[..., None], *args: Any) -> None:
        """One message, in one direction: arrives, is lost, or arrives twice."""
        if self.cut or self.world.random.random() < self.loss:
            self.world.visits[f"{self.name}: lost"] += 1
            return
        self.world.after(self.world.delay(8, 60) * self.slow, delivered, *args)
        if self.world.random.random() < 0.02:
            self.world.visits[f"{self.name}: doubled"] += 1
            self.world.after(self.world.delay(100, 5_000), delivered, *args)


class SimPath:
    """`edge.paths.base.Path` over a line; belongs to one hub process."""

    def __init__(self, line: Line, hub: str, loop: Loop) -> None:
        self.name = line.name
        self._line, self._hub, self._loop = line, hub, loop
        self.dead = False
        self.tried: set[EventId] = set()  # what this process has put on the line

    async def send(self, events: Sequence[Event]) -> list[Receipt]:
        """As Path.send."""
        raw, ids = encode_events(events), {str(event.id) for event in events}
        call = events[0].lane <= Lane.ASSIST
        bulk = len(events) > 1 or events[0].lane > Lane.FAULT  # a fault from memory goes alone
        if self._line.calls_in_flight and not call and bulk:
            self._loop.troubles.append(
                f"I3 lanes: a batch of {events[0].lane.name} beside a call on {self.name}"
            )
        self.tried.update(event.id for event in events)
        self._line.calls_in_flight |= ids if call else set()
        try:
            answer = await self._ask(lambda reply: self._line.platform.receive(raw, self._hub, reply))
        finally:
            self._line.calls_in_flight -= ids
        receipts = decode_receipts(answer)
        if len(receipts) != len(events):
            raise PathError(Reason.PATH_BAD_ANSWER, "not one receipt for each event", receipts=receipts)
        return receipts

    async def poll(self, after: int, hold_s: float) -> list[DownlinkItem]:
        """As Path.poll."""
        hold_ms = int(hold_s * 1000)
        ask = lambda reply: self._line.platform.poll(self._hub, after, hold_ms, reply)  # noqa: E731
        return list(decode_downlink(await self._ask(ask, hold_ms)))

    async def time(self) -> tuple[int, float]:
        """As Path.time: the platform's clock, which is right."""
        wall_ms, begun = self._loop.world.now_ms + WALL_MS, self._loop.time()
        await self._ask(lambda reply: reply(b"") if self._line.platform.up else None)
        return wall_ms, self._loop.time() - begun

    async def open(self) -> None:
        """As CoapPath.open."""

    async def close(self) -> None:
        """As Path.close."""

    async def _ask(self, request: Callable[[Answer], None], extra_ms: int = 0) -> bytes:
        """A request over the line and its answer back; PathError when none comes in time."""
        future: asyncio.Future[bytes] = self._loop.create_future()

        def came(raw: bytes) -> None:
            if not self.dead and not future.done():
                future.set_result(raw)

        if self.dead:
            return await future
        self._line.carry(request, lambda raw: self._line.carry(came, raw))
        try:
            async with asyncio.timeout((TIMEOUT_MS[self.name] + extra_ms) / 1000):
                return await future
        except TimeoutError:
            raise PathError(Reason.PATH_TIMEOUT, f"no answer by {self.name}") from None
