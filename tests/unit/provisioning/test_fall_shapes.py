"""Shapes: counted in training as on the pendant, chosen by those who may have a part in it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmware.pendant import fall
from provisioning import fall_shapes, fall_training
from provisioning.fall_data import Recording, load
from provisioning.fall_trees import Growth
from tests.unit.provisioning import recordings

POST = fall_training.POSTS["trunk"]
FEW = Growth(trees=12, rate=0.3)


@pytest.fixture(scope="module")
def waist(tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    folder: Path = tmp_path_factory.mktemp("recordings")
    recordings.write(folder)
    return [r for r in load(folder) if r.trunk]


@pytest.fixture(scope="module")
def found(waist: list[Recording]) -> fall_training.Candidates:
    return fall_training.candidates(waist, POST)


def many() -> bytes:
    """Of each step, of both kinds, with limits at both ends."""
    dice = np.random.default_rng(3)
    out = bytearray()
    for step in fall_shapes.STEPS:
        for high in (0, 1):
            for _ in range(20):
                first, second, third = sorted(dice.choice(9, 3, replace=False).tolist())
                out += bytes((2 * step + high, first | second << 4, third, int(dice.integers(100, 157))))
    return bytes(out)


def wild(recording: Recording, seed: int) -> Recording:
    """Of the chip's whole range, and beyond what can be laid over."""
    dice = np.random.default_rng(seed)
    sizes = dice.choice((20, 300, 2000, 16000), len(recording.samples))[:, None]
    held = np.repeat(dice.integers(-sizes, sizes + 1, (len(sizes), 3)), dice.integers(1, 30, len(sizes)), 0)
    return replace(recording, samples=held[: len(sizes)].astype(np.int16))


@pytest.mark.parametrize(
    "made", [lambda waist: waist, lambda waist: list(map(wild, waist, range(len(waist))))]
)
def test_the_pendant_counts_as_the_training_does(
    waist: list[Recording], made: Callable[[list[Recording]], list[Recording]]
) -> None:
    shapes = many()
    detector = fall.Detector(50, (0, POST, b"", shapes))
    waist = made(waist)
    found = fall_training.candidates(waist, POST)
    rows = []
    for recording in waist:
        detector.reset()
        for sample in recording.at(50):
            seen = detector.candidates
            detector.update(*sample)
            while detector.stage:
                detector.step()
            if detector.candidates != seen:
                rows.append(list(detector.f))
    shaped = fall_shapes.shaped(found, shapes)
    assert shaped.features.tolist() == rows
    counts = shaped.features[:, len(fall.FEATURES) :]
    assert counts.max() > 10
    assert sum(len(set(column)) > 3 for column in counts.T.tolist()) > counts.shape[1] // 2


def test_a_shape_is_three_of_nine_against_all_nine() -> None:
    course = np.zeros((1, 2, fall_training.COURSE), np.int32)
    course[0, 0, 40:44] = 1000  # one of the nine at a time, for steps above four blocks
    shape = bytes((2 * 8, 0 | 3 << 4, 5, 128 + 1))  # more than 32 mg
    places = range(0, fall_training.COURSE - 64, 2)
    fitting = [p for p in places if any(40 <= p + 8 * tap < 44 for tap in (0, 3, 5))]
    assert fall_shapes.fits(course, shape).tolist() == [[len(fitting)]]
    assert len(fitting) >= 2
    other = bytes((2 * 8 + 1, 0 | 3 << 4, 5, 128 + 1))
    assert fall_shapes.fits(course, other).tolist() == [[0]], "of the magnitudes"


def test_what_is_chosen_depends_on_those_who_are_used_alone(
    waist: list[Recording], found: fall_training.Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fall_shapes, "HOW", FEW)
    fold = fall_training.folds(waist, 4)
    used = fold != 0
    chosen = fall_shapes.chosen(waist, [found], used, 6)
    assert len(chosen) == 6 * fall_shapes.SHAPE
    assert len({chosen[n : n + fall_shapes.SHAPE] for n in range(0, len(chosen), fall_shapes.SHAPE)}) == 6
    others = ~used[found.recording]
    blank = fall_shapes.replace(
        found,
        features=np.where(others[:, None], 0, found.features),
        courses=np.where(others[:, None, None], 0, found.courses),
    )
    assert fall_shapes.chosen(waist, [blank], used, 6) == chosen


@pytest.mark.parametrize("placement", ["trunk", "wrist"])
def test_the_shipped_shapes_are_such(placement: str) -> None:
    table = __import__(f"firmware.pendant.fall_{placement}", None, None, ["TABLE"]).TABLE
    shapes = table[3]
    assert len(shapes) == fall_shapes.KEPT[placement] * fall_shapes.SHAPE
    for n in range(0, len(shapes), fall_shapes.SHAPE):
        kind, two, third, _ = shapes[n : n + fall_shapes.SHAPE]
        assert kind >> 1 in fall_shapes.STEPS
        assert two & 15 < two >> 4 < third < 9
    kinds = shapes[:: fall_shapes.SHAPE]
    assert list(kinds) == sorted(kinds), "those of a kind stand together, so that their sums are made once"
