"""Who beside the platform is to be told of a call, and when: relatives by text, and by phone down a list.

Pure: (book of calls, contacts, rows of the plan, time) → what is due. Two clocks start it. A press that the
platform has not acked: the rows "family" and "voice" of the plan count from the press. A call that the
platform has and nobody has taken: they count from 90 s after its delivery, whether IP works or not; the texts
go first, the first ringing after the row's own first offset. What was done stands in the call's own fold
(`Call.told`), so a restart neither forgets nor repeats it. Nothing that a relative does or says ends the
delivery to the platform; that a person has confirmed on the phone only spaces the next round of the list.

Public: `Contact`, `Why`, `Letter`s due (`Text`), rounds due (`Ring`), `texts_due`, `ring_due`, `rings`,
`told_text`, `told_over`, `ROUND`, `CONFIRMED`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from edge.book import Book, Call, Count, Handling, Life, Now, Press, elapsed_ms
from edge.letters import Letter
from edge.plan import Row
from protocols.values import EventId, Lane

LONG_MS: Final = 1 << 40  # the age of a press from before this boot: all that waited for it is due
OVER_MS: Final = 30 * 60_000  # that it is over is told within this time, or not at all
ROUND: Final = "voice.round"  # names of ToldEntry; those of texts bear the contact's id
CONFIRMED: Final = "voice.confirmed"


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A relative or neighbour; `text`: the policy of texts; `elders`: of whose calls, empty: everybody's."""

    id: str
    text: Literal["always", "late", "never"] = "late"
    voice: bool = True
    elders: tuple[str, ...] = ()

    def cares(self, call: Call) -> bool:
        """Whether this contact is for calls of that elder."""
        return not self.elders or call.elder in self.elders


class Why(enum.Enum):
    """Why others than the platform are to be told."""

    UNREACHED = "unreached"
    UNTAKEN = "untaken"


class Text(msgspec.Struct, frozen=True):
    """A text that is due to a contact."""

    call_id: EventId
    contact: str
    letter: Letter


class Ring(msgspec.Struct, frozen=True):
    """A round of the list that is due: these contacts in turn; `soon`: none of the hourly rounds."""

    call_id: EventId
    contacts: tuple[str, ...]
    soon: bool = True


def told_text(contact: str) -> str:
    """The name under which a text to a contact is noted."""
    return f"text.{contact}"


def told_over(contact: str) -> str:
    """The name under which the last word to a contact is noted."""
    return f"over.{contact}"


def texts_due(
    book: Book, now: Now, contacts: Sequence[Contact], row: Row | None, help_ms: int
) -> tuple[Text, ...]:
    """The texts that are due now, the oldest call first. `row` is the plan's row "family"."""
    return tuple(
        Text(call.id, contact.id, letter)
        for call in book.calls.values()
        if call.lane is Lane.SOS and row is not None
        for contact in contacts
        if contact.text != "never" and contact.cares(call)
        for letter in _letter(book, call, now, contact, row, help_ms)
    )


def ring_due(book: Book, now: Now, contacts: Sequence[Contact], row: Row | None, help_ms: int) -> Ring | None:
    """The round of the list that is due now, of the oldest call first. `row` is the plan's row "voice"."""
    for call in book.calls.values():
        listed = tuple(contact.id for contact in contacts if contact.voice and contact.cares(call))
        if call.lane is Lane.SOS and listed and row is not None:
            late = _late(book, call, now, help_ms)
            if late is not None and _round_due(book, call, now, row, late[1]):
                return Ring(call.id, listed, _is_soon(call, row))
    return None


def rings(book: Book, call: Call, now: Now, help_ms: int) -> bool:
    """Whether a round that has begun is still wanted: not when it is taken, or the platform just got it."""
    late = _late(book, call, now, help_ms)
    return late is not None and late[1] >= 0


