"""What a press of the hub's green key means: assistance, call me back, cancel, or an answer."""

from __future__ import annotations

import enum
from dataclasses import dataclass

CALL_BACK_WITHIN_MS = 10_000  # a second press within this adds "please call me back"
CANCEL_HOLD_MS = 3_000  # long enough that no fall against the hub and no stray hand cancels a call


class Meaning(enum.StrEnum):
    """The meanings of the green key."""

    ASSISTANCE = "assistance"
    CALL_BACK = "call_back"
    CANCEL = "cancel"
    ANSWER = "answer"


@dataclass(slots=True)
class GreenKey:
    """Pure state of the green key; all times are monotonic milliseconds.

    Nothing waits that need not: with no call open and no question asked, a press is an assistance at its
    edge. Only while cancelling is offered does the release (or three seconds) decide. A key that was down
    when cancelling began to be offered keeps the meaning that it had at its edge.
    """

    down_at: int | None = None
    decided: bool = True
    last_assistance_at: int | None = None

    def down(self, at: int, *, asking: bool, cancel_offered: bool) -> Meaning | None:
        """The key went down."""
        if self.down_at is not None:
            return None
        self.down_at, self.decided = at, True
        if asking:
            return Meaning.ANSWER
        if cancel_offered:
            self.decided = False
            return None
        return self._short(at)

    def up(self, at: int) -> Meaning | None:
        """The key came up."""
        began, self.down_at = self.down_at, None
        if began is None or self.decided:
            return None
        self.decided = True
        return Meaning.CANCEL if at - began >= CANCEL_HOLD_MS else self._short(began)

    def tick(self, at: int) -> Meaning | None:
        """Time passed: a hold is recognised at its threshold and not at release."""
        if self.decided or self.down_at is None or at - self.down_at < CANCEL_HOLD_MS:
            return None
        self.decided = True
        return Meaning.CANCEL

    def due_at(self) -> int | None:
        """When `tick` must be called next, or None."""
        return None if self.decided or self.down_at is None else self.down_at + CANCEL_HOLD_MS

    def _short(self, at: int) -> Meaning:
        last = self.last_assistance_at
        if last is not None and at - last <= CALL_BACK_WITHIN_MS:
            self.last_assistance_at = None
            return Meaning.CALL_BACK
        self.last_assistance_at = at
        return Meaning.ASSISTANCE
