"""What answers as a broker and is none, or means ill: an error soon, and neither memory nor loop its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers import mqtt
from drivers.mqtt import MAX_PACKET, MOST_A_TICK, MOST_WAITING, listen
from protocols.errors import AnbanError, Reason
from protocols.home_topics import Message

WITHIN_S = 60.0
YES = b"\x20\x02\x00\x00"  # MQTT 3.1.1, 3.2: the connection is accepted
HEARD = b"\x90\x03\x00\x01\x01"  # 3.9: the subscription too
TOPICS = lambda: ("t",)  # noqa: E731
MESSAGE = b"\x30\x04\x00\x01ty"  # 3.3: "y" on the topic "t"


class Stranger:
    """Answers every connection with these bytes, however little of ours it has read."""

    def __init__(self, says: bytes, *, hangs_up: bool = True) -> None:
        self.says, self.hangs_up, self.got = says, hangs_up, b""
        self.gone = asyncio.Event()

    async def __aenter__(self) -> Stranger:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self.server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gone.set()
        self.server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.got = await reader.read(200)
        writer.write(self.says)
        if not self.hangs_up:
            await self.gone.wait()
        writer.close()


async def ends(
    says: bytes, heard: Callable[[Message], None] = lambda _: None, *, hangs_up: bool = True
) -> AnbanError:
    async with Stranger(says, hangs_up=hangs_up) as stranger:
        with pytest.raises(AnbanError) as caught:
            async with asyncio.timeout(WITHIN_S):
                await listen("127.0.0.1", stranger.port, "hub", TOPICS, heard, lambda: None, user="hub")
    return caught.value


@given(st.binary(max_size=60), st.booleans())
@settings(deadline=None, max_examples=60)
@example(b"\x30\x00", True)  # a message without a topic
@example(b"\x30\x03\x00\x09a", True)  # a topic that is longer than its packet
@example(b"\x30\x03\x00\x01\xff", True)  # a topic that is no text
@example(b"\x32\x03\x00\x01a", True)  # a number that is not there
@example(b"\x90\x00", True)
@example(b"\x40\x02\xff\xff\xe0\x00", True)  # acknowledges what we never sent
@example(b"\x82\x00\x10\x00", True)  # what only a client says
def test_whatever_comes_is_messages_or_an_error(says: bytes, accepted: bool) -> None:
    error = asyncio.run(ends((YES + HEARD if accepted else b"") + says))
    assert error.reason in (Reason.PATH_DOWN, Reason.NOT_AUTHENTIC)


async def test_a_packet_that_would_fill_the_memory_ends_it_before_it_is_read() -> None:
    huge = YES + HEARD + b"\x30\xff\xff\xff\x7f" + bytes(MAX_PACKET)
    assert (await ends(huge, hangs_up=False)).reason is Reason.PATH_DOWN


async def test_a_message_that_would_be_kept_for_later_ends_it() -> None:
    assert (
        await ends(YES + HEARD + b"\x34\x06\x00\x01t\x00\x01y", hangs_up=False)
    ).reason is Reason.PATH_DOWN


async def test_a_flood_waits_and_nobody_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two turns of the loop there are a few messages, and so many between two ticks."""
    monkeypatch.setattr(mqtt, "TICK_S", 0.05)
    ticks, in_tick, most_in_tick, in_turn, most_in_turn, heard = 0, 0, 0, 0, 0, 0
    misc = mqtt._Client.loop_misc

    def tick(client: mqtt._Client) -> object:
        nonlocal ticks, in_tick
        ticks, in_tick = ticks + 1, 0
        return misc(client)

    monkeypatch.setattr(mqtt._Client, "loop_misc", tick)

    def hear(_: Message) -> None:
        nonlocal heard, in_tick, most_in_tick, in_turn, most_in_turn
        heard, in_tick, in_turn = heard + 1, in_tick + 1, in_turn + 1
        most_in_tick, most_in_turn = max(most_in_tick, in_tick), max(most_in_turn, in_turn)

    def turn() -> None:
        nonlocal in_turn
        in_turn = 0
        if not over:
            asyncio.get_running_loop().call_soon(turn)

    over = False
    asyncio.get_running_loop().call_soon(turn)
    await ends(YES + HEARD + MESSAGE * (3 * MOST_A_TICK), hear)
    over = True
    assert heard == 3 * MOST_A_TICK
    assert ticks >= 2
    assert most_in_tick <= MOST_A_TICK
    assert most_in_turn <= MOST_WAITING


async def test_who_never_answers_is_left_and_no_password_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mqtt, "TICK_S", 0.05)
    caplog.set_level(0)
    async with Stranger(b"", hangs_up=False) as stranger:
        told = {"user": "hub", "password": "geheim"}
        listening = asyncio.create_task(
            listen("127.0.0.1", stranger.port, "hub", TOPICS, lambda _: None, lambda: None, **told)
        )
        async with asyncio.timeout(WITHIN_S):
            while not stranger.got:
                await asyncio.sleep(0.01)
            monkeypatch.setattr(mqtt, "WITHIN_S", 0.2)  # it has been told, and says nothing
            with pytest.raises(AnbanError) as caught:
                await listening
    assert caught.value.reason is Reason.PATH_DOWN
    assert b"geheim" in stranger.got
    assert "geheim" not in caplog.text + str(caught.value)


async def test_what_the_hub_makes_of_a_message_is_not_the_brokers_fault() -> None:
    def stumble(_: Message) -> None:
        raise ZeroDivisionError

    async with Stranger(YES + HEARD + MESSAGE, hangs_up=False) as stranger:
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(WITHIN_S):
                await listen("127.0.0.1", stranger.port, "hub", TOPICS, stumble, lambda: None)
