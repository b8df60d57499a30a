"""The AT conversation: what belongs to a command, what comes unasked, and how it gets into step again."""

import asyncio
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.modem.channel import AtError, Channel
from protocols.at import Lines, is_final, masked, remedy
from protocols.errors import AnbanError, Reason


class Wire:
    """A port whose other side is a test: `answers` maps what is written to what comes back."""

    def __init__(self, **answers):
        self.written, self.codes = [], []
        self.answers = {b"AT\r": b"\r\nOK\r\n"}
        self.came = asyncio.Event()
        self.channel = Channel(
            self, lambda line, body: self.codes.append((line, body)), quiet_s=0.01, prompt_s=0.05
        )

    async def write(self, data):
        self.written.append(data)
        self.came.set()
        answer = self.answers.get(data)
        if answer is not None:
            self.channel.feed(answer)

    async def wrote(self, data):
        while data not in self.written:
            self.came.clear()
            await asyncio.wait_for(self.came.wait(), 30)


@pytest.fixture
def wire():
    return Wire()


async def test_an_sms_that_arrives_during_a_send_is_not_lost(wire):  # rule 2
    sending = asyncio.create_task(wire.channel.send_pdu(20, "00AA"))
    await wire.wrote(b"AT+CMGS=20\r")
    wire.channel.feed(b'\r\n+CMTI: "ME",3\r\n\r\n> ')
    await wire.wrote(b"00AA\x1a")
    wire.channel.feed(b"\r\n+CMT: ,24\r\n0791683108\r\n+CMGS: 9\r\n\r\nOK\r\n")
    assert await sending == 9
    await asyncio.sleep(0)
    assert wire.codes == [('+CMTI: "ME",3', ""), ("+CMT: ,24", "0791683108")]


async def test_a_code_of_both_kinds_answers_who_asked_and_else_comes_unasked(wire):  # rule 2
    asking = asyncio.create_task(wire.channel.ask("AT+CSQ", "+CSQ:"))
    await wire.wrote(b"AT+CSQ\r")
    wire.channel.feed(b'\r\n+CREG: 1,"1A2B"\r\n\r\n+CSQ: 20,99\r\n\r\nOK\r\n')
    assert await asking == ["+CSQ: 20,99"]
    wire.channel.feed(b"\r\n+CSQ: 5,99\r\n")
    await asyncio.sleep(0)
    assert wire.codes == [('+CREG: 1,"1A2B"', ""), ("+CSQ: 5,99", "")]


async def test_a_report_of_two_lines_amid_an_answer_is_one_code(wire):  # rule 2
    asking = asyncio.create_task(wire.channel.ask("AT+CPMS?", "+CPMS:"))
    await wire.wrote(b"AT+CPMS?\r")
    wire.channel.feed(b'\r\n+CDS: 25\r\nOK\r\n\r\n+CPMS: "ME",1,30\r\n\r\nOK\r\n')
    assert await asking == ['+CPMS: "ME",1,30']
    await asyncio.sleep(0)
    assert wire.codes == [("+CDS: 25", "OK")]


async def test_a_list_keeps_each_pdu_with_its_line_and_a_code_apart(wire):  # rule 2
    asking = asyncio.create_task(wire.channel.ask("AT+CMGL=4", "+CMGL:"))
    await wire.wrote(b"AT+CMGL=4\r")
    wire.channel.feed(b'+CMGL: 1,1,,24\r\n0791AA\r\n+CMTI: "ME",7\r\n+CMGL: 2,1,,24\r\n0791BB\r\nOK\r\n')
    assert await asking == ["+CMGL: 1,1,,24", "0791AA", "+CMGL: 2,1,,24", "0791BB"]
    await asyncio.sleep(0)
    assert wire.codes == [('+CMTI: "ME",7', "")]


async def test_a_handler_that_fails_takes_no_line_with_it():  # rules 1 and 5
    wire, errors = Wire(), []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))

    def handler(line, body):
        wire.codes.append(line)
        raise KeyError(line)

    wire.channel = Channel(wire, handler, quiet_s=0.01, prompt_s=0.05)
    asking = asyncio.create_task(wire.channel.ask("AT+CSQ", "+CSQ:"))
    await wire.wrote(b"AT+CSQ\r")
    wire.channel.feed(b"\r\nRING\r\n\r\n+CSQ: 20,99\r\n\r\nOK\r\n")
    assert await asking == ["+CSQ: 20,99"]
    assert (wire.codes, len(errors)) == (["RING"], 1)


async def test_nobody_carrier_ends_only_a_dial(wire):  # rule 3
    asking = asyncio.create_task(wire.channel.ask("AT+CSQ", "+CSQ:"))
    await wire.wrote(b"AT+CSQ\r")
    wire.channel.feed(b"\r\nNO CARRIER\r\n\r\nBUSY\r\n\r\n+CSQ: 20,99\r\n\r\nOK\r\n")
    assert await asking == ["+CSQ: 20,99"]
    dialling = asyncio.create_task(wire.channel.ask("ATD+8613800138000;"))
    await wire.wrote(b"ATD+8613800138000;\r")
    wire.channel.feed(b"\r\nBUSY\r\n")
    with pytest.raises(AtError):
        await dialling


async def test_a_byte_that_is_no_text_changes_nothing(wire):  # rule 1
    asking = asyncio.create_task(wire.channel.ask("AT+CSQ", "+CSQ:"))
    await wire.wrote(b"AT+CSQ\r")
    wire.channel.feed(b"\xff\xfe\0\r\n\r\n+CSQ: 20,99\r\n\r\nOK\r\n")
    assert await asking == ["+CSQ: 20,99"]


