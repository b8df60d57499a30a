"""Falls from the accelerometer: samples in, one decision a candidate out; integers, streaming, pure.

Samples become blocks of 80 ms (mean of each axis, highest and lowest magnitude, movement), so that history is
small, a decision is cheap and 25 and 50 Hz look alike. A candidate is an impact: the highest block within
nearly a second to both sides; there is no lock-out, a step just before it swallows nothing. 2.56 s after it
its features go through the trees of `fall_trunk.py` or `fall_wrist.py`, tables that `provisioning.train_fall`
writes. Posture is judged as a change: against the seconds before, and against the angle at which the pendant
has been hanging while its wearer moved, never against an absolute axis. Whoever lay before and lies after is
not refused for it: lying before is a feature beside the others (falls from bed).

    detector = make(hz)                 trunk: neck, chest, waist, hip; make_wrist(hz): wrist
    detector.reset()
    detector.update(x, y, z) -> bool    milli-g, gravity included; true once for each fall

Runs under MicroPython and CPython with equal decisions; the plain files in one folder suffice.
"""

from array import array

BLOCK_MS = 80  # 4 samples at 50 Hz, 2 at 25 Hz
PRE = 60  # blocks of history before an impact: 4.8 s
POST = 32  # blocks after it that are waited for: 2.56 s, worth about a tenth of all falls against 1 s
SPAN = 96  # blocks that are kept at least; PRE + 1 + POST fit
ROOM = SPAN + 32  # written in a row; when it is full, SPAN blocks move to its beginning
NEAR = 12  # an impact is the highest block within 0.96 s to both sides
IMPACT_MG = 1600  # at 25 Hz a fall's blunted peak is still above it
HALF = 6  # blocks of half a second
QUIET = 10  # blocks of 0.8 s
STEP_MG = 1400
STILL = 60  # movement of a block, mg of path, that counts as none
FULL_MG = 16000  # beyond the range of either chip; three squares of it fit a small integer of 31 bits
FEATURES = (
    "peak", "dip", "dip_lag", "low_n", "high_n", "move_impact", "move_pre", "move_post", "move_late",
    "move_least", "move_end", "cos_pre_post", "cos_near_end", "cos_hang_post", "cos_far_post", "cos_far_pre",
    "g_post", "g_pre", "peak_late", "steps_pre", "steps_post", "steps_far", "sink", "cos_settle", "move_most",
    "peak_second", "quiet_lag", "rebound", "turn", "cos_hang_pre", "ratio", "move_far",
)  # fmt: skip
HANG_SHIFT = 6  # the hanging angle follows over about 64 moving blocks: 5 s of walking
HANG_SLOW = 3  # and eight times as slowly while nobody moves
MOVING = 100  # movement of a block that only a body in motion makes
VIOLENT = 1500  # and that no walk makes
NEAR_1_G = 300  # a mean of 80 ms of walking is within it
TREE = 61  # bytes: 15 features, 15 cuts (int16, low byte first), 16 leaves (int8)


