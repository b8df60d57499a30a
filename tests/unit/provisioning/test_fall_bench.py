"""`anban bench fall`: the groups that are asked for, with intervals that hold what was counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from firmware.energy import days, uses
from provisioning import train_fall
from provisioning.fall_trees import Growth
from tests.benchmarks import cli
from tests.benchmarks.fall import poisson
from tests.unit.provisioning import recordings

FIELDS = {
    *("falls", "adl_h", "sensitivity", "specificity", "fa_per_h", "fa_low", "fa_high", "delay_median_s"),
}


def test_falls_are_measured_by_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_fall, "HOW", Growth(trees=4))
    monkeypatch.setattr(train_fall, "HUB_HOW", Growth(trees=4))
    monkeypatch.setattr(train_fall, "FOLDS", 3)
    recordings.write(tmp_path / "data", people=6, placements=("waist", "neck", "wrist"))
    result = CliRunner().invoke(
        cli.bench, ["fall", "--json", "--data", str(tmp_path / "data"), "--dir", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["steps"]["trunk: after a fall, stays down"]["said_to_walk"] == 0
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


def test_without_recordings_it_says_what_it_needs(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.bench, ["fall", "--json", "--dir", str(tmp_path)])
    assert result.exit_code == 0
    assert "--data" in json.loads(result.output)["skipped"]


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)])
def test_the_interval_is_that_of_the_tables(count: int, low: float, high: float) -> None:
    """Garwood 1936, as printed in tables of the Poisson distribution."""
    assert poisson(count) == pytest.approx((low, high), abs=0.01)
