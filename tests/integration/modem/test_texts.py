"""From a hub's call to the platform's desk and back over two modems; and what changes nothing there."""

import asyncio

import pytest

from drivers.modem.port import serial_opener
from edge.config import parse
from edge.config_phones import ModemSection
from edge.credentials import SmsKeys
from edge.hub import Hub
from edge.mint import Mint
from edge.paths.base import PathError
from edge.texting import Texting
from protocols import sms_frame
from protocols.sms_pdu import submits
from sim.modem.modem import SimModem
from sim.modem.network import CellNetwork, read_submit
from sim.platform.registry import provision
from sim.platform.service import Platform
from tests.unit.drivers_modem.conftest import until
from tests.unit.edge.by_hand import ClockByHand, DiskByHand

HOME, CENTRE, STRANGER = "+8613800138101", "+8613800138000", "+8613900000000"
SEED = """
[hub]
id = "hub-01"
room = "hall"
elder = "e-chen"
[platform]
coap_uri = "coap://care.example"
https_url = "https://care.example"
ca_file = "ca.pem"
[[elders]]
id = "e-chen"
name = "张奶奶"
"""


class Disk(DiskByHand):
    """A disk that takes everything at once, while it `works`."""

    works = True

    def submit(self, lane, entries):
        future = super().submit(lane, entries)
        if self.works:
            future.set_result([0])
        return future


class State:
    """Counters and values in memory."""

    def __init__(self):
        self.values, self.first = {}, {}

    def counters(self):
        return self.first

    def create_counter(self, name, first=0):
        self.first[name] = first

    def reserve(self, name, count):
        first = self.first[name]
        self.first[name] += count
        return range(first, first + count)

    def get(self, space, name):
        return self.values.get((space, name))

    def put(self, space, name, value):
        self.values[space, name] = value


