"""What the green key means while the hub asks something of the day: yes, no, or "help me"."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

TWICE_MS: Final = 1_500  # an old hand presses twice within 0.6 to 1.2 s
HELP_MS: Final = 2_000


class Answer(enum.StrEnum):
    """What was answered."""

    YES = "yes"
    NO = "no"
    HELP = "help"


@dataclass(slots=True)
class AnswerKey:
    """Pure state of the green key while a question is open; all times are monotonic milliseconds.

    Once is yes, when no second press has come; twice is no; held for two seconds is an assistance.
    """

    down_at: int | None = None
    up_at: int | None = None
    presses: int = 0

    def down(self, at: int) -> None:
        """The key went down."""
        if self.down_at is None:
            self.down_at, self.up_at = at, None

    def up(self, at: int) -> Answer | None:
        """The key came up."""
        began, self.down_at = self.down_at, None
        if began is None:
            return None
        if at - began >= HELP_MS:
            return self._ends(Answer.HELP)
        self.presses, self.up_at = self.presses + 1, at
        return self._ends(Answer.NO) if self.presses == 2 else None

    def tick(self, at: int) -> Answer | None:
        """Time passed."""
        if self.down_at is not None:
            return self._ends(Answer.HELP) if at - self.down_at >= HELP_MS else None
        if self.up_at is not None and at - self.up_at >= TWICE_MS:
            return self._ends(Answer.YES)
        return None

    def due_at(self) -> int | None:
        """When `tick` must be called next, or None."""
        if self.down_at is not None:
            return self.down_at + HELP_MS
        return None if self.up_at is None else self.up_at + TWICE_MS

    def _ends(self, answer: Answer) -> Answer:
        self.down_at, self.up_at, self.presses = None, None, 0
        return answer
