"""How long each step of a call event's way took: heard, stored, sent, delivered; for people and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from protocols.values import EVENT_STAGES, Event, EventId

KEPT: Final = 256  # events, the newest


class Stages:
    """In memory alone: no decision hangs on it. Times are milliseconds after the press, by this clock."""

    def __init__(self, monotonic_ms: Callable[[], int]) -> None:
        self._monotonic_ms = monotonic_ms
        self._of: dict[EventId, dict[str, int]] = {}

    def begin(self, event: Event) -> None:
        """A call event has come in, with the stages that it has behind it."""
        self._of[event.id] = dict(event.stages)
        if len(self._of) > KEPT:
            del self._of[next(iter(self._of))]

    def mark(self, event: Event, stage: str) -> None:
        """It has come so far now; the first time counts. Nothing for an event that is not known here."""
        if event.id in self._of:
            self._of[event.id].setdefault(stage, max(0, self._monotonic_ms() - event.uptime_ms))

    def of(self, event_id: EventId) -> Mapping[str, int]:
        """Stage -> milliseconds; empty for an event that is not known here."""
        return self._of.get(event_id, {})

    def leaving(self, event: Event) -> Event:
        """The event as it is sent now: with those of its stages that the platform is told."""
        self.mark(event, "sent")
        known = self._of.get(event.id)
        if known is None:
            return event
        told = {stage: known[stage] for stage in EVENT_STAGES if stage in known}
        return msgspec.structs.replace(event, stages=told)
