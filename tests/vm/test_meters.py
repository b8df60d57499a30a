"""Meters on the real BlueZ: bonded before discovery with our agent, known again, and a bond that is lost.

Figures are left in build/vm/figures as JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.vm.figures import RELEASES, keep
from tests.vm.machine import BOOT_S, Machine
from tests.vm.packages import bluez

pytestmark = [pytest.mark.slow, pytest.mark.vm]

TOLD_S = 900.0  # of the host; all that is judged was timed in the guest
# bluetoothd asks a new link for its services before the pairing is over, unless it is told not to.
QUIET = "[General]\nReverseServiceDiscovery = false\n"


@pytest.mark.parametrize(("release", "hides"), [("bookworm", False), ("bookworm", True), ("trixie", True)])
async def test_meters_are_bonded_and_read_and_a_lost_bond_is_told(
    tmp_path: Path, release: str, hides: bool
) -> None:
    folder = str(bluez(release))
    settings = QUIET if hides else ""
    async with Machine(tmp_path, "meters", bluez=folder, hides=hides, settings=settings) as machine:
        assert await machine.told("bluez", BOOT_S) == RELEASES[release]
        told: dict[str, Any] = {}
        for step in ("plain", "just_works", "passkey", "known", "lost", "again"):
            told[step] = await machine.told(step, TOLD_S)
            print(step, json.dumps(told[step]), flush=True)
            assert told[step]["hung_up"] == 0, "it was asked before it was bonded"
        radio = await machine.told("radio", TOLD_S)
    assert told["plain"]["ms"] < 6_000, "a connect waited for an advert that is told once in ten seconds"
    assert told["passkey"]["state"] == told["again"]["state"] == "paired"
    assert told["passkey"]["strangers"] == 0
    assert told["lost"]["cause"] == "pair-again"
    assert not any("Down" in fact for fact in radio), "a healthy adapter was taken for a broken one"
    keep(f"meters-{release}{'-hidden' if hides else ''}", told, machine)
