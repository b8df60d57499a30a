"""A figure that a person read from a strip: checked, kept as theirs, and said to be entered by hand."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from edge import cli_readings
from edge.by_hand import ALLOWED, ByHand, reading
from edge.hub import Hub
from edge.mint import Mint
from protocols.errors import AnbanError, Reason
from tests.unit.edge.by_hand import ClockByHand, DiskByHand

NOW_MS = 1_790_000_000_000


class Table:
    def __init__(self) -> None:
        self.clock, self.disk = ClockByHand(), DiskByHand()
        self.hub = Hub(Mint("hub-01", self.clock), self.disk, elder="e-chen", room="hall")
        judge = lambda kind, data, elder, at_ms: {"judged": "high", "reason": "above-420"}  # noqa: E731
        self.by_hand = ByHand(self.hub, ("e-chen",), lambda: 480, judge)

    def events(self) -> list[Any]:
        return [entry.event for _, entries, _ in self.disk.jobs for entry in entries]


async def test_a_uric_acid_is_hers_and_answered_once_it_is_durable() -> None:
    table = Table()
    args = {"person": "e-chen", "kind": "uric_acid", "value": 452.0, "at": "2026-09-20 08:30"}
    asked = asyncio.ensure_future(table.by_hand.add(args))
    await asyncio.sleep(0)
    assert not asked.done()
    await table.disk.commit()
    assert (await asked)["kind"] == "uric_acid"
    (event,) = table.events()
    assert (event.kind, event.elder, event.data["unit"]) == ("reading.uric_acid", "e-chen", "umol_per_l")
    assert (event.data["clock"], event.data["judged"]) == ("person", "high")
    assert event.data["measured_ms"] == 1_789_864_200_000


async def test_whoever_asks_may_leave_and_the_hub_still_hears_of_its_disk() -> None:
    table = Table()
    asked = asyncio.ensure_future(table.by_hand.add({"person": "e-chen", "kind": "hdl", "value": 1.2}))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait({asked})
    told: list[str] = []
    table.hub.on_change.append(lambda: told.append("changed"))
    await table.disk.commit()
    assert told == ["changed"]


async def test_a_disk_that_says_no_is_said() -> None:
    table = Table()
    asked = asyncio.ensure_future(table.by_hand.add({"person": "e-chen", "kind": "hdl", "value": 1.2}))
    await asyncio.sleep(0)
    await table.disk.fail(Reason.STORAGE_FULL)
    with pytest.raises(AnbanError):
        await asked


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"kind": "iron", "value": 1}, "kind"),
    ({"kind": "ldl"}, "no value"),
    ({"kind": "ldl", "value": 452.0}, "value"),  # mg/dL entered as mmol/L
    ({"kind": "ldl", "value": True}, "value"),
    ({"kind": "ldl", "value": float("nan")}, "value"),
    ({"kind": "ldl", "value": 2.5, "unit": "kg"}, "unit"),
    ({"kind": "ldl", "value": 2.5, "second": 1.0}, "second"),
    ({"kind": "ldl", "value": 2.5, "context": "fasting"}, "context"),
    ({"kind": "blood_pressure", "value": 120}, "second"),
    ({"kind": "blood_pressure", "value": 80, "second": 120}, "second"),
    ({"kind": "ldl", "value": 2.5, "at": "yesterday"}, "at"),
    ({"kind": "ldl", "value": 2.5, "at": "2036-01-01 00:00"}, "at"),
    ({"kind": "ldl", "value": 2.5, "at": "1996-01-01 00:00"}, "at"),
)


@pytest.mark.parametrize(("args", "about"), WRONG)
def test_what_cannot_be_is_refused_with_what_is_allowed(args: dict[str, Any], about: str) -> None:
    with pytest.raises(AnbanError) as refused:
        reading(args, NOW_MS, 480)
    assert about in refused.value.sentence
    assert refused.value.remedy


async def test_a_stranger_has_no_readings() -> None:
    with pytest.raises(AnbanError, match="person"):
        await Table().by_hand.add({"person": "e-nobody", "kind": "hdl", "value": 1.2})


@given(
    st.dictionaries(
        st.sampled_from(["kind", "value", "second", "pulse", "unit", "at", "context"]),
        st.sampled_from([*ALLOWED, "mmol_per_l", "2026-09-20 08:30"]) | st.floats() | st.text(),
    )
)
def test_anything_is_a_reading_or_a_refusal(args: dict[str, Any]) -> None:
    with contextlib.suppress(AnbanError):
        assert reading(args, NOW_MS, 480).value is not None


def test_it_is_entered_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def hub(socket: object, op: str, **args: Any) -> dict[str, Any]:
        asked.update(args, op=op)
        return {"id": "hub-01.1.2", "kind": args["kind"]}

    monkeypatch.setattr(cli_readings, "ask_hub", hub)
    told = CliRunner().invoke(
        cli_readings.readings, ["add", "--person", "e-chen", "--kind", "ldl", "--value", "2.5"]
    )
    assert told.output == "Kept as hub-01.1.2.\n"
    assert (asked["op"], asked["value"], asked["second"]) == ("reading_add", 2.5, None)
