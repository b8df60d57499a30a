"""Each planted fault turns its scenario or test red; and no scenario or invariant is without one.

`pytest -m slow tests/planted -k "no-hub"` proves one plant; ANBAN_SEED chooses the seed of the scenarios.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sim import scenarios
from tests.planted.plant import ROOT, Plant, broken_claims, changed, copy, failed_test
from tests.planted.rows import PLANTS

SEED = int(os.environ.get("ANBAN_SEED", "1"))
INVARIANTS = range(1, 11)
UNPLAYED = "the scenario could be played"  # a crash of the simulation proves nothing


def label(plant: Plant) -> str:
    return f"{plant.scenario or plant.red.rpartition('::')[2]}: {plant.name}"


def test_every_scenario_has_a_fault_that_it_must_notice() -> None:
    assert {plant.scenario for plant in PLANTS if plant.scenario} == set(scenarios.load())


def test_every_invariant_has_a_fault_that_breaks_it() -> None:
    assert {number for plant in PLANTS for number in plant.breaks} == set(INVARIANTS)


def test_names_of_faults_are_their_own() -> None:
    assert len({plant.name for plant in PLANTS}) == len(PLANTS)


@pytest.mark.parametrize("plant", PLANTS, ids=label)
def test_the_product_still_has_the_place_where_the_fault_is_planted(plant: Plant) -> None:
    texts: dict[str, str] = {}
    for change in plant.changes:
        before = texts.get(change.file) or (ROOT / change.file).read_text()
        texts[change.file] = changed(change, before)
    assert texts
    for name, text in texts.items():
        if name.endswith(".py"):
            compile(text, name, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS, ids=label)
def test_the_fault_is_noticed(plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("planted") / "product"
    copy(plant, root)
    if not plant.scenario:
        assert plant.says in failed_test(plant, root) != "", f"{plant.red} is green all the same"
        return
    broken: list[str] = []
    for play in range(plant.plays):
        home: Path = tmp_path_factory.mktemp("p") / "h"
        broken = broken_claims(plant, root, home, SEED + play)
        if noticed(plant, broken):
            return
    raise AssertionError(broken or "green all the same")


def noticed(plant: Plant, broken: list[str]) -> bool:
    """Whether the claim that guards against this fault is broken; that the simulation crashed proves none."""
    return any(plant.says in claim for claim in broken if not claim.startswith(UNPLAYED))
