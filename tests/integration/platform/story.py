"""A desk on a shelf of dictionaries, its time, and what it told whom: for the stories of seats and homes."""

from __future__ import annotations

from typing import Any

from protocols.values import Event, EventId, Receipt
from sim.platform.desk import Desk, MemoryShelf
from sim.platform.folding import Action, Alert, Case

from .conftest import press

CALL = press(1).id


class Story:
    """A desk, its time, and what it told whom."""

    def __init__(self) -> None:
        self.shelf = MemoryShelf()
        self.desk = Desk(self.shelf)
        self.now_ms = 1_000_000
        self.alerts: list[Alert] = []

    def comes(self, *events: Any, hub: str = "hub-01") -> list[Receipt]:
        self.now_ms += 1_000
        arrival = self.desk.receive(events, hub, self.now_ms)
        self.alerts += [change.alert for change in arrival.changes if change.case is not None]
        return arrival.receipts

    def does(self, action: Action, by: str = "Li", call_id: EventId = CALL, seen: int | None = None) -> None:
        self.now_ms += 1_000
        self.desk.act(call_id, action, by, self.now_ms, seen)

    def case(self, call_id: EventId = CALL) -> Case:
        return self.shelf.cases[call_id]

    def told(self, hub: str = "hub-01") -> list[str]:
        items = [item for owner, _, item in self.shelf.downlink if owner == hub and isinstance(item, Receipt)]
        return [item.stage for item in items if item.stage != "stored"]


def second(number: int, **fields: Any) -> Event:
    """A further event of the same call."""
    return press(number, **({"call_id": CALL} | fields))


def update(number: int, change: str) -> Event:
    return second(number, kind="call.updated", data={"change": change})
