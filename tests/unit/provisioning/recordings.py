"""A small set of recordings in the data's format, made up: people who fall, sit, walk and turn in bed."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from sim import motion

PEOPLE = 12


def write(folder: Path, people: int = PEOPLE, placements: tuple[str, ...] = ("waist", "wrist")) -> None:
    """`people` people, for each placement three falls and three pieces of daily life."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    samples: list[motion.Sample] = []
    for person in range(people):
        for number, placement in enumerate(placements):
            for trial in range(3):
                seed = 1000 * person + 10 * trial + number
                for is_fall, clip in ((1, motion.fallen(seed)), (0, motion.day(seed))):
                    rows.append(_row(person, placement, trial, is_fall, len(samples), clip))
                    samples += clip
    with (folder / "manifest.csv").open("w", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    values = np.array(samples, np.int16)
    steps = np.diff(values, axis=0, prepend=np.zeros((1, 3), np.int16)).astype(np.int16)
    np.savez(folder / "made.npz", dx=steps[:, 0], dy=steps[:, 1], dz=steps[:, 2])


def _row(
    person: int, placement: str, trial: int, is_fall: int, start: int, clip: list[motion.Sample]
) -> dict[str, object]:
    sizes = [x * x + y * y + z * z for x, y, z in clip]
    return {
        "rec_id": f"P{person:02}_{placement}_{trial}_{is_fall}",
        "dataset": "made",
        "subject": f"P{person:02}",
        "age": 70,
        "age_group": "old" if person % 3 == 0 else "young",
        "placement": placement,
        "activity": "F1" if is_fall else "D1",
        "desc": "Fall F, walking" if is_fall else "Sitting down",
        "trial": trial,
        "is_fall": is_fall,
        "recovery": 0,
        "t_impact": sizes.index(max(sizes)) / 50 if is_fall else "",
        "src_hz": 50,
        "peak_src_g": "",
        "start": start,
        "n": len(clip),
        "note": "",
    }
