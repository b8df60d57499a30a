"""Runs what the platform asks, once, in time and on somebody's authority; the result is an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from edge.calls import ClearFault, Effect, RaiseFault, RunCommand
from edge.hub import Hub
from edge.phrases import Phrase
from protocols.values import Command

DONE, REFUSED, EXPIRED, UNKNOWN = "done", "refused", "expired", "unknown"
SPOKEN: Final = frozenset({Phrase.STILL_WAITING})  # what a seat may let the hub say: nothing that claims help


class Effects:
    """What follows from the fold of calls beside lamp, speech and pendants: commands and faults."""

    def __init__(self, hub: Hub, report: Callable[[], None], say: Callable[[Phrase], None]) -> None:
        self._hub, self._report, self._say = hub, report, say
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
        data = {"command": command.id, "outcome": outcome}
        if reason:
            data["reason"] = reason
        self._hub.report("command.result", data)

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
        return UNKNOWN, "not-in-this-release"

    def _speak(self, command: Command) -> tuple[str, str]:
        key = command.data.get("phrase")
        if key not in SPOKEN:
            return REFUSED, "not-a-phrase"
        self._say(Phrase(key))
        return DONE, ""
