"""A pendant and a hub on the air: heard, connected, proved, acknowledged; and all that may come between."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest

from drivers.ble.facts import (
    CallStateConfirmed,
    FloorRaised,
    HeartbeatHeard,
    LinkRefused,
    PressHeard,
    ReplaySuspected,
    StageConfirmed,
    StatusLearned,
)
from drivers.ble.pendant import Paired
from drivers.ble.ports import AdapterDown, AdapterUp
from protocols.link.advert import build
from protocols.link.const import (
    MEANING_ASSIST,
    MEANING_NONE,
    MEANING_SOS,
    STAGE_DELIVERED,
    STAGE_HEARD,
    STAGE_TAKEN,
)
from protocols.link.keys import advert_key
from protocols.values import Lane
from sim.air.station import Station
from tests.integration.ble.home import ROOT, HubHome
from tests.integration.ble.waiting import until


@pytest.fixture
async def home(station: Station) -> AsyncIterator[HubHome]:
    home = HubHome(station)
    yield home
    await home.stop()


async def test_a_press_is_heard_from_the_advert_and_acknowledged_to_the_finger(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    board.press(7)
    press = await home.fact(PressHeard)
    assert (press.device, press.life, press.number, press.meaning) == ("pd-01", board.life, 7, MEANING_SOS)
    assert press.via == "advert"
    confirmed = await home.fact(StageConfirmed)
    assert (confirmed.number, confirmed.stage, confirmed.kept) == (7, STAGE_HEARD, True)
    assert board.presses[7] == [MEANING_SOS, STAGE_HEARD]
    assert (await home.fact(FloorRaised)).counter == 101


async def test_what_is_not_on_disk_is_not_told(home: HubHome) -> None:
    home.store = False
    await home.start()
    board = await home.pendant()
    board.press(7)
    await home.fact(StatusLearned)
    assert board.stages(7) == []
    home.pendants["pd-01"].tell(board.life, 7, STAGE_HEARD)
    await home.fact(StageConfirmed)
    assert board.stages(7) == [STAGE_HEARD]


async def test_delivered_goes_over_the_same_connection(home: HubHome) -> None:
    home.timing = dataclasses.replace(home.timing, stay_s=60.0)  # on a busy machine too
    await home.start()
    board = await home.pendant()
    board.press(7)
    await home.fact(StageConfirmed)
    home.pendants["pd-01"].tell(board.life, 7, STAGE_DELIVERED)
    await home.fact(StageConfirmed, 2)
    assert board.stages(7) == [STAGE_HEARD, STAGE_DELIVERED]
    assert board.connections == 1


async def test_taken_an_hour_later_waits_for_an_advert_and_reconnects(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    board.press(7)
    await home.fact(StageConfirmed)
    await until(lambda: not board.peers)
    board.quiet()
    await board.ping()
    home.pendants["pd-01"].tell(board.life, 7, STAGE_TAKEN)
    assert board.stages(7) == [STAGE_HEARD]
    board.advertise(MEANING_SOS, 7)
    await home.fact(StageConfirmed, 2)
    await home.fact(CallStateConfirmed)
    assert board.stages(7) == [STAGE_HEARD, STAGE_DELIVERED]
    assert board.call_states == [STAGE_TAKEN]
    assert len(home.of(PressHeard)) == 1


async def test_a_late_word_of_help_is_not_said_to_who_has_pressed_again_at_another_hub(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    board.press(7)
    await home.fact(StageConfirmed)
    await until(lambda: not board.peers)
    board.quiet()
    await board.ping()
    home.pendants["pd-01"].tell(board.life, 7, STAGE_TAKEN)
    home.store = False
    board.presses[8] = [MEANING_SOS, STAGE_DELIVERED]  # the other hub told it so, of a call that waits anew
    board.advertise(MEANING_SOS, 7)
    await home.fact(CallStateConfirmed)
    await until(lambda: board.stages(7) == [STAGE_HEARD, STAGE_DELIVERED])
    assert board.call_states == [STAGE_HEARD]
    home.pendants["pd-01"].tell(board.life, 8, STAGE_TAKEN)  # now this hub knows that too
    await until(lambda: board.call_states == [STAGE_HEARD, STAGE_TAKEN])


async def test_a_press_of_unknown_life_waits_for_the_status(home: HubHome) -> None:
    await home.start()
    board = await home.pendant(life=0)
    board.press(7)
    press = await home.fact(PressHeard)
    assert (press.life, press.via) == (board.life, "advert")
    await home.fact(StageConfirmed)


async def test_a_press_of_unknown_life_that_cannot_be_asked_goes_out_with_life_0(home: HubHome) -> None:
    home.timing = dataclasses.replace(home.timing, life_wait_s=0.3)
    await home.start()
    board = await home.pendant(life=0)
    board.silent = True
    board.press(7)
    press = await home.fact(PressHeard)
    assert (press.life, press.number) == (0, 7)
    board.silent = False
    await home.fact(StageConfirmed)
    assert board.presses[7][1] == STAGE_HEARD
    assert len(home.of(PressHeard)) == 1


async def test_a_rise_of_meaning_is_told_and_a_second_press_too(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    board.press(7, MEANING_ASSIST)
    await home.fact(StageConfirmed)
    board.press(8, MEANING_SOS)
    await until(lambda: board.stages(8) == [STAGE_HEARD])
    assert [(p.number, p.meaning) for p in home.of(PressHeard)] == [(7, MEANING_ASSIST), (8, MEANING_SOS)]


async def test_two_pendants_pressed_at_once_are_both_acknowledged(home: HubHome) -> None:
    await home.start({"deaf": True})
    boards = [await home.pendant(n) for n in (1, 2)]
    for board in boards:
        board.press(5)
    await until(lambda: {fact.device for fact in home.of(StageConfirmed)} == {"pd-01", "pd-02"})
    assert all(board.stages(5) == [STAGE_HEARD] for board in boards)


async def test_a_heartbeat_is_told_once_and_proves_the_way_of_the_acks(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    for _ in range(3):
        board.advertise(MEANING_NONE, 0)
        await board.ping()
    beat = await home.fact(HeartbeatHeard)
    assert beat.battery_pct == 90
    await home.fact(StatusLearned)
    await until(lambda: not board.peers)
    board.advertise(MEANING_NONE, 0)
    counter = board.counter
    await until(lambda: home.pendants["pd-01"]._judge.floor >= counter)
    assert len(home.of(HeartbeatHeard)) == 1
    assert board.connections == 1


async def test_a_stranger_that_holds_the_pendant_does_not_silence_it(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    await home.station.phone("thief", "pd-01", "idle", x=1)
    board.press(7)
    await home.fact(StageConfirmed)
    assert board.stages(7) == [STAGE_HEARD]


async def test_a_stranger_that_hammers_does_not_silence_it(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    await home.station.phone("thief", "pd-01", "hammer", x=1)
    board.press(7)
    await home.fact(StageConfirmed)


async def test_jammed_then_free_the_press_comes_through(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    await home.station.jam(80)
    board.press(7)
    await board.ping()
    aired = len(home.station.air.tape)
    await until(lambda: len(home.station.air.tape) > aired + 5)
    assert home.of(PressHeard) == []
    await home.station.jam(0)
    await home.fact(StageConfirmed)


async def test_out_of_range_in_mid_connection_and_back_again(home: HubHome) -> None:
    home.store = False
    await home.start()
    board = await home.pendant()
    board.press(7)
    await home.fact(StatusLearned)
    await home.station.away("pd-01")
    await until(lambda: not board.peers)
    home.pendants["pd-01"].tell(board.life, 7, STAGE_HEARD)
    await home.station.back("pd-01")
    board.advertise(MEANING_SOS, 7)
    await home.fact(StageConfirmed)
    assert board.presses[7][1] == STAGE_HEARD


async def test_a_replayed_tape_of_a_closed_call_changes_nothing_and_is_a_fault(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    board.press(7)
    await home.fact(StageConfirmed)
    (tape,) = {entry["data"] for entry in (await home.station.tape("pd-01"))[:1]}
    await until(lambda: not board.peers)
    del board.presses[7]
    for _ in range(10):
        board.advertise(MEANING_NONE, 0)
        counter = board.counter
        await until(lambda c=counter: home.pendants["pd-01"]._judge.floor >= c)
    home.pendants["pd-01"]._heard._told.clear()  # as after a restart of the hub
    await home.station.forge("forger", board.address, tape, times=40, every_s=0.01)
    assert (await home.fact(ReplaySuspected)).reason == "not-open"
    assert len(home.of(PressHeard)) == 1


async def test_a_replay_while_the_pendant_is_away_is_a_fault_too(home: HubHome) -> None:
    home.timing = dataclasses.replace(home.timing, proof_s=1.0)
    await home.start()
    board = await home.pendant(floor=10_000)
    board.quiet()
    mac = bytes.fromhex(board.address.replace(":", ""))
    tape = build(advert_key(ROOT), mac, 9_000, 1, 90, MEANING_SOS, 3, 50)
    await home.station.forge("forger", board.address, tape.hex(), times=300, every_s=0.01)
    assert (await home.fact(ReplaySuspected)).reason == "no-proof"
    assert home.of(PressHeard) == []


async def test_a_late_alarm_with_an_old_counter_is_accepted_on_proof_of_life(home: HubHome) -> None:
    await home.start()
    board = await home.pendant(floor=50_000)
    board.press(7)
    press = await home.fact(PressHeard)
    assert (press.number, press.via, press.late) == (7, "status", True)
    await home.fact(StageConfirmed)
    await until(lambda: board.counter > 50_000)  # FLOOR: it goes on above
    assert home.of(ReplaySuspected) == []
    board.press(8)
    assert (await home.fact(PressHeard, 2)).via == "advert"


async def test_plaintext_and_forgeries_are_refused_and_counted(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    plain = "020106" + "0b16d2fc40000101" + "5a3a04"
    await home.station.forge("a", board.address, plain, times=4, every_s=0.01)
    await until(lambda: [f.count for f in home.of(LinkRefused) if f.reason == "plaintext"] == [1, 2, 4])
    forged = "020106" + "1b16d2fc41" + "00" * 23
    await home.station.forge("b", board.address, forged, times=2, every_s=0.01)
    await until(lambda: [f.count for f in home.of(LinkRefused) if f.reason == "tag"] == [1, 2])
    assert home.of(PressHeard) == []


async def test_a_device_with_another_key_is_not_believed(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    board._key = lambda hub_id: b"\1" * 16  # type: ignore[method-assign]
    board.press(7)
    await until(lambda: [f for f in home.of(LinkRefused) if f.reason == "tag"])
    assert home.of(StatusLearned) == []
    assert board.stages(7) == []
    assert len(home.of(PressHeard)) == 1  # its advert was authentic all the same


async def test_a_card_that_hangs_is_recovered_and_the_press_is_heard(home: HubHome) -> None:
    await home.start()
    board = await home.pendant()
    await home.station.hang("hub0")
    board.press(7)
    await board.ping()
    home.clock.ahead_ms += 91_000  # silence
    home.radio.poke()
    await until(lambda: home.adapters[0].recoveries == 1)
    await home.fact(StageConfirmed)
    assert [type(f) for f in home.radio_facts] == [AdapterUp, AdapterDown, AdapterUp]


async def test_the_adapter_that_hears_it_best_connects_and_the_other_goes_on_listening(home: HubHome) -> None:
    await home.start({"x": 0, "deaf": True}, {"x": 12, "deaf": True})
    board = await home.pendant(x=11)
    board.advertise(MEANING_NONE, 0)
    await home.fact(StatusLearned)
    await until(lambda: not board.peers)
    board.press(7)
    await until(lambda: home.radio.connected(board.address))
    assert home.radio.arbiter.link_adapter(board.address) == "hub1"
    assert home.radio.arbiter.listening("hub0")
    await home.fact(StageConfirmed)


async def test_a_lower_lane_attempt_gives_way_to_the_ack_of_an_sos(home: HubHome) -> None:
    await home.start({"deaf": True})
    board = await home.pendant(1)
    meter = await home.pendant(2)
    meter.advertise(MEANING_NONE, 0)
    await home.fact(StatusLearned)  # the meter's stand-in has proved itself; now it is wanted again, in vain
    await until(lambda: not meter.peers)
    board.press(7)
    await home.fact(StageConfirmed)
    await until(lambda: not board.peers)
    meter.quiet()
    await meter.ping()

    async def read(link: object) -> None:
        raise AssertionError

    home.radio.request(meter.address, Lane.READING, [], read)
    await until(lambda: home.radio._scans["hub0"].tasks)
    attempt = next(iter(home.radio._scans["hub0"].tasks.values()))
    home.pendants["pd-01"].tell(board.life, 7, STAGE_TAKEN)
    await until(attempt.done)
    assert attempt.cancelled()  # not at the end of its 4 s
    await until(lambda: board.call_states == [STAGE_TAKEN])


def test_keys_do_not_show_in_a_repr() -> None:
    shown = repr(Paired("pd-01", "C4:00:00:00:00:01", ROOT, ROOT))
    assert "x01" not in shown
    assert "key" not in shown
