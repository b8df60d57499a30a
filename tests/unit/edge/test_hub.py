"""The flow of a call through the hub: journal and delivery together, and what a failing disk may not do."""

import asyncio

import pytest

from edge import hub as hub_module
from edge.book import owed
from edge.hub import Hub
from edge.mint import Mint
from edge.stores.journal import Journal
from edge.stores.writer import Writer
from edge.surfaces import surface
from protocols.errors import AnbanError, Reason
from protocols.link.const import STAGE_DELIVERED, STAGE_HEARD, STAGE_NONE
from protocols.values import Command, DownlinkItem, EventId, Lane, Receipt
from tests.unit.edge.by_hand import ClockByHand, DiskByHand


@pytest.fixture
def clock():
    return ClockByHand()


@pytest.fixture
def disk():
    return DiskByHand()


@pytest.fixture
async def hub(clock, disk):
    return Hub(Mint("hub-01", clock), disk, elder="e-chen", room="hall")


def press(hub, number=1):
    return hub.call(
        "call.sos",
        "pendant",
        device="pd-01",
        event_id=EventId("pd-01", 5, number),
        data={"source": "pendant"},
        stages={"heard": 40},
        age_ms=40,
    )


def now_sendable(hub):
    now = hub.mint.stamp()
    return [event for p in owed(hub.book) if (event := hub.sendable(p, now)) is not None]


def told(hub, event_id):
    told_of = {p.event_id: p.stage for p in surface(hub.book, hub.mint.stamp(), {}).pendants}
    return told_of.get(event_id, STAGE_NONE)


async def stored(hub, disk, event_id, number=1):
    hub.receipt(Receipt(number=number, about=event_id, stage="stored"), "coap")
    await disk.commit()


async def test_a_press_goes_out_as_durable_once_its_commit_has_returned(hub, disk):
    event_id = press(hub)
    assert now_sendable(hub) == []
    assert told(hub, event_id) == STAGE_NONE
    await disk.commit()
    (event,) = now_sendable(hub)
    assert event.durable
    assert event.call_id == event_id
    assert told(hub, event_id) == STAGE_HEARD


async def test_a_press_on_a_hanging_disk_goes_out_from_memory_after_250_ms(hub, disk, clock):
    reasons = []
    hub.on_storage = reasons.append
    event_id = press(hub)
    clock.now += 249
    assert now_sendable(hub) == []
    clock.now += 1
    (event,) = now_sendable(hub)
    assert not event.durable
    assert told(hub, event_id) == STAGE_NONE, "the hub has it is withheld until it is true"
    hub._late(hub_module._Pending(event.lane, disk.jobs[0][1][0]))
    assert reasons == ["storage-stuck"]
    await disk.commit()
    assert told(hub, event_id) == STAGE_HEARD
    (event,) = now_sendable(hub)
    assert event.durable


@pytest.mark.parametrize("reason", [Reason.STORAGE_FULL, Reason.STORAGE_READ_ONLY, Reason.STORAGE_FAILED])
async def test_a_press_that_the_disk_refuses_goes_out_at_once(hub, disk, reason):
    reasons = []
    hub.on_storage = reasons.append
    event_id = press(hub)
    await disk.fail(reason)
    (event,) = now_sendable(hub)
    assert not event.durable
    assert reasons == [reason.value]
    assert told(hub, event_id) == STAGE_NONE
    await stored(hub, disk, event_id)
    assert told(hub, event_id) == STAGE_DELIVERED, "the platform has it on its own disk"


async def test_a_press_does_not_wait_for_a_disk_that_is_known_to_hang(hub, disk, clock):
    await stored(hub, disk, press(hub, 1))
    looks = []
    hub.on_change.append(lambda: looks.append(len(now_sendable(hub))))
    first = press(hub, 2)
    assert looks == []
    hub._late(hub_module._Pending(Lane.SOS, disk.jobs[-1][1][0]))
    assert looks == [1]
    second = press(hub, 3)
    assert looks == [1, 2], "delivery is told at once"
    assert [(event.id, event.durable) for event in now_sendable(hub)] == [(first, False), (second, False)]
    assert told(hub, second) == STAGE_NONE
    disk.jobs[-1][2].set_result([3])
    await asyncio.sleep(0)
    third = press(hub, 4)
    assert hub.storage == "", "the disk answered in time"
    assert third not in [event.id for event in now_sendable(hub)]


async def test_what_the_writer_saves_later_is_told_later(hub, disk):
    event_id = press(hub)
    await disk.fail(Reason.STORAGE_FULL)
    hub.saved(disk.jobs[0][1], [1])
    assert told(hub, event_id) == STAGE_HEARD


async def test_a_press_heard_twice_is_one_event(hub, disk):
    press(hub)
    press(hub)
    await disk.commit()
    assert len(disk.jobs) == 1


async def test_a_second_press_joins_the_call_and_is_delivered_for_itself(hub, disk):
    first, second = press(hub, 1), press(hub, 2)
    await disk.commit()
    assert [event.call_id for event in now_sendable(hub)] == [first, first]
    await stored(hub, disk, first)
    assert [event.id for event in now_sendable(hub)] == [second]


async def test_a_delivered_event_is_not_sent_again(hub, disk):
    event_id = press(hub)
    await disk.commit()
    await stored(hub, disk, event_id)
    assert now_sendable(hub) == []
    assert hub.events == {}


async def test_stage_times_go_with_the_event(hub, disk, clock):
    event_id = press(hub)
    clock.now += 3
    await disk.commit()
    clock.now += 2
    (event,) = now_sendable(hub)
    assert hub.stages.leaving(event).stages == {"heard": 40, "stored": 43, "sent": 45}
    clock.now += 20
    await stored(hub, disk, event_id)
    assert hub.stages.of(event_id)["delivered"] == 65


async def test_a_command_runs_once_however_often_it_comes(hub, disk):
    effects = []
    hub.on_effect.append(effects.append)
    command = Command(id="c1", kind="report", expires_ms=2**50, authority="seat 3")
    for cursor in (1, 2):
        hub.receive([DownlinkItem(cursor=cursor, item=command)], "coap")
        await disk.commit()
    assert len(effects) == 1


async def test_an_update_of_no_call_says_so(hub):
    with pytest.raises(AnbanError) as caught:
        hub.update(EventId("hub-01", 1, 1), "cancel_asked", "green")
    assert caught.value.reason is Reason.NOT_FOUND


async def test_after_a_crash_the_journal_brings_back_what_is_owed(tmp_path, clock):
    journal = Journal.open(tmp_path / "journal.db")
    writer = Writer(journal)
    before = Hub(Mint("hub-01", clock), writer, elder="e-chen", room="hall")
    committed = asyncio.Event()
    before.on_change.append(committed.set)
    event_id = press(before)
    await asyncio.wait_for(committed.wait(), 30)
    await writer.close()

    again = Journal.open(tmp_path / "journal.db")
    after = Hub(Mint("hub-01", clock), DiskByHand(), elder="e-chen", room="hall")
    after.resume([entry for _, entry in again.replay(calls_only=True)])
    again.close()
    (event,) = now_sendable(after)
    assert event.id == event_id
    assert event.durable
    assert told(after, event_id) == STAGE_HEARD
