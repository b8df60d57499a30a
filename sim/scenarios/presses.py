"""Presses when all is well: one, two, the wrong one, two at a time, two hubs."""

from __future__ import annotations

import asyncio

from sim.home.home import Home
from sim.home.pendants import now_ms
from sim.home.setup import HubSetup, PendantSetup, Setup
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import (
    ARRIVES_S,
    FEELS_S,
    arrived,
    close,
    feels,
    hand,
    has_case,
    hub_says,
    lamp_is,
)

TWO_MEANINGS = Setup(
    pendants=(
        PendantSetup("pd-01", "e-chen", "two-meanings"),
        PendantSetup("pd-02", "e-wang", "two-meanings"),
    )
)
OFFER_S = 7.0  # the offer lasts 5.5 s; it is said to its end before a hand does what it says
TWO_HUBS = Setup(hubs=(HubSetup("hub-01", "e-chen"), HubSetup("hub-02", "e-wang")))


async def sos(home: Home, case: Case) -> None:
    red = await home.hub.press("red")
    await case.until("the platform has the red key's call", arrived(home, red), ARRIVES_S)
    await case.until("the hub says so aloud", hub_says(home, "delivered", red.at_ms), ARRIVES_S)
    await case.until("its lamp blinks green", lamp_is(home, "green", "blink"), ARRIVES_S)
    press = await home.press("pd-02")
    await case.until("the platform has the pendant's call", arrived(home, press), ARRIVES_S)
    await case.until("the pendant lets it be felt", feels(home, "pd-02", "delivered", press.at_ms), FEELS_S)
    await hand(home, "e-chen", "take")
    before = await hand(home, "e-wang", "take")
    await case.until("that it is taken is felt", feels(home, "pd-02", "taken", before), FEELS_S)
    await case.until("and said", hub_says(home, "taken", before), ARRIVES_S)
    await case.until("and the lamp burns green", lamp_is(home, "green", "steady"), ARRIVES_S)
    await hand(home, "e-chen", "arrived")
    ended = await hand(home, "e-wang", "arrived")
    await case.until("that help arrived is felt", feels(home, "pd-02", "ended", ended), FEELS_S)
    await close(home, case, "e-chen")
    await close(home, case, "e-wang")
    await case.until("the lamp goes out", lamp_is(home, "off", "off"), ARRIVES_S)


async def assist(home: Home, case: Case) -> None:
    green = await home.hub.press("green")
    await case.until("the platform has the green key's request", arrived(home, green), ARRIVES_S)
    press = await home.press("pd-02")
    await case.until("the platform has the pendant's request", arrived(home, press), ARRIVES_S)
    kinds = {event.kind for event in home.platform.events}
    case.claim("both are assistance and nothing more", kinds == {"call.assistance"}, str(kinds))
    await case.until("it is felt", feels(home, "pd-02", "delivered", press.at_ms), FEELS_S)
    before = await hand(home, "e-wang", "take")
    await case.until("that it is taken is felt", feels(home, "pd-02", "taken", before), FEELS_S)


async def upgrade(home: Home, case: Case) -> None:
    first = await home.press("pd-01")
    await asyncio.sleep(0.6)
    second = await home.press("pd-01")
    await case.until("the platform has both presses", arrived(home, first, second), ARRIVES_S)
    kinds = [event.kind for event in home.platform.events if event.origin == "pd-01"]
    case.claim("first an assistance, then an SOS", kinds == ["call.assistance", "call.sos"], str(kinds))
    held = await home.press("pd-02", hold_s=1.5)
    await case.until("the platform has the held press", arrived(home, held), ARRIVES_S)
    kinds = [event.kind for event in home.platform.events if event.origin == "pd-02"]
    case.claim("a hold is an SOS", kinds[-1] == "call.sos", str(kinds))
    for pendant, press in (("pd-01", second), ("pd-02", held)):
        await case.until(
            f"{pendant} lets it be felt", feels(home, pendant, "delivered", press.at_ms), FEELS_S
        )


