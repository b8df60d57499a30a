"""Falls from the accelerometer: samples in, one decision a candidate out; integers, streaming, pure.

Samples become blocks of 80 ms (mean of each axis, highest and lowest magnitude, movement), so that history is
small and a decision is cheap; at 50 Hz pairs are averaged first, so that both rates decide alike. A candidate
is an impact: the highest block within nearly a second to both sides; there is no lock-out, a step just before
it swallows nothing. 2.56 s after it (3.52 s at the wrist) its features go through the trees of
`fall_trunk.py` or `fall_wrist.py`, tables that `provisioning.train_fall` writes. Posture is judged as a
change: against the seconds before, and against the angle at which the pendant had been hanging until then,
never against an absolute axis. Whoever lay before and lies after is not refused for it: lying before is a
feature beside the others (falls from bed). Besides, the tables have a few shapes, and it is counted in how
many places of the course of 7.4 s each fits. A candidate is judged in three steps, so that none takes long:
its features at the end of its last block, shapes and trees at the two samples after it.

    detector = make(hz)                 trunk: neck, chest, waist, hip; make_wrist(hz): wrist
    detector.reset()
    detector.update(x, y, z) -> bool    milli-g, gravity included; true once for each fall

Runs under MicroPython and CPython with equal decisions; the plain files in one folder suffice.
"""

from array import array

BLOCK_MS = 80  # 2 samples at 25 Hz
PRE = 60  # blocks of history before an impact: 4.8 s
SLACK = 8  # blocks that are written before the history moves to the beginning again
NEAR = 12  # an impact is the highest block within 0.96 s to both sides
FIRST = 4  # blocks: what is felt first stands for all that was before it
IMPACT_MG = 1600  # at 25 Hz a fall's blunted peak is still above it
HALF = 6  # blocks of half a second
QUIET = 10  # blocks of 0.8 s
STEP_MG = 1400
STILL = 60  # movement of a block, mg of path, that counts as none
CALM = 150  # and as little
FULL_MG = 16000  # beyond the range of either chip; three squares of it fit a small integer of 31 bits
FEATURES = (  # one byte each: sizes and movements are roots, angles are cosines
    "peak", "dip", "dip_lag", "low_n", "high_n", "move_impact", "move_pre", "move_post", "move_late",
    "move_least", "move_end", "cos_pre_post", "cos_near_end", "cos_hang_post", "cos_far_post", "cos_far_pre",
    "g_post", "g_pre", "peak_late", "steps_pre", "steps_post", "steps_far", "sink", "cos_settle", "move_most",
    "peak_second", "quiet_lag", "rebound", "turn", "cos_hang_pre", "ratio", "move_far", "cos_least", "calm_n",
    "peak_end", "cos_pre_early", "push", "g_impact", "higher_n",
)  # fmt: skip
HANG_SHIFT = 6  # the hanging angle follows over about 64 moving blocks: 5 s of walking
HANG_SLOW = 3  # and eight times as slowly while nobody moves
MOVING = 100  # movement of a block that only a body in motion makes
VIOLENT = 1500  # and that no walk makes
NEAR_1_G = 300  # a mean of 80 ms of walking is within it
DEPTH = 4
TREE = 16  # bytes: a feature and a cut (above it goes right) for each level, 16 leaves of half a byte
LEAF_ZERO = 64
# What half a byte of a leaf stands for, and LEAF_ZERO: n * |n| for n from -8 to 7, the small ones finer.
_LEAF = bytes([(n - 8) * abs(n - 8) + LEAF_ZERO for n in range(16)])


def _exact(n: int) -> int:
    x = 0
    while (x + 1) * (x + 1) <= n:
        x += 1
    return x


_ROOTS = bytes([_exact(i << 8) for i in range(256)])


def small_root(n: int) -> int:
    """Root of n below 65536, one byte: exact below 256, within 2 above."""
    if n < 256:
        return _ROOTS[n] >> 4
    if n < 4096:
        return _ROOTS[n >> 4] >> 2
    return _ROOTS[n >> 8]