def _late(book: Book, call: Call, now: Now, help_ms: int) -> tuple[Why, int] | None:
    """Which clock runs for a call, and for how long in ms (below 0: not yet); None when help is at hand."""
    if call.life is not Life.OPEN:
        return None
    waiting = [call.presses[event_id] for event_id in call.owed if call.presses[event_id].opens]
    if waiting:
        return Why.UNREACHED, max(_age_ms(book, press, now) for press in waiting)
    if call.handling is not Handling.NONE:  # that a cancel was asked for changes nothing: a seat accepts it
        return None
    return Why.UNTAKEN, elapsed_ms(book, call.view.since or call.at, now) - help_ms


def _age_ms(book: Book, press: Press, now: Now) -> int:
    return LONG_MS if press.at.boot != now.boot else elapsed_ms(book, press.at, now)


def _letter(book: Book, call: Call, now: Now, contact: Contact, row: Row, help_ms: int) -> Iterator[Letter]:
    """The one letter that is due to this contact about this call, if any."""
    sent = call.told.get(told_text(contact.id))
    late = _late(book, call, now, help_ms)
    if late is None:
        over = _over(book, call, now)
        if sent is not None and over is not None and told_over(contact.id) not in call.told:
            yield over
        return
    why, for_ms = late
    first_ms = row.offsets_ms[0] if why is Why.UNREACHED else 0
    if sent is None:
        if for_ms >= first_ms:
            yield Letter(why.value)
        elif contact.text == "always":
            yield Letter.CALLED
    elif for_ms >= first_ms and _again(book, sent, now, contact, row):
        yield Letter(why.value)


def _again(book: Book, sent: Count, now: Now, contact: Contact, row: Row) -> bool:
    """Whether one more text may go, and its gap is over."""
    more = not row.most or sent.times < row.most
    return more and elapsed_ms(book, sent.last, now) >= _gap_ms(row, sent, contact)


def _gap_ms(row: Row, sent: Count, contact: Contact) -> int:
    """Until the next text. Who was told at once is told as soon as the others when nobody answers."""
    if contact.text == "always" and sent.times == 1:
        return row.offsets_ms[0]
    return row.gaps_ms[min(sent.times - 1, len(row.gaps_ms) - 1)]


def _over(book: Book, call: Call, now: Now) -> Letter | None:
    """The last word of a call that needs nobody any more."""
    if call.life in (Life.CLOSED, Life.CANCELLED):
        return Letter.OVER if elapsed_ms(book, call.progress, now) <= OVER_MS else None
    return Letter.TAKEN if call.life is Life.OPEN and call.handling is not Handling.NONE else None


def _round_due(book: Book, call: Call, now: Now, row: Row, for_ms: int) -> bool:
    """Whether the next round of the list begins now. A press after the last one brings one of its own."""
    offsets = row.offsets_ms
    begun = call.told.get(ROUND)
    confirmed = call.told.get(CONFIRMED)
    if for_ms < offsets[0]:
        return False
    if begun is None:
        return True
    anew = _pressed_since(call, begun)
    if anew is not None:
        return elapsed_ms(book, anew.at, now) >= offsets[0]
    if row.most and begun.times >= row.most:
        return False
    if confirmed is not None and _pressed_since(call, confirmed) is None:
        return elapsed_ms(book, confirmed.last, now) >= row.gaps_ms[-1]
    since_ms = elapsed_ms(book, begun.last, now)
    if begun.times < len(offsets):
        return since_ms >= offsets[begun.times] - offsets[begun.times - 1]
    return since_ms >= row.gaps_ms[min(begun.times - len(offsets), len(row.gaps_ms) - 1)]


def _pressed_since(call: Call, count: Count) -> Press | None:
    """The last key press after this, in the same boot."""
    return next(
        (
            press
            for press in reversed(call.presses.values())
            if press.opens and press.at.boot == count.last.boot and press.at.uptime_ms > count.last.uptime_ms
        ),
        None,
    )


def _is_soon(call: Call, row: Row) -> bool:
    """Whether the round that is due belongs to the quick ones."""
    begun = call.told.get(ROUND)
    return begun is None or begun.times < len(row.offsets_ms) or _pressed_since(call, begun) is not None
