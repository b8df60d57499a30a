"""Ends a question about a fall that was answered at another hub of the home: the pendant has told so.

Each of a home's hubs asks about a fall that it heard. The hub at which somebody says that all is well tells
the pendant, which proves itself to every other hub with a key of that hub alone and tells it on, by the
fall's own number (`messages.Answered`). Nothing else is believed: no advert, no platform.

What it may end is the question alone, and only where everything that is asked about was answered: not another
fall in it, nor what a rule of this hub noticed; a call that is open stays as it is. Nothing is stored that
could come to life later: a restart meanwhile calls, and so does a word that does not come in time.
"""

from __future__ import annotations

import logging
from typing import Final

from edge.book import Call, Life, find
from edge.calls import answered_elsewhere
from edge.hub import Hub
from protocols.values import EventId

log = logging.getLogger(__name__)

KEPT: Final = 32  # answered falls that are remembered: a question takes a minute at most


class Elsewhere:
    """What was answered at other hubs, by the ids of the falls."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._by: dict[EventId, str] = {}  # fall -> the hub at which it was answered
        self._ended: tuple[EventId, str] | None = None  # which may not be folded yet

    def answered(self, fall: EventId, by: str) -> None:
        """A pendant tells of it, now and perhaps again."""
        if fall in self._by:
            return
        self._by[fall] = by
        if len(self._by) > KEPT:
            del self._by[next(iter(self._by))]
        self.heard(fall)

    def heard(self, fall: EventId) -> None:
        """This press has just been heard: its question ends at once if it was answered before."""
        call = find(self._hub.book, fall) if fall in self._by else None
        if call is None or call.life is not Life.ASKING:
            return
        if all(press.id in self._by for press in call.presses.values() if press.opens):
            self._end(call, self._by[fall])

    def _end(self, call: Call, by: str) -> None:
        name = answered_elsewhere(call)
        if self._ended != (call.id, name):
            self._ended = call.id, name
            log.info("what was asked about %s was answered at %s", call.id, by)
            self._hub.local(call.id, name, by)
            self._hub.answered(call)
