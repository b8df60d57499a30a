"""The rules of care: what a sensor sees is asked about aloud, and is a call if nobody answers."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from click.testing import CliRunner

from edge.api import ask
from edge.cli_rules import rules
from edge.entries import SensedEntry, decode_entry
from protocols.errors import AnbanError
from sim.home.home import Home
from sim.home.ledger import Press
from sim.home.pendants import now_ms
from sim.home.setup import SensorSetup, Setup
from sim.home.waiting import Condition
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, arrived, close, has_case, has_fault, hub_says

OUT_S = 6.0
ASK_S = 12.0
ASKS_S = 40.0  # a deadline for OUT_S and a busy machine
BLIND_S = 90.0
BEDROOM = Setup(
    sensors=(SensorSetup("bed-01", "bed", "e-chen", "bedroom", silent_s=30.0),),
    # From and to the same minute: all day, for a scenario must not depend on the hour.
    care={"ask_s": ASK_S, "bed_exit": {"after_minutes": OUT_S / 60, "from_minute": 0, "to_minute": 0}},
)


def _asked(home: Home, op: str, **args: Any) -> Any:
    try:
        return ask(home.hub.directory / "run" / "hub.sock", op, **args)
    except AnbanError:
        return None


def _stands(home: Home, rule: str, state: str) -> Condition:
    """Whether the hub says so of a rule of Mrs Chen: to wait for, or what its command line shows."""

    async def look() -> bool:
        told = await asyncio.to_thread(_asked, home, "rules")
        rows = told["rules"] if told else []
        return any((r["rule"], r["elder"], r["state"]) == (rule, "e-chen", state) for r in rows)

    return look


async def bed_exit(home: Home, case: Case) -> None:
    bed = home.sensors["bed-01"]
    await bed.says(True)
    await case.until("the rule watches once its sensor is heard", _stands(home, "bed_exit", "calm"), ASKS_S)
    began = now_ms()
    await bed.says(False)
    await case.until("out of bed for too long: it is asked aloud", hub_says(home, "ask-well", began), ASKS_S)
    await home.hub.press("green", answers=True)
    await case.until("green: all is well", hub_says(home, "well", began), ARRIVES_S)
    await case.never("who answers is not called about", lambda: bool(home.platform.events), ASK_S)
    await bed.says(True)
    await case.until("back in bed, the rule has had its say", _stands(home, "bed_exit", "said"), ASKS_S)
    again = now_ms()
    await bed.says(False)
    await case.until("the hub has heard it", _out_again(home), ARRIVES_S)
    await home.hub.kill()
    call = Press(now_ms(), "hub-01", "bed", "e-chen", frozenset({"call.bed_exit"}))
    home.ledger.write(call)
    await home.hub.start()
    await case.until("killed and back, it asks all the same", hub_says(home, "ask-well", again), ASKS_S)
    await case.until("without an answer it is a call", arrived(home, call), ASK_S + ARRIVES_S)
    await case.until("of who lies there", has_case(home, "e-chen"), ARRIVES_S)
    shown = await asyncio.to_thread(_replayed, home)
    case.claim("the replay names both firings, and that they were", shown.count("  yes  ") == 2, shown)
    await close(home, case, "e-chen")
    await case.until("a silent sensor makes the rule blind", has_fault(home, "rule_blind"), BLIND_S)
    status = await asyncio.to_thread(_asked, home, "status")
    blind = [(row["rule"], row["why"]) for row in (status or {}).get("blind", [])]
    case.claim("which the hub shows", ("bed_exit", "bed-01") in blind, str(blind))
    await bed.says(True)
    await case.until("heard again, it sees", has_fault(home, "rule_blind", standing=False), ARRIVES_S)


def _out_again(home: Home) -> Condition:
    """Whether the journal has all four of what the sensor said."""

    async def look() -> bool:
        told = await asyncio.to_thread(_asked, home, "rules.journal")
        entries = map(decode_entry, map(base64.b64decode, told["entries"] if told else ()))
        return sum(isinstance(entry, SensedEntry) for entry in entries) >= 4

    return look


def _replayed(home: Home) -> str:
    """What `anban hub rules replay` prints."""
    socket = str(home.hub.directory / "run" / "hub.sock")
    return CliRunner().invoke(rules, ["replay", "--socket", socket]).output


SCENARIOS = (
    Scenario(
        "bed-exit",
        "Out of bed at night, with shortened limits: answered once, then not, and the hub dies in between.",
        bed_exit,
        BEDROOM,
    ),
)
