"""The state of every call is folded here from journal entries: one table, pure, time comes with the entry.

`step(book, entry) -> (book, effects)` is the whole of it. A call has a life (asking, open, closed,
cancelled) and a handling (none, taken, arrived); delivery is kept per event. What the platform says is
ordered by *its* numbers, so receipts may come late, twice and in any order. What follows from a state alone
(lamp, speech, pendant, what is owed, which deadline is due) is not an effect but a function of the book:
`edge/book.py` (`owed`), `edge/deadlines.py`, `edge/surfaces.py`. So a crash leaves no effect to be re-run but
that of a command, and which of those has no result yet is in the book too (`Book.unanswered`).

How a hub uses it: mint an event with `call_id = call_for(...)`; `step(book, entry, durable=False)` at once,
send what `owed` lists, and `step(book, entry)` again when the commit has returned. Every other entry is
stepped once, when its commit has returned or after 250 ms. At start: `step` over the whole journal, then
`restart`, whose entries are appended and stepped.

Public: `Trigger`, `TABLE`, `step`, `restart`, `answered_elsewhere`, and the effects `Send`, `RaiseFault`,
`ClearFault`, `RunCommand`. The values, `call_for` and `owed` stand in `edge/book.py`.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from edge.book import CANCELS, Book, Call, Count, Handling, Heard, Life, Now, Press, State, View, find
from edge.entries import (
    CommandEntry,
    Entry,
    EventEntry,
    LocalEntry,
    ReceiptEntry,
    TimerEntry,
    ToldEntry,
    settles,
)
from protocols.kinds import opens_call
from protocols.values import Command, Event, EventId, Lane

KEPT_CALLS: Final = 64  # calls that are over and owe nothing are forgotten beyond this many
KEPT_COMMANDS: Final = 256  # ids of commands already run
RESULT: Final = "command.result"  # the event that says how a command ended
ASKED_KINDS: Final = frozenset({"call.fall", "call.bed_exit", "call.inactivity", "call.vitals"})
NUDGES: Final = frozenset({"realert", "not_arrived"})


class Trigger(enum.Enum):
    """What can change the state of a call."""

    PRESS = "press"  # one more call event, of the same meaning or a lesser one
    RISE = "rise"  # a call event of a higher meaning than the platform had
    OPENS = "opens"  # the countdown ended, or a restart ended it
    FINE = "fine"  # the elder said during the countdown, here or at another hub, that no help is needed
    TAKEN = "taken"
    ARRIVED = "arrived"
    CLOSED = "closed"
    CANCELLED = "cancelled"


_L, _H, _T = Life, Handling, Trigger

# The transition table. A pair that has no row changes nothing.
TABLE: Final[dict[tuple[Life, Handling, Trigger], State]] = {
    (_L.ASKING, _H.NONE, _T.PRESS): (_L.OPEN, _H.NONE),  # a key is never asked about
    (_L.ASKING, _H.NONE, _T.OPENS): (_L.OPEN, _H.NONE),
    (_L.ASKING, _H.NONE, _T.FINE): (_L.CANCELLED, _H.NONE),  # withdrawn: nothing goes out
    (_L.OPEN, _H.NONE, _T.TAKEN): (_L.OPEN, _H.TAKEN),
    (_L.OPEN, _H.NONE, _T.ARRIVED): (_L.OPEN, _H.ARRIVED),  # whoever arrives has taken it
    (_L.OPEN, _H.NONE, _T.CLOSED): (_L.CLOSED, _H.NONE),
    (_L.OPEN, _H.NONE, _T.CANCELLED): (_L.CANCELLED, _H.NONE),
    (_L.OPEN, _H.TAKEN, _T.RISE): (_L.OPEN, _H.NONE),  # they came for less: help begins anew
    (_L.OPEN, _H.TAKEN, _T.ARRIVED): (_L.OPEN, _H.ARRIVED),
    (_L.OPEN, _H.TAKEN, _T.CLOSED): (_L.CLOSED, _H.TAKEN),
    (_L.OPEN, _H.TAKEN, _T.CANCELLED): (_L.CANCELLED, _H.TAKEN),
    (_L.OPEN, _H.ARRIVED, _T.PRESS): (_L.OPEN, _H.NONE),  # whoever was there has gone, or cannot cope
    (_L.OPEN, _H.ARRIVED, _T.RISE): (_L.OPEN, _H.NONE),
    (_L.OPEN, _H.ARRIVED, _T.CLOSED): (_L.CLOSED, _H.ARRIVED),
    (_L.OPEN, _H.ARRIVED, _T.CANCELLED): (_L.CANCELLED, _H.ARRIVED),
}
# A press that the platform stored after it had ended the call: the case is open again, and nobody has it.
TABLE.update(
    {
        (life, handling, trigger): (_L.OPEN, _H.NONE)
        for life in (_L.CLOSED, _L.CANCELLED)
        for handling in Handling
        for trigger in (_T.PRESS, _T.RISE)
    }
)
_RECEIPTS: Final = {stage.value: stage for stage in (_T.TAKEN, _T.ARRIVED, _T.CLOSED, _T.CANCELLED)}


class Send(msgspec.Struct, frozen=True):
    """An event is owed to the platform from now on."""

    event_id: EventId
    lane: Lane


class RaiseFault(msgspec.Struct, frozen=True):
    """Something is wrong that belongs into the fault records; `about` is a public id."""

    fault: str
    about: str
    cause: str


class ClearFault(msgspec.Struct, frozen=True):
    """What was raised for this fault and this id is over."""

    fault: str
    about: str


class RunCommand(msgspec.Struct, frozen=True):
    """A command that was not run before. Whether it has expired is for who runs it, with a trusted clock."""

    command: Command


Effect = Send | RaiseFault | ClearFault | RunCommand
Stepped = tuple[Book, tuple[Effect, ...]]


def step(book: Book, entry: Entry, *, durable: bool = True) -> Stepped:
    """Fold one entry. An entry seen before, or about something unknown, changes nothing."""
    if isinstance(entry, EventEntry):
        return _event(_answered(book, entry.event), entry, durable)
    if isinstance(entry, ReceiptEntry):
        return _receipt(book, entry)
    if isinstance(entry, TimerEntry | LocalEntry | ToldEntry):
        call = find(book, entry.call_id)
        return (book, ()) if call is None else _put(book, call, _local(call, entry))
    if isinstance(entry, CommandEntry) and entry.command.id not in book.commands:
        return _commanded(book, entry.command), (RunCommand(entry.command),)
    return book, ()


def _commanded(book: Book, command: Command) -> Book:
    """The book with a command that has no result yet; what is forgotten is not owed one any more."""
    commands = (*book.commands, command.id)[-KEPT_COMMANDS:]
    waiting = {**book.unanswered, command.id: command}
    unanswered = {key: value for key, value in waiting.items() if key in commands}
    return msgspec.structs.replace(book, commands=commands, unanswered=unanswered)


def _answered(book: Book, event: Event) -> Book:
    """The book after the result of a command, if the event is one."""
    command = str(event.data.get("command", ""))
    if event.kind != RESULT or command not in book.unanswered:
        return book
    left = {key: value for key, value in book.unanswered.items() if key != command}
    return msgspec.structs.replace(book, unanswered=left)


def restart(book: Book, now: Now) -> tuple[Book, tuple[TimerEntry, ...]]:
    """After the fold at start: the book that knows when this process began, and entries to append and step.

    A countdown that was running ends: its call opens.
    """
    entries = tuple(
        TimerEntry(at=now, call_id=call.id, name="asking.opens")
        for call in book.calls.values()
        if call.life is Life.ASKING
    )
    return msgspec.structs.replace(book, started=now), entries


def _event(book: Book, entry: EventEntry, durable: bool) -> Stepped:
    event = entry.event
    opens = opens_call(event.kind)
    if not opens and event.call_id is None:
        return book, ()
    known = book.index.get(event.id)
    if known is not None:
        return (book, ()) if not durable else _now_durable(book, book.calls[known], event.id)
    about = event.call_id or event.id
    call_id = book.index.get(about, about)
    call = book.calls.get(call_id)
    asking = event.kind in ASKED_KINDS or entry.source == "rule"
    if call is None:
        base = Life.ASKING if opens and asking and event.kind != "call.sos" else Life.OPEN
        call = Call(id=call_id, elder=event.elder, at=entry.at, lane=event.lane, progress=entry.at, base=base)
        book = _forget(book)
    press = Press(
        id=event.id,
        kind=event.kind,
        lane=event.lane,
        device=event.device,
        source=entry.source,
        at=entry.at,
        order=book.events,
        opens=opens,
        change=_change(event) if not opens else "",
        durable=durable,
    )
    index = {**book.index, event.id: call_id}
    book = msgspec.structs.replace(book, index=index, events=book.events + 1)
    after = _joined(call, press, keyed=opens and not asking)
    effects = _sends(call, after)
    return msgspec.structs.replace(book, calls={**book.calls, call_id: after}), effects


def _change(event: Event) -> str:
    change = event.data.get("change", "")
    return change if isinstance(change, str) else ""


def _now_durable(book: Book, call: Call, event_id: EventId) -> Stepped:
    press = call.presses[event_id]
    if press.durable:
        return book, ()
    kept = msgspec.structs.replace(press, durable=True)
    return _put(book, call, msgspec.structs.replace(call, presses={**call.presses, event_id: kept}))


def _joined(call: Call, press: Press, *, keyed: bool) -> Call:
    """The call with one more event of its own."""
    call = msgspec.structs.replace(
        call,
        presses={**call.presses, press.id: press},
        owed=(*call.owed, press.id),
        owing=call.owing + press.opens,
    )
    if press.opens:
        stands = call.base is Life.ASKING and not keyed  # a second fall while the first is asked about
        row = TABLE.get((call.base, Handling.NONE, Trigger.PRESS))
        base = call.base if stands or row is None else row[0]
        return msgspec.structs.replace(
            call,
            base=base,
            lane=min(call.lane, press.lane),
            progress=press.at,
            answer="" if keyed else call.answer,
            cancel_asked=False,
        )
    if press.change in NUDGES:
        times = call.nudges.times if call.nudges is not None else 0
        return msgspec.structs.replace(call, nudges=Count(times + 1, press.at))
    return msgspec.structs.replace(
        call,
        cancel_asked=call.cancel_asked or press.change in CANCELS,
        backed_up=call.backed_up or press.change == "backup",
    )


def _local(call: Call, entry: TimerEntry | LocalEntry | ToldEntry) -> Call:
    """What was done or fired in the home about a call that stands. Unknown names change nothing."""
    name = entry.name
    if isinstance(entry, ToldEntry):
        times = call.told[name].times if name in call.told else 0
        return msgspec.structs.replace(call, told={**call.told, name: Count(times + 1, entry.at)})
    if isinstance(entry, TimerEntry) and name == "assist.ask":
        times = call.asks.times if call.asks is not None else 0
        return msgspec.structs.replace(call, asks=Count(times + 1, entry.at))
    trigger = {
        "asking.opens": Trigger.OPENS,
        "answer_no": Trigger.OPENS,
        "answer_yes": Trigger.FINE,
        "cancel_asked": Trigger.FINE,
    }.get(name)
    if call.base is Life.ASKING and name == answered_elsewhere(call):
        trigger = Trigger.FINE
    if trigger is None:
        return call
    if call.base is Life.ASKING:
        base = TABLE[(Life.ASKING, Handling.NONE, trigger)][0]
        return msgspec.structs.replace(call, base=base, progress=entry.at)
    if name == "answer_yes" and not call.answer:
        return msgspec.structs.replace(call, answer="fine")
    if name == "answer_no":
        return msgspec.structs.replace(call, answer="help")
    return call


def answered_elsewhere(call: Call) -> str:
    """The name of the LocalEntry that ends the question about this call as it is now: what joins it before
    that is folded was not answered, and is asked about further."""
    return f"answered_elsewhere.{sum(press.opens for press in call.presses.values())}"


def _receipt(book: Book, entry: ReceiptEntry) -> Stepped:
    receipt = entry.receipt
    call = find(book, receipt.about)
    if call is None:
        return book, ()
    press = call.presses.get(receipt.about)
    if receipt.stage == "rejected" and press is not None and press.stored is None:
        refused = msgspec.structs.replace(press, refused=receipt.reason or "refused")
        after = msgspec.structs.replace(call, presses={**call.presses, press.id: refused})
        return _put(book, call, after, (RaiseFault("refused", str(press.id), refused.refused),))
    if settles(receipt, Lane.SOS) and press is not None:
        return _stored(book, call, press, entry)
    if receipt.stage not in _RECEIPTS or receipt.about != call.id:
        return book, ()  # of a case that only bears the id of one of our presses: it is not about ours
    heard = Heard(receipt.number, receipt.stage, call.id, receipt.by, entry.at)
    if any((h.number, h.stage) == (heard.number, heard.stage) for h in call.heard):
        return book, ()
    return _put(book, call, _listen(call, heard))


def _stored(book: Book, call: Call, press: Press, entry: ReceiptEntry) -> Stepped:
    """The platform's ack of one event. Of several acks of one event the first in its order counts."""
    number = entry.receipt.number
    if press.stored is not None and press.stored <= number:
        return book, ()
    effects = (ClearFault("refused", str(press.id)),) if press.refused else ()
    elsewhere = entry.receipt.call_id not in (None, call.id)
    acked = msgspec.structs.replace(press, stored=number, refused="", elsewhere=elsewhere)
    heard = call.heard
    if press.stored is not None:
        heard = tuple(h for h in heard if not (h.stage == "stored" and h.about == press.id))
    after = msgspec.structs.replace(
        call,
        presses={**call.presses, press.id: acked},
        owed=tuple(event_id for event_id in call.owed if event_id != press.id),
        owing=call.owing - (press.opens and press.stored is None),
        heard=heard,
    )
    anew = press.stored is not None
    return _put(book, call, _listen(after, Heard(number, "stored", press.id, "", entry.at), anew), effects)


