"""Steps after a fall: how often walking is noticed, and how often whoever does not walk is said to.

Part of `anban bench fall`. Falls: from the decision on, hanging angle as the detector learnt it before the
impact, so nobody who walks before it counts. Daily life: from two seconds on, against the angle until then.
A recording in which nobody could be noticed yet, because it ends sooner, is left out.

`held_out` chooses the detector's settings by half of the people and counts the other half, both ways, as the
constants in the firmware were chosen looking at everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, NamedTuple
from unittest.mock import patch

from firmware.pendant import fall, steps
from provisioning.fall_data import Recording
from provisioning.fall_training import POSTS, folds

LEARNS_S = 2.0
NEEDS_S = (steps.WINDOW + (steps.LOOKS - 1) * steps.HOP) / steps.HZ
WALKING = ("walking", "walking quickly", "walking slowly")
LYING = ("lying", "lie ", "rising up")
EVENNESS, UPRIGHTS, LOOKS = (45, 50, 55, 60, 65), (170, 180, 190), (3, 4, 5)  # what is chosen from
LYING_MOST = (
    0.01  # of those who lie, turn and rise may be said to walk, of a half that settings are chosen by
)


class Clip(NamedTuple):
    """What follows the decision, or the time in which the hanging angle is learnt; that angle, or None."""

    recording: Recording
    samples: list[list[int]]
    hang: tuple[int, int, int] | None

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / steps.HZ


def clip(recording: Recording) -> Clip | None:
    """None for what is too short to tell."""
    post = POSTS["trunk" if recording.trunk else "wrist"]
    detector = fall.Detector(steps.HZ, (1, post, b"", b""))
    samples = recording.at(steps.HZ)
    impact = recording.impact_s
    start_s = LEARNS_S if impact is None else impact + (post + 0.5) * fall.BLOCK_MS / 1000
    begins = round(start_s * steps.HZ)
    if (len(samples) - begins) / steps.HZ < NEEDS_S:
        return None
    for sample in samples[:begins]:
        detector.update(*sample)
    return Clip(recording, samples[begins:], detector.hang() if recording.trunk else None)


def looks(some: Clip) -> int:
    """How many looks in a row were steps, at most."""
    walker = steps.Steps(some.hang)
    most = 0
    for sample in some.samples:
        walker.update(*sample)
        most = max(most, walker.looks)
    return most


def counted(recordings: Sequence[Recording]) -> dict[str, dict[str, Any]]:
    """By placement and what is done, and walking by data set too: recordings, how many are said to walk."""
    groups: dict[str, list[tuple[bool, float]]] = {}
    for some in filter(None, map(clip, recordings)):
        found = looks(some) >= steps.LOOKS, some.seconds
        for name in _groups(some.recording):
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


class Told(NamedTuple):
    """Recordings of a group, and how many of them are said to walk."""

    recordings: int
    said_to_walk: int


Setting = tuple[int, int, int]  # evenness, uprightness, looks in a row


def held_out(recordings: Sequence[Recording]) -> dict[str, Any]:
    """Settings chosen by each half of the people, and what they say of the other half: nobody who stays down
    may be said to walk, LYING_MOST of who lies and turns; of what is left the one that notices most walks,
    and among equals the strictest.
    """
    half = dict(zip((r.person for r in recordings), folds(recordings, 2).tolist(), strict=True))
    clips = [some for some in map(clip, recordings) if some is not None]
    runs: dict[tuple[int, int], list[int]] = {}
    for even, upright in product(EVENNESS, UPRIGHTS):
        with patch.multiple(steps, EVEN=even, UPRIGHT=upright):
            runs[even, upright] = [looks(some) for some in clips]
    out: dict[str, Any] = {}
    told: dict[str, Told] = {}
    for number in (0, 1):
        of = {
            setting: _told(
                ((s.recording, n >= setting[2]) for s, n in zip(clips, runs[setting[:2]], strict=True)), half
            )
            for setting in product(EVENNESS, UPRIGHTS, LOOKS)
        }
        chosen = max(of, key=lambda setting: (*_worth(of[setting][number]), setting))
        out[f"chosen by half {number + 1}"] = dict(zip(("even", "upright", "looks"), chosen, strict=True))
        for name, (count, said) in of[chosen][1 - number].items():
            before = told.get(name, Told(0, 0))
            told[name] = Told(before.recordings + count, before.said_to_walk + said)
    return {**out, "the other half": {name: found._asdict() for name, found in sorted(told.items())}}


def _told(found: Iterable[tuple[Recording, bool]], half: dict[str, int]) -> tuple[dict[str, Told], ...]:
    """Of each half of the people."""
    out: tuple[dict[str, Told], ...] = ({}, {})
    for recording, said in found:
        name, *_ = _groups(recording)
        mine = out[half[recording.person]]
        before = mine.get(name, Told(0, 0))
        mine[name] = Told(before.recordings + 1, before.said_to_walk + said)
    return out


def _worth(told: dict[str, Told]) -> tuple[bool, int]:
    """Whether it is allowed, and how many walks it notices."""

    def of(what: str) -> Told:
        return Told(*map(sum, zip(Told(0, 0), *(v for k, v in told.items() if what in k), strict=True)))

    lying = of("lying")
    allowed = not of("stays down").said_to_walk and lying.said_to_walk <= LYING_MOST * lying.recordings
    return allowed, of("walking").said_to_walk
