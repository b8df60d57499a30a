"""What an event or a seat's hand does to a case: pure functions, time and numbers are arguments.

Rules
- An event id is known or new; a known one changes nothing (the caller looks that up: `Desk` in desk.py).
- One case per `call_id`, whatever comes first: a press, an upgrade or a `call.updated` that overtook its
  press.
- Every new press alerts the seat, also on a taken case ("again"); on a finished case it opens it anew
  ("new").
- A new call joins the open case of its elder if its hub would have joined it, had it still known of it
  (`would_join`), and if it is the first that another hub of the home tells: joined, it alerts as any press.
- Nothing is ever taken out of a case; asking to cancel only shows a button, the seat's hand ends the call.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from protocols.data import ContactData
from protocols.kinds import opens_call, typed_data
from protocols.values import Event, EventId, Lane

MAX_PRESSES = 500  # of one case that are kept in its view; all of them stay in the events table
FOLD_MS = 30 * 60_000  # as hubs do: after so long without progress a press is a call of its own
NOTES_KEPT = 20  # of a case, of what relatives were told and have said
# Changes of call.updated that alert the seat.
LOUD_CHANGES = {"realert", "not_arrived", "backup", "callback", "upgraded"}
CANCEL_CHANGES = {"cancel_asked", "cancelled", "cancel"}


class Lifecycle(enum.StrEnum):
    """Whether the case still needs somebody."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Handling(enum.StrEnum):
    """How far the help has come."""

    NONE = "none"
    TAKEN = "taken"
    ARRIVED = "arrived"


class Alert(enum.StrEnum):
    """What the seat is to notice."""

    NONE = "none"
    UPDATE = "update"  # the card changes, no sound
    AGAIN = "again"  # an open case alerts anew
    NEW = "new"  # a case opens, or opens again


class Action(enum.StrEnum):
    """What a seat can do to a case; the values are the last word of the page's addresses."""

    TAKE = "take"
    ARRIVED = "arrived"
    CLOSE = "close"
    ACCEPT_CANCEL = "accept-cancel"


Name = tuple[str, EventId]  # a hub, and the id by which it calls a call


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a case, as far as the seat wants to see it. Times are Unix milliseconds."""

    id: str
    kind: str
    lane: Lane
    device: str
    room: str
    received_ms: int
    wall_ms: int
    clock_trusted: bool
    durable: bool
    stages: dict[str, int]
    change: str = ""  # of a call.updated
    detail: str = ""  # why a rule raised it, in the home's words
    confidence: int = 0  # percent, that a fall is one; 0: nobody says
    signs: tuple[str, ...] = ()  # what else is known of the fall
    uptime_ms: int = 0  # of its hub, within `boot`
    boot: int = 0  # 0: it came by text, which does not say


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a relative was told about a case, or has said; nothing follows from it."""

    kind: str  # "contact.texted", "contact.called" or "contact.replied"
    contact: str
    what: str = ""
    outcome: str = ""
    words: str = ""
    received_ms: int = 0


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One call as the platform sees it.

    `names` are the hubs that reported it, each with the call id that it uses: two hubs of a home that heard
    different presses of one call each named it after the first that they heard. All are told of every stage.
    """

    call_id: EventId
    kind: str
    lane: Lane
    elder: str
    device: str
    room: str
    names: tuple[Name, ...]
    opened_ms: int
    alerted_ms: int
    lifecycle: Lifecycle = Lifecycle.OPEN
    handling: Handling = Handling.NONE
    taken_by: str = ""
    taken_ms: int = 0
    arrived_by: str = ""
    arrived_ms: int = 0
    ended_by: str = ""
    ended_ms: int = 0
    cancel_asked: bool = False
    unseen: int = 0  # presses since a seat last laid hands on it
    alerts: int = 0
    reopened: int = 0
    presses: tuple[Press, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def hubs(self) -> tuple[str, ...]:
        """The hubs that reported it, in that order."""
        return tuple(dict.fromkeys(hub for hub, _ in self.names))


class Stage(msgspec.Struct, frozen=True):
    """A stage of a case that its hubs are to hear of: "taken", "arrived", "closed" or "cancelled"."""

    name: str
    by: str


class Folded(msgspec.Struct, frozen=True):
    """The case after, what the seat is to notice, and what the hubs are to hear."""

    case: Case
    alert: Alert
    stages: tuple[Stage, ...] = ()


class Refused(Exception):
    """The case is in another state than the action needs; `str()` says why, for the seat."""


def call_of(event: Event) -> EventId | None:
    """The call that an event opens or joins; None for what is no part of a call."""
    if opens_call(event.kind):
        return event.call_id or event.id
    if event.kind.startswith("call."):
        return event.call_id
    return None


def would_join(case: Case, event: Event, at_ms: int) -> bool:
    """Whether a hub of an open case would have put a new event of its elder into it, had it known of it.

    A hub opens a second call beside an open one only after FOLD_MS without progress, by its monotonic clock
    from when it heard of the last press. One that does so earlier has forgotten the first: its disk did not
    take it, and it started again. After a boot it counts from its start, which is not before the boot; but
    then only the event that the call is named after tells: others may join a call of before. Texts do not say
    when it was by that clock: then the platform's own counts.
    """
    heard_ms = _heard_ms(event)
    same_boot = [_heard_ms(press) for press in case.presses if press.boot == event.boot]
    if event.boot and same_boot:
        return min(abs(heard_ms - known_ms) for known_ms in same_boot) < FOLD_MS
    if event.id != call_of(event):
        return False
    if event.boot and all(press.boot for press in case.presses):
        return heard_ms < FOLD_MS
    return at_ms - case.alerted_ms < FOLD_MS


def _heard_ms(event: Event | Press) -> int:
    """When its hub heard of it, by that hub's uptime; 0 for what happened before that boot."""
    return event.uptime_ms + event.stages.get("heard", 0) if event.uptime_ms else 0


