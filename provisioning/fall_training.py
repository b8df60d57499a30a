"""Candidates come from recordings by the pendant's own detector; trees are grown, held-out people scored.

A candidate is a row: the features of an impact as the pendant computes them. In a recording of a fall the one
at the fall is its example; what comes after it is left out, what came before counts as daily life. People are
dealt into folds, all their clips together; whoever is scored was in no training, of the trees or of a
threshold that is taken within a fold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivers.pendant import lis2dw12
from firmware.pendant import fall, falls
from provisioning.fall_data import Recording
from provisioning.fall_trees import Growth, Trees, grow

RATES = (50, 25)  # the pendant may use either: trees are grown on both
WAIT_S = fall.POST * fall.BLOCK_MS / 1000 + 0.04  # from an impact to its decision, to the middle of its block
BOOT_S = 0.45  # the middle of 0.3-0.6 s
FREE_FALL_MG, FREE_FALL_SAMPLES = 312, 3  # as the driver sets the chip up
AT_FALL_S = 1.6  # an impact so near to the labelled one (+-0.5 s) is the fall
EARLY_S = 1.0  # an alarm so long before the labelled impact still counts as its detection
MERGED_S = 10.0  # alarms that are closer are one
OLD_WEIGHT = 2.0  # daily life of old people counts twice: they wear it
FALL_WEIGHT = 1.5
PER_MILLE = 1000  # scores are thousandths of log-odds


@dataclass(frozen=True, slots=True)
class Candidates:
    """Impacts of many recordings at one rate. `at_s`: when each was decided."""

    hz: int
    features: Any  # (n, features), int32
    recording: Any  # (n,), index into the recordings
    at_s: Any  # (n,)


def candidates(recordings: Sequence[Recording], hz: int) -> Candidates:
    """Run the pendant's detector over all recordings and keep what it looks at."""
    detector = fall.Detector(hz, (1, b""))
    rows: list[list[int]] = []
    where: list[int] = []
    when: list[float] = []
    for index, recording in enumerate(recordings):
        detector.reset()
        seen, update = detector.candidates, detector.update
        for n, (x, y, z) in enumerate(recording.at(hz)):
            update(x, y, z)
            if detector.candidates != seen:
                seen = detector.candidates
                rows.append(list(detector.f))
                where.append(index)
                when.append(n / hz)
    features = np.array(rows, np.int32).reshape(len(rows), len(fall.FEATURES))
    return Candidates(hz, features, np.array(where, np.int64), np.array(when))


def woken(recordings: Sequence[Recording], hz: int = 25) -> Candidates:
    """As `candidates`, by a pendant that sleeps until the accelerometer's line wakes it: of what came before
    it has what the FIFO holds when the program has booted, the newest 32 samples.
    """
    detector = fall.Detector(hz, (1, b""))
    rows: list[list[int]] = []
    where: list[int] = []
    when: list[float] = []
    boot, settle = round(BOOT_S * hz), round(falls.SETTLE_MS * hz / 1000)
    for index, recording in enumerate(recordings):
        samples = recording.at(hz)
        n = _wakes(samples, 0)
        while n is not None:
            end = n + boot  # what comes meanwhile is in the FIFO too
            detector.reset()
            blow, at = n, max(0, end - lis2dw12.DEPTH + 1)
            while at < len(samples) and at - blow < settle:
                seen = detector.candidates
                detector.update(*samples[at])
                if detector.candidates != seen:
                    rows.append(list(detector.f))
                    where.append(index)
                    when.append(max(at, end) / hz)
                if detector.waiting():
                    blow = max(at, blow)
                at += 1
            n = _wakes(samples, at)
    features = np.array(rows, np.int32).reshape(len(rows), len(fall.FEATURES))
    return Candidates(hz, features, np.array(where, np.int64), np.array(when))


def _wakes(samples: Sequence[Sequence[int]], first: int) -> int | None:
    """Where the line falls: a slope above WAKE_MG, or four samples of free fall."""
    low = 0
    for n in range(max(first, 1), len(samples)):
        slope = max(abs(a - b) for a, b in zip(samples[n], samples[n - 1], strict=True)) / 2
        low = low + 1 if max(map(abs, samples[n])) < FREE_FALL_MG else 0
        if slope > lis2dw12.WAKE_MG or low > FREE_FALL_SAMPLES:
            return n
    return None


def examples(recordings: Sequence[Recording], found: Candidates) -> tuple[Any, Any]:
    """(label, weight) of each candidate; weight 0: left out."""
    impact = np.array([-1.0 if r.impact_s is None else r.impact_s for r in recordings])[found.recording]
    old = np.array([r.age_group == "old" for r in recordings])[found.recording]
    late = found.at_s - WAIT_S - impact
    fallen = impact >= 0
    label = fallen & (np.abs(late) <= AT_FALL_S)
    after = fallen & ~label & (late > 0)
    weight = np.where(label, FALL_WEIGHT, np.where(old, OLD_WEIGHT, 1.0))
    return label.astype(np.int64), np.where(after, 0.0, weight)


def folds(recordings: Sequence[Recording], count: int, seed: int = 7) -> Any:
    """The fold of each recording; a person is in one fold with everything."""
    people = sorted({r.person for r in recordings})
    dealt = np.random.default_rng(seed).permutation(len(people)) % count
    fold = dict(zip(people, dealt.tolist(), strict=True))
    return np.array([fold[r.person] for r in recordings])


def trained(recordings: Sequence[Recording], found: Iterable[Candidates], used: Any, how: Growth) -> Trees:
    """Trees grown on the recordings that `used` marks, at every rate in `found`."""
    people = {name: n for n, name in enumerate(sorted({r.person for r in recordings}))}
    person = np.array([people[r.person] for r in recordings])
    parts = []
    for each in found:
        label, weight = examples(recordings, each)
        use = used[each.recording] & (weight > 0)
        parts.append((each.features[use], label[use], weight[use], person[each.recording[use]]))
    return grow(*(np.concatenate(column) for column in zip(*parts, strict=True)), how)


def held_out(
    recordings: Sequence[Recording],
    found: Sequence[Candidates],
    used: Any,
    how: Growth,
    count: int,
    also: Sequence[Candidates] = (),
) -> list[Any]:
    """A score for each candidate of `found`, on which trees are grown, and of `also`, by trees that never saw
    its person; in thousandths."""
    fold = folds(recordings, count)
    scores = [np.full(len(each.recording), -(10**6)) for each in (*found, *also)]
    for number in range(count):
        trees = trained(recordings, found, used & (fold != number), how)
        for score, each in zip(scores, (*found, *also), strict=True):
            mine = (used & (fold == number))[each.recording]
            if mine.any():
                points = trees.score(each.features[mine]) * (PER_MILLE / trees.scale)
                score[mine] = np.round(points)
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
