"""Two real baresips on loopback and a provider between them: a tone is heard, keys, refusals, a death."""

import asyncio
import os
import signal
import stat
from pathlib import Path

import pytest

from drivers.sip.phone import SipPhone
from drivers.sip.program import Account
from drivers.talk import Stage
from protocols.errors import AnbanError, Reason
from sim.sip.exchange import SipExchange
from sim.sip.phone import SipFamilyPhone
from sim.sip.sound import hears, write_tone

LIMIT_S = 60.0
STRANGER_S = 1.0  # a connection on this machine comes about in less than a millisecond
ROOM_HZ, HER_HZ = 440.0, 1150.0
PASSWORD = "secret-of-the-hub"


async def until(condition, within_s=LIMIT_S):
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


class Line:
    """A hub's telephone and a daughter's."""

    def __init__(self, directory):
        self.directory = directory
        self.rung, self.standing = [], []

    async def open(self, password=PASSWORD):
        self.exchange = SipExchange()
        await self.exchange.open()
        self.exchange.accounts["hub-01"] = PASSWORD
        self.daughter = SipFamilyPhone("daughter", self.exchange, self.directory / "daughter", HER_HZ)
        write_tone(self.directory / "room.wav", ROOM_HZ, 60)
        account = Account(
            address=f"sip:hub-01@{self.exchange.domain}",
            user="hub-01",
            password=password,
            interface="127.0.0.1",
            modules=("sndfile",),
        )
        room = f"aufile,{self.directory / 'room.wav'}"
        self.hub = SipPhone(account, self.directory / "hub", microphone=room, speaker="aubridge,room")
        self.hub.on_ring, self.hub.on_standing = self.rung.append, self.stands
        self.task = asyncio.create_task(self.hub.run())
        self.daughter.start()
        return self

    def stands(self, good):
        if good is not (self.standing[-1] if self.standing else None):
            self.standing.append(good)

    @property
    def her(self):
        return f"sip:daughter@{self.exchange.domain}"

    async def up(self):
        await until(lambda: self.hub.good and self.daughter.good)
        return self

    async def close(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.daughter.stop()
        self.exchange.close()

    def room_hears(self, hertz):
        return sum(hears(path, hertz) for path in (self.directory / "hub").glob("dump-*-dec.wav"))


@pytest.fixture
async def line(tmp_path):
    line = Line(tmp_path)
    await line.open()
    yield await line.up()
    await line.close()


async def test_both_ends_hear_each_other_once_the_room_is_opened_and_never_before(line):
    talk = await line.hub.dial(line.her)
    await until(lambda: line.daughter.state == "ringing")
    await line.daughter.answer()
    await until(lambda: talk.stage is Stage.ANSWERED)
    await until(lambda: line.room_hears(HER_HZ) > 1)
    assert line.daughter.hears(ROOM_HZ) == 0  # answered, and nothing of the room is heard
    await line.hub.sound()
    await until(lambda: line.daughter.hears(ROOM_HZ) > 1)
    await line.daughter.press("1")
    await until(lambda: talk.tones == "1")
    await line.hub.tones("59")
    await until(lambda: line.daughter.heard_keys == "59")
    await line.hub.hang_up()
    await until(lambda: line.daughter.state == "idle")
    assert talk.end == "ended"

    await until(lambda: not line.daughter.phone.room_given)  # who rings earlier is refused: see below
    heard = line.daughter.hears(ROOM_HZ)  # a second call begins without the room again
    talk = await line.hub.dial(line.her)
    await until(lambda: line.daughter.state == "ringing")
    before = line.room_hears(HER_HZ)
    await line.daughter.answer()
    await until(lambda: line.room_hears(HER_HZ) > before + 1)
    assert line.daughter.hears(ROOM_HZ) == heard
    await line.daughter.hang_up()
    await until(lambda: talk.stage is Stage.ENDED)
    assert talk.end == "ended"


async def test_who_rings_before_the_room_is_taken_back_is_refused_and_may_ring_again(line):
    talk, hers, program = await line.hub.dial(line.her), line.daughter.phone, line.daughter.phone.program
    await until(lambda: line.daughter.state == "ringing")
    await line.daughter.answer()
    await until(lambda: talk.stage is Stage.ANSWERED and hers.room_given)
    async with hers._taking_back:  # as on a machine that has no time
        await line.hub.hang_up()
        await until(lambda: line.daughter.state == "idle")
        talk = await line.hub.dial(line.her)
        await until(lambda: line.daughter.state == "ringing")
        with pytest.raises(AnbanError) as refused:
            await line.daughter.answer()
        assert refused.value.reason is Reason.BUSY
    await until(lambda: talk.stage is Stage.ENDED and not hers.room_given)
    await until(lambda: line.daughter.state == "idle")  # she hears of it by herself
    await line.hub.dial(line.her)
    await until(lambda: line.daughter.state == "ringing")
    await line.daughter.answer()
    assert hers.program is program  # nothing was ended for it


async def test_whoever_is_busy_or_unknown_is_told_apart(line):
    talk = await line.hub.dial(f"sip:nobody@{line.exchange.domain}")
    await until(lambda: talk.stage is Stage.ENDED)
    assert (talk.end, talk.rang) == ("failed", False)
    talk = await line.hub.dial(line.her)
    await until(lambda: line.daughter.state == "ringing")
    await until(lambda: talk.rang)  # the hub hears of it after she does
    await line.daughter.hang_up()
    await until(lambda: talk.stage is Stage.ENDED)
    assert talk.end == "busy"


async def test_she_rings_and_is_not_let_in_by_the_telephone_itself(line):
    await line.daughter.dial(f"sip:hub-01@{line.exchange.domain}")
    await until(lambda: line.rung)
    assert line.rung == [line.her]
    talk = line.hub.talk
    assert talk is not None
    assert talk.incoming
    await line.hub.answer()
    await until(lambda: talk.stage is Stage.ANSWERED)
    await line.hub.sound()
    await until(lambda: line.daughter.hears(ROOM_HZ) > 0)
    await line.hub.hang_up()
    await until(lambda: line.daughter.state == "idle")


async def test_a_baresip_that_dies_is_a_way_that_is_down_and_is_started_again(line):
    talk = await line.hub.dial(line.her)
    await until(lambda: line.daughter.state == "ringing")
    os.kill(line.hub.program.pid, signal.SIGKILL)
    await until(lambda: not line.hub.good)
    assert (talk.stage, talk.end) == (Stage.ENDED, "lost")
    with pytest.raises(AnbanError) as refused:
        await line.hub.dial(line.her)
    assert refused.value.reason is Reason.NO_SERVICE
    await until(lambda: line.hub.good)
    assert line.standing[-3:] == [True, False, True]


async def test_a_baresip_that_hangs_is_ended_and_started_again(line, monkeypatch):
    first = line.hub.program.pid
    os.kill(first, signal.SIGSTOP)
    with monkeypatch.context() as hasty:  # the one that follows has its time
        hasty.setattr("drivers.sip.control.ANSWER_S", 0.3)
        with pytest.raises(AnbanError) as refused:
            await line.hub.dial(line.her)
    assert refused.value.reason is Reason.DEVICE_TIMEOUT
    await until(lambda: line.hub.good and line.hub.program.pid not in (0, first))


async def test_no_secret_is_on_a_command_line_or_in_a_file_for_others(line):
    folder, process = line.directory / "hub", Path(f"/proc/{line.hub.program.pid}")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        if not path.name.startswith("dump-"):  # recorded by a module that no hub loads
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for name in ("cmdline", "environ"):
        assert PASSWORD not in (process / name).read_text()
    holding = [path.name for path in folder.iterdir() if PASSWORD.encode() in path.read_bytes()]
    assert holding == ["accounts"]
    assert PASSWORD not in repr(line.hub._account)


async def test_no_other_program_of_this_machine_gets_at_its_control(line):
    with pytest.raises((TimeoutError, OSError)):
        async with asyncio.timeout(STRANGER_S):
            await asyncio.open_connection("127.0.0.1", line.hub.program.port)
    talk = await line.hub.dial(line.her)
    await until(lambda: line.daughter.state == "ringing")
    await line.hub.hang_up()
    await until(lambda: talk.stage is Stage.ENDED)


async def test_a_wrong_password_is_a_way_that_is_down(tmp_path):
    line = await Line(tmp_path).open(password="another")
    try:
        await until(lambda: "hub-01" in line.exchange.refused)
        await until(lambda: line.hub.trouble != "not-started")
        assert line.hub.trouble in ("not-registered", "refused")
        assert line.standing == [False]
    finally:
        await line.close()
