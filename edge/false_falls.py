"""Falls that were none are counted; after too many a day their wearer is asked twice before a call goes out.

A fall that nobody answers and that nobody goes to was most likely none. Every fall is asked about for half a
minute (`ASKED_MS`) as it is; more than OFTEN such false falls of a pendant within a day say that one question
does not reach its wearer: in another room, asleep, hard of hearing. From then on ("ask first") the same
question is asked a second time, aloud and on the pendant, and the call goes out half a minute later than
usual.

Why that is safe. Falls are never switched off, and none is kept back: an unanswered question always calls, at
the latest `QUESTIONS * ASKED_MS` after the fall; a restart of the hub meanwhile calls at once, and so does
any press on the pendant and the red key. What the hub weighs as likely keeps its half minute, whenever the
note comes. Nothing is stored that could stay behind: it is decided anew from the calls of the last day and
ends with them. Where a restart under a wrong clock leaves open whether they were of the last day, the half
minute stands: doubt makes no call later. The price: who falls on such a day and presses nothing, with no note
of the fall or one that the hub doubts, waits for half a minute more.

Public: `OFTEN`, `ASKED_MS`, `QUESTIONS`, `often`, `questions`, `question`. Pure; the time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edge.book import Book, Call, Handling, Life, Now, elapsed_ms

DAY_MS: Final = 86_400_000
OFTEN: Final = 2  # more unanswered false falls a day are a fault, and are asked about twice
ASKED_MS: Final = 30_000  # a fall is asked about for this long: the commercial anchors' window
# As long as what a rule noticed is asked about: time to come from another room. A third question would cost
# somebody who lies there another half minute, and reach nobody whom two do not.
QUESTIONS: Final = 2


def often(book: Book, device: str, now: Now) -> bool:
    """Whether more than OFTEN falls of the last day were answered by nobody, and nobody had to go."""
    ages = (elapsed_ms(book, call.at, now) for call in _false(book, device))
    return sum(age < DAY_MS for age in ages) > OFTEN


def questions(book: Book, call: Call, now: Now) -> int:
    """How often somebody is asked about this call before it goes out: once, or QUESTIONS times."""
    presses = [press for press in call.presses.values() if press.opens]
    if any(press.kind != "call.fall" or press.source != "pendant" for press in presses):
        return 1
    if any(press.change == "fall_likely" for press in call.presses.values()):
        return 1
    first = all(_surely_often(book, device, now) for device in {press.device for press in presses})
    return QUESTIONS if first and presses else 1


def question(book: Book, call: Call, now: Now) -> int:
    """The question of a call that is asked now: 1, and of those that are asked about twice 2 in the end."""
    if elapsed_ms(book, call.at, now) < ASKED_MS:
        return 1
    return questions(book, call, now)


def _surely_often(book: Book, device: str, now: Now) -> bool:
    """As `often`, of such falls alone whose age is known."""
    found = 0
    for call in _false(book, device):
        then = call.at
        dated = then.trusted and now.trusted and then.wall_ms <= now.wall_ms
        found += (then.boot == now.boot or dated) and elapsed_ms(book, then, now) < DAY_MS
    return found > OFTEN


def _false(book: Book, device: str) -> Iterator[Call]:
    """Calls that a fall of this pendant alone made, that are over, and that nobody had to go to."""
    for call in book.calls.values():
        presses = [press for press in call.presses.values() if press.opens]
        if not presses or call.withdrawn or call.life not in (Life.CLOSED, Life.CANCELLED):
            continue
        alone = all(press.kind == "call.fall" and press.device == device for press in presses)
        if alone and not any(heard.stage == Handling.ARRIVED.value for heard in call.heard):
            yield call
