"""JSON for people, and the OpenAPI document: they say what the door does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from protocols.wire import encode_event, to_json
from sim.platform.openapi import document
from sim.platform.service import Platform

from .conftest import Home, press
from .tools import raw

Rows = Callable[[str], list[tuple[Any, ...]]]


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
    assert served == routes
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
        assert status == (200 if operation.get("security") == [] else 401)
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
    async with asyncio.timeout(60):
        assert not (await reader.read()).startswith(b"HTTP/")
    writer.close()
