"""A press goes out by CoAP and OSCORE, and nobody else's does: the path and the platform on a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiocoap
import msgspec
import pytest
from aiocoap.message import UndecidedRemote
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.paths import coap as coap_module
from edge.paths.base import PathError
from edge.paths.coap import CoapPath
from edge.paths.oscore import Numbers
from protocols.errors import AnbanError, Reason
from protocols.values import Lane
from protocols.wire import encode_event
from sim.platform.service import Platform, running

from .conftest import Counters, Home, Wire, press, reading

Rows = Callable[[str], list[tuple[Any, ...]]]


async def test_a_press_is_stored_before_its_receipt_comes(home: Home, platform: Platform, rows: Rows) -> None:
    path = await home.coap(platform.info["coap_port"])
    (receipt,) = await path.send([press(7)])
    assert (receipt.about, receipt.stage) == (press(7).id, "stored")
    assert rows("SELECT id, call_id, kind, elder FROM events") == [
        ("pd-01.1a2b3c4d.7", "pd-01.1a2b3c4d.7", "call.sos", "e-chen")
    ]
    assert rows("SELECT call_id FROM cases") == [("pd-01.1a2b3c4d.7",)]


async def test_a_press_sent_twice_is_one_event_with_one_number(
    home: Home, platform: Platform, rows: Rows
) -> None:
    path = await home.coap(platform.info["coap_port"])
    first, again = (await path.send([press(1)]))[0], (await path.send([press(1)]))[0]
    assert first.number == again.number
    assert rows("SELECT count(*) FROM events") == rows("SELECT count(*) FROM cases") == [(1,)]


async def test_a_batch_longer_than_a_datagram_goes_in_several(
    home: Home, platform: Platform, wire: Wire, rows: Rows
) -> None:
    path = await home.coap(wire.port)
    events = [reading(n) for n in range(60)]
    receipts = await path.send(events)
    assert [receipt.about for receipt in receipts] == [event.id for event in events]
    assert rows("SELECT count(*) FROM events") == [(60,)]
    assert max(len(data) for data, _ in wire.up) < 1_100


async def test_one_event_larger_than_a_datagram_arrives(home: Home, platform: Platform, rows: Rows) -> None:
    path = await home.coap(platform.info["coap_port"])
    big = press(1, data={f"k{n}": "x" * 100 for n in range(15)})
    assert (await path.send([big]))[0].stage == "stored"
    assert rows("SELECT length(body) > 1500 FROM events") == [(1,)]


async def test_a_sos_request_is_small(home: Home, platform: Platform, wire: Wire) -> None:
    path = await home.coap(wire.port)
    await path.check()
    wire.up.clear()
    event = press(
        4_000_000_000, boot=4_000_000_000, uptime_ms=86_400_000, stages={"heard": 250, "stored": 260}
    )
    assert len(encode_event(event)) <= 76
    await path.send([event])
    assert len(wire.up) == 1
    assert len(wire.up[0][0]) < 130


# --- who may come in ---


async def plain(port: int, code: Any, path: tuple[str, ...], payload: bytes = b"") -> Any:
    context = await aiocoap.Context.create_client_context(transports=["udp6"])
    message = aiocoap.Message(code=code, payload=payload, uri_path=path)
    message.remote = UndecidedRemote("coap", f"127.0.0.1:{port}")
    try:
        return await context.request(message).response
    finally:
        await context.shutdown()


@pytest.mark.parametrize(
    ("code", "path"),
    [
        (aiocoap.POST, ("v1", "events")),
        (aiocoap.GET, ("v1", "downlink")),
        (aiocoap.GET, ("v1", "config")),
        (aiocoap.PUT, ("v1", "config")),
        (aiocoap.GET, ("v1", "time")),
        (aiocoap.GET, (".well-known", "core")),
        (aiocoap.POST, (".well-known", "edhoc")),
        (aiocoap.GET, ("nothing",)),
    ],
)
async def test_without_oscore_nothing_is_answered(
    platform: Platform, rows: Rows, code: Any, path: tuple[str, ...]
) -> None:
    answer = await plain(
        platform.info["coap_port"], code, path, encode_event(press()) if path[-1] == "events" else b""
    )
    expected = aiocoap.NOT_FOUND if path[-1] == "edhoc" else aiocoap.UNAUTHORIZED
    assert answer.code == expected
    assert rows("SELECT count(*) FROM events") == [(0,)]


async def test_a_hub_with_wrong_keys_gets_nothing_in(home: Home, platform: Platform, rows: Rows) -> None:
    home.keys = [msgspec.structs.replace(key, master_secret="00" * 16) for key in home.keys]
    path = await home.coap(platform.info["coap_port"])
    with pytest.raises(PathError) as caught:
        await path.send([press()])
    assert caught.value.reason is Reason.PATH_REFUSED
    assert rows("SELECT count(*) FROM events") == [(0,)]


async def test_a_hub_that_nobody_registered_gets_nothing_in(
    home: Home, platform: Platform, rows: Rows
) -> None:
    home.keys = [msgspec.structs.replace(key, sender_id="ffffff") for key in home.keys]
    path = await home.coap(platform.info["coap_port"])
    with pytest.raises(PathError):
        await path.send([press()])
    assert rows("SELECT count(*) FROM events") == [(0,)]


async def test_a_recorded_request_changes_nothing(
    home: Home, platform: Platform, wire: Wire, rows: Rows
) -> None:
    path = await home.coap(wire.port)
    await path.check()
    wire.up.clear()
    await path.send([press(1)])
    recorded = wire.up[0][0]
    before = rows("SELECT number FROM events") + rows("SELECT number FROM downlink")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        stranger.connect(("127.0.0.1", platform.info["coap_port"]))
        changed_mid = recorded[:2] + bytes([recorded[2] ^ 0x55]) + recorded[3:]
        stranger.send(changed_mid)
        async with asyncio.timeout(5):
            answer = await asyncio.get_running_loop().sock_recv(stranger, 2048)
    assert answer[1] == 0x81  # 4.01 Unauthorized
    assert rows("SELECT number FROM events") + rows("SELECT number FROM downlink") == before


async def test_a_recording_proves_nothing_to_a_restarted_platform(
    home: Home, directory: Path, rows: Rows
) -> None:
    """Neither window nor Echo of the life before count: a recording is answered by a challenge."""
    async with running(directory) as platform:
        port = platform.info["coap_port"]
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_datagram_endpoint(
            lambda: Wire(("127.0.0.1", port)), local_addr=("127.0.0.1", 0)
        )
        path = await home.coap(wire.port)
        await path.send([press(1)])
        recorded = [data for data, _ in wire.up]
        assert len(recorded) == 2  # the first was answered by an Echo, the second bore it
        wire.close()
    async with running(directory) as platform:
        handled: list[Any] = []
        platform.store._on_arrival = handled.append
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            stranger.connect(("127.0.0.1", platform.info["coap_port"]))
            for datagram in recorded:
                stranger.send(datagram)
                async with asyncio.timeout(5):
                    answer = await asyncio.get_running_loop().sock_recv(stranger, 2048)
                assert (
                    answer[1] == 0x44
                )  # 2.04 outside: within stands a 4.01 with an Echo that only the hub reads
        assert handled == []


# --- numbers and contexts ---


async def test_the_platform_restarts_and_the_next_press_gets_through(
    home: Home, directory: Path, rows: Rows
) -> None:
    async with running(directory) as platform:
        port = platform.info["coap_port"]
        path = await home.coap(port)
        await path.send([press(1)])
    async with running(directory, coap_port=port):
        receipts = await path.send([press(2)])
        assert receipts[0].stage == "stored"
        assert path.contexts()["sos"] == "sos"
    assert rows("SELECT count(*) FROM events") == [(2,)]


async def test_lost_counters_bring_the_spare(home: Home, platform: Platform) -> None:
    home.counters.lost = {"oscore-sos"}
    path = await home.coap(platform.info["coap_port"])
    assert path.contexts() == {"sos": "spare-sos", "main": "main"}
    assert (await path.send([press()]))[0].stage == "stored"


async def test_with_the_spare_lost_too_fresh_keys_get_through(home: Home, platform: Platform) -> None:
    home.counters.lost = {"oscore-sos", "oscore-spare-sos"}
    path = await home.coap(platform.info["coap_port"])
    assert path.contexts()["sos"] == "fresh-sos"
    for number in range(1, 4):
        assert (await path.send([press(number)]))[0].stage == "stored"


async def test_with_a_hanging_disk_a_press_goes_out_at_once(home: Home, platform: Platform) -> None:
    home.counters.may_return.clear()
    path = CoapPath(f"coap://127.0.0.1:{platform.info['coap_port']}", home.keys, home.counters)
    home.opened.append(path)
    assert (await path.send([press()]))[0].stage == "stored"  # open() did not even begin
    assert path.contexts()["sos"] == "fresh-sos"
    home.counters.may_return.set()
    await path.open()
    assert path.contexts()["sos"] == "sos"
    assert (await path.send([press(2)]))[0].stage == "stored"


async def test_a_failing_disk_is_no_reason_to_give_up_a_context(home: Home, platform: Platform) -> None:
    home.counters.failing = True
    path = await home.coap(platform.info["coap_port"])
    assert path.contexts() == {"sos": "fresh-sos", "main": "fresh-main"}
    assert (await path.send([press()]))[0].stage == "stored"
    home.counters.failing = False
    await path.open()
    assert path.contexts() == {"sos": "sos", "main": "main"}


async def test_a_hub_whose_counters_went_back_still_gets_through(
    home: Home, platform: Platform, rows: Rows
) -> None:
    """Someone put an old card back: its numbers are refused as replays, and new keys take over."""
    path = await home.coap(platform.info["coap_port"])
    for number in range(1, 4):
        await path.send([press(number)])
    home.counters.next.clear()
    again = await home.coap(platform.info["coap_port"])
    assert (await again.send([press(9)]))[0].stage == "stored"
    assert rows("SELECT count(*) FROM events") == [(4,)]


async def test_a_hub_starts_ten_times_without_counters(home: Home, platform: Platform) -> None:
    home.counters.lost = {"oscore-sos", "oscore-spare-sos"}
    for number in range(1, 11):
        path = await home.coap(platform.info["coap_port"])
        assert (await path.send([press(number)]))[0].stage == "stored"


@given(takes=st.lists(st.integers(1, 40), max_size=30), fails=st.sets(st.integers(0, 40)))
@settings(max_examples=60)
def test_no_number_is_ever_used_twice_nor_before_it_is_reserved(takes: list[int], fails: set[int]) -> None:
    from edge.paths.oscore import NoNumber

    async def story() -> None:
        counters, asked, durable = Counters(), 0, 0

        def reserve(name: str, count: int) -> int:
            nonlocal asked, durable
            asked += 1
            if asked in fails:
                raise OSError("no")
            first = counters(name, count)
            durable = first + count
            return first

        used: list[int] = []
        numbers = Numbers("oscore-sos", reserve, block=16)
        for burst in takes:
            task = numbers.reserve_soon()
            if task is not None:
                await task
            for _ in range(burst):
                try:
                    used.append(numbers.take())
                except NoNumber:
                    break
            assert not used or max(used) < durable
        assert len(used) == len(set(used))
        assert used == sorted(used)
        if numbers.reserve_soon() is not None:
            await asyncio.gather(*(t for t in asyncio.all_tasks() if t is not asyncio.current_task()))

    asyncio.run(story())


# --- the line ---


async def test_with_udp_blocked_it_says_so_in_time_and_comes_back(
    home: Home, platform: Platform, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coap_module, "ANSWER_S", 0.3)
    path = await home.coap(wire.port)
    wire.passes = lambda data, client: False
    with pytest.raises(PathError) as caught:
        await path.send([press()])
    assert caught.value.reason is Reason.PATH_TIMEOUT
    wire.passes = lambda data, client: True
    assert (await path.send([press()]))[0].stage == "stored"


async def test_with_the_platform_gone_it_is_told_at_once(home: Home, directory: Path) -> None:
    async with running(directory) as platform:
        port = platform.info["coap_port"]
    path = await home.coap(port)
    with pytest.raises(PathError) as caught:
        async with asyncio.timeout(5):
            await path.send([press()])
    assert caught.value.reason is Reason.PATH_DOWN


async def test_a_stuck_reading_a_stuck_assistance_and_a_poll_hold_no_sos(
    home: Home, platform: Platform, wire: Wire
) -> None:
    path = await home.coap(wire.port)
    await path.check()
    sos_clients = {client for _, client in wire.up}
    wire.passes = lambda data, client: client in sos_clients
    stuck = [
        asyncio.create_task(path.send([reading(1)])),
        asyncio.create_task(path.send([press(2, kind="call.assistance")])),
        asyncio.create_task(path.poll(0, 5)),
    ]
    await wire.until(lambda: len({client for _, client in wire.up} - sos_clients) == 3)
    async with asyncio.timeout(0.9):  # below ACK_TIMEOUT: no retransmission can have helped
        assert (await path.send([press(3)]))[0].stage == "stored"
    assert not any(task.done() for task in stuck)
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


async def test_a_stuck_sos_does_not_hold_the_next(home: Home, platform: Platform, wire: Wire) -> None:
    path = await home.coap(wire.port)
    await path.check()
    old = {client for _, client in wire.up}
    wire.passes = lambda data, client: client not in old
    first = asyncio.create_task(path.send([press(1)]))
    await wire.until(lambda: len(wire.up) >= 3)
    async with asyncio.timeout(0.9):
        assert (await path.send([press(2)]))[0].stage == "stored"
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_given_up_request_is_not_retransmitted(
    home: Home, platform: Platform, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiocoap goes on after a cancel; the socket is thrown away with what it still meant to send."""
    monkeypatch.setattr(coap_module.Tuning, "ACK_TIMEOUT", 0.1)
    path = await home.coap(wire.port)
    await path.check()
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
    monkeypatch.setattr(coap_module, "ANSWER_S", 0.3)
    seen = len(wire.up)
    wire.passes = lambda data, client: len(wire.up) <= seen + 1
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
    async def nobody(*_: Any, **__: Any) -> Any:
        raise socket.gaierror("not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nobody)
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

    async def lookup(*_: Any, **__: Any) -> Any:
        if answers:
            return answers.pop()
        raise socket.gaierror("the resolver is dead")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    assert (await path.send([press(1)]))[0].stage == "stored"
    path._address.look_again()
    assert (await path.send([press(2)]))[0].stage == "stored"


async def test_check_and_time_are_authenticated(home: Home, platform: Platform) -> None:
    path = await home.coap(platform.info["coap_port"])
    wall_ms, round_trip_s = await path.time()
    assert 0 < round_trip_s < 5
    assert abs(wall_ms - __import__("time").time() * 1000) < 5_000
    assert await path.check() < 5


async def test_lanes_choose_their_context(home: Home, platform: Platform, wire: Wire) -> None:
    """The key id on the wire says which context was used: calls on `sos`, all else on `main`."""
    path = await home.coap(wire.port)
    ids = {key.name: bytes.fromhex(key.sender_id) for key in home.keys}
    for event, name in ((press(1), "sos"), (press(2, kind="call.assistance"), "sos"), (reading(3), "main")):
        wire.up.clear()
        await path.send([event])
        assert all(ids[name] in data for data, _ in wire.up), (name, event.lane)
    assert press(1).lane is Lane.SOS
