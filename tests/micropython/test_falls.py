"""A pendant that falls: the real firmware, the accelerometer at its registers, what goes on the air."""

import asyncio
from collections.abc import Callable

import pytest

from drivers.pendant.lis2dw12 import Lis2dw12
from firmware.pendant.falls import HZ, RETRY_MS, SETTLE_MS, WATCH_MS, WRIST, Falls
from protocols import fall_note
from protocols.link import const
from sim import motion
from sim.pendant.board import Board
from sim.pendant.lis2dw12_chip import Chip
from tests.micropython.hubside import Hubside


def falls(side: Hubside) -> set[int]:
    return {heard.number for heard in side.adverts if heard.meaning == const.MEANING_FALL}


async def came(what: Callable[[], bool], within_s: float = 60.0) -> bool:
    try:
        async with asyncio.timeout(within_s):
            while not what():
                await asyncio.sleep(0.02)
    except TimeoutError:
        return False
    return True


def woken(board: Board) -> int:
    """How often its accelerometer ended its sleep."""
    return [(kind, value) for _, kind, value in board.log].count(("wake", "motion"))


@pytest.mark.slow
async def test_a_fall_wakes_the_pendant_and_is_on_the_air_at_once(make_board, side: Hubside) -> None:
    board: Board = make_board(boot_s=(0.3, 0.6))
    await board.start()
    await board.until(lambda b: b.state == "asleep")
    knock = [motion.UPRIGHT_MG] * 50 + [(0, 2500, 0)] * 4 + [motion.UPRIGHT_MG]
    for times in (1, 2):  # it is let go of each time: it wakes again
        board.move(knock)
        await board.until(lambda b, times=times: woken(b) == times)
        await board.until(lambda b: b.state == "asleep")
    assert falls(side) == set()
    board.move(motion.fallen(20, before_s=6.0))
    assert await came(lambda: bool(falls(side)))
    assert woken(board) >= 3
    assert board.felt() == [], "nobody pressed: the hub asks, the pendant does not answer for it"


async def test_whoever_gets_up_and_walks_is_told_of_with_the_same_fall(make_board, side: Hubside) -> None:
    board: Board = make_board()
    await board.start()
    await board.until(lambda b: b.state == "running")
    board.move(motion.risen(32, before_s=3.0))
    assert await came(lambda: bool(falls(side)))
    assert not any(h.meaning == const.MEANING_FALL_WALKS for h in side.adverts), "nobody has walked yet"
    assert await came(lambda: any(h.meaning == const.MEANING_FALL_WALKS for h in side.adverts))
    walked = {h.number for h in side.adverts if h.meaning == const.MEANING_FALL_WALKS}
    assert walked == falls(side)
    assert board.felt() == []
    await board.press()
    assert await came(lambda: any(h.meaning == const.MEANING_SOS for h in side.adverts))


async def test_a_press_after_a_fall_is_an_sos_of_its_own(make_board, side: Hubside) -> None:
    board: Board = make_board(preset="two-meanings")
    await board.start()
    await board.until(lambda b: b.state == "running")
    board.move(motion.fallen(32, before_s=3.0))
    assert await came(lambda: bool(falls(side)))
    assert not any(h.meaning == const.MEANING_SOS for h in side.adverts)
    await board.press()
    assert await came(lambda: any(h.meaning == const.MEANING_SOS for h in side.adverts))
    assert len(falls(side)) == 1


async def test_a_chip_that_does_not_answer_stops_no_press(make_board, side: Hubside) -> None:
    board: Board = make_board()
    board.bus.chip.nak = 10**6
    await board.start()
    await board.until(lambda b: b.state == "running")
    await board.press()
    assert await came(lambda: any(h.meaning == const.MEANING_SOS for h in side.adverts))


@pytest.mark.parametrize("chip", ["lis2dw12", "adxl367"])
async def test_a_stuck_bus_is_clocked_free(make_board, side: Hubside, chip: str) -> None:
    board: Board = make_board(chip=chip)
    board.bus.chip.stuck = True
    await board.start()
    board.move(motion.fallen(26, before_s=3.0))
    assert await came(lambda: bool(falls(side)))
    assert not board.bus.chip.stuck


