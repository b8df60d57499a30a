"""The OpenAPI 3.1 document of the HTTPS door; a test holds it against what the door really answers."""

from __future__ import annotations

from typing import Any

from protocols.kinds import KINDS
from protocols.values import RECEIPT_STAGES, Lane

MAX_U32 = 2**32 - 1

_ID = {"type": "string", "pattern": "^[a-z0-9-]{1,16}$"}
_MAYBE_ID = {"type": "string", "pattern": "^[a-z0-9-]{0,16}$"}
_EVENT_ID = {
    "type": "string",
    "pattern": r"^[a-z0-9-]{1,16}\.[0-9a-f]{8}\.(0|[1-9][0-9]{0,9})$",
    "description": "origin device, life of its counter store, number in that life",
    "examples": ["pd-01.1a2b3c4d.17"],
}
_MS = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
_VERSION = {"type": "integer", "enum": [1]}


def _object(required: list[str], closed: bool = False, **properties: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "required": required, "properties": properties}
    return made | {"additionalProperties": False} if closed else made


def _event() -> dict[str, Any]:
    return _object(
        ["id", "kind", "lane", "device"],
        version=_VERSION,
        id={"$ref": "#/components/schemas/EventId"},
        call_id={
            "anyOf": [{"$ref": "#/components/schemas/EventId"}, {"type": "null"}],
            "description": "the hub's name for the call; a second hub, or one that has forgotten a call which"
            " stands open, has another name for the same",
        },
        kind={"type": "string", "pattern": "^[a-z][a-z0-9_.]{0,31}$", "examples": sorted(KINDS)[:6]},
        lane={"type": "string", "enum": [lane.name.lower() for lane in Lane]},
        device=_ID,
        elder=_MAYBE_ID,
        room=_MAYBE_ID,
        wall_ms=_MS | {"description": "Unix time; wrong if clock_trusted is false"},
        uptime_ms=_MS | {"description": "the hub's monotonic clock within its boot"},
        boot={"type": "integer", "minimum": 0, "maximum": MAX_U32, "description": "another for each boot"},
        clock_trusted={"type": "boolean"},
        durable={"type": "boolean"},
        data={"type": "object"},
        stages={"type": "object", "additionalProperties": _MS},
    )


def _schemas() -> dict[str, Any]:
    receipt = _object(
        ["number", "about", "stage"],
        version=_VERSION,
        number=_MS | {"description": "the platform's own order"},
        about={"$ref": "#/components/schemas/EventId"},
        stage={"type": "string", "examples": list(RECEIPT_STAGES)},
        by={"type": "string"},
        reason={"type": "string"},
        wall_ms=_MS,
        call_id={
            "anyOf": [{"$ref": "#/components/schemas/EventId"}, {"type": "null"}],
            "description": "the call that a stored event stands in, if not that it was sent with",
        },
    )
    command = _object(
        ["id", "kind", "expires_ms", "authority"],
        id={"type": "string"},
        kind={"type": "string"},
        expires_ms=_MS,
        authority={"type": "string"},
        data={"type": "object"},
    )
    item = _object(
        ["cursor"],
        version=_VERSION,
        cursor=_MS,
        receipt={"$ref": "#/components/schemas/Receipt"},
        command={"$ref": "#/components/schemas/Command"},
    )
    config = _object(
        ["document", "author", "hash", "side", "at_ms"],
        version=_VERSION,
        document={"type": "string", "maxLength": 65_536},
        author={"type": "string", "maxLength": 64},
        hash={"type": "string", "description": "SHA-256 of the document"},
        side={"type": "string", "enum": ["active", "proposed"]},
        at_ms=_MS,
    )
    report = _object(
        ["document"], document={"type": "string", "maxLength": 65_536}, author={"type": "string"}
    )
    return {
        "EventId": _EVENT_ID,
        "Event": _event(),
        "Receipt": receipt,
        "Command": command,
        "DownlinkItem": item,
        "Config": config,
        "ConfigReport": report,
        "Time": _object(["version", "wall_ms"], version=_VERSION, wall_ms=_MS),
        "Refusal": _object(["reason", "sentence"], reason={"type": "string"}, sentence={"type": "string"}),
    }


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    cbor = {"schema": {"type": "string", "contentEncoding": "binary", "description": "see anban.cddl"}}
    return {"application/json": {"schema": schema}, "application/cbor": cbor}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _many(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name), "maxItems": 512}


def _operation(summary: str, answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    refusal = {"application/json": {"schema": _ref("Refusal")}}
    refusals = {
        "400": "The body or query is not as agreed; the reason says how.",
        "401": "No token, or one that belongs to no hub.",
        "413": "Too big.",
        "503": "Not stored; try again.",
    }
    responses = answers | {code: {"description": text, "content": refusal} for code, text in refusals.items()}
    return {"summary": summary, "responses": responses, **more}


def _good(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"200": {"description": text, "content": _content(schema)}}


def _query(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": text}


def _paths() -> dict[str, Any]:
    one_or_many = {"oneOf": [_ref("Event"), _many("Event")]}
    post_events = _operation(
        "Deliver events; receipts come after the commit, one for each event in order",
        _good("A receipt for each event: stored, or rejected with a reason.", _many("Receipt")),
        requestBody={"required": True, "content": _content(one_or_many)},
    )
    downlink = _operation(
        "What the platform has to say to this hub (long poll)",
        _good("Items after the cursor; empty when nothing came while held.", _many("DownlinkItem")),
        parameters=[
            _query("after", _MS | {"default": 0}, "the cursor of the last item that was kept"),
            _query("hold", {"type": "number", "minimum": 0, "default": 0}, "seconds to wait, 60 at most"),
        ],
    )
    none_yet = {"404": {"description": "There is none.", "content": _content(_ref("Refusal"))}}
    get_config = _operation(
        "The configuration that this hub is to have",
        _good("The platform's proposal, else what the hub last reported.", _ref("Config")) | none_yet,
    )
    put_config = _operation(
        "Report the active configuration",
        {"204": {"description": "Kept."}},
        requestBody={"required": True, "content": _content(_ref("ConfigReport"))},
    )
    time = _operation("The platform's clock", _good("Unix time in milliseconds.", _ref("Time")))
    any_document = {"application/json": {"schema": {"type": "object", "required": ["openapi", "paths"]}}}
    itself = {
        "summary": "This document; whoever asks may read it",
        "security": [],
        "responses": {"200": {"description": "OpenAPI 3.1", "content": any_document}},
    }
    return {
        "/v1/events": {"post": post_events},
        "/v1/downlink": {"get": downlink},
        "/v1/config": {"get": get_config, "put": put_config},
        "/v1/time": {"get": time},
        "/v1/openapi.json": {"get": itself},
    }


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Anban platform link", "version": "1", "license": {"name": "Apache-2.0"}},
        "security": [{"hub": []}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"hub": {"type": "http", "scheme": "bearer"}},
        },
    }
