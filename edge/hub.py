"""The heart of the hub: every entry goes through here to the journal, and what follows from it goes out.

One flow: an input makes an entry → it is submitted to the writer and, if it is a call, folded at once → when
its commit has returned the effects run and whoever watches (delivery, surfaces, pendants) looks at the book
anew. If the commit has not returned in 250 ms, or fails, a call goes out from memory all the same, with
`durable=false`; "the hub has it" is withheld until it is true.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from edge import faults
from edge.book import Book, Call, Press, call_for, find
from edge.calls import RESULT, Effect, restart, step
from edge.deadlines import Due
from edge.entries import (
    MAX_RECEIPTS,
    AttemptEntry,
    CommandEntry,
    Entry,
    EventEntry,
    LocalEntry,
    ReceiptEntry,
    ReceiptsEntry,
    SensedEntry,
    Stamp,
    TimerEntry,
    ToldEntry,
)
from edge.faults import Faults
from edge.mint import Mint
from edge.stages import Stages
from protocols.errors import AnbanError, Reason
from protocols.values import Command, DownlinkItem, Event, EventId, Lane, Receipt

log = logging.getLogger(__name__)

LATE_S: Final = 0.25  # ARCHITECTURE "Stores": a call does not wait longer for its commit
CALL_LANES: Final = (Lane.SOS, Lane.ASSIST)


@dataclass(slots=True)
class _Pending:
    """An entry on its way to the disk."""

    lane: Lane
    entry: Entry
    folded: bool = False
    late: bool = False


class Store(Protocol):
    """Where entries go: the journal's writer."""

    def submit(self, lane: Lane, entries: Sequence[Entry]) -> asyncio.Future[list[int]]: ...

    @property
    def durable(self) -> bool: ...


