"""Time and configuration: hub and platform write what anban.cddl says, and read what the other writes."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any, cast

import cbor2
import pycddl  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.paths.base import MAX_AUTHOR, PathError, config_body, config_of, wall_ms_of
from protocols.errors import AnbanError
from sim.platform.resources import MAX_DOCUMENT, Bell, Resources
from sim.platform.store import Store
from tests.unit.protocols import strategies as made
from tests.unit.protocols.test_cddl import schema

TIME, CONFIG, REPORT, MESSAGE = (
    schema("platform-time"),
    schema("config"),
    schema("config-report"),
    schema("message"),
)
authors = st.text(made.clean, max_size=MAX_AUTHOR)
documents = st.text(made.clean, max_size=200)


def platform(**config: Any) -> tuple[Resources, list[tuple[str, str]]]:
    """The platform's resources over a store that holds this configuration, and what is put there."""
    kept: list[tuple[str, str]] = []

    async def put_config(_hub: str, document: str, author: str) -> None:
        kept.append((document, author))

    store = SimpleNamespace(config=lambda _hub: config or None, put_config=put_config)
    return Resources(cast(Store, store), Bell()), kept


def configuration(document: str, author: str, side: str, at_ms: int) -> bytes:
    """The platform's answer to GET /v1/config."""
    digest = hashlib.sha256(document.encode()).hexdigest()
    resources, _ = platform(document=document, author=author, hash=digest, side=side, at_ms=at_ms)
    return resources.get_config("hub-01")


def test_the_platforms_time_follows_the_grammar_and_is_read() -> None:
    raw = platform()[0].get_time()
    TIME.validate_cbor(raw)
    MESSAGE.validate_cbor(raw)
    assert wall_ms_of(raw) == cast(dict[int, Any], cbor2.loads(raw))[1]


@given(documents, authors, st.sampled_from(["active", "proposed"]), made.millis)
def test_every_configuration_follows_the_grammar_and_is_read(
    document: str, author: str, side: str, at_ms: int
) -> None:
    raw = configuration(document, author, side, at_ms)
    CONFIG.validate_cbor(raw)
    MESSAGE.validate_cbor(raw)
    assert config_of(raw) == (document, author)


@given(documents, authors)
async def test_every_report_follows_the_grammar_and_is_kept(document: str, author: str) -> None:
    raw = config_body(document, author)
    REPORT.validate_cbor(raw)
    MESSAGE.validate_cbor(raw)
    resources, kept = platform()
    await resources.put_config("hub-01", raw)
    assert kept == [(document, author)]


async def test_what_a_later_version_adds_is_in_nobodys_way() -> None:
    later: dict[Any, Any] = {9: "later", "note": [1]}
    written = cast(dict[Any, Any], cbor2.loads(configuration("[home]", "seat", "active", 5)))
    time, config, report = {0: 1, 1: 5, **later}, {**written, **later}, {0: 1, 1: "[home]", **later}
    for rule, message in ((TIME, time), (CONFIG, config), (REPORT, report)):
        rule.validate_cbor(cbor2.dumps(message))
    assert wall_ms_of(cbor2.dumps(time)) == 5
    assert config_of(cbor2.dumps(config)) == ("[home]", "seat")
    resources, kept = platform()
    await resources.put_config("hub-01", cbor2.dumps(report))
    assert kept == [("[home]", "")]


@pytest.mark.parametrize("wall_ms", [None, -1, 2**53, 1.5, "now", True])
def test_a_time_that_the_grammar_refuses_sets_no_clock(wall_ms: Any) -> None:
    raw = cbor2.dumps({0: 1, 1: wall_ms})
    with pytest.raises(pycddl.ValidationError):
        TIME.validate_cbor(raw)
    with pytest.raises(PathError):
        wall_ms_of(raw)


@pytest.mark.parametrize("change", [{1: None}, {1: []}, {2: None}, {2: "x" * 257}], ids=str)
def test_a_configuration_that_the_grammar_refuses_is_no_proposal(change: dict[int, Any]) -> None:
    message = cbor2.loads(configuration("[home]", "seat", "proposed", 5))
    raw = cbor2.dumps({**cast(dict[Any, Any], message), **change})
    with pytest.raises(pycddl.ValidationError):
        CONFIG.validate_cbor(raw)
    with pytest.raises(PathError):
        config_of(raw)


@pytest.mark.parametrize(
    "change", [{0: 2}, {1: None}, {1: "x" * (MAX_DOCUMENT + 1)}, {2: None}, {2: "x" * 257}], ids=range(5)
)
async def test_a_report_that_the_grammar_refuses_is_not_kept(change: dict[int, Any]) -> None:
    raw = cbor2.dumps({0: 1, 1: "[home]", 2: "seat", **change})
    with pytest.raises(pycddl.ValidationError):
        REPORT.validate_cbor(raw)
    resources, kept = platform()
    with pytest.raises(AnbanError):
        await resources.put_config("hub-01", raw)
    assert kept == []
