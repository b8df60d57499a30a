"""Recordings of falls and of daily life are read from a folder: manifest.csv and one .npz a data set.

The format is that of the folder's own README: a row a recording, samples as first differences `dx dy dz`
(int16, wrapping) of all recordings of a data set one after another, 50 Hz, milli-g, gravity included. The
folder stays outside the repository; what is read here goes into no file but a trained table.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SOURCE_HZ = 50
TRUNK = frozenset({"neck", "chest", "waist", "hip"})


@dataclass(frozen=True, slots=True)
class Recording:
    """One clip of one person. `samples`: (n, 3), milli-g. `impact_s` is None in daily life."""

    id: str
    dataset: str
    subject: str
    age_group: str
    placement: str
    activity: str
    text: str
    impact_s: float | None
    samples: Any

    @property
    def person(self) -> str:
        """Who it is, over all placements and clips of a data set."""
        return f"{self.dataset} {self.subject}"

    @property
    def trunk(self) -> bool:
        """Worn at neck, chest, waist or hip."""
        return self.placement in TRUNK

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / SOURCE_HZ

    def at(self, hz: int) -> list[list[int]]:
        """The samples at 50 Hz, or at 25 Hz as means of pairs."""
        if hz == SOURCE_HZ:
            return list(self.samples.tolist())
        pairs = self.samples[: len(self.samples) // 2 * 2].astype(np.int32).reshape(-1, 2, 3)
        return list((pairs.sum(1) // 2).tolist())


class DataError(ValueError):
    """The folder does not hold what its manifest says."""


def load(folder: Path) -> Iterator[Recording]:
    """Every recording of the manifest. DataError names what is missing or does not fit."""
    try:
        with (folder / "manifest.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}; --data is the folder with manifest.csv") from error
    samples: dict[str, Any] = {}
    for row in rows:
        try:
            name = row["dataset"]
            if name not in samples:
                samples[name] = _samples(folder, name)
            yield _recording(row, samples[name])
        except (KeyError, ValueError, TypeError, OSError) as error:
            raise DataError(f"{folder}: recording {row.get('rec_id')}: {error}") from error


def _samples(folder: Path, name: str) -> Any:
    if not name.replace("_", "").isalnum():
        raise ValueError(f"{name!r} is no name of a data set")
    with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
        axes = [np.cumsum(stored[key], dtype=np.int32).astype(np.int16) for key in ("dx", "dy", "dz")]
    return np.stack(axes, 1)


def _recording(row: dict[str, str], samples: Any) -> Recording:
    start, length = int(row["start"]), int(row["n"])
    if start < 0 or length < 1 or start + length > len(samples):
        raise ValueError("it lies outside of its data set")
    return Recording(
        id=row["rec_id"],
        dataset=row["dataset"],
        subject=row["subject"],
        age_group=row["age_group"],
        placement=row["placement"],
        activity=row["activity"],
        text=row["desc"],
        impact_s=float(row["t_impact"]) if row["is_fall"] == "1" else None,
        samples=samples[start : start + length],
    )
