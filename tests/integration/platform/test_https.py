"""The same by HTTPS: a pinned authority, a bearer token, kept connections, and no way down."""

from __future__ import annotations

import asyncio
import json
import ssl
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
from protocols.wire import encode_event, to_json
from sim.platform.certificates import ensure
from sim.platform.openapi import document
from sim.platform.service import Platform, running
from sim.platform.web import WebServer

from .conftest import Home, press, reading

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


async def test_time_and_check(home: Home, platform: Platform) -> None:
    path = home.https(platform)
    wall_ms, round_trip_s = await path.time()
    assert wall_ms > 1_700_000_000_000
    assert 0 < await path.check() < 5
    assert 0 < round_trip_s < 5


# --- who may come in, and to whom we speak ---


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5_000])
async def test_a_wrong_token_gets_nothing_in(home: Home, platform: Platform, rows: Rows, token: str) -> None:
    path = home.https(platform, token=token)
    for ask in (path.send([press()]), path.poll(0, 0), path.check()):
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
            await path.check()
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
            await path.check()
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
        await path.check()
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
        async with asyncio.timeout(5):
            assert (await path.send([press(1)]))[0].stage == "stored"
        assert not any(task.done() for task in stuck)
        wire.drop()
        await asyncio.gather(*stuck, return_exceptions=True)


async def test_a_line_that_goes_silent_is_told_in_time(
    home: Home, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https_module, "READ_S", 0.3)
    async with tcp_wire(platform.info["https_port"]) as wire:
        path = home.https(platform, port=wire.port)
        await path.send([press(1)])
        wire.silent = True
        with pytest.raises(PathError) as caught:
            await path.send([press(2)])
        assert caught.value.reason is Reason.PATH_TIMEOUT
        wire.silent = False
        wire.drop()
        assert (await path.send([press(2)]))[0].stage == "stored"


async def test_with_the_platform_gone_it_is_told(home: Home, directory: Path) -> None:
    async with running(directory) as platform:
        path = home.https(platform)
        await path.check()
    with pytest.raises(PathError) as caught:
        await path.check()
    assert caught.value.reason is Reason.PATH_DOWN


async def test_a_closed_path_raises_path_errors(home: Home, platform: Platform) -> None:
    path = home.https(platform)
    await path.close()
    with pytest.raises(PathError):
        await path.check()


def test_requests_is_imported_only_when_needed() -> None:
    import subprocess
    import sys

    code = "import sys, edge.paths.https; sys.exit('requests' in sys.modules or 'urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- JSON and the OpenAPI document ---


async def test_json_says_the_same_as_cbor(home: Home, platform: Platform, rows: Rows) -> None:
    token = {"authorization": f"Bearer {home.credentials['https_token']}"}
    kind = {"content-type": "application/json"}
    body = json.dumps([to_json(press(1)), to_json(press(2)), {"id": press(3).id.__str__(), "kind": 5}, 7])
    status, _, answer = await raw(platform, "POST", "/v1/events", token | kind, body.encode())
    receipts = json.loads(answer)
    assert status == 200
    assert [receipt["stage"] for receipt in receipts] == ["stored", "stored", "rejected", "rejected"]
    assert receipts[2]["about"] == "pd-01.1a2b3c4d.3"
    again = await home.https(platform).send([press(1)])
    assert again[0].number == receipts[0]["number"]
    status, _, answer = await raw(
        platform, "GET", "/v1/downlink?after=0", token | {"accept": "application/json"}
    )
    assert [item["receipt"]["about"] for item in json.loads(answer)] == [str(press(n).id) for n in (1, 2)]


async def test_the_openapi_document_and_the_door_are_the_same(home: Home, platform: Platform) -> None:
    """Each operation answers as its document says: known addresses, codes, media types and required keys."""
    status, _, answer = await raw(platform, "GET", "/v1/openapi.json", {})
    assert status == 200
    spec = json.loads(answer)
    assert spec == document()
    token = {"authorization": f"Bearer {home.credentials['https_token']}", "accept": "application/json"}
    as_json = token | {"content-type": "application/json"}
    bodies = {
        ("post", "/v1/events"): json.dumps(to_json(press(1))),
        ("put", "/v1/config"): json.dumps({"document": "[hub]", "author": "installer"}),
    }
    served = {(m, p) for p, operations in spec["paths"].items() for m in operations}
    routes = {(m.lower(), r.path) for r in platform_routes(platform) for m in r.methods if m != "HEAD"}
    assert served == routes - {("get", "/v1/openapi.json")}
    order = sorted(served, key=lambda item: item != ("put", "/v1/config"))  # so that there is one to get
    for method, path in order:
        operation = spec["paths"][path][method]
        body = bodies.get((method, path), "").encode()
        status, headers, answer = await raw(platform, method.upper(), path, as_json, body)
        described = operation["responses"][str(status)]
        assert str(status).startswith("2"), (method, path, answer)
        if "content" in described:
            assert headers["content-type"] == "application/json"
            check_schema(json.loads(answer), described["content"]["application/json"]["schema"], spec)
        status, headers, answer = await raw(platform, method.upper(), path, {})
        check_schema(
            json.loads(answer),
            operation["responses"][str(status)]["content"]["application/json"]["schema"],
            spec,
        )
        if body:
            status, _, answer = await raw(platform, method.upper(), path, as_json, b"{")
            assert str(status) in operation["responses"]
            assert status == 400


