"""What the platform asks of the hub by text: proved, journalled as any command, run once, answered by text.

None of what can be asked so ends, delays or hides a call. A command that comes again is not run again: what
it came to is texted again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from edge.book import open_calls
from edge.calls import RESULT
from edge.hub import Hub
from edge.paths.sms import SmsPath
from protocols import sms_frame
from protocols.errors import AnbanError, Reason
from protocols.sms_frame import ASKS, OUTCOMES, REASONS, UNKNOWN_BATTERY, AnswerFrame, CommandFrame
from protocols.values import Command, Event

log = logging.getLogger(__name__)

AGAIN_S: Final = (0.0, 30.0, 120.0)  # an answer that could not be sent; whoever misses it asks again
KEPT: Final = 16  # results that can be texted again
AUTHORITY: Final = "platform"  # its key: who sat there the frame does not say


class Power(Protocol):
    """`edge.heartbeat.Heartbeat`, as far as it knows of power."""

    mains: bool | None
    battery_pct: int | None


class Asks:
    """`kept(commit)` waits for a commit: whether it is on the disk; `by_ip()`: whether IP works somehow."""

    def __init__(
        self,
        hub: Hub,
        path: SmsPath,
        kept: Callable[[asyncio.Future[list[int]] | None], Awaitable[bool]],
        by_ip: Callable[[], bool],
    ) -> None:
        self._hub, self._path, self._kept, self._by_ip = hub, path, kept, by_ip
        self.power: Power | None = None
        self._asked: list[str] = []  # by text, and newest last
        self._results: dict[str, Event] = {}
        self._answering: set[asyncio.Task[None]] = set()
        hub.on_result.append(self._resulted)

    async def take(self, text: str) -> bool:
        """A text that says it is a command; whether the modem may forget it."""
        frame = self._path.proved(text, sms_frame.COMMAND)
        if not isinstance(frame, CommandFrame):
            return True
        command = Command(
            id=f"{frame.command:016x}",
            kind=ASKS[frame.ask],
            expires_ms=frame.expires_s * 1000,
            authority=AUTHORITY,
        )
        log.info("asked by text: %s", command.kind)
        known = self._results.get(command.id)
        self._asked = [*(c for c in self._asked if c != command.id), command.id][-KEPT:]
        if not await self._kept(self._hub.command(command, self._path.name)):
            return False
        await self._path.keep(frame.counter)
        if known is not None:
            self._resulted(known)
        return True

    def _resulted(self, event: Event) -> None:
        """A command has its result: who asked by text is told by text."""
        command = str(event.data.get("command", ""))
        if event.kind == RESULT and command in self._asked:
            self._results[command] = event
            for old in [key for key in self._results if key not in self._asked]:
                del self._results[old]
            self._answering.add(task := asyncio.create_task(self._answer(event), name="answer by text"))
            task.add_done_callback(self._answering.discard)

    async def _answer(self, event: Event) -> None:
        for wait_s in AGAIN_S:
            await asyncio.sleep(wait_s)
            try:
                frame = self.frame(event)
                words = f"{OUTCOMES[frame.outcome]} {REASONS[frame.reason]} faults {frame.faults}"
                await self._path.tell(frame, words)
                return
            except AnbanError as error:
                log.info("an answer is not texted: %s", error)
                if error.reason is Reason.OUTCOME_UNKNOWN:
                    return  # it may have gone; whoever misses it asks again

    def frame(self, event: Event) -> AnswerFrame:
        """What a text says of a result, and of the home as it is now."""
        outcome, reason = str(event.data.get("outcome", "")), str(event.data.get("reason", ""))
        power = self.power
        battery = None if power is None else power.battery_pct
        return AnswerFrame(
            counter=self._path.counters.take(),
            origin=sms_frame.name_bits(event.id.origin),
            life=event.id.life,
            number=event.id.number,
            command=int(str(event.data["command"]), 16),
            outcome=OUTCOMES.index(outcome if outcome in OUTCOMES else "unknown"),
            reason=REASONS.index(reason if reason in REASONS else "other"),
            faults=min(63, len(self._hub.faults.open)),
            calls=min(15, len(open_calls(self._hub.book))),
            battery=UNKNOWN_BATTERY if battery is None else max(0, min(100, battery)),
            mains=power is not None and power.mains is not False,
            ip=self._by_ip(),
        )