class Line:
    """A hub with a modem, a platform with one, and the cell network between them."""

    async def start(self, directory):
        self.network = CellNetwork()
        self.network.air.delay_s = (0.0, 0.0)
        self.modems = [
            SimModem(n, directory / name, self.network) for n, name in ((HOME, "a"), (CENTRE, "b"))
        ]
        for modem in self.modems:
            modem.manners.prompt_s = modem.manners.result_s = 0.0
            modem.plug()
        elders = [{"id": "e-chen"}]
        keys = provision(directory / "p", "hub-01", elders, [{"id": "pd-01"}], number=HOME)["sms"]
        self.keys = SmsKeys(**keys)
        self.platform = Platform(directory / "p", modem=self.modems[1].path)
        await self.platform.start()
        self.disk, self.state = Disk(), State()
        self.hub = Hub(Mint("hub-01", ClockByHand()), self.disk, elder="e-chen", room="hall")
        section = ModemSection(port=str(self.modems[0].path), platform_numbers=(CENTRE,), place="3-2-501")
        self.texting = Texting(
            *(self.hub, self.state, parse(SEED), section, self.keys),
            serial_opener(section.port),
        )
        self.task = asyncio.create_task(self.texting.run())
        texts = self.platform.texts
        await until(lambda: self.texting.modem.standing.good and texts.modem.standing.good)
        await until(lambda: self.texting.path.counters.take())

    async def stop(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.platform.stop()
        for modem in self.modems:
            await modem.close()

    async def call(self, kind="call.sos"):
        event_id = self.hub.call(kind, "red")
        await asyncio.sleep(0)
        return self.hub.events[event_id]

    def sent(self, number):
        """The texts that a number has sent."""
        return [text_of(carried.tpdu) for carried in self.network.log if carried.sender == number]

    def slip_in(self, text, sender=STRANGER):
        """Somebody else's text to the platform."""
        (pdu,) = submits(CENTRE, text)
        self.network.submit(sender, bytes.fromhex(pdu.hex)[1:])


def text_of(tpdu):
    _, coding, data = read_submit(tpdu)
    assert coding in (0, 8)
    from protocols.sms_pdu import decode
    from sim.modem.network import deliver_of

    return decode("00" + deliver_of("+1", False, coding, data).hex()).text


@pytest.fixture
async def line(tmp_path):
    line = Line()
    await line.start(tmp_path)
    yield line
    await line.stop()


async def test_a_call_goes_up_and_its_receipt_ends_it(line):
    event = await line.call()
    assert await line.texting.path.send([event]) == []
    assert "3-2-501 张奶奶" in line.sent(HOME)[0]
    await until(lambda: event.id not in line.hub.events)
    assert line.platform.texts.rows.knows(event.id)
    case = line.platform.store.cases(10)[0]
    assert (case.elder, str(case.call_id)) == ("e-chen", str(event.id))
    await until(lambda: not line.modems[0].memory)
    assert line.texting.last_word_ms >= 0


async def test_a_receipt_stays_in_the_modem_until_the_disk_has_it(line):
    event = await line.call()
    line.disk.works = False
    await line.texting.path.send([event])
    await until(lambda: any(type(e).__name__ == "ReceiptEntry" for _, es, _ in line.disk.jobs for e in es))
    assert line.modems[0].memory
    await line.disk.commit()
    await until(lambda: not line.modems[0].memory)
    assert event.id not in line.hub.events


async def test_the_same_event_again_is_one_and_is_answered_again(line):
    event = await line.call()
    for count in (1, 2):
        await line.texting.path.send([event])
        await until(lambda count=count: len(line.sent(CENTRE)) == count)
    assert len(line.platform.store.cases(10)) == 1
    assert line.platform.texts.counts.replayed == 0


async def test_a_second_press_joins_its_call(line):
    first, second = await line.call(), await line.call()
    await line.texting.path.send([second])  # the network may bring it first
    await line.texting.path.send([first])
    await until(
        lambda: line.platform.texts.rows.knows(first.id) and line.platform.texts.rows.knows(second.id)
    )
    assert [str(case.call_id) for case in line.platform.store.cases(10)] == [str(first.id)]


async def test_a_replayed_text_changes_nothing_and_is_counted(line):
    event = await line.call()
    await line.texting.path.send([event])
    await until(lambda: len(line.sent(CENTRE)) == 1)
    line.slip_in(line.sent(HOME)[0])
    await until(lambda: line.platform.texts.counts.replayed == 1)
    assert len(line.sent(CENTRE)) == 1


async def test_a_forged_or_foreign_text_changes_nothing_and_is_counted(line):
    event = await line.call()
    frame = line.texting.path._text(event)
    line.slip_in(frame[:20] + ("A" if frame[20] != "A" else "B") + frame[21:])
    await until(lambda: line.platform.texts.counts.forged == 1)
    line.slip_in(frame.replace(line.keys.home, "ZZZZ" if line.keys.home != "ZZZZ" else "YYYY", 1))
    line.slip_in("我摔倒了")
    await until(lambda: line.platform.texts.counts.foreign == 2)
    assert line.platform.store.cases(10) == []
    assert line.sent(CENTRE) == []


async def test_a_forged_or_replayed_receipt_is_not_believed(line):
    event = await line.call()
    await line.texting.path.send([event])
    await until(lambda: event.id not in line.hub.events)
    receipt = line.sent(CENTRE)[0]
    assert line.texting.path.read(receipt) is None
    assert line.texting.path.heard.replayed == 1
    again = await line.call()
    forged = sms_frame.ReceiptFrame(
        counter=99,
        stage=0,
        origin=sms_frame.name_bits("hub-01"),
        life=again.id.life,
        number=again.id.number,
        order=9,
    )
    assert line.texting.path.read(sms_frame.write(line.keys.home, b"x" * 16, forged)) is None
    assert line.texting.path.heard.forged == 1


async def test_an_alarm_counts_however_late_and_without_a_number(line):
    events = [await line.call(), await line.call()]
    late = line.texting.path._text(events[0])
    line.texting.path.counters._left.clear()
    bare = line.texting.path._text(events[1])  # the disk gave no number
    window = sms_frame.Window()
    window.take(5000)
    await line.platform.texts.rows.seen(line.keys.home, window.top, window.mask)
    for text in (late, bare):
        line.slip_in(text, HOME)
    await until(lambda: all(line.platform.texts.rows.knows(event.id) for event in events))


async def test_that_somebody_took_it_comes_by_text(line):
    event = await line.call()
    await line.texting.path.send([event])
    await until(lambda: event.id not in line.hub.events)
    await line.platform.store.act(event.id, _take(), "operator")
    await until(lambda: line.hub.book.calls[event.id].handling.value == "taken")


async def test_a_modem_that_cannot_send_is_a_path_that_is_down(line):
    event = await line.call()
    line.modems[0].unplug()
    await until(lambda: not line.texting.modem.standing.good)
    with pytest.raises(PathError) as down:
        await line.texting.path.send([event])
    assert str(down.value.reason) == "path-down"


async def test_a_days_texts_are_bounded(line):
    line.texting.budget.most = 2
    event = await line.call()
    await line.texting.path.send([event])
    await line.texting.path.send([event])
    with pytest.raises(PathError) as refused:
        await line.texting.path.send([event])
    assert str(refused.value.reason) == "path-refused"
    line.hub.mint.clock.now += 24 * 3_600_000
    await line.texting.path.send([event])


async def test_the_tries_of_an_old_call_leave_texts_to_a_new_one(line):
    line.texting.budget.most = 10
    old = await line.call()
    for _ in range(8):
        await line.texting.path.send([old])
    with pytest.raises(PathError):
        await line.texting.path.send([old])
    new = await line.call()
    for _ in range(2):
        await line.texting.path.send([new])


async def test_of_two_numbers_one_that_is_gone_stops_nothing(line):
    line.texting.path._numbers = ("+8613800138999", CENTRE)
    event = await line.call()
    await line.texting.path.send([event])
    await until(lambda: event.id not in line.hub.events)
    line.network.join("+8613800138999", line.modems[1]._deliver)  # two numbers of one platform
    again = await line.call()
    await line.texting.path.send([again])
    await until(lambda: again.id not in line.hub.events)
    assert len(line.platform.store.cases(10)) == 1


def _take():
    from sim.platform.folding import Action

    return Action.TAKE
