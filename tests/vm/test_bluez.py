"""Stock Bleak in the product's radio, the real BlueZ and the kernel's Bluetooth, against the real firmware.

Figures are left in build/vm/figures as JSON.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from tests.vm.figures import RELEASES, keep
from tests.vm.machine import BOOT_S, Machine
from tests.vm.packages import bluez

pytestmark = [pytest.mark.slow, pytest.mark.vm]

PRESSES, HANGS, CALLED_OFF = 8, 3, 3
TOLD_S = 600.0  # of the host; all that is judged was timed in the guest


@pytest.mark.parametrize("release", RELEASES)
async def test_an_sos_is_acknowledged_and_another_is_heard_while_a_connect_hangs(
    tmp_path: Path, release: str
) -> None:
    folder = str(bluez(release))
    async with Machine(
        tmp_path, "press", bluez=folder, presses=PRESSES, hangs=HANGS, called_off=CALLED_OFF
    ) as machine:
        assert await machine.told("bluez", BOOT_S) == RELEASES[release]
        await machine.told("ready", BOOT_S)
        for number in range(PRESSES):
            press = await machine.told("press", TOLD_S, number + 1)
            print(json.dumps(press), flush=True)
            assert press["heard"] < press["status"] <= press["acknowledged"] < press["felt_delivered"]
            assert press["felt_delivered"] < 5_000
        for number in range(HANGS):
            hang = await machine.told("hang", TOLD_S, number + 1)
            print(json.dumps(hang), flush=True)
            assert hang["hung"][0][0] >= 1400, "the connect to the vanished one did not hang"
            assert hang["heard"] < 6_000, "an attempt of 4 s at most, then the waking pendant is heard"
            assert hang["acknowledged"] < 8_000
        for number in range(CALLED_OFF):
            attempts = await machine.told("called_off", TOLD_S, number + 1)
            print(json.dumps(attempts), flush=True)
            assert attempts[0][1] == "cancelled"
            assert attempts[0][0] >= 1_500, "no link stood: BlueZ did not take its time to end it"
        radio = await machine.told("radio", TOLD_S)
        assert not any("Down" in fact for fact in radio), "a healthy adapter was taken for a broken one"
    keep(f"press-{release}", summary(machine.all("press"), machine.all("hang")), machine)


def summary(presses: list[dict[str, Any]], hangs: list[dict[str, Any]]) -> dict[str, Any]:
    """How long connecting took, and everything else as it was told."""
    connects = sorted(ms for press in presses for ms, error in press["connects"] if not error)
    return {
        "bluez_connect_ms": {"p50": statistics.median(connects), "max": connects[-1], "n": len(connects)},
        "failed_connects": sum(bool(error) for press in presses for _, error in press["connects"]),
        "presses": presses,
        "hangs": hangs,
    }


@pytest.mark.parametrize("release", RELEASES)
async def test_an_adapter_that_hears_nothing_is_reset_and_hears_again(tmp_path: Path, release: str) -> None:
    async with Machine(tmp_path, "recover", bluez=str(bluez(release))) as machine:
        assert await machine.told("bluez", BOOT_S) == RELEASES[release]
        recovery = await machine.told("recovery", TOLD_S)
    keep(f"recovery-{release}", recovery, machine)
    assert recovery["down"] < recovery["up"] < recovery["heard"]
    kinds = [fact.split("(")[0] for fact in recovery["radio"]]
    assert kinds == ["AdapterUp", "AdapterDown", "AdapterUp"], "one recovery was enough"
