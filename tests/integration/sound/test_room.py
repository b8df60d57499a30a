"""The room of an open line: its echo is taken out, its people are heard, and it closes."""

import asyncio
import stat

import pytest

from drivers.pi.room import MICROPHONE, SPEAKER, Room
from protocols.errors import AnbanError, Reason
from sim.room import AIR, CARD, RATE, Tape, level_db, loudness, speech

LIMIT_S = 90.0
HEARD_DB = 55.0
LESS_DB = 20.0  # of the echo, in the best second; without the canceller it is 0
LOST_DB = 12.0  # of who speaks in the room


@pytest.fixture
async def room(tmp_path):
    room = Room(tmp_path / "r", CARD)
    await room.open()
    yield room
    await room.close()


def second_by_second(tape):
    samples = tape.samples()
    return [level_db(samples[n : n + RATE]) for n in range(0, len(samples) - RATE, RATE)]


@pytest.mark.slow  # sound in real time: a machine that is busy has gaps in it
async def test_the_echo_of_who_phones_is_taken_out_and_who_is_there_is_heard(room, tmp_path):
    far = Tape(tmp_path / "far.pcm", room.environment)
    near = Tape(tmp_path / "near.pcm", room.environment)
    far.path.write_bytes(speech(6, 1).tobytes())
    near.path.write_bytes(speech(2.5, 2).tobytes())
    air, clean = (Tape(tmp_path / f"{name}.pcm", room.environment) for name in ("air", "clean"))
    await air.record(f"{AIR}.monitor")
    await clean.record(MICROPHONE)
    async with asyncio.timeout(LIMIT_S):
        await far.play(SPEAKER)
        await far.ended()
        await loudness(air, HEARD_DB, 4)
        echo, left = second_by_second(air), second_by_second(clean)
        less = [e - c for e, c in zip(echo, left, strict=False) if e >= HEARD_DB]
        print("echo, dB less in each second:", [round(db) for db in less])
        assert max(less) >= LESS_DB
        before = len(clean.samples())
        await near.play(AIR)
        await near.ended()
        wanted = max(second_by_second(near)) - LOST_DB
        while not any(db >= wanted for db in second_by_second(clean)[before // RATE :]):
            await asyncio.sleep(0.2)
    await air.stop()
    await clean.stop()


async def test_a_room_that_is_closed_is_heard_by_nobody(room, tmp_path):
    tape = Tape(tmp_path / "tape.pcm", room.environment)
    await tape.record(MICROPHONE)
    async with asyncio.timeout(LIMIT_S):
        while not tape.samples():
            await asyncio.sleep(0.1)
        await room.close()
        await tape.ended()
    assert not room.is_open
    late = Tape(tmp_path / "late.pcm", room.environment)
    await late.record(MICROPHONE)
    async with asyncio.timeout(LIMIT_S):
        await late.ended()
    assert not late.samples()


async def test_nobody_else_on_this_machine_may_enter_it(room, tmp_path):
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o700


async def test_without_a_card_it_says_so_and_nothing_is_left_open(tmp_path):
    room = Room(tmp_path / "r", ("load-module module-alsa-sink sink_name=card_speaker device=no-such-card",))
    with pytest.raises(AnbanError) as refused:
        await room.open()
    assert refused.value.reason is Reason.AUDIO_DOWN
    assert not room.is_open
    await room.close()


async def test_it_closes_by_itself_when_everything_else_has_failed(tmp_path, monkeypatch):
    monkeypatch.setattr("drivers.pi.room.MOST_S", 0.2)
    room = Room(tmp_path / "r", CARD)
    await room.open()
    async with asyncio.timeout(LIMIT_S):
        while room.is_open:
            await asyncio.sleep(0.05)
    await room.close()
