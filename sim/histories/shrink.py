"""Makes a failing history small: drops steps for as long as the same invariant still breaks."""

from __future__ import annotations

from dataclasses import replace

from sim.histories.play import Result, play
from sim.histories.script import Script, Step

MOST_TRIES = 200  # histories that shrinking may cost


def kind_of(failure: str) -> str:
    """Which invariant a failure is about: what must stay the same while shrinking."""
    return failure.split(":")[0]


def shrink(result: Result, tries: int = MOST_TRIES) -> Result:
    """The smallest failing history found, by dropping ever smaller runs of steps. Needs a failing result."""
    best = result
    size = max(1, len(best.script.steps) // 2)
    while size and tries > 0:
        at = 0
        while at < len(best.script.steps) and tries > 0:
            tries -= 1
            shorter = play(_without(best.script, at, size))
            if shorter.failure and kind_of(shorter.failure) == kind_of(result.failure):
                best = shorter
            else:
                at += size
        size //= 2
    return best


def _without(script: Script, at: int, size: int) -> Script:
    """The script less some steps; whatever they began is not ended by them either, healing does that."""
    steps: tuple[Step, ...] = script.steps[:at] + script.steps[at + size :]
    return replace(script, steps=steps)
