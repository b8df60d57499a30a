"""Raw edges of the one key become presses with a meaning; pure, time is an argument.

Two presets. `one-meaning` (default): every press is an SOS at the debounced edge, the wake edge included.
`two-meanings`: the first release sends assistance at once; a second press at least 300 ms after the first
one's edge, or a hold of 1 s (from the edge, at the threshold, not at the release), makes it an SOS. While a
call is open every further press is an SOS: **meaning only ever rises**, and nothing here cancels. Presses
between the wake edge and the end of the boot cannot be seen: they fold into the wake press. A key down for
30 s is a fault.

Runs under MicroPython and CPython. Each method returns a list of `(what, at_ms)`; `what` is ASSIST, SOS,
STUCK or FREED, `at_ms` the moment it counts from (for SOS by press: the edge).
"""

PRESET_ONE_MEANING = 0  # as in protocols/link/messages.py
PRESET_TWO_MEANINGS = 1

ASSIST = 1  # the values are the meanings of protocols/link/const.py
SOS = 4
STUCK = 16
FREED = 17

# Line down for this long in all within one window: a light tap counts, a spike of an ESD gun does not.
PRESS_MS = 8
WINDOW_MS = 20  # contacts of tact switches settle within 5-10 ms; twice that
# Up for this long without a break is a release; longer than any bounce, shorter than any finger.
RELEASE_MS = 30
SECOND_PRESS_MS = 300  # closer edges are a trembling finger, not a second press
HOLD_MS = 1000
STUCK_MS = 30000

FAR_PAST_MS = -1000000000


class Gesture:
    """The key's state. `open` says whether a call of this pendant is open (the shell clears it when it
    ends).
    """

    def __init__(self, preset: int = PRESET_ONE_MEANING) -> None:
        self.preset = preset
        self.open = False
        self.stuck = False
        self.down = False  # debounced
        self._raw = False
        self._raw_ms = 0  # when the raw level last changed
        self._window_ms = None  # type: int  # a press is being judged since then
        self._seen_ms = 0  # down time gathered in the window
        self._down_ms = 0  # edge of the present press
        self._last_down_ms = FAR_PAST_MS  # edge of the last press that said something
        self._sent = 0  # meaning that the present press has sent
        self._folded = False  # the present press came too soon to be a second one

    def wake(self, edge_ms: int, down: bool, now_ms: int) -> list:
        """The key woke the chip at `edge_ms`: a press by itself, whatever the line says by now."""
        out = []
        self._raw = True
        self._raw_ms = edge_ms
        self._press(edge_ms, out)
        if not down:
            self._raw = False
            self._raw_ms = now_ms - RELEASE_MS
        self._run(now_ms, out)
        return out

    def resume_stuck(self, down: bool, now_ms: int) -> list:
        """The chip slept with the key stuck down; let go by now, which is no press, or still down."""
        self.stuck = self.down = self._raw = True
        self._sent = SOS
        self._down_ms = self._raw_ms = now_ms - STUCK_MS
        return [] if down else self.edge(False, now_ms)

    def pressed_anew(self, edge_ms: int, now_ms: int) -> list:
        """The chip slept with the key stuck down, was woken by its release, and finds it down: a press."""
        self.down = self.stuck = False
        out = self.wake(edge_ms, True, now_ms)
        out.insert(0, (FREED, edge_ms))
        return out

    def edge(self, down: bool, now_ms: int) -> list:
        """A raw edge of the line; equal levels in a row are harmless."""
        out = []
        self._run(now_ms, out)
        if down == self._raw:
            return out
        if self._window_ms is not None and not down:
            self._seen_ms += now_ms - max(self._raw_ms, self._window_ms)
        elif self._window_ms is None and down and not self.down:
            self._window_ms = now_ms
            self._seen_ms = 0
        self._raw = down
        self._raw_ms = now_ms
        return out

    def step(self, now_ms: int) -> list:
        """Time has passed."""
        out = []
        self._run(now_ms, out)
        return out

    def next_ms(self) -> int | None:
        """When `step` has something to decide, or None."""
        if self._window_ms is not None:
            end = self._window_ms + WINDOW_MS
            return min(end, self._raw_ms + PRESS_MS - self._seen_ms) if self._raw else end
        if not self.down:
            return None
        due = self._raw_ms + RELEASE_MS if not self._raw else None
        if self._holding():
            due = _earlier(due, self._down_ms + HOLD_MS)
        if not self.stuck:
            due = _earlier(due, self._down_ms + STUCK_MS)
        return due

    def _holding(self) -> bool:
        return self.preset == PRESET_TWO_MEANINGS and self._sent != SOS

    def _run(self, now_ms: int, out: list) -> None:
        """Takes every decision that is due up to now, in the order of time."""
        while True:
            due = self.next_ms()
            if due is None or due > now_ms:
                return
            if self._window_ms is not None:
                self._judge(due, out)
            elif not self._raw and due == self._raw_ms + RELEASE_MS:
                self._release(out)
            elif self._holding() and due == self._down_ms + HOLD_MS:
                self._send(SOS, due, out)
            else:
                self.stuck = True
                out.append((STUCK, due))

    def _judge(self, due: int, out: list) -> None:
        seen = self._seen_ms
        if self._raw:
            seen += due - max(self._raw_ms, self._window_ms)
        if seen >= PRESS_MS:
            start = self._window_ms
            self._window_ms = None
            self._press(start, out)
        elif self._raw:  # still chattering: judge on, keep the edge
            self._seen_ms = seen
            self._raw_ms = due
        else:
            self._window_ms = None  # a spike

    def _press(self, edge_ms: int, out: list) -> None:
        self.down = True
        self._down_ms = edge_ms
        self._sent = 0
        self._folded = False
        if self.preset != PRESET_TWO_MEANINGS:
            self._send(SOS, edge_ms, out)
        elif self.open:
            if edge_ms - self._last_down_ms >= SECOND_PRESS_MS:
                self._send(SOS, edge_ms, out)
            else:
                self._folded = True  # and it moves nothing: who hammers on at four a second means it
                return
        self._last_down_ms = edge_ms

    def _release(self, out: list) -> None:
        self.down = False
        if self.stuck:
            self.stuck = False
            out.append((FREED, self._raw_ms))
        elif not self._sent and not self._folded:
            self._send(ASSIST, self._raw_ms, out)

    def _send(self, meaning: int, at_ms: int, out: list) -> None:
        self._sent = meaning
        self.open = True
        out.append((meaning, at_ms))


def _earlier(a: int | None, b: int) -> int:
    return b if a is None or b < a else a
