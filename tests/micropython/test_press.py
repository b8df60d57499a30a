"""A finger on the key of a pendant: the real firmware on the unix port of MicroPython."""

import asyncio
import contextlib
import itertools

import pytest

from protocols.link import const, messages, session
from protocols.link.errors import LinkError
from sim.pendant.board import KEY


async def test_a_press_is_an_sos_on_the_air(board, side):
    await board.start()
    await side.until(lambda: side.handles)
    await board.press()
    heard = await side.advert(lambda a: a.meaning == const.MEANING_SOS)
    assert heard.interval_us == 20_000
    assert heard.connectable
    assert heard.age_ms < 2000
    await board.until(lambda b: "pressed" in b.felt())


async def test_the_wake_press_of_a_sleeping_pendant_is_an_sos(board, side):
    await board.start()
    await side.bring_to_sleep(board)
    await board.press(0.02)  # let go long before the chip has booted
    heard = await side.advert(lambda a: a.meaning == const.MEANING_SOS)
    assert heard.number
    await board.until(lambda b: b.felt() == ["pressed"])


async def test_presses_during_the_boot_fold_into_the_wake_press(make_board, side):
    board = make_board(boot_s=(2.0, 2.0))  # longer than a busy machine takes for three presses
    await board.start()
    await side.bring_to_sleep(board)
    for _ in range(3):
        await board.press(0.03)
        await asyncio.sleep(0.03)
    first = await side.advert(lambda a: a.meaning == const.MEANING_SOS)
    await board.until(lambda b: b.felt())
    assert {a.number for a in side.adverts if a.meaning} == {first.number}
    assert first.age_ms >= 1980  # the age counts from the wake edge


async def test_a_finger_is_no_spike_because_the_machine_was_busy(board, side):
    """Both edges are read at once; on a chip each would have had its interrupt."""
    await board.start()
    await board.until(lambda b: b.state == "running")
    board.key_down()
    board._tell(pin=[KEY, 1, board._told_ms + 100])
    heard = await side.advert(lambda a: a.meaning == const.MEANING_SOS)
    assert heard.number


async def test_a_press_on_its_way_when_the_chip_falls_asleep_wakes_it(board, side):
    await board.start()
    await side.bring_to_sleep(board)
    board.key_down()
    board.key_up()  # before anybody has looked
    await side.advert(lambda a: a.meaning == const.MEANING_SOS)
    await board.until(lambda b: b.felt() == ["pressed"])


