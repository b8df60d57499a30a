"""The list is rung by modem and by SIP, real baresips: whom one does not reach, the other rings."""

import asyncio
import os
import signal
import threading

import msgspec
import pytest

from drivers.sip.phone import SipPhone
from drivers.sip.program import Account
from edge.budget import Budget
from edge.config_phones import SipSection
from edge.incoming import Incoming
from edge.lines import Lines, Way
from edge.phrases import Phrase
from edge.proving import Proving
from edge.reaching import Reaching
from edge.ringing import MOST_MS, NEXT_MS
from edge.telephony import listed
from sim.sip.exchange import SipExchange
from sim.sip.phone import MODULES, SipFamilyPhone
from sim.sip.sound import write_tone
from tests.integration.modem.test_family import MUM
from tests.integration.modem.test_proving import Ways
from tests.integration.modem.test_ringing import VoiceHouse
from tests.integration.sip.test_telephone import LIMIT_S, until

ROOM_HZ = 440.0


class SipHouse(VoiceHouse):
    """A house whose mother and father have telephones by SIP too."""

    def __init__(self, directory, exchange):
        self.exchange, self.directory = exchange, directory
        exchange.accounts["hub-01"] = "secret"
        write_tone(directory / "room.wav", ROOM_HZ, 60)
        self.mum_sip = SipFamilyPhone("mum", exchange, directory / "mum", 1150.0)
        self.dad_sip = SipFamilyPhone("dad", exchange, directory / "dad", 1450.0)
        for phone in (self.mum_sip, self.dad_sip):
            phone.start()
        super().__init__(directory)

    def make(self):
        parts = super().make()
        domain = self.exchange.domain
        contacts = [msgspec.structs.replace(c, sip=f"sip:{c.id}@{domain}") for c in self.config.contacts]
        section = SipSection(address=f"sip:hub-01@{domain}")
        self.config = msgspec.structs.replace(self.config, contacts=tuple(contacts), sip=section)
        account = Account(
            address=section.address,
            user="hub-01",
            password="secret",
            interface="127.0.0.1",
            modules=MODULES,
        )
        room = f"aufile,{self.directory / 'room.wav'}"
        self.sip = SipPhone(account, self.directory / "hub", microphone=room, speaker="aubridge,room")
        self.sip.on_standing = lambda good: self.hub.see("path", "sip", not good, self.sip.trouble)
        budget = Budget(self.state, "sip_calls", 60, self.hub.mint.stamp)
        self.lines = Lines([*self.lines.ways, Way("sip", self.sip, budget)])
        self.reaching = Reaching(self.hub, self.texting, lambda: self.config, self.lines, self.said.append)
        self.incoming = Incoming(self.hub, self.lines, lambda: listed(self.config), self.said.append)
        return [*parts[:-1], self.sip, self.reaching, self.incoming]

    def calls(self):
        """(who, by which way, outcome)."""
        told = [event.data for event in self.events("contact.called")]
        return [(data["contact"], data["what"], data["outcome"]) for data in told]

    async def end(self):
        await super().end()
        await self.mum_sip.stop()
        await self.dad_sip.stop()


@pytest.fixture
async def house(tmp_path):
    exchange = SipExchange()
    await exchange.open()
    house = SipHouse(tmp_path, exchange)
    phones = (house.sip, house.mum_sip, house.dad_sip, house.telephone)
    await until(lambda: house.texting.modem.standing.good and all(phone.good for phone in phones))
    yield house
    await house.end()
    await house.modem.close()
    house.network.close()
    exchange.close()


def confirmed(house):
    return any("voice.confirmed" in call.told for call in house.hub.book.calls.values())


