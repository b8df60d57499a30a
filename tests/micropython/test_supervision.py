"""Watchdog, heartbeat, proof, sleep between bursts: what the pendant does while nobody presses."""

import os
import signal

import pytest

from protocols.link import const, messages

HOUR_S = 3600


async def test_a_program_that_hangs_is_reset_and_the_press_goes_on(board, side):
    await board.start()
    await side.until(lambda: side.handles)
    await board.press()
    sos = await side.advert(lambda a: a.meaning)
    await board.until(lambda b: b.felt() == ["pressed"])
    assert board._process
    os.kill(board._process.pid, signal.SIGSTOP)  # stuck for ever: only the watchdog is left
    board.bite_in(0.2)
    await board.until(lambda b: [v for _, k, v in b.log if k == "wake"] == ["power", "watchdog"])
    again = await side.advert(lambda a: a.number == sos.number and a.counter > sos.counter + 20)
    assert again.age_ms > sos.age_ms
    assert (await side.meet()).status.faults & const.FAULT_WATCHDOG
    assert board.felt() == ["pressed"]  # a restart tells nothing a second time


@pytest.mark.parametrize("what", ["write", "read"])
async def test_a_flash_that_hangs_at_the_press_that_woke_the_chip_delays_its_buzz_alone(board, side, what):
    """Nothing but the watchdog ends it, so it must be on before the first thing that can hang. The press is
    on the air before that, goes on under its number, and is felt when it is there again.
    """
    await board.start()
    await side.bring_to_sleep(board)
    board.flash_hangs, before = what, len(side.adverts)
    await board.press()
    await board.until(lambda b: any(k == "flash" and v[0] == "hangs" for _, k, v in b.log))
    assert board.watched
    await side.until(lambda: any(a.meaning for a in side.adverts[before:]))  # the flash held nothing back
    assert [v for _, k, v in board.log if k == "wake"][-1] == "key"
    assert board.felt() == []
    sos = next(a for a in side.adverts[before:] if a.meaning)
    board.flash_hangs = ""
    board.bite_in(0.1)
    await board.until(lambda b: "watchdog" in [v for _, k, v in b.log if k == "wake"])
    again = await side.advert(lambda a: a.meaning)
    await board.until(lambda b: b.felt() == ["pressed"])
    assert (again.number, again.meaning) == (sos.number, sos.meaning)
    assert again.age_ms >= sos.age_ms
    assert [press.number for press in (await side.meet()).status.presses] == [sos.number]


async def test_a_press_that_the_watchdog_interrupts_before_it_is_decided_is_not_lost(make_board, side):
    """A tap or a hold: the key that woke the chip is still down, and is let go while the program hangs."""
    board = make_board(preset="two-meanings")
    await board.start()
    await side.bring_to_sleep(board)
    side.handles = {}
    board.key_down()
    await side.until(lambda: side.handles)
    await side.meet()  # its loop runs
    assert board._process
    os.kill(board._process.pid, signal.SIGSTOP)
    board.key_up()
    board.bite_in(0.1)
    await board.until(lambda b: "watchdog" in [v for _, k, v in b.log if k == "wake"])
    await side.advert(lambda a: a.meaning in (const.MEANING_ASSIST, const.MEANING_SOS))
    await board.until(lambda b: b.felt() == ["pressed"])


async def test_a_heartbeat_every_hour_with_sleep_between(board, side):
    await board.start()
    await side.bring_to_sleep(board)
    assert 3500_000 < slept_ms(board) <= 3600_000 - 500
    side.adverts.clear()
    board.skip_to_timer()
    beat = await side.advert(lambda a: a.meaning == const.MEANING_NONE)
    assert (beat.number, beat.age_ms) == (0, 0)
    await board.until(lambda b: b.state == "asleep")
    woke_s, slept_s = ([at for at, k, _ in board.log if k == kind][-1] for kind in ("wake", "sleep"))
    assert slept_s - woke_s >= 3.0
    assert len(side.adverts) <= 14  # 3 s, a payload each 250 ms; fewer on a busy machine
    assert not any(kind in ("feel", "led") for _, kind, _ in board.log)


async def test_twelve_hours_without_a_hub_ask_for_a_longer_proof(board, side):
    await board.start()
    await side.bring_to_sleep(board)
    board.skip(12 * HOUR_S)
    await side.advert(lambda a: a.counter)
    await side.until(lambda: len(side.adverts) > 20)  # goes on beyond the 3 s of a heartbeat
    meeting = await side.meet()
    side.disconnect(meeting.conn)
    await board.until(lambda b: b.state == "asleep")  # proved: enough


async def test_an_unheard_press_sleeps_between_its_bursts_and_keeps_its_age(board, side):
    await board.start()
    await side.bring_to_sleep(board)
    await board.press(0.02)
    sos = await side.advert(lambda a: a.meaning)
    await board.until(lambda b: b.felt() == ["pressed"])
    board.skip(209)  # it is awake: the clock jumps as it would with a hub that never comes
    board.bite()
    late = await side.advert(lambda a: a.number == sos.number and a.age_ms > 209_000)
    assert late.interval_us == 20_000
    await board.until(lambda b: "no-hub" in b.felt())
    await board.until(lambda b: b.state == "asleep")
    assert slept_ms(board) < 30_000
    board.skip_to_timer()
    meeting = await side.meet_in_a_burst(lambda a: a.number == sos.number and a.age_ms > 238_000)
    assert meeting.status.faults & const.FAULT_NEVER_HEARD
    await meeting.ack(sos.number, const.STAGE_HEARD)
    await meeting.tell(messages.Time(1_700_000_000_000, True))
    side.disconnect(meeting.conn)


async def test_the_hub_asks_and_the_wrist_feels_it(board, side):
    await board.start()
    await side.until(lambda: side.handles)
    meeting = await side.meet()
    assert (await meeting.tell(messages.Ask(1))).result == messages.RESULT_DONE
    await board.until(lambda b: b.felt() == ["asked"])
    await board.press()
    assert (await side.advert(lambda a: a.meaning)).meaning == const.MEANING_SOS


async def test_a_flat_cell_is_a_fault(make_board, side):
    board = make_board(millivolts=3650)
    await board.start()
    await side.until(lambda: side.handles)
    await side.advert(lambda a: a.battery_pct < 15)
    assert (await side.meet()).status.faults & const.FAULT_BATTERY_LOW


def slept_ms(board) -> int:
    """What the last deep sleep was asked for."""
    return [value for _, kind, value in board.log if kind == "sleep"][-1]
