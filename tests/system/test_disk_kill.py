"""kill -9 under load: everything that was acknowledged outside the process is in the journal."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from edge.stores.journal import Journal
from sim.disk import FaultDisk
from tests.system.test_disk_faults import Child
from tests.unit.edge.store_making import numbers

ROUNDS = 5


async def drain(child: Child) -> list[dict[str, Any]]:
    """What a killed process had still written into the pipe."""
    assert child.process.stdout is not None
    lines = (await child.process.stdout.read()).split(b"\n")
    return [json.loads(line) for line in lines if line.endswith(b"}")]


async def kill_rounds(folder: Path, seed: int, rounds: int, early: bool) -> tuple[set[int], Journal]:
    """Load, kill at a moment that nobody chose, start again; what was acknowledged, and the journal after
    the end.
    """
    chance = random.Random(seed)
    child = Child(FaultDisk(folder / "data", folder / "control"), folder / "data")
    acknowledged: set[int] = set()
    for round_number in range(rounds):
        assert (await child.start())["recovered"] == 0
        if early:
            child.disk.hang_writes()  # else a quick disk has everything by the time of the kill
        elif chance.random() < 0.5:
            child.disk.hang(chance.choice([1, 5]))  # so that the kill meets commits at every stage
        child.ask("load", first=1_000_000 * round_number, early=early)
        for _ in range(1 if early else chance.randint(1, 300)):
            acknowledged.add((await child.answer())["durable"])
        await child.kill()
        acknowledged |= {line["durable"] for line in await drain(child) if "durable" in line}
        child.disk.heal()
    return acknowledged, Journal.open(folder / "data" / "journal.db")


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_was_acknowledged_survives_kills_under_load(tmp_path: Path, seed: int) -> None:
    acknowledged, journal = await kill_rounds(tmp_path, seed, ROUNDS, early=False)
    there = numbers(journal)
    assert acknowledged <= set(there)
    assert len(there) == len(set(there))
    assert journal.verify().ok
    assert journal.recovered == ()


async def test_an_acknowledgement_before_the_commit_would_be_noticed(tmp_path: Path) -> None:
    acknowledged, journal = await kill_rounds(tmp_path, 3, 2, early=True)
    assert not acknowledged <= set(numbers(journal))
