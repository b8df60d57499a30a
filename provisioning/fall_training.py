"""Candidates come from recordings by the pendant's own detector; trees are grown, held-out people scored.

A candidate is a row: the features of an impact as the pendant computes them. In a recording of a fall the one
at the fall is its example; what comes after it is left out, what came before counts as daily life. People are
dealt into folds, all their clips together; whoever is scored was in no training, of the trees or of a
threshold that is taken within a fold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drivers.pendant import adxl367, lis2dw12
from firmware.pendant import fall, falls
from protocols import fall_note
from provisioning.fall_data import Recording
from provisioning.fall_trees import Growth, Trees, grow

POSTS = {"trunk": 32, "wrist": 44}  # blocks waited after an impact: 2.56 s; a wrist is told apart later
BOOTS_S = (0.3, 0.6)
GROWN_SETTLE_MS = 4000  # the trees' recipe; at the wrist fewer falls were found by trees grown at SETTLE_MS
COURSE = 92  # blocks until a decision that shapes are laid over
FREE_FALL_MG, FREE_FALL_SAMPLES = 312, 3  # as the driver sets the chip up
AT_FALL_S = 1.6  # an impact so near to the labelled one (+-0.5 s) is the fall
EARLY_S = 1.0  # an alarm so long before the labelled impact still counts as its detection
MERGED_S = 10.0  # alarms that are closer are one
OLD_WEIGHT = 2.0  # daily life of old people counts twice: they wear it
DEALING = 7  # by which people come into folds
PER_MILLE = 1000  # scores are thousandths of log-odds
NEVER = -(10**6)  # a score that alarms of nothing


@dataclass(frozen=True, slots=True)
class Candidates:
    """Impacts of many recordings, as one way of listening finds them."""

    post: int  # blocks that were waited for
    features: Any  # (n, features), uint8
    courses: Any  # (n, 2, COURSE), int32, what shapes are laid over
    recording: Any  # (n,), index into the recordings
    at_s: Any  # (n,), when each was decided
    wakes: tuple[int, ...] = ()  # the recording of each end of a sleep
    awake_s: tuple[float, ...] = ()  # how long it then stayed awake, beyond the recording's end too
    notes: tuple[bytes, ...] = ()  # what the hub would be told of each

    @property
    def wait_s(self) -> float:
        """From an impact to its decision, to the middle of its block."""
        return (self.post + 0.5) * fall.BLOCK_MS / 1000


class _Kept:
    """The detector, and what it looked at."""

    def __init__(self, post: int, hz: int) -> None:
        self.detector = fall.Detector(hz, (1, post, b"", b""))
        self.rows: list[bytes] = []
        self.courses: list[Any] = []
        self.where: list[int] = []
        self.when: list[float] = []
        self.wakes: list[int] = []
        self.awake_s: list[float] = []
        self.notes: list[bytes] = []
        self._open: list[
            tuple[int, int]
        ] = []  # notes that wait for what comes after: which, from which block

    def reset(self) -> None:
        self.detector.reset()
        self._open.clear()

    def update(self, sample: Sequence[int], index: int, at_s: float) -> None:
        detector = self.detector
        seen = detector.candidates
        detector.update(*sample)
        while detector.stage:  # at once: a clip may end before the next sample
            detector.step()
        while self._open and detector.count - self._open[0][1] == falls.AFTER:
            self.notes[self._open.pop(0)[0]] += detector.rows(falls.AFTER, 0, falls.ROW)
        if detector.candidates != seen:
            self._open.append((len(self.notes), detector.count))
            self.notes.append(falls.note_head(detector, 0))
            self.rows.append(bytes(detector.f))
            self.courses.append(_course(detector))
            self.where.append(index)
            self.when.append(at_s)

    def all(self) -> Candidates:
        features = np.frombuffer(b"".join(self.rows), np.uint8).reshape(-1, len(fall.FEATURES))
        courses = np.array(self.courses, np.int32).reshape(-1, 2, COURSE)
        where, when = np.array(self.where, np.int64), np.array(self.when)
        wakes, awake_s = tuple(self.wakes), tuple(self.awake_s)
        return Candidates(
            self.detector.post, features, courses, where, when, wakes, awake_s, tuple(self.notes)
        )


def _course(detector: fall.Detector) -> Any:
    """What shapes are laid over, in 8 mg: the last blocks along the hanging angle, and their highest
    magnitudes.
    """
    last = slice(detector._at + 1 - COURSE, detector._at + 1)
    felt = np.array([detector._x[last], detector._y[last], detector._z[last]], np.int64)
    along = np.clip((felt * np.array(detector.hang())[:, None]).sum(0) >> 13, -2600, 2600)
    return np.stack([along, np.array(detector._high[last], np.int64) >> 3]).astype(np.int32)


def candidates(recordings: Sequence[Recording], post: int, hz: int = 50, skip: int = 0) -> Candidates:
    """Run the pendant's detector over all recordings and keep what it looks at. `skip`: samples left out at
    the beginning, so that pairs and blocks lie otherwise.
    """
    kept = _Kept(post, hz)
    for index, recording in enumerate(recordings):
        kept.reset()
        for n, sample in enumerate(recording.at(hz)[skip:], skip):
            kept.update(sample, index, n / hz)
    return kept.all()


def woken(
    recordings: Sequence[Recording],
    post: int,
    boot_s: float,
    chip: Any = lis2dw12,
    hz: int = 25,
    settle_ms: int = falls.SETTLE_MS,
) -> Candidates:
    """As `candidates`, by a pendant that sleeps until the accelerometer's line wakes it: of what came before
    it has what the FIFO holds when the program has booted, the newest `chip.DEPTH` samples.
    """
    kept = _Kept(post, hz)
    detector = kept.detector
    boot, settle = round(boot_s * hz), round(settle_ms * hz / 1000)
    wakes = _wakes if chip is lis2dw12 else _wakes_above
    for index, recording in enumerate(recordings):
        samples = recording.at(hz)
        n = wakes(samples, 0)
        while n is not None:
            kept.wakes.append(index)
            end = n + boot  # what comes meanwhile is in the FIFO too
            kept.reset()
            blow, at = n, max(0, end - chip.DEPTH + 1)
            while at < len(samples) and at - blow < settle:
                kept.update(samples[at], index, max(at, end) / hz)
                if detector.waiting():
                    blow = max(at, blow)
                at += 1
            kept.awake_s.append((max(at, blow + settle) - n) / hz)
            n = wakes(samples, at)
    return kept.all()


def weighed(found: Candidates) -> Candidates:
    """The same impacts with what the hub weighs of them, from their notes."""
    rows = b"".join(fall_note.weights(note) for note in map(fall_note.read, found.notes) if note)
    features = np.frombuffer(rows, np.uint8).reshape(len(found.notes), -1)
    return replace(found, features=features)


def _wakes(samples: Sequence[Sequence[int]], first: int) -> int | None:
    """Where the LIS2DW12's line falls: a slope above WAKE_MG, or four samples of free fall."""
    low = 0
    for n in range(max(first, 1), len(samples)):
        slope = max(abs(a - b) for a, b in zip(samples[n], samples[n - 1], strict=True)) / 2
        low = low + 1 if max(map(abs, samples[n])) < FREE_FALL_MG else 0
        if slope > lis2dw12.WAKE_MG or low > FREE_FALL_SAMPLES:
            return n
    return None