class Worn:
    """A board with nothing but the chip at its registers, and a clock that is turned by hand."""

    def __init__(self, placement: int = 0) -> None:
        self.now_ms = 1000
        self.samples: list[motion.Sample] = []
        self.began_ms = 0
        self.chip = Chip(self.felt, 1.0)
        self.held = False  # the line is low whatever the chip says
        self.worn = placement
        self.falls = Falls(self)
        self.falls.start(self.now_ms, False)

    def felt(self, at_s: float) -> motion.Sample:
        index = round((at_s * 1000 - self.began_ms) * HZ / 1000)
        return self.samples[index] if 0 <= index < len(self.samples) else motion.UPRIGHT_MG

    def move(self, samples: list[motion.Sample]) -> None:
        self.samples, self.began_ms = samples, self.now_ms

    def after(self, seconds: float) -> int:
        """Time passes, it looks when it wants to; how many falls it tells of."""
        end_ms, fell = self.now_ms + round(seconds * 1000), 0
        while (due_ms := self.falls.next_ms()) is not None and due_ms <= end_ms:
            self.now_ms = max(self.now_ms, due_ms)
            if self.falls.step(self.now_ms):
                fell += 1
                self.falls.watch(self.now_ms)
        self.now_ms = end_ms
        return fell

    def accelerometer(self) -> Lis2dw12:
        return Lis2dw12(self)

    def motion_line_free(self) -> bool:
        return bool(self.chip.line) and not self.held

    def placement(self) -> int:
        return self.worn

    def readfrom_mem_into(self, address: int, register: int, into: bytearray) -> None:
        into[:] = self.chip.read(register, len(into), self.now_ms / 1000)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        self.chip.write(register, data, self.now_ms / 1000)


def test_somebody_who_only_hangs_it_up_lets_it_sleep() -> None:
    worn = Worn()
    assert worn.after(3.0) == 0
    assert worn.falls.quiet(worn.now_ms)
    assert worn.falls.wakes()


def test_a_blow_after_the_last_look_is_waited_for() -> None:
    """Whoever falls while the pendant is about to sleep: the line was let go of, the blow is in the FIFO."""
    worn = Worn()
    assert worn.after(3.0) == 0
    fall = motion.fallen(32, HZ, before_s=0.3, after_s=20.0)
    worn.move(fall)
    worn.falls._due_ms = worn.now_ms + 10_000  # a look that is late
    worn.now_ms += 1_000
    worn.chip.run(worn.now_ms / 1000)
    assert worn.chip.line == 0
    assert not worn.falls.quiet(worn.now_ms)
    worn.falls._due_ms = worn.now_ms
    assert worn.after(6.0) == 1
    assert worn.after((SETTLE_MS + WATCH_MS) / 1000) == 0
    assert worn.falls.quiet(worn.now_ms)


def test_a_line_that_is_held_for_ever_wakes_nobody() -> None:
    worn = Worn()
    worn.held = True
    worn.after(3.0)
    assert worn.falls.quiet(worn.now_ms)
    assert not worn.falls.wakes()


def test_a_chip_that_was_gone_is_found_again() -> None:
    worn = Worn()
    worn.chip.nak = 10**6
    assert worn.after(1.0) == 0
    assert worn.falls.broken
    assert worn.falls.quiet(worn.now_ms)
    assert not worn.falls.wakes()
    worn.chip.nak = 0
    worn.chip.reset()  # its power was what was gone
    worn.after(RETRY_MS / 1000)
    assert not worn.falls.broken
    worn.move(motion.fallen(26, HZ, before_s=6.0))
    assert worn.after(16.0) == 1


@pytest.mark.parametrize("failure", [MemoryError(), ValueError("pins"), OSError(19)])
def test_what_fails_while_it_looks_stops_nothing_and_is_tried_again(failure: Exception) -> None:
    """A heap that is full in the middle of a look, a bus that cannot be opened: the press goes on."""
    worn = Worn()

    def fails(*_: object) -> bool:
        raise failure

    worn.falls._detector.update = fails
    assert worn.after(1.0) == 0
    assert worn.falls.broken
    assert worn.falls.quiet(worn.now_ms)
    del worn.falls._detector.update
    worn.falls.broken, worn.falls._due_ms = False, worn.now_ms
    worn.falls._detector.course, worn.falls._detector.stage = fails, 2  # in the middle of a decision
    assert worn.after(1.0) == 0
    assert worn.falls.broken
    assert worn.falls._detector.stage == 0
    del worn.falls._detector.course
    worn.accelerometer = fails  # type: ignore[method-assign, assignment]
    assert worn.after(RETRY_MS / 1000) == 0
    assert worn.falls.broken
    del worn.accelerometer
    worn.after(RETRY_MS / 1000)
    assert not worn.falls.broken
    worn.move(motion.fallen(26, HZ, before_s=6.0))
    assert worn.after(16.0) == 1


