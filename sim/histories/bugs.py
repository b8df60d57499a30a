"""Errors that somebody might make, each planted into the product for the time of a `with` block.

Each must be found by the histories. A bug is a row: what it is, and how it is planted.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Final
from unittest import mock

import msgspec

import edge.calls
import edge.deadlines
import edge.hub
import edge.surfaces
import sim.platform.desk
from drivers.ble.judge import AdvertJudge, Fresh
from edge.book import Call, Handling, Life
from edge.calls import Trigger
from edge.stores.writer import Writer
from firmware.pendant.presses import PressBook
from firmware.pendant.store import COUNTER_BLOCK, LOST_COUNTERS, Store
from protocols.link.const import STAGE_DELIVERED
from protocols.values import Lane
from sim.platform.desk import Desk

Plant = Callable[[], contextlib.AbstractContextManager[Any]]


def _forgets_undelivered_on_close() -> contextlib.AbstractContextManager[Any]:
    """A call that the seat closed is over, whatever it still owes."""
    real = edge.calls._listen

    def listen(call: Call, heard: Any, anew: bool = False) -> Call:
        after = real(call, heard, anew)
        over = after.view.state[0] in (Life.CLOSED, Life.CANCELLED)
        return msgspec.structs.replace(after, owed=(), owing=0) if over else after

    return mock.patch.object(edge.calls, "_listen", listen)


def _new_call_for_each_press() -> contextlib.AbstractContextManager[Any]:
    """A press never joins the open call of its elder."""
    return mock.patch.object(edge.hub, "call_for", lambda book, elder, event_id, now: event_id)


def _told_before_the_commit() -> contextlib.AbstractContextManager[Any]:
    """The hub says that it has a press before it is on the disk."""
    real = edge.hub.step
    return mock.patch.object(edge.hub, "step", lambda book, entry, durable=True: real(book, entry))


def _waits_for_the_disk() -> contextlib.AbstractContextManager[Any]:
    """The 250 ms rule is lost: a call goes out when its commit has returned."""

    def sendable(hub: Any, press: Any, now: Any) -> Any:
        return None if press.id in hub.unstored else hub.events.get(press.id)

    return mock.patch.object(edge.hub.Hub, "sendable", sendable)


def _restart_forgets_what_is_owed() -> contextlib.AbstractContextManager[Any]:
    """After a restart only new presses are sent."""
    real = edge.hub.Hub.resume

    def resume(hub: Any, entries: Any) -> None:
        real(hub, entries)
        hub.events.clear()

    return mock.patch.object(edge.hub.Hub, "resume", resume)


def _nobody_is_alerted_again() -> contextlib.AbstractContextManager[Any]:
    """The help clock stops at the first delivery."""
    real = edge.deadlines._all

    def but_help(*args: Any) -> Iterator[Any]:
        return (row for row in real(*args) if getattr(row[1], "data", {}).get("change") != "realert")

    return mock.patch.object(edge.deadlines, "_all", but_help)


def _cheers_at_the_first_ack() -> contextlib.AbstractContextManager[Any]:
    """The lamp turns green when any press of a call is delivered."""
    real = edge.surfaces._stage

    def stage(call: Call, now: Any, care: Any) -> int:
        shown = real(call, now, care)
        any_stored = any(press.stored is not None for press in call.presses.values())
        return max(shown, STAGE_DELIVERED) if any_stored and call.life is Life.OPEN else shown

    return mock.patch.object(edge.surfaces, "_stage", stage)


def _readings_first() -> contextlib.AbstractContextManager[Any]:
    """The writer takes the lower lanes before the calls."""
    real = Writer._next

    def lower_first(writer: Any) -> Any:
        return writer._take((Lane.TELEMETRY, Lane.READING, Lane.FAULT)) or real(writer)

    return mock.patch.object(Writer, "_next", lower_first)


def _believes_replays() -> contextlib.AbstractContextManager[Any]:
    """An old counter counts as news: a receiver that counts adverts, not presses."""
    real = AdvertJudge.judge

    def judge(self: Any, data: bytes, now_ms: int, known: frozenset[int]) -> Any:
        verdict = real(self, data, now_ms, known)
        old = getattr(verdict, "reading", None)
        if old is None or isinstance(verdict, Fresh):
            return verdict
        self.close(True, now_ms)
        return Fresh(dataclasses.replace(old, number=(old.number + old.counter) & 0xFFFFFFFF))

    return mock.patch.object(AdvertJudge, "judge", judge)


def _counter_starts_again() -> contextlib.AbstractContextManager[Any]:
    """After a power cut the pendant goes on from a block of counters that it has used."""
    real = Store._read_counters

    def read(self: Any) -> Any:
        limits = real(self)
        return limits and (limits[0], limits[1] - LOST_COUNTERS - 2 * COUNTER_BLOCK, limits[2])

    return mock.patch.object(Store, "_read_counters", read)


def _pendant_drops_the_oldest() -> contextlib.AbstractContextManager[Any]:
    """A second press takes the place of the first in the pendant's book."""
    real = PressBook.press

    def press(self: Any, *args: Any, **more: Any) -> bool:
        self.presses = [p for p in self.presses if p.stage]
        return bool(real(self, *args, **more))

    return mock.patch.object(PressBook, "press", press)


def _platform_opens_twice() -> contextlib.AbstractContextManager[Any]:
    """The platform opens a case for an event that it has, when it comes again."""

    def case_id(self: Any, call_id: Any, event: Any, new: bool, hub: str, at_ms: int) -> Any:
        return call_id if new else event.id

    return mock.patch.object(Desk, "_case_id", case_id)


def _believes_in_hubs_memories() -> contextlib.AbstractContextManager[Any]:
    """A hub that has forgotten a call is taken to mean a new one."""
    return mock.patch.object(sim.platform.desk, "would_join", return_value=False)


def _cancel_overtakes() -> contextlib.AbstractContextManager[Any]:
    """A wish to cancel ends the call in the home at once."""
    real = edge.calls._joined

    def joined(call: Call, press: Any, *, keyed: bool) -> Call:
        after = real(call, press, keyed=keyed)
        if press.change == "cancel_asked":
            return msgspec.structs.replace(after, owed=(), owing=0, base=Life.CANCELLED)
        return after

    return mock.patch.object(edge.calls, "_joined", joined)


def _taken_for_less() -> contextlib.AbstractContextManager[Any]:
    """Whoever took the case once has it for ever, though it was closed and opened anew."""
    row = (Life.CLOSED, Handling.TAKEN, Trigger.PRESS)
    return mock.patch.dict(edge.calls.TABLE, {row: (Life.OPEN, Handling.TAKEN)})


BUGS: Final[dict[str, Plant]] = {
    "a closed call forgets what it owes": _forgets_undelivered_on_close,
    "a press never joins a call": _new_call_for_each_press,
    "told before the commit": _told_before_the_commit,
    "a call waits for the disk": _waits_for_the_disk,
    "a restart forgets what is owed": _restart_forgets_what_is_owed,
    "nobody is alerted again": _nobody_is_alerted_again,
    "green at the first ack": _cheers_at_the_first_ack,
    "readings are written first": _readings_first,
    "replays are believed": _believes_replays,
    "a counter starts again": _counter_starts_again,
    "a pendant drops its older press": _pendant_drops_the_oldest,
    "the platform opens a case twice": _platform_opens_twice,
    "a hub knows what it does not say": _believes_in_hubs_memories,
    "a cancel overtakes": _cancel_overtakes,
    "a call opened anew keeps its helper": _taken_for_less,
}
