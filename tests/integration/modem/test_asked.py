"""A seat asks of a home by text, over two modems: the home does it once and tells back; strangers cannot."""

import asyncio
import time

import pytest

from edge.asked import runs
from edge.commands import Effects
from edge.incoming import Incoming
from edge.phrases import Phrase
from protocols import sms_frame
from protocols.sms_frame import ASKS, CommandFrame
from protocols.sms_pdu import submits
from protocols.values import Command
from protocols.wire import decode_event
from tests.integration.modem.test_proving import Proved
from tests.integration.modem.test_texts import CENTRE, HOME, STRANGER
from tests.unit.drivers_modem.conftest import until

NUMBER = 0x0123456789ABCDEF


class Power:
    mains, battery_pct = True, 80


class Asked(Proved):
    """A hub that does what it is asked by text, and the platform's own gateway that asks."""

    async def start(self, directory):
        await super().start(directory)
        listed = {CENTRE: "platform"}
        self.reported = []
        self.incoming = Incoming(self.hub, self.lines, lambda: listed, self.said.append)
        self.effects = Effects(self.hub, lambda: self.reported.append(1), self.said.append, None)
        self.effects.runs = runs(self.proving, self.incoming, lambda way: CENTRE)
        self.texting.asks.power = Power()
        self.incoming_task = asyncio.create_task(self.incoming.run())

    async def stop(self):
        self.incoming_task.cancel()
        await asyncio.gather(self.incoming_task, return_exceptions=True)
        await super().stop()

    async def ask(self, kind, number=NUMBER):
        """As a seat does."""
        expires_ms = round(time.time() * 1000) + 600_000
        command = Command(id=f"{number:016x}", kind=kind, expires_ms=expires_ms, authority="seat")
        await self.platform.store.command("hub-01", command)
        self.platform.texts.ask("hub-01", command)

    def results(self):
        """What the platform knows of how commands ended."""
        row = self.platform.store.ask("SELECT count(*) FROM events WHERE kind = 'command.result'")
        count = row[0]
        rows = [
            self.platform.store.ask(
                f"SELECT body FROM events WHERE kind = 'command.result' ORDER BY number LIMIT 1 OFFSET {n}"
            )
            for n in range(count)
        ]
        return [decode_event(body).data for (body,) in rows]

    async def answered(self, count=1):
        await until(lambda: len(self.results()) >= count)
        return self.results()[-1]

    def to_home(self, text):
        """A stranger's text to the home."""
        (pdu,) = submits(HOME, text)
        self.network.submit(STRANGER, bytes.fromhex(pdu.hex)[1:])

    def frame(self, counter, ask="report", number=NUMBER):
        expires_s = round(time.time()) + 600
        return CommandFrame(counter=counter, ask=ASKS.index(ask), command=number, expires_s=expires_s)


@pytest.fixture
async def line(tmp_path):
    line = Asked()
    await line.start(tmp_path)
    yield line
    await line.stop()


async def test_how_a_home_stands_is_asked_and_told_by_text(line):
    event = await line.call()
    await line.ask("report")
    result = await line.answered()
    assert (result["command"], result["outcome"]) == (f"{NUMBER:016x}", "done")
    assert result["detail"] == "calls 1, faults 0, battery 80 %, mains, no IP"
    assert line.reported == [1]
    assert event.id in line.hub.events  # it is owed as before


async def test_the_ways_are_tested_on_the_seats_wish(line):
    await line.ask("paths.test")
    assert (await line.answered())["outcome"] == "done"
    assert line.phone.rang


async def test_within_a_call_the_seat_is_phoned_and_the_open_line_is_heard(line):
    await line.call()
    await line.ask("call.back")
    exchange = line.network.exchange
    await until(lambda: (call := exchange.call_of(CENTRE)) is not None and call.state == "ringing")
    assert exchange.call_of(CENTRE).caller == HOME
    exchange.answer(exchange.call_of(CENTRE))
    await until(lambda: Phrase.VOICE_OPEN in line.said)
    exchange.hang_up(exchange.call_of(CENTRE))
    assert (await line.answered())["outcome"] == "done"
    assert Phrase.VOICE_OVER in line.said


async def test_a_seat_that_does_not_answer_is_told_apart_from_one_that_cannot_be_rung(line):
    await line.call()
    await line.ask("call.back")
    exchange = line.network.exchange
    await until(lambda: (call := exchange.call_of(CENTRE)) is not None and call.state == "ringing")
    exchange.hang_up(exchange.call_of(CENTRE))
    result = await line.answered()
    assert (result["outcome"], result["reason"]) == ("failed", "no-answer")
    assert Phrase.VOICE_OPEN not in line.said
    assert await line.incoming.ring_back(lambda way: "+8613900000000", 1.0) == "no-phone"


