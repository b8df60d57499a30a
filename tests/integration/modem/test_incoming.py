"""Somebody rings the home: listed within a call, a stranger, at the wrong time, without a number."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.pi.keys import KeyDown, KeyUp
from edge.incoming import AFTER_MS, Door, Incoming, concerned, door
from edge.inputs.keys import KeyInput
from edge.phrases import Phrase
from edge.ringing import MOST_MS
from edge.telephony import listed
from sim.modem.phone import Phone
from tests.integration.modem.test_family import HOME, MUM
from tests.integration.modem.test_ringing import VoiceHouse
from tests.unit.drivers_modem.conftest import until
from tests.unit.edge.making import at, eid, fold, pressed, said

LISTED = {MUM: "mum"}
CALL = eid(1)


class OpenHouse(VoiceHouse):
    """A house whose telephone lets people in, and whose green key answers it."""

    def make(self):
        parts = super().make()
        self.incoming = Incoming(self.hub, self.lines, lambda: listed(self.config), self.said.append)
        self.keys = KeyInput(self.hub, lambda: None, lambda key, stuck: None, self.incoming.take)
        return [*parts, self.incoming]

    def green(self):
        self.keys.on_event(KeyDown("green", self.clock.now))
        self.keys.on_event(KeyUp("green", self.clock.now, 0))

    async def call(self):
        call = self.hub.call("call.sos", "red")
        await asyncio.sleep(0)
        self.say("stored", call)
        await until(lambda: call not in self.hub.events)
        return call


@pytest.fixture
async def house(tmp_path):
    house = OpenHouse(tmp_path)
    await until(lambda: house.texting.modem.standing.good and house.telephone.good)
    yield house
    await house.end()
    await house.modem.close()
    house.network.close()


async def test_a_listed_number_is_let_in_during_a_call_and_for_ten_minutes_at_most(house):
    await house.call()
    house.phone.dial(HOME)
    await until(lambda: house.phone.state == "answered")
    await until(lambda: Phrase.VOICE_OPEN in house.said)
    house.on(MOST_MS // 1000)
    await until(lambda: house.phone.state == "idle")
    await until(lambda: house.outcomes()[:2] == [("mum", "answered"), ("mum", "ended")])
    assert Phrase.VOICE_OVER in house.said


async def test_without_a_call_nobody_is_let_in(house):
    house.phone.dial(HOME)
    await until(lambda: house.telephone.talk is not None)
    await until(lambda: "AT+CLCC" in house.modem.voice.written)
    assert (house.phone.state, house.said) == ("ringing", [])
    house.phone.hang_up()
    await until(lambda: house.telephone.talk is None)


async def test_a_stranger_rings_aloud_and_the_green_key_answers(house):
    stranger = Phone("+8613900000000", house.network)
    await house.call()
    stranger.dial(HOME)
    await until(lambda: Phrase.PHONE_RINGS in house.said)
    assert stranger.state == "ringing"
    house.green()
    await until(lambda: stranger.state == "answered")
    stranger.hang_up()
    await until(lambda: Phrase.VOICE_OVER in house.said)
    assert [call.lane.name for call in house.hub.book.calls.values()] == ["SOS"]
    house.green()  # and is an assistance again
    await until(lambda: any(event.kind == "call.assistance" for event in house.hub.events.values()))


async def test_a_stranger_who_rings_does_not_hold_up_the_list(house):
    stranger = Phone("+8613900000000", house.network)
    await house.press()
    await until(lambda: house.phone.state == "ringing")
    house.phone.hang_up()
    await until(lambda: house.dad.state == "ringing")
    house.dad.hang_up()
    await until(lambda: len(house.outcomes()) == 2)
    stranger.dial(HOME)
    await until(lambda: Phrase.PHONE_RINGS in house.said)
    house.on(60)
    await until(lambda: house.phone.state == "ringing")
    assert stranger.state == "idle"


def test_the_door_opens_within_a_call_and_ten_minutes_after_it():
    book = fold(pressed(1))
    assert concerned(book, at(1)) is not None
    book = fold(said(1, "stored", CALL, 1000), said(2, "closed", CALL, 2000), book=book)
    assert concerned(book, at(2000 + AFTER_MS)) is not None
    assert concerned(book, at(2001 + AFTER_MS)) is None


@given(st.text(max_size=20) | st.just(MUM), st.booleans())
def test_no_number_but_a_listed_one_within_a_call_opens_it_by_itself(number, within):
    call = next(iter(fold(pressed(1)).calls.values())) if within else None
    what = door(number, LISTED, call)
    assert (what is Door.TAKEN) == (within and number == MUM)
    assert (what is Door.REFUSED) == (not number)
