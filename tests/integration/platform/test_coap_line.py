"""A line that is cut, stuck or lied on: CoAP says so in time, and nothing stuck holds an SOS."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.paths import coap as coap_module
from edge.paths.base import PathError
from edge.paths.coap import CoapPath
from protocols.errors import AnbanError, Reason
from protocols.values import Lane
from sim.platform.service import Platform, running

from .conftest import Counters, Home, Wire, in_use, press, reading

Rows = Callable[[str], list[tuple[Any, ...]]]


async def test_with_udp_blocked_it_says_so_in_time_and_comes_back(
    home: Home, platform: Platform, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coap_module, "ANSWER_S", 0.3)
    path = await home.coap(wire.port)
    wire.passes = lambda data, client: False
    with pytest.raises(PathError) as caught:
        await path.send([press()])
    assert caught.value.reason is Reason.PATH_TIMEOUT
    monkeypatch.undo()  # a machine that is busy has its time
    wire.passes = lambda data, client: True
    assert (await path.send([press()]))[0].stage == "stored"


async def test_with_the_platform_gone_it_is_told_at_once(home: Home, directory: Path) -> None:
    async with running(directory) as platform:
        port = platform.info["coap_port"]
    path = await home.coap(port)
    with pytest.raises(PathError) as caught:
        async with asyncio.timeout(60):
            await path.send([press()])
    assert caught.value.reason is Reason.PATH_DOWN


async def test_a_stuck_reading_a_stuck_assistance_and_a_poll_hold_no_sos(
    home: Home, platform: Platform, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coap_module.Tuning, "ACK_TIMEOUT", 60.0)  # no retransmission can help
    path = await home.coap(wire.port)
    await path.time()
    sos_clients = {client for _, client in wire.up}
    wire.passes = lambda data, client: client in sos_clients
    stuck = [
        asyncio.create_task(path.send([reading(1)])),
        asyncio.create_task(path.send([press(2, kind="call.assistance")])),
        asyncio.create_task(path.poll(0, 5)),
    ]
    await wire.until(lambda: len({client for _, client in wire.up} - sos_clients) == 3)
    async with asyncio.timeout(60):
        assert (await path.send([press(3)]))[0].stage == "stored"
    assert not any(task.done() for task in stuck)
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


async def test_a_stuck_sos_does_not_hold_the_next(
    home: Home, platform: Platform, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coap_module.Tuning, "ACK_TIMEOUT", 60.0)
    path = await home.coap(wire.port)
    await path.time()
    old = {client for _, client in wire.up}
    wire.passes = lambda data, client: client not in old
    first = asyncio.create_task(path.send([press(1)]))
    await wire.until(lambda: len(wire.up) >= 3)
    async with asyncio.timeout(60):
        assert (await path.send([press(2)]))[0].stage == "stored"
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_given_up_request_is_not_retransmitted(
    home: Home, platform: Platform, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiocoap goes on after a cancel; the socket is thrown away with what it still meant to send."""
    monkeypatch.setattr(coap_module.Tuning, "ACK_TIMEOUT", 0.1)
    path = await home.coap(wire.port)
    await path.time()
    wire.passes = lambda data, client: False
    sending = asyncio.create_task(path.send([press(1)]))
    await wire.until(lambda: len(wire.up) > 2)
    sending.cancel()
    assert _retransmissions()
    await asyncio.gather(sending, return_exceptions=True)
    ending = list(path._lines["sos"]._ending)
    assert ending
    await asyncio.gather(*ending)
    assert not _retransmissions()


def _retransmissions() -> list[Any]:
    """What the loop still has to do that would send a request once more."""
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return [handle for handle in scheduled if not handle.cancelled() and "retr" in repr(handle)]


