"""Training the fall tables: nobody is scored by what saw them; what is written the pendant reads."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivers.pendant import adxl367, lis2dw12
from edge import weighing
from firmware.pendant import fall
from firmware.pendant.falls import SETTLE_MS
from protocols import fall_note
from provisioning import fall_day, fall_nested, fall_shapes, fall_training, train_fall
from provisioning.fall_data import DataError, Recording, load
from provisioning.fall_trees import HUB_TREE, Growth, Trees, grow
from tests.benchmarks.fall import poisson
from tests.unit.provisioning import recordings

FEW = Growth(trees=6)
HALVES = Growth(trees=6, halves=True)
POST = fall_training.POSTS["trunk"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made")
    recordings.write(path)
    return path


@pytest.fixture(scope="module")
def waist(folder: Path) -> list[Recording]:
    return [r for r in load(folder) if r.placement == "waist"]


@pytest.fixture(scope="module")
def found(waist: list[Recording]) -> fall_training.Candidates:
    return fall_training.candidates(waist, POST)


def test_a_recording_is_read_as_it_was_written(folder: Path) -> None:
    first = next(load(folder))
    assert first.person == "made P00"
    assert (first.trunk, first.impact_s is not None, first.age_group) == (True, True, "old")
    peaks = (first.samples.astype(np.int32) ** 2).sum(1)
    assert first.impact_s == pytest.approx(peaks.argmax() / 50)
    assert len(first.at(25)) == len(first.at(50)) // 2


@pytest.mark.parametrize(
    ("field", "value"), [("n", "999999"), ("start", "-1"), ("dataset", "../made"), ("t_impact", "soon")]
)
def test_a_manifest_that_does_not_fit_is_refused(
    folder: Path, tmp_path: Path, field: str, value: str
) -> None:
    (tmp_path / "made.npz").write_bytes((folder / "made.npz").read_bytes())
    with (folder / "manifest.csv").open(newline="") as file:
        row = next(csv.DictReader(file)) | {field: value}
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        out = csv.DictWriter(file, list(row))
        out.writeheader()
        out.writerow(row)
    with pytest.raises(DataError, match="P00_waist"):
        list(load(tmp_path))


def test_a_folder_without_a_manifest_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_fall.main(["--data", str(tmp_path), "--out", str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_trees_score_alike_here_and_on_the_pendant(
    waist: list[Recording], found: fall_training.Candidates
) -> None:
    trees = fall_training.trained(waist, [found], np.ones(len(waist), bool), HALVES)
    scores = trees.score(found.features)
    detector = fall.Detector(50, (0, POST, trees.table, b""))
    for row, score in zip(found.features[:100], scores[:100], strict=True):
        for n, value in enumerate(row.tolist()):
            detector.f[n] = value
        assert detector.decide() == (score >= 0)
        assert detector.score == score


def test_whoever_is_scored_was_in_no_training(
    waist: list[Recording], found: fall_training.Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = sorted({r.person for r in waist})
    trained_on: list[set[str]] = []

    def watched(features: object, labels: object, weights: object, person: np.ndarray, how: Growth) -> Trees:
        trained_on.append({people[n] for n in person.tolist()})
        return grow(features, labels, weights, person, how)

    monkeypatch.setattr(fall_training, "grow", watched)
    fall_training.held_out(waist, [found], np.ones(len(waist), bool), FEW, 4)
    fold = fall_training.folds(waist, 4)
    assert len(trained_on) == 4
    for number, seen in enumerate(trained_on):
        assert seen
        assert not seen & {r.person for r, f in zip(waist, fold, strict=True) if f == number}


def test_a_person_is_in_one_fold_with_everything(folder: Path) -> None:
    everything = list(load(folder))
    fold = fall_training.folds(everything, 5)
    for person in {r.person for r in everything}:
        assert len({f for r, f in zip(everything, fold, strict=True) if r.person == person}) == 1


def test_held_out_people_are_told_apart(waist: list[Recording], found: fall_training.Candidates) -> None:
    (scores,) = fall_training.held_out(waist, [found], np.ones(len(waist), bool), FEW, 4)
    label, weight = fall_training.examples(waist, found)
    assert scores[label == 1].min() > scores[(label == 0) & (weight > 0)].max()


def test_alarms_are_counted_as_the_scorer_counts_them(waist: list[Recording]) -> None:
    fallen, daily = 0, 1
    assert waist[fallen].impact_s is not None
    impact = float(waist[fallen].impact_s or 0)
    found = fall_training.Candidates(
        POST,
        np.zeros((6, len(fall.FEATURES)), np.uint8),
        np.zeros((6, 2, fall_training.COURSE), np.int32),
        np.array([fallen, fallen, daily, daily, daily, daily]),
        np.array([impact - 2, impact + 3, 1.0, 5.0, 12.0, 23.0]),
    )
    scores = np.array([9, 5, 5, 5, 5, 0])
    rows = fall_training.outcomes(waist, found, scores, 5)
    assert rows[fallen].delay_s == pytest.approx(3.0), "an alarm long before it is no detection"
    assert rows[daily].alarms == 2, "one within ten seconds of another is the same; one below is none"
    assert fall_training.outcomes(waist, found, scores, 6)[fallen].delay_s is None


def test_the_same_data_give_the_same_table(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_fall, "HOW", dict.fromkeys(("trunk", "wrist"), HALVES))
    monkeypatch.setattr(train_fall, "HUB_HOW", FEW)
    monkeypatch.setattr(fall_shapes, "HOW", FEW)
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert (
            train_fall.main(
                ["--data", str(folder), "--out", str(tmp_path / name), "--hub-out", str(tmp_path / name)]
            )
            == 0
        )
        written.append((tmp_path / name / "fall_trunk.py").read_bytes())
    assert written[0] == written[1]
    space: dict[str, tuple[int, int, bytes]] = {}
    exec(written[0], space)
    detector = fall.Detector(50, space["TABLE"])
    assert sum(any(detector.update(*s) for s in r.at(50)) for r in load(folder) if r.impact_s) > 30
    assert b"Trained on made" in written[0]
    for_hub = [(tmp_path / name / "weighing_wrist.py").read_bytes() for name in ("one", "two")]
    assert for_hub[0] == for_hub[1]
    assert b"Trained on made" in for_hub[0]


def test_too_few_people_train_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings.write(tmp_path / "few", people=4)
    assert train_fall.main(["--data", str(tmp_path / "few"), "--out", str(tmp_path)]) == 1
    assert "people" in capsys.readouterr().err


@pytest.mark.parametrize("placement", ["trunk", "wrist"])
def test_the_shipped_tables_bear_the_note_of_their_data(placement: str) -> None:
    for path in (train_fall.OUT / f"fall_{placement}.py", train_fall.HUB_OUT / f"weighing_{placement}.py"):
        text = path.read_text()
        assert "Trained on acted falls from" in text
        assert "research use" in text


def test_an_old_persons_alarms_count_before_a_young_ones(waist: list[Recording]) -> None:
    old = next(r for r in waist if r.age_group == "old" and r.impact_s is None)
    young = next(r for r in waist if r.age_group == "young" and r.impact_s is None)
    assert fall_day.kind_of(old) == next(k for k in fall_day.KINDS if k.name == "sitting and standing")
    assert fall_day.a_week([(old, 0), (young, 5)]).number == 0
    assert fall_day.a_week([(old, 1), (old, 0)]).number == pytest.approx(7 * 60 / 2)


@pytest.mark.parametrize("seen", [0, 1, 10])
def test_what_one_kind_alone_may_be_in_a_week_is_the_interval_of_its_count(
    waist: list[Recording], seen: int
) -> None:
    old = next(r for r in waist if r.age_group == "old" and r.impact_s is None)
    weight = fall_day.DAYS * 60 / 20
    week = fall_day.a_week((old, n < seen) for n in range(20))
    assert week.number == pytest.approx(seen * weight)
    assert week.high == pytest.approx(poisson(seen)[1] * weight, rel=1e-3)
    assert fall_day.a_week([]) == (0, 0)


def test_a_long_walk_is_worth_many_short_ones(waist: list[Recording]) -> None:
    some = next(r for r in waist if r.age_group == "old")
    walks = [
        replace(some, text="Walking", impact_s=None, samples=np.zeros((50 * seconds, 3), np.int16))
        for seconds in (15, 135)
    ]
    assert fall_day.a_week([(walks[0], 0), (walks[1], 1)]).number == pytest.approx(7 * 240 / 10)
    young = replace(walks[0], age_group="young")
    assert fall_day.a_week([(walks[0], 0), (young, 1)]).number == 0
    assert fall_day.a_week([(walks[0], 0), (young, 1)], everybody=True).number == pytest.approx(7 * 240 / 2)


@pytest.mark.parametrize("halves", [True, False])
def test_rounded_leaves_are_made_up_for_by_the_trees_after_them(halves: bool) -> None:
    """More trees come nearer to what is true; with halves they would not, were the rounding not seen."""
    dice = np.random.default_rng(3)
    features = dice.integers(0, 200, (4000, 5)).astype(np.uint8)
    odds = (features[:, 0].astype(float) - features[:, 1]) / 40
    labels = (dice.random(4000) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    people = np.arange(4000) % 40
    off = []
    for count in (2, 8, 60):
        trees = grow(features, labels, np.ones(4000), people, Growth(trees=count, halves=halves))
        assert len(trees.table) == count * (fall.TREE if halves else HUB_TREE)
        guess = trees.score(features) / trees.scale
        off.append(float(np.abs(guess - guess.mean() - odds + odds.mean()).mean()))
    assert off[0] > off[1] > off[2]
    assert off[2] < 0.35


def test_the_pendants_trees_come_in_pairs() -> None:
    features, labels = np.arange(40, dtype=np.uint8).reshape(-1, 1).repeat(2, 1), np.arange(40) % 2
    with pytest.raises(ValueError, match="even number"):
        grow(features, labels, np.ones(40), np.arange(40) % 4, Growth(trees=3, halves=True))


@pytest.mark.parametrize("chip", [lis2dw12, adxl367])
def test_a_sleeping_pendant_is_scored_with_what_its_fifo_holds(waist: list[Recording], chip: Any) -> None:
    """Whoever rests wakes nobody; a fall wakes it, of the steps before it is known what the FIFO holds."""
    some = waist[:8]
    woken = fall_training.woken(some, POST, 0.6, chip)
    awake = fall_training.candidates(some, POST, 25)
    fallen = {n for n, r in enumerate(some) if r.impact_s is not None}
    assert fallen <= set(woken.recording.tolist()) <= set(woken.wakes)
    assert len(woken.recording) <= len(awake.recording)
    assert len(woken.awake_s) == len(woken.wakes)
    assert all(SETTLE_MS / 1000 < seconds < 15 for seconds in woken.awake_s)
    walked = list(fall.FEATURES).index("move_pre")
    known = {n: row[walked] for n, row in zip(awake.recording.tolist(), awake.features, strict=True)}
    left = {n: row[walked] for n, row in zip(woken.recording.tolist(), woken.features, strict=True)}
    assert all((left[n] == known[n]) == (chip is adxl367) for n in fallen)


def test_both_rates_decide_alike(waist: list[Recording]) -> None:
    fast, slow = (fall_training.candidates(waist[:6], POST, hz) for hz in (50, 25))
    assert len(fast.recording) > 4
    assert (fast.features == slow.features).all()


def test_the_hub_weighs_a_note_as_the_trainer_does(
    waist: list[Recording], found: fall_training.Candidates
) -> None:
    hub = fall_training.weighed(found)
    trees = fall_training.trained(waist, [hub], np.ones(len(waist), bool), FEW)
    for note, expected in zip(found.notes[:50], trees.score(hub.features[:50]).tolist(), strict=True):
        read = fall_note.read(note)
        assert read is not None
        assert weighing.score(trees.table, fall_note.weights(read)) == expected


def test_a_nested_estimate_judges_everybody_by_a_threshold_they_had_no_part_in(
    waist: list[Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sets a fold's threshold is of other folds, and was scored by trees that saw neither."""
    asked: dict[str, list[set[str]]] = {"threshold": [], "least_likely": []}
    grown: list[set[str]] = []
    choosing: list[set[str]] = []
    trained, chosen = fall_training.trained, fall_shapes.chosen

    def watched(name: str) -> Any:
        real = getattr(train_fall, name)

        def asks(recordings: list[Recording], *rest: Any) -> Any:
            asked[name].append({r.person for r in recordings})
            return real(recordings, *rest)

        return asks

    def people_of(recordings: list[Recording], used: Any) -> set[str]:
        return {r.person for r, use in zip(recordings, used, strict=True) if use}

    def chooses(recordings: list[Recording], found: Any, used: Any, count: int) -> bytes:
        choosing.append(people_of(recordings, used))
        before = len(grown)
        shapes = chosen(recordings, found, used, count)
        assert all(people == choosing[-1] for people in grown[before:])
        del grown[before:]
        return shapes

    def seen(recordings: list[Recording], found: Any, used: Any, how: Growth) -> Trees:
        grown.append(people_of(recordings, used))
        return trained(recordings, found, used, how)

    for name in asked:
        monkeypatch.setattr(train_fall, name, watched(name))
    monkeypatch.setattr(fall_training, "trained", seen)
    monkeypatch.setattr(fall_shapes, "chosen", chooses)
    monkeypatch.setattr(fall_shapes, "HOW", FEW)
    got = fall_nested.nested(waist, "trunk", FEW, FEW)
    fold = dict(
        zip((r.person for r in waist), fall_training.folds(waist, train_fall.FOLDS).tolist(), strict=True)
    )
    everybody = {r.person for r in waist}
    for thresholds in asked.values():
        for number, people in enumerate(thresholds):
            assert people == {p for p in everybody if fold[p] != number}
    without = [frozenset(fold[p] for p in everybody - people) for people in grown]
    each = 10 + train_fall.FOLDS
    assert len(without) == 2 * each, "the pendant's and the hub's"
    for part in (without[:each], without[each:]):
        assert len(set(part)) == each
        assert [len(folds) for folds in part] == [2] * 10 + [1] * train_fall.FOLDS
    assert choosing == grown[:each], "shapes are chosen by those on whom trees are grown, once"
    for estimate in got:
        assert {id(o.recording) for o in estimate.outcomes} == {id(r) for r in waist}
        assert len(estimate.outcomes) == len(waist)
        assert 0 <= estimate.sensitivity <= 1
    assert got.hub.fa_per_h <= got.pendant.fa_per_h
    assert got.hub.sensitivity <= got.pendant.sensitivity


def test_alarms_of_one_person_are_no_evidence_of_many(waist: list[Recording]) -> None:
    """As many alarms of one as of all: of people drawn the one may be missing, or there twice."""
    daily = [r for r in waist if r.impact_s is None]
    falls = [fall_training.Outcome(r, 1, 2.0) for r in waist if r.impact_s is not None]
    one = daily[0].person
    mine = sum(r.person == one for r in daily)
    alone = [fall_training.Outcome(r, (r.person == one) * len(daily) // mine, None) for r in daily]
    all_alike = [fall_training.Outcome(r, 1, None) for r in daily]
    (found, wide), (_, narrow) = (fall_nested.by_people(falls + rows, 200) for rows in (alone, all_alike))
    assert found == (1.0, 1.0)
    assert wide[0] == 0.0 < narrow[0]
    assert wide[1] > narrow[1]


def test_a_nested_estimate_of_too_few_people_is_refused(waist: list[Recording]) -> None:
    few = [r for r in waist if r.person in {"made P00", "made P01"}]
    with pytest.raises(DataError, match="nobody could be held out"):
        fall_nested.nested(few, "trunk", FEW, FEW)