def _listen(call: Call, heard: Heard, anew: bool = False) -> Call:
    """Take in one more thing that the platform said, in its order; anew: what came before has changed."""
    everything = (*call.heard, heard)
    if heard.number > call.view.number and not anew:
        view = _seen(call, call.view, heard)
    else:
        everything = tuple(sorted(everything, key=lambda h: (h.number, h.stage, h.about)))
        view = View()
        for item in everything:
            view = _seen(call, view, item)
    changed = view.state != call.view.state or view.lane != call.view.lane
    return msgspec.structs.replace(
        call,
        heard=everything,
        view=view,
        progress=heard.at,
        nudges=None if changed else call.nudges,
        asks=None if changed else call.asks,
    )


def _seen(call: Call, view: View, heard: Heard) -> View:
    number = max(view.number, heard.number)
    lane = view.lane
    if heard.stage == "stored":
        press = call.presses[heard.about]
        if not press.opens or press.elsewhere:
            return msgspec.structs.replace(view, number=number)
        rises = lane is not None and press.lane < lane
        trigger = Trigger.RISE if rises else Trigger.PRESS
        lane = press.lane if lane is None else min(lane, press.lane)
    else:
        trigger = _RECEIPTS[heard.stage]
    state = TABLE.get((*view.state, trigger), view.state)
    same = state == view.state and lane == view.lane and view.since is not None
    return View(state, lane, view.since if same else heard.at, heard.by or view.by, number)


