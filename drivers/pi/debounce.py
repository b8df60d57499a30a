"""Decides from raw edges when a key went down and came up. Pure: time, in monotonic ms, is an argument.

Rules
- A press is accepted at its first edge: nothing stands between a finger and an SOS.
- A release is accepted once the line has been up for `bounce_ms` without an edge, and is dated to its last
  edge. So contact bounce, a worn contact that flickers while held, and a press shorter than the bounce time
  each are one press and one release, and none of them costs the next press (gpiozero issue 1039).
- Lines lie: edges get lost (the kernel keeps 16 of them), two of the same level follow each other, and a
  level that was read too early is reported (gpiozero issue 1090). So a second down edge after `bounce_ms`
  without a release between them is a press whose release was lost, and `sample` puts right whatever the
  edges have missed.
- A key that is down for `stuck_ms` is reported once; its release is reported as any other.
"""

from __future__ import annotations

from dataclasses import dataclass

BOUNCE_MS = 30  # contacts bounce for 1-10 ms, worn ones for up to 20; nobody presses twice within 30
STUCK_MS = 30_000  # no preset holds a key for more than 3 s


@dataclass(frozen=True, slots=True)
class KeyDown:
    """The key went down at `at_ms`."""

    key: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class KeyUp:
    """The key came up at `at_ms`, having been down for `held_ms`; `was_stuck` if KeyStuck was told before."""

    key: str
    at_ms: int
    held_ms: int
    was_stuck: bool = False


@dataclass(frozen=True, slots=True)
class KeyStuck:
    """At `at_ms` the key had been down for as long as no person holds it."""

    key: str
    at_ms: int


KeyEvent = KeyDown | KeyUp | KeyStuck


class Debouncer:
    """The state of one key. Every method returns the events that it brought about, oldest first."""

    def __init__(self, key: str, bounce_ms: int = BOUNCE_MS, stuck_ms: int = STUCK_MS) -> None:
        self.key = key
        self._bounce_ms = bounce_ms
        self._stuck_ms = stuck_ms
        self._down_at: int | None = None  # None: the key is up
        self._up_since: int | None = None  # the line has been up since then, the release is not accepted yet
        self._last_edge_at: int | None = None
        self._told_at = 0  # no event is dated before the one that was told last
        self._stuck = False

    @property
    def is_down(self) -> bool:
        """Whether a press was accepted whose release was not."""
        return self._down_at is not None

    def edge(self, down: bool, at_ms: int) -> list[KeyEvent]:
        """The line changed to `down` at `at_ms`; an edge dated before the last one counts as of then."""
        last = self._last_edge_at
        at_ms = max(at_ms, self._told_at, last or 0)
        events = self.tick(at_ms)
        self._last_edge_at = at_ms
        if not down:
            if self._down_at is not None:
                self._up_since = at_ms
            return events
        settled = last is not None and at_ms - last >= self._bounce_ms
        if self._down_at is not None and self._up_since is None and settled:
            events += self._release(at_ms)
        self._up_since = None
        if self._down_at is None:
            events += self._press(at_ms)
        return events

    def sample(self, down: bool, at_ms: int) -> list[KeyEvent]:
        """The line was read as `down` at `at_ms`, at any time; puts right what the edges have missed."""
        if down:
            self._up_since = None  # a release is pending though the key is down: that edge was false
        events = self.tick(at_ms)
        at_ms = max(at_ms, self._told_at)
        if down and self._down_at is None:
            events += self._press(at_ms)
        elif not down and self._down_at is not None and self._up_since is None:
            self._up_since = at_ms
        return events

    def tick(self, now_ms: int) -> list[KeyEvent]:
        """Time has passed."""
        events: list[KeyEvent] = []
        if self._down_at is None:
            return events
        stuck_at = self._down_at + self._stuck_ms
        until = now_ms if self._up_since is None else min(now_ms, self._up_since)
        if not self._stuck and until >= stuck_at:
            self._stuck, self._told_at = True, stuck_at
            events.append(KeyStuck(self.key, stuck_at))
        if self._up_since is not None and now_ms - self._up_since >= self._bounce_ms:
            events += self._release(self._up_since)
        return events

    def due_ms(self) -> int | None:
        """When `tick` (better: `sample`) must be called next, or None while nothing is pending."""
        if self._down_at is None:
            return None
        if self._up_since is not None:
            return self._up_since + self._bounce_ms
        return None if self._stuck else self._down_at + self._stuck_ms

    def _press(self, at_ms: int) -> list[KeyEvent]:
        self._told_at = self._down_at = at_ms
        self._up_since, self._stuck = None, False
        return [KeyDown(self.key, at_ms)]

    def _release(self, at_ms: int) -> list[KeyEvent]:
        assert self._down_at is not None
        self._told_at = at_ms = max(at_ms, self._told_at)
        event = KeyUp(self.key, at_ms, at_ms - self._down_at, self._stuck)
        self._down_at, self._up_since, self._stuck = None, None, False
        return [event]
