"""The link under fire on both interpreters: nothing but refusals, the same ones, and no memory lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.micropython.link.conftest import run_micropython
from tests.micropython.link.fuzz import Fuzz

HERE = Path(__file__).parent
ROUNDS = 400


def output(script: str, *arguments: str) -> Any:
    """The last line that a MicroPython program prints, as JSON."""
    child = run_micropython(HERE / script, *arguments)
    told, _ = child.communicate(timeout=120)
    assert child.returncode == 0, told
    return json.loads(told.splitlines()[-1])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_spoilt_bytes_are_refused_alike_by_both_interpreters(seed: int) -> None:
    here = Fuzz(seed).run(ROUNDS)  # type: ignore[no-untyped-call]
    assert output("fuzz.py", str(seed), str(ROUNDS)) == here
    assert here["opened"] > ROUNDS // 2
    reached = {"length", "version", "plaintext", "tag", "old", "repeat", "order", "kind", "value"}
    assert reached <= set(here["refused"])


def test_an_advert_costs_next_to_no_memory() -> None:
    cost = output("budget.py")
    assert cost["bytes_for_one"] <= 256
    assert cost["left_after_10000"] <= 256  # the counter of the loop and its like
    assert cost["heap_used"] < 48 * 1024  # of 192 KB: the rest is the firmware's
