"""Watches for falls: the accelerometer's samples go to the detector; tells of a fall, and when to sleep.

The chip runs through deep sleep and wakes the program by its own line. What its FIFO holds by then is the
history: at 25 Hz 32 samples, 1.28 s, of which the boot takes up to 0.6 s. Awake, the FIFO is emptied three
times a second. A chip that does not answer is a fault and is tried again; it never stops a press.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from drivers.pendant.lis2dw12 import Lis2dw12  # or Adxl367, which does the same
    from firmware.pendant.fall import Detector

HZ = 25  # half of the samples and of the charge, 0.4 % of the trunk's falls at one false alarm an hour
POLL_MS = 320  # 8 samples of 32: a loop that is late for a second still loses none
SETTLE_MS = 4000  # after a blow: the detector's 2.6 s and what is felt of the next one
RETRY_MS = 60000
FAILURES = (OSError, MemoryError, ValueError)  # of bus, heap and pins: none of them may hold a press back
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
            self._fail(now_ms)
            return False

    def next_ms(self) -> int | None:
        """When `step` is due, while awake; None without a chip."""
        return self._due_ms

    def quiet(self, now_ms: int) -> bool:
        """Nothing was felt lately that has to be waited for. Lets go of the line; asked last before sleep."""
        if self._chip is None or self.broken:
            return True
        if self._blow_ms is not None and now_ms - self._blow_ms < SETTLE_MS:
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
        if self._chip.overrun:
            detector.reset()  # what came before has nothing to do with what comes now
        fell = False
        for x, y, z in samples:
            fell = detector.update(x, y, z) or fell
        if detector.waiting():
            self._blow_ms = now_ms
        return fell

    def _fail(self, now_ms: int) -> None:
        if self._detector is not None:
            self._detector.reset()
        self.broken = True
        self._blow_ms = None
        self._due_ms = now_ms + RETRY_MS
