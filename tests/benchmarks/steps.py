"""Steps after a fall: how often walking is noticed, and how often whoever does not walk is said to.

Part of `anban bench fall`. Falls: from the decision on, hanging angle as the detector learnt it before the
impact, so nobody who walks before it counts. Daily life: from two seconds on, against the angle until then.
A recording in which nobody could be noticed yet, because it ends sooner, is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from firmware.pendant import fall, steps
from provisioning.fall_data import Recording
from provisioning.fall_training import POSTS

LEARNS_S = 2.0
NEEDS_S = (steps.WINDOW + (steps.LOOKS - 1) * steps.HOP) / steps.HZ
WALKING = ("walking", "walking quickly", "walking slowly")
LYING = ("lying", "lie ", "rising up")


def noticed(recording: Recording) -> tuple[bool, float] | None:
    """Whether somebody is said to walk, and in how many seconds; None for what is too short to tell."""
    post = POSTS["trunk" if recording.trunk else "wrist"]
    detector = fall.Detector(steps.HZ, (1, post, b""))
    samples = recording.at(steps.HZ)
    impact = recording.impact_s
    start_s = LEARNS_S if impact is None else impact + (post + 0.5) * fall.BLOCK_MS / 1000
    begins = round(start_s * steps.HZ)
    seconds = (len(samples) - begins) / steps.HZ
    if seconds < NEEDS_S:
        return None
    for sample in samples[:begins]:
        detector.update(*sample)
    walker = steps.Steps(detector.hang() if recording.trunk else None)
    return any(walker.update(*sample) for sample in samples[begins:]), seconds


def counted(recordings: Sequence[Recording]) -> dict[str, dict[str, Any]]:
    """By placement and what is done, and walking by data set too: recordings, how many are said to walk."""
    groups: dict[str, list[tuple[bool, float]]] = {}
    for recording in recordings:
        if (found := noticed(recording)) is not None:
            for name in _groups(recording):
                groups.setdefault(name, []).append(found)
    return {
        name: {
            "recordings": len(rows),
            "said_to_walk": sum(said for said, _ in rows),
            "minutes": round(sum(seconds for _, seconds in rows) / 60, 1),
        }
        for name, rows in sorted(groups.items())
    }


def _groups(recording: Recording) -> list[str]:
    placement = "trunk" if recording.trunk else "wrist"
    text = recording.text.lower()
    if recording.impact_s is not None:
        rises = "rec." in text
        return [f"{placement}: after a fall, {'gets up again' if rises else 'stays down'}"]
    if text in WALKING:
        old = ", old" if recording.age_group == "old" else ""
        return [f"{placement}: walking{old}", f"{recording.dataset} {recording.placement}: {text}{old}"]
    if any(word in text for word in LYING):
        return [f"{placement}: lying, turning, rising"]
    return [f"{placement}: any other daily life"]
