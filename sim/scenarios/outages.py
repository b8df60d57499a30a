"""Outages that last longer than anybody can watch: the hub's own code on a made-up clock."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from sim.scenarios.case import Case, Scenario

PLAYED_S = 240.0  # a day costs half a minute of an idle core


async def day(case: Case, seed: int) -> dict[str, Any]:
    """Play it in a process of its own, for the made-up clock takes the place of that process's own."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sim.histories.day", str(seed)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await asyncio.wait_for(child.communicate(), PLAYED_S)
    finally:
        if child.returncode is None:
            child.kill()
    try:
        told = json.loads(out)
    except ValueError:
        raise RuntimeError(errors.decode(errors="replace")[-2000:]) from None
    figures = (
        f"{told['texts']} of {told['texts_allowed']} texts, {told['calls']} of {told['calls_allowed']} calls"
    )
    budgets = told["texts"] <= told["texts_allowed"] and told["calls"] <= told["calls_allowed"]
    case.claim("the hub texted and phoned as long as it might", told["texts"] > 0 < told["calls"], figures)
    case.claim("the SIM's day cost no more than it may", budgets, figures)
    one = f"{told['call_texts']} of {told['call_texts_allowed']}"
    case.claim("nor one call more than a call may", told["call_texts"] <= told["call_texts_allowed"], one)
    case.claim("all that was stored is delivered in the end", not told["lost"], "; ".join(told["lost"][:5]))
    came = f"{told['stored']} events"
    case.claim("a call is the first that comes", not told["call_was_late"], came)
    case.claim("and no reading comes before a call", not told["reading_was_early"], came)
    case.claim("each call is one case", told["cases"] == told["cases_expected"], f"{told['cases']} cases")
    return {
        "lost": len(told["lost"]),
        "duplicated": max(0, told["cases"] - told["cases_expected"]),
        "calls": told["cases_expected"],
        "cases": told["cases"],
        "presses": told["presses"],
    }


SCENARIOS = (
    Scenario(
        "everything-down-for-a-day",
        "A day without any way: line cut, texts lost, nobody picks up the phone; presses, readings,"
        " kills and a reboot; then all is back. On a made-up clock: the hub's own code, its modem's AT"
        " conversation, the cell network and the platform's desk in one process, the line at wire bytes.",
        alone=day,
    ),
)