async def test_what_came_before_a_failure_is_kept(
    home: Home, platform: Platform, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await home.coap(wire.port)
    events = [reading(n) for n in range(40)]
    await path.send(events[:1])
    seen = len(wire.up)

    def only_the_next(data: bytes, client: tuple[str, int]) -> bool:
        lost = len(wire.up) > seen + 1
        if lost:
            monkeypatch.setattr(coap_module.Tuning, "MAX_RETRANSMIT", 0)
        return not lost

    wire.passes = only_the_next
    with pytest.raises(PathError) as caught:
        await path.send(events)
    received = [receipt.about for receipt in caught.value.receipts]
    assert 0 < len(received) < 40
    assert received == [event.id for event in events[: len(received)]]


@given(garbage=st.binary(max_size=80), as_ack=st.booleans())
@settings(max_examples=40)
def test_whatever_a_stranger_answers_it_is_a_path_error(garbage: bytes, as_ack: bool) -> None:
    class Stranger(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, client: Any) -> None:
            token = data[4 : 4 + (data[0] & 15)]
            head = bytes([0x60 | len(token), 0x44]) + data[2:4] + token
            self.transport.sendto(head + garbage if as_ack else garbage, client)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Stranger, local_addr=("127.0.0.1", 0))
        keys = [
            coap_module.OscoreKeys(
                name=name, sender_id="01", recipient_id="00", master_secret="11" * 16, master_salt=""
            )
            for name in ("sos", "main")
        ]
        port = transport.get_extra_info("sockname")[1]
        path = CoapPath(f"coap://127.0.0.1:{port}", keys, Counters())
        await path.open()
        try:
            coap_module.ANSWER_S = 0.05
            with pytest.raises(PathError):
                await path.send([press()])
        finally:
            coap_module.ANSWER_S = 19.0
            await path.close()
            transport.close()

    asyncio.run(story())


def test_an_address_that_is_not_coap_is_refused_when_the_path_is_made(home: Home) -> None:
    for uri in ("http://x", "coaps://x", "coap+tcp://x", "x", "coap://"):
        with pytest.raises(AnbanError) as caught:
            CoapPath(uri, home.keys, home.counters)
        assert caught.value.reason is Reason.BAD_CONFIG


async def test_a_name_that_nobody_knows_is_a_path_error(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: Any, **__: Any) -> Any:
        raise socket.gaierror("not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    path = CoapPath("coap://platform.example", home.keys, home.counters)
    home.opened.append(path)
    with pytest.raises(PathError) as caught:
        await path.send([press()])
    assert caught.value.reason is Reason.PATH_DOWN


async def test_a_resolver_that_dies_does_not_stop_a_call(
    home: Home, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = CoapPath(f"coap://localhost:{platform.info['coap_port']}", home.keys, home.counters)
    home.opened.append(path)
    answers = [[(2, 2, 17, "", ("127.0.0.1", platform.info["coap_port"]))]]

    def lookup(*_: Any, **__: Any) -> Any:
        if answers:
            return answers.pop()
        raise socket.gaierror("the resolver is dead")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    assert (await path.send([press(1)]))[0].stage == "stored"
    path._address.look_again()
    assert (await path.send([press(2)]))[0].stage == "stored"


async def test_check_and_time_are_authenticated(home: Home, platform: Platform) -> None:
    path = await home.coap(platform.info["coap_port"])
    wall_ms, round_trip_s = await path.time()
    assert 0 < round_trip_s < 60
    assert abs(wall_ms - __import__("time").time() * 1000) < 60_000
    assert (await path.time())[1] < 60


async def test_lanes_choose_their_context(home: Home, platform: Platform, wire: Wire) -> None:
    """The key id on the wire says which context was used: calls on `sos`, all else on `main`."""
    path = await home.coap(wire.port)
    await in_use(path, sos="sos", main="main")
    ids = {key.name: bytes.fromhex(key.sender_id) for key in home.keys}
    for event, name in ((press(1), "sos"), (press(2, kind="call.assistance"), "sos"), (reading(3), "main")):
        wire.up.clear()
        await path.send([event])
        assert all(ids[name] in data for data, _ in wire.up), (name, event.lane)
    assert press(1).lane is Lane.SOS