def fold_event(case: Case | None, event: Event, name: Name, at_ms: int) -> Folded:
    """The case after a *new* event. `case` is None for the first of a call; `name` is who reports it, and as
    what: (hub, `call_of(event)`)."""
    press = _press(event, at_ms)
    if case is None:
        opened = Case(
            call_id=name[1],
            kind=event.kind,
            lane=event.lane,
            elder=event.elder,
            device=event.device,
            room=event.room,
            names=(name,),
            opened_ms=at_ms,
            alerted_ms=at_ms,
            cancel_asked=press.change in CANCEL_CHANGES,
            unseen=1,
            alerts=1,
            presses=(press,),
        )
        return Folded(opened, Alert.NEW)
    joined = msgspec.structs.replace(_named(case, name), presses=(*case.presses, press)[-MAX_PRESSES:])
    stages = stages_so_far(case) if name not in case.names else ()
    if not opens_call(event.kind):
        return _fold_update(joined, press, at_ms, stages)
    return _fold_press(joined, event, at_ms, stages)


def _fold_update(case: Case, press: Press, at_ms: int, stages: tuple[Stage, ...]) -> Folded:
    open_now = case.lifecycle is Lifecycle.OPEN
    if open_now and press.change in CANCEL_CHANGES:
        return Folded(msgspec.structs.replace(case, cancel_asked=True), Alert.UPDATE, stages)
    if open_now and press.change in LOUD_CHANGES:
        return Folded(_alerted(case, at_ms), Alert.AGAIN, stages)
    # A hub that still reports a finished call has not heard the end: it is told again.
    return Folded(case, Alert.UPDATE, stages if open_now else stages_so_far(case))


def _fold_press(case: Case, event: Event, at_ms: int, stages: tuple[Stage, ...]) -> Folded:
    graver = event.lane < case.lane or not opens_call(case.kind)
    if graver or case.handling is Handling.ARRIVED:
        stages = ()  # a hub that joins with this: nobody has come for *it*, and its table says so too
    changes: dict[str, Any] = {"unseen": case.unseen + 1}
    if case.cancel_asked and not _before_cancel(case, event.id):
        changes |= {"cancel_asked": False}  # who presses again does not want to cancel
    if graver:
        changes |= {"kind": event.kind, "lane": event.lane}
    if not case.elder:
        changes |= {"elder": event.elder}
    if case.lifecycle is Lifecycle.OPEN:
        return Folded(_alerted(msgspec.structs.replace(case, **changes), at_ms), Alert.AGAIN, stages)
    changes |= {
        "lifecycle": Lifecycle.OPEN,
        "handling": Handling.NONE,
        "cancel_asked": False,
        "reopened": case.reopened + 1,
        "opened_ms": at_ms,
    }
    return Folded(_alerted(msgspec.structs.replace(case, **changes), at_ms), Alert.NEW)


def _before_cancel(case: Case, event_id: EventId) -> bool:
    """Whether a press that comes now was made before the wish to cancel, as far as ids can tell."""
    asked = [EventId.parse(press.id) for press in case.presses if press.change in CANCEL_CHANGES]
    return any(
        (one.origin, one.life) == (event_id.origin, event_id.life) and event_id.number < one.number
        for one in asked
    )


def fold_again(case: Case, name: Name) -> Folded:
    """The case after a known event came once more: a second hub, or a second name, is told of every stage.

    A hub that sends again for a finished case has lost what it knew, or never heard the end: it is told that.
    """
    if name in case.names:
        return Folded(case, Alert.NONE, _end(case))
    return Folded(_named(case, name), Alert.NONE, stages_so_far(case))


def fold_note(case: Case, event: Event, at_ms: int) -> Case:
    """The case with what its home tells of a relative; the newest NOTES_KEPT stay."""
    data, _ = typed_data(event)
    if not isinstance(data, ContactData):
        return case
    note = Note(
        kind=event.kind,
        contact=data.contact or "",
        what=data.what or "",
        outcome=data.outcome or "",
        words=data.words or "",
        received_ms=at_ms,
    )
    return msgspec.structs.replace(case, notes=(*case.notes, note)[-NOTES_KEPT:])


