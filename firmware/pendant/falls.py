"""Watches for falls: the accelerometer's samples go to the detector; tells of a fall, and when to sleep.

The chip runs through deep sleep and wakes the program by its own line. What its FIFO holds by then is the
history: at 25 Hz 32 samples, 1.28 s, of which the boot takes up to 0.6 s. Awake, the FIFO is emptied three
times a second. A chip that does not answer is a fault and is tried again; it never stops a press.

For WATCH_MS after a fall it stays awake and looks whether its wearer walks again (`steps.py`).
"""

import gc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from drivers.pendant.lis2dw12 import Lis2dw12  # or Adxl367, which does the same
    from firmware.pendant.fall import Detector
    from firmware.pendant.steps import Steps

HZ = 25  # half of the samples and of the charge, 0.4 % of the trunk's falls at one false alarm an hour
POLL_MS = 320  # 8 samples of 32: a loop that is late for a second still loses none
# After a blow that is no impact, or when an impact has had its 2.6 s: the next one wakes it again.
SETTLE_MS = 1500
RETRY_MS = 60000
WATCH_MS = 120000  # [estimate] after a fall: long enough to get up alone and walk; awake it takes 0.7 mAh
FAILURES = (OSError, MemoryError, ValueError)  # of bus, heap and pins: none of them may hold a press back
AFTER = 36  # blocks after the decision that the note waits for: 2.9 s
ROW = 4  # blocks a row of it
FEATURES = 39  # a note has these; what shapes told is in its score
WRIST = 2  # placement, as provisioning writes it: 0 neck, 1 waist, 2 wrist


class Falls:
    """One accelerometer and its detector; without a chip on the board it is quiet for ever."""

    def __init__(self, board) -> None:
        self._board = board
        self._chip: Lis2dw12 = None
        self._detector: Detector = None
        self._due_ms = None  # type: int
        self._blow_ms = None  # type: int
        self._free = False
        self._part = None  # type: bytes  # of a note: what was known at the decision
        self._part_at = 0
        self.note = None  # type: bytes  # of the last fall, for the hub to weigh (protocols/fall_note.py)
        self._watch_ms = None  # type: int  # until then it is watched whether somebody walks
        self._steps: Steps = None
        self.walks = False  # somebody has walked since the last fall
        self.broken = False  # there should be a chip, and it does not answer

    def start(self, now_ms: int, woke: bool) -> None:
        """Find the chip and let it run; `woke`: its line ended the sleep, so somebody has to look."""
        try:
            self._chip = self._board.accelerometer()
            if self._chip is None:
                return
            self._begin()
            if self._chip.cause() or woke:
                self._blow_ms = now_ms
        except FAILURES:
            self._fail(now_ms)
            return
        self.broken = False
        self._due_ms = now_ms

    def step(self, now_ms: int) -> bool:
        """Take what the FIFO holds; true when a fall is decided."""
        if self._due_ms is None or now_ms < self._due_ms:
            return False
        if self.broken:
            self.start(now_ms, False)
            return False
        self._due_ms = now_ms + POLL_MS
        try:
            return self._look(now_ms)
        except FAILURES:
            return self._fail(now_ms)

    def next_ms(self) -> int | None:
        """When `step` is due, while awake; None without a chip."""
        return self._due_ms

    def quiet(self, now_ms: int) -> bool:
        """Nothing was felt lately that has to be waited for. Lets go of the line; asked last before sleep."""
        if self._chip is None or self.broken:
            return True
        if self._blow_ms is not None and now_ms - self._blow_ms < SETTLE_MS:
            return False
        if self._part is not None or (self._watch_ms is not None and now_ms < self._watch_ms):
            return False
        try:
            if self._chip.cause():  # its samples are still to be read
                self._blow_ms = now_ms
                return False
        except FAILURES:
            self._fail(now_ms)
            return True
        self._free = self._board.motion_line_free()
        return True

    def wakes(self) -> bool:
        """Whether the line may end the sleep: not one that is held for ever."""
        return self._chip is not None and not self.broken and self._free

    def _begin(self) -> None:
        if self._detector is None:
            from firmware.pendant import fall

            make = fall.make_wrist if self._board.placement() == WRIST else fall.make
            self._detector = make(HZ)
        if not self._chip.resume(HZ):
            self._chip.start(HZ)

    def _look(self, now_ms: int) -> bool:
        if self._chip.cause():  # asked first: what it tells of is in the FIFO by now
            self._blow_ms = now_ms
        samples = self._chip.read()
        detector = self._detector
        fell = self._chip.overrun and self.reset()
        for x, y, z in samples:
            if detector.update(x, y, z):
                fell = True
                self._fallen()
            elif self._part is not None and detector.count - self._part_at == AFTER:
                self._noted(detector.rows(AFTER, 0, ROW))
        if detector.waiting():
            self._blow_ms = now_ms
        if self._steps is not None and not fell:
            self._watch(samples, now_ms)
        return fell

    def watch(self, now_ms: int) -> None:
        """Begins to look for steps, when the fall is on the air; what fails in it leaves the falls alone."""
        try:
            gc.collect()  # the hub is about to connect, which takes much of the heap
            from firmware.pendant.steps import Steps  # not before somebody falls

            self._steps = Steps(None if self._board.placement() == WRIST else self._detector.hang())
            self._watch_ms = now_ms + WATCH_MS
        except FAILURES:
            self._steps = None

    def _watch(self, samples: list, now_ms: int) -> None:
        if self._chip.overrun:
            self._steps.begin()
        for x, y, z in samples:
            self.walks = self._steps.update(x, y, z) or self.walks
        if self.walks or now_ms >= self._watch_ms:
            self._watch_ms = self._steps = None

    def _fallen(self) -> None:
        self._watch_ms, self._steps, self.walks = None, None, False
        self.note = None
        self._part_at = self._detector.count
        self._part = note_head(self._detector, self._board.placement())

    def _noted(self, after: bytes) -> None:
        if self._part is not None:
            self.note, self._part = self._part + after, None

    def reset(self) -> bool:
        """What came before has nothing to do with what comes now; true if it was a fall, without a note."""
        self._noted(b"")
        fell = False
        try:
            while self._detector.stage:
                fell = self._detector.step()
        except FAILURES:
            fell = False
        if fell:
            self.note = self._watch_ms = self._steps = None
            self.walks = False
        self._detector.reset()
        return fell

    def _fail(self, now_ms: int) -> bool:
        fell = self._detector is not None and self.reset()
        self.broken = True
        self._blow_ms = self._watch_ms = self._steps = None
        self._due_ms = now_ms + RETRY_MS
        return fell


def note_head(detector, placement: int) -> bytes:
    """What a note says of a decision at once (protocols/fall_note.py has its format)."""
    score = max(-32768, min(detector.score, 32767)) & 0xFFFF
    hang = bytes([max(-127, min(v >> 4, 127)) & 0xFF for v in detector.hang()])
    head = bytes((1, placement, score & 0xFF, score >> 8))
    return (
        head + bytes(detector.f[:FEATURES]) + hang + detector.rows(detector.post + 60, detector.post + 12, 16)
    )
