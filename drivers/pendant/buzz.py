"""The buzzer and vibration motor behind one PWM pin: plays rows of (hertz, on ms, off ms), one after
another.
"""

WAITING = 4  # buzzes that may queue; the same one twice in the queue is one
VOLUME_U16 = 32768  # half duty is the loudest for a piezo


class Buzzer:
    """`pwm` is a machine.PWM with duty 0."""

    def __init__(self, pwm) -> None:
        self._pwm = pwm
        self._queue = []
        self._steps = None  # type: tuple
        self._at = 0
        self._sounding = False
        self._next_ms = 0

    def play(self, steps: tuple, overtaken: tuple = ()) -> None:
        """Queue a buzz; of those that wait, the `overtaken` are true no longer and are not begun."""
        if overtaken:
            self._queue = [waiting for waiting in self._queue if waiting not in overtaken]
        if steps not in self._queue and len(self._queue) < WAITING:
            self._queue.append(steps)

    def busy(self) -> bool:
        """Something sounds or waits to."""
        return self._steps is not None or bool(self._queue)

    def step(self, now_ms: int) -> int | None:
        """Does what is due; when the next thing is due, None when silent."""
        while True:
            if self._steps is None:
                if not self._queue:
                    return None
                self._steps = self._queue.pop(0)
                self._at = 0
                self._next_ms = now_ms
                self._sounding = False
            if now_ms < self._next_ms:
                return self._next_ms
            self._advance(now_ms)

    def _advance(self, now_ms: int) -> None:
        if not self._sounding and self._at == len(self._steps):
            self._steps = None
            return
        hertz, on_ms, off_ms = self._steps[self._at]
        if self._sounding:
            self._pwm.duty_u16(0)
            self._sounding = False
            self._at += 1
            last = self._at == len(self._steps)
            self._next_ms = now_ms + (max(off_ms, 150) if last else off_ms)  # buzzes stay apart
        else:
            self._pwm.freq(hertz)
            self._pwm.duty_u16(VOLUME_U16)
            self._sounding = True
            self._next_ms = now_ms + on_ms