async def second_press(home: Home, case: Case) -> None:
    first = await home.hub.press("red")
    await case.until("the platform has the first press", arrived(home, first), ARRIVES_S)
    second = await home.press("pd-01")
    await case.until("and the second", arrived(home, second), ARRIVES_S)
    await hand(home, "e-chen", "take")
    await case.until("somebody takes it", has_case(home, "e-chen", "taken"), ARRIVES_S)
    third = await home.hub.press("red")
    await case.until("a press after that arrives too", arrived(home, third), ARRIVES_S)
    case.claim("it is still one case", len(home.platform.cases) == 1, str(len(home.platform.cases)))
    await close(home, case, "e-chen")
    fourth = await home.hub.press("red")
    await case.until("a press after the end arrives", arrived(home, fourth), ARRIVES_S)
    await case.until("and is a new case", lambda: len(home.platform.cases) == 2, ARRIVES_S)


async def cancel(home: Home, case: Case) -> None:
    red = await home.hub.press("red")
    await case.until("the platform has the call", arrived(home, red), ARRIVES_S)
    await case.until("cancelling is offered aloud", hub_says(home, "cancel-offer", red.at_ms), 30)
    await asyncio.sleep(OFFER_S)
    asked = now_ms()
    await home.hub.press("green", hold_s=3.3)
    await case.until("the wish is told", hub_says(home, "cancel-asked", asked), ARRIVES_S)
    await case.never(
        "the call stays until the seat accepts", lambda: home.platform.open_case("e-chen") is None, 1.5
    )
    await hand(home, "e-chen", "accept-cancel")
    await case.until("then it is cancelled", has_case(home, "e-chen", lifecycle="cancelled"), ARRIVES_S)
    await case.until("and said so", hub_says(home, "cancelled", asked), ARRIVES_S)
    await case.until("and the lamp goes out", lamp_is(home, "off", "off"), ARRIVES_S)


async def two_pendants(home: Home, case: Case) -> None:
    gap_s = case.dice.uniform(0.0, 0.4)

    async def later() -> object:
        await asyncio.sleep(gap_s)
        return await home.press("pd-02")

    first, second = await asyncio.gather(home.press("pd-01"), later())
    await case.until("the platform has both", arrived(home, first, second), ARRIVES_S)  # type: ignore[arg-type]
    await case.until("as two cases", lambda: len(home.platform.cases) == 2, ARRIVES_S)
    for pendant in ("pd-01", "pd-02"):
        await case.until(
            f"{pendant} lets it be felt", feels(home, pendant, "delivered", first.at_ms), FEELS_S
        )


async def two_hubs(home: Home, case: Case) -> None:
    first = await home.press("pd-01")
    await case.until("the platform has the press", arrived(home, first), ARRIVES_S)
    await case.until("it is felt", feels(home, "pd-01", "delivered", first.at_ms), FEELS_S)
    await close(home, case, "e-chen")
    await case.until("its end is felt", feels(home, "pd-01", "ended", first.at_ms), FEELS_S)
    await home.hubs["hub-01"].kill()
    second = await home.press("pd-01")
    await case.until("with one hub dead the other carries it", arrived(home, second), ARRIVES_S)
    await case.until("and it is felt", feels(home, "pd-01", "delivered", second.at_ms), FEELS_S)
    await close(home, case, "e-chen")


SCENARIOS = (
    Scenario("sos", "The red key and a pendant call; both are taken, helped and closed.", sos, quick=True),
    Scenario("assist", "Green key and a pendant with two meanings ask for assistance.", assist, TWO_MEANINGS),
    Scenario("upgrade", "An assistance is pressed again; another is held for 1.5 s.", upgrade, TWO_MEANINGS),
    Scenario(
        "second-press",
        "One call: red key, pendant, red key after it was taken; a press after the end is a new call.",
        second_press,
        quick=True,
    ),
    Scenario(
        "cancel", "The elder cancels with the green key; the call stands until the seat accepts.", cancel
    ),
    Scenario("two-pendants", "Two pendants are pressed almost at once.", two_pendants, quick=True),
    Scenario(
        "two-hubs",
        "Two hubs hear a pendant: one case. One is killed: the other carries on.",
        two_hubs,
        TWO_HUBS,
    ),
)
