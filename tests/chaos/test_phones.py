"""A home whose internet is cut again and again, and whose family is rung: by people who do what people do.

ANBAN_SEED chooses the storm, ANBAN_PHONE_ROUNDS its length, ANBAN_CHAOS_MINUTES ends it early.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import pytest

from sim.home.home import Home
from sim.home.waiting import came
from sim.scenarios.texts import UP_S, modems_up
from tests.chaos.phones import HOME, People, PhoneStorm, friend, judged
from tests.chaos.storm import sentences
from tests.chaos.test_chaos import MINUTES, SEED, judge

ROUNDS = int(os.environ.get("ANBAN_PHONE_ROUNDS", "25"))


@pytest.mark.slow
async def test_whoever_is_rung_nothing_is_lost_and_no_line_stays_open(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = Home(tmp_path_factory.mktemp("p"), SEED, HOME)
    storm = PhoneStorm(home, random.Random(f"phones {SEED}"))
    people = People(home, random.Random(f"people {SEED}"))
    until_s = time.monotonic() + MINUTES * 60
    try:
        async with home.running(), people.there():
            assert await came(modems_up(home), UP_S) is not None
            bystander = friend(home)
            await storm.rounds(ROUNDS, until_s)
            bystander.hang_up()
    finally:
        print(f"seed {SEED}", *sentences(storm.figures), f"slowest round {storm.slowest_s:.1f} s", sep="\n")
        verdict = home.verdict()
        hub = home.setup.number_of("hub-01")
        calls = [call for call in home.cell.exchange.log if call.caller == hub]
        texts = sum(carried.sender == hub for carried in home.cell.log)
        longest_ms = max((c.at_ms["ended"] - c.at_ms["answered"] for c in calls if _whole(c)), default=0)
        print(f"presses {len(home.ledger.presses)}, carried {len(verdict.carried)}; texts {texts}")
        print(f"phone calls {len(calls)}: {dict(Counter(people.did))}; longest line {longest_ms} ms")
        print(
            f"confirmed {sum(bool(call.keys) for call in calls)}; hub killed {len(home.hub.killed_ms)} times"
        )
        print(f"calls {verdict.calls}, cases {verdict.cases}; lost {len(verdict.lost)}, ", end="")
        print(f"duplicated {verdict.duplicated}, early {len(verdict.early)}")
    judge(verdict)
    pressed_ms = [press.at_ms for press in home.ledger.presses]
    family = [relative.number for relative in home.setup.family]
    wrong = judged(calls, hub, family, pressed_ms, home.hub.killed_ms + storm.unplugged_ms)
    assert not wrong, wrong
    assert texts <= home.setup.texts_a_day
    assert len(calls) <= home.setup.calls_a_day
    assert storm.figures["rounds"] >= min(ROUNDS, 20), "the time was over before the rounds were"
    assert 2 * storm.figures["rounds that rang"] >= storm.figures["rounds"], (
        "it was not phones that were tried"
    )
    assert 4 * sum(bool(call.keys) for call in calls) >= storm.figures["rounds"], "hardly anybody confirmed"


def _whole(call: object) -> bool:
    return {"answered", "ended"} <= call.at_ms.keys()  # type: ignore[attr-defined]
