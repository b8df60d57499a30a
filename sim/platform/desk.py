"""Where what arrives becomes cases, receipts and faults: one rule for every store, real or in memory.

`Desk` is driven by the server on SQLite and by simulated histories on `MemoryShelf`; a shelf only keeps
things. Whoever calls the desk commits the shelf before any receipt leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from protocols.errors import AnbanError, Reason
from protocols.values import Command, Event, EventId, Lane, Receipt
from sim.platform.faults import Fault, fold_fault, key_of
from sim.platform.folding import (
    Action,
    Alert,
    Case,
    Folded,
    Lifecycle,
    Name,
    Refused,
    call_of,
    fold_action,
    fold_again,
    fold_event,
    fold_note,
    would_join,
)

NOBODY = EventId(
    "unknown", 0, 0
)  # a rejected event whose id could not be read; its place in the batch says which


class Shelf(Protocol):
    """What a desk keeps its things on."""

    def next_number(self) -> int:
        """The platform's own order: grows by one, never used twice."""
        ...

    def event_number(self, event_id: EventId) -> int | None:
        """The number under which an event was stored, or None."""
        ...

    def put_event(self, event: Event, hub: str, number: int, at_ms: int, case_id: EventId | None) -> None: ...

    def case_of_event(self, event_id: EventId) -> EventId | None:
        """The case that a stored event belongs to."""
        ...

    def case_of_call(self, call_id: EventId) -> EventId:
        """The case that a call id is another name of; itself if it is none."""
        ...

    def put_call(self, call_id: EventId, case_id: EventId) -> None:
        """Make a call id another name of a case, for ever."""
        ...

    def open_case_for(self, hub: str, elder: str) -> EventId | None:
        """The open case of an elder, if that elder is registered with this hub."""
        ...

    def case(self, call_id: EventId) -> Case | None: ...

    def put_case(self, case: Case) -> None: ...

    def fault(self, key: str) -> Fault | None: ...

    def put_fault(self, fault: Fault) -> None: ...

    def put_downlink(self, hub: str, number: int, item: Receipt | Command) -> None: ...

    def heard(self, hub: str, event: Event, at_ms: int) -> None:
        """An event of this hub came."""
        ...

    def is_foreign(self, hub: str, device: str) -> bool:
        """Whether `device` is registered, and not with `hub`: an id of its would then not be its own."""
        ...


Unread = tuple[EventId | None, AnbanError]
"""What of a delivery could not be read: its id, if that could, and why."""


class Change(msgspec.Struct, frozen=True):
    """What a seat is to be told of after the commit."""

    case: Case | None = None
    alert: Alert = Alert.NONE
    fault: bool = False
    reading: bool = False


class Arrival(msgspec.Struct, frozen=True):
    """What came of a delivery: receipts in its order, changes for the seat, hubs with new downlink."""

    receipts: list[Receipt]
    changes: list[Change]
    hubs: set[str]


