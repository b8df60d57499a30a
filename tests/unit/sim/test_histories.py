"""Made-up days through the product's own code: a few in every run, and that they can notice a loss."""

from __future__ import annotations

import json
import os
import threading

import pytest
from click.testing import CliRunner

from sim.histories.bugs import BUGS
from sim.histories.cli import histories
from sim.histories.play import play
from sim.histories.run import hunt, replay, rows, run, silence, story
from sim.histories.script import make
from sim.histories.shrink import kind_of

COUNT = 200
MANY = 10_000  # in `make test-slow`
SEED = int(os.environ.get("ANBAN_SEED", "1"))


def test_two_hundred_made_up_days_break_no_invariant():
    report = run(COUNT, 0)
    assert report.ok, story(replay(report.failures[0].script.seed))
    assert report.count == COUNT
    assert report.as_json()["median_steps"] >= 300
    visited = sum(1 for row in rows() if report.visits[row])
    assert visited > len(rows()) * 0.7


@pytest.mark.slow
def test_ten_thousand_made_up_days_break_no_invariant_and_visit_every_row():
    """`ANBAN_SEED=N` plays ten thousand others; a failure names its seed for `--replay`."""
    report = run(MANY, SEED * MANY, jobs=os.cpu_count() or 1)
    assert report.ok, [(result.script.seed, result.failure) for result in report.failures]
    figures = report.as_json()
    print(
        {name: figures[name] for name in ("count", "median_steps", "histories_per_s", "histories_per_core_s")}
    )
    assert figures["median_steps"] >= 300
    assert report.rare == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", BUGS)
def test_each_planted_bug_is_found_within_a_thousand(name):
    found = hunt(name, 1_000, SEED * MANY)
    assert found is not None
    print(f"{name}: history {found.script.seed - SEED * MANY + 1}, {found.failure}")


def test_what_is_played_side_by_side_is_the_same():
    alone, together = run(6, 300), run(6, 300, jobs=2)
    assert together.visits == alone.visits
    assert sorted(together.steps) == sorted(alone.steps)


def test_failures_end_a_run_of_several_processes_too():
    with BUGS["a counter starts again"]():  # inherited by the processes
        report = run(400, 0, jobs=2, stop_after=1)
    assert report.failures
    assert report.count < 400


def test_a_history_is_a_function_of_its_seed_and_runs_in_one_thread(monkeypatch):
    def start(thread):
        raise AssertionError(f"a history starts a thread: {thread.name}")

    monkeypatch.setattr(threading.Thread, "start", start)
    with silence():
        first, second = play(make(7)), play(make(7))
    assert first.timeline == second.timeline
    assert first.steps == second.steps
    assert make(7) == make(7) != make(8)


@pytest.mark.parametrize(
    "name",
    [
        "told before the commit",
        "a call waits for the disk",
        "a press never joins a call",
        "a hub knows what it does not say",
    ],
)
def test_a_planted_bug_is_found(name):
    found = hunt(name, 60, 0)
    assert found is not None
    with silence():
        assert not play(found.script).failure  # and it is gone when the bug is


def test_a_failing_history_shrinks_and_tells_its_story():
    with BUGS["green at the first ack"](), silence():
        seed = next(s for s in range(60) if play(make(s)).failure)
        whole, small = play(make(seed)), replay(seed)
    assert kind_of(small.failure) == kind_of(whole.failure)
    assert len(small.script.steps) < len(whole.script.steps)
    told = story(small)
    assert f"seed {seed}" in told
    assert small.failure in told


def test_the_command_gives_its_figures_as_json_and_replays_a_seed():
    result = CliRunner().invoke(histories, ["--count", "3", "--seed", "5", "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.output)
    assert figures["ok"] is True
    assert figures["count"] == 3
    assert figures["visits"]
    told = CliRunner().invoke(histories, ["--replay", "5"])
    assert told.exit_code == 0
    assert "every invariant held" in told.output
