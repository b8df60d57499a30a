"""The same by HTTPS: a pinned authority, a bearer token, kept connections, and no way down."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from edge.paths import https as https_module
from edge.paths.base import PathError
from edge.paths.https import HttpsPath
from protocols.errors import AnbanError, Reason
from sim.platform.certificates import ensure
from sim.platform.service import Platform, running

from .conftest import Home, press, reading
from .tools import raw, server, tcp_wire

Rows = Callable[[str], list[tuple[Any, ...]]]


async def test_a_press_is_stored_before_its_receipt_comes(home: Home, platform: Platform, rows: Rows) -> None:
    (receipt,) = await home.https(platform).send([press(7)])
    assert (receipt.about, receipt.stage) == (press(7).id, "stored")
    assert rows("SELECT id FROM events") == [("pd-01.1a2b3c4d.7",)]


async def test_what_went_by_coap_and_by_https_is_one_event(
    home: Home, platform: Platform, rows: Rows
) -> None:
    coap, https = await home.coap(platform.info["coap_port"]), home.https(platform)
    by_coap, by_https = await asyncio.gather(coap.send([press(1)]), https.send([press(1)]))
    assert by_coap[0].number == by_https[0].number
    assert rows("SELECT count(*) FROM events") == rows("SELECT count(*) FROM cases") == [(1,)]


async def test_a_batch_has_a_receipt_for_each(home: Home, platform: Platform) -> None:
    events = [reading(n) for n in range(450)]
    receipts = await home.https(platform).send(events)
    assert [receipt.about for receipt in receipts] == [event.id for event in events]


async def test_no_answer_waits_for_the_acknowledgement_of_its_first_part(
    home: Home, platform: Platform
) -> None:
    await home.https(platform).time()
    (connection,) = platform._webs[0]._server.server_state.connections
    line = connection.transport.get_extra_info("socket")
    assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_time(home: Home, platform: Platform) -> None:
    path = home.https(platform)
    wall_ms, round_trip_s = await path.time()
    assert wall_ms > 1_700_000_000_000
    assert 0 < round_trip_s < 60


# --- who may come in, and to whom we speak ---


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5_000])
async def test_a_wrong_token_gets_nothing_in(home: Home, platform: Platform, rows: Rows, token: str) -> None:
    path = home.https(platform, token=token)
    for ask in (path.send([press()]), path.poll(0, 0), path.time()):
        with pytest.raises(PathError) as caught:
            await ask
        assert caught.value.reason is Reason.PATH_REFUSED
    assert rows("SELECT count(*) FROM events") == [(0,)]


async def test_every_address_asks_for_the_token(platform: Platform, home: Home) -> None:
    addresses = {
        ("POST", "/v1/events"),
        ("GET", "/v1/downlink"),
        ("GET", "/v1/config"),
        ("PUT", "/v1/config"),
    }
    for method, address in addresses | {("GET", "/v1/time")}:
        status, _, _ = await raw(platform, method, address, {})
        assert status == 401, (method, address)


async def test_another_authority_is_not_believed(home: Home, platform: Platform, tmp_path: Path) -> None:
    other_ca, _, _ = ensure(tmp_path / "other", ["127.0.0.1"])
    with pytest.raises(PathError) as caught:
        await home.https(platform, ca_file=str(other_ca)).send([press()])
    assert caught.value.reason is Reason.NOT_AUTHENTIC


async def test_a_certificate_for_another_name_is_not_believed(home: Home, tmp_path: Path) -> None:
    ca, certificate, key = ensure(tmp_path / "elsewhere", ["elsewhere.example"])
    async with server(Starlette(), certificate, key) as port:
        path = HttpsPath(f"https://127.0.0.1:{port}", str(ca), "token")
        home.opened.append(path)
        with pytest.raises(PathError) as caught:
            await path.time()
    assert caught.value.reason is Reason.NOT_AUTHENTIC


async def test_the_environment_changes_nothing(
    home: Home, platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a proxy, nor another authority, nor a .netrc of the machine is listened to."""
    other_ca, _, _ = ensure(tmp_path / "other", ["127.0.0.1"])
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other_ca))
    monkeypatch.setenv("NETRC", str(netrc))
    assert (await home.https(platform).send([press()]))[0].stage == "stored"


def test_plain_http_is_refused_when_the_path_is_made() -> None:
    for url in ("http://127.0.0.1", "ftp://x", "127.0.0.1", "https://"):
        with pytest.raises(AnbanError) as caught:
            HttpsPath(url, "ca.pem", "token")
        assert caught.value.reason is Reason.BAD_CONFIG


