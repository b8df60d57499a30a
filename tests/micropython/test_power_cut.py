"""What the elder was told is in flash: the power goes in the middle of every single flash operation of a
press.
"""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from protocols.link import const, messages
from sim.pendant.board import Board
from tests.micropython.hubside import Hubside

MOST_OPERATIONS = 60  # of one press, far above what is needed: the loop ends when none was cut


def told(board: Board) -> bool:
    """The elder has felt or seen anything of a press."""
    return any(kind in ("feel", "led") and value != "off" for _, kind, value in board.log)


async def boot(board: Board, side: Hubside) -> None:
    await side.forget()
    board.log.clear()
    await board.start()
    await side.until(lambda: side.handles and side.on_air)


async def cut_at_each(
    make_board: Callable[..., Board], side: Hubside, prepared: Path, act: Callable[[Board], None]
) -> tuple[int, int]:
    """Acts with the power cut at operation 1, 2, 3 ... until the act needs no more; (cuts, presses kept)."""
    kept = 0
    for operation in range(1, MOST_OPERATIONS):
        board = make_board()
        shutil.copytree(prepared, board.directory, dirs_exist_ok=True)
        await boot(board, side)
        board.cut_at_flash_operation(operation)
        act(board)
        await board.until(lambda b: b.state == "off" or "pressed" in b.felt())
        was_told, cut = told(board), board.state == "off"
        await board.stop()
        board.key_up()
        await boot(board, side)
        out = [a for a in side.adverts if a.meaning]
        assert out or not was_told, f"cut at flash operation {operation}: told, and not on the air after it"
        kept += bool(out)
        await board.stop()
        shutil.rmtree(board.directory)
        if not cut:
            assert out
            return operation - 1, kept
    raise AssertionError("the press never came to its end")


async def prepare(make_board: Callable[..., Board], side: Hubside, tmp_path: Path) -> Path:
    """A pendant that has been in service: its stores exist."""
    board = make_board()
    await boot(board, side)
    await board.stop()
    (board.directory / "pd-01.rtc").unlink()
    return Path(shutil.copytree(board.directory, tmp_path / "prepared"))


async def test_power_cut_at_every_flash_operation_of_a_press(make_board, side, tmp_path):
    cuts, kept = await cut_at_each(
        make_board, side, await prepare(make_board, side, tmp_path), lambda board: board.key_down()
    )
    assert cuts >= 3  # file, rename: fewer would mean that the cuts missed the press
    assert 1 <= kept <= cuts


async def test_power_cut_at_every_flash_operation_of_a_boot_after_a_press(make_board, side, tmp_path):
    board = make_board()
    await boot(board, side)
    board.key_down()
    await board.until(lambda b: b.felt() == ["pressed"])
    await side.until(
        lambda: any(a.meaning for a in side.adverts)
    )  # it comes by another pipe than what is felt
    number = next(a.number for a in side.adverts if a.meaning)
    await board.stop()
    board.key_up()
    (board.directory / "pd-01.rtc").unlink()
    prepared = shutil.copytree(board.directory, tmp_path / "prepared")
    shutil.rmtree(board.directory)
    for operation in range(1, MOST_OPERATIONS):
        board = make_board()
        shutil.copytree(prepared, board.directory, dirs_exist_ok=True)
        board.cut_at_flash_operation(operation)
        await side.forget()
        await board.start()
        booted = asyncio.create_task(side.until(lambda: side.handles and side.on_air))
        off = asyncio.create_task(board.until(lambda b: b.state == "off"))
        await asyncio.wait((booted, off), return_when=asyncio.FIRST_COMPLETED)
        cut = board.state == "off"
        for task in (booted, off):
            task.cancel()
        await board.stop()
        await boot(board, side)
        heard = await side.advert(lambda a: a.meaning == const.MEANING_SOS)
        assert heard.number == number
        await board.stop()
        shutil.rmtree(board.directory)
        if not cut:
            assert operation > 1
            return
    raise AssertionError("the boot never came to its end")


async def test_power_cut_at_every_flash_operation_of_an_acknowledgement(make_board, side, tmp_path):
    """`delivered` felt and power lost: it is in flash, the buzz does not come a second time."""
    prepared = await prepare(make_board, side, tmp_path)
    for operation in range(1, MOST_OPERATIONS):
        board = make_board()
        shutil.copytree(prepared, board.directory, dirs_exist_ok=True)
        await boot(board, side)
        await board.press(0.02)
        await board.until(lambda b: b.felt() == ["pressed"])
        meeting = await side.meet()
        number = meeting.status.presses[0].number
        board.cut_at_flash_operation(operation)
        ack = messages.Ack(meeting.status.life, number, const.STAGE_DELIVERED)
        side.write(meeting.conn, meeting.session.seal(ack.encode()))
        await board.until(lambda b: b.state == "off" or "delivered" in b.felt())
        cut, delivered = board.state == "off", "delivered" in board.felt()
        await board.stop()
        (board.directory / "pd-01.rtc").unlink(missing_ok=True)
        await boot(board, side)
        status = (await side.meet()).status
        assert [p.number for p in status.presses] == [number]
        assert status.presses[0].stage == const.STAGE_DELIVERED or not delivered
        await board.stop()
        shutil.rmtree(board.directory)
        if not cut:
            assert operation > 3
            return
    raise AssertionError("the acknowledgement never came to its end")


