"""`anban bench fall`: the groups that are asked for, with intervals that hold what was counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from firmware.energy import days, uses
from firmware.pendant import steps as firmware_steps
from provisioning import fall_training, train_fall
from provisioning.fall_data import load
from provisioning.fall_training import folds
from provisioning.fall_trees import Growth
from tests.benchmarks import cli, steps
from tests.benchmarks.fall import left_out, poisson
from tests.unit.provisioning import recordings

FIELDS = {
    *("falls", "adl_h", "sensitivity", "specificity", "fa_per_h", "fa_low", "fa_high", "delay_median_s"),
}


def test_falls_are_measured_by_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_fall, "HOW", dict.fromkeys(("trunk", "wrist"), Growth(trees=4, halves=True)))
    monkeypatch.setattr(train_fall, "HUB_HOW", Growth(trees=4))
    monkeypatch.setattr(train_fall, "FOLDS", 3)
    recordings.write(tmp_path / "data", people=6, placements=("waist", "neck", "wrist"))
    result = CliRunner().invoke(
        cli.bench, ["fall", "--json", "--data", str(tmp_path / "data"), "--dir", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["steps"]["trunk: after a fall, stays down"]["said_to_walk"] == 0
    blind = told["steps_held_out"]
    assert set(blind) == {"chosen by half 1", "chosen by half 2", "the other half"}
    assert blind["the other half"]["trunk: after a fall, stays down"] == {"recordings": 36, "said_to_walk": 0}
    energy = told["candidates"]["trunk"]
    assert {"per_h", "wakes_a_day", "watched_s_a_day", "awake_s_a_day", "mAh_a_day"} < set(energy)
    assert energy["light_sleep_s_a_day"] == 0
    assert energy["battery_days"] == round(days(uses()), 1), "nobody here knocks into anything"
    week = told["estimate"]["trunk"]
    assert week["false_alarms_a_worn_week"] <= 1 < week["false_alarms_a_worn_week_high"], "too few people"
    assert week["false_calls_a_worn_month_high"] > week["false_calls_a_worn_month"]
    groups = told["groups"]
    assert {"trunk", "waist", "neck", "wrist", "old", "trunk with the hub"} <= set(groups)
    assert all(set(group) == FIELDS for group in groups.values())
    trunk = groups["trunk"]
    assert (trunk["falls"], groups["waist"]["falls"]) == (36, 18)
    assert trunk["sensitivity"] > 0.9
    assert trunk["fa_low"] <= trunk["fa_per_h"] <= trunk["fa_high"]
    assert 2.4 < trunk["delay_median_s"] < 3.5


def test_a_data_set_left_out_is_scored_by_trees_that_never_saw_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_fall, "HOW", {"trunk": Growth(trees=16)})
    recordings.write(tmp_path, people=8, placements=("waist",))
    everything = [replace(r, dataset="ab"[int(r.subject[1:]) % 2]) for r in load(tmp_path)]
    views = fall_training.views(everything, "trunk")
    learnt_from: list[set[str]] = []
    real = fall_training.trained

    def trained(some: Any, found: Any, used: Any, how: Growth) -> Any:
        learnt_from.append({r.dataset for r, use in zip(some, used, strict=True) if use})
        return real(some, found, used, how)

    monkeypatch.setattr(fall_training, "trained", trained)
    told = left_out("trunk", everything, views, 0)
    assert learnt_from == [{"b"}, {"a"}]
    assert {name: figures["falls"] for name, figures in told.items()} == {"trunk a": 12, "trunk b": 12}
    assert all(figures["sensitivity"] > 0.9 for figures in told.values())
    alone = [replace(r, dataset="a") for r in everything]
    assert left_out("trunk", alone, views, 0) == {}, "nothing to learn from"


def test_settings_of_steps_are_judged_by_people_they_were_not_chosen_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one half everybody shakes where they lie: only the other half chooses what says they walk."""
    recordings.write(tmp_path, people=8, placements=("waist",))
    everything = list(load(tmp_path))
    half = dict(zip((r.person for r in everything), folds(everything, 2).tolist(), strict=True))

    def shaken(some: steps.Clip) -> int:
        lies = some.recording.impact_s is not None
        return 5 if lies and half[some.recording.person] == 0 and firmware_steps.EVEN < 60 else 0

    monkeypatch.setattr(steps, "looks", shaken)
    monkeypatch.setattr(steps, "EVENNESS", (45, 55))
    got = steps.held_out(everything)
    assert got["chosen by half 2"] == {"even": 55, "upright": 190, "looks": 5}
    lie = sum(r.impact_s is not None for r in everything)
    shaken_too = sum(r.impact_s is not None and half[r.person] == 0 for r in everything)
    assert got["the other half"]["trunk: after a fall, stays down"] == {
        "recordings": lie,
        "said_to_walk": shaken_too,
    }
    monkeypatch.setattr(steps, "EVENNESS", (45, 60))
    got = steps.held_out(everything)
    assert got["chosen by half 1"] == {"even": 60, "upright": 190, "looks": 5}
    assert got["the other half"]["trunk: after a fall, stays down"]["said_to_walk"] == 0


def test_without_recordings_it_says_what_it_needs(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.bench, ["fall", "--json", "--dir", str(tmp_path)])
    assert result.exit_code == 0
    assert "--data" in json.loads(result.output)["skipped"]


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)])
def test_the_interval_is_that_of_the_tables(count: int, low: float, high: float) -> None:
    """Garwood 1936, as printed in tables of the Poisson distribution."""
    assert poisson(count) == pytest.approx((low, high), abs=0.01)
