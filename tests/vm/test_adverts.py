"""Stock Bleak in the product's radio on the real BlueZ: a pendant is never unheard for a second.

ANBAN_VM_ADVERT_S: how long adverts are listened to (600). Figures are left in build/vm/figures as JSON.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.vm.figures import RELEASES, keep
from tests.vm.machine import BOOT_S, Machine
from tests.vm.packages import bluez

pytestmark = [pytest.mark.slow, pytest.mark.vm]

ADVERT_S = float(os.environ.get("ANBAN_VM_ADVERT_S", "600"))
SHORT_S = min(ADVERT_S, 60.0)  # the kernel enables scanning anew every 10 s: six times all that can differ


async def listen(folder: Path, release: str, seconds: float, by_address: bool) -> dict[str, Any]:
    folder_of_bluez = str(bluez(release))
    async with Machine(
        folder,
        "adverts",
        pace="counted" if by_address else "skipping",
        bluez=folder_of_bluez,
        seconds=seconds,
        by_address=by_address,
    ) as machine:
        assert await machine.told("bluez", BOOT_S) == RELEASES[release]
        gaps: dict[str, Any] = await machine.told("gaps", BOOT_S + 1.2 * seconds)
    keep(f"adverts-{release}" + "-by-address" * by_address, gaps, machine)
    return gaps


def nothing_was_missed(gaps: dict[str, Any], seconds: float) -> None:
    assert gaps["seconds"] >= seconds
    assert gaps["payloads"] > 3 * seconds  # four a second were sent
    assert gaps["longest_ms"] <= 1000
    assert not any("Down" in fact for fact in gaps["radio"])


@pytest.mark.parametrize("release", RELEASES)
async def test_a_pendant_that_advertises_is_never_unheard_for_a_second(tmp_path: Path, release: str) -> None:
    nothing_was_missed(await listen(tmp_path, release, ADVERT_S, by_address=False), ADVERT_S)


@pytest.mark.parametrize("release", RELEASES)
async def test_nor_by_a_chip_that_takes_new_payloads_of_a_known_address_for_duplicates(
    tmp_path: Path, release: str
) -> None:
    """A Raspberry Pi's chip: the kernel knows it, and for our RSSI filter switches the chip's filter off."""
    nothing_was_missed(await listen(tmp_path, release, SHORT_S, by_address=True), SHORT_S)
