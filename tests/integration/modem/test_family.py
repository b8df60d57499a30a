"""A family's phone in the cell network: told of a call, told that it is over, and heard when it answers."""

import asyncio

import pytest

from drivers.modem.port import serial_opener
from edge.config import parse
from edge.credentials import SmsKeys
from edge.hub import Hub
from edge.mint import Mint
from edge.reaching import Reaching
from edge.texting import Texting
from protocols.values import Receipt
from sim.modem.modem import SimModem
from sim.modem.network import CellNetwork
from sim.modem.phone import Phone
from tests.integration.modem.test_texts import CENTRE, HOME, Disk, State
from tests.unit.drivers_modem.conftest import until
from tests.unit.edge.by_hand import ClockByHand

MUM = "+8613800138201"
SEED = f"""
[hub]
id = "hub-01"
room = "hall"
elder = "e-chen"
[platform]
coap_uri = "coap://care.example"
https_url = "https://care.example"
ca_file = "ca.pem"
[modem]
port = "PORT"
platform_numbers = ["{CENTRE}"]
place = "3-2-501"
[[contacts]]
id = "mum"
number = "{MUM}"
[[elders]]
id = "e-chen"
name = "张奶奶"
"""
KEYS = SmsKeys(home="ABCD", up_key="00" * 16, down_key="11" * 16)


class House:
    """A hub with a modem, and a phone of the family's."""

    def __init__(self, directory):
        self.network = CellNetwork()
        self.network.air.delay_s = (0.0, 0.0)
        self.modem = SimModem(HOME, directory / "a", self.network)
        self.modem.manners.prompt_s = self.modem.manners.result_s = 0.0
        self.modem.plug()
        self.phone = Phone(MUM, self.network)
        self.clock, self.disk, self.state = ClockByHand(), Disk(), State()
        self.config = parse(SEED.replace("PORT", str(self.modem.path)))
        self.begin()

    def begin(self):
        """A hub begins, from what is on the disk."""
        entries = [entry for _, entries, _ in self.disk.jobs for entry in entries]
        self.hub = Hub(Mint("hub-01", self.clock), self.disk, elder="e-chen", room="hall")
        self.hub.resume(entries)
        self.tasks = [asyncio.create_task(part.run()) for part in self.make()]

    def make(self):
        """Everything of it that runs."""
        opener = serial_opener(str(self.modem.path))
        self.texting = Texting(self.hub, self.state, self.config, self.config.modem, KEYS, opener)
        self.reaching = Reaching(self.hub, self.texting, lambda: self.config)
        return [self.texting, self.reaching]

    async def end(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def on(self, seconds):
        self.clock.now += seconds * 1000
        self.hub._changed()

    def events(self, kind):
        every = [entry for _, entries, _ in self.disk.jobs for entry in entries]
        return [e.event for e in every if type(e).__name__ == "EventEntry" and e.event.kind == kind]

    def say(self, stage, about, number=1):
        self.hub.receipt(Receipt(number=number, about=about, stage=stage, by="li"), "coap")


@pytest.fixture
async def house(tmp_path):
    house = House(tmp_path)
    await until(lambda: house.texting.modem.standing.good)
    yield house
    await house.end()
    await house.modem.close()


async def test_the_family_is_told_of_a_call_and_that_it_is_taken(house):
    call = house.hub.call("call.sos", "red")
    await asyncio.sleep(0)
    house.on(30)
    await until(lambda: house.phone.has("还没有回应"))
    assert "张奶奶" in house.phone.texts[0].text
    house.say("stored", call)
    house.say("taken", call, 2)
    await until(lambda: house.phone.has("已经有人接手"))
    await until(lambda: len(house.events("contact.texted")) == 2)  # the phone may show it before OK is read
    told = [(event.data["what"], event.data["outcome"]) for event in house.events("contact.texted")]
    assert told == [("unreached", "handed"), ("taken", "handed")]
    assert house.events("contact.texted")[0].data["call"] == str(call)


async def test_a_restart_neither_forgets_nor_repeats_a_text(house):
    house.hub.call("call.sos", "red")
    await asyncio.sleep(0)
    house.on(30)
    await until(lambda: len(house.phone.texts) == 1)
    await until(lambda: house.events("contact.texted"))
    await house.end()
    house.begin()
    await until(lambda: house.texting.modem.standing.good)
    assert house.texting.budget.spent() == 1
    house.on(9 * 60)
    await asyncio.sleep(0)
    assert house.reaching._next_text(house.texting) is None
    house.on(60)
    await until(lambda: len(house.phone.texts) == 2)


async def test_a_text_that_the_network_refuses_is_tried_again_and_costs_nothing(house):
    house.modem.manners.next_errors = ["+CMS ERROR: 38"]
    house.hub.call("call.sos", "red")
    await asyncio.sleep(0)
    house.on(30)
    await until(lambda: house.reaching._held)
    assert house.texting.budget.spent() == 0
    house.on(20)
    await until(lambda: len(house.phone.texts) == 1)


async def test_a_reply_is_an_event_and_stops_nothing(house):
    call = house.hub.call("call.sos", "red")
    await asyncio.sleep(0)
    house.phone.write(HOME, "我马上到")
    await until(lambda: house.events("contact.replied"))
    reply = house.events("contact.replied")[0]
    assert reply.data == {"contact": "mum", "words": "我马上到", "call": str(call)}
    assert call in house.hub.events
    house.on(30)
    await until(lambda: house.phone.has("还没有回应"))


async def test_a_strangers_text_is_no_reply(house):
    Phone("+8613900000000", house.network).write(HOME, "我马上到")
    await until(lambda: house.texting.path.heard.foreign == 1)
    assert house.events("contact.replied") == []


async def test_a_flood_of_replies_is_bounded(house):
    for number in range(35):
        house.phone.write(HOME, f"reply {number}")
    await until(lambda: house.texting.path.heard.foreign == 5)
    assert len(house.events("contact.replied")) == 30


async def test_the_last_texts_of_the_day_are_the_platforms(house):
    house.texting.budget.most = 5
    await house.texting.budget.spend(4)
    house.hub.call("call.sos", "red")
    await asyncio.sleep(0)
    house.on(30)
    await until(lambda: house.reaching._held)
    assert house.phone.texts == []
    await house.texting.budget.spend()