def root(n: int) -> int:
    """Root of n up to 3 * FULL_MG**2, within a thousandth: a guess from the table, one step of Newton's."""
    if n < 4096:
        return small_root(n)
    if n >= 1 << 26:
        x = _ROOTS[n >> 22] << 7
    elif n >= 1 << 22:
        x = _ROOTS[n >> 18] << 5
    elif n >= 1 << 18:
        x = _ROOTS[n >> 14] << 3
    elif n >= 1 << 14:
        x = _ROOTS[n >> 10] << 1
    else:
        x = _ROOTS[n >> 8]
    return (x + n // x) >> 1


def cosine(a: tuple, b: tuple) -> int:
    """Of the angle between two vectors with their sizes (x, y, z, size), times 100, plus 100."""
    size = a[3] * b[3] // 100
    if not size:
        return 200
    return 100 + max(-100, min((a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) // size, 100))


class Detector:
    """One wearer's stream. `table` is (threshold, blocks to wait after an impact, bytes of trees, bytes of
    shapes).
    """

    def __init__(self, hz: int, table: tuple) -> None:
        self._pairs = hz == 50
        self.threshold, self.post, self._trees, self._shapes = table
        self._span = PRE + 1 + self.post + 1
        room = [0] * (self._span + SLACK)
        self._x = array("h", room)
        self._y = array("h", room)
        self._z = array("h", room)
        self._high = array("h", room)
        self._low = array("h", room)
        self._move = array("h", room)
        self.f = bytearray(len(FEATURES) + len(self._shapes) // 4)  # of the last candidate
        self.candidates = 0
        self.count = 0  # blocks so far
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next sample is the first."""
        self._at = -1  # block written last; -1: none
        self._blocks = 0  # since the reset, as far as FIRST
        self._held = None  # type: tuple  # the first sample of a pair
        self._half = False  # a block has its first sample
        self._sx = self._sy = self._sz = self._path = 0
        self._most = self._least = 0
        self._px = self._py = self._pz = 0
        self._begun = False
        self.stage = 0  # of a decision: 2 before the shapes, 1 before the trees
        self._hx = self._hy = self._hz = 0
        self._hung = False
        self.score = 0

    def waiting(self) -> bool:
        """An impact has not had all its seconds yet."""
        return self._at >= 0 and max(self._high[self._at - self.post : self._at + 1]) >= IMPACT_MG

    def hang(self) -> tuple:
        """How the pendant hung until a second before the last candidate."""
        return (self._hx >> 4, self._hy >> 4, self._hz >> 4)

    def update(self, x: int, y: int, z: int) -> bool:
        """One sample in milli-g; true when a fall is decided, of what was felt before it."""
        fell = self.stage > 0 and self.step()
        x = max(-FULL_MG, min(x, FULL_MG))
        y = max(-FULL_MG, min(y, FULL_MG))
        z = max(-FULL_MG, min(z, FULL_MG))
        if self._pairs:
            held = self._held
            if held is None:
                self._held = (x, y, z)
                return fell
            x, y, z = (x + held[0]) >> 1, (y + held[1]) >> 1, (z + held[2]) >> 1
            self._held = None
        square = x * x + y * y + z * z
        if self._begun:
            self._path += abs(x - self._px) + abs(y - self._py) + abs(z - self._pz)
        self._px, self._py, self._pz, self._begun = x, y, z, True
        if not self._half:
            self._half = True
            self._most = self._least = square
            self._sx, self._sy, self._sz = x, y, z
            return fell
        self._half = False
        if square > self._most:
            self._most = square
        else:
            self._least = square
        self._block((self._sx + x) >> 1, (self._sy + y) >> 1, (self._sz + z) >> 1)
        return fell

    def step(self) -> bool:
        """What is due of a decision, of which `stage` tells: the shapes, then the trees. Whoever would reset
        takes the steps that are due before.
        """
        if self.stage == 2:
            if self._shapes:
                self.course()
            self.stage = 1
            return False
        self.stage = 0
        self.candidates += 1
        return self.decide()

    def _block(self, x: int, y: int, z: int) -> None:
        move, self._path = min(self._path, 32000), 0
        self._next()
        i = self._at
        self._x[i], self._y[i], self._z[i] = x, y, z
        self._high[i], self._low[i], self._move[i] = root(self._most), root(self._least), move
        if self._blocks < FIRST:
            self._blocks += 1
            if self._blocks == 1 or self._blocks == FIRST:
                self._before(self._blocks)
        self._follow(i - self.post - NEAR - 1)
        c = i - self.post  # the block that has all its seconds after it now
        high = self._high
        peak = high[c]
        if peak < IMPACT_MG or max(high[c - NEAR : c]) >= peak or max(high[c + 1 : c + NEAR + 1]) > peak:
            return
        self.features(c)
        self.stage = 2

    def rows(self, ago: int, end: int, size: int) -> bytes:
        """What was felt from `ago` blocks ago until `end` ago, `size` blocks a row: x, y, z in 1/64 g as
        int8, root of the movement.
        """
        out = bytearray()
        last = self._at + 1
        for a in range(last - ago, last - end, size):
            for v in self._mean(a, a + size)[:3]:
                out.append(max(-127, min(v >> 4, 127)) & 0xFF)
            out.append(small_root(sum(self._move[a : a + size]) // size))
        return bytes(out)

    def _next(self) -> None:
        self.count += 1
        self._at += 1
        if self._at == 0:
            self._at = self._span - 1
        elif self._at == self._span + SLACK:
            for values in (self._x, self._y, self._z, self._high, self._low, self._move):
                values[: self._span] = values[SLACK:]
            self._at = self._span

    def _before(self, known: int) -> None:
        """As if it had been for ever as it is in the first blocks."""
        end = self._at + 1
        for values in (self._x, self._y, self._z, self._high, self._low, self._move):
            mean = sum(values[end - known : end]) // known
            for i in range(end - known):
                values[i] = mean

    def _follow(self, i: int) -> None:
        """The hanging angle follows the mean of what was felt while the wearer moved, until a second before
        what is judged now.

        Only what is about 1 g tells an angle: what is felt first may be a blow.
        """
        x, y, z, move = self._x[i], self._y[i], self._z[i], self._move[i]
        if self._blocks < FIRST:
            self._hx, self._hy, self._hz = x << 4, y << 4, z << 4  # until it is known
            return
        if move > VIOLENT or abs(root(x * x + y * y + z * z) - 1000) > NEAR_1_G:
            return
        if not self._hung:
            self._hung = True
            self._hx, self._hy, self._hz = x << 4, y << 4, z << 4
            return
        shift = HANG_SHIFT if move > MOVING else HANG_SHIFT + HANG_SLOW
        self._hx += ((x << 4) - self._hx) >> shift
        self._hy += ((y << 4) - self._hy) >> shift
        self._hz += ((z << 4) - self._hz) >> shift

    def _mean(self, a: int, b: int) -> tuple:
        n = b - a
        return _sized(sum(self._x[a:b]) // n, sum(self._y[a:b]) // n, sum(self._z[a:b]) // n)

    def features(self, c: int) -> None:
        """Fill `f`, named in FEATURES, for the impact in block c."""
        high, low, move = self._high, self._low, self._move
        start, end = c - PRE, c + self.post + 1
        second = c - NEAR
        dips = low[second : c + 1]
        dip = min(dips)
        lag = 0
        sink = low_n = 0
        for i in range(NEAR + 1):
            v = dips[i]
            if v < 1000:
                sink += 1000 - v
                if v < 700:
                    low_n += 1
                if v == dip:
                    lag = NEAR - i
        around = move[c - HALF : c + HALF + 1]
        impact = sum(around) // (2 * HALF + 1)
        pre = sum(move[c - 31 : second]) // 19
        far = self._mean(start, c - 31)
        before = self._mean(c - 31, second)
        early = self._mean(c + 7, c + 15)
        post = self._mean(end - 14, end)
        hung = _sized(*self.hang())
        least = 200
        for i in range(c + 7, end - HALF, HALF):
            least = min(least, cosine(hung, self._mean(i, i + HALF)))
        r = small_root
        push = sum(high[c - 10 : c + HALF]) + sum(low[c - 10 : c + HALF]) - 32000
        turn = abs(before[0] - post[0]) + abs(before[1] - post[1]) + abs(before[2] - post[2])
        turn = min(turn, 65535)
        values = (
            r(high[c]), r(dip), lag, low_n,
            _above(high, c - HALF, c + HALF + 1, 1500),
            r(impact), r(pre),
            r(sum(move[c + 7 : c + 19]) // 12),
            r(sum(move[c + 19 : end]) // (self.post - 18)),
            r(_least(move, c + HALF, end)),
            r(sum(move[end - HALF : end]) // HALF),
            cosine(before, post), cosine(self._mean(second, c - 4), self._mean(end - HALF, end)),
            cosine(hung, post), cosine(far, post), cosine(far, before),
            r(post[3]), r(before[3]),
            r(max(high[c + 7 : end])),
            _crossings(high, c - 31, c - 4), _crossings(high, c + HALF, end), _crossings(high, start, c - 31),
            r(sink), cosine(early, post), r(max(around)),
            r(max(max(high[second : c - 2]), max(high[c + 3 : c + NEAR + 1]))),
            _quiet(move, c + HALF, end), r(min(low[c + 1 : c + 7])),
            r(turn), cosine(hung, before), r(min(impact * 16 // (pre + 8), 65535)),
            r(sum(move[start : second - 19]) // 29),
            least, end - c - 7 - _above(move, c + 7, end, CALM - 1),
            r(max(high[end - 14 : end])), cosine(before, early), r(max(0, min(push, 65535))),
            r(self._mean(c - 1, c + 2)[3]), _above(high, c - HALF, c + HALF + 1, 2500),
        )  # fmt: skip
        for i in range(len(values)):
            self.f[i] = values[i]

    def course(self) -> None:
        """Fill the rest of `f`: in how many places of the last 92 blocks, 7.4 s, each shape fits.

        A shape is nine blocks `step` apart, three of them against all nine, and how far above. It is laid
        over every other block of what was felt along the hanging angle, or of the magnitudes (kernels and
        counts as in Dempster, Schmidt and Webb, MiniRocket, KDD 2021), all in 8 mg. Four bytes say it: twice
        the step, which is even, and 1 for magnitudes; two taps; the third; the limit in 32 mg, and 128.

        All places are looked at at once: a course is one long number, 16 bits a block, and what is above the
        limit has the highest of them set. Within 2600 nothing runs over into the next block.
        """
        # Plain numbers and one function: each new name takes room for ever in MicroPython's pool of names,
        # which would have to grow just when a hub connects.
        x, y, z, high = self._x, self._y, self._z, self._high
        hx, hy, hz = self.hang()
        every = range(self._at - 91, self._at + 1, 2)
        along = [max(-2600, min((x[i] * hx + y[i] * hy + z[i] * hz) >> 13, 2600)) + 2600 for i in every]
        courses = [
            int.from_bytes(array("h", values), "little") for values in (along, [high[i] >> 3 for i in every])
        ]
        ones = int.from_bytes(b"\1\0" * 46, "little")
        how = 0
        shapes = self._shapes
        for at in range(0, len(shapes), 4):
            kind, two, third, limit = shapes[at : at + 4]
            if kind != how:
                how, step = kind, (kind >> 1) * 8
                nine = [courses[kind & 1] >> n * step for n in range(9)]
                all_nine = sum(nine)
                places = (ones >> 8 * step) << 15
            fits = 3 * (nine[two & 15] + nine[two >> 4] + nine[third]) - all_nine
            fits = (fits + (0x7FFF - (limit - 128) * 4) * ones) & places
            self.f[len(FEATURES) + at // 4] = fits.to_bytes(92, "little").count(b"\x80")

    def decide(self) -> bool:
        """Sum the leaves of all trees over `f`.

        Of half of the trees the first features stand together, then the second ones, so that one loop has
        them at hand; after four of these the cuts; then the other half. A byte of leaves has one of each.
        """
        f, worth, trees = self.f, _LEAF, self._trees
        n = len(trees) // (2 * TREE)
        leaves = trees[16 * n :]
        total = -2 * n * LEAF_ZERO
        for half in (0, 4):
            first = 0
            columns = [trees[at : at + n] for at in range(2 * half * n, (2 * half + 8) * n, n or 1)]
            for a, b, c, d, p, q, r, s in zip(*columns):  # noqa: B905
                i = first
                if f[a] > p:
                    i += 8
                if f[b] > q:
                    i += 4
                if f[c] > r:
                    i += 2
                if f[d] > s:
                    i += 1
                total += worth[leaves[i] >> half & 15]
                first += 16
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
    below = False
    for v in values[a:b]:
        if v <= STEP_MG:
            below = True
        elif below:
            n += 1
            below = False
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


def _sized(x: int, y: int, z: int) -> tuple:
    return (x, y, z, root(x * x + y * y + z * z))


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
