"""A call by the modem, its sound on a serial port or on a card of its own: both sides hear each other."""

import asyncio

import pytest

from drivers.modem.port import serial_opener
from drivers.modem.sound import SerialSound
from drivers.modem.voice import Telephone
from drivers.pi.room import MICROPHONE, SPEAKER, Room
from drivers.talk import Stage
from edge.lines import Lines, Way
from protocols.errors import AnbanError, Reason
from sim.modem.modem import IDENTITIES
from sim.modem.network import CellNetwork
from sim.modem.phone import Phone
from sim.modem.sound import SimSound
from sim.modem.voice import SimVoice
from sim.room import AIR, CARD, RATE, Tape, speech
from sim.sip.sound import seconds_of

HOME, MUM = "+8613800138100", "+8613800138201"
LIMIT_S = 60.0
HER_HZ = 1150.0
LINE_IS_A_CARD = (
    "load-module module-null-sink sink_name=line_out rate=8000 channels=1",
    "load-module module-null-sink sink_name=far rate=8000 channels=1",
    f"load-module module-loopback source=far.monitor sink={SPEAKER} source_dont_move=1 sink_dont_move=1",
    f"load-module module-loopback source={MICROPHONE} sink=line_out source_dont_move=1 sink_dont_move=1",
)


class NoBudget:
    async def spend(self, count=1, share=1.0, purpose=None): ...

    def give_back(self, count=1, purpose=None): ...


async def until(condition):
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.sleep(0.05)


class Called:
    """A telephone in a call that mother has answered; the room is not open yet."""

    def __init__(self, directory, family, line=()):
        self.network = CellNetwork()
        self.network.exchange.setup_s = (0.01, 0.01)
        self.phone = Phone(MUM, self.network)
        path = directory / "voice"
        self.modem = SimVoice(HOME, path, self.network.exchange, family, IDENTITIES[family])
        self.sound = SimSound(directory / "pcm", HER_HZ, lambda: self.modem.talking)
        self.room = Room(directory / "r", CARD, line)
        serial = None if line else SerialSound(str(self.sound.path), self.room, MICROPHONE, SPEAKER)
        self.telephone = Telephone(serial_opener(str(path)), sounds=True, serial=serial, poll_s=0.05)
        self.lines = Lines([Way("voice", self.telephone, NoBudget(), room=self.room)])

    async def begin(self):
        self.modem.sound = self.sound
        self.modem.plug()
        self.sound.plug()
        self.task = asyncio.create_task(self.telephone.run())
        await until(lambda: self.telephone.good)
        self.talk = await self.telephone.dial(MUM)
        await until(lambda: self.phone.state == "ringing")
        self.phone.answer()
        await until(lambda: self.talk.stage is Stage.ANSWERED)
        return self

    async def end(self):
        await self.lines.silence()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.sound.unplug()
        self.modem.unplug()
        self.network.close()


@pytest.mark.slow  # sound in real time: a machine that is busy has gaps in it
async def test_by_a_serial_port_both_sides_hear_each_other_and_nothing_before_or_after(tmp_path):
    call = await Called(tmp_path, "simcom7600").begin()
    try:
        assert not call.room.is_open
        assert "AT+CPCMREG=1" not in call.modem.written
        await call.lines.sound()
        assert call.lines.sounding
        air = Tape(tmp_path / "air.pcm", call.room.environment)
        voice = Tape(tmp_path / "voice.pcm", call.room.environment)
        await air.record(f"{AIR}.monitor")  # what comes out of the room's speaker
        await until(lambda: seconds_of(air.samples(), RATE, HER_HZ) > 1)
        voice.path.write_bytes(speech(3, 3).tobytes())
        before = len(call.sound.heard)
        await voice.play(AIR)
        await voice.ended()
        loud = lambda: max((abs(s) for s in call.sound.heard[before:]), default=0)  # noqa: E731
        await until(lambda: loud() > 1000)
        call.phone.hang_up()
        await until(lambda: call.talk.stage is Stage.ENDED)
        assert not call.lines.sounding
        await call.lines.silence()
        assert not call.room.is_open
        await air.ended()
    finally:
        await call.end()


@pytest.mark.slow  # sound in real time: a machine that is busy has gaps in it
async def test_by_a_card_of_the_modems_own_she_is_heard_in_the_room(tmp_path):
    call = await Called(tmp_path, "ec25", LINE_IS_A_CARD).begin()
    try:
        await call.lines.sound()
        assert "AT+QPCMV=1,2" in call.modem.written
        air = Tape(tmp_path / "air.pcm", call.room.environment)
        her = Tape(tmp_path / "her.pcm", call.room.environment)
        out = Tape(tmp_path / "out.pcm", call.room.environment)
        her.path.write_bytes(speech(3, 4).tobytes())
        await air.record(f"{AIR}.monitor")
        await out.record("line_out.monitor")
        await her.play("far")
        await until(lambda: max((abs(s) for s in air.samples()), default=0) > 1000)
        await her.ended()
        her.path.write_bytes(speech(3, 5).tobytes())
        await her.play(AIR)
        await until(lambda: max((abs(s) for s in out.samples()), default=0) > 1000)
    finally:
        await call.end()


async def test_a_port_that_is_gone_opens_no_room(tmp_path):
    call = await Called(tmp_path, "simcom7600").begin()
    try:
        await call.sound.unplug()
        with pytest.raises(AnbanError) as refused:
            await call.lines.sound()
        assert refused.value.reason is Reason.NOT_READY
        assert not call.room.is_open
        assert not call.lines.sounding
        assert call.phone.state == "answered"  # speech may go by other ways; the line is not cut for it
    finally:
        await call.end()
