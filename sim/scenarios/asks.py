"""The internet is gone, and the seat asks the home by text: to phone back, and how it stands."""

from __future__ import annotations

from sim.home.home import Home
from sim.home.setup import PLATFORM_NUMBER
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import arrived, hub_says
from sim.scenarios.texts import CARRIED_S, UP_S, WITH_MODEMS, modems_up

SLACK_S = 15.0
ASKED_S = CARRIED_S + SLACK_S  # a text there, and what follows


async def asked_by_text(home: Home, case: Case) -> None:
    exchange = home.cell.exchange
    await case.until("both modems are up", modems_up(home), UP_S)
    home.net.set(cut=True)
    red = await home.hub.press("red")
    await case.until("the platform has the call, by SMS", arrived(home, red), 10 + CARRIED_S)
    await home.platform.ask("hub-01", "call.back")

    def rings() -> bool:
        call = exchange.call_of(PLATFORM_NUMBER)
        return call is not None and call.state == "ringing"

    await case.until("asked to, the home phones the seat", rings, ASKED_S)
    call = exchange.call_of(PLATFORM_NUMBER)
    assert call is not None
    exchange.answer(call)
    await case.until("the open line is heard in the room", hub_says(home, "voice-open", red.at_ms), SLACK_S)
    exchange.hang_up(call)
    await case.until("and its end", hub_says(home, "voice-over", red.at_ms), SLACK_S)
    answered = lambda: home.platform.outcomes() == ["done"]  # noqa: E731 - one look
    await case.until("that it is done comes back by SMS", answered, CARRIED_S)
    await home.platform.ask("hub-01", "report")
    both = lambda: home.platform.outcomes() == ["done", "done"]  # noqa: E731 - one look
    await case.until("how the home stands comes by SMS", both, ASKED_S + CARRIED_S)
    home.net.set(cut=False)
    await case.never("and by IP nothing of it comes twice", lambda: len(home.platform.outcomes()) > 2, 20.0)


SCENARIOS = (
    Scenario(
        "asked-by-text",
        "The line is cut; after a call the seat asks the home by SMS to phone it, and how it stands.",
        asked_by_text,
        WITH_MODEMS,
    ),
)