def _sends(before: Call, after: Call) -> tuple[Effect, ...]:
    """Send effects for what became owed between two states of a call."""
    if not after.owed or (after.base is not Life.OPEN and after.view.number < 0):
        return ()
    was_held = before.base is not Life.OPEN and before.view.number < 0
    fresh = (e for e in after.owed if was_held or e not in before.presses)
    return tuple(Send(event_id, after.presses[event_id].lane) for event_id in fresh)


def _put(book: Book, before: Call, after: Call, effects: tuple[Effect, ...] = ()) -> Stepped:
    if after is before:
        return book, effects
    calls = {**book.calls, after.id: after}
    return msgspec.structs.replace(book, calls=calls), effects + _sends(before, after)


def _forget(book: Book) -> Book:
    """Drop the oldest calls that are over and owe nothing, beyond KEPT_CALLS."""
    surplus = len(book.calls) - KEPT_CALLS + 1
    if surplus <= 0:
        return book
    over = [c for c in book.calls.values() if c.life in (Life.CLOSED, Life.CANCELLED)]
    gone = {c.id for c in over if not c.owed or c.base is not Life.OPEN}
    gone = set(list(gone)[:surplus])
    calls = {key: call for key, call in book.calls.items() if key not in gone}
    index = {event: call_id for event, call_id in book.index.items() if call_id not in gone}
    return msgspec.structs.replace(book, calls=calls, index=index)