async def test_a_redirect_is_refused_and_not_followed(home: Home, tmp_path: Path) -> None:
    followed = []

    async def away(_: Any) -> Response:
        return RedirectResponse("/there", 307)

    async def there(_: Any) -> Response:
        followed.append(1)
        return Response(b"")

    app = Starlette(routes=[Route("/v1/time", away), Route("/there", there)])
    ca, certificate, key = ensure(tmp_path / "other", ["127.0.0.1"])
    async with server(app, certificate, key) as port:
        path = HttpsPath(f"https://127.0.0.1:{port}", str(ca), "token")
        home.opened.append(path)
        with pytest.raises(PathError) as caught:
            await path.time()
    assert caught.value.reason is Reason.PATH_REFUSED
    assert not followed


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xff", b"\xa0", b"\xa1\x00\x01", b"x" * 400_000, b"\xa2\x00\x01\x01\x20"]
)
async def test_a_wrong_answer_is_a_path_error(home: Home, tmp_path: Path, body: bytes) -> None:
    async def answer(_: Any) -> Response:
        return Response(body)

    routes = [
        Route(f"/v1/{name}", answer, methods=["GET", "POST"]) for name in ("events", "downlink", "time")
    ]
    ca, certificate, key = ensure(tmp_path / "other", ["127.0.0.1"])
    async with server(Starlette(routes=routes), certificate, key) as port:
        path = HttpsPath(f"https://127.0.0.1:{port}", str(ca), "token")
        home.opened.append(path)
        for ask in (path.send([press()]), path.poll(0, 0), path.time()):
            with pytest.raises(PathError) as caught:
                await ask
            assert caught.value.reason is Reason.PATH_BAD_ANSWER


async def test_receipts_of_other_events_are_not_taken_for_ours(home: Home, tmp_path: Path) -> None:
    """A platform that mixes up its answers must not make us think that a press has arrived."""
    from protocols.values import Receipt
    from protocols.wire import encode_receipts

    async def answer(_: Any) -> Response:
        return Response(encode_receipts([Receipt(number=1, about=press(2).id, stage="stored")]))

    ca, certificate, key = ensure(tmp_path / "other", ["127.0.0.1"])
    app = Starlette(routes=[Route("/v1/events", answer, methods=["POST"])])
    async with server(app, certificate, key) as port:
        path = HttpsPath(f"https://127.0.0.1:{port}", str(ca), "token")
        home.opened.append(path)
        with pytest.raises(PathError) as caught:
            await path.send([press(1)])
    assert caught.value.reason is Reason.PATH_BAD_ANSWER


# --- the line ---


async def test_a_connection_is_used_again(home: Home, platform: Platform) -> None:
    async with tcp_wire(platform.info["https_port"]) as wire:
        path = home.https(platform, port=wire.port)
        for number in range(1, 6):
            await path.send([press(number)])
        await path.time()
        assert wire.connections == 1


async def test_a_connection_that_was_dropped_unheard_costs_no_press(home: Home, platform: Platform) -> None:
    async with tcp_wire(platform.info["https_port"]) as wire:
        path = home.https(platform, port=wire.port)
        await path.send([press(1)])
        wire.drop_at_next_byte = True
        assert (await path.send([press(2)]))[0].stage == "stored"
        assert wire.connections == 2


async def test_a_stuck_reading_and_a_poll_hold_no_sos(home: Home, platform: Platform) -> None:
    async with tcp_wire(platform.info["https_port"]) as wire:
        path = home.https(platform, port=wire.port)
        await path.send([reading(0)])
        await path.poll(0, 0)
        wire.silent = True
        stuck = [asyncio.create_task(path.send([reading(1)])), asyncio.create_task(path.poll(0, 20))]
        await wire.until(lambda: wire.swallowed >= 2)
        wire.silent = False
        async with asyncio.timeout(60):
            assert (await path.send([press(1)]))[0].stage == "stored"
        assert not any(task.done() for task in stuck)
        wire.drop()
        await asyncio.gather(*stuck, return_exceptions=True)


async def test_a_line_that_goes_silent_is_told_in_time(
    home: Home, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tcp_wire(platform.info["https_port"]) as wire:
        path = home.https(platform, port=wire.port)
        await path.send([press(1)])
        wire.silent = True
        with monkeypatch.context() as patient:
            patient.setattr(https_module, "READ_S", 0.3)
            with pytest.raises(PathError) as caught:
                await path.send([press(2)])
        assert caught.value.reason is Reason.PATH_TIMEOUT
        wire.silent = False
        wire.drop()
        assert (await path.send([press(2)]))[0].stage == "stored"


async def test_with_the_platform_gone_it_is_told(home: Home, directory: Path) -> None:
    async with running(directory) as platform:
        path = home.https(platform)
        await path.time()
    with pytest.raises(PathError) as caught:
        await path.time()
    assert caught.value.reason is Reason.PATH_DOWN


async def test_a_closed_path_raises_path_errors(home: Home, platform: Platform) -> None:
    path = home.https(platform)
    await path.close()
    with pytest.raises(PathError):
        await path.time()


def test_requests_is_imported_only_when_needed() -> None:
    import subprocess
    import sys

    code = "import sys, edge.paths.https; sys.exit('requests' in sys.modules or 'urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_thread_that_hangs_does_not_hold_the_end_of_the_process() -> None:
    import subprocess
    import sys

    code = """
import asyncio, threading
from edge.threads import in_thread

async def main():
    try:
        async with asyncio.timeout(0.05):
            await in_thread("stuck", threading.Event().wait)
    except TimeoutError:
        print("gone")

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)
    assert ended.stdout == b"gone\n"
