"""Stock Bleak in the product's radio, the real BlueZ and the kernel's Bluetooth, against the real firmware.

ANBAN_VM_ADVERT_S: how long adverts are listened to (600). Figures are left in build/vm/figures as JSON.
"""

from __future__ import annotations

import json
import os
import statistics
from pathlib import Path
from typing import Any

import pytest

from tests.vm import packages
from tests.vm.machine import Machine, acceleration

pytestmark = [pytest.mark.slow, pytest.mark.vm]

ADVERT_S = float(os.environ.get("ANBAN_VM_ADVERT_S", "600"))
BOOT_S = 300.0  # until everything listens, on emulation and a busy machine
PRESSES, HANGS = 8, 3
# Emulation runs everything about five times slower, the pendant's 3 s of patience and its boot included.
SLOWER = 1 if "kvm" in acceleration() else 4
RELEASES = {"bookworm": "5.66", "trixie": "5.82"}


def keep(name: str, figures: dict[str, Any]) -> None:
    """Leave figures for people and for the benchmarks' table."""
    folder = packages.BUILD / "figures"
    folder.mkdir(exist_ok=True)
    figures = {"accelerated_by": acceleration()[1].split(",")[0], **figures}
    (folder / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))


def bluez(release: str) -> str:
    return str(packages.bluez(release))


@pytest.mark.parametrize(("release", "share"), [("bookworm", 1.0), ("trixie", 0.2)])
async def test_a_pendant_that_advertises_is_never_unheard_for_a_second(
    tmp_path: Path, release: str, share: float
) -> None:
    seconds = ADVERT_S * share
    async with Machine(tmp_path, "adverts", bluez=bluez(release), seconds=seconds) as machine:
        assert await machine.told("bluez", BOOT_S) == RELEASES[release]
        gaps = await machine.told("gaps", BOOT_S + 1.2 * seconds)
    keep(f"adverts-{release}", gaps)
    assert gaps["seconds"] >= seconds
    assert gaps["payloads"] > 3 * seconds  # four a second were sent
    assert gaps["longest_ms"] <= 1000
    assert not any("Down" in fact for fact in gaps["radio"])


@pytest.mark.parametrize("release", RELEASES)
async def test_an_sos_is_acknowledged_and_another_is_heard_while_a_connect_hangs(
    tmp_path: Path, release: str
) -> None:
    presses, hangs = PRESSES, HANGS
    async with Machine(tmp_path, "press", bluez=bluez(release), presses=presses, hangs=hangs) as machine:
        assert await machine.told("bluez", BOOT_S) == RELEASES[release]
        await machine.told("ready", BOOT_S)
        for number in range(presses):
            press = await machine.told("press", 120, number + 1)
            assert press["heard"] < press["status"] <= press["acknowledged"] < press["felt_delivered"]
            assert press["felt_delivered"] < 10_000 * SLOWER
        for number in range(hangs):
            hang = await machine.told("hang", 240, number + 1)
            assert hang["hung"][0][0] >= 1400, "the connect to the vanished one did not hang"
            assert (
                hang["heard"] < 6_000 + 2_000 * SLOWER
            )  # an attempt of 4 s at most, then the waking pendant is heard
            assert hang["acknowledged"] < 12_000 * SLOWER
        rows = machine.all("press")
    connects = sorted(ms for row in rows for ms, error in row["connects"] if not error)
    keep(
        f"press-{release}",
        {
            "bluez_connect_ms": {"p50": statistics.median(connects), "max": connects[-1], "n": len(connects)},
            "failed_connects": sum(bool(error) for row in rows for _, error in row["connects"]),
            "presses": rows,
            "hangs": machine.all("hang"),
        },
    )
