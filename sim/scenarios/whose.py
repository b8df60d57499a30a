"""A couple and one cuff that tells nobody apart: whose a reading is, is asked aloud, and can be corrected."""

from __future__ import annotations

import asyncio
import datetime
import re

from click.testing import CliRunner

from edge.api import ask
from edge.cli_whose import whose
from sim.home.home import Home
from sim.home.meters import HOME_ZONE
from sim.home.pendants import now_ms
from sim.home.setup import MeterSetup, Setup
from sim.home.waiting import Condition
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, hub_says

ASKS_S = 60.0  # four seconds after the meter's last word, and a busy machine
SAYS_S = 30.0
COUPLE = Setup(meters=(MeterSetup("bp-01", manners={"forgets": False}),), named=True)


def _told(home: Home, *elders: str) -> Condition:
    """Whether the platform was told so of readings, in this order."""
    return lambda: home.platform.whose() == list(elders)


def _rows(home: Home) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = ask(home.hub.directory / "run" / "hub.sock", "readings", limit=10)
    return rows


def _by_hand(home: Home, *words: str) -> str:
    socket = str(home.hub.directory / "run" / "hub.sock")
    return CliRunner().invoke(whose, [*words, "--socket", socket]).output


async def _measures(home: Home, systolic: int) -> int:
    began = now_ms()
    at = datetime.datetime.now(HOME_ZONE).replace(tzinfo=None)
    home.meters["bp-01"].pressure(at, systolic, 84, 66)
    await home.meters["bp-01"].send()
    return began


async def whose_reading(home: Home, case: Case) -> None:
    began = await _measures(home, 138)
    await case.until("somebody has measured: it is asked whose it is", hub_says(home, "whose", began), ASKS_S)
    await case.until("was it Mrs Chen", hub_says(home, "person-e-chen", began), SAYS_S)
    home.hub.answer_twice("green")
    await case.until("green twice: no", hub_says(home, "understood-no", began), SAYS_S)
    await case.until("then Mr Wang", hub_says(home, "person-e-wang", began), SAYS_S)
    case.claim("until then it is nobody's", _told(home)() is True, str(home.platform.whose()))
    await home.hub.press("green", answers=True)
    await case.until("green once: yes", hub_says(home, "understood-yes", began), SAYS_S)
    await case.until("the platform knows it as his", _told(home, "e-wang"), ARRIVES_S)
    (row,) = await asyncio.to_thread(_rows, home)
    case.claim("and the hub's own table", (row["person"], row["whose"]) == ("e-wang", "asked"), str(row))
    corrected = await asyncio.to_thread(_by_hand, home, row["id"], "e-chen")
    case.claim("by hand it is corrected", bool(re.search("e-chen.*before: e-wang", corrected)), corrected)
    await case.until("which the platform is told", _told(home, "e-wang", "e-chen"), ARRIVES_S)
    undone = await asyncio.to_thread(_by_hand, home, row["id"], "--undo")
    case.claim("and undone", bool(re.search("e-wang.*before: e-chen", undone)), undone)
    await case.until("which it is told too", _told(home, "e-wang", "e-chen", "e-wang"), ARRIVES_S)
    case.claim("nobody was called", not home.platform.events, str(len(home.platform.events)))


SCENARIOS = (
    Scenario(
        "whose-reading",
        "A couple with one cuff: asked aloud whose a reading is, corrected by hand, and undone.",
        whose_reading,
        COUPLE,
    ),
)
