"""The air is hostile, crowded or empty."""

from __future__ import annotations

from sim.home.home import Home
from sim.home.ledger import Meaning
from sim.home.pendants import now_ms
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, FEELS_S, arrived, close, feels, told

NO_HUB_BUZZ_S = 20  # the pendant's own deadline; not shortened


async def stranger_connects(home: Home, case: Case) -> None:
    for mode in ("idle", "babble", "hammer"):
        await home.stranger("pd-01", True, mode)
        press = await home.press("pd-01")
        await case.until(f"a phone that will {mode} does not silence it", arrived(home, press), 20)
        await case.until(
            f"with a phone that will {mode} it is felt", feels(home, "pd-01", "delivered", press.at_ms), 30
        )
        await home.stranger("pd-01", False)
        await close(home, case, "e-chen")
        await case.until("the end is felt", feels(home, "pd-01", "ended", press.at_ms), FEELS_S)


async def jammed(home: Home, case: Case) -> None:
    await home.jam(True)
    press = await home.press("pd-01")
    await case.never(
        "nothing claims that anybody heard", told(home, "pd-01", Meaning.DELIVERED, press.at_ms), 4
    )
    await home.jam(False)
    await case.until("once it is quiet the call arrives", arrived(home, press), 20)
    await case.until("and is felt", feels(home, "pd-01", "delivered", press.at_ms), FEELS_S)


async def replay(home: Home, case: Case) -> None:
    press = await home.press("pd-01")
    await case.until("the platform has the call", arrived(home, press), ARRIVES_S)
    await case.until("it is felt", feels(home, "pd-01", "delivered", press.at_ms), FEELS_S)
    await close(home, case, "e-chen")
    await case.until("its end is felt", feels(home, "pd-01", "ended", press.at_ms), FEELS_S)
    tape = await home.air.tape(of="pd-01")
    case.claim("there is something to replay", len(tape) > 0, f"{len(tape)} adverts")
    before = len(home.platform.events)
    for number, advert in enumerate(tape[-20:]):
        await home.air.forge(
            name=f"forger-{number}",
            address=advert["address"],
            data=advert["data"],
            x=6.0,
            y=4.0,
            times=20,
            public=advert["public"] == "True",
        )
    await case.never("a replay is no event", lambda: len(home.platform.events) > before, 6)
    late = await home.press("pd-01")
    await case.until("a true press still arrives", arrived(home, late), 20)
    await case.until("and is felt", feels(home, "pd-01", "delivered", late.at_ms), FEELS_S)


async def no_hub(home: Home, case: Case) -> None:
    await home.hub.stop()
    press = await home.press("pd-01")
    await case.until("amber at first", lambda: home.pendants["pd-01"].light == "amber", 5)
    await case.until(
        "a low buzz says: not yet", feels(home, "pd-01", "no-hub", press.at_ms), NO_HUB_BUZZ_S + 5
    )
    await case.until("and it flashes red", lambda: home.pendants["pd-01"].light == "red", 5)
    before = now_ms()
    await home.hub.start()
    await case.until("a hub that comes hears it", arrived(home, press), 45)
    await case.until("and it is felt", feels(home, "pd-01", "delivered", before), FEELS_S)


SCENARIOS = (
    Scenario(
        "stranger-connects",
        "A foreign phone connects to the pendant: it idles, babbles, or comes and goes.",
        stranger_connects,
    ),
    Scenario("jammed", "The band is jammed during a press, then quiet.", jammed),
    Scenario("replay", "A recording of the pendant's adverts is sent again after the call.", replay),
    Scenario("no-hub", "A press with no hub on the air; the hub comes after the low buzz.", no_hub),
)
