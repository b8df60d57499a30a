"""The way to the platform by SMS: an event as one proved frame to each of its numbers; receipts come back so.

A frame is handed to the network and nothing more: `send` gives no receipts. The platform's own receipt comes
as a frame later (`read`), and that alone ends the rest. Frames prove who made them; numbers prove nothing.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

import msgspec

from edge.budget import Budget, Cap, Purpose
from edge.credentials import SmsKeys
from edge.paths.base import PathError
from edge.threads import in_thread
from protocols import sms_frame
from protocols.errors import AnbanError, Reason
from protocols.values import Event, EventId, Receipt
from protocols.wire import Packed

log = logging.getLogger(__name__)

COUNTER: Final = "sms-up"
BLOCK: Final = 64  # counters reserved ahead: two days of one call's texts without a disk
WINDOW: Final = ("sms", "window")
PROOF_SHARE: Final = 0.5  # of the day's texts: a test never takes what a call may need
RETRY_SHARE: Final = 0.8  # nor do the hourly tries of an old call what a new one may
FIRST_TRIES: Final = 4  # of an event: those of the plan's first three minutes
KEPT_TRIES: Final = 64
GONE: Final = (Reason.OUTCOME_UNKNOWN,)


def cap_of(numbers: int) -> Cap:
    """What the texts of one call may cost, to so many numbers: what one press costs by the plan, which is 7
    repetitions in 80 minutes and then hourly ones, and the first text of nine more presses."""
    return Cap(first=10 * numbers, again=8 * numbers, hourly=numbers, each=numbers)


class Sending(Protocol):
    """`drivers.modem.modem.Modem`, as far as it texts."""

    async def send(self, number: str, text: str) -> None: ...


class Keeping(Protocol):
    """`edge.stores.state.State`, as far as counters are kept."""

    def counters(self) -> dict[str, int]: ...

    def create_counter(self, name: str, first: int = 0) -> None: ...

    def reserve(self, name: str, count: int) -> range: ...

    def get(self, space: str, name: str) -> bytes | None: ...

    def put(self, space: str, name: str, value: bytes | None) -> None: ...


class Counters:
    """Numbers of frames, reserved ahead. Where none is to be had an alarm goes out without: the receiver
    folds alarms on their ids, so a number that is missing or used twice lets nobody in."""

    def __init__(self, state: Keeping) -> None:
        self._state = state
        self._left: deque[int] = deque()
        self._filling = False

    async def fill(self) -> None:
        """Reserve a block, as long as the disk takes for it."""
        if self._filling or len(self._left) > BLOCK // 2:
            return
        self._filling = True
        try:
            self._left.extend(await in_thread("sms counters", self._reserve))
        except (AnbanError, RuntimeError) as error:
            log.warning("no counters for texts: %s", error)
        finally:
            self._filling = False

    def take(self) -> int:
        """The next number, or NO_COUNTER. Never waits."""
        return self._left.popleft() if self._left else sms_frame.NO_COUNTER

    def _reserve(self) -> Sequence[int]:
        if COUNTER not in self._state.counters():
            self._state.create_counter(COUNTER, 1)
        return [n for n in self._state.reserve(COUNTER, BLOCK) if n <= sms_frame.MAX_COUNTER]


class Heard(msgspec.Struct, kw_only=True):
    """How many texts came that changed nothing, by why: "forged", "replayed", "foreign"."""

    forged: int = 0
    replayed: int = 0
    foreign: int = 0


class SmsPath:
    """The path "sms". `names()` are ids of this home's devices; `now_ms()` monotonic.

    `words(event)` is what a person reads; `budget` bounds what a day may cost.
    """

    name = "sms"

    def __init__(
        self,
        modem: Sending,
        numbers: Sequence[str],
        keys: SmsKeys,
        state: Keeping,
        *,
        names: Callable[[], Collection[str]],
        words: Callable[[Event], str],
        now_ms: Callable[[], int],
        boot: int,
        budget: Budget,
    ) -> None:
        self._modem, self._numbers, self._state = modem, tuple(numbers), state
        self._home = keys.home
        self._up, self._down = bytes.fromhex(keys.up_key), bytes.fromhex(keys.down_key)
        self._names, self._words, self._now_ms, self._boot = names, words, now_ms, boot
        self._budget = budget
        self._tried: dict[EventId, int] = {}
        self._first_ms: dict[EventId, int] = {}
        self.counters = Counters(state)
        self.window = sms_frame.Window()
        self.heard = Heard()

    async def send(self, events: Sequence[Event | Packed]) -> list[Receipt]:
        """Hand each event to every number; no receipts. PathError where not one message went, or may have.

        PATH_TIMEOUT: it may have gone; PATH_REFUSED: no use to try at once; PATH_DOWN: the modem cannot.
        """
        for event in events:
            if not isinstance(event, Event):
                raise PathError(Reason.PATH_REFUSED, "only calls go by text")
            await self._send_one(event)
        return []

    async def prove(self, event: Event, number: str) -> None:
        """Hand a test to one number. AnbanError; its receipt comes as that of any text."""
        await self._budget.spend(share=PROOF_SHARE)
        self._handing(event.id)
        await sent(self._modem, self._budget, number, self._text(event))

    async def tell(self, frame: sms_frame.AnswerFrame, words: str) -> None:
        """Hand an answer to the first of the platform's numbers that takes it. AnbanError as of the last."""
        text = sms_frame.write(self._home, self._up, frame, words)
        for number in self._numbers:
            try:
                await self._budget.spend(share=RETRY_SHARE)
                await sent(self._modem, self._budget, number, text)
                return
            except AnbanError as error:
                if number == self._numbers[-1] or error.reason in GONE:
                    raise

    def first_sent_ms(self, event_id: EventId) -> int | None:
        """When this run first handed an event to the network, in monotonic ms; None for what it has not."""
        return self._first_ms.get(event_id)

    def _handing(self, event_id: EventId) -> None:
        self._first_ms.setdefault(event_id, self._now_ms())
        while len(self._first_ms) > KEPT_TRIES:
            del self._first_ms[next(iter(self._first_ms))]

    @property
    def numbers(self) -> tuple[str, ...]:
        """The platform's."""
        return self._numbers

    async def _send_one(self, event: Event) -> None:
        tried = self._tried.pop(event.id, 0)
        self._tried[event.id] = tried + 1
        while len(self._tried) > KEPT_TRIES:
            del self._tried[next(iter(self._tried))]
        self._handing(event.id)
        share = 1.0 if tried < FIRST_TRIES else RETRY_SHARE
        purpose = Purpose(call=event.call_id or event.id, event=event.id, lane=event.lane)
        errors = []
        for number in self._numbers:
            try:
                text = self._text(event)
                await self._budget.spend(share=share, purpose=purpose)
                await sent(self._modem, self._budget, number, text, purpose)
            except AnbanError as error:
                log.info("sms: %s", error)
                errors.append(error)
        if len(errors) < len(self._numbers):
            return
        worst = next((error for error in errors if error.reason in GONE), errors[-1])
        raise PathError(_REASONS.get(worst.reason, Reason.PATH_DOWN), worst.sentence, worst.remedy)

    def _text(self, event: Event) -> str:
        code = sms_frame.code_of(event)
        if code is None:
            raise AnbanError(Reason.BAD_VALUE, f"{event.kind} has no place in a text")
        call = event.call_id
        begins = call is None or call == event.id
        age_ms = self._now_ms() - event.uptime_ms if event.boot == self._boot else sms_frame.MAX_AGE_S * 1000
        frame = sms_frame.EventFrame(
            counter=self.counters.take(),
            kind=code,
            origin=sms_frame.name_bits(event.id.origin),
            life=event.id.life,
            number=event.id.number,
            elder=sms_frame.name_bits(event.elder),
            age_s=max(0, age_ms // 1000),
            durable=event.durable,
            call=None if begins or call is None else _ref(call),
        )
        return sms_frame.write(self._home, self._up, frame, self._words(event))

    # --- receipts ---

    def load_window(self) -> None:
        """Know again which receipts came before this start."""
        raw = self._state.get(*WINDOW)
        if raw is not None and len(raw) == 16:
            self.window = sms_frame.Window(int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:], "big"))

    def proved(self, text: str, letter: str) -> sms_frame.Frame | None:
        """The platform's frame of a type, if it is new; None, and counted, for what changes nothing."""
        try:
            frame = sms_frame.read(text, letter, self._home, self._down)
        except AnbanError as error:
            self._refused(error)
            return None
        if not self.window.is_new(frame.counter):
            self.heard.replayed += 1
            return None
        return frame

    def read(self, text: str) -> tuple[Receipt, int] | None:
        """The receipt in a text and its counter; None, and counted, for what changes nothing."""
        frame = self.proved(text, sms_frame.RECEIPT)
        if not isinstance(frame, sms_frame.ReceiptFrame):
            return None
        names = self._names()
        try:
            receipt = Receipt(
                number=frame.order,
                about=sms_frame.id_of(frame, names),
                stage=sms_frame.STAGES[frame.stage],
                wall_ms=frame.wall_s * 1000,
                call_id=sms_frame.call_of(frame, names),
            )
        except AnbanError as error:
            self._refused(error)
            return None
        return receipt, frame.counter

    def _refused(self, error: AnbanError) -> None:
        if error.reason is Reason.NOT_AUTHENTIC:
            self.heard.forged += 1
        else:
            self.heard.foreign += 1
        log.warning("a text changes nothing: %s", error.sentence)

    async def keep(self, counter: int) -> None:
        """What bore this counter is on the disk: it is old from now on, over a restart too if the disk takes
        that."""
        self.window.take(counter)
        raw = self.window.top.to_bytes(8, "big") + self.window.mask.to_bytes(8, "big")
        try:
            await in_thread("sms window", self._state.put, *WINDOW, raw)
        except (AnbanError, RuntimeError) as error:
            log.warning("the window of texts is not kept: %s", error)


async def sent(
    modem: Sending, budget: Budget, number: str, text: str, purpose: Purpose | None = None
) -> None:
    """Send what was counted; what has certainly not gone costs nothing. AnbanError as of the modem."""
    try:
        await modem.send(number, text)
    except AnbanError as error:
        if error.reason not in GONE:
            budget.give_back(purpose=purpose)
        raise


_REASONS: Final = {
    Reason.OUTCOME_UNKNOWN: Reason.PATH_TIMEOUT,
    Reason.MODEM_REFUSED: Reason.PATH_REFUSED,
    Reason.BAD_VALUE: Reason.PATH_REFUSED,
    Reason.RATE_LIMITED: Reason.PATH_REFUSED,
}


def _ref(event_id: EventId) -> tuple[int, int, int]:
    return sms_frame.name_bits(event_id.origin), event_id.life, event_id.number
