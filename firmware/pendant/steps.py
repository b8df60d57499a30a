"""Whether somebody walks again after a fall: samples in, true once after nine steps or so; integers, pure.

Steps knock: the magnitude swings evenly, 1.2 to 2.5 times a second. Once a second the last three seconds are
compared with themselves a step later (autocorrelation). Walking is what is even, of one cadence and of a
step's size LOOKS times in a row, worn as it hung before the fall: who lies and is shaken, rocked or carried
wears it otherwise. At the wrist, which hangs as it likes, the evenness alone has to tell.

It ends nothing: it is a reason for the hub to ask once more. In doubt it says nothing.

    steps = Steps(hang)             hang: as Detector.hang(); None at the wrist
    steps.update(x, y, z) -> bool   milli-g at 25 Hz; true once
"""

from array import array

from firmware.pendant.fall import cosine, root

HZ = 25
HOP = HZ  # a look a second
WINDOW = 3 * HOP  # three steps of the slowest walk
FAST, SLOW = 10, 21  # samples from a step to the next: 150 to 71 steps a minute
LOOKS = 4  # in a row: 6 s, nine steps of an old person's walk
EVEN = 50  # per cent of the swing that comes again a step later
LEAST_MG, MOST_MG = 40, 450  # mean swing: a shuffle, and a run that nobody takes up after a fall
CLIP_MG = 600  # one knock is not the whole of it
UPRIGHT = 180  # cosine times 100, plus 100: within 37 degrees of how it hung
FAINT_MG = 500  # a shorter hanging angle tells nothing
DRIFT = 2  # samples by which the cadence may differ from one look to the next


class Steps:
    """One wearer's stream after a fall."""

    def __init__(self, hang: tuple | None) -> None:
        self._hang = None if hang is None else _sized(hang)
        self._sizes = array("h", bytes(2 * WINDOW))  # no lists: what is left of the heap is in small pieces
        self._swing = array("h", bytes(2 * WINDOW))
        self.begin()

    def begin(self) -> None:
        """The next sample has nothing to do with those before."""
        self._sums = [(0, 0, 0)] * (WINDOW // HOP)  # of each second, the oldest first
        self._x = self._y = self._z = 0
        self._n = 0
        self._cadence = 0  # of the last look, 0: no steps
        self.looks = 0  # with the same cadence, one after another

    def update(self, x: int, y: int, z: int) -> bool:
        """One sample; true when there have been steps for long enough, once."""
        self._sizes[self._n % WINDOW] = min(root(min(x * x + y * y + z * z, 1 << 24)), 4000)
        self._x += x
        self._y += y
        self._z += z
        self._n += 1
        if self._n % HOP:
            return False
        self._sums.append((self._x, self._y, self._z))
        self._sums.pop(0)
        self._x = self._y = self._z = 0
        if self._n < WINDOW:
            return False
        cadence = self._steps()
        goes_on = self.looks and abs(cadence - self._cadence) <= DRIFT
        self.looks = 0 if not cadence else self.looks + 1 if goes_on else 1
        self._cadence = cadence
        return self.looks == LOOKS

    def _steps(self) -> int:
        """Samples from one step to the next; 0 when these three seconds were no walk."""
        hang = self._hang
        if hang and (hang[3] < FAINT_MG or cosine(hang, self._worn()) < UPRIGHT):
            return 0
        swing, mean = self._swing, sum(self._sizes) // WINDOW
        energy = second = 0
        for i in range(WINDOW):
            v = max(-CLIP_MG, min(self._sizes[(self._n + i) % WINDOW] - mean, CLIP_MG))
            swing[i] = v
            second += v * v
            if i % HOP == HOP - 1:
                if second < HOP * LEAST_MG * LEAST_MG:
                    return 0
                energy += second
                second = 0
        energy //= WINDOW
        if energy > MOST_MG * MOST_MG:
            return 0
        least = energy * EVEN // 100
        before = _alike(swing, FAST - 1)
        here = _alike(swing, FAST)
        best = 0
        for lag in range(FAST, SLOW + 1):
            after = _alike(swing, lag + 1)
            if here >= least and here >= before and here >= after:
                best, least = lag, here + 1
            before, here = here, after
        return best

    def _worn(self) -> tuple:
        a, b, c = self._sums
        return _sized([(a[axis] + b[axis] + c[axis]) // WINDOW for axis in (0, 1, 2)])


def _alike(swing: array, lag: int) -> int:
    """The mean product with itself `lag` samples later."""
    total = 0
    for i in range(WINDOW - lag):
        total += swing[i] * swing[i + lag]
    return total // (WINDOW - lag)


def _sized(v) -> tuple:
    x, y, z = v
    return (x, y, z, root(min(x * x + y * y + z * z, 1 << 28)))
