"""A call by SIP through the room's own PulseAudio: both hear each other, she does not hear herself."""

import asyncio

import pytest

from drivers.pi.room import MICROPHONE, SPEAKER, Room
from drivers.sip.phone import SipPhone
from drivers.sip.program import Account
from drivers.talk import Stage
from edge.lines import Lines, Way
from sim.room import AIR, CARD, RATE, Tape, level_db, speech
from sim.sip.exchange import SipExchange
from sim.sip.phone import SipFamilyPhone
from sim.sip.sound import read, seconds_of
from tests.integration.sound.test_modem_sound import LIMIT_S, NoBudget, until

HER_HZ, HER_S = 1150.0, 8.0
VOICE_DB = 50.0  # of one step: quiet speech


def heard(folder):
    """What a telephone has heard, in seconds' levels."""
    samples, rate = read(next(folder.glob("dump-*-dec.wav")))
    return [level_db(samples[n : n + rate]) for n in range(0, len(samples) - rate, rate)]


@pytest.mark.slow  # sound in real time: a machine that is busy has gaps in it
async def test_the_room_and_she_hear_each_other_and_she_not_herself(tmp_path):
    exchange = SipExchange()
    await exchange.open()
    exchange.accounts["hub-01"] = "secret"
    room = Room(tmp_path / "r", CARD)
    account = Account(
        address=f"sip:hub-01@{exchange.domain}",
        user="hub-01",
        password="secret",
        interface="127.0.0.1",
        modules=("alsa",),
    )
    phone = SipPhone(
        account,
        tmp_path / "sip",
        microphone=f"alsa,{MICROPHONE}",
        speaker=f"alsa,{SPEAKER}",
        environment=room.environment,
        prepare=room.prepare,
    )
    lines = Lines([Way("sip", phone, NoBudget(), room=room)])
    her = SipFamilyPhone("daughter", exchange, tmp_path / "her", HER_HZ, speaks_s=HER_S)
    task = asyncio.create_task(phone.run())
    her.start()
    try:
        await until(lambda: phone.good and her.good)
        talk = await phone.dial(f"sip:daughter@{exchange.domain}")
        await until(lambda: her.state == "ringing")
        await her.answer()
        await until(lambda: talk.stage is Stage.ANSWERED)
        await lines.sound()
        air, voice = (Tape(tmp_path / f"{n}.pcm", room.environment) for n in ("air", "voice"))
        await air.record(f"{AIR}.monitor")
        await until(lambda: seconds_of(air.samples(), RATE, HER_HZ) > 4)
        assert her.hears(HER_HZ) < 2  # the canceller takes a second or so to learn the room
        begun = len(heard(her.folder))
        voice.path.write_bytes(speech(3, 3).tobytes())
        async with asyncio.timeout(LIMIT_S):
            while max(heard(her.folder)[begun:], default=0) < VOICE_DB:
                await voice.play(AIR)
                await voice.ended()
        await lines.hang_up()
        await lines.silence()
        assert not room.is_open
        await until(lambda: her.state == "idle")
    finally:
        await lines.silence()
        await her.stop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        exchange.close()
