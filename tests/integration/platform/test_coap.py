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

from edge.paths.base import PathError
from protocols.errors import Reason
from protocols.wire import encode_event
from sim.platform.service import Platform, running

from .conftest import Home, Wire, press, reading

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
    await path.time()
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
    await path.time()
    wire.up.clear()
    await path.send([press(1)])
    recorded = wire.up[0][0]
    before = rows("SELECT number FROM events") + rows("SELECT number FROM downlink")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        stranger.connect(("127.0.0.1", platform.info["coap_port"]))
        changed_mid = recorded[:2] + bytes([recorded[2] ^ 0x55]) + recorded[3:]
        stranger.send(changed_mid)
        async with asyncio.timeout(60):
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
                async with asyncio.timeout(60):
                    answer = await asyncio.get_running_loop().sock_recv(stranger, 2048)
                assert (
                    answer[1] == 0x44
                )  # 2.04 outside: within stands a 4.01 with an Echo that only the hub reads
        assert handled == []