class Hub:
    """The book of calls and the only way into the journal. Lives on one loop; never blocks it."""

    def __init__(self, mint: Mint, store: Store, *, elder: str, room: str) -> None:
        self.mint, self._store = mint, store
        self.elder, self.room = elder, room
        self.book = Book()
        self.faults = Faults()
        self.events: dict[EventId, Event] = {}  # of calls, while the platform owes an ack
        self.unstored: dict[EventId, int] = {}  # not on disk yet -> monotonic ms until which it waits for it
        self.stranded: dict[EventId, Event] = {}  # faults that the disk has not taken
        self.stages = Stages(mint.clock.monotonic_ms)
        self.on_change: list[Callable[[], None]] = []  # delivery, surfaces, pendants: look at the book anew
        self.on_effect: list[Callable[[Effect], None]] = []
        self.on_result: list[Callable[[Event], None]] = []  # a command has ended
        self.on_entry: list[Callable[[Entry], None]] = []  # notes it and returns: calls go by here
        self.on_storage: Callable[[str], None] = lambda reason: None  # "" when it is well again
        self.storage = ""  # why the disk does not take what it should, or empty

    # --- at start ---

    def resume(self, entries: Sequence[Entry]) -> None:
        """Fold what the journal holds; nothing is said or sent while folding, only what is owed after it."""
        self.learn(entries)
        now = self.mint.stamp()
        self.book, opened = restart(self.book, now)
        self.faults = faults.restart(self.faults, now)
        for entry in opened:
            self.fire(entry)

    def learn(self, entries: Sequence[Entry]) -> None:
        """Fold what a disk holds of earlier runs, early or late: what is known changes nothing."""
        for entry in entries:
            self.book, _ = step(self.book, entry)
            self.faults = faults.step(self.faults, entry)
            if isinstance(entry, EventEntry) and entry.event.id in self.book.index:
                self.events[entry.event.id] = entry.event
        self._drop_delivered()
        self._changed()

    # --- in ---

    def call(
        self,
        kind: str,
        source: str,
        *,
        elder: str = "",
        device: str = "",
        room: str = "",
        event_id: EventId | None = None,
        data: Mapping[str, Any] | None = None,
        stages: Mapping[str, int] | None = None,
        age_ms: int = 0,
        lane: Lane | None = None,
    ) -> EventId:
        """A call event: joins the elder's open call or opens one. Known ids fold silently. Returns its id."""
        if event_id is not None and event_id in self.book.index:
            return event_id
        who = elder or self.elder
        new_id = event_id or self.mint.next_id()
        event = self.mint.event(
            kind,
            new_id,
            elder=who,
            device=device,
            room=room or self.room,
            call_id=call_for(self.book, who, new_id, self.mint.stamp()),
            data=data,
            stages=stages,
            age_ms=age_ms,
            lane=lane,
        )
        self.record(event, source)
        return new_id

    def update(
        self, call_id: EventId, change: str, source: str, more: Mapping[str, Any] | None = None
    ) -> None:
        """A `call.updated` of a call that stands (cancel asked, call back, ...), in the call's own lane."""
        call = find(self.book, call_id)
        if call is None:
            raise AnbanError(Reason.NOT_FOUND, f"there is no call {call_id}", "List them: anban hub calls.")
        event = self.mint.event(
            "call.updated",
            self.mint.next_id(),
            elder=call.elder,
            room=self.room,
            lane=call.lane,
            call_id=call.id,
            data={"change": change, "source": source, **(more or {})},
        )
        self.record(event, source)

    def see(self, fault: str, about: str, bad: bool, cause: str = "") -> None:
        """Somebody looked at something that may be wrong, or well: a fault when it has lasted."""
        now = self.mint.stamp()
        self.faults, report = faults.observe(self.faults, fault, about, bad, now, cause)
        if report is not None:
            self.report(report.kind, report.data)

    def report(
        self, kind: str, data: Mapping[str, Any], *, device: str = "", elder: str = ""
    ) -> asyncio.Future[list[int]] | None:
        """An event that is no call: a fault, a state, a reading, a command's result. Gives as `record`."""
        event = self.mint.event(
            kind, self.mint.next_id(), elder=elder, device=device, room=self.room, data=data
        )
        return self.record(event, "system")

    def record(self, event: Event, source: str) -> asyncio.Future[list[int]] | None:
        """Journal an event, fold it, let it go out: together. The commit under way, None if it is shed."""
        entry = EventEntry(at=self.mint.stamp(), event=event, source=source)
        self.faults = faults.step(self.faults, entry)
        if event.lane in CALL_LANES or event.call_id is not None:
            self.events[event.id] = event
            # Nobody waits for a disk that is known not to take what it should.
            wait_s = 0.0 if self.storage else LATE_S
            self.unstored[event.id] = entry.at.uptime_ms + round(wait_s * 1000)
            self.stages.begin(event)
            self.book, effects = step(self.book, entry, durable=False)
            self._run(effects)
        elif event.kind == RESULT:
            self.book, _ = step(self.book, entry, durable=False)  # not answered twice before its commit
            for listener in self.on_result:
                listener(event)
        commit = self._submit(event.lane, entry)
        if self.storage:
            self._changed()
        return commit

    def receive(self, items: Sequence[DownlinkItem], path: str) -> list[asyncio.Future[list[int]] | None]:
        """What the platform said, from a downlink; the commit of each receipt and command, None if shed."""
        kept = []
        for item in items:
            if isinstance(item.item, Receipt):
                kept.append(self.receipt(item.item, path))
            elif isinstance(item.item, Command):
                kept.append(self.command(item.item, path))
            else:
                log.info("a later platform says something that this release does not know")
        return kept

    def receipt(self, receipt: Receipt, path: str) -> asyncio.Future[list[int]] | None:
        """A receipt, from an answer or from the downlink."""
        press = self._press(receipt.about)
        lane = press.lane if press else self._lane_of_call(receipt.about)
        return self._submit(lane, ReceiptEntry(at=self.mint.stamp(), receipt=receipt, path=path))

    def settle(self, lane: Lane, receipts: Sequence[Receipt], path: str) -> asyncio.Future[list[int]]:
        """Receipts of a batch of a lower lane, in one commit: no call follows from them."""
        at, firsts = self.mint.stamp(), range(0, len(receipts), MAX_RECEIPTS)
        parts = [tuple(receipts[first : first + MAX_RECEIPTS]) for first in firsts]
        return self._store.submit(lane, [ReceiptsEntry(at=at, receipts=part, path=path) for part in parts])

    def command(self, command: Command, path: str) -> asyncio.Future[list[int]] | None:
        """A command of the platform: journalled, then run once, however often it comes."""
        return self._submit(Lane.FAULT, CommandEntry(at=self.mint.stamp(), command=command, path=path))

    def local(self, call_id: EventId, name: str, by: str = "") -> None:
        """Something a person in the home did about a call; `by`: at another hub of it."""
        self.note(LocalEntry(at=self.mint.stamp(), call_id=call_id, name=name, by=by))

    def answered(self, call: Call) -> None:
        """That all is well, before anything went out: that there was something is told all the same."""
        first = call.presses[call.id]
        data = {"plan": first.kind.removeprefix("call."), "answer": "fine"}
        self.report("care.answered", data, device=first.device, elder=call.elder)

    def told(self, call_id: EventId, name: str) -> None:
        """Something was said in full to the elder."""
        self.note(ToldEntry(at=self.mint.stamp(), call_id=call_id, name=name))

    def note(self, entry: LocalEntry | ToldEntry) -> asyncio.Future[list[int]] | None:
        """An entry about a call that stands. Gives as `record`."""
        return self._submit(self._lane_of_call(entry.call_id), entry)

    def fire(self, item: Due) -> None:
        """A deadline has come: its entry counts at once, so that it cannot come twice before its commit."""
        if isinstance(item, TimerEntry):
            self.book, effects = step(self.book, item)
            self._run(effects)
            self._submit(self._lane_of_call(item.call_id), item, folded=True)
            self._changed()
            return
        event = self.mint.event(
            item.kind,
            self.mint.next_id(),
            elder=item.elder,
            room=self.room,
            lane=item.lane,
            call_id=item.call_id,
            data=item.data,
        )
        self.record(event, "rule")

    def sense(self, sensor: str, what: str) -> None:
        """What a sensor said, as news for the rules of care."""
        self._submit(Lane.TELEMETRY, SensedEntry(at=self.mint.stamp(), sensor=sensor, what=what))

    def attempt(self, entry: AttemptEntry) -> None:
        """A try to send that ended without a receipt."""
        self._submit(Lane.TELEMETRY, entry)

    # --- out ---

    def sendable(self, press: Press, now: Stamp) -> Event | None:
        """The event of an owed press as it may go out now; None while its commit may still return in time."""
        event = self.events.get(press.id)
        if event is None:
            return None
        waits_until_ms = self.unstored.get(press.id)
        if waits_until_ms is None:
            return event
        return None if now.uptime_ms < waits_until_ms else msgspec.structs.replace(event, durable=False)

    # --- the journal's answer ---

    def saved(self, entries: Sequence[Entry], seqs: Sequence[int]) -> None:
        """The writer brought to the disk what it could not before: now it may be said that the hub has it."""
        for entry in entries:
            if isinstance(entry, EventEntry):
                self._fold(_Pending(entry.event.lane, entry, folded=True), durable=True)

    def _submit(self, lane: Lane, entry: Entry, *, folded: bool = False) -> asyncio.Future[list[int]] | None:
        """The commit under way, or None for what is not kept."""
        pending = _Pending(lane, entry, folded)
        for note in self.on_entry:
            note(entry)
        try:
            future = self._store.submit(lane, [entry])
        except AnbanError as error:  # not writable, or too many readings wait: told, and shed
            log.error("an entry is not kept: %s", error)
            self._fold(pending, durable=False)
            return None
        late = asyncio.get_running_loop().call_later(LATE_S, self._late, pending)
        future.add_done_callback(lambda done: self._committed(pending, late, done))
        return future

    def _late(self, pending: _Pending) -> None:
        """250 ms have gone and the disk has not answered."""
        pending.late = True
        self._storage_is(str(Reason.STORAGE_STUCK))
        self._fold(pending, durable=False)

    def _committed(
        self, pending: _Pending, late: asyncio.TimerHandle, done: asyncio.Future[list[int]]
    ) -> None:
        late.cancel()
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self._storage_is(str(error.reason if isinstance(error, AnbanError) else Reason.STORAGE_FAILED))
        elif not pending.late:
            self._storage_is("")
        self._fold(pending, durable=error is None and self._store.durable)

    def _fold(self, pending: _Pending, *, durable: bool) -> None:
        """Fold an entry when its commit has returned, or has not in time; an event twice, the rest once."""
        effects: tuple[Effect, ...] = ()
        entry = pending.entry
        if isinstance(entry, EventEntry):
            event = entry.event
            if not durable and event.id in self.unstored:
                self.unstored[event.id] = 0
            if not durable and event.lane is Lane.FAULT:
                self.stranded[event.id] = msgspec.structs.replace(event, durable=False)
            if durable:
                self.unstored.pop(event.id, None)
                self.book, effects = step(self.book, entry)
                self.stages.mark(event, "stored")
        elif not pending.folded:
            self.book, effects = step(self.book, entry)
        pending.folded = True
        self._run(effects)
        if isinstance(entry, ReceiptEntry):
            self.stranded.pop(entry.receipt.about, None)
            delivered = self.events.get(entry.receipt.about)
            if delivered is not None and entry.receipt.stage == "stored":
                self.stages.mark(delivered, "delivered")
            self._drop_delivered(entry.receipt.about)
        elif isinstance(entry, LocalEntry):
            self._drop_delivered()
        self._changed()

    def _run(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            for listener in self.on_effect:
                listener(effect)

    def _changed(self) -> None:
        for listener in self.on_change:
            listener()

    def _storage_is(self, reason: str) -> None:
        if reason != self.storage:
            self.storage = reason
            self.on_storage(reason)

    def _drop_delivered(self, event_id: EventId | None = None) -> None:
        """Forget the bodies of events that the platform has or never will; they stay in the journal."""
        for known in [event_id] if event_id else list(self.events):
            call = find(self.book, known)
            press = call.presses.get(known) if call else None
            done = call is None or press is None or press.stored is not None or call.withdrawn
            if known in self.events and done:
                del self.events[known]

    def _press(self, event_id: EventId) -> Press | None:
        call = find(self.book, event_id)
        return call.presses.get(event_id) if call else None

    def _lane_of_call(self, call_id: EventId) -> Lane:
        call = find(self.book, call_id)
        return call.lane if call else Lane.FAULT