def fold_action(case: Case, action: Action, by: str, at_ms: int, seen: int | None = None) -> Folded:
    """The case after a seat's hand. Refused when the case is not in a state for it; repeating is harmless.

    `seen`: how many presses the seat saw; a call that was pressed again since then is not ended over it.
    """
    if case.lifecycle is not Lifecycle.OPEN:
        same_end = {Action.CLOSE: Lifecycle.CLOSED, Action.ACCEPT_CANCEL: Lifecycle.CANCELLED}.get(action)
        if same_end is case.lifecycle:
            return Folded(case, Alert.NONE)
        raise Refused(f"this call is {case.lifecycle.value}")
    if action is Action.TAKE:
        return _take(case, by, at_ms)
    if action is Action.ARRIVED:
        return _arrive(case, by, at_ms)
    if action is Action.ACCEPT_CANCEL and not case.cancel_asked:
        raise Refused("nobody asked to cancel this call")
    if seen is not None and seen < presses_of(case):
        raise Refused("the key was pressed again meanwhile: look first")
    end = Lifecycle.CLOSED if action is Action.CLOSE else Lifecycle.CANCELLED
    ended = msgspec.structs.replace(case, lifecycle=end, ended_by=by, ended_ms=at_ms, unseen=0)
    return Folded(ended, Alert.UPDATE, (Stage(end.value, by),))


def presses_of(case: Case) -> int:
    """How often a key was pressed in this call."""
    return sum(1 for press in case.presses if not press.change)


def _take(case: Case, by: str, at_ms: int) -> Folded:
    if case.handling is not Handling.NONE and not case.unseen:
        if case.taken_by == by:
            return Folded(case, Alert.NONE)
        raise Refused(f"{case.taken_by} has taken this call")
    anew = case.handling is Handling.NONE or case.unseen > 0  # whoever was there was there before that press
    handling = Handling.TAKEN if anew else case.handling
    taken = msgspec.structs.replace(case, handling=handling, taken_by=by, taken_ms=at_ms, unseen=0)
    return Folded(taken, Alert.UPDATE, (Stage("taken", by),))


def _arrive(case: Case, by: str, at_ms: int) -> Folded:
    if case.handling is Handling.ARRIVED and not case.unseen:
        return Folded(case, Alert.NONE)
    stages: tuple[Stage, ...] = (Stage("arrived", by),)
    changes: dict[str, Any] = {
        "handling": Handling.ARRIVED,
        "arrived_by": by,
        "arrived_ms": at_ms,
        "unseen": 0,
    }
    if case.handling is Handling.NONE:
        changes |= {"taken_by": by, "taken_ms": at_ms}
        stages = (Stage("taken", by), *stages)
    return Folded(msgspec.structs.replace(case, **changes), Alert.UPDATE, stages)


def stages_so_far(case: Case) -> tuple[Stage, ...]:
    """What a hub that joins a case late must hear, in order.

    Of help only while nobody has pressed since: what it pressed itself may be what nobody has seen yet. Of a
    case that is over, that it is over: who came may have come before the press that it brings.
    """
    if case.lifecycle is not Lifecycle.OPEN or case.unseen:
        return _end(case)
    stages = []
    if case.handling is not Handling.NONE:
        stages.append(Stage("taken", case.taken_by))
    if case.handling is Handling.ARRIVED:
        stages.append(Stage("arrived", case.arrived_by))
    return tuple(stages)


def _end(case: Case) -> tuple[Stage, ...]:
    return () if case.lifecycle is Lifecycle.OPEN else (Stage(case.lifecycle.value, case.ended_by),)


def _alerted(case: Case, at_ms: int) -> Case:
    return msgspec.structs.replace(case, alerts=case.alerts + 1, alerted_ms=at_ms)


def _named(case: Case, name: Name) -> Case:
    return case if name in case.names else msgspec.structs.replace(case, names=(*case.names, name))


def _press(event: Event, at_ms: int) -> Press:
    change, detail = event.data.get("change"), event.data.get("detail")
    confidence, signs = event.data.get("confidence"), event.data.get("signs")
    return Press(
        id=str(event.id),
        kind=event.kind,
        lane=event.lane,
        device=event.device,
        room=event.room,
        received_ms=at_ms,
        wall_ms=event.wall_ms,
        clock_trusted=event.clock_trusted,
        durable=event.durable,
        stages=dict(event.stages),
        change=change if isinstance(change, str) and event.kind == "call.updated" else "",
        detail=detail if isinstance(detail, str) else "",
        confidence=round(confidence) if isinstance(confidence, (int, float)) and 0 < confidence < 100 else 0,
        signs=tuple(signs.split()) if isinstance(signs, str) else (),
        uptime_ms=event.uptime_ms,
        boot=event.boot,
    )
