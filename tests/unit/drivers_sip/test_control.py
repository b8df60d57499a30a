"""A control that speaks nonsense, lies about tokens, or falls silent: nothing is believed, nothing hangs."""

import asyncio
import contextlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from drivers.sip.control import Control, said
from drivers.sip.phone import SipPhone, number_of
from drivers.sip.program import CODECS, Account, files
from drivers.talk import Stage, Talk
from protocols import netstring
from protocols.errors import AnbanError, Reason

ACCOUNT = Account(address="sip:hub-01@127.0.0.1:5060", user="hub-01", password="x")
CALL = ("INCOMING", "RINGING", "ESTABLISHED", "CLOSED", "DTMF_START", "DTMF_END")
TYPES = [*(f"CALL_{name}" for name in CALL), "REGISTER_OK", "REGISTER_FAIL", "UNREGISTERING", "EXIT"]
EVENTS = st.fixed_dictionaries(
    {"event": st.just(True), "type": st.sampled_from(TYPES) | st.text(max_size=12)},
    optional={
        "direction": st.sampled_from(["incoming", "outgoing", ""]),
        "param": st.text(max_size=20) | st.sampled_from(["1", "9", "486 Busy Here", "403 Forbidden"]),
        "peeruri": st.text(max_size=40) | st.just("sip:+8613800138201@example"),
        "id": st.text(max_size=8),
    },
)


class Liar:
    """A server in baresip's place that answers with what it is told to."""

    async def __aenter__(self):
        self.answers, self.heard = [], asyncio.Event()
        self.server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _client(self, reader, writer):
        while await reader.read(4096):
            self.heard.set()
            for answer in self.answers:
                writer.write(answer)
        writer.close()


def packed(**message):
    return netstring.encode(msgspec.json.encode(message))


def reason_of(work):
    """Why it was refused; None where it was not."""
    try:
        work()
    except AnbanError as error:
        return error.reason
    return None


async def asked(answers):
    """What becomes of one command under these answers; and that nothing hangs afterwards."""
    async with Liar() as liar:
        liar.answers = answers
        control = await Control.connect(liar.port, lambda event: None)
        try:
            return await control.ask("reginfo")
        except AnbanError as error:
            return error.reason
        finally:
            await control.close()


async def test_an_answer_to_another_command_is_dropped():
    late = packed(response=True, ok=True, data="late", token="77")
    right = packed(response=True, ok=True, data="right", token="1")
    assert await asked([late, right]) == "right"


async def test_a_refusal_is_told():
    assert await asked([packed(response=True, ok=False, token="1")]) is Reason.PATH_REFUSED


async def test_who_never_answers_is_given_up_on(monkeypatch):
    monkeypatch.setattr("drivers.sip.control.ANSWER_S", 0.05)
    assert await asked([]) is Reason.DEVICE_TIMEOUT


@pytest.mark.parametrize("raw", [b"hello", b"3:abc,", b"2:[],", b"99999999:", netstring.encode(b'{"ok": 3}')])
async def test_nonsense_ends_the_connection(raw):
    assert await asked([raw]) is Reason.NOT_READY


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=60), max_size=8))
@example([b"1"])  # makes the answer a part of a longer netstring that never ends
async def test_a_hostile_stream_never_hangs_a_command(monkeypatch, parts):
    monkeypatch.setattr("drivers.sip.control.ANSWER_S", 0.2)
    end = packed(response=True, ok=True, data="", token="1")
    ends = ("", Reason.NOT_READY, Reason.PATH_REFUSED, Reason.DEVICE_TIMEOUT)
    assert await asked([b"".join(parts), end]) in ends


@given(st.binary(max_size=200))
def test_what_is_no_message_is_a_clear_error(raw):
    assert reason_of(lambda: said(raw)) in (None, Reason.BAD_VALUE)


@settings(max_examples=40, deadline=None)
@given(st.lists(EVENTS, max_size=25))
def test_whatever_it_tells_a_call_only_rises_and_nobody_is_believed_to_press_a_word(events):
    async def play(folder="unused"):
        phone = SipPhone(ACCOUNT, folder)
        mine = phone._talk = Talk("sip:daughter@example")
        stage = mine.stage
        for event in events:
            phone._heard(said(msgspec.json.encode(event)))
            assert mine.stage >= stage
            stage = mine.stage
        assert set(mine.tones) <= set("0123456789*#ABCD")
        assert not phone._open
        for task in list(phone._closing):
            with contextlib.suppress(AnbanError):
                await task
        assert mine.stage is Stage.ENDED or phone.talk is mine

    asyncio.run(play())


@given(st.text(max_size=80))
def test_whom_an_address_names_is_a_number_an_address_or_nobody(uri):
    found = number_of(uri)
    assert not found or found.startswith("sip:") or found[1:].isdigit()


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("sip:+8613800138201@10.0.0.1:5060;transport=udp", "+8613800138201"),
        ("<sip:daughter@example.org>", "sip:daughter@example.org"),
        ("sip:anonymous@anonymous.invalid", ""),
        ("sip:13800138201@example.org", "sip:13800138201@example.org"),
        ("", ""),
    ],
)
def test_numbers_of_those_who_ring(uri, number):
    assert number_of(uri) == number


HARMLESS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";,<>\"'\\"), max_size=30
)


@given(st.text(max_size=30), st.text(max_size=30) | HARMLESS)
def test_no_name_or_password_is_read_as_anything_else(user, password):
    account = Account(address="sip:hub-01@example", user=user, password=password)
    make = lambda: files(account, Path("/run/x"), Path("/usr/lib/m"), 5060, 4444, 10_000)  # noqa: E731
    if reason_of(make) is Reason.BAD_VALUE:
        return
    rows = make()
    expected = f";auth_user={user};auth_pass={password}\n" if user else f"audio_codecs={CODECS}\n"
    assert rows["accounts"].endswith(expected)
    assert rows["accounts"].count(";") == (6 if user else 4)
    assert rows["accounts"].splitlines() == [rows["accounts"].rstrip("\n")]
