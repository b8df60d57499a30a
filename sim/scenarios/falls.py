"""Somebody who wears a pendant falls: the hub asks first, and calls when it hears nothing.

After three falls in bed that nobody answered and nobody had to go to it asks twice, and calls all the same.
Whoever gets up and walks is asked once more, and called for all the same if no answer comes. Where two hubs
ask, the green key of one of them is an answer for both.
"""

from __future__ import annotations

from sim.home.home import Home
from sim.home.ledger import Press
from sim.home.pendants import now_ms
from sim.home.setup import HubSetup, SensorSetup, Setup
from sim.home.waiting import Condition
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, FEELS_S, arrived, close, feels, has_fault, hub_says

SAID_S = 40.0  # the question is said to its end, 13.5 s in Chinese
ASKED_S = 40.0  # a few steps, the fall, the detector's 2.6 s, an advert; a busy machine takes its time
TOLD_S = 60.0  # what is no call waits for others to go with it
ASKING_S = 30.0  # the hub's countdown
MOST_S = 60.0  # and what a busy machine adds to it
LOOKS_S = 90.0  # the hub counts false falls once a minute
FALSE_FALLS = 3  # that nobody goes to: then every question is asked twice
BACK_S = 90.0  # the internet is back: what was kept is sent, each hub at a time of its own
TWO_HUBS = Setup(hubs=(HubSetup("hub-01", "e-chen"), HubSetup("hub-02", "e-wang")))
BED = Setup(sensors=(SensorSetup("bed-01", "bed", "e-chen", "bedroom"),))


def falls_at_platform(home: Home, elder: str) -> Condition:
    """Whether the platform has any call of this elder."""
    return lambda: any(e.elder == elder and e.kind.startswith("call.") for e in home.platform.events)


async def fall(home: Home, case: Case) -> None:
    fell = await home.fall("pd-01")
    await case.until("the pendant asks", feels(home, "pd-01", "asked", fell.at_ms), ASKED_S)
    await case.until("and the hub aloud", hub_says(home, "ask-fall", fell.at_ms), ARRIVES_S)
    case.claim("meanwhile nothing goes out", not falls_at_platform(home, "e-chen")())
    asked_ms = now_ms()
    await case.until("nobody answers: the platform has the fall", arrived(home, fell), MOST_S)
    waited_s = (now_ms() - asked_ms) / 1000
    case.claim("after half a minute and no sooner", waited_s > ASKING_S - 10, f"{waited_s:.1f} s")
    kinds = [event.kind for event in home.platform.events if event.origin == "pd-01"]
    case.claim("as what it is", kinds == ["call.fall"], str(kinds))
    await case.until("and how sure it is", lambda: bool(home.platform.weighed("e-chen")), TOLD_S)
    await case.until("its pendant lets it be felt", feels(home, "pd-01", "delivered", fell.at_ms), FEELS_S)
    await close(home, case, "e-chen")
    await _pressed(home, case)
    await _answered(home, case)


async def _pressed(home: Home, case: Case) -> None:
    """Somebody fell and presses: help is wanted, now."""
    fell = await home.fall("pd-02")
    await case.until("the other pendant asks", feels(home, "pd-02", "asked", fell.at_ms), ASKED_S)
    press = await home.press("pd-02")
    took_s = await case.until("a press calls at once", arrived(home, press), ASKING_S - 8)
    case.claim("the fall goes with it", arrived(home, fell)(), f"after {took_s:.1f} s")
    await close(home, case, "e-wang")


async def _answered(home: Home, case: Case) -> None:
    """Somebody fell on a soft bed, and the green key says that all is well."""
    before = len(home.platform.events)
    fell = await home.fall("pd-01")
    await case.until("whoever falls again is asked again", hub_says(home, "ask-fall", fell.at_ms), ASKED_S)
    await case.until("its pendant asks too", feels(home, "pd-01", "asked", fell.at_ms), FEELS_S)
    await home.hub.press("green")
    await case.until("green ends it on the pendant", feels(home, "pd-01", "ended", fell.at_ms), FEELS_S)
    await case.soon("and aloud", hub_says(home, "cancelled", fell.at_ms), SAID_S)

    def went_out() -> bool:
        return any(event.kind.startswith("call.") for event in home.platform.events[before:])

    await case.never("no call goes out, no assistance either", went_out, ASKING_S + 5)
    answer = ("e-chen", {"plan": "fall", "answer": "fine"})
    await case.until("but that there was a fall is told", lambda: answer in home.platform.answers(), TOLD_S)