class Desk:
    """Takes deliveries and seats' hands. Not thread-safe; the shelf decides what a transaction is."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def receive(self, events: Sequence[Event | Unread], hub: str, at_ms: int) -> Arrival:
        """Store what is new of `events`, fold it, and say for each what became of it.

        What could not be read gets its `rejected` and stops no other.
        """
        arrival = Arrival([], [], set())
        for event in events:
            if not isinstance(event, Event):
                about, error = event
                arrival.receipts.append(self._rejected(about or NOBODY, error.reason, error.sentence, at_ms))
            elif self._shelf.is_foreign(hub, event.id.origin):
                sentence = "The device that minted this id belongs to another home."
                arrival.receipts.append(self._rejected(event.id, Reason.NOT_ALLOWED, sentence, at_ms))
            else:
                arrival.receipts.append(self._store(event, hub, at_ms, arrival))
        return arrival

    def act(self, call_id: EventId, action: Action, by: str, at_ms: int, seen: int | None = None) -> Arrival:
        """A seat's hand; `seen` as in `fold_action`. AnbanError(NOT_FOUND), or (CONFLICT) if it cannot be."""
        case = self._shelf.case(call_id)
        if case is None:
            raise AnbanError(Reason.NOT_FOUND, "There is no such call.")
        arrival = Arrival([], [], set())
        try:
            self._settle(fold_action(case, action, by, at_ms, seen), case.names, at_ms, arrival)
        except Refused as refusal:
            raise AnbanError(Reason.CONFLICT, str(refusal)) from refusal
        return arrival

    def command(self, hub: str, command: Command) -> Arrival:
        """Put a command on a hub's downlink."""
        self._shelf.put_downlink(hub, self._shelf.next_number(), command)
        return Arrival([], [], {hub})

    def _store(self, event: Event, hub: str, at_ms: int, arrival: Arrival) -> Receipt:
        self._shelf.heard(hub, event, at_ms)
        number = self._shelf.event_number(event.id)
        new = number is None
        call_id = call_of(event)
        case_id = self._case_id(call_id, event, new, hub, at_ms) if call_id is not None else None
        if number is None:
            number = self._shelf.next_number()
            self._shelf.put_event(event, hub, number, at_ms, case_id)
        home = self._shelf.case_of_event(event.id)
        elsewhere = home if home != case_id else None  # another hub brought it, and into another call
        receipt = Receipt(number=number, about=event.id, stage="stored", wall_ms=at_ms, call_id=elsewhere)
        if new and event.lane <= Lane.ASSIST:
            # The answer to this request may be lost: the acknowledgement of a call also goes by any poll.
            self._shelf.put_downlink(hub, self._shelf.next_number(), receipt)
            arrival.hubs.add(hub)
        if call_id is not None and case_id is not None:
            self._fold_call(case_id, event, new, (hub, call_id), at_ms, arrival)
        elif new and event.kind in ("fault.raised", "fault.cleared"):
            known = self._shelf.fault(key_of(event, hub))
            folded = fold_fault(known, event, hub, at_ms)
            if folded != known:
                self._shelf.put_fault(folded)
                arrival.changes.append(Change(fault=True))
        elif new and event.kind.startswith("contact."):
            self._note(event, hub, at_ms, arrival)
        elif (
            new
            and event.kind.startswith(("reading.", "care.whose"))
            and not (
                arrival.changes and arrival.changes[-1].reading  # a backlog is one change
            )
        ):
            arrival.changes.append(Change(reading=True))
        return receipt

    def _note(self, event: Event, hub: str, at_ms: int, arrival: Arrival) -> None:
        """What a home tells of a relative stands with its case, where this hub has one."""
        try:
            call_id = EventId.parse(str(event.data.get("call", "")))
        except AnbanError:
            return
        case = self._shelf.case(self._shelf.case_of_call(call_id))
        if case is not None and hub in case.hubs:
            noted = fold_note(case, event, at_ms)
            self._shelf.put_case(noted)
            arrival.changes.append(Change(case=noted))

    def _case_id(self, call_id: EventId, event: Event, new: bool, hub: str, at_ms: int) -> EventId:
        """The case of an event. A call id that was never heard may be another name of a case that stands: a
        second hub of the home names a call after the first press that it heard itself, and so does a hub that
        has forgotten the call."""
        case_id = self._shelf.case_of_call(call_id)
        if self._shelf.case(case_id) is not None:
            return case_id
        known = None if new else self._shelf.case_of_event(event.id)
        if known is None and event.elder:
            known = self._shelf.open_case_for(hub, event.elder)
            standing = self._shelf.case(known) if known is not None else None
            if standing is None or (hub in standing.hubs and not would_join(standing, event, at_ms)):
                known = None  # that hub means a new call
        if known is None:
            return case_id
        self._shelf.put_call(call_id, known)
        return known

    def _fold_call(
        self, case_id: EventId, event: Event, new: bool, name: Name, at_ms: int, arrival: Arrival
    ) -> None:
        case = self._shelf.case(case_id)
        once_more = None if new else case
        folded = fold_again(once_more, name) if once_more else fold_event(case, event, name, at_ms)
        if folded.case != case:
            self._settle(folded, (name,), at_ms, arrival)
        elif folded.stages:
            self._tell(folded, (name,), at_ms, arrival)

    def _settle(self, folded: Folded, names: Sequence[Name], at_ms: int, arrival: Arrival) -> None:
        self._shelf.put_case(folded.case)
        arrival.changes.append(Change(case=folded.case, alert=folded.alert))
        self._tell(folded, names, at_ms, arrival)

    def _tell(self, folded: Folded, names: Sequence[Name], at_ms: int, arrival: Arrival) -> None:
        for stage in folded.stages:
            for hub, call_id in names:
                number = self._shelf.next_number()
                receipt = Receipt(number=number, about=call_id, stage=stage.name, by=stage.by, wall_ms=at_ms)
                self._shelf.put_downlink(hub, number, receipt)
                arrival.hubs.add(hub)

    def _rejected(self, about: EventId, reason: Reason, sentence: str, at_ms: int) -> Receipt:
        number = self._shelf.next_number()
        words = f"{reason.value}: {sentence}"[:200]
        return Receipt(number=number, about=about, stage="rejected", reason=words, wall_ms=at_ms)


