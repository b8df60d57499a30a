"""The whole hub in one process: a key, a phone that rings by modem, and a room that opens and closes."""

import dataclasses
import stat

import msgspec
import pytest

from sim.modem.modem import SimModem
from sim.modem.network import CellNetwork
from sim.modem.phone import Phone
from sim.modem.sound import SimSound
from sim.room import AIR, CARD, RATE, Tape, speech
from sim.sip.sound import seconds_of
from tests.integration.modem.test_family import MUM
from tests.integration.modem.test_service import hub, press
from tests.integration.modem.test_texts import HOME
from tests.integration.sound.test_modem_sound import HER_HZ, until


@pytest.mark.slow  # sound in real time: a machine that is busy has gaps in it
async def test_a_key_and_the_family_hears_the_room_by_the_modems_own_port(tmp_path):
    network = CellNetwork()
    network.air.delay_s, network.exchange.setup_s = (0.0, 0.0), (0.01, 0.01)
    modem = SimModem(HOME, tmp_path / "modem", network, "simcom7600")
    sound = modem.voice.sound = SimSound(tmp_path / "pcm", HER_HZ, lambda: modem.voice.talking)
    modem.plug()
    sound.plug()
    phone = Phone(MUM, network)
    service, pins = hub(tmp_path, modem)
    section = msgspec.structs.replace(service.config.modem, sound_port=str(sound.path))
    service.config = msgspec.structs.replace(service.config, modem=section)
    service.ports = dataclasses.replace(service.ports, room_card=CARD)
    pins.pin(service.config.pins.red).pull = "up"
    await service.start()
    try:
        telephony = service.telephony
        await until(lambda: telephony.lines.ways[0].phone.good and "AT+CMGL=4" in modem.written)
        await press(pins, service.config)
        await until(lambda: phone.state == "ringing")
        assert not telephony.sounding()
        phone.answer()
        phone.press("1")  # a person: the line stays open
        room = telephony.lines.ways[0].room
        await until(lambda: telephony.sounding() and room.is_open)
        assert stat.S_IMODE((tmp_path / "run" / "line").stat().st_mode) == 0o700
        await until(lambda: telephony.lines.ways[0].phone.talk is not None and sound.registered)
        air = Tape(tmp_path / "air.pcm", room.environment)
        await until(lambda: (tmp_path / "run" / "line" / "room.sock").is_socket())
        await air.record(f"{AIR}.monitor")
        await until(lambda: seconds_of(air.samples(), RATE, HER_HZ) > 1)
        voice = Tape(tmp_path / "voice.pcm", room.environment)
        voice.path.write_bytes(speech(3, 3).tobytes())
        before = len(sound.heard)
        await voice.play(AIR)
        await until(lambda: max((abs(s) for s in sound.heard[before:]), default=0) > 1000)
        phone.hang_up()
        await until(lambda: not room.is_open)
        assert not telephony.sounding()
    finally:
        await service.stop()
        await sound.unplug()
        await modem.close()
        network.close()