def root(n: int) -> int:
    """Integer square root, n below 2**30."""
    if n < 2:
        return n
    x = 1 << 15
    while x * x > n:
        x >>= 1
    x <<= 1
    while True:
        y = (x + n // x) >> 1
        if y >= x:
            return x
        x = y


def cosine(ax: int, ay: int, az: int, bx: int, by: int, bz: int) -> int:
    """Of the angle between two vectors, times 100; 100 where there is none. Axes within +-16000."""
    size = root(ax * ax + ay * ay + az * az) * root(bx * bx + by * by + bz * bz) // 100
    if not size:
        return 100
    return max(-100, min((ax * bx + ay * by + az * bz) // size, 100))


class Detector:
    """One wearer's stream. `table` is (threshold, bytes of trees)."""

    def __init__(self, hz: int, table: tuple) -> None:
        self.per_block = hz * BLOCK_MS // 1000  # 25 or 50 Hz
        self.threshold = table[0]
        self._trees = table[1]
        self._x = array("h", [0] * ROOM)
        self._y = array("h", [0] * ROOM)
        self._z = array("h", [0] * ROOM)
        self._high = array("h", [0] * ROOM)
        self._low = array("h", [0] * ROOM)
        self._move = array("h", [0] * ROOM)
        self.f = array("h", [0] * len(FEATURES))  # of the last candidate
        self.candidates = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next sample is the first."""
        self._at = -1  # block written last; -1: none
        self._n = 0
        self._sx = self._sy = self._sz = self._path = 0
        self._most = 0
        self._least = 0x3FFFFFFF
        self._px = self._py = self._pz = 0
        self._begun = False
        self._hx = self._hy = self._hz = 0
        self._hung = False
        self.score = 0

    def waiting(self) -> bool:
        """An impact has not had all its seconds yet."""
        return max(self._high[self._at - POST : self._at + 1]) >= IMPACT_MG if self._at >= POST else False

    def hang(self) -> tuple:
        """How the pendant hangs, as learned."""
        return (self._hx >> 4, self._hy >> 4, self._hz >> 4)

    def update(self, x: int, y: int, z: int) -> bool:
        """One sample in milli-g; true when a fall is decided."""
        x = max(-FULL_MG, min(x, FULL_MG))
        y = max(-FULL_MG, min(y, FULL_MG))
        z = max(-FULL_MG, min(z, FULL_MG))
        square = x * x + y * y + z * z
        if square > self._most:
            self._most = square
        if square < self._least:
            self._least = square
        if self._begun:
            self._path += abs(x - self._px) + abs(y - self._py) + abs(z - self._pz)
        self._px, self._py, self._pz, self._begun = x, y, z, True
        self._sx += x
        self._sy += y
        self._sz += z
        self._n += 1
        if self._n < self.per_block:
            return False
        return self._block()

    def _block(self) -> bool:
        n = self._n
        values = (self._sx // n, self._sy // n, self._sz // n)
        high, low, move = root(self._most), root(self._least), min(self._path, 32000)
        self._sx = self._sy = self._sz = self._path = self._n = self._most = 0
        self._least = 0x3FFFFFFF
        first = self._at < 0
        self._next()
        for i in range(SPAN) if first else (self._at,):
            self._x[i], self._y[i], self._z[i] = values
            self._high[i], self._low[i], self._move[i] = min(high, 32000), low, move
        if first:
            self._at = SPAN - 1  # as if it had been so for ever
            self._hx, self._hy, self._hz = values[0] << 4, values[1] << 4, values[2] << 4  # until it is known
            return False
        self._follow(values, move)
        c = self._at - POST  # the block that has all its seconds after it now
        peak = self._high[c]
        if peak < IMPACT_MG or max(self._high[c - NEAR : c]) >= peak:
            return False
        if max(self._high[c + 1 : c + NEAR + 1]) > peak:
            return False
        self.candidates += 1
        self.features(c)
        return self.decide()

    def _next(self) -> None:
        self._at += 1
        if self._at < ROOM:
            return
        for values in (self._x, self._y, self._z, self._high, self._low, self._move):
            for i in range(SPAN):
                values[i] = values[i + ROOM - SPAN]
        self._at = SPAN

    def _follow(self, values: tuple, move: int) -> None:
        """The hanging angle follows the mean of what is felt while the wearer moves.

        Only what is about 1 g tells an angle: what is felt first may be a blow.
        """
        if move > VIOLENT or abs(_size(values) - 1000) > NEAR_1_G:
            return
        if not self._hung:
            self._hung = True
            self._hx, self._hy, self._hz = values[0] << 4, values[1] << 4, values[2] << 4
            return
        shift = HANG_SHIFT if move > MOVING else HANG_SHIFT + HANG_SLOW
        self._hx += ((values[0] << 4) - self._hx) >> shift
        self._hy += ((values[1] << 4) - self._hy) >> shift
        self._hz += ((values[2] << 4) - self._hz) >> shift

    def _mean(self, a: int, b: int) -> tuple:
        n = b - a
        return (sum(self._x[a:b]) // n, sum(self._y[a:b]) // n, sum(self._z[a:b]) // n)

    def features(self, c: int) -> None:
        """Fill `f`, named in FEATURES, for the impact in block c."""
        high, low, move = self._high, self._low, self._move
        start, end = c - PRE, c + POST + 1
        second = c - NEAR
        dips = low[second : c + 1]
        dip = min(dips)
        lag = 0
        sink = low_n = 0
        for i in range(NEAR + 1):
            if dips[i] == dip:
                lag = NEAR - i
            if dips[i] < 700:
                low_n += 1
            if dips[i] < 1000:
                sink += 1000 - dips[i]
        impact = sum(move[c - HALF : c + HALF + 1]) // (2 * HALF + 1)
        pre = sum(move[c - 31 : second]) // 19
        far = self._mean(start, c - 31)
        before = self._mean(c - 31, second)
        near = self._mean(second, c - 4)
        early = self._mean(c + 7, c + 15)
        post = self._mean(c + 19, end)
        last = self._mean(end - HALF, end)
        hang = self.hang()
        values = (
            high[c], dip, lag, low_n,
            _above(high, c - HALF, c + HALF + 1, 1500),
            impact, pre,
            sum(move[c + HALF + 1 : c + 19]) // 12,
            sum(move[c + 19 : end]) // (POST - 18),
            _least(move, c + HALF, end),
            sum(move[end - HALF : end]) // HALF,
            cosine(*before, *post), cosine(*near, *last), cosine(*hang, *post), cosine(*far, *post),
            cosine(*far, *before),
            _size(post), _size(before),
            max(high[c + HALF + 1 : end]),
            _crossings(high, c - 31, c - 4), _crossings(high, c + HALF, end),
            _crossings(high, start, c - 31),
            sink, cosine(*early, *post), max(move[c - HALF : c + HALF + 1]),
            max(max(high[second : c - 2]), max(high[c + 3 : c + NEAR + 1])),
            _quiet(move, c, end), min(low[c + 1 : c + HALF + 1]),
            abs(before[0] - post[0]) + abs(before[1] - post[1]) + abs(before[2] - post[2]),
            cosine(*hang, *before), impact * 16 // (pre + 8), sum(move[start : c - 31]) // 29,
        )  # fmt: skip
        for i in range(len(values)):
            self.f[i] = min(values[i], 32000)

    def decide(self) -> bool:
        """Sum the leaves of all trees over `f`."""
        trees, f = self._trees, self.f
        total = 0
        for at in range(0, len(trees), TREE):
            i = 0
            while i < 15:
                k = at + 15 + 2 * i
                cut = trees[k] | trees[k + 1] << 8
                if cut >= 32768:
                    cut -= 65536
                i = 2 * i + (2 if f[trees[at + i]] > cut else 1)
            leaf = trees[at + 30 + i]  # 45 bytes before the leaves, which are numbered from 15
            total += leaf - 256 if leaf > 127 else leaf
        self.score = total
        return total >= self.threshold


def _above(values, a: int, b: int, limit: int) -> int:
    n = 0
    for v in values[a:b]:
        if v > limit:
            n += 1
    return n


def _crossings(values, a: int, b: int) -> int:
    """How often it rises above a step's impact."""
    n = 0
    was = True
    for v in values[a:b]:
        above = v > STEP_MG
        if above and not was:
            n += 1
        was = above
    return n


def _least(values, a: int, b: int) -> int:
    """The least mean over 0.8 s."""
    run = least = sum(values[a : a + QUIET])
    for i in range(a + QUIET, b):
        run += values[i] - values[i - QUIET]
        if run < least:
            least = run
    return least // QUIET


def _quiet(values, a: int, b: int) -> int:
    """Blocks from a until half a second of stillness begins; all of them if it does not."""
    run = sum(values[a : a + HALF])
    for i in range(a + HALF, b):
        if run < STILL * HALF:
            return i - HALF - a
        run += values[i] - values[i - HALF]
    return b - a


def _size(v: tuple) -> int:
    return root(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])


def make(hz: int) -> Detector:
    """For the trunk: worn at the neck, chest, waist or hip."""
    return Detector(hz, _table("fall_trunk"))


def make_wrist(hz: int) -> Detector:
    """For the wrist."""
    return Detector(hz, _table("fall_wrist"))


def _table(name: str) -> tuple:
    """Only the table that is used is loaded."""
    try:
        return __import__("firmware.pendant." + name, None, None, ("TABLE",)).TABLE
    except ImportError:  # plain files in one folder
        return __import__(name).TABLE
