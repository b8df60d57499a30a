"""A home whose internet is cut again and again: each call is at the platform once, by SMS or later by IP.

ANBAN_SEED chooses the storm, ANBAN_TEXT_ROUNDS its length, ANBAN_CHAOS_MINUTES ends it early.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from sim.home.home import Home
from sim.home.waiting import came
from sim.scenarios.texts import UP_S, modems_up
from tests.chaos.storm import sentences
from tests.chaos.test_chaos import MINUTES, SEED, judge
from tests.chaos.texts import HOME, TextStorm

ROUNDS = int(os.environ.get("ANBAN_TEXT_ROUNDS", "40"))
LEAST_BY_TEXT = 3  # of ten rounds: otherwise it was not texts that were tried


@pytest.mark.slow
async def test_calls_of_a_cut_line_come_once_by_text_or_later(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = Home(tmp_path_factory.mktemp("t"), SEED, HOME)
    storm = TextStorm(home, random.Random(f"texts {SEED}"))
    until_s = time.monotonic() + MINUTES * 60
    try:
        async with home.running():
            assert await came(modems_up(home), UP_S) is not None
            await storm.rounds(ROUNDS, until_s)
            events = list(home.platform.events)
    finally:
        print(f"seed {SEED}", *sentences(storm.figures), f"slowest round {storm.slowest_s:.1f} s", sep="\n")
        verdict = home.verdict()
        by_text = sum(event.by_text for event in home.platform.events)
        print(f"presses {len(home.ledger.presses)}, carried {len(verdict.carried)}, by text {by_text}")
        print(f"texts {len(home.cell.log)}, phones rung {len(home.cell.exchange.log)} times")
        print(f"calls {verdict.calls}, cases {verdict.cases}; lost {len(verdict.lost)}, ", end="")
        print(f"duplicated {verdict.duplicated}, early {len(verdict.early)}")
    judge(verdict)
    carried = {stored.id for stored in verdict.carried.values()}
    twice = [event.id for event in events if event.kind == "call.sos" and event.id not in carried]
    assert not twice, f"nobody pressed for {twice}"
    assert storm.figures["rounds"] >= min(ROUNDS, 30), "the time was over before the rounds were"
    assert 10 * storm.figures["all there while cut"] >= LEAST_BY_TEXT * storm.figures["rounds"]
    assert sum(event.by_text for event in events) >= storm.figures["rounds"] // 3
