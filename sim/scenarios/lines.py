"""The way to the platform is broken in one way or another, or nobody answers there."""

from __future__ import annotations

import asyncio

from sim.home.home import Home
from sim.home.ledger import Meaning
from sim.home.setup import Setup
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
    told,
)

IMPATIENT = Setup(timing={"help_s": 4.0})


async def platform_down_then_back(home: Home, case: Case) -> None:
    await home.platform.stop()
    red = await home.hub.press("red")
    await case.until("the hub has it", lamp_is(home, "amber", "steady"), ARRIVES_S)
    press = await home.press("pd-02")
    await case.until("it says that nobody is reached yet", hub_says(home, "not-reached", red.at_ms), 40)
    case.claim(
        "nothing claims that the centre has it",
        not any(t.meaning in (Meaning.DELIVERED, Meaning.TAKEN) for t in home.ledger.told),
    )
    await home.platform.start()
    await case.until("both calls arrive once it is back", arrived(home, red, press), 75)
    await case.until("the pendant lets it be felt", feels(home, "pd-02", "delivered", press.at_ms), FEELS_S)


async def nobody_takes_it(home: Home, case: Case) -> None:
    red = await home.hub.press("red")
    await case.until("the platform has the call", arrived(home, red), ARRIVES_S)

    def alerted_again() -> bool:
        return any(event.kind == "call.updated" for event in home.platform.events)

    await case.until("after the deadline it is alerted again", alerted_again, 4 + ARRIVES_S)
    await case.until("and the elder is told so", hub_says(home, "still-waiting", red.at_ms), 30)
    case.claim("it is still one case", len(home.platform.cases) == 1)


async def internet_cut_http_alive(home: Home, case: Case) -> None:
    first = await home.hub.press("red")
    await case.until("all is well at first", arrived(home, first), ARRIVES_S)
    await close(home, case, "e-chen")
    home.net.set(udp_cut=True)
    before = home.net.doors["https"].traffic.up_bytes
    second = await home.hub.press("red")
    await case.until("HTTPS carries what CoAP cannot", arrived(home, second), ARRIVES_S)
    case.claim("and it was HTTPS", home.net.doors["https"].traffic.up_bytes > before)
    await case.until("the hub says so", told(home, "hub-01", Meaning.DELIVERED, second.at_ms), ARRIVES_S)


async def udp_blocked(home: Home, case: Case) -> None:
    home.net.set(udp_cut=True)
    await home.hub.stop()
    await home.hub.start()
    press = await home.press("pd-01")
    await case.until("the platform has the call", arrived(home, press), ARRIVES_S)
    await case.until("it is felt", feels(home, "pd-01", "delivered", press.at_ms), FEELS_S)
    red = await home.hub.press("red")
    await case.until("the next one too", arrived(home, red), ARRIVES_S)


async def internet_cut_without_modem(home: Home, case: Case) -> None:
    home.net.set(cut=True)
    red = await home.hub.press("red")
    await case.until("the hub has it", lamp_is(home, "amber", "steady"), ARRIVES_S)
    await asyncio.sleep(case.dice.uniform(0.5, 3.0))
    press = await home.press("pd-02")
    await case.until("it says that nobody is reached yet", hub_says(home, "not-reached", red.at_ms), 40)
    home.net.set(cut=False)
    await case.until("both calls arrive once the line is back", arrived(home, red, press), 75)


async def bad_line(home: Home, case: Case) -> None:
    home.net.set(loss=0.3, delay_ms=150)
    for _ in range(4):
        red = await home.hub.press("red")
        await case.until("the platform has the call", arrived(home, red), 30)
        await close(home, case, "e-chen")


async def press_crosses_the_end(home: Home, case: Case) -> None:
    first = await home.hub.press("red")
    await case.until("the platform has the call", arrived(home, first), ARRIVES_S)
    await case.until("the hub knows", lamp_is(home, "green", "blink"), ARRIVES_S)
    home.net.set(cut=True)
    await hand(home, "e-chen", "close")
    await asyncio.sleep(case.dice.uniform(0.0, 2.0))
    red = await home.hub.press("red")
    press = await home.press("pd-01")
    home.net.set(cut=False)
    await case.until("what was pressed into the ended call arrives", arrived(home, red, press), 75)
    await case.until("and the seat has the call again", has_case(home, "e-chen", "none"), ARRIVES_S)
    case.claim("as the same case", len(home.platform.cases) == 1, str(len(home.platform.cases)))
    await case.until("the pendant lets it be felt", feels(home, "pd-01", "delivered", press.at_ms), FEELS_S)
    await case.until("the lamp shows a call", lamp_is(home, "green", "blink"), ARRIVES_S)
    before = await hand(home, "e-chen", "take")
    await case.until("that it is taken is said", hub_says(home, "taken", before), ARRIVES_S)
    await close(home, case, "e-chen")
    await case.until("and its end is felt", feels(home, "pd-01", "ended", before), FEELS_S)


SCENARIOS = (
    Scenario(
        "platform-down-then-back",
        "The platform is stopped; red key and pendant call; it comes back.",
        platform_down_then_back,
        quick=True,
    ),
    Scenario(
        "nobody-takes-it",
        "A call is delivered and nobody takes it. The deadline of 90 s is shortened to 4 s.",
        nobody_takes_it,
        IMPATIENT,
    ),
    Scenario(
        "internet-cut-http-alive",
        "CoAP's line is cut while the hub runs; HTTPS is alive.",
        internet_cut_http_alive,
        quick=True,
    ),
    Scenario("udp-blocked", "UDP is blocked from the start of the hub on.", udp_blocked),
    Scenario(
        "internet-cut-without-modem",
        "A home without a modem: the whole line is cut during two calls and comes back.",
        internet_cut_without_modem,
    ),
    Scenario(
        "press-crosses-the-end",
        "The seat closes a call; before the home hears of it, red key and pendant are pressed again.",
        press_crosses_the_end,
    ),
    Scenario("bad-line", "Thirty of a hundred packets are lost, 150 ms each way.", bad_line),
)
