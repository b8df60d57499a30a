"""Runs what the platform asks, once, in time and on somebody's authority; the result is an event.

A crash may come between a command's commit and its result. What then has no result gets one at the next start
(`Effects.resume`): it is run again where that is safe, and else answered with "interrupted", for nobody knows
how far it had come.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Final

from edge.calls import RESULT, ClearFault, Effect, RaiseFault, RunCommand
from edge.hub import Hub
from edge.phrases import Phrase
from protocols.errors import AnbanError
from protocols.values import Command

log = logging.getLogger(__name__)

DONE, REFUSED, EXPIRED, UNKNOWN = "done", "refused", "expired", "unknown"
INTERRUPTED: Final = "interrupted"  # by a restart: it may have been done, or not
LOOK_S: Final = 0.5  # how soon after the first word of the platform old commands are looked at
LATER: Final = "later"  # its result comes when it has one
PROMPTS: Final = ("prompt", "prompt.remove")
SPOKEN: Final = frozenset({Phrase.STILL_WAITING})  # what a seat may let the hub say: nothing that claims help


def report_result(hub: Hub, command_id: str, outcome: str, reason: str) -> None:
    """The event that says how a command ended."""
    data = {"command": command_id, "outcome": outcome}
    if reason:
        data["reason"] = reason
    hub.report(RESULT, data)


class Effects:
    """What follows from the fold of calls beside lamp, speech and pendants: commands and faults."""

    def __init__(
        self,
        hub: Hub,
        report: Callable[[], None],
        say: Callable[[Phrase], object],
        propose: Callable[[Command], Awaitable[None]],
        settling: Callable[[str], bool] = lambda command_id: False,
        prompts: Callable[[Command], Awaitable[None]] | None = None,
    ) -> None:
        """`propose` fetches and tries settings; how that ends it reports itself, unless it raises.
        `settling(command id)`: the settings that this command proposed were being tried at the end of an
        earlier run, and whoever reverts them will report that."""
        self._hub, self._report, self._say, self._propose = hub, report, say, propose
        self._settling, self._prompts = settling, prompts
        self._begun: set[str] = set()  # commands of this run, and those that it has taken over
        self._working: set[asyncio.Task[None]] = set()
        self.runs: Mapping[str, Callable[[], Awaitable[tuple[str, str]]]] = {}  # see edge/asked.py
        hub.on_effect.append(self.run)

    def run(self, effect: Effect) -> None:
        """One effect of the fold. `Send` needs nothing: delivery looks at what is owed."""
        if isinstance(effect, RunCommand):
            self._command(effect.command)
        elif isinstance(effect, RaiseFault):
            self._hub.see(effect.fault, effect.about, True, effect.cause)
        elif isinstance(effect, ClearFault):
            self._hub.see(effect.fault, effect.about, False)

    async def resume(self, ready: Callable[[], bool]) -> None:
        """Give each command of earlier runs that has no result one; safe to call again.

        Not before `ready()` (the stores are read), nor before the platform has confirmed the time: whether a
        command has expired is not known sooner, and its result would reach nobody.
        """
        while not (ready() and self._hub.mint.clock.trusted()):  # noqa: ASYNC110 - a look at leisure
            await asyncio.sleep(LOOK_S)
        for command in tuple(self._hub.book.unanswered.values()):
            if command.id not in self._begun and not self._settling(command.id):
                log.warning("command %s had no result when an earlier run ended", command.id)
                self._command(command, again=True)

    def _command(self, command: Command, *, again: bool = False) -> None:
        self._begun = {known for known in self._begun if known in self._hub.book.unanswered} | {command.id}
        outcome, reason = self._outcome(command, again)
        if outcome != LATER:
            report_result(self._hub, command.id, outcome, reason)

    def _outcome(self, command: Command, again: bool) -> tuple[str, str]:
        """Do what is asked, if it may be done: (outcome, reason). `again`: it may have been done already."""
        clock = self._hub.mint.clock
        if clock.trusted() and clock.wall_ms() > command.expires_ms:
            return EXPIRED, ""
        if not command.authority:
            return REFUSED, "no-authority"
        if command.kind == "report":
            self._report()
            return DONE, ""
        if command.kind == "speak":
            # Old speech is never repeated: what was true then may not be so now.
            return (INTERRUPTED, "restarted") if again else self._speak(command)
        if command.kind == "config.propose":
            return self._later(self._try_settings(command), f"settings of {command.id}")
        if command.kind in self.runs:
            if again:
                return INTERRUPTED, "restarted"  # a phone rings once for one wish
            return self._later(self._run(command), command.kind)
        if command.kind in PROMPTS and self._prompts is not None:
            return self._later(self._prompt(command, self._prompts), f"prompt of {command.id}")
        return UNKNOWN, "not-in-this-release"

    def _later(self, work: Coroutine[object, object, None], name: str) -> tuple[str, str]:
        """Begin what takes its time, and reports how it ended."""
        task = asyncio.create_task(work, name=name)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return LATER, ""

    async def _run(self, command: Command) -> None:
        report_result(self._hub, command.id, *await self.runs[command.kind]())

    async def _prompt(self, command: Command, prompts: Callable[[Command], Awaitable[None]]) -> None:
        """Done when it is on the disk; to do it twice is to do it once."""
        try:
            await prompts(command)
        except AnbanError as error:
            log.warning("command %s: %s", command.id, error.sentence)
            report_result(self._hub, command.id, REFUSED, str(error.reason))
        else:
            report_result(self._hub, command.id, DONE, "")

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
