"""Ten thousand presses over eight pendants: each is at the platform, none twice, each is felt.

ANBAN_PRESSES is how many, ANBAN_PRESS_MINUTES how long at most; what fits is printed, with its figures.
"""

from __future__ import annotations

import os
import random
import statistics
import time

import pytest

from sim.home import plan
from sim.home.home import Home
from tests.benchmarks.machine import Stolen
from tests.chaos.presses import PENDANTS, SPOTS, Marathon, setup
from tests.chaos.test_chaos import judge

SEED = int(os.environ.get("ANBAN_SEED", "1"))
PRESSES = int(os.environ.get("ANBAN_PRESSES", "10000"))
MINUTES = float(os.environ.get("ANBAN_PRESS_MINUTES", "26"))
LEAST_A_MINUTE = 60.0  # far below what two cores carry: below it something hangs


@pytest.mark.slow
async def test_thousands_of_presses_over_eight_pendants(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "PENDANT_SPOTS", SPOTS)
    home = Home(tmp_path_factory.mktemp("m"), SEED, setup())
    began = time.monotonic()
    async with home.running():
        assert len(home.spots) == PENDANTS + 1
        marathon = Marathon(home, random.Random(f"presses {SEED}"), began + MINUTES * 60, PRESSES)
        began, stolen = time.monotonic(), Stolen()
        await marathon.run()
        minutes, taken = (time.monotonic() - began) / 60, stolen.percent()
    verdict = home.verdict()
    made = len(home.ledger.presses)
    felt = sorted(marathon.felt_ms)
    print(
        f"\nseed {SEED}: {made} presses in {minutes:.1f} min (others took {taken} % of the machine), "
        f"{len(verdict.lost)} lost, "
        f"{verdict.duplicated} doubled; felt as delivered p50 {statistics.median(felt):.0f} ms, "
        f"p99 {felt[len(felt) * 99 // 100]} ms, {len(marathon.slow)} not within the limit; "
        f"pendants reset: {dict(marathon.resets)}; "
        f"{verdict.calls} calls, {verdict.cases} cases"
    )
    print(*marathon.words, sep="\n")
    judge(verdict)
    assert not marathon.slow, f"not felt as delivered: {marathon.slow[:5]}"
    assert len(verdict.carried) == made
    assert made >= min(PRESSES, LEAST_A_MINUTE * minutes)
