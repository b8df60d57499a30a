"""A scale's codes: from the credentials to its link, and into no text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from drivers.ble.meter_facts import MeterTrouble
from edge.credentials import load
from edge.inputs.meters import Meters
from protocols.errors import AnbanError
from tests.unit.edge.test_meter_readings import CONFIG, Table

PLAIN = {"hub_id": "hub-01", "https_token": "t", "oscore": []}


def written(path: Path, consents: object) -> Path:
    path.write_text(json.dumps({**PLAIN, "consents": consents}))
    path.chmod(0o600)
    return path


def test_a_code_reaches_the_link_of_its_meter_and_no_text(tmp_path: Path) -> None:
    secrets = load(written(tmp_path / "c.json", {"bp-01": {"2": 9072, "1": 4711}}))
    ports = SimpleNamespace(clock=Table().clock)
    radio = SimpleNamespace(request=None, withdraw=None)
    meters = Meters(None, ports, CONFIG, radio, lambda: 480, credentials=secrets)  # type: ignore[arg-type]
    link = meters._meters["bp-01"].link
    assert link is not None
    assert [(one.user, one.code) for one in link.meter.consents] == [(1, 4711), (2, 9072)]
    assert "9072" not in f"{secrets!r}{link.meter!r}{replace(link.meter)}"


@pytest.mark.parametrize(
    "consents", [{"bp-01": {"1": 10_000}}, {"bp-01": {"x": 1}}, {"bp-01": {"255": 1}}, 7]
)
def test_what_is_no_code_is_refused_and_not_quoted(tmp_path: Path, consents: object) -> None:
    with pytest.raises(AnbanError) as told:
        load(written(tmp_path / "c.json", consents))
    assert "10000" not in str(told.value)


async def test_a_refused_code_is_a_fault_at_once() -> None:
    table = Table()
    table.meters._fact(MeterTrouble("bp-01", "consent-refused", 1))
    assert [event.kind for event in table.events()] == ["fault.raised"]
