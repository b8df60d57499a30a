"""Run one scenario against a whole home and give its verdict as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import traceback
from pathlib import Path
from typing import Any

from sim.home import records
from sim.home.home import Home
from sim.home.ledger import Meaning, Press, Stored, Verdict
from sim.home.process import ChildError
from sim.home.setup import PLATFORM_NUMBER
from sim.scenarios.case import Alone, Broken, Case, Scenario

UNEXPECTED = (ChildError, RuntimeError, OSError, KeyError, ValueError, TimeoutError, sqlite3.Error)

LIMIT_S = 280.0  # of a whole script; each of its claims has a deadline of its own


async def run(scenario: Scenario, directory: Path, seed: int, enough: str | None = None) -> dict[str, Any]:
    """Run it; `ok` is true when every claim holds and nothing was lost, doubled or claimed early. With
    `enough`, the script ends as soon as a claim with that text is broken."""
    if scenario.alone is not None:
        return await _alone(scenario, scenario.alone, seed, enough)
    home = Home(directory, seed, scenario.setup)
    case = Case(random.Random(f"{scenario.name} {seed}"), enough=enough)
    try:
        async with home.running():
            with contextlib.suppress(Broken):
                async with asyncio.timeout(LIMIT_S):
                    await scenario.run(home, case)
    except UNEXPECTED as error:
        case.claim("the scenario could be played", False, "".join(traceback.format_exception(error)[-3:]))
    verdict, case.enough = home.verdict(), None
    case.claim("nothing is lost", not verdict.lost, "; ".join(verdict.lost))
    case.claim("no case is doubled", verdict.duplicated == 0, f"{verdict.cases} cases, {verdict.calls} calls")
    case.claim("nothing was claimed before it was true", not verdict.early, "; ".join(verdict.early[:5]))
    result = as_json(scenario, seed, home, case, verdict)
    if not result["ok"]:
        result["logs"] = sorted(str(path) for path in home.logs.glob("*.log"))
    return result


async def _alone(scenario: Scenario, alone: Alone, seed: int, enough: str | None) -> dict[str, Any]:
    """A scenario without a home of processes, its verdict in the same words."""
    case = Case(random.Random(f"{scenario.name} {seed}"), enough=enough)
    verdict: dict[str, Any] = {"lost": 0, "duplicated": 0, "calls": 0, "cases": 0, "presses": 0}
    try:
        verdict |= await alone(case, seed)
    except Broken:
        pass
    except UNEXPECTED as error:
        case.claim("the scenario could be played", False, "".join(traceback.format_exception(error)[-3:]))
    ok = all(claim.ok for claim in case.claims) and not (verdict["lost"] or verdict["duplicated"])
    told = {"scenario": scenario.name, "seed": seed, "ok": ok, **verdict, "events": []}
    return told | {"claims": case.as_json()}


def as_json(scenario: Scenario, seed: int, home: Home, case: Case, verdict: Verdict) -> dict[str, Any]:
    """The result as the command line prints it."""
    events, _ = records.read(home.platform.directory)
    presses = {event.id: press for press, event in verdict.carried.items()}
    return {
        "scenario": scenario.name,
        "seed": seed,
        "ok": verdict.ok and all(claim.ok for claim in case.claims),
        "lost": len(verdict.lost),
        "duplicated": verdict.duplicated,
        "calls": verdict.calls,
        "cases": verdict.cases,
        "presses": len(home.ledger.presses),
        "events": [_event(event, presses.get(event.id), home) for event in events],
        "claims": case.as_json(),
    }


def _event(event: Stored, press: Press | None, home: Home) -> dict[str, Any]:
    """An event with its stages in ms after the press: its own, and those that were seen from outside."""
    stages = dict(event.stages)
    if press is not None:
        stages["platform"] = event.received_ms - press.at_ms
        handed = _texted(press, home)
        if handed is not None:
            stages["sms_handed_ms"] = handed - press.at_ms
            if handed <= event.received_ms and event.by_text:
                stages["sms_platform_ms"] = event.received_ms - press.at_ms
        stages |= _rung(press, home)
        for told in home.ledger.told:
            if told.at_ms < press.at_ms or told.device != press.origin:
                continue
            if told.meaning in (Meaning.HEARD, Meaning.DELIVERED, Meaning.TAKEN):
                stages.setdefault(f"told_{told.meaning}", told.at_ms - press.at_ms)
    return {
        "id": event.id,
        "call_id": event.call_id,
        "kind": event.kind,
        "device": event.origin,
        "elder": event.elder,
        "stages": stages,
    }


def _texted(press: Press, home: Home) -> int | None:
    """When the cell network took the first text from the press's home after it."""
    if not home.setup.modems:
        return None
    numbers = {home.setup.number_of(name) for name in home.hubs}
    mine = (c for c in home.cell.log if c.sender in numbers and c.receiver == PLATFORM_NUMBER)
    return next((c.at_ms for c in mine if c.at_ms >= press.at_ms), None)


def _rung(press: Press, home: Home) -> dict[str, int]:
    """When the press's home first dialled somebody after it, and when that phone rang."""
    numbers = {home.setup.number_of(name) for name in home.hubs}
    mine = [call for call in home.cell.exchange.log if call.caller in numbers]
    first = next((call for call in mine if call.at_ms["dialling"] >= press.at_ms), None)
    if first is None:
        return {}
    seen = {"voice_dialled_ms": "dialling", "voice_ringing_ms": "ringing"}
    return {name: first.at_ms[at] - press.at_ms for name, at in seen.items() if at in first.at_ms}