async def often(home: Home, case: Case) -> None:
    """What looks like a fall in bed is doubted by the hub; three that were none make it ask twice."""
    for number in range(1, FALSE_FALLS + 1):
        await home.sensors["bed-01"].says(True)
        fell = await home.fall("pd-01")
        await case.until(f"fall {number}: asked", hub_says(home, "ask-fall", fell.at_ms), ASKED_S)
        await case.until(f"fall {number}: nobody answers, it calls", arrived(home, fell), MOST_S)
        await close(home, case, "e-chen")
    await case.until("the carers hear of it", has_fault(home, "falls_often"), LOOKS_S)
    await home.sensors["bed-01"].says(True)
    fell = await home.fall("pd-01")
    await case.until("the next is asked about", hub_says(home, "ask-fall", fell.at_ms), ASKED_S)
    asked_ms = now_ms()
    second_ms = asked_ms + round((ASKING_S - 5) * 1000)
    await case.until("and once more aloud", hub_says(home, "ask-fall", second_ms), MOST_S)
    await case.until("and on the pendant", feels(home, "pd-01", "asked", second_ms), FEELS_S)
    case.claim("meanwhile it has not called", not arrived(home, fell)())
    await case.until("it calls all the same", arrived(home, fell), MOST_S)
    waited_s = (now_ms() - asked_ms) / 1000
    case.claim("after a minute and no sooner", waited_s > 2 * ASKING_S - 10, f"{waited_s:.1f} s")
    await close(home, case, "e-chen")


async def walks(home: Home, case: Case) -> None:
    """Whoever fell gets up and walks: asked once more, answered with green. Another time, not answered."""
    fell = await home.fall("pd-01", rises=True)
    await case.until("the hub asks", hub_says(home, "ask-fall", fell.at_ms), ASKED_S)
    asked_ms = now_ms()
    await case.until("it asks once more at the first steps", asks_again(home, asked_ms), ASKING_S)
    await home.hub.press("green")
    await case.until("green ends it", feels(home, "pd-01", "ended", fell.at_ms), FEELS_S)
    case.claim("nothing has gone out", not falls_at_platform(home, "e-chen")())
    fell = await home.fall("pd-01", rises=True)
    await case.until("whoever falls again is asked", hub_says(home, "ask-fall", fell.at_ms), ASKED_S)
    asked_ms = now_ms()
    await case.until("and once more at the first steps", asks_again(home, asked_ms), ASKING_S)
    await case.until("walking alone ends nothing: it calls", arrived(home, fell), MOST_S)
    await case.until("the seat hears of the steps", seat_hears(home, "fall_walks"), TOLD_S)
    await case.until("cancelling is offered anew", hub_says(home, "cancel-offer", asked_ms), SAID_S)
    await close(home, case, "e-chen")


async def green_at_one(home: Home, case: Case) -> None:
    """Both hubs of a home ask about a fall, and it is answered at one: without a platform, by the pendant."""
    home.net.set(cut=True)
    fell = await _both_ask(home, case)
    await home.hub.press("green")
    ends = "it is answered at one: the other ends its question too"
    await case.until(ends, hub_says(home, "cancelled", fell.at_ms, "hub-02"), ASKING_S)
    await case.soon("and so does the one", hub_says(home, "cancelled", fell.at_ms), SAID_S)
    await case.until("it is felt", feels(home, "pd-01", "ended", fell.at_ms), FEELS_S)
    calls = [hub_says(home, "calling", fell.at_ms, name) for name in home.hubs]
    await case.never("neither calls", lambda: any(call() for call in calls), ASKING_S)
    home.net.set(cut=False)
    answer = ("e-chen", {"plan": "fall", "answer": "fine"})
    await case.until("both tell of it later", lambda: home.platform.answers().count(answer) == 2, BACK_S)
    case.claim("and no call has gone out", not falls_at_platform(home, "e-chen")())
    fell = await _both_ask(home, case)
    home.pendants["pd-01"].power_cut()
    await home.hub.press("green")
    await case.until("nobody can tell the other: it calls", arrived(home, fell), MOST_S)
    await close(home, case, "e-chen")


async def _both_ask(home: Home, case: Case) -> Press:
    fell = await home.fall("pd-01")
    for name in home.hubs:
        await case.until(f"{name} asks", hub_says(home, "ask-fall", fell.at_ms, name), ASKED_S)
    return fell


def seat_hears(home: Home, change: str) -> Condition:
    """Whether the platform was told so of a call of Mrs Chen's."""
    return lambda: change in home.platform.changes("e-chen")


def asks_again(home: Home, asked_ms: int) -> Condition:
    """Whether the hub has begun to ask a second time: the first question is over, which takes seconds."""
    return lambda: home.hub.has_said("ask-fall", asked_ms + 2_000)


SCENARIOS = (
    Scenario(
        "fall",
        "A pendant's wearer falls: asked, not answered, called. Another presses. A third time all is well.",
        fall,
    ),
    Scenario(
        "fall-walks",
        "Whoever fell gets up and walks: asked once more, answered. Again, not answered: it calls.",
        walks,
    ),
    Scenario(
        "fall-two-hubs-green-at-one",
        "Two hubs without internet ask about a fall: green at one ends both. With the pendant dead it calls.",
        green_at_one,
        TWO_HUBS,
    ),
    Scenario(
        "falls-often",
        "Three falls in bed that were none: the fourth is asked about twice, and calls when nobody answers.",
        often,
        BED,
    ),
)
