"""The stages of a call in a scenario's JSON: by text and by phone, in ms after the press."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sim.home.ledger import Press, Stored
from sim.home.setup import CHEN, PLATFORM_NUMBER, Setup
from sim.modem.network import Carried
from sim.scenarios.runner import _event

SETUP = Setup(modems=True)
HOME = SETUP.number_of("hub-01")
PRESS = Press(10_000, "hub-01", "red", CHEN.id)


def stages(*, by_text: bool, sent_ms: int = 15_100, came_ms: int = 22_000, **rung: int) -> dict[str, Any]:
    """Of one event, in a home of which this was seen from outside."""
    log = [
        Carried(HOME, PLATFORM_NUMBER, b"", 9_000),  # of before the press
        Carried(PLATFORM_NUMBER, HOME, b"", 12_000),
        Carried(HOME, "+8613800138201", b"", 13_000),  # to a relative
        Carried(HOME, PLATFORM_NUMBER, b"", sent_ms),
    ]
    calls = [SimpleNamespace(caller=HOME, at_ms=rung)] if rung else []
    home = SimpleNamespace(
        setup=SETUP,
        hubs={"hub-01": None},
        cell=SimpleNamespace(log=log, exchange=SimpleNamespace(log=calls)),
        ledger=SimpleNamespace(told=[]),
    )
    event = Stored("hub-01.00000001.1", "c", "call.sos", "hub-01", CHEN.id, came_ms, by_text=by_text)
    found = _event(event, PRESS, home)["stages"]  # type: ignore[arg-type]
    assert isinstance(found, dict)
    return found


def test_a_call_by_text_has_both_its_stages() -> None:
    found = stages(by_text=True)
    assert (found["sms_handed_ms"], found["sms_platform_ms"]) == (5_100, 12_000)
    assert not any(name.startswith("voice") for name in found)


def test_a_call_that_came_by_ip_has_none_of_the_texts_arrival() -> None:
    found = stages(by_text=False)
    assert found["sms_handed_ms"] == 5_100
    assert "sms_platform_ms" not in found


def test_a_phone_that_rings_is_a_stage_and_one_that_does_not_is_none() -> None:
    assert stages(by_text=True, dialling=40_000, ringing=40_900)["voice_ringing_ms"] == 30_900
    assert "voice_ringing_ms" not in stages(by_text=True, dialling=40_000)
    assert "voice_ringing_ms" not in stages(by_text=True, dialling=9_000, ringing=9_500)
