"""Which telephone rings somebody, which line is open, and that the room closes whatever fails."""

import asyncio

import pytest

from drivers.talk import Stage, Talk
from edge.lines import Lines, Way, ordered
from protocols.errors import AnbanError, Reason


class NoBudget:
    async def spend(self, count=1, share=1.0, purpose=None): ...

    def give_back(self, count=1, purpose=None): ...


class Handset:
    """A telephone by hand."""

    def __init__(self, good=True):
        self.good, self.talk, self.did = good, None, []
        self.refuses = ()

    def __getattr__(self, name):
        async def do(*arguments):
            self.did.append((name, *arguments))
            if name in self.refuses:
                raise AnbanError(Reason.AUDIO_DOWN, "no card")

        return do

    def begins(self, stage, *, incoming=False):
        self.talk = Talk("+8613800138201", incoming=incoming)
        self.talk.rise(stage)
        return self.talk


class Walls:
    """A room by hand."""

    def __init__(self):
        self.open_now, self.refuses = False, False

    async def open(self):
        if self.refuses:
            raise AnbanError(Reason.AUDIO_DOWN, "no card")
        self.open_now = True

    async def close(self):
        self.open_now = False


def way(name, good=True, trouble="", room=None):
    return Way(name, Handset(good), NoBudget(), trouble=lambda: trouble, room=room)


def names(ways):
    return [one.name for one in ways]


def test_the_modem_comes_first_and_who_is_doubted_last():
    modem, sip = way("voice"), way("sip")
    assert names(ordered([modem, sip])) == ["voice", "sip"]
    modem.doubted = True
    assert names(ordered([modem, sip])) == ["sip", "voice"]
    sip.doubted = True
    assert names(ordered([modem, sip])) == ["voice", "sip"]


@pytest.mark.parametrize("trouble", ["no-service", "denied", "card", "pin", "puk"])
def test_without_a_network_the_modem_is_not_tried(trouble):
    assert names(ordered([way("voice", trouble=trouble), way("sip")])) == ["sip"]


def test_who_is_not_registered_is_not_tried():
    assert names(ordered([way("voice"), way("sip", good=False)])) == ["voice"]


def test_the_line_that_somebody_is_on_comes_before_one_that_only_rings():
    modem, sip = way("voice"), way("sip")
    lines = Lines([modem, sip])
    ringing, open_line = modem.phone.begins(Stage.RINGING, incoming=True), sip.phone.begins(Stage.ANSWERED)
    assert lines.talk is open_line
    assert lines.is_open
    open_line.rise(Stage.ENDED)
    sip.phone.talk = None
    assert lines.talk is ringing
    assert not lines.is_open


async def test_the_room_opens_to_who_has_answered_and_closes():
    walls = Walls()
    sip = way("sip", room=walls)
    lines = Lines([sip])
    with pytest.raises(AnbanError):
        await lines.sound()
    assert not walls.open_now
    talk = sip.phone.begins(Stage.ANSWERED)
    hushed = []
    lines.on_sound = lambda: hushed.append(walls.open_now)
    await lines.sound()
    assert hushed == [False]  # what is being said ends before the room can be heard
    assert walls.open_now
    assert lines.sounding
    talk.rise(Stage.ENDED)
    assert not lines.sounding  # before anybody has done anything
    await lines.silence()
    assert not walls.open_now


@pytest.mark.parametrize("what", ["room", "phone"])
async def test_a_card_that_fails_leaves_nothing_open(what):
    walls = Walls()
    sip = way("sip", room=walls)
    lines = Lines([sip])
    sip.phone.begins(Stage.ANSWERED)
    walls.refuses = what == "room"
    sip.phone.refuses = ("sound", "silence") if what == "phone" else ()
    with pytest.raises(AnbanError) as refused:
        await lines.sound()
    assert refused.value.reason is Reason.AUDIO_DOWN
    assert not walls.open_now
    assert not lines.sounding


async def test_who_is_cancelled_while_the_room_opens_leaves_it_closed():
    walls, entered = Walls(), asyncio.Event()
    sip = way("sip", room=walls)

    async def hangs():
        entered.set()
        await asyncio.Event().wait()

    sip.phone.sound = hangs
    sip.phone.begins(Stage.ANSWERED)
    opening = asyncio.ensure_future(Lines([sip]).sound())
    await entered.wait()
    assert walls.open_now
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    assert not walls.open_now
