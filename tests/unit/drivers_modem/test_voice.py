"""The telephone at the wire: a number is rung, followed by what the modem tells or is asked, and hung up."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modem.port import serial_opener
from drivers.modem.voice import Telephone
from drivers.talk import Stage
from protocols.at import line_of, tone_of
from protocols.errors import AnbanError
from sim.modem.modem import IDENTITIES
from sim.modem.phone import Phone
from tests.unit.drivers_modem.conftest import until

HOME, MUM = "+8613800138101", "+8613800138201"


class Line:
    """A modem with our telephone on it, and a phone that can be rung."""

    def __init__(self, bench, family="ec25"):
        self.bench, self.modem = bench, bench.modem("home", HOME, family)
        self.voice = self.modem.voice
        bench.network.exchange.setup_s = (0.01, 0.01)
        self.phone = Phone(MUM, bench.network)
        self.rings = []
        self.begin()

    def begin(self):
        opener = serial_opener(str(self.voice.path))
        self.telephone = Telephone(opener, on_ring=self.rings.append, poll_s=0.05)
        self.task = asyncio.create_task(self.telephone.run())
        self.bench.tasks.append(self.task)

    async def up(self):
        await until(lambda: self.telephone.good)
        return self

    async def answered(self):
        talk = await self.telephone.dial(MUM)
        await until(lambda: self.phone.state == "ringing")
        self.phone.answer()
        await until(lambda: talk.stage is Stage.ANSWERED)
        return talk


@pytest.mark.parametrize("family", IDENTITIES)
async def test_every_family_rings_is_answered_and_hears_a_key(bench, family):
    line = await Line(bench, family).up()
    talk = await line.telephone.dial(MUM)
    await until(lambda: talk.stage is Stage.RINGING)
    line.phone.answer()
    await until(lambda: talk.stage is Stage.ANSWERED)
    line.phone.press("1")
    if family != "generic":  # which tells of no keys
        await until(lambda: talk.tones == "1")
    await line.telephone.tones("15")
    await until(lambda: line.phone.heard_keys == "15")
    await line.telephone.hang_up()
    await until(lambda: line.phone.state == "idle")
    assert (talk.stage, line.telephone.talk) == (Stage.ENDED, None)


async def test_ok_to_atd_is_no_answer(bench):
    line = await Line(bench).up()
    talk = await line.telephone.dial(MUM)
    await until(lambda: line.phone.state == "ringing")
    assert talk.stage < Stage.ANSWERED


@pytest.mark.parametrize("tells", [True, False])
async def test_who_hangs_up_ends_it(bench, tells):
    line = Line(bench)
    line.voice.tells = tells
    talk = await (await line.up()).answered()
    line.phone.hang_up()
    await until(lambda: talk.stage is Stage.ENDED)
    assert talk.end == "ended"


async def test_a_modem_without_clcc_is_believed_what_it_tells(bench):
    line = Line(bench)
    line.voice.lists = False
    talk = await (await line.up()).answered()
    line.phone.hang_up()
    await until(lambda: talk.stage is Stage.ENDED)


async def test_a_busy_and_an_absent_phone_are_told_apart(bench):
    line = await Line(bench).up()
    Phone("+8613800138202", bench.network).dial(MUM)
    talk = await line.telephone.dial(MUM)
    await until(lambda: talk.stage is Stage.ENDED)
    assert (talk.end, talk.rang) == ("busy", False)
    talk = await line.telephone.dial("+8613800138999")
    await until(lambda: talk.stage is Stage.ENDED)
    assert (talk.end, talk.rang) == ("ended", False)


async def test_what_the_modem_refuses_to_dial_is_an_error(bench):
    line = await Line(bench).up()
    line.voice.refuses = "NO CARRIER"
    with pytest.raises(AnbanError):
        await line.telephone.dial(MUM)
    with pytest.raises(AnbanError):
        await line.telephone.dial("120;AT+CFUN=0")
    line.voice.refuses = ""
    assert await line.answered()


async def test_hanging_up_has_a_second_command(bench):
    line = Line(bench)
    line.voice.knows_chup = False
    await (await line.up()).answered()
    await line.telephone.hang_up()
    await until(lambda: line.phone.state == "idle")


async def test_a_line_that_an_earlier_run_left_open_is_closed(bench):
    line = await Line(bench).up()
    await line.answered()
    line.telephone._talk = None  # a kill -9 says no last word
    line.task.cancel()
    await asyncio.gather(line.task, return_exceptions=True)
    assert line.phone.state == "answered"
    line.begin()
    await until(lambda: line.phone.state == "idle")


async def test_who_ends_in_order_hangs_up(bench):
    line = await Line(bench).up()
    await line.answered()
    line.task.cancel()
    await asyncio.gather(line.task, return_exceptions=True)
    await until(lambda: line.phone.state == "idle")


async def test_a_modem_that_goes_in_a_call_ends_it_and_comes_back(bench):
    line = await Line(bench).up()
    talk = await line.answered()
    line.modem.unplug()
    await until(lambda: talk.stage is Stage.ENDED)
    assert line.phone.state == "idle"
    line.modem.plug()
    await line.up()
    assert await line.answered()


async def test_somebody_who_rings_is_told_of_and_can_be_answered(bench):
    line = await Line(bench).up()
    line.phone.dial(HOME)
    await until(lambda: line.rings)
    assert line.rings[0] == MUM
    assert line.phone.state == "ringing"  # never by itself
    await line.telephone.answer()
    await until(lambda: line.phone.state == "answered")


async def test_a_text_that_hangs_holds_up_no_call(bench):  # rule 6
    line = await Line(bench).up()
    texts = bench.driver("home")
    await until(lambda: texts.standing.good)
    line.modem.manners.result_s = 3600.0
    sending = asyncio.create_task(texts.send(MUM, "hangs"))
    await until(lambda: any(command.startswith("AT+CMGS=") for command in line.modem.written))
    assert await line.answered()
    sending.cancel()


@given(st.text(max_size=60))
def test_no_line_is_a_crash(text):
    for start in ("", "+CLCC: ", "^DSCI: ", "+DTMF: ", "+QTONEDET: "):
        line_of(start + text)
        assert len(tone_of(start + text)) < 2


@pytest.mark.parametrize(
    ("text", "stat"),
    [
        ('+CLCC: 1,0,3,0,0,"+8613800138201",145', 3),
        ("+CLCC: 1,0,0,0,0", 0),
        ('^DSCI: 1,0,7,0,"+8613800138201",145', 3),
        ('^DSCI: 3,0,6,0,"+8613800138201",129', 6),
        ('+CLCC: 1,1,0,1,0,"",128', None),  # Quectel's calls of data
        ("+CLCC: 1,0,9,0,0", None),
        ("+CLCC: x", None),
    ],
)
def test_a_line_of_a_call_is_read(text, stat):
    line = line_of(text)
    assert (line.stat if line is not None else None) == stat
