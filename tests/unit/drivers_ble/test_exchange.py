"""The conversation with a pendant against whoever may be at the other end of the link."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.ble.exchange import Exchange
from protocols.errors import AnbanError, Reason
from protocols.link import messages
from protocols.link.keys import link_key
from protocols.link.session import Responder, Session

ROOT = bytes(16)
KEY = link_key(ROOT, "hub-01")


class Wrist:
    """The other end of a link: an honest pendant, and a hook that may change every frame it sends."""

    def __init__(self, hook: Callable[[bytes], list[bytes]] = lambda frame: [frame]) -> None:
        self.address = "C4:00:00:00:00:01"
        self.gone = asyncio.Event()
        self.hook = hook
        self.got: list[Any] = []
        self.responder = Responder(lambda hub_id: KEY, "pd-01", os.urandom(16))
        self.session: Session | None = None

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None:
        self.tell = on_value

    async def write(self, characteristic: str, data: bytes) -> None:
        if self.session:
            message = messages.decode(self.session.open(data))
            self.got.append(message)
            self.send(self.session.seal(messages.Ok(message.kind, 0, 1, 7, 1, 0).encode()))
        elif self.responder.hub_id:
            self.session = self.responder.on_proof(data)
            self.send(self.session.seal(self.status().encode()))
        else:
            self.send(self.responder.on_hello(data))

    def send(self, frame: bytes) -> None:
        for changed in self.hook(frame):
            self.tell(changed)

    @staticmethod
    def status() -> messages.Status:
        return messages.Status(1, 5, 90, 0, 5, [messages.Press(7, 4, 60, 0)], 1)


def talk(wrist: Wrist, key: bytes = KEY) -> Exchange:
    return Exchange(wrist, key, "hub-01", "pd-01")  # type: ignore[arg-type]


async def test_they_prove_each_other_and_an_ack_is_answered() -> None:
    wrist = Wrist()
    exchange = talk(wrist)
    status = await exchange.open()
    assert [p.number for p in status.presses] == [7]
    ok = await exchange.say(messages.Ack(1, 7, 1))
    assert (ok.number, wrist.got[0].stage) == (7, 1)


async def test_who_does_not_hold_the_key_is_refused() -> None:
    with pytest.raises(AnbanError) as refused:
        await talk(Wrist(), key=bytes(16)).open()
    assert refused.value.reason is Reason.LINK_REFUSED


async def test_a_link_that_breaks_in_the_middle_is_an_error_at_once() -> None:
    wrist = Wrist(hook=lambda frame: [])
    opening = asyncio.ensure_future(talk(wrist).open())
    await asyncio.sleep(0)
    wrist.gone.set()
    with pytest.raises(AnbanError) as broke:
        await asyncio.wait_for(opening, 30)
    assert broke.value.reason is Reason.RADIO_DOWN


async def test_repeated_and_damaged_frames_are_counted_and_the_talk_goes_on() -> None:
    def hook(frame: bytes) -> list[bytes]:
        if frame[0] != 4:
            return [frame]
        damaged = bytearray(frame)
        damaged[-1] ^= 1
        return [bytes(damaged), b"", b"\x09rubbish", frame, frame]

    exchange = talk(Wrist(hook))
    await exchange.open()
    await exchange.say(messages.Ack(1, 7, 1))
    assert exchange.refused.report() == {"tag": 2, "length": 2, "plaintext": 2, "repeat": 1}


async def test_a_flood_of_frames_does_not_grow_the_queue() -> None:
    wrist = Wrist()
    exchange = talk(wrist)
    await exchange.open()
    for n in range(1_000):
        wrist.tell(bytes((4, n & 255, 0, 0, 0)))
    assert exchange._frames.qsize() <= 64
    assert exchange.unasked() == []


@given(st.lists(st.binary(max_size=140), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_any_bytes_instead_of_an_answer_end_in_an_error_of_ours(junk: list[bytes]) -> None:
    async def play() -> None:
        wrist = Wrist(hook=lambda frame: junk)
        opening = asyncio.ensure_future(talk(wrist).open())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        wrist.gone.set()
        with pytest.raises(AnbanError):
            await asyncio.wait_for(opening, 30)

    asyncio.run(play())


@given(st.lists(st.binary(max_size=140), max_size=8))
@settings(max_examples=60, deadline=None)
def test_any_bytes_in_an_open_session_change_nothing(junk: list[bytes]) -> None:
    async def play() -> None:
        wrist = Wrist()
        exchange = talk(wrist)
        await exchange.open()
        for frame in junk:
            wrist.tell(frame)
        assert (await exchange.say(messages.Ack(1, 7, 1))).number == 7

    asyncio.run(play())
