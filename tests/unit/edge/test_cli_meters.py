"""A meter is paired on the command line: the passkey is asked for when the meter shows it."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from edge import cli_meters
from edge.cli_meters import meters


class HubSays:
    def __init__(self, *states: str) -> None:
        self.states, self.asked = list(states), []

    def __call__(self, socket: object, op: str, **args: Any) -> dict[str, Any]:
        self.asked.append((op, args.get("passkey")))
        return {"meter": args["meter"], "state": self.states.pop(0) if op == "meter_pairing" else "waiting"}


def paired(monkeypatch: pytest.MonkeyPatch, hub: HubSays, *arguments: str, typed: str = "") -> Any:
    monkeypatch.setattr(cli_meters, "ask_hub", hub)
    monkeypatch.setattr(cli_meters, "LOOK_S", 0.0)
    return CliRunner().invoke(meters, ["pair", "bp-01", *arguments], input=typed)


def test_the_figures_that_it_shows_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = HubSays("waiting", "passkey", "waiting", "paired")
    told = paired(monkeypatch, hub, typed="042317\n")
    assert told.exit_code == 0
    assert "bp-01 is paired." in told.output
    assert ("meter_passkey", "042317") in hub.asked


def test_the_figures_that_stand_on_it_are_given_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = HubSays("paired")
    assert paired(monkeypatch, hub, "--passkey", "042317").exit_code == 0
    assert hub.asked[0] == ("meter_pair", "042317")


def test_a_meter_that_refuses_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    told = paired(monkeypatch, HubSays("failed"))
    assert told.exit_code == 1
    assert "refused to pair" in told.output
