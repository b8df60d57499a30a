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

"Walks again": a pendant may tell that whoever fell has walked since (`firmware/pendant/steps.py`). That ends
nothing. While it is asked it is a reason to ask once more at once, and since whoever walks needs time to come
to the hub, the call goes out half a minute after that question, within the same QUESTIONS * ASKED_MS; what is
weighed as likely keeps its half minute here too. Once the call is out, cancelling is offered aloud again. The
answer is the green key, of any hub that asks (`edge/inputs/elsewhere.py`); silence calls, and so does any
press. A fall after it makes it void.

Public: `OFTEN`, `ASKED_MS`, `QUESTIONS`, `WALKS`, `often`, `questions`, `question`, `window_ms`, `walks`.
Pure; the time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edge.book import Book, Call, Handling, Life, Now, Press, elapsed_ms

DAY_MS: Final = 86_400_000
OFTEN: Final = 2  # more unanswered false falls a day are a fault, and are asked about twice
ASKED_MS: Final = 30_000  # a fall is asked about for this long: the commercial anchors' window
# As long as what a rule noticed is asked about: time to come from another room. A third question would cost
# somebody who lies there another half minute, and reach nobody whom two do not.
QUESTIONS: Final = 2
WALKS: Final = "fall_walks"  # change of a call.updated


def often(book: Book, device: str, now: Now) -> bool:
    """Whether more than OFTEN falls of the last day were answered by nobody, and nobody had to go."""
    ages = (elapsed_ms(book, call.at, now) for call in _false(book, device))
    return sum(age < DAY_MS for age in ages) > OFTEN


def questions(book: Book, call: Call, now: Now) -> int:
    """How often somebody is asked about this call before it goes out: once, or QUESTIONS times."""
    presses = [press for press in call.presses.values() if press.opens]
    if not _may_wait(call):
        return 1
    first = all(_surely_often(book, device, now) for device in {press.device for press in presses})
    return QUESTIONS if first and presses else 1


def question(book: Book, call: Call, now: Now) -> int:
    """The question of a call that is asked now: 1, and of those that are asked about twice 2 in the end."""
    if elapsed_ms(book, call.at, now) < ASKED_MS:
        return 1
    return questions(book, call, now)


def window_ms(book: Book, call: Call, now: Now, once_ms: int = ASKED_MS) -> int:
    """How long it is asked about this call before it goes out, from the first question on."""
    whole = once_ms * questions(book, call, now)
    walked = walks(call)
    if walked is None or not _may_wait(call):
        return whole
    return max(whole, min(elapsed_ms(book, call.at, walked.at) + once_ms, QUESTIONS * once_ms))


def walks(call: Call) -> Press | None:
    """The word that whoever fell has walked since; None without one, or with a fall or press after it."""
    found = None
    for press in call.presses.values():
        if press.opens:
            found = None
        elif press.change == WALKS and found is None:
            found = press
    return found


def _may_wait(call: Call) -> bool:
    """Whether a second question may hold it back: pendants' falls alone, none that is weighed as likely."""
    fell = all(p.kind == "call.fall" and p.source == "pendant" for p in call.presses.values() if p.opens)
    return fell and not any(press.change == "fall_likely" for press in call.presses.values())


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
