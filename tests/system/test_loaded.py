"""What a call needs is in the hub's memory before the call: no module is read from a card that may hang."""

from __future__ import annotations

import datetime
import re

import pytest

from sim.home.home import Home
from sim.home.meters import HOME_ZONE
from sim.home.setup import FAMILY, MeterSetup, SensorSetup, Setup
from sim.home.waiting import Condition, came
from sim.scenarios.steps import arrived
from sim.scenarios.texts import modems_up

LIMIT_S = 120.0
# What Python tells of each import statement when it is over: microseconds, those of what it imported itself,
# its name. (Of what is imported by name in a thread, tests/unit/house/test_late_imports.py has a list.)
MODULE = re.compile(r"^import time:.*\| +(\S+)$", re.MULTILINE)
# Built into the interpreter; the virtual controllers of the simulated radio.
NOT_OF_THE_CARD = ("gc", "bumble", "sim")
HOME = Setup(
    meters=(MeterSetup("bp-01", elder="e-chen"),),
    sensors=(SensorSetup("smoke-01", "smoke", "e-chen", "kitchen"),),
    modems=True,
    family=FAMILY,
)


def loaded(home: Home) -> list[str]:
    """The modules that the hub has loaded so far, in order."""
    names = MODULE.findall(home.hub.child.log.read_text(errors="replace"))
    return [name for name in names if name.split(".")[0] not in NOT_OF_THE_CARD]


async def until(condition: Condition) -> None:
    assert await came(condition, LIMIT_S) is not None


@pytest.mark.system
async def test_a_fall_a_reading_and_a_press_without_internet_load_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = Home(tmp_path_factory.mktemp("h"), 1, HOME)
    home.hub.env["PYTHONPROFILEIMPORTTIME"] = "1"
    async with home.running():
        await until(modems_up(home))
        await until(lambda: "drivers.ble.service_info" in loaded(home))  # by a thread, when all else is up
        await until(lambda: "requests" in loaded(home))  # likewise
        before = loaded(home)
        assert "edge.main" in before
        fell = await home.fall("pd-01")
        meter = home.meters["bp-01"]
        meter.pressure(datetime.datetime.now(HOME_ZONE).replace(tzinfo=None), 131, 80, 66)
        await meter.send()
        await until(arrived(home, fell))
        await until(lambda: bool(home.platform.weighed("e-chen")))
        await until(lambda: bool(home.platform.readings()))
        home.net.set(cut=True)
        red = await home.hub.press("red")
        await until(arrived(home, red))
        await until(lambda: any(phone.texts for phone in home.phones.values()))
        assert loaded(home)[len(before) :] == []
