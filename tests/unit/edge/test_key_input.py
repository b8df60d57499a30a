"""The hub's keys: red is an SOS whatever is asked; green is what the elder means with it."""

import pytest

from drivers.pi.keys import KeyDown, KeyStuck, KeyUp
from edge.book import Life, owed
from edge.entries import EventEntry, TimerEntry
from edge.hub import Hub
from edge.inputs.keys import KeyGate, KeyInput
from edge.mint import Mint
from protocols.values import Receipt
from tests.unit.edge.by_hand import ClockByHand, DiskByHand


class Room:
    """A hub with its two keys, and what is offered aloud."""

    def __init__(self):
        self.clock, self.disk = ClockByHand(), DiskByHand()
        self.hub = Hub(Mint("hub-01", self.clock), self.disk, elder="e-chen", room="hall")
        self.offer, self.stuck = None, []
        self.keys = KeyInput(self.hub, lambda: self.offer, lambda key, on: self.stuck.append((key, on)))

    def down(self, key):
        self.keys.on_event(KeyDown(key, self.clock.now))

    async def up(self, key, after_ms=100):
        self.clock.now += after_ms
        self.keys.on_event(KeyUp(key, self.clock.now, after_ms, False))
        await self.disk.commit()

    def kinds(self):
        return [press.kind for call in self.hub.book.calls.values() for press in call.presses.values()]

    def changes(self):
        return [press.change for call in self.hub.book.calls.values() for press in call.presses.values()]


@pytest.fixture
async def room():
    return Room()


async def test_red_is_an_sos_at_its_edge(room):
    room.down("red")
    assert room.kinds() == ["call.sos"]


async def test_green_asks_for_assistance_and_then_to_be_called_back(room):
    room.down("green")
    await room.up("green")
    room.down("green")
    await room.up("green")
    assert room.kinds() == ["call.assistance", "call.consultation"]
    assert len(room.hub.book.calls) == 1


async def test_a_hold_while_it_is_offered_asks_to_cancel_and_takes_nothing_away(room):
    room.down("red")
    await room.up("red")
    (room.offer,) = room.hub.book.calls
    room.down("green")
    await room.up("green", after_ms=3_000)
    assert room.changes() == ["", "cancel_asked"]
    (call,) = room.hub.book.calls.values()
    assert call.owes_a_press, "the SOS is still owed"


async def test_a_hold_cancels_what_was_offered_when_the_key_went_down(room):
    room.offer = sos = room.hub.call("call.sos", "red")
    room.hub.receipt(Receipt(number=1, about=sos, stage="stored"), "coap")
    await room.disk.commit()
    room.down("green")
    room.offer = fall = room.hub.call("call.fall", "rule", elder="e-li")
    await room.disk.commit()
    await room.up("green", after_ms=3_000)
    calls = room.hub.book.calls
    assert [press.change for press in calls[sos].presses.values()] == ["", "cancel_asked"]
    assert calls[fall].life is Life.ASKING, "the fall of another is still asked about"
    assert list(calls[fall].presses) == [fall], "and no update of it stays owed for ever"


async def test_a_hold_whose_call_ended_meanwhile_still_wants_something(room):
    room.offer = sos = room.hub.call("call.sos", "red")
    await room.disk.commit()
    room.down("green")
    for number, stage in enumerate(("stored", "closed")):
        room.hub.receipt(Receipt(number=number, about=sos, stage=stage), "coap")
    await room.disk.commit()
    await room.up("green", after_ms=3_000)
    assert room.kinds() == ["call.sos", "call.assistance"]


async def test_a_withdrawn_call_waits_for_no_ack(room):
    fall = room.hub.call("call.fall", "rule")
    await room.disk.commit()
    room.down("green")
    await room.up("green")
    assert room.hub.book.calls[fall].life is Life.CANCELLED
    assert owed(room.hub.book) == ()
    assert room.hub.events == {}


async def test_a_fall_that_was_answered_is_told_of_all_the_same(room):
    room.hub.call("call.fall", "pendant", elder="e-li", device="pd-02")
    await room.disk.commit()
    room.down("green")
    await room.up("green")
    events = [e.event for _, entries, _ in room.disk.jobs for e in entries if isinstance(e, EventEntry)]
    answered = events[-1]
    assert (answered.kind, answered.elder, answered.device) == ("care.answered", "e-li", "pd-02")
    assert answered.data == {"plan": "fall", "answer": "fine"}


async def test_red_is_an_sos_while_a_question_is_asked(room):
    room.down("green")
    await room.up("green")
    (call_id,) = room.hub.book.calls
    room.hub.receipt(Receipt(number=1, about=call_id, stage="stored"), "coap")
    await room.disk.commit()
    room.hub.fire(TimerEntry(at=room.hub.mint.stamp(), call_id=call_id, name="assist.ask"))
    room.down("red")
    assert room.kinds() == ["call.assistance", "call.sos"]


async def test_green_answers_a_question_with_yes(room):
    room.down("green")
    await room.up("green")
    (call_id,) = room.hub.book.calls
    room.hub.receipt(Receipt(number=1, about=call_id, stage="stored"), "coap")
    await room.disk.commit()
    room.hub.fire(TimerEntry(at=room.hub.mint.stamp(), call_id=call_id, name="assist.ask"))
    room.clock.now += 60_000
    room.down("green")
    await room.up("green")
    assert room.hub.book.calls[call_id].answer == "fine"
    assert room.kinds() == ["call.assistance"]


async def test_a_stuck_key_is_a_fault_until_it_is_let_go(room):
    room.down("green")
    room.keys.on_event(KeyStuck("green", room.clock.now))
    await room.up("green", after_ms=31_000)
    assert room.stuck == [("green", True), ("green", False)]


async def test_a_press_before_the_journal_is_read_joins_the_call_that_stands(room):
    """Found by kills: the hub was pressed in the moment after its start and opened a second case."""
    gate = KeyGate(room.keys.on_event)
    pressed_at = room.clock.now
    gate.on_event(KeyDown("red", pressed_at))
    assert room.kinds() == []
    first = room.hub.call("call.sos", "red")  # what the journal holds
    room.clock.now += 700
    gate.open()
    gate.on_event(KeyDown("red", room.clock.now))
    (call,) = room.hub.book.calls.values()
    assert call.id == first
    events = [room.hub.events[press_id] for press_id in call.presses]
    assert [event.uptime_ms - pressed_at for event in events] == [0, 0, 700], "each at its own time"