async def test_without_a_call_no_line_into_the_room_is_opened(line):
    await line.ask("call.back")
    result = await line.answered()
    assert (result["outcome"], result["reason"]) == ("failed", "no-call")
    assert line.network.exchange.log == []


async def test_what_is_asked_again_is_done_once_and_answered_again(line):
    await line.ask("report")
    await line.answered()
    sent = len(line.sent(HOME))
    text = sms_frame.write(line.keys.home, bytes.fromhex(line.keys.down_key), line.frame(500))
    line.to_home(text)
    await until(lambda: len(line.sent(HOME)) > sent)
    assert line.reported == [1]
    assert len(line.results()) == 1


async def test_forged_replayed_and_foreign_wishes_change_nothing_and_are_counted(line):
    heard = line.texting.path.heard
    down, up = bytes.fromhex(line.keys.down_key), bytes.fromhex(line.keys.up_key)
    true = sms_frame.write(line.keys.home, down, line.frame(7))
    line.to_home(true)
    await line.answered()
    texts = len(line.sent(HOME))
    line.to_home(true)
    await until(lambda: heard.replayed == 1)
    line.to_home(sms_frame.write(line.keys.home, up, line.frame(8, number=8)))  # the other direction's key
    await until(lambda: heard.forged == 1)
    line.to_home(sms_frame.write("ZZZZ" if line.keys.home != "ZZZZ" else "YYYY", down, line.frame(9)))
    await until(lambda: heard.foreign == 1)
    line.to_home(sms_frame.write(line.keys.home, down, line.frame(sms_frame.NO_COUNTER, number=9)))
    await until(lambda: heard.replayed == 2)  # a wish has a number, whatever an alarm may do
    assert line.reported == [1]
    assert len(line.sent(HOME)) == texts
    counted = (await line.proving.table({}))["refused_texts"]
    assert counted == {"forged": 1, "replayed": 2, "foreign": 1}


async def test_a_wish_that_the_disk_does_not_take_stays_in_the_modem(line):
    line.disk.works = False
    await line.ask("report")
    await until(lambda: any(type(e).__name__ == "CommandEntry" for _, es, _ in line.disk.jobs for e in es))
    assert line.modems[0].memory
    assert line.reported == []
    await line.disk.commit()
    await until(lambda: not line.modems[0].memory and line.reported == [1])


async def test_a_home_that_answers_by_ip_is_not_asked_by_text(line):
    now_ms = round(time.time() * 1000)
    line.platform.resources.heard_ms["hub-01"] = now_ms + 1_000
    await line.ask("report")
    await asyncio.gather(*line.platform.texts._tasks)
    assert line.sent(CENTRE) == []


async def test_a_forged_answer_is_no_result(line):
    await line.call()
    await line.ask("report")
    await line.answered()
    answer = next(text for text in line.sent(HOME) if sms_frame.type_of(text) == sms_frame.ANSWER)
    counts = line.platform.texts.counts
    line.slip_in(answer)
    await until(lambda: counts.replayed == 1)
    line.slip_in(answer[:30] + ("A" if answer[30] != "A" else "B") + answer[31:])
    await until(lambda: counts.forged == 1)
    assert len(line.results()) == 1


async def test_a_receipt_of_what_was_just_texted_tells_a_hub_without_ip_the_time(line):
    told = []
    line.texting.on_time = told.append
    line.hub.mint.clock.trusted = lambda: False
    event = await line.call()
    await line.texting.path.send([event])
    await until(lambda: told)
    assert abs(told[0] - time.time() * 1000) < 60_000


async def test_a_receipt_that_comes_hours_later_does_not(line):
    told = []
    line.texting.on_time = told.append
    line.hub.mint.clock.trusted = lambda: False
    line.modems[0].manners.room = 0  # its receipt waits in the network
    event = await line.call()
    await line.texting.path.send([event])
    await until(lambda: line.sent(CENTRE) and line.modems[0]._waits_for_room)
    line.hub.mint.clock.now += 3 * 3_600_000
    line.modems[0].manners.room = 30
    line.modems[0]._fill_room()
    await until(lambda: event.id not in line.hub.events)
    await until(lambda: not line.modems[0].memory)
    assert told == []


async def test_a_hub_that_has_no_way_by_ip_asks_for_the_time(line):
    told = []
    line.texting.on_time = told.append
    line.hub.mint.clock.trusted = lambda: False
    line.hub.mint.clock.now += 200_000
    await line.texting._ask_time()
    await until(lambda: told)
    await line.texting._ask_time()
    assert len(line.sent(HOME)) == 1