class MemoryShelf:
    """A shelf of dictionaries, for simulated histories and unit tests."""

    def __init__(self) -> None:
        self.events: dict[EventId, tuple[Event, str, int]] = {}
        self.case_ids: dict[EventId, EventId] = {}  # event -> its case
        self.calls: dict[EventId, EventId] = {}  # other names of cases
        self.cases: dict[EventId, Case] = {}
        self.faults: dict[str, Fault] = {}
        self.downlink: list[tuple[str, int, Receipt | Command]] = []
        self.heard_ms: dict[str, int] = {}
        self.owners: dict[str, set[str]] = {}  # device -> hubs it is registered with
        self._number = 0

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def event_number(self, event_id: EventId) -> int | None:
        found = self.events.get(event_id)
        return found[2] if found else None

    def put_event(self, event: Event, hub: str, number: int, at_ms: int, case_id: EventId | None) -> None:
        self.events[event.id] = (event, hub, number)
        if case_id is not None:
            self.case_ids[event.id] = case_id

    def case_of_event(self, event_id: EventId) -> EventId | None:
        return self.case_ids.get(event_id)

    def case_of_call(self, call_id: EventId) -> EventId:
        return self.calls.get(call_id, call_id)

    def put_call(self, call_id: EventId, case_id: EventId) -> None:
        self.calls[call_id] = case_id

    def open_case_for(self, hub: str, elder: str) -> EventId | None:
        mine = [c for c in self.cases.values() if c.elder == elder and c.lifecycle is Lifecycle.OPEN]
        return max(mine, key=lambda case: case.alerted_ms).call_id if mine else None

    def case(self, call_id: EventId) -> Case | None:
        return self.cases.get(call_id)

    def put_case(self, case: Case) -> None:
        self.cases[case.call_id] = case

    def fault(self, key: str) -> Fault | None:
        return self.faults.get(key)

    def put_fault(self, fault: Fault) -> None:
        self.faults[fault.key] = fault

    def put_downlink(self, hub: str, number: int, item: Receipt | Command) -> None:
        self.downlink.append((hub, number, item))

    def heard(self, hub: str, event: Event, at_ms: int) -> None:
        self.heard_ms[hub] = at_ms

    def is_foreign(self, hub: str, device: str) -> bool:
        owners = self.owners.get(device)
        return owners is not None and hub not in owners

    def after(self, hub: str, cursor: int) -> list[tuple[int, Receipt | Command]]:
        """A hub's downlink after a cursor, in order."""
        return [(number, item) for owner, number, item in self.downlink if owner == hub and number > cursor]
