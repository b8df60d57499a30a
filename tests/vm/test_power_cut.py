"""What the stores have acknowledged is there after the power went, at any moment.

ANBAN_VM_CUTS: how many cuts (50). ANBAN_SEED: which moments and which luck.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from tests.vm.cuts import Cuts, Moment, plan

pytestmark = [pytest.mark.slow, pytest.mark.vm]

CUTS = int(os.environ.get("ANBAN_VM_CUTS", "50"))
SEED = int(os.environ.get("ANBAN_SEED", "1"))


async def test_no_acknowledged_event_is_lost_when_the_power_goes(tmp_path: Path) -> None:
    cuts = Cuts(tmp_path, SEED)
    ledger = await cuts.run(plan(CUTS, random.Random(SEED)))
    report = {"cuts": CUTS, "acknowledged": ledger.acks, "looked": ledger.checked, "lost": len(ledger.lost)}
    report["dropped_sectors"] = sum(disk.counts.lost_sectors for disk in cuts.disks)
    report["torn_writes"] = sum(disk.counts.torn_writes for disk in cuts.disks)
    print(json.dumps(report))
    assert ledger.lost == []
    assert ledger.counters_back == []
    assert ledger.unsound == []
    assert ledger.acks > 20 * CUTS, "hardly any load: nothing was proved"
    assert report["dropped_sectors"] > 0, "no cut took anything: nothing was proved"


async def test_stores_that_do_not_wait_for_the_disk_are_caught(tmp_path: Path) -> None:
    """The planted fault: synchronous=OFF acknowledges what only the guest's memory has."""
    cuts = Cuts(tmp_path, SEED, synchronous="OFF")
    ledger = await cuts.run([Moment("ack", 60), Moment("ack", 100), Moment("ack", 140)])
    assert ledger.acks >= 300
    assert ledger.lost
