"""The list of contacts is rung: who confirms, who does not, and that no line stays open."""

import asyncio

import pytest

from drivers.modem.port import serial_opener
from drivers.modem.voice import Telephone
from edge.config import parse
from edge.lines import Lines, Way
from edge.phrases import Phrase
from edge.reaching import Reaching
from edge.ringing import MOST_MS, NEXT_MS
from edge.texting import Texting
from sim.modem.phone import Phone
from tests.integration.modem.test_family import KEYS, MUM, SEED, House
from tests.unit.drivers_modem.conftest import until

DAD = "+8613800138202"


class VoiceHouse(House):
    """A house with a second port, and two phones: the mother's and the father's."""

    def __init__(self, directory):
        self.said = []
        super().__init__(directory)
        self.network.exchange.setup_s = (0.01, 0.01)
        self.dad = Phone(DAD, self.network)

    def begin(self):
        self.config = parse(
            SEED.replace("PORT", str(self.modem.path))
            .replace("[[contacts]]", f'voice_port = "{self.modem.path}-voice"\n[[contacts]]', 1)
            .replace("[[elders]]", f'[[contacts]]\nid = "dad"\nnumber = "{DAD}"\n[[elders]]', 1)
        )
        super().begin()

    def make(self):
        opener = serial_opener(str(self.modem.path))
        self.texting = Texting(self.hub, self.state, self.config, self.config.modem, KEYS, opener)
        self.telephone = Telephone(serial_opener(self.config.modem.voice_port), poll_s=0.05)
        trouble = lambda: self.texting.modem.standing.trouble  # noqa: E731 - one look
        self.lines = Lines([Way("voice", self.telephone, self.texting.calls, trouble=trouble)])
        self.reaching = Reaching(*(self.hub, self.texting, lambda: self.config, self.lines, self.said.append))
        return [self.texting, self.telephone, self.reaching]

    def outcomes(self):
        return [(e.data["contact"], e.data["outcome"]) for e in self.events("contact.called")]

    async def rings(self, phone):
        """Somebody's phone rings, and the hub has heard that it does."""
        await until(lambda: phone.state == "ringing")
        await until(lambda: (talk := self.lines.talk) is not None and talk.rang)

    async def press(self):
        """A press, half a minute ago."""
        call = self.hub.call("call.sos", "red")
        await asyncio.sleep(0)
        self.on(30)
        return call


@pytest.fixture
async def house(tmp_path):
    house = VoiceHouse(tmp_path)
    await until(lambda: house.texting.modem.standing.good and house.telephone.good)
    yield house
    await house.end()
    await house.modem.close()
    house.network.close()


async def test_a_person_confirms_with_a_key_and_the_line_stays_open(house):
    await house.press()
    await house.rings(house.phone)
    await until(lambda: house.said == [Phrase.PHONING])
    house.phone.answer()
    await until(lambda: Phrase.VOICE_OPEN in house.said)
    await until(lambda: house.phone.heard_keys)
    house.phone.press("1")
    await until(lambda: any("voice.confirmed" in call.told for call in house.hub.book.calls.values()))
    house.on(NEXT_MS // 1000 + 100)
    assert house.phone.state == "answered"
    house.phone.hang_up()
    await until(lambda: Phrase.VOICE_OVER in house.said)
    assert house.outcomes() == [("mum", "answered"), ("mum", "confirmed")]
    assert house.dad.rang == []


async def test_no_line_is_open_for_more_than_ten_minutes(house):
    await house.press()
    await until(lambda: house.phone.state == "ringing")
    house.phone.answer()
    await until(lambda: house.phone.heard_keys)
    house.phone.press("1")
    await until(lambda: any("voice.confirmed" in call.told for call in house.hub.book.calls.values()))
    house.on(MOST_MS // 1000)
    await until(lambda: house.phone.state == "idle")
    await until(lambda: house.said[-1] == Phrase.VOICE_OVER)


async def test_nobody_answers_and_the_next_is_rung(house):
    await house.press()
    await house.rings(house.phone)
    house.on(NEXT_MS // 1000)
    await until(lambda: house.dad.state == "ringing")
    assert house.phone.state == "idle"
    assert house.outcomes() == [("mum", "no-answer")]


async def test_a_machine_that_answers_is_no_person(house):
    await house.press()
    await until(lambda: house.phone.state == "ringing")
    house.phone.answer()
    await until(lambda: house.phone.heard_keys)
    house.on(NEXT_MS // 1000)
    await until(lambda: house.dad.state == "ringing")
    assert house.outcomes() == [("mum", "answered"), ("mum", "unconfirmed")]
    assert Phrase.VOICE_OVER in house.said


async def test_it_stops_ringing_once_the_platform_has_the_call(house):
    call = await house.press()
    await until(lambda: house.phone.state == "ringing")
    house.say("stored", call)
    await until(lambda: house.phone.state == "idle")
    await until(lambda: house.outcomes() == [("mum", "stopped")])
    assert house.dad.rang == []


async def test_who_is_talking_is_not_hung_up_on_when_the_platform_has_it(house):
    call = await house.press()
    await until(lambda: house.phone.state == "ringing")
    house.phone.answer()
    await until(lambda: house.phone.heard_keys)
    house.phone.press("1")
    await until(lambda: any("voice.confirmed" in call.told for call in house.hub.book.calls.values()))
    house.say("stored", call)
    house.say("taken", call, 2)
    await until(lambda: call not in house.hub.events)
    assert house.phone.state == "answered"


async def test_three_rounds_and_then_no_more_for_an_hour(house):
    await house.press()
    for count in (1, 2, 3):
        await until(lambda count=count: len(house.phone.rang) == count)
        house.phone.hang_up()
        await until(lambda count=count: len(house.dad.rang) == count)
        house.dad.hang_up()
        await until(lambda count=count: len(house.outcomes()) == 2 * count)
        house.on(90)
    house.on(50 * 60)
    assert house.reaching._ringing._next() is None
    house.on(10 * 60)
    await until(lambda: len(house.phone.rang) == 4)


async def test_a_modem_that_cannot_dial_spends_no_round(house):
    house.modem.voice.refuses = "NO CARRIER"
    await house.press()
    await until(lambda: house.modem.voice.written.count(f"ATD{DAD};") == 1)
    await until(lambda: house.reaching._ringing._not_before_ms)
    assert house.texting.calls.spent() == 0
    house.modem.voice.refuses = ""
    house.on(60)
    await until(lambda: house.phone.state == "ringing")


async def test_a_hub_that_ends_leaves_no_line_open(house):
    await house.press()
    await until(lambda: house.phone.state == "ringing")
    house.phone.answer()
    await until(lambda: house.phone.heard_keys)
    await house.end()
    await until(lambda: house.phone.state == "idle")
    assert house.phone.number == MUM
