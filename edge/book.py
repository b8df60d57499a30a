"""What is known of the home's calls: values that never change, and the questions that can be asked of them.

They are made by `edge/calls.py` alone. The state of a call is what the platform has told of it (`View`),
unless it is known in the home alone (`Call.base`: asking, or withdrawn while it asked).

Public: `Life`, `Handling`, `State`, `Press`, `Heard`, `View`, `Count`, `Call`, `Book`, `find`, `open_calls`,
`call_for`, `at_least_ms`, `elapsed_ms`, `owed`.
"""

from __future__ import annotations

import enum
from typing import Final, Protocol

import msgspec

from edge.entries import Stamp
from protocols.values import Command, EventId, Lane

Now = Stamp  # the time of a decision has the form of the time of an entry

FOLD_MS: Final = 30 * 60_000  # ARCHITECTURE "A call": without progress for longer, a press is a new call
# Changes of `call.updated` that never overtake a press.
CANCELS: Final = frozenset({"cancel_asked", "cancelled"})


class Life(enum.Enum):
    """Where a call stands between its first event and its end."""

    ASKING = "asking"  # the elder is asked first; nothing has gone out
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Handling(enum.Enum):
    """What people have done about a call."""

    NONE = "none"
    TAKEN = "taken"
    ARRIVED = "arrived"


State = tuple[Life, Handling]


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a call, with its own delivery. `stored`: the platform's number of its ack, None = owed."""

    id: EventId
    kind: str
    lane: Lane
    device: str
    source: str
    at: Stamp
    order: int  # in which events came to be known
    opens: bool  # a call of its own right; False for `call.updated`
    change: str = ""  # of a `call.updated`
    durable: bool = False
    stored: int | None = None
    elsewhere: bool = False  # the platform has it in another call: what becomes of this one is no news of it
    refused: str = ""  # the platform's last reason, while it refuses


class Heard(msgspec.Struct, frozen=True):
    """One thing that the platform said of a call: its number, what, about which id, by whom, heard when."""

    number: int
    stage: str
    about: EventId
    by: str
    at: Stamp


class View(msgspec.Struct, frozen=True):
    """The call as the platform has told it: the fold of what was heard, in the platform's order."""

    state: State = (Life.OPEN, Handling.NONE)
    lane: Lane | None = None  # highest meaning that the platform has; None: it has nothing yet
    since: Stamp | None = None  # when this state was first heard of
    by: str = ""
    number: int = -1


class Count(msgspec.Struct, frozen=True):
    """How often something happened in a call, and when last."""

    times: int
    last: Stamp


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A case: one elder, one life, all its events. `lane` is its highest meaning, and only rises."""

    id: EventId
    elder: str
    at: Stamp
    lane: Lane
    progress: Stamp  # when something last changed for the better or a key was pressed
    base: Life = Life.OPEN  # what is known of it in the home alone
    presses: dict[EventId, Press] = {}
    owed: tuple[EventId, ...] = ()
    owing: int = 0  # of those, call events of their own right
    heard: tuple[Heard, ...] = ()
    view: View = View()
    told: dict[str, Count] = {}
    nudges: Count | None = None  # re-alerts since the state last changed
    asks: Count | None = None  # "are you all right?" since the state last changed
    answer: str = ""  # "fine" or "help", since the last press
    cancel_asked: bool = False  # and no press since
    backed_up: bool = False  # given to the back-up contact

    @property
    def life(self) -> Life:
        """Asking and withdrawn are known here alone; a call that still owes a press is not over."""
        if self.base is not Life.OPEN and self.view.number < 0:
            return self.base
        return Life.OPEN if self.owing else self.view.state[0]

    @property
    def handling(self) -> Handling:
        """What people have done, as far as is known here."""
        if self.base is not Life.OPEN and self.view.number < 0:
            return Handling.NONE
        life, handling = self.view.state
        return Handling.NONE if life is not Life.OPEN and self.owes_a_press else handling

    @property
    def is_of_a_rule(self) -> bool:
        """Whether a rule of care began it, of whatever but a fall: that has its own window and words."""
        first = next(iter(self.presses.values()), None)
        return first is not None and first.source == "rule" and first.kind != "call.fall"

    @property
    def withdrawn(self) -> bool:
        """Whether the elder said during the countdown that no help is needed: nothing of it ever goes out."""
        return self.base is Life.CANCELLED and self.view.number < 0

    @property
    def is_known_in_full(self) -> bool:
        """Whether the platform has acked its highest meaning, wherever that stands."""
        return any(p.opens and p.stored is not None and p.lane == self.lane for p in self.presses.values())

    @property
    def owes_a_press(self) -> bool:
        """Whether a call event of it (not only an update) still waits for the platform's ack."""
        return self.owing > 0


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All calls of the home, oldest first, and which call each event belongs to."""

    calls: dict[EventId, Call] = {}
    index: dict[EventId, EventId] = {}
    commands: tuple[str, ...] = ()
    unanswered: dict[str, Command] = {}  # of those, without a result: a crash came between
    events: int = 0  # so far
    started: Stamp | None = None  # of this process: what of an earlier boot is at least as old


def find(book: Book, about: EventId) -> Call | None:
    """The call of a call id, or that which an event belongs to."""
    call_id = book.index.get(about, about)
    return book.calls.get(call_id)


def open_calls(book: Book) -> tuple[Call, ...]:
    """Calls that are asking or open, oldest first."""
    return tuple(call for call in book.calls.values() if call.life in (Life.ASKING, Life.OPEN))


def call_for(book: Book, elder: str, event_id: EventId, now: Now) -> EventId:
    """The call that an event of this elder joins, or `event_id` itself if it opens a new one.

    Wall time has no say in it, not even trusted: joining the call of last night alerts the seat all the same.
    """
    mine = [call for call in open_calls(book) if call.elder == elder]
    if mine and at_least_ms(book, mine[-1].progress, now) < FOLD_MS:
        return mine[-1].id
    return event_id


class Started(Protocol):
    """Whatever knows when this process began."""

    @property
    def started(self) -> Stamp | None: ...


def at_least_ms(book: Started, then: Stamp, now: Now) -> int:
    """Milliseconds from then to now by monotonic time alone: across boots, those since this process began."""
    if then.boot == now.boot:
        return max(0, now.uptime_ms - then.uptime_ms)
    started = book.started
    if started is None or started.boot != now.boot:
        return 0
    return max(0, now.uptime_ms - started.uptime_ms)


def elapsed_ms(book: Started, then: Stamp, now: Now) -> int:
    """Milliseconds from then to now; across boots at least as many, as far as anything trustworthy tells."""
    least = at_least_ms(book, then, now)
    if then.boot != now.boot and then.trusted and now.trusted:
        return max(least, now.wall_ms - then.wall_ms)
    return least


def owed(book: Book) -> tuple[Press, ...]:
    """Every call event that the platform has not acked, the urgent first, then the oldest.

    The urgency of an event is its own; a cancel is not owed before every press of its call is acked, and
    nothing is owed of a call that still asks, or that was withdrawn while it asked.
    """
    found: list[tuple[Lane, bool, int, Press]] = []
    for call in book.calls.values():
        if not call.owed or (call.base is not Life.OPEN and call.view.number < 0):
            continue
        pressing = call.owes_a_press
        for event_id in call.owed:
            press = call.presses[event_id]
            if not (pressing and press.change in CANCELS):
                found.append((press.lane, not press.opens, press.order, press))
    return tuple(row[-1] for row in sorted(found, key=lambda row: row[:-1]))
