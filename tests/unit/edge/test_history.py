"""The home's readings as people ask for them: whose, the newest first, honest about time and about nobody."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner

from edge import cli, cli_common, cli_readings
from edge.entries import EventEntry
from edge.history import History
from edge.stores.journal import Journal
from protocols.errors import AnbanError
from protocols.figures import figures
from protocols.values import Event, EventId, Lane
from tests.unit.edge.making import NOON_MS, at


def journal_of(*events: Event) -> Journal:
    journal = Journal.in_memory()
    for event in events:
        journal.append(event.lane, [EventEntry(at=at(0), event=event, source="system")])
    return journal


def pressure(number: int, elder: str = "e-chen", **data: object) -> Event:
    return Event(
        id=EventId("bp-01", 1, number),
        kind="reading.blood_pressure",
        lane=Lane.READING,
        device="bp-01",
        elder=elder,
        wall_ms=NOON_MS + number,
        data={"value": 120.0 + number, "second": 80.0, "unit": "mmhg", "meter": "bp-01", **data},
    )


class Reader:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    async def read(self, ask):  # type: ignore[no-untyped-def]
        return ask(self.journal)


async def ask(journal: Journal, **args: object) -> list[dict]:
    return await History(Reader(journal).read, lambda: 480).readings(args)


async def test_a_reading_bears_the_time_of_the_homes_clocks_wherever_the_hub_thinks_it_is() -> None:
    journal = journal_of(pressure(1))
    (here,) = await ask(journal)
    (utc,) = await History(Reader(journal).read, lambda: 0).readings({})
    apart = datetime.fromisoformat(here["at"]) - datetime.fromisoformat(utc["at"])
    assert (apart, here["at_ms"]) == (timedelta(hours=8), utc["at_ms"])


async def test_each_persons_readings_are_hers_and_nobodys_are_asked_for_openly() -> None:
    journal = journal_of(pressure(1), pressure(2, "e-wang"), pressure(3, ""))
    assert [row["value"] for row in await ask(journal, person="e-chen")] == [121]
    assert [row["value"] for row in await ask(journal, person="")] == [123]
    assert [row["value"] for row in await ask(journal)] == [123, 122, 121]
    assert [row["value"] for row in await ask(journal, limit=1)] == [123]


async def test_the_time_of_the_measurement_orders_them_and_an_unknown_one_is_said() -> None:
    journal = journal_of(pressure(1), pressure(2, measured_ms=NOON_MS - 10_000))
    rows = await ask(journal, person="e-chen")
    assert [(row["value"], row["time_known"]) for row in rows] == [(121, False), (122, True)]


@pytest.mark.parametrize("args", [{"limit": 0}, {"limit": 1000}, {"limit": "x"}, {"person": 3}])
async def test_a_question_that_makes_no_sense_is_refused(args: dict) -> None:
    with pytest.raises(AnbanError):
        await ask(journal_of(), **args)


def test_figures_read_as_people_write_them() -> None:
    kind = "reading.blood_pressure"
    assert figures(kind, {"value": 138.0, "second": 88.0, "unit": "mmhg", "pulse_bpm": 66.0}) == (
        "138/88 mmHg, pulse 66"
    )
    assert figures("reading.body_temperature", {"value": 37.6, "unit": "cel"}) == "37.6 °C"
    assert figures(kind, {"judged": "unusable", "reason": "nan"}) == "unusable (nan)"


async def test_the_command_shows_a_table_csv_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = await ask(journal_of(pressure(1), pressure(2, "")))
    asked = []
    monkeypatch.setattr(cli_common, "ask", lambda path, op, **args: asked.append((op, args)) or rows)

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli.hub, ["readings", *words])
        assert done.exit_code == 0, done.output
        return done.output

    table = run("--person", "e-chen")
    assert "121/80 mmHg" in table
    assert "nobody's" in table
    assert asked == [("readings", {"person": "e-chen", "limit": 50, "fhir": False})]
    assert run("--csv").splitlines()[0].startswith("at,person,kind,value")
    assert json.loads(run("--json"))[0]["value"] == 122
    rows[0] |= {"judged": "high", "reason": "own-band"}
    assert "[high: own-band]" in run()
    rows.clear()
    assert run() == "No readings.\n"


def test_a_spreadsheet_takes_no_text_for_a_formula() -> None:
    assert "'=1+1" in cli_readings.as_csv([{"room": "=1+1"}])