async def test_the_payload_changes_every_quarter_of_a_second(board, side):
    await board.start()
    await side.until(lambda: side.handles)
    await board.press()
    await side.advert(lambda a: a.meaning and a.age_ms >= 2000)
    sos = [a for a in side.adverts if a.meaning]
    gaps = [b.age_ms - a.age_ms for a, b in itertools.pairwise(sos)]
    assert all(b.counter == a.counter + 1 for a, b in itertools.pairwise(sos))
    assert any(200 < gap < 350 for gap in gaps)  # others come later on a busy machine
    assert sorted(gaps)[len(gaps) // 2] > 200


async def test_a_hub_learns_of_the_press_and_the_elder_of_the_hub(board, side):
    await board.start()
    await side.until(lambda: side.handles)
    await board.press()
    sos = await side.advert(lambda a: a.meaning)
    meeting = await side.meet()
    assert [(p.number, p.meaning, p.stage) for p in meeting.status.presses] == [
        (sos.number, const.MEANING_SOS, 0)
    ]
    assert meeting.status.counter >= sos.counter
    ok = await meeting.ack(sos.number, const.STAGE_HEARD)
    assert (ok.about, ok.result, ok.number, ok.stage) == (messages.KIND_ACK, 0, sos.number, const.STAGE_HEARD)
    assert (await meeting.ack(sos.number, const.STAGE_DELIVERED)).result == messages.RESULT_DONE
    await board.until(lambda b: b.felt() == ["pressed", "delivered"])
    await board.until(lambda b: any(kind == "led" and value == "green" for _, kind, value in b.log))
    assert (await meeting.tell(messages.CallState(const.STAGE_TAKEN))).result == messages.RESULT_DONE
    await board.until(lambda b: b.felt() == ["pressed", "delivered", "taken"])
    await meeting.tell(messages.CallState(const.STAGE_CLOSED))
    await board.until(lambda b: b.felt() == ["pressed", "delivered", "taken", "ended"])
    side.disconnect(meeting.conn)
    await board.until(lambda b: b.state == "asleep", 60)


async def test_who_presses_again_is_not_told_what_a_hub_has_said_and_forgotten(board, side):
    """Its disk failed and it was restarted; meanwhile the call that somebody had taken was closed."""
    await board.start()
    await side.until(lambda: side.handles)
    await board.press()
    first = await side.advert(lambda a: a.meaning)
    meeting = await side.meet()
    await meeting.ack(first.number, const.STAGE_DELIVERED)
    await meeting.tell(messages.CallState(const.STAGE_TAKEN))
    await board.until(lambda b: b.felt() == ["pressed", "delivered", "taken"])
    side.disconnect(meeting.conn)
    board.power_cut()  # the pendant too knows only what is in its flash
    board.power_on()
    meeting = await side.meet_after_boot()
    side.disconnect(meeting.conn)
    before = len(board.felt())
    await board.press()
    second = await side.advert(lambda a: a.number > first.number)
    meeting = await side.meet()
    await meeting.ack(first.number, const.STAGE_HEARD)
    await meeting.ack(second.number, const.STAGE_HEARD)
    await meeting.ack(second.number, const.STAGE_DELIVERED)
    await board.until(lambda b: b.felt()[before:] == ["pressed", "delivered"])
    await meeting.tell(messages.CallState(const.STAGE_TAKEN))
    await board.until(lambda b: b.felt()[before:] == ["pressed", "delivered", "taken"])


async def test_nobody_silences_a_pendant_by_connecting(board, side):
    await board.start()
    await side.until(lambda: side.handles)
    await board.press()
    await side.advert(lambda a: a.meaning)
    strangers = [side.connect() for _ in range(3)]
    await side.until(lambda: side.on_air is not None)
    assert side.on_air == (20_000, 1)
    strangers.append(side.connect())
    await side.until(lambda: side.dropped[:1] == strangers[:1])  # room is made at once
    side.write(strangers[1], b"\x04hello?")
    await side.until(lambda: strangers[1] in side.dropped)
    meeting = await side.meet()
    assert meeting.status.presses
    await side.until(lambda: set(strangers) <= set(side.dropped))


async def test_a_wrong_key_is_dropped(board, side):
    await board.start()
    await side.until(lambda: side.handles)
    conn = side.connect()
    with pytest.raises(LinkError):
        await side.prove(conn, root=bytes(16))
    initiator = session.Initiator(bytes(16), "hub-01", "pd-01", bytes(16))
    for _ in range(10):  # whoever says nothing has 3 s: a busy machine shows the difference not each time
        conn = side.connect()
        side.write(conn, initiator.hello())
        await side.frame(conn)
        side.write(conn, b"\x03" + bytes(16))
        with contextlib.suppress(TimeoutError):
            await side.until(lambda conn=conn: conn in side.dropped, 2.5)
            return
    raise AssertionError("who proves nothing is dropped no sooner than who says nothing")


async def test_a_floor_lifts_the_counter(board, side):
    await board.start()
    await side.until(lambda: side.handles)
    meeting = await side.meet()
    ok = await meeting.tell(messages.Floor(meeting.status.counter + 5000))
    assert ok.counter == meeting.status.counter + 5001
    await board.press()
    assert (await side.advert(lambda a: a.meaning)).counter > meeting.status.counter + 5000


async def test_two_meanings_from_the_hub_and_an_upgrade(board, side):
    await board.start()
    await side.until(lambda: side.handles)
    meeting = await side.meet()
    await meeting.tell(messages.Config(messages.PRESET_TWO_MEANINGS, "zh"))
    await board.press()
    assist = await side.advert(lambda a: a.meaning == const.MEANING_ASSIST)
    await asyncio.sleep(0.2)
    await board.press()
    sos = await side.advert(lambda a: a.meaning == const.MEANING_SOS)
    assert sos.number == assist.number + 1
    await side.advert(lambda a: a.number == assist.number)  # both stay on the air until heard
    board.power_cut()
    board.power_on()
    meeting = await side.meet_after_boot()
    assert {(p.number, p.meaning) for p in meeting.status.presses} == {(assist.number, 1), (sos.number, 4)}