async def test_whose_mobile_is_off_is_rung_by_sip_at_once_and_confirms_there(house):
    house.network.exchange.leave(MUM)
    await house.press()
    await until(lambda: house.mum_sip.state == "ringing")
    await house.mum_sip.answer()
    await until(lambda: Phrase.VOICE_OPEN in house.said)
    await until(lambda: house.mum_sip.hears(ROOM_HZ) > 0.5)
    assert house.lines.sounding
    await house.mum_sip.press("1")
    await until(lambda: confirmed(house))
    house.on(MOST_MS // 1000)
    await until(lambda: house.mum_sip.state == "idle")
    await until(lambda: house.said[-1] == Phrase.VOICE_OVER)
    assert not house.lines.sounding
    assert house.calls() == [
        ("mum", "voice", "unreachable"),
        ("mum", "sip", "answered"),
        ("mum", "sip", "confirmed"),
    ]
    assert house.dad.rang == []
    assert house.dad_sip.rang == []


async def test_without_service_the_list_is_rung_by_sip_and_the_next_after_45_s(house):
    house.modem.manners.registration = 0
    house.texting.modem.standing = msgspec.structs.replace(house.texting.modem.standing, trouble="no-service")
    await house.press()
    await house.rings(house.mum_sip)
    house.on(NEXT_MS // 1000)
    await until(lambda: house.dad_sip.state == "ringing")
    await until(lambda: house.mum_sip.state == "idle")  # her telephone hears of its end by itself
    assert house.calls() == [("mum", "sip", "no-answer")]
    assert house.network.exchange.log == []


async def test_a_baresip_that_dies_is_a_fault_with_an_age_and_the_modem_rings(house):
    may_start = threading.Event()
    house.sip._prepare = lambda: may_start.wait(LIMIT_S)  # a machine that takes its time
    os.kill(house.sip.program.pid, signal.SIGKILL)
    await until(lambda: not house.sip.good)
    await house.press()
    await until(lambda: house.phone.state == "ringing")
    house.on(180)
    house.sip.on_standing(False)
    assert ("path", "sip") in house.hub.faults.open
    may_start.set()
    await until(lambda: house.sip.good)
    await until(lambda: ("path", "sip") not in house.hub.faults.open)


async def test_she_is_let_in_by_sip_only_within_a_call_and_hears_the_room(house):
    hub = f"sip:hub-01@{house.exchange.domain}"
    await house.mum_sip.dial(hub)
    await until(lambda: house.mum_sip.state == "ringing")
    await until(lambda: house.sip.talk is not None)  # she may hear of it before the hub has been told
    await asyncio.sleep(0)
    assert house.sip.talk.stage.name == "RINGING"
    await house.mum_sip.hang_up()
    await until(lambda: house.sip.talk is None)
    call = house.hub.call("call.sos", "red")
    await asyncio.sleep(0)
    house.say("stored", call)
    await until(lambda: call not in house.hub.events)
    await house.mum_sip.dial(hub)
    await until(lambda: house.mum_sip.state == "answered")
    await until(lambda: house.mum_sip.hears(ROOM_HZ) > 0.5)
    house.on(MOST_MS // 1000)
    await until(lambda: house.mum_sip.state == "idle")
    await until(lambda: Phrase.VOICE_OVER in house.said)
    assert house.calls()[:2] == [("mum", "incoming", "answered"), ("mum", "incoming", "ended")]


async def test_the_way_by_sip_is_proved_and_one_that_does_not_ring_is_a_fault_and_comes_last(
    house, monkeypatch
):
    test = f"sip:dad@{house.exchange.domain}"
    house.lines.ways[1].test = test
    proving = Proving(house.hub, house.state, Ways(), None, house.lines, house.said.append, lambda: 480)

    async def tested():
        await proving.test({})
        async with asyncio.timeout(LIMIT_S):
            while (state := await proving.table({}))["testing"]:
                await asyncio.sleep(0.02)
        return {row["path"]: (row["outcome"], row["cause"]) for row in state["paths"]}

    assert (await tested())["sip"] == ("good", "")
    await until(lambda: house.dad_sip.rang)  # the hub may hear of it before he does
    works = [Phrase.WAYS_WORK, Phrase.INTERNET_WORKS, Phrase.TELEPHONE_WORKS]
    await until(lambda: house.said == works)
    await until(lambda: house.dad_sip.state == "idle")
    monkeypatch.setattr("edge.proving.RING_S", 1.0)
    house.exchange.down = True
    assert (await tested())["sip"] == ("failed", "no-ringing")
    assert ("proof", "sip") in house.hub.faults.open
    assert [way.name for way in house.lines.order()] == ["voice", "sip"]
    house.exchange.down = False
    monkeypatch.undo()
    await until(lambda: house.sip.talk is None)
    assert (await tested())["sip"] == ("good", "")
    assert ("proof", "sip") not in house.hub.faults.open


async def test_who_rings_beside_a_call_is_let_in_at_its_end_and_not_before(house):
    await house.press()
    await until(lambda: house.phone.state == "ringing")
    house.phone.answer()
    await until(lambda: Phrase.VOICE_OPEN in house.said)
    house.phone.press("1")
    await until(lambda: confirmed(house))
    await house.dad_sip.dial(f"sip:hub-01@{house.exchange.domain}")
    await until(lambda: house.dad_sip.state == "ringing")
    await until(lambda: house.sip.talk is not None)
    assert house.lines.talk is house.telephone.talk
    house.phone.hang_up()
    await until(lambda: house.dad_sip.state == "answered")
    await until(lambda: ("dad", "incoming", "answered") in house.calls())
