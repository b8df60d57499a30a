"""The home's sensors: smoke is a call at once, and a sensor that falls silent is said to be blind."""

from __future__ import annotations

from sim.home.home import Home
from sim.home.ledger import Press
from sim.home.pendants import now_ms
from sim.home.sensors import SensorRig
from sim.home.setup import SensorSetup, Setup
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, arrived, close, has_case, has_fault

SILENT_S = 8.0
BLIND_S = 40.0
KITCHEN = Setup(sensors=(SensorSetup("smoke-01", "smoke", "e-chen", "kitchen", SILENT_S),))


async def _burns(home: Home, sensor: SensorRig) -> Press:
    """Smoke: the ledger has it before anybody else."""
    press = Press(now_ms(), "hub-01", "smoke", sensor.setup.elder, frozenset({"call.smoke"}))
    home.ledger.write(press)
    await sensor.says(True)
    return press


async def smoke(home: Home, case: Case) -> None:
    sensor = home.sensors["smoke-01"]
    await sensor.says(True, plain=True)
    await case.never(
        "plain text under its address is nobody's alarm", lambda: bool(home.platform.events), 2.0
    )
    await sensor.says(False)
    first = await _burns(home, sensor)
    await case.until("smoke is a call at once", arrived(home, first), ARRIVES_S)
    case.claim("nobody was asked first", not home.hub.has_said("ask-well", first.at_ms), "")
    event = home.platform.events[-1]
    case.claim(
        "it is of the room's person", (event.kind, event.elder) == ("call.smoke", "e-chen"), event.kind
    )
    await sensor.says(True, times=20)
    await case.never("a state that is repeated is no news", lambda: len(home.platform.events) > 1, 3.0)
    await close(home, case, "e-chen")
    await sensor.says(False)
    await case.until(
        "a sensor that is silent is blind, and that is told", has_fault(home, "rule_blind"), BLIND_S
    )
    again = await _burns(home, sensor)
    await case.until("heard again, it calls again", arrived(home, again), ARRIVES_S)
    await case.until("as a case of its own", has_case(home, "e-chen"), ARRIVES_S)
    await close(home, case, "e-chen")


SCENARIOS = (
    Scenario(
        "smoke",
        "An encrypted smoke detector alarms, falls silent and alarms again; a forger speaks plainly.",
        smoke,
        KITCHEN,
    ),
)
