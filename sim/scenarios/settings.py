"""Settings from afar: tried before they are believed, and taken back when the platform does not answer."""

from __future__ import annotations

import re

from protocols.errors import AnbanError
from sim.home.home import Home
from sim.home.waiting import Condition
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, FEELS_S, arrived, close, feels, has_fault

DEAD_PORT = ":9"  # discard (RFC 863): nothing listens there


async def document(home: Home) -> str:
    """The settings that are in force."""
    return str((await home.hub.settings())["active"]["document"])


def in_force(home: Home, line: str) -> Condition:
    """Whether the hub has a settings document with this line in force, and tries no other."""

    async def look() -> bool:
        try:
            state = await home.hub.settings()
        except AnbanError:
            return False
        return state["trial"] is None and line in state["active"]["document"].splitlines()

    return look


def tries(home: Home) -> Condition:
    """Whether the hub is trying settings."""

    async def look() -> bool:
        return (await home.hub.settings())["trial"] is not None

    return look


def reported(home: Home, outcome: str) -> Condition:
    """Whether the hub has told the platform how a proposal ended."""
    return lambda: outcome in home.platform.outcomes()


async def settings_reverted(home: Home, case: Case) -> None:
    good = await document(home)
    await home.platform.propose("hub-01", good.replace("help_s = 90.0", "help_s = 60.0", 1))
    await case.until("good settings are kept", in_force(home, "help_s = 60.0"), FEELS_S)
    await case.until("and the platform knows", reported(home, "done"), ARRIVES_S)
    kept = await document(home)
    dead = re.sub(r":[0-9]+\"", f'{DEAD_PORT}"', kept)

    await home.platform.propose("hub-01", dead)
    await case.until("settings that lead nowhere are tried", tries(home), FEELS_S)
    red = await home.hub.press("red")
    press = await home.press("pd-02")
    await case.until("a call goes out in the middle of it", arrived(home, red, press), ARRIVES_S)
    await case.until("the settings before are in force", in_force(home, "help_s = 60.0"), ARRIVES_S)
    await case.until("the platform knows that too", reported(home, "reverted"), ARRIVES_S)
    await case.until("it stands as a fault", has_fault(home, "config"), ARRIVES_S)
    await case.until("the pendant lets it be felt", feels(home, "pd-02", "delivered", press.at_ms), FEELS_S)
    for elder in ("e-chen", home.pendants["pd-02"].setup.elder):
        await close(home, case, elder)

    await home.platform.propose("hub-01", dead)
    await case.until("they are tried once more", tries(home), FEELS_S)
    await home.hub.kill()
    await home.hub.start()
    again = await home.hub.press("red")
    await case.until("killed while trying, it begins with what worked", arrived(home, again), ARRIVES_S)
    await case.until("and stays with it", in_force(home, "help_s = 60.0"), ARRIVES_S)
    answers = sorted(["done", "reverted", "reverted"])
    await case.until("each proposal has its answer", lambda: len(home.platform.outcomes()) >= 3, ARRIVES_S)
    await close(home, case, "e-chen")
    case.claim("and only one", sorted(home.platform.outcomes()) == answers, str(home.platform.outcomes()))


SCENARIOS = (
    Scenario(
        "settings-reverted",
        "Settings that work are proposed, then some that lead nowhere; a call and a kill -9 come between.",
        settings_reverted,
    ),
)
