"""Runs what the platform asks, once, in time and on somebody's authority; the result is an event."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from edge.calls import ClearFault, Effect, RaiseFault, RunCommand
from edge.hub import Hub
from edge.phrases import Phrase
from protocols.errors import AnbanError
from protocols.values import Command

log = logging.getLogger(__name__)

DONE, REFUSED, EXPIRED, UNKNOWN = "done", "refused", "expired", "unknown"
LATER: Final = "later"  # its result comes when it has one
SPOKEN: Final = frozenset({Phrase.STILL_WAITING})  # what a seat may let the hub say: nothing that claims help


def report_result(hub: Hub, command_id: str, outcome: str, reason: str) -> None:
    """The event that says how a command ended."""
    data = {"command": command_id, "outcome": outcome}
    if reason:
        data["reason"] = reason
    hub.report("command.result", data)


class Effects:
    """What follows from the fold of calls beside lamp, speech and pendants: commands and faults."""

    def __init__(
        self,
        hub: Hub,
        report: Callable[[], None],
        say: Callable[[Phrase], None],
        propose: Callable[[Command], Awaitable[None]],
    ) -> None:
        """`propose` fetches and tries settings; how that ends it reports itself, unless it raises."""
        self._hub, self._report, self._say, self._propose = hub, report, say, propose
        self._proposing: set[asyncio.Task[None]] = set()
        hub.on_effect.append(self.run)

    def run(self, effect: Effect) -> None:
        """One effect of the fold. `Send` needs nothing: delivery looks at what is owed."""
        if isinstance(effect, RunCommand):
            self._command(effect.command)
        elif isinstance(effect, RaiseFault):
            self._hub.see(effect.fault, effect.about, True, effect.cause)
        elif isinstance(effect, ClearFault):
            self._hub.see(effect.fault, effect.about, False)

    def _command(self, command: Command) -> None:
        outcome, reason = self._outcome(command)
        if outcome != LATER:
            report_result(self._hub, command.id, outcome, reason)

    def _outcome(self, command: Command) -> tuple[str, str]:
        """Do what is asked, if it may be done: (outcome, reason)."""
        clock = self._hub.mint.clock
        if clock.trusted() and clock.wall_ms() > command.expires_ms:
            return EXPIRED, ""
        if not command.authority:
            return REFUSED, "no-authority"
        if command.kind == "report":
            self._report()
            return DONE, ""
        if command.kind == "speak":
            return self._speak(command)
        if command.kind == "config.propose":
            task = asyncio.create_task(self._try_settings(command), name=f"settings of {command.id}")
            self._proposing.add(task)
            task.add_done_callback(self._proposing.discard)
            return LATER, ""
        return UNKNOWN, "not-in-this-release"

    async def _try_settings(self, command: Command) -> None:
        try:
            await self._propose(command)
        except AnbanError as error:
            log.warning("the settings of command %s: %s", command.id, error)
            report_result(self._hub, command.id, REFUSED, str(error.reason))

    def _speak(self, command: Command) -> tuple[str, str]:
        key = command.data.get("phrase")
        if key not in SPOKEN:
            return REFUSED, "not-a-phrase"
        self._say(Phrase(key))
        return DONE, ""
