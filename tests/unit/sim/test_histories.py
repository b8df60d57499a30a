"""Made-up days through the product's own code: a few in every run, and that they can notice a loss."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from sim.histories.bugs import BUGS
from sim.histories.cli import histories
from sim.histories.play import play
from sim.histories.run import hunt, replay, rows, run, silence, story
from sim.histories.script import make
from sim.histories.shrink import kind_of

COUNT = 40  # `make test-slow` plays 10,000


def test_forty_made_up_days_break_no_invariant():
    report = run(COUNT, 0)
    assert report.ok, story(replay(report.failures[0].script.seed))
    assert report.count == COUNT
    assert report.as_json()["steps_median"] >= 300
    visited = sum(1 for row in rows() if report.visits[row])
    assert visited > len(rows()) * 0.7


def test_a_history_is_a_function_of_its_seed():
    with silence():
        first, second = play(make(7)), play(make(7))
    assert first.timeline == second.timeline
    assert first.steps == second.steps
    assert make(7) == make(7) != make(8)


@pytest.mark.parametrize(
    "name", ["told before the commit", "a call waits for the disk", "a press never joins a call"]
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