async def test_with_the_flash_dead_presses_go_out_all_the_same(make_board, side):
    board = make_board(flash_dead=True)
    await boot(board, side)
    await board.press()
    first = await side.advert(lambda a: a.meaning == const.MEANING_SOS)
    await board.until(lambda b: b.felt() == ["pressed"])
    await board.press()
    second = await side.advert(lambda a: a.meaning and a.number != first.number)
    assert second.number == first.number + 1
    meeting = await side.meet()
    assert meeting.status.faults & const.FAULT_FLASH
    assert len(meeting.status.presses) == 2
    for press in (first, second):
        assert "delivered" not in board.felt()  # while one of them is unheard
        ok = await meeting.ack(press.number, const.STAGE_DELIVERED)
        assert ok.result == messages.RESULT_NOT_KEPT
    await board.until(lambda b: "delivered" in b.felt())


async def test_a_flash_that_dies_in_service_stops_nothing(board, side):
    await boot(board, side)
    board.kill_flash()
    await board.until(lambda b: ("flash", ["dead", True]) in [entry[1:] for entry in b.log])
    await board.press()
    sos = await side.advert(lambda a: a.meaning == const.MEANING_SOS)
    await board.until(lambda b: b.felt() == ["pressed"])
    await side.advert(lambda a: a.number == sos.number and a.counter > sos.counter)
    assert (await side.meet()).status.faults & const.FAULT_FLASH
    board.kill_flash(False)
    await board.until(lambda b: ("flash", ["dead", False]) in [entry[1:] for entry in b.log])
    meeting = await side.meet()
    assert (await meeting.ack(sos.number, const.STAGE_HEARD)).result == messages.RESULT_DONE
    status = await meeting.tell(messages.GetStatus())
    assert not status.faults & const.FAULT_FLASH
    assert status.presses[0].stage == const.STAGE_HEARD


async def test_a_dead_flash_and_deep_sleep_keep_the_press_in_rtc_memory(make_board, side):
    board = make_board(flash_dead=True)
    await side_sleep(board, side)
    await board.press(0.02)
    sos = await side.advert(lambda a: a.meaning == const.MEANING_SOS)
    await board.until(lambda b: b.felt() == ["pressed"])
    board.bite()  # a watchdog reset: RTC memory stays
    await side.advert(lambda a: a.number == sos.number and a.counter > sos.counter + 50)
    assert (await side.meet()).status.faults & const.FAULT_WATCHDOG


async def test_a_watchdog_reset_at_every_flash_operation_between_wake_and_journal_leaves_one_press(
    make_board, side
):
    """Felt after it, on the air under one number before and after it, and in flash again by itself."""
    for operation in range(1, MOST_OPERATIONS):
        board = make_board()
        await side.forget()
        await side_sleep(board, side)
        board.log.clear()
        board.bite_at_flash_operation(operation)
        await board.press(0.02)
        await board.until(lambda b: ("wake", "watchdog") in woken(b) or "pressed" in b.felt())
        bitten = ("wake", "watchdog") in woken(board)
        if bitten:
            heard = len(side.adverts)
            await side.until(lambda heard=heard: any(a.meaning for a in side.adverts[heard:]))
            await board.until(lambda b: b.felt() == ["pressed"])
            numbers = {a.number for a in side.adverts if a.meaning}
            assert len(numbers) == 1, f"reset at flash operation {operation}: one press, two numbers"
            await board.until(lambda b: wrote_since(b, "watchdog"))
        await board.stop()
        shutil.rmtree(board.directory)
        if not bitten:
            assert operation > 1
            return
    raise AssertionError("the press never came to its end")


def wrote_since(board: Board, cause: str) -> bool:
    """Flash was written since it woke so."""
    told = [(kind, value[0] if kind == "flash" else value) for _, kind, value in board.log]
    return ("flash", "program") in told[told.index(("wake", cause)) :]


def woken(board: Board) -> list[tuple[str, str]]:
    return [(kind, value) for _, kind, value in board.log if kind == "wake"]


async def side_sleep(board: Board, side: Hubside) -> None:
    await board.start()
    await side.bring_to_sleep(board)
