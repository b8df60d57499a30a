"""Delivery: a call tries every way until it is acknowledged, and nothing lower goes beside it."""

import asyncio

import pytest

from edge.delivery import Delivery
from edge.hub import Hub
from edge.mint import Mint
from edge.paths.base import PathError
from edge.plan import DEFAULT
from edge.stores.reading import Queued
from protocols.errors import Reason
from protocols.values import Lane
from protocols.wire import encode_event, pack
from tests.unit.edge.by_hand import ClockByHand, DiskByHand, PathByHand, stored


class Bench:
    """A hub with two paths by hand, and readings that wait in a list."""

    def __init__(self):
        self.clock, self.disk = ClockByHand(), DiskByHand()
        self.hub = Hub(Mint("hub-01", self.clock), self.disk, elder="e-chen", room="hall")
        self.paths = {"coap": PathByHand("coap"), "https": PathByHand("https")}
        self.waiting, self.changes = [], []
        self.delivery = Delivery(
            self.hub,
            self.paths,
            DEFAULT,
            self.pending,
            lambda before, after: self.changes.append((after.name, after.good)),
            lambda wall_ms: None,
        )

    async def pending(self, lane, limit, after):
        return [q for q in self.waiting if q.event.lane == lane and q.seq > after][:limit]

    async def press(self):
        event_id = self.hub.call("call.sos", "red")
        await self.disk.commit()
        return event_id

    def reading(self, seq):
        event = self.hub.mint.event("reading.pulse", self.hub.mint.next_id(), data={"value": 70})
        self.waiting.append(Queued(seq, pack(encode_event(event))))

    def gets_a_modem(self):
        self.paths = {**self.paths, "sms": PathByHand("sms")}
        self.delivery.use(self.paths, DEFAULT)

    def later(self, seconds):
        self.clock.now += round(seconds * 1000)
        self.delivery.wake()


@pytest.fixture
async def bench():
    bench = Bench()
    tasks = [asyncio.create_task(bench.delivery.run_calls()), asyncio.create_task(bench.delivery.run_lower())]
    yield bench
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_call_goes_by_coap_at_once(bench):
    event_id = await bench.press()
    (event,), answer = await bench.paths["coap"].next()
    assert event.id == event_id
    assert event.durable
    answer.set_result(stored([event]))
    while event_id in bench.hub.events:
        await asyncio.sleep(0)
        await bench.disk.commit()
    bench.later(3600)
    await asyncio.sleep(0)
    assert bench.paths["coap"].sent == bench.paths["https"].sent == []


async def test_an_acknowledged_call_is_not_sent_again_while_its_receipt_waits_for_the_disk(bench):
    await bench.press()
    (event,), answer = await bench.paths["coap"].next()
    answer.set_result(stored([event]))
    for _ in range(20):
        await asyncio.sleep(0)
    bench.later(30)
    for _ in range(20):
        await asyncio.sleep(0)
    assert bench.paths["coap"].sent == bench.paths["https"].sent == []


async def test_without_an_ack_for_a_second_it_goes_by_https_too(bench):
    event_id = await bench.press()
    await bench.paths["coap"].next()
    assert bench.paths["https"].sent == []
    bench.later(1)
    (event,), _ = await bench.paths["https"].next()
    assert event.id == event_id


async def test_a_call_is_tried_until_it_is_acknowledged(bench):
    await bench.press()
    for _ in range(20):
        (_, answer) = await bench.paths["coap"].next()
        answer.set_exception(PathError(Reason.PATH_DOWN, "no way"))
        await asyncio.sleep(0)
        bench.later(61)
    assert not bench.delivery.health["coap"].good
    assert ("coap", False) in bench.changes


async def test_readings_wait_while_a_call_uses_the_path(bench):
    await bench.press()
    (call,), answer = await bench.paths["coap"].next()
    bench.reading(1)
    bench.later(0.1)
    for _ in range(20):
        await asyncio.sleep(0)
    assert bench.paths["coap"].sent == []
    answer.set_result(stored([call]))
    (reading,), _ = await bench.paths["coap"].next()
    assert reading.lane is Lane.READING


async def test_a_backlog_waits_for_a_call_on_whatever_path_it_goes(bench):
    await bench.press()
    (call,), answer = await bench.paths["coap"].next()
    for seq in range(1, 251):
        bench.reading(seq)
    bench.later(0.1)
    for _ in range(20):
        await asyncio.sleep(0)
    assert bench.paths["https"].sent == []  # where a full batch goes best
    answer.set_result(stored([call]))
    events, _ = await bench.paths["https"].next()
    assert len(events) == 100


async def test_a_backlog_does_not_wait_for_a_try_whose_call_came_through_elsewhere(bench):
    event_id = await bench.press()
    await bench.paths["coap"].next()  # swallowed: no answer comes
    bench.later(1)
    (call,), answer = await bench.paths["https"].next()
    for seq in range(1, 251):
        bench.reading(seq)
    answer.set_result(stored([call]))
    while event_id in bench.hub.events:
        await asyncio.sleep(0)
        await bench.disk.commit()
    events, _ = await bench.paths["https"].next()
    assert len(events) == 100


