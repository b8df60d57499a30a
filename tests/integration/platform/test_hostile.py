"""Whatever a hub sends, the platform answers with a reason, loses nothing of what is right, and lives on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiocoap
import cbor2
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edge.paths.base import PathError
from protocols.errors import AnbanError, Reason
from protocols.values import Event
from protocols.wire import decode_receipts, encode_event, encode_events
from sim.platform.registry import propose_config, provision
from sim.platform.resources import read_delivery, read_delivery_json
from sim.platform.service import Platform, running

from .conftest import ELDERS, Home, press, reading

REFUSALS = {Reason.BAD_VALUE, Reason.BAD_VERSION, Reason.TOO_BIG}
Rows = Callable[[str], list[tuple[Any, ...]]]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=8),
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.integers(-2, 20), st.text(max_size=4)), inner, max_size=4),
    ),
    max_leaves=12,
)


def damaged(raw: bytes) -> st.SearchStrategy[bytes]:
    """`raw` with a bit flipped, cut short, or with something behind it."""
    return st.one_of(
        st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 7)).map(
            lambda at: raw[: at[0]] + bytes([raw[at[0]] ^ 1 << at[1]]) + raw[at[0] + 1 :]
        ),
        st.integers(0, len(raw) - 1).map(lambda n: raw[:n]),
        st.binary(min_size=1, max_size=4).map(lambda more: raw + more),
    )


bodies = st.one_of(
    st.binary(max_size=200),
    trees.map(cbor2.dumps),
    damaged(encode_event(press(1))),
    damaged(encode_events([press(1), reading(2)])),
)


@given(bodies)
@example(b"\x81" * 5_000)
@example(b"\x9f" * 100)
@example(b"\xbf\x61a" * 3_000)
@example(b"\xc2\x5a\x7f\xff\xff\xff")
@example(b"\xd8\x1c\xd8\x1d\x00")
@settings(max_examples=400)
def test_any_bytes_are_events_or_a_reason(body: bytes) -> None:
    events: list[Any] = []
    reason = None
    try:
        events = read_delivery(body)
    except AnbanError as refusal:
        reason = refusal.reason
    assert reason in (None, *REFUSALS)
    assert all(isinstance(event, Event) or isinstance(event[1], AnbanError) for event in events)


@given(
    st.one_of(
        st.binary(max_size=100), trees.map(lambda t: msgspec.json.encode(repr(t))), st.text().map(str.encode)
    )
)
@example(b"[" * 100_000)
@example(b'[{"id":1}]')
@example(b'{"id":"pd-01.1a2b3c4d.1","data":{"a":1e999}}')
def test_any_json_is_events_or_a_reason(body: bytes) -> None:
    try:
        events = read_delivery_json(body)
    except AnbanError:
        return
    assert all(isinstance(event, Event) or isinstance(event[1], AnbanError) for event in events)


@given(st.lists(bodies, min_size=1, max_size=12))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_running_platform_takes_a_press_after_anything(tmp_path_factory: Any, hostile: list[bytes]) -> None:
    async def story(directory: Path) -> None:
        provision(directory, "hub-01", ELDERS)
        async with running(directory) as platform:
            reasons = set()
            for body in hostile:
                try:
                    decode_receipts(await platform.resources.post_events("hub-01", body))
                except AnbanError as refusal:
                    reasons.add(refusal.reason)
            assert reasons <= REFUSALS
            answer = await platform.resources.post_events("hub-01", encode_event(press(77)))
            assert decode_receipts(answer)[0].stage == "stored"

    asyncio.run(story(tmp_path_factory.mktemp("platform")))


def batch(items: list[Any]) -> bytes:
    return cbor2.dumps({0: 1, -1: items})


async def test_poison_in_a_batch_gets_its_own_receipt(home: Home, platform: Platform, rows: Rows) -> None:
    good = cbor2.loads(encode_event(reading(1)))
    del good[0]
    too_deep = good | {11: {"a": [[[[[[[1]]]]]]]}, 1: ["pd-01", 1, 2]}
    answer = await platform.resources.post_events("hub-01", batch([too_deep, "no", good, {1: 5}, 7]))
    assert [receipt.stage for receipt in decode_receipts(answer)] == ["rejected", "rejected", "stored"] + [
        "rejected"
    ] * 2
    assert rows("SELECT id FROM events") == [(str(reading(1).id),)]


async def test_the_version_before_would_be_read_and_the_one_after_is_refused(
    platform: Platform, home: Home
) -> None:
    """N = 1 is the first: there is none before, and 2 is of a later release."""
    body = cbor2.loads(encode_event(press(1)))
    for version, stage in ((0, None), (2, None), (1, "stored")):
        raw = cbor2.dumps(body | {0: version})
        if stage is None:
            with pytest.raises(AnbanError) as caught:
                await platform.resources.post_events("hub-01", raw)
            assert caught.value.reason is Reason.BAD_VERSION
        else:
            assert decode_receipts(await platform.resources.post_events("hub-01", raw))[0].stage == stage


async def test_unknown_kinds_and_keys_are_kept(home: Home, platform: Platform, rows: Rows) -> None:
    path = await home.coap(platform.info["coap_port"])
    event = press(1, kind="call.volcano", data={"lava": [1, 2]}, extra={77: {"later": True}})
    assert (await path.send([event]))[0].stage == "stored"
    ((body,),) = rows("SELECT body FROM events")
    assert read_delivery(body) == [event]


async def test_wrong_requests_by_coap_get_a_reason(home: Home, platform: Platform) -> None:
    path = await home.coap(platform.info["coap_port"])
    asked = [
        (aiocoap.POST, ("v1", "events"), b"\xff\xff", (), "4.00"),
        (aiocoap.POST, ("v1", "events"), b"", (), "4.00"),
        (aiocoap.GET, ("v1", "events"), b"", (), "4.05"),
        (aiocoap.GET, ("v1", "downlink"), b"", ("after=x",), "4.00"),
        (aiocoap.GET, ("v1", "downlink"), b"", ("after=-1",), "4.00"),
        (aiocoap.GET, ("v1", "downlink"), b"", ("hold=nan",), "4.00"),
        (aiocoap.GET, ("v1", "config"), b"", (), "4.04"),
        (aiocoap.PUT, ("v1", "config"), b"\xa0", (), "4.00"),
        (aiocoap.GET, ("v1", "nothing"), b"", (), "4.04"),
        (aiocoap.GET, (), b"", (), "4.04"),
    ]
    for code, address, body, query, expected in asked:
        with pytest.raises(PathError) as caught:
            await path._ask("main", "rest", code, address, body, query, 5)
        assert expected in caught.value.sentence, address
    assert (await path.send([press()]))[0].stage == "stored"


async def test_a_body_by_coap_without_end_is_stopped(home: Home, platform: Platform) -> None:
    path = await home.coap(platform.info["coap_port"])
    with pytest.raises(PathError) as caught:
        await path._ask("main", "rest", aiocoap.POST, ("v1", "events"), b"\x00" * 80_000, (), 20)
    assert "4.13" in caught.value.sentence


async def test_a_configuration_travels_both_ways(home: Home, platform: Platform, directory: Path) -> None:
    path = await home.coap(platform.info["coap_port"])
    document = "[hub]\n" + "# long\n" * 600  # blockwise by CoAP
    body = cbor2.dumps({0: 1, 1: document, 2: "installer"})
    await path._ask("main", "rest", aiocoap.PUT, ("v1", "config"), body, (), 10)
    kept = cbor2.loads(await path._ask("main", "rest", aiocoap.GET, ("v1", "config"), b"", (), 10))
    assert (kept[1], kept[2], kept[4]) == (document, "installer", "active")
    propose_config(directory, "hub-01", "[hub]\nid = 'x'\n", "platform")
    proposed = cbor2.loads(await path._ask("main", "rest", aiocoap.GET, ("v1", "config"), b"", (), 10))
    assert (proposed[2], proposed[4]) == ("platform", "proposed")
    with pytest.raises(PathError) as caught:
        await path._ask(
            "main", "rest", aiocoap.PUT, ("v1", "config"), cbor2.dumps({0: 1, 1: "x" * 65_537}), (), 20
        )
    assert "4.13" in caught.value.sentence


async def test_a_delivery_that_the_store_cannot_take_takes_no_other_with_it(
    home: Home, platform: Platform, monkeypatch: pytest.MonkeyPatch, rows: Rows
) -> None:
    """A bug in folding one event: its sender hears "not stored", all others theirs."""
    shelf = platform.store._shelf
    put = shelf.put_event

    def fragile(event: Event, *rest: Any) -> None:
        if event.id.number == 13:
            raise KeyError("a bug")
        put(event, *rest)

    monkeypatch.setattr(shelf, "put_event", fragile)
    sent = [platform.store.receive([press(n)], "hub-01") for n in (12, 13, 14)]
    results = await asyncio.gather(*sent, return_exceptions=True)
    assert isinstance(results[1], AnbanError)
    assert results[1].reason is Reason.STORAGE_FAILED
    assert rows("SELECT id FROM events ORDER BY number") == [(str(press(12).id),), (str(press(14).id),)]


async def test_a_full_disk_is_said_and_never_acknowledged(
    home: Home, platform: Platform, monkeypatch: pytest.MonkeyPatch, rows: Rows
) -> None:
    path = await home.coap(platform.info["coap_port"])
    db = platform.store._writer_db
    limit = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={limit}")
    answers = []
    for number in range(1, 60):
        try:
            await path.send([reading(number, data={"unit": "x" * 30, "long": "y" * 500})])
        except PathError as error:
            answers.append(error.sentence)
    assert answers
    assert all("5.03" in answer for answer in answers)
    assert rows("SELECT count(*) FROM events") == [(59 - len(answers),)]
    db.execute("PRAGMA max_page_count=1000000")
    assert (await path.send([press(99)]))[0].stage == "stored"


async def test_a_flood_of_readings_does_not_delay_a_press(home: Home, platform: Platform) -> None:
    """Readings fill the writer's queue; the press goes before all that wait."""
    order: list[int] = []
    began, all_wait = threading.Event(), threading.Event()
    receive = platform.store._desk.receive

    def watched(events: Any, hub: str, at_ms: int) -> Any:
        began.set()
        assert all_wait.wait(60)
        order.append(events[0].id.number)
        return receive(events, hub, at_ms)

    platform.store._desk.receive = watched  # type: ignore[method-assign]
    waiting = [asyncio.ensure_future(platform.store.receive([reading(0)], "hub-01"))]
    assert await asyncio.to_thread(began.wait, 60)  # the writer has its hands full
    flood = [
        platform.store.receive([reading(n * 400 + k) for k in range(400)], "hub-01") for n in range(1, 21)
    ]
    waiting += [asyncio.ensure_future(job) for job in flood]
    await asyncio.sleep(0)
    pressed = asyncio.ensure_future(platform.store.receive([press(1)], "hub-01"))
    await asyncio.sleep(0)
    all_wait.set()
    await pressed
    done_before = len(order)
    await asyncio.gather(*waiting)
    assert order[:2] == [0, 1]
    assert done_before < len(order)