def _wakes_above(samples: Sequence[Sequence[int]], first: int) -> int | None:
    """Where the ADXL367's does: an axis above WAKE_MG, or free fall."""
    low = 0
    for n in range(first, len(samples)):
        most = max(map(abs, samples[n]))
        low = low + 1 if most < FREE_FALL_MG else 0
        if most > adxl367.WAKE_MG or low > FREE_FALL_SAMPLES:
            return n
    return None


def views(recordings: Sequence[Recording], placement: str) -> list[Candidates]:
    """What trees are grown on: everything twice, blocks lying otherwise, and as a pendant wakes to it that
    stays awake for long, so that there is more to learn from.
    """
    post = POSTS[placement]
    return [
        candidates(recordings, post),
        candidates(recordings, post, skip=3),
        *(woken(recordings, post, boot_s, settle_ms=GROWN_SETTLE_MS) for boot_s in BOOTS_S),
    ]


def examples(recordings: Sequence[Recording], found: Candidates) -> tuple[Any, Any]:
    """(label, weight) of each candidate; weight 0: left out."""
    impact = np.array([-1.0 if r.impact_s is None else r.impact_s for r in recordings])[found.recording]
    old = np.array([r.age_group == "old" for r in recordings])[found.recording]
    late = found.at_s - found.wait_s - impact
    fallen = impact >= 0
    label = fallen & (np.abs(late) <= AT_FALL_S)
    after = fallen & ~label & (late > 0)
    weight = np.where(old & ~label, OLD_WEIGHT, 1.0)
    return label.astype(np.int64), np.where(after, 0.0, weight)