@pytest.mark.parametrize("breaks", ["the bus", "a loop that is late"])
def test_a_fall_that_is_half_judged_is_told_whatever_breaks_then(breaks: str) -> None:
    """The second step of a decision is due at the next sample, which may never come."""
    worn = Worn()
    for before in range(8):  # until the decision falls on the last sample of a look
        worn.move(motion.fallen(26, HZ, before_s=6.0 + before * 2 / HZ, after_s=30.0))
        told = 0
        while not told and not worn.falls._detector.stage:
            told = worn.after(0.04)
        if not told:
            break
        worn.after(40.0)
    assert worn.falls._detector.stage
    if breaks == "the bus":
        worn.chip.nak = 10**6
    else:
        worn.now_ms += 3000  # the FIFO holds 1.28 s
    assert worn.after(1.0) == 1
    assert worn.falls.broken == (breaks == "the bus")
    assert worn.falls.note is None
    assert not worn.falls._detector.stage


def test_what_a_fall_was_like_is_kept_for_the_hub_before_it_sleeps() -> None:
    worn = Worn(WRIST - 1)
    worn.move(motion.fallen(26, HZ, before_s=6.0, after_s=30.0))
    while worn.falls._part is None:
        worn.after(0.32)
        assert worn.falls.note is None
    worn.falls._blow_ms = None
    assert not worn.falls.quiet(worn.now_ms), "three seconds more are still to be felt"
    worn.after(3.5)
    note = fall_note.read(worn.falls.note)
    assert note is not None
    assert (note.placement, len(note.after)) == (WRIST - 1, fall_note.AFTER)
    assert note.score >= worn.falls._detector.threshold


def test_a_note_that_is_cut_short_is_told_as_far_as_it_goes() -> None:
    worn = Worn()
    worn.move(motion.fallen(26, HZ, before_s=6.0, after_s=30.0))
    while worn.falls._part is None:
        worn.after(0.32)
    worn.chip.nak = 10**6
    worn.after(1.0)
    assert worn.falls.broken
    note = fall_note.read(worn.falls.note)
    assert note is not None
    assert note.after == ()


def test_who_wears_it_on_the_wrist_has_the_table_of_the_wrist() -> None:
    assert Worn(WRIST).falls._detector._trees != Worn().falls._detector._trees


def test_whoever_falls_and_walks_again_is_noticed_and_whoever_falls_anew_is_not_walking() -> None:
    worn = Worn()
    worn.move(motion.risen(26, HZ, before_s=6.0, walks_s=60.0))
    assert worn.after(14.0) == 1
    assert not worn.falls.walks
    assert not worn.falls.quiet(worn.now_ms), "it is awake for the first steps"
    worn.after(20.0)
    assert worn.falls.walks
    worn.after(60.0)
    worn.move(motion.fallen(32, HZ, before_s=6.0))
    assert worn.after(12.0) == 1
    assert not worn.falls.walks


@pytest.mark.parametrize("placement", [0, WRIST])
def test_whoever_stays_down_does_not_walk_and_it_sleeps_after_two_minutes(placement: int) -> None:
    worn = Worn(placement)
    worn.move(motion.fallen(26, HZ, before_s=6.0, after_s=WATCH_MS / 1000 + 60))
    assert worn.after(14.0) == 1
    worn.after(WATCH_MS / 1000 - 20)
    assert not worn.falls.quiet(worn.now_ms)
    worn.after(20)
    assert not worn.falls.walks
    assert worn.falls.quiet(worn.now_ms)


def test_steps_that_cannot_be_looked_for_leave_the_falls_alone() -> None:
    """A heap that is full just then."""
    worn = Worn()
    worn.move(motion.risen(26, HZ, before_s=6.0))

    placement = worn.falls._board.placement
    asked = []

    def fails() -> int:
        asked.append(worn.now_ms)
        if len(asked) > 1:  # the note has asked first
            raise MemoryError
        return placement()

    worn.placement = fails  # type: ignore[method-assign]
    assert worn.after(14.0) == 1
    assert len(asked) == 2
    worn.after(30.0)
    assert not worn.falls.walks
    assert not worn.falls.broken
    del worn.placement
    worn.move(motion.fallen(32, HZ, before_s=6.0))
    assert worn.after(12.0) == 1


def test_a_board_without_a_chip_is_quiet_for_ever() -> None:
    worn = Worn()
    worn.falls._chip = None
    assert worn.falls.quiet(0)
    assert not worn.falls.wakes()
