"""What the elder sees, feels and hears now: lamp, pendants and speech as functions of the set of calls.

Nothing claims more than is known: the set shows the least that is true of any call in it, "the hub has it"
needs a durable press, "the centre has it" needs the platform's ack and somebody there to see it, and what
was said in full (`ToldEntry`) is not said again, not even by the next process.

How a hub uses it: `surface(...)` after every step and at least once a second; `changes(before, after)` are
the effects to run. A phrase that was spoken to its end becomes a `ToldEntry(call_id, name)`; until then the
next surface still lists it, so a phrase that was cut off by one of a higher lane comes again if it is still
true.

Public: `Lamp`, `Phrase`, `PendantStage`, `Question`, `Surface`, `surface`, `changes`, `asked`,
`cancel_offered`, and the effects `SetLamp`, `Speak`, `TellPendant`, `AskPendant`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from edge.book import Book, Call, Handling, Life, Now, Press, elapsed_ms, open_calls
from edge.deadlines import Care, in_service
from edge.false_falls import question, walks
from edge.phrases import Phrase as Key
from protocols.link.const import (
    STAGE_ARRIVED,
    STAGE_CANCELLED,
    STAGE_CLOSED,
    STAGE_DELIVERED,
    STAGE_HEARD,
    STAGE_NONE,
    STAGE_TAKEN,
)
from protocols.values import EventId, Lane

# Without an ack for so long, there is "no path yet" even if none is known to fail.
UNREACHED_MS: Final = 10_000
UNREACHED_GAPS_MS: Final = (60_000, 120_000, 600_000)  # "at 0, 1, 3 min, then every 10"
ASK_GAP_MS: Final = 20_000  # "are you all right?" is said at once and twice more within the minute
ASKED_TIMES: Final = 3
OFFERED_MS: Final = 60_000  # a cancel counts within a minute of being offered aloud
PRESSES_TOLD: Final = 32  # a pendant's book holds 16
TOLD_END_MS: Final = 30 * 60_000  # a pendant asks for no longer than this after its press was taken

_HANDLED: Final = {
    Handling.NONE: STAGE_DELIVERED,
    Handling.TAKEN: STAGE_TAKEN,
    Handling.ARRIVED: STAGE_ARRIVED,
}
_ENDED: Final = {Life.CLOSED: STAGE_CLOSED, Life.CANCELLED: STAGE_CANCELLED}


class Lamp(msgspec.Struct, frozen=True):
    """Colour and pattern by the names of `drivers/pi/lamp.py`."""

    colour: str
    pattern: str


OFF: Final = Lamp("amber", "off")
LAMPS: Final = {
    STAGE_NONE: OFF,
    STAGE_HEARD: Lamp("amber", "steady"),
    STAGE_DELIVERED: Lamp("green", "blink"),
    STAGE_TAKEN: Lamp("green", "steady"),
}
ASKING: Final = Lamp("amber", "blink")
SILENT: Final = Lamp("red", "blink")  # no call, but the platform would not hear one either


class Phrase(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence that is due: its key in `edge/phrases`, and the name under which it becomes a ToldEntry."""

    key: str
    lane: Lane
    call_id: EventId
    name: str


class PendantStage(msgspec.Struct, frozen=True):
    """How far the help for one press of a pendant is known to have come (STAGE_* of the link). `answered`:
    it is over because somebody said so when asked, and nothing went out."""

    device: str
    event_id: EventId
    stage: int
    answered: bool = False


class Question(msgspec.Struct, frozen=True):
    """ "Are you all right?", for the n-th time, on a pendant that called; 0: it is asked no longer."""

    device: str
    call_id: EventId
    times: int


class Surface(msgspec.Struct, frozen=True, kw_only=True):
    """All that is shown at one time. `speech`: one phrase a call, the urgent first."""

    lamp: Lamp = OFF
    pendants: tuple[PendantStage, ...] = ()
    speech: tuple[Phrase, ...] = ()
    questions: tuple[Question, ...] = ()


class SetLamp(msgspec.Struct, frozen=True):
    """Show this."""

    lamp: Lamp


class Speak(msgspec.Struct, frozen=True):
    """Say this; a phrase that is no longer in `Surface.speech` need not be said to its end."""

    phrase: Phrase


class TellPendant(msgspec.Struct, frozen=True):
    """Bring this stage to the pendant. Safe to repeat."""

    stage: PendantStage


class AskPendant(msgspec.Struct, frozen=True):
    """Let the pendant buzz its question."""

    question: Question


Effect = SetLamp | Speak | TellPendant | AskPendant


def surface(
    book: Book,
    now: Now,
    care: Mapping[str, Care],
    *,
    no_path: bool = False,
    silent: bool = False,
    prompting: bool = False,
) -> Surface:
    """What is to be shown. `no_path`: every path is known to be down. `silent`: no word for 5 minutes.
    `prompting`: a question of the day is open, which shows only where no call needs the lamp.
    """
    recent = _recent(book, now)
    calls = tuple(call for call in recent if call.life not in _ENDED)
    stages = [(call, _stage(call, now, _care(care, call))) for call in calls]
    shown = [stage for call, stage in stages if stage < STAGE_ARRIVED and call.life is Life.OPEN]
    asking = asked(book) is not None or prompting
    lamp = LAMPS[min(shown)] if shown else ASKING if asking else SILENT if silent else OFF
    speech = (_phrase(book, call, now, _care(care, call), no_path) for call in recent)
    return Surface(
        lamp=lamp,
        pendants=tuple(_pendants(recent, now, care)),
        speech=tuple(sorted((p for p in speech if p is not None), key=lambda p: p.lane)),
        questions=tuple(_questions(book, calls, now)),
    )


