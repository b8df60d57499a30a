"""Every way is tried on purpose: by text over two modems and back, by phone until it rings."""

import asyncio

import pytest

from drivers.modem.port import serial_opener
from drivers.modem.voice import Telephone
from edge.lines import Lines, Way
from edge.phrases import Phrase
from edge.proving import Proving
from protocols.errors import AnbanError, Reason
from sim.modem.phone import Phone
from tests.integration.modem.test_texts import HOME, Line
from tests.unit.drivers_modem.conftest import until

TEST = "+8613800138300"


class Ways:
    """IP, as far as it is asked."""

    def __init__(self):
        self.good = {"coap": True, "https": True}
        self.health = {"coap": self, "https": self}
        self.reason = "path-down"

    async def check(self, name):
        return self.good[name]


class Proved(Line):
    """A hub and a platform with modems, a phone for tests, and what proves the ways."""

    async def start(self, directory):
        await super().start(directory)
        self.network.exchange.setup_s = (0.01, 0.01)
        self.phone = Phone(TEST, self.network)
        self.telephone = Telephone(serial_opener(f"{self.modems[0].path}-voice"), poll_s=0.05)
        self.ways, self.said = Ways(), []
        self.voice_task = asyncio.create_task(self.telephone.run())
        self.begin()
        await until(lambda: self.telephone.good)

    def begin(self, number=TEST):
        say, offset = self.said.append, lambda: 480
        self.lines = Lines([Way("voice", self.telephone, self.texting.calls, test=number)])
        self.proving = Proving(*(self.hub, self.state, self.ways, self.texting, self.lines, say, offset))

    async def stop(self):
        self.voice_task.cancel()
        await asyncio.gather(self.voice_task, return_exceptions=True)
        await super().stop()
        self.network.close()

    async def tested(self):
        await self.proving.test({})
        while (state := await self.proving.table({}))["testing"]:
            await asyncio.sleep(0.01)
        return {row["path"]: row["outcome"] for row in state["paths"]}

    def faults(self):
        return {(fault.about, fault.cause) for fault in self.hub.faults.open.values()}


@pytest.fixture
async def line(tmp_path):
    line = Proved()
    await line.start(tmp_path)
    yield line
    await line.stop()


async def test_every_way_that_works_passes_and_that_is_said(line):
    assert await line.tested() == {"coap": "good", "https": "good", "sms": "good", "voice": "good"}
    works = [Phrase.INTERNET_WORKS, Phrase.TEXTS_WORK, Phrase.TELEPHONE_WORKS]
    await until(lambda: line.said == [Phrase.WAYS_WORK, *works])
    assert line.faults() == set()
    assert line.phone.rang
    await until(lambda: line.phone.state == "idle")


async def test_one_sentence_follows_the_other_and_none_of_a_round_before_comes_late(line):
    sayings = []

    def say(phrase):
        line.said.append(phrase)
        sayings.append(asyncio.get_running_loop().create_future())
        return sayings[-1]

    line.proving._say = say
    await line.tested()
    await until(lambda: sayings)
    assert line.said == [Phrase.WAYS_WORK]
    sayings[0].set_result(None)
    await until(lambda: len(sayings) == 2)
    line.ways.good["coap"] = False
    await line.tested()
    await until(lambda: len(sayings) == 3)
    sayings[1].set_result(None)
    sayings[2].set_result(None)
    await until(lambda: len(sayings) == 4)
    assert line.said[2:] == [Phrase.WAYS_FAIL, Phrase.INTERNET_FAILS]


async def test_a_test_is_no_call_at_the_platform_and_makes_no_relayed_texts(line):
    await line.tested()
    assert line.platform.store.cases(10) == []
    assert len(line.sent(HOME)) == 1
    assert "线路测试" in line.sent(HOME)[0]
    assert line.platform.texts._texted_ms == {}


async def test_a_text_that_does_not_come_back_is_a_fault_until_one_does(line, monkeypatch):
    monkeypatch.setattr("edge.proving.TEXT_S", 0.2)
    line.network.air.loss = 1.0
    assert (await line.tested())["sms"] == "failed"
    assert line.faults() == {("sms", "no-receipt")}
    each = [Phrase.INTERNET_WORKS, Phrase.TEXTS_FAIL, Phrase.TELEPHONE_WORKS]
    await until(lambda: line.said == [Phrase.WAYS_FAIL, *each])
    monkeypatch.undo()
    line.network.air.loss = 0.0
    assert (await line.tested())["sms"] == "good"
    assert line.faults() == set()


async def test_a_phone_that_does_not_ring_and_a_line_that_is_down_are_faults(line):
    line.network.exchange.leave(TEST)
    line.ways.good["coap"] = False
    proved = await line.tested()
    assert (proved["voice"], proved["coap"], proved["https"]) == ("failed", "failed", "good")
    assert line.faults() == {("voice", "ended"), ("coap", "path-down")}


async def test_a_network_that_takes_no_texts_over_lte_is_found_by_the_test_alone(line):
    manners = line.modems[0].manners
    manners.unknown, manners.no_sms_over_lte = (), True
    proved = await line.tested()
    assert (proved["sms"], proved["voice"]) == ("failed", "good")
    assert line.texting.modem.standing.good
    assert line.faults() == {("sms", "modem-refused")}


async def test_without_a_test_number_the_phone_is_not_tested_and_not_at_fault(line):
    line.begin(None)
    assert (await line.tested())["voice"] == "untested"
    await until(lambda: line.said == [Phrase.WAYS_WORK, Phrase.INTERNET_WORKS, Phrase.TEXTS_WORK])
    assert (line.phone.rang, line.faults()) == ([], set())


async def test_a_call_ends_a_test_at_once(line):
    line.network.exchange.setup_s = (3600.0, 3600.0)
    line.network.air.loss = 1.0
    await line.proving.test({})
    await until(lambda: line.telephone.talk is not None)
    await line.call()
    await until(lambda: line.telephone.talk is None)
    await until(lambda: line.proving._testing.done())
    assert line.said == []
    assert "voice" not in line.proving.proofs
    fresh = {row["path"]: row["fresh"] for row in (await line.proving.table({}))["paths"]}
    assert (fresh["sms"], fresh["voice"]) == (False, False)
    with pytest.raises(AnbanError) as busy:
        await line.proving.test({})
    assert busy.value.reason is Reason.BUSY


async def test_a_restart_knows_when_the_ways_were_proved(line):
    await line.tested()
    line.begin()
    rows = (await line.proving.table({}))["paths"]
    assert {row["outcome"] for row in rows} == {"good"}
    assert all(row["age_s"] is not None for row in rows)


async def test_a_days_tests_leave_the_texts_to_calls(line):
    line.texting.budget.most = 10
    await line.texting.budget.spend(5)
    assert (await line.tested())["sms"] == "failed"
    assert ("sms", "rate-limited") in line.faults()
    await line.texting.path.send([await line.call()])
