"""Light sleep between two looks at the FIFO: nothing that is felt and nothing that is pressed gets lost."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from drivers.pendant import lis2dw12
from firmware import build
from firmware.pendant import falls
from protocols.link import const
from sim import motion
from sim.pendant.board import Board, mpy_cache
from tests.micropython.hubside import HERE, Hubside, micropython
from tests.micropython.test_falls import came

Samples = list[motion.Sample]
WEARER = motion.Wearer(5)
# A minute awake: each second a step that may be an impact, and is far from a fall.
BRISK = [sample for _ in range(60) for sample in (*WEARER.walk(0.92), *[(0, 2500, 0)] * 4)]


def probed(samples: Samples, *arguments: int) -> dict[str, list[list[int]]]:
    """What a pendant decides and sends on a clock turned by hand; a list of rows for each word."""
    path = f"{HERE / 'stub'}:{build.cached('unix', mpy_cache())}:{HERE.parents[1]}"
    text = "".join("{} {} {}\n".format(*sample) for sample in samples)
    out: dict[str, list[list[int]]] = {"decided": [], "sent": []}
    told = micropython("probe_naps.py", *map(str, arguments), heap="8M", path=path, stdin=text)
    for line in told.splitlines():
        name, *values = line.split()
        if name == "asleep":
            words = line.split()
            out |= {key: [[int(value)]] for key, value in zip(words[::2], words[1::2], strict=True)}
        else:
            out.setdefault(name, []).append([int(value) for value in values])
    return out


def walked(seed: int) -> Samples:
    """Somebody walks so that a step in three knocks, sits down, walks on and falls."""
    wearer = motion.Wearer(seed, falls.HZ)
    out: Samples = []
    for _ in range(6):
        out += [*wearer.walk(1.6), (60, -2100, 90), (20, -1700, 110)]
    for _ in range(2):
        out += [*wearer.sit_down(), (40, -1900, 80), *wearer.turn(motion.UPRIGHT, 0.6), *wearer.walk(0.8)]
    return [*out, *wearer.walk(1.2), *wearer.fall(), *wearer.rest(12.0)]


@pytest.mark.parametrize("seed", [26, 32, 3])
def test_it_decides_the_same_with_and_without_naps(seed: int) -> None:
    samples = walked(seed)
    awake, napping = probed(samples, 0), probed(samples, 1)
    assert len(awake["decided"]) >= 5
    assert napping["felt"] == awake["felt"], "each sample once and in order"
    assert napping["decided"] == awake["decided"]
    assert [row[0] for row in napping["sent"]] == [row[0] for row in awake["sent"]] == [3], "the fall"
    assert (awake["naps"], napping["lost"]) == ([[0]], [[0]])
    assert napping["naps"][0][0] > 40
    assert napping["longest"][0][0] <= falls.POLL_MS < lis2dw12.DEPTH * 1000 // falls.HZ // 3
    assert napping["fed"][0][0] >= napping["naps"][0][0], "the watchdog sees every look"


@pytest.mark.parametrize("pressed_ms", [4000, 4111, 4222, 4333, 9990])
def test_a_press_that_ends_a_nap_early_changes_no_decision_and_is_sent_when_the_radio_is_up(
    pressed_ms: int,
) -> None:
    samples = walked(26)
    awake = probed(samples, 0, pressed_ms, pressed_ms + 120)
    napping = probed(samples, 1, pressed_ms, pressed_ms + 120)
    assert (napping["decided"], napping["felt"]) == (awake["decided"], awake["felt"])
    for told, most_ms in ((awake, 60), (napping, 260)):  # a radio takes 200 ms to be up
        meaning, at_ms, sent_ms = told["sent"][0]
        assert meaning == const.MEANING_SOS
        assert 0 <= at_ms - pressed_ms <= 10, "its age counts from the edge"
        assert sent_ms - pressed_ms <= most_ms
        assert [row[0] for row in told["sent"][1:]] == [3], "and the fall after it"


def test_a_spike_that_ends_a_nap_is_no_press() -> None:
    assert probed(walked(26), 1, 4000, 4003)["sent"][0][0] == 3


def told(board: Board, *kinds: str) -> list[tuple[str, Any]]:
    return [(kind, value) for _, kind, value in board.log if kind in kinds]


async def napping(board: Board) -> None:
    """A brisk walk has woken it, and it naps between its looks."""
    board.log.clear()
    board.move(BRISK)
    await board.until(lambda b: len(told(b, "woke")) >= 3)
    assert told(board, "wake") == [("wake", "motion")]


async def in_a_nap(board: Board) -> None:
    """The next nap has just begun."""
    naps = len(told(board, "nap"))
    await board.until(lambda b: len(told(b, "nap")) > naps)


async def test_whoever_walks_lets_it_nap_with_the_radio_off_and_sleep_again(
    make_board: Callable[..., Board], side: Hubside
) -> None:
    board = make_board()
    await board.start()
    await side.bring_to_sleep(board)
    await napping(board)
    sent = len(side.adverts)
    board.move(motion.Wearer(7).walk(8.0))
    await board.until(lambda b: b.state == "asleep")
    assert len(side.adverts) == sent, "nobody pressed and nobody fell"
    assert side.on_air is None
    assert board.felt() == []
    assert told(board, "radio-died", "exit", "text") == []
    assert all(ms <= falls.POLL_MS for _, ms in told(board, "nap"))
    spent = board.spent_s()
    assert spent["light"] > 0
    assert spent["deep"] > 0
    board.skip_to_timer()  # and no press was owed
    await side.advert(lambda a: a.meaning == const.MEANING_NONE)
    assert not any(a.meaning for a in side.adverts)


async def test_a_press_in_a_nap_is_an_sos_at_once_and_no_nap_follows(
    make_board: Callable[..., Board], side: Hubside
) -> None:
    board = make_board(heapsize="184K")  # of 192: whatever the looks have left in it, the hub finds room
    await board.start()
    await side.bring_to_sleep(board)
    await napping(board)
    sent = len(side.adverts)
    await in_a_nap(board)
    await board.press()
    sos = await side.advert(lambda a: a.meaning)
    assert sos.meaning == const.MEANING_SOS
    assert {a.number for a in side.adverts[sent:]} == {sos.number}, "nothing else went out before"
    moves = told(board, "nap", "woke", "pin")
    pressed = moves.index(("pin", "down"))
    if moves[pressed - 1][0] == "nap":  # a busy machine may have pressed after it
        assert moves[pressed + 1] == ("woke", "key")
    await board.until(lambda b: b.felt() == ["pressed"])
    naps = len(told(board, "nap"))
    later = await side.advert(lambda a: a.number == sos.number and a.age_ms > 1500)
    assert later.age_ms < 60_000
    await side.meet()
    assert len(told(board, "nap")) == naps, "the radio is needed"
    assert told(board, "radio-died", "wake") == [("wake", "motion")]


@pytest.mark.parametrize(
    ("hold_s", "meaning"), [(0.1, const.MEANING_ASSIST), (None, const.MEANING_SOS)], ids=["tap", "hold"]
)
async def test_a_press_in_a_nap_means_what_it_means(
    make_board: Callable[..., Board], side: Hubside, hold_s: float | None, meaning: int
) -> None:
    board = make_board(preset="two-meanings")
    await board.start()
    await side.bring_to_sleep(board)
    await napping(board)
    await in_a_nap(board)
    board.key_down()
    if hold_s is not None:
        await asyncio.sleep(hold_s)
        board.key_up()
    heard = await side.advert(lambda a: a.meaning)
    assert heard.meaning == meaning
    board.key_up()


async def test_a_reset_while_it_naps_may_have_swallowed_a_press_and_calls(
    make_board: Callable[..., Board], side: Hubside
) -> None:
    board = make_board()
    await board.start()
    await side.bring_to_sleep(board)
    await napping(board)
    await in_a_nap(board)
    assert board._process
    os.kill(board._process.pid, signal.SIGSTOP)
    board.bite_in(0.1)
    sos = await side.advert(lambda a: a.meaning)
    assert sos.meaning == const.MEANING_SOS
    assert ("wake", "watchdog") in told(board, "wake")


async def test_a_fall_is_found_by_a_pendant_that_naps(
    make_board: Callable[..., Board], side: Hubside
) -> None:
    board = make_board(heapsize="184K")
    await board.start()
    await side.bring_to_sleep(board)
    await napping(board)
    board.move(motion.fallen(26, before_s=1.0))
    fell = await side.advert(lambda a: a.meaning)
    assert fell.meaning == const.MEANING_FALL
    await side.meet()
    assert told(board, "wake") == [("wake", "motion")]
    assert told(board, "radio-died") == []


async def test_a_radio_that_has_been_on_is_not_stopped_for_a_nap(
    make_board: Callable[..., Board], side: Hubside
) -> None:
    board = make_board()
    await board.start()
    assert await came(lambda: board.state == "running" and board.bus.line == 1), "the chip is set up"
    board.move(BRISK)
    assert await came(lambda: board.bus.line == 0), "from the first step on it stays awake"
    meeting = await side.meet()
    side.disconnect(meeting.conn)  # proved: nothing is on the air any more
    for _ in range(3):
        assert await came(lambda: board.bus.line == 0)
        assert await came(lambda: board.bus.line == 1), "it has looked"
    assert board.state == "running"
    assert told(board, "nap", "sleep") == []
    assert side.on_air is None
