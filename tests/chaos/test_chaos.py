"""A home through hundreds of kills, cuts and losses: whatever was pressed is at the platform, once.

ANBAN_SEED chooses the storm, ANBAN_ROUNDS its length, ANBAN_CHAOS_MINUTES ends it early (a run on a busy
machine counts the rounds that it did).
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from sim.home.home import Home
from sim.home.ledger import Verdict
from tests.chaos.storm import EVILS, Storm, sentences

SEED = int(os.environ.get("ANBAN_SEED", "1"))
ROUNDS = int(os.environ.get("ANBAN_ROUNDS", "200"))
MINUTES = float(os.environ.get("ANBAN_CHAOS_MINUTES", "28"))


async def storm_of(directory: Path, rounds: int, minutes: float) -> tuple[Storm, Verdict]:
    """Rounds on one home, and the verdict after the end of all its processes."""
    home = Home(directory, SEED)
    storm = Storm(home, random.Random(f"chaos {SEED}"))
    until_s = time.monotonic() + minutes * 60
    try:
        async with home.running():
            await storm.rounds(rounds, until_s)
    finally:
        print(f"seed {SEED}", *sentences(storm.figures), f"slowest round {storm.slowest_s:.1f} s", sep="\n")
        verdict = home.verdict()
        print(f"calls {verdict.calls}, cases {verdict.cases}, carried {len(verdict.carried)}")
    return storm, verdict


def judge(verdict: Verdict) -> None:
    assert not verdict.lost, "\n".join(verdict.lost)
    assert verdict.duplicated == 0, f"{verdict.cases} cases, {verdict.calls} calls"
    assert not verdict.early, "\n".join(verdict.early)


@pytest.mark.slow
async def test_two_hundred_rounds_lose_and_double_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    storm, verdict = await storm_of(tmp_path_factory.mktemp("c"), ROUNDS, MINUTES)
    judge(verdict)
    assert storm.figures["rounds"] >= min(ROUNDS, 200), "the time was over before the rounds were"
    if ROUNDS >= 100:
        assert all(storm.figures[evil] >= ROUNDS // 40 for evil in EVILS), storm.figures