def changes(before: Surface, after: Surface) -> tuple[Effect, ...]:
    """The effects that lead from one surface to the next. From `Surface()` at start: everything."""
    effects: list[Effect] = []
    if after.lamp != before.lamp:
        effects.append(SetLamp(after.lamp))
    known = frozenset(before.pendants)  # half an hour of somebody who presses on and on
    effects += [TellPendant(p) for p in after.pendants if p not in known]
    effects += [AskPendant(q) for q in after.questions if q not in before.questions]
    asked = {q.device for q in after.questions}
    over = (q for q in before.questions if q.device not in asked)  # one that was not reached yet is not asked
    effects += [AskPendant(Question(q.device, q.call_id, 0)) for q in over]
    effects += [Speak(p) for p in after.speech if p not in before.speech]
    return tuple(effects)


def asked(book: Book) -> EventId | None:
    """The call about which the elder is being asked now: then the green key is the answer."""
    for call in reversed(open_calls(book)):
        waiting = call.asks is not None and not call.answer and call.handling is Handling.NONE
        if call.life is Life.ASKING or (waiting and call.lane is not Lane.SOS):
            return call.id
    return None


def cancel_offered(book: Book, now: Now) -> EventId | None:
    """The call that the elder was offered aloud, within the last minute, to cancel."""
    for call in reversed(open_calls(book)):
        offers = (count.last for name, count in call.told.items() if name.startswith(Key.CANCEL_OFFER))
        fresh = any(elapsed_ms(book, last, now) <= OFFERED_MS for last in offers)
        if fresh and not call.cancel_asked:
            return call.id
    return None


def _care(care: Mapping[str, Care], call: Call) -> Care:
    return care.get(call.elder, Care())


def _stage(call: Call, now: Now, care: Care) -> int:
    """The least that is true of any press of the call."""
    if call.life in _ENDED:
        return _ENDED[call.life]
    presses = [press for press in call.presses.values() if press.opens]
    if call.life is Life.ASKING or not any(press.durable or press.stored is not None for press in presses):
        return STAGE_NONE
    if call.owes_a_press or (call.handling is Handling.NONE and _nobody_there(call, now, care)):
        return STAGE_HEARD
    return _HANDLED[call.handling]


def _nobody_there(call: Call, now: Now, care: Care) -> bool:
    """Whether "the centre has it" would promise too much: an assistance while nobody is known to be there."""
    return call.lane is not Lane.SOS and in_service(now, care) is not True


def _press_stage(call: Call, press: Press, now: Now, care: Care) -> int:
    if call.withdrawn:
        return STAGE_CANCELLED  # all is well: nothing went out, and the pendant need not wait for more
    if press.stored is None:
        return STAGE_HEARD if press.durable else STAGE_NONE  # of a fall too, while the elder is asked
    if press.elsewhere:  # a second hub brought it into another call, and tells the rest
        nobody = press.lane is not Lane.SOS and in_service(now, care) is not True
        return STAGE_HEARD if nobody else STAGE_DELIVERED
    if call.life in _ENDED:
        return _ENDED[call.life]
    # A pendant feels what is said of one press for all of them: nothing of help while a newer one is owed.
    handling = Handling.NONE if call.owes_a_press else call.handling
    if handling is Handling.NONE and _nobody_there(call, now, care):
        return STAGE_HEARD
    return _HANDLED[handling]


def _recent(book: Book, now: Now) -> tuple[Call, ...]:
    """Calls of which anything is still to be shown or said."""
    return tuple(
        call
        for call in book.calls.values()
        if call.life not in _ENDED or elapsed_ms(book, call.progress, now) <= TOLD_END_MS
    )


def _pendants(calls: tuple[Call, ...], now: Now, care: Mapping[str, Care]) -> list[PendantStage]:
    """The newest presses of each pendant, oldest first: more than it can hold open."""
    left: Counter[str] = Counter()
    found: list[PendantStage] = []
    for call in reversed(calls):
        mine = _care(care, call)
        for press in reversed(call.presses.values()):
            if press.source != "pendant" or not press.opens or left[press.device] == PRESSES_TOLD:
                continue
            left[press.device] += 1
            stage = _press_stage(call, press, now, mine)
            if stage != STAGE_NONE:
                found.append(PendantStage(press.device, press.id, stage, call.withdrawn))
    return found[::-1]