def folds(recordings: Sequence[Recording], count: int, dealing: int = DEALING) -> Any:
    """The fold of each recording; a person is in one fold with everything. `dealing` seeds which."""
    people = sorted({r.person for r in recordings})
    dealt = np.random.default_rng(dealing).permutation(len(people)) % count
    fold = dict(zip(people, dealt.tolist(), strict=True))
    return np.array([fold[r.person] for r in recordings])


def trained(recordings: Sequence[Recording], found: Iterable[Candidates], used: Any, how: Growth) -> Trees:
    """Trees grown on the recordings that `used` marks, in every view of `found`."""
    people = {name: n for n, name in enumerate(sorted({r.person for r in recordings}))}
    person = np.array([people[r.person] for r in recordings])
    parts = []
    for each in found:
        label, weight = examples(recordings, each)
        use = used[each.recording] & (weight > 0)
        parts.append((each.features[use], label[use], weight[use], person[each.recording[use]]))
    return grow(*(np.concatenate(column) for column in zip(*parts, strict=True)), how)


def thousandths(trees: Trees, features: Any) -> Any:
    """Scores of rows of features, in thousandths of log-odds."""
    return np.round(trees.score(features) * (PER_MILLE / trees.scale))


def held_out(
    recordings: Sequence[Recording],
    found: Sequence[Candidates],
    used: Any,
    how: Growth,
    count: int,
    also: Sequence[Candidates] = (),
    dealing: int = DEALING,
) -> list[Any]:
    """A score for each candidate of `found`, on which trees are grown, and of `also`, by trees that never saw
    its person; in thousandths."""
    fold = folds(recordings, count, dealing)
    scores = [np.full(len(each.recording), NEVER) for each in (*found, *also)]
    for number in range(count):
        trees = trained(recordings, found, used & (fold != number), how)
        for score, each in zip(scores, (*found, *also), strict=True):
            mine = (used & (fold == number))[each.recording]
            if mine.any():
                score[mine] = thousandths(trees, each.features[mine])
    return scores


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened in one recording at a threshold."""

    recording: Recording
    alarms: int  # merged; in daily life each is false
    delay_s: float | None  # from the impact to the alarm; None: no fall, or missed


def outcomes(
    recordings: Sequence[Recording], found: Candidates, scores: Any, threshold: int
) -> list[Outcome]:
    """Each recording's outcome, by the rules of the scorer that comes with the data."""
    alarms: dict[int, list[float]] = {}
    for index, at_s, score in zip(
        found.recording.tolist(), found.at_s.tolist(), scores.tolist(), strict=True
    ):
        if score >= threshold:
            alarms.setdefault(index, []).append(at_s)
    out = []
    for index, recording in enumerate(recordings):
        times = alarms.get(index, [])
        merged = 0
        last = -MERGED_S
        for at_s in times:
            if at_s - last >= MERGED_S:
                merged, last = merged + 1, at_s
        impact = recording.impact_s
        valid = [] if impact is None else [t - impact for t in times if t >= impact - EARLY_S]
        out.append(Outcome(recording, merged, valid[0] if valid else None))
    return out
