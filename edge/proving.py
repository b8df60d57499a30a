"""Tries every way to the platform on purpose, weekly and on a technician's wish; what failed is a fault.

IP is asked as its checks ask it. By text a frame that is flagged as a test goes to each of the platform's
numbers, and counts when the platform's receipt is back. By phone the test number is rung until its phone
rings, and hung up: nobody has to answer, nothing is said. A call that begins ends a test.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from drivers.talk import Stage
from drivers.waiting import came
from edge.book import open_calls
from edge.delivery import Delivery
from edge.entries import Stamp
from edge.hub import Hub
from edge.phrases import Phrase
from edge.proofs import FAILED, GOOD, UNTESTED, Proof, due, good
from edge.stores.state import State
from edge.threads import in_thread
from protocols.errors import AnbanError, Reason
from protocols.kinds import TEST
from protocols.values import EventId, Receipt

if TYPE_CHECKING:
    from edge.lines import Lines, Way
    from edge.texting import Texting

log = logging.getLogger(__name__)

LOOK_S: Final = 60.0
TEXT_S: Final = 120.0  # ETSI: 6 to 8 s are typical each way, a busy network takes minutes
RING_S: Final = 30.0
STATE: Final = ("proof", "paths")
SPOKEN: Final = (  # beginnings of the ways' names, and what is said of them together
    (("coap", "https"), Phrase.INTERNET_WORKS, Phrase.INTERNET_FAILS),
    (("sms",), Phrase.TEXTS_WORK, Phrase.TEXTS_FAIL),
    (("voice", "sip"), Phrase.TELEPHONE_WORKS, Phrase.TELEPHONE_FAILS),
)


class Proving:
    """Run it as a task. `lines` and `texting` are None where there are none."""

    def __init__(
        self,
        hub: Hub,
        state: State,
        delivery: Delivery,
        texting: Texting | None,
        lines: Lines | None,
        say: Callable[[Phrase], object],
        utc_offset_minutes: Callable[[], int],
    ) -> None:
        self._hub, self._state, self._delivery = hub, state, delivery
        self._texting, self._lines = texting, lines
        self._say, self._utc_offset_minutes = say, utc_offset_minutes
        self.proofs: dict[str, Proof] = {}
        self._testing: asyncio.Task[None] | None = None
        self._saying: asyncio.Task[None] | None = None
        self._fresh: set[str] = set()  # what the last round of tests came to the end of
        self._ringing = asyncio.Lock()  # there is one room, and one call at a time
        self._awaited: dict[EventId, asyncio.Event] = {}
        self._tests: dict[str, Callable[[], Awaitable[str]]] = {
            name: functools.partial(self._ask, name) for name in ("coap", "https")
        }
        if texting is not None:
            texting.on_receipt = self._receipt
            for place, number in enumerate(texting.path.numbers, 1):
                name = "sms" if place == 1 else f"sms-{place}"
                self._tests[name] = functools.partial(self._text, number)
        for way in lines.ways if lines is not None else ():
            self._tests[way.name] = functools.partial(self._ring, way)
        self._recall()

    async def run(self) -> None:
        """Look once a minute whether the ways are to be tried."""
        while True:
            await asyncio.sleep(LOOK_S)
            now, offset = self._hub.mint.stamp(), self._utc_offset_minutes()
            if due(self.proofs, self._tests, now, offset, self._hub.mint.origin) and not self._busy():
                await self._all()

    def operations(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """Name -> operation, for `edge.api.Api`."""
        return {"test-paths": self.test, "proofs": self.table}

    async def test(self, _args: Mapping[str, Any]) -> dict[str, Any]:
        """Begin to try every way; `proofs` tells how it goes. AnbanError(BUSY) while there is a call."""
        if open_calls(self._hub.book):
            raise AnbanError(Reason.BUSY, "a call is open", "Test when it is over.")
        if self._testing is None or self._testing.done():
            self._testing = asyncio.create_task(self._aloud())
        return await self.table({})

    async def ended(self) -> None:
        """Wait for the end of the tests that go on."""
        if self._testing is not None:
            await asyncio.wait({self._testing})

    async def table(self, _args: Mapping[str, Any]) -> dict[str, Any]:
        """The last try of each way, whether one is going on, and how many texts changed nothing, by why."""
        now = self._hub.mint.stamp()
        rows = [
            _row(self.proofs.get(name), name, now) | {"fresh": name in self._fresh} for name in self._tests
        ]
        heard = None if self._texting is None else msgspec.structs.asdict(self._texting.path.heard)
        testing = self._testing is not None and not self._testing.done()
        return {"testing": testing, "paths": rows, "refused_texts": heard}

    # --- trying ---

    async def _aloud(self) -> None:
        if self._saying is not None:
            self._saying.cancel()  # of the round before, which is not new any more
        await self._all()
        if not self._busy():
            self._saying = asyncio.create_task(self._tell_all(list(self._spoken())))

    async def _tell_all(self, phrases: list[Phrase]) -> None:
        """One sentence after the other, until a call comes between."""
        for phrase in phrases:
            saying = None if self._busy() else self._say(phrase)
            if isinstance(saying, asyncio.Future):
                await asyncio.wait({saying})

    def _spoken(self) -> Iterator[Phrase]:
        """What is said of the last round: of all ways, then of each kind of them that was tried."""
        yield Phrase.WAYS_WORK if good(self.proofs.values()) else Phrase.WAYS_FAIL
        for names, works, fails in SPOKEN:
            tried = [
                proof
                for name, proof in self.proofs.items()
                if name in self._fresh and name.startswith(names) and proof.outcome != UNTESTED
            ]
            if tried:
                yield works if good(tried) else fails

    async def _all(self) -> None:
        """Every way, at the same time: a text that is late holds up no other test."""
        self._fresh.clear()
        async with asyncio.TaskGroup() as group:
            for name, test in self._tests.items():
                group.create_task(self._one(name, test), name=f"test {name}")
        raw = msgspec.msgpack.encode(list(self.proofs.values()))
        with contextlib.suppress(AnbanError, RuntimeError):
            await in_thread("proofs", self._state.put, *STATE, raw)

    async def _one(self, name: str, test: Callable[[], Awaitable[str]]) -> None:
        began = self._hub.mint.stamp()
        try:
            cause = await test()
        except AnbanError as error:
            cause = str(error.reason)
        if self._busy():
            return  # a call came between: nothing is known
        now = self._hub.mint.stamp()
        outcome = GOOD if not cause else UNTESTED if cause == "no-number" else FAILED
        before = self.proofs.get(name)
        self.proofs[name] = Proof(
            path=name,
            outcome=outcome,
            cause=cause,
            took_ms=max(0, now.uptime_ms - began.uptime_ms),
            at=now,
            worked=now if outcome == GOOD else before.worked if before is not None else None,
        )
        self._fresh.add(name)
        self._hub.see("proof", name, outcome == FAILED, cause)
        took_ms = self.proofs[name].took_ms
        self._hub.report(TEST, {"path": name, "outcome": outcome, "cause": cause, "took_ms": took_ms})

    async def _ask(self, name: str) -> str:
        return "" if await self._delivery.check(name) else self._delivery.health[name].reason

    async def _text(self, number: str) -> str:
        """A test frame there and its receipt back; why not, or empty."""
        assert self._texting is not None
        event = self._hub.mint.event(TEST, self._hub.mint.next_id())
        receipt = self._awaited[event.id] = asyncio.Event()
        try:
            try:
                await self._texting.path.prove(event, number)
            except AnbanError as error:
                if error.reason is not Reason.OUTCOME_UNKNOWN:
                    raise
            return "" if await self._unless_busy(receipt, TEXT_S) else "no-receipt"
        finally:
            self._awaited.pop(event.id, None)

    def _receipt(self, receipt: Receipt) -> None:
        waiting = self._awaited.get(receipt.about)
        if waiting is not None:
            waiting.set()

    async def _ring(self, way: Way) -> str:
        """Ring the test number until its phone rings; why not, or empty. One telephone after the other."""
        if way.test is None:
            return "no-number"
        async with self._ringing:
            cause = await self._rung(way, way.test)
        if not self._busy():
            way.doubted = bool(cause)
        return cause

    async def _rung(self, way: Way, number: str) -> str:
        assert self._lines is not None
        if self._lines.talk is not None:
            return "busy"
        await way.budget.spend(share=0.5)
        talk = await way.phone.dial(number)
        try:
            while not talk.rang and talk.stage is Stage.DIALLING:
                talk.changed.clear()
                if not await self._unless_busy(talk.changed, RING_S):
                    return "no-ringing"
            return "" if talk.rang or talk.stage is Stage.ANSWERED else talk.end or "no-ringing"
        finally:
            if talk.stage < Stage.ENDED:
                await way.phone.hang_up()

    async def _unless_busy(self, event: asyncio.Event, within_s: float) -> bool:
        """Wait for something, not beside a call; whether it came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not self._busy() and not event.is_set():
                    await came(event, 1.0)
        return event.is_set()

    def _busy(self) -> bool:
        return bool(open_calls(self._hub.book))

    def _recall(self) -> None:
        """What was proved before this start: a fault's age goes on."""
        raw = self._state.get(*STATE)
        if raw is None:
            return
        with contextlib.suppress(msgspec.MsgspecError):
            for proof in msgspec.msgpack.decode(raw, type=list[Proof]):
                self.proofs.setdefault(proof.path, proof)


def _row(proof: Proof | None, name: str, now: Stamp) -> dict[str, Any]:
    """A way as people are told of it."""
    if proof is None:
        return {"path": name, "outcome": UNTESTED, "cause": "", "took_ms": None, "age_s": None}
    age_s = None
    if proof.at.boot == now.boot:
        age_s = (now.uptime_ms - proof.at.uptime_ms) / 1000
    elif proof.at.trusted and now.trusted:
        age_s = max(0, now.wall_ms - proof.at.wall_ms) / 1000
    told = {"path": name, "outcome": proof.outcome, "cause": proof.cause}
    return told | {"took_ms": proof.took_ms, "age_s": age_s}