def platform_routes(platform: Platform) -> Any:
    from sim.platform.https_server import HttpsDoor

    return HttpsDoor(platform.resources, platform.store.register).app.routes


def check_schema(value: Any, schema: dict[str, Any], spec: dict[str, Any]) -> None:
    """The part of JSON Schema that the document uses."""
    if "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    assert isinstance(value, kinds[schema["type"]]), (value, schema)
    if schema["type"] == "object":
        assert set(schema.get("required", ())) <= value.keys()
        for name, part in schema.get("properties", {}).items():
            if name in value and "anyOf" not in part:
                check_schema(value[name], part, spec)
    if schema["type"] == "array":
        for item in value:
            check_schema(item, schema["items"], spec)
    if "enum" in schema:
        assert value in schema["enum"]


async def test_a_wrong_media_type_is_refused(home: Home, platform: Platform) -> None:
    headers = {"authorization": f"Bearer {home.credentials['https_token']}", "content-type": "text/plain"}
    status, _, answer = await raw(platform, "POST", "/v1/events", headers, encode_event(press()))
    assert (status, json.loads(answer)["reason"]) == (400, "bad-value")


async def test_too_much_is_refused_before_it_is_held(home: Home, platform: Platform) -> None:
    headers = {"authorization": f"Bearer {home.credentials['https_token']}"}
    status, _, _ = await raw(platform, "POST", "/v1/events", headers, b"\x00" * 300_000)
    assert status == 413


async def test_plain_http_gets_no_answer(platform: Platform) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", platform.info["https_port"])
    writer.write(b"GET /v1/time HTTP/1.1\r\nhost: x\r\n\r\n")
    async with asyncio.timeout(5):
        assert not (await reader.read()).startswith(b"HTTP/")
    writer.close()


# --- tools ---


async def raw(
    platform: Platform, method: str, address: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """One request by hand."""
    context = ssl.create_default_context(cafile=platform.info["ca_file"])
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", platform.info["https_port"], ssl=context, server_hostname="127.0.0.1"
    )
    lines = [
        f"{method} {address} HTTP/1.1",
        "host: 127.0.0.1",
        "connection: close",
        f"content-length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    return int(first.split()[1]), dict(field.lower().split(": ", 1) for field in fields), rest


class _Server:
    def __init__(self, app: Any, certificate: Path, key: Path) -> None:
        def context(*_: Any) -> ssl.SSLContext:
            made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            made.load_cert_chain(certificate, key)
            return made

        self.web = WebServer(app, "127.0.0.1", 0, ssl_context_factory=context)

    async def __aenter__(self) -> int:
        await self.web.start()
        return self.web.port

    async def __aexit__(self, *_: Any) -> None:
        await self.web.stop()


def server(app: Any, certificate: Path, key: Path) -> _Server:
    return _Server(app, certificate, key)


class TcpWire:
    """A TCP line that counts connections, and can fall silent or be cut."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.connections = 0
        self.silent = False
        self.swallowed = 0
        self.drop_at_next_byte = False
        self._writers: list[asyncio.StreamWriter] = []
        self._changed = asyncio.Event()

    async def __aenter__(self) -> TcpWire:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._server.close()
        self.drop()

    def drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not enough():
                self._changed.clear()
                await self._changed.wait()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._changed.set()
        far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
        mine = [writer, far]
        self._writers += mine
        await asyncio.gather(self._pump(reader, far, mine), self._pump(far_reader, writer, mine))

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, both: list[asyncio.StreamWriter]
    ) -> None:
        try:
            while data := await source.read(65_536):
                if self.drop_at_next_byte:
                    self.drop_at_next_byte = False
                    for writer in both:
                        writer.transport.abort()
                    return
                if self.silent:
                    self.swallowed += 1
                    self._changed.set()
                else:
                    sink.write(data)
            sink.close()
        except OSError:
            pass


def tcp_wire(target: int) -> TcpWire:
    return TcpWire(target)