def _questions(book: Book, calls: tuple[Call, ...], now: Now) -> Iterator[Question]:
    for call in calls:
        if call.life is Life.ASKING:
            fallen = [press for press in call.presses.values() if press.source == "pendant"]
            times = len(fallen) + question(book, call, now) - 1 + (walks(call) is not None)
            yield from (Question(device, call.id, times) for device in sorted({p.device for p in fallen}))
        if call.asks is not None and not call.answer and call.lane is not Lane.SOS:
            devices = {press.device for press in call.presses.values() if press.source == "pendant"}
            yield from (Question(device, call.id, call.asks.times) for device in sorted(devices))


def _phrase(book: Book, call: Call, now: Now, care: Care, no_path: bool) -> Phrase | None:
    """The one sentence that this call has to say now, if it was not said yet."""
    presses = [press for press in call.presses.values() if press.opens]
    if not presses:
        return None
    last, stage = presses[-1], _stage(call, now, care)
    heard = f".{len(presses)}"  # each press is answered anew
    if stage in _ENDED.values():
        over = Key.WELL if call.withdrawn and call.is_of_a_rule else Key.CANCELLED
        keys = [(Key.CLOSED if stage == STAGE_CLOSED else over, heard)]
        keys = [] if _of_an_earlier_run(book, call) else keys
    elif call.life is Life.ASKING and call.is_of_a_rule:
        asks_now = _asks_now(book, call, now, f"{Key.ASK_WELL}{heard}")
        return _say(call, Key.ASK_WELL, heard) if asks_now else None
    elif call.life is Life.ASKING:
        asks = Key.ASK_FALL if last.kind == "call.fall" else Key.CANCEL_OFFER
        keys = [(asks, heard), (asks, f"{heard}.again")][: question(book, call, now)]
        keys += [(asks, f"{heard}.walks")] if walks(call) is not None else []
    elif stage == STAGE_HEARD and call.owes_a_press:
        ruled = last.source == "rule" and last.kind == "call.sos"
        keys = [(Key.NOW_URGENT if ruled else Key.CALLING, heard)]
        if _unreached(book, call, now, no_path, f"{Key.NOT_REACHED}{heard}"):
            return _unless_told(call, keys) or _say(call, Key.NOT_REACHED, heard)
    elif stage == STAGE_HEARD:
        keys = [(Key.DELIVERED_LATER, heard)]
    elif stage == STAGE_DELIVERED:
        keys = list(_delivered(call, last, heard))
    elif stage == STAGE_TAKEN:
        keys = [(Key.TAKEN, heard), *_offered_anew(call, heard)]
    else:
        keys = [(Key.ARRIVED, heard)] if stage == STAGE_ARRIVED else []
    return _unless_told(call, keys)


def _of_an_earlier_run(book: Book, call: Call) -> bool:
    """Whether nothing has become of it since this hub started: old speech is not repeated."""
    if book.started is None:
        return False
    last, start = call.progress, book.started
    return (last.boot, last.uptime_ms) < (start.boot, start.uptime_ms)


def _asks_now(book: Book, call: Call, now: Now, name: str) -> bool:
    """Whether it is time to ask, first or again, whether all is well."""
    told = call.told.get(name)
    return told is None or (told.times < ASKED_TIMES and elapsed_ms(book, told.last, now) >= ASK_GAP_MS)


def _delivered(call: Call, last: Press, heard: str) -> Iterator[tuple[Key, str]]:
    yield (Key.CALL_BACK if last.kind == "call.consultation" else Key.DELIVERED), heard
    if call.cancel_asked:
        yield Key.CANCEL_ASKED, heard
        return
    yield Key.CANCEL_OFFER, heard
    yield from _offered_anew(call, heard)
    if call.asks is not None and not call.answer and call.lane is not Lane.SOS:
        yield Key.ASK_URGENT, f"{heard}.{call.asks.times}"
    if call.backed_up:
        yield Key.NOW_BACKUP, heard
    if call.nudges is not None:
        yield Key.STILL_WAITING, f"{heard}.{call.nudges.times}"


def _offered_anew(call: Call, heard: str) -> Iterator[tuple[Key, str]]:
    """Whoever fell walks again: perhaps no help is needed any more."""
    if walks(call) is not None and not call.cancel_asked:
        yield Key.CANCEL_OFFER, f"{heard}.walks"


def _unless_told(call: Call, keys: list[tuple[Key, str]]) -> Phrase | None:
    for key, suffix in keys:
        if f"{key}{suffix}" not in call.told:
            return _say(call, key, suffix)
    return None


def _say(call: Call, key: Key, suffix: str) -> Phrase:
    return Phrase(key=key.value, lane=call.lane, call_id=call.id, name=f"{key.value}{suffix}")


def _unreached(book: Book, call: Call, now: Now, no_path: bool, name: str) -> bool:
    """Whether it is time to say, first or again, that nobody has been reached."""
    told = call.told.get(name)
    if told is not None:
        gap = UNREACHED_GAPS_MS[min(told.times, len(UNREACHED_GAPS_MS)) - 1]
        return elapsed_ms(book, told.last, now) >= gap
    waiting = [call.presses[event_id] for event_id in call.owed if call.presses[event_id].opens]
    old = any(p.at.boot != now.boot or elapsed_ms(book, p.at, now) >= UNREACHED_MS for p in waiting)
    return no_path or old
