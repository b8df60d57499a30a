"""The frame of the benchmarks: each is there, and printed with what its figures mean nothing without."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.benchmarks import cli
from tests.benchmarks.machine import ticks
from tests.benchmarks.rig import spread

HERE = Path(cli.__file__).parent


@pytest.mark.parametrize("name", cli.BENCHES)
def test_every_benchmark_that_is_named_can_measure(name: str) -> None:
    assert callable(importlib.import_module(f"tests.benchmarks.{name}").measure)


def test_every_module_that_measures_is_named() -> None:
    there = {path.stem for path in HERE.glob("*.py") if "\ndef measure(" in path.read_text(encoding="utf-8")}
    assert there == set(cli.BENCHES)


def test_a_benchmark_prints_one_json_object_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("tests.benchmarks.store")
    monkeypatch.setattr(module, "measure", lambda directory: {"figure": str(directory)})
    result = CliRunner().invoke(cli.bench, ["store", "--json", "--dir", str(tmp_path / "new")])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.output)
    assert printed["figure"] == str(tmp_path / "new")
    assert (tmp_path / "new").is_dir()
    assert all(printed[key] for key in ("bench", "release", "python", "machine"))
    assert 0 <= printed["stolen_percent"] <= 100


def test_the_time_that_a_host_gave_to_others_is_counted_once() -> None:
    stat = "cpu  10 20 30 40 50 0 5 45 7 0\ncpu0 1 2 3 4 5 0 0 0 0 0\nintr 7\n"
    assert ticks(stat) == (200, 45)  # guest time is user time already
    assert ticks("intr 7\n") == (0, 0)


def test_an_unknown_benchmark_names_those_there_are() -> None:
    result = CliRunner().invoke(cli.bench, ["speed"])
    assert result.exit_code == 2
    assert all(name in result.output for name in cli.BENCHES)


def test_the_list_tells_what_each_measures() -> None:
    shown = CliRunner().invoke(cli.bench, ["--list"]).output
    assert all(sentence in shown for sentence in cli.BENCHES.values())


def test_a_spread_is_median_and_99th_of_what_was_measured() -> None:
    assert spread([float(n) for n in range(1, 102)]) == {"p50": 51.0, "p99": 100.0, "n": 101}
    with pytest.raises(ValueError, match="two values"):
        spread([1.0])