async def test_a_backlog_goes_in_full_batches_where_bulk_goes_best(bench):
    for seq in range(1, 251):
        bench.reading(seq)
    bench.delivery.wake()
    sizes = []
    for path in ("https", "https", "coap"):
        events, answer = await bench.paths[path].next()
        sizes.append(len(events))
        answer.set_result(stored(events, first=len(sizes) * 1000))
        for _ in range(5):
            await asyncio.sleep(0)
            await bench.disk.commit()
    assert sizes == [100, 100, 50]


async def test_what_was_acknowledged_of_a_broken_batch_is_kept(bench):
    bench.reading(1)
    bench.reading(2)
    bench.delivery.wake()
    events, answer = await bench.paths["coap"].next()
    answer.set_exception(PathError(Reason.PATH_TIMEOUT, "cut", receipts=stored(events[:1])))
    while not bench.disk.jobs:
        await asyncio.sleep(0)
    lane, entries, _ = bench.disk.jobs[-1]
    assert lane is Lane.READING
    assert [receipt.about for entry in entries for receipt in entry.receipts] == [events[0].id]


async def test_receipts_of_a_batch_are_a_few_entries_in_one_commit(bench):
    for seq in range(1, 71):
        bench.reading(seq)
    bench.delivery.wake()
    events, answer = await bench.paths["coap"].next()
    answer.set_result(stored(events))
    while not bench.disk.jobs:
        await asyncio.sleep(0)
    ((lane, entries, _),) = bench.disk.jobs
    assert lane is Lane.READING
    assert [len(entry.receipts) for entry in entries] == [50, 20]
    assert [r.about for entry in entries for r in entry.receipts] == [event.id for event in events]


async def test_when_a_towns_hubs_come_back_their_readings_wait_at_random_and_calls_do_not(bench, monkeypatch):
    monkeypatch.setattr("edge.delivery.random.random", lambda: 0.5)
    await bench.press()
    for _ in range(4):  # one failure may be a lost packet: the path is down when it goes on
        _, answer = await bench.paths["coap"].next()
        answer.set_exception(PathError(Reason.PATH_DOWN, "no way"))
        await asyncio.sleep(0)
        bench.later(61)
    assert ("coap", False) in bench.changes
    bench.reading(1)
    (call,), answer = await bench.paths["coap"].next()
    answer.set_result(stored([call]))
    while call.id in bench.hub.events:
        await asyncio.sleep(0)
        await bench.disk.commit()
    assert ("coap", True) in bench.changes
    bench.paths["https"].sent.clear()  # tries of the call
    bench.later(29.9)
    for _ in range(50):
        await asyncio.sleep(0)
    assert bench.paths["coap"].sent == bench.paths["https"].sent == []
    await bench.press()
    (again,), answer = await bench.paths["coap"].next()
    assert again.lane is Lane.SOS
    answer.set_result(stored([again], first=9))
    while again.id in bench.hub.events:
        await asyncio.sleep(0)
        await bench.disk.commit()
    bench.later(0.2)
    (reading,), _ = await bench.paths["coap"].next()
    assert reading.lane is Lane.READING


async def test_a_fault_that_the_disk_refuses_goes_out_from_memory(bench):
    bench.hub.see("storage", "hub-01", True, "storage-full")
    await bench.disk.fail(Reason.STORAGE_FULL)
    (fault,), answer = await bench.paths["coap"].next()
    assert fault.kind == "fault.raised"
    assert not fault.durable
    answer.set_result(stored([fault]))
    while bench.hub.stranded:
        await asyncio.sleep(0)
        await bench.disk.commit()


async def test_a_text_that_was_handed_over_waits_for_its_gap_and_its_receipt_ends_the_rest(bench):
    bench.gets_a_modem()
    event_id = await bench.press()
    await bench.paths["coap"].next()
    bench.later(5)
    (event,), answer = await bench.paths["sms"].next()
    assert event.id == event_id
    answer.set_result([])
    await turns()
    bench.delivery.polled(bench.paths["sms"], None)  # the modem is looked at every minute: that sends nothing
    bench.later(20)
    await turns()
    assert bench.paths["sms"].sent == []
    assert event_id in bench.hub.events
    bench.later(6)
    _, answer = await bench.paths["sms"].next()  # 30 s after the press
    answer.set_exception(PathError(Reason.PATH_TIMEOUT, "it may have gone"))
    await turns()
    bench.delivery.polled(bench.paths["sms"], None)
    bench.later(30)
    await turns()
    assert bench.paths["sms"].sent == []
    (receipt,) = stored([event])
    bench.delivery.acknowledged(receipt)
    bench.hub.receipt(receipt, "sms")
    bench.later(3600)
    await turns()
    assert all(path.sent == [] for name, path in bench.paths.items() if name == "sms")


async def test_a_modem_that_came_back_texts_at_once(bench):
    bench.gets_a_modem()
    await bench.press()
    bench.later(5)
    _, answer = await bench.paths["sms"].next()
    answer.set_exception(PathError(Reason.PATH_DOWN, "the modem is gone"))
    await turns()
    bench.later(2)
    bench.delivery.polled(bench.paths["sms"], None)
    await bench.paths["sms"].next()


async def test_without_ip_a_call_is_texted_at_once(bench):
    bench.gets_a_modem()
    for name in ("coap", "https"):
        bench.delivery.polled(bench.paths[name], PathError(Reason.PATH_DOWN, "cut"))
    event_id = await bench.press()
    (event,), _ = await bench.paths["sms"].next()
    assert event.id == event_id


async def turns():
    for _ in range(20):
        await asyncio.sleep(0)