async def test_no_hub_mints_ids_of_another_home(platform: Platform, directory: Path, rows: Rows) -> None:
    """A neighbour's hub could else send a pendant's next id first, and the true press would fold away."""
    provision(directory, "hub-99", [{"id": "e-other", "name": "x", "address": "y"}])
    stolen = decode_receipts(await platform.resources.post_events("hub-99", encode_event(press(1))))
    assert stolen[0].stage == "rejected"
    true = decode_receipts(await platform.resources.post_events("hub-01", encode_event(press(1))))
    assert true[0].stage == "stored"
    assert rows("SELECT hub FROM events") == [("hub-01",)]


def test_hostile_names_in_the_register_are_kept_as_they_are(tmp_path: Path) -> None:
    credentials = provision(
        tmp_path, "hub-01", [{"id": "e-1", "name": "'); DROP TABLE hubs; --", "address": "\x00"}]
    )
    assert credentials["hub_id"] == "hub-01"
    with pytest.raises(AnbanError):
        provision(tmp_path, "Hub 1!")
    with pytest.raises(AnbanError):
        provision(tmp_path, "hub-01", [{"id": "../x", "name": "a"}])


async def test_the_file_and_the_keys_are_for_their_owner_only(platform: Platform, directory: Path) -> None:
    for name in ("platform.db", "ca-key.pem", "server-key.pem", "seat-token"):
        assert (directory / name).stat().st_mode & 0o077 == 0, name


async def test_secrets_do_not_stand_in_what_the_platform_says(
    platform: Platform, home: Home, directory: Path
) -> None:
    said = (directory / "platform.json").read_text()
    token = (directory / "seat-token").read_text()
    assert token not in said
    assert home.credentials["https_token"].encode() not in (directory / "platform.db").read_bytes()