async def test_a_final_is_a_whole_line(wire):  # rule 3
    asking = asyncio.create_task(wire.channel.ask("ATI", ""))
    await wire.wrote(b"ATI\r")
    wire.channel.feed(b"\r\nOKAY Corp\r\nModel ERROR 1\r\nNO CARRIER\r\nOK\r\n")
    assert await asking == ["OKAY Corp", "Model ERROR 1", "NO CARRIER"]
    assert is_final("NO CARRIER", dialling=True)
    assert not is_final("NO CARRIER")


async def test_a_late_answer_is_dropped_and_the_next_command_gets_its_own(wire):  # rule 4
    with pytest.raises(AnbanError) as timeout:
        await wire.channel.ask("AT+COPS?", "+COPS:", timeout_s=0.01)
    assert timeout.value.reason is Reason.DEVICE_TIMEOUT
    late, write = [b'\r\n+COPS: 0,0,"late"\r\n\r\nOK\r\n'], wire.write

    async def written(data):
        await write(data)
        if late:  # whatever is written next, it comes just then
            wire.channel.feed(late.pop())

    wire.write = written
    asking = asyncio.create_task(wire.channel.ask("AT+CSQ", "+CSQ:"))
    await wire.wrote(b"AT+CSQ\r")
    wire.channel.feed(b"\r\n+CSQ: 20,99\r\n\r\nOK\r\n")
    assert await asking == ["+CSQ: 20,99"]


async def test_one_command_is_in_flight(wire):  # rule 4
    first = asyncio.create_task(wire.channel.ask("AT+CSQ", "+CSQ:"))
    second = asyncio.create_task(wire.channel.ask("AT+CPIN?", "+CPIN:"))
    await wire.wrote(b"AT+CSQ\r")
    assert b"AT+CPIN?\r" not in wire.written
    wire.channel.feed(b"\r\n+CSQ: 1,99\r\n\r\nOK\r\n")
    await first
    await wire.wrote(b"AT+CPIN?\r")
    wire.channel.feed(b"\r\n+CME ERROR: 10\r\n")
    with pytest.raises(AtError) as refused:
        await second
    assert (refused.value.family, refused.value.number) == ("CME", 10)


async def test_a_prompt_that_never_comes_means_that_it_has_not_gone(wire):
    with pytest.raises(AnbanError) as failed:
        await wire.channel.send_pdu(20, "00AA")
    assert failed.value.reason is Reason.DEVICE_TIMEOUT
    assert b"00AA\x1a" not in wire.written
    assert wire.written.count(b"\x1b\r") == 1
    wire.answers[b"AT+CMGF=0\r"] = b"\r\nOK\r\n"
    await wire.channel.ask("AT+CMGF=0")  # in step again, and out of any prompt
    assert wire.written.count(b"\x1b\r") == 2


async def test_a_result_that_never_comes_is_unknown(wire):
    wire.answers[b"AT+CMGS=20\r"] = b">"  # bare, as some give it
    with pytest.raises(AnbanError) as failed:
        await wire.channel.send_pdu(20, "00AA", result_s=0.01)
    assert failed.value.reason is Reason.OUTCOME_UNKNOWN


async def test_a_port_that_goes_amid_a_message_leaves_it_unknown(wire):
    wire.answers[b"AT+CMGS=20\r"] = b"\r\n> "
    sending = asyncio.create_task(wire.channel.send_pdu(20, "00AA"))
    await wire.wrote(b"00AA\x1a")
    wire.channel.port_lost()
    with pytest.raises(AnbanError) as failed:
        await sending
    assert failed.value.reason is Reason.OUTCOME_UNKNOWN
    with pytest.raises(AnbanError) as lost:
        await wire.channel.ask("AT")
    assert lost.value.reason is Reason.MODEM_LOST


def test_what_an_error_asks_for():
    assert remedy(500).outcome == "unknown"
    assert (remedy(322).repair, remedy(330).repair, remedy(304).repair) == ("storage", "centre", "mode")
    assert remedy(41).again_s < 5 <= remedy(38).again_s
    assert remedy(28).again_s == remedy(None).again_s == 0


async def test_what_goes_over_the_wire_is_masked_in_the_log(wire, caplog):  # rule 8
    caplog.set_level(logging.DEBUG)
    wire.answers |= {b'AT+CPIN="1234"\r': b"\r\nOK\r\n", b"AT+CMGS=20\r": b"\r\n> "}
    await wire.channel.ask('AT+CPIN="1234"')
    sending = asyncio.create_task(wire.channel.send_pdu(20, "0011000D91683108108300F0"))
    await wire.wrote(b"0011000D91683108108300F0\x1a")
    wire.channel.feed(b'\r\n+CLIP: "+8613800138000",145\r\n\r\n+CMGS: 9\r\n\r\nOK\r\n')
    await sending
    assert "+CMGS" in caplog.text
    assert not any(secret in caplog.text for secret in ("1234", "13800138000", "0011000D"))


def test_a_log_shows_no_pin_number_or_message():  # rule 8
    line = masked('AT+CPIN="1234" ATD+8613800138000; 0011000D91683108108300F0')
    assert not any(secret in line for secret in ("1234", "13800138000", "0011000D"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_noise_never_ends_the_reader(chunks):  # rule 1
    lines = Lines()
    for chunk in chunks:
        for line in lines.feed(chunk):
            assert line
    assert "OK" in lines.feed(b"\r\nOK\r\n")
