"""Processes and power end at the worst moments, and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sim.home.home import Home
from sim.home.ledger import Meaning, Press
from sim.home.waiting import Condition, came
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, FEELS_S, arrived, close, feels, hand, lamp_is, told

FINGER_S = 0.06  # no finger is shorter; below 8 ms a contact is a spike to an awake pendant
BACK_S = 75.0  # a hub's start and the longest gap of its plan (60 s)

Stage = tuple[str, Callable[[Home, Press], Condition]]

STAGES: tuple[Stage, ...] = (
    ("at the press", lambda home, press: lambda: True),
    ("when a hub has it", lambda home, press: told(home, "hub-01", Meaning.HEARD, press.at_ms)),
    ("when the platform has it", arrived),
    ("when it is said", lambda home, press: told(home, "hub-01", Meaning.DELIVERED, press.at_ms)),
    ("when it is felt", lambda home, press: feels(home, "pd-01", "delivered", press.at_ms)),
)


async def hub_killed(home: Home, case: Case) -> None:
    for name, reached in STAGES:
        press = _down(home)
        await came(reached(home, press), FEELS_S)
        await _kill_and_start(home)
        await _through(home, case, press, f"killed {name}")
    for number in range(4):
        press = _down(home)
        after_s = case.dice.uniform(0.0, 0.12)  # all stages of a press that is heard at once lie in here
        await asyncio.sleep(after_s)
        await _kill_and_start(home)
        await _through(home, case, press, f"killed {after_s * 1000:.0f} ms after press {number + 1}")
    home.net.set(cut=True)  # the hub alone has it
    red = await home.hub.press("red", hold_s=0.05)
    await case.until("the red key is heard", told(home, "hub-01", Meaning.HEARD, red.at_ms), ARRIVES_S)
    await _kill_and_start(home)
    home.net.set(cut=False)
    await case.until("killed after the red key was heard: it arrives", arrived(home, red), BACK_S)
    await hand(home, "e-chen", "take")
    await home.hub.kill()
    await home.hub.start()
    await case.until("taken while it was dead: it shows", lamp_is(home, "green", "steady"), BACK_S)


def _down(home: Home) -> Press:
    """The finger goes down on the pendant; `_kill_and_start` lets it up."""
    press = home.pendants["pd-01"].key_down()
    if press is None:
        raise RuntimeError("pd-01 has no power")
    return press


async def _kill_and_start(home: Home) -> None:
    await home.hub.kill()
    await asyncio.sleep(FINGER_S)
    home.pendants["pd-01"].key_up()
    await home.hub.start()


async def _through(home: Home, case: Case, press: Press, when: str) -> None:
    await case.until(f"{when}: it arrives", arrived(home, press), BACK_S)
    await case.until(f"{when}: it is felt", feels(home, "pd-01", "delivered", press.at_ms), BACK_S)
    await close(home, case, "e-chen")
    await case.until(f"{when}: its end is felt", feels(home, "pd-01", "ended", press.at_ms), BACK_S)


async def pendant_power_cut(home: Home, case: Case) -> None:
    rig = home.pendants["pd-01"]
    for operation in range(1, 7):
        rig.board.cut_at_flash_operation(operation)
        press = await home.press("pd-01", hold_s=0.05)
        await came(lambda: not rig.powered, 2.0)
        await _cut_and_back(home, case, press, f"cut at flash operation {operation}")
    for number in range(3):
        press = await home.press("pd-01", hold_s=0.05)
        after_s = case.dice.uniform(0.0, 1.0)
        await asyncio.sleep(after_s)
        await _cut_and_back(home, case, press, f"cut {after_s * 1000:.0f} ms after press {number + 1}")


async def _cut_and_back(home: Home, case: Case, press: Press, when: str) -> None:
    """Power off and on; what the elder had been told anything of must arrive."""
    rig = home.pendants["pd-01"]
    if rig.powered:
        rig.power_cut()
    owed = home.ledger.is_owed(press)
    rig.power_on()
    await home.on_air("pd-01")
    if owed:
        await case.until(f"{when}: told of, so it arrives", arrived(home, press), 40)
    else:
        case.claim(f"{when}: nothing had been told", True)
    await came(arrived(home, press), 3)
    if home.platform.open_case("e-chen") is not None:
        await close(home, case, "e-chen")
        await asyncio.sleep(0.5)


async def flash_dead(home: Home, case: Case) -> None:
    home.pendants["pd-01"].board.kill_flash()
    for _ in range(2):
        press = await home.press("pd-01")
        await case.until("without flash the press goes out", arrived(home, press), ARRIVES_S)
        await case.until("and is felt", feels(home, "pd-01", "delivered", press.at_ms), FEELS_S)
        await close(home, case, "e-chen")
        await case.until("to its end", feels(home, "pd-01", "ended", press.at_ms), FEELS_S)


SCENARIOS = (
    Scenario(
        "hub-killed-at-every-stage",
        "The hub is killed (SIGKILL) at each stage of a call and at seeded moments, and started again.",
        hub_killed,
    ),
    Scenario(
        "pendant-power-cut-at-every-stage",
        "The pendant's power goes at each flash operation of a press and at seeded moments.",
        pendant_power_cut,
    ),
    Scenario("pendant-flash-dead", "The pendant's flash answers nothing but errors.", flash_dead),
)
