"""Makes events: ids that need no disk and are never used twice, and the times that each event bears."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from edge.clock import Clock
from edge.entries import Stamp
from protocols.kinds import KINDS
from protocols.values import Event, EventId, Lane

BLOCK: Final = 1024  # ids reserved ahead: more calls than a hanging card could ever see


class Numbers:
    """Numbers of one life, reserved ahead; when they run out, a new life begins in memory.

    A life is 32 random bits, so a new one cannot repeat an id whatever was lost (2^-32 a pair of lives).
    """

    def __init__(self) -> None:
        self.life, self._next, self._end = secrets.randbits(32), 0, BLOCK
        self._ahead: tuple[int, int, int] | None = None  # life, first, end

    @property
    def left(self) -> int:
        """Numbers that may be taken before a reservation or a new life."""
        ahead = self._ahead[2] - self._ahead[1] if self._ahead else 0
        return self._end - self._next + ahead

    def begin(self, life: int, first: int, count: int) -> None:
        """Use a reserved block from now on: what is left of the life before is not used again."""
        self.life, self._next, self._end, self._ahead = life, first, first + count, None

    def extend(self, life: int, first: int, count: int) -> None:
        """A further block, for when the present one is used up."""
        self._ahead = (life, first, first + count)

    def take(self) -> tuple[int, int]:
        """Life and number of the next id."""
        if self._next >= self._end:
            if self._ahead:
                self.life, self._next, self._end = self._ahead
                self._ahead = None
            else:
                self.life, self._next, self._end = secrets.randbits(32), 0, BLOCK
        number, self._next = self._next, self._next + 1
        return self.life, number


class Mint:
    """Mints the events of one hub."""

    def __init__(self, origin: str, clock: Clock) -> None:
        self.origin, self.clock, self.numbers = origin, clock, Numbers()

    def stamp(self) -> Stamp:
        """Now, as entries bear it."""
        return Stamp(
            uptime_ms=self.clock.monotonic_ms(),
            boot=self.clock.boot,
            wall_ms=self.clock.wall_ms(),
            trusted=self.clock.trusted(),
        )

    def next_id(self) -> EventId:
        """An id of this hub, never used before."""
        return EventId(self.origin, *self.numbers.take())

    def event(
        self,
        kind: str,
        event_id: EventId,
        *,
        elder: str = "",
        device: str = "",
        room: str = "",
        lane: Lane | None = None,
        call_id: EventId | None = None,
        data: Mapping[str, Any] | None = None,
        stages: Mapping[str, int] | None = None,
        age_ms: int = 0,
    ) -> Event:
        """An event of that kind, which happened `age_ms` ago. The lane is its kind's unless one is given."""
        now = self.stamp()
        return Event(
            id=event_id,
            call_id=call_id,
            kind=kind,
            lane=KINDS[kind].lane if lane is None else lane,
            wall_ms=max(0, now.wall_ms - age_ms),
            uptime_ms=max(0, now.uptime_ms - age_ms),
            boot=now.boot,
            clock_trusted=now.trusted,
            durable=True,
            elder=elder,
            device=device or self.origin,
            room=room,
            data=dict(data or {}),
            stages=dict(stages or {}),
        )
