"""The hub reminds and asks: what is answered, and what is not, reaches the platform; a call stops it."""

from __future__ import annotations

import datetime

from sim.home.home import Home
from sim.home.meters import HOME_ZONE
from sim.home.pendants import now_ms
from sim.home.waiting import Condition
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, arrived, close, has_case, hub_says, lamp_is

ASKS_S = 40.0  # a prompt is for a moment some seconds ahead, and the way to the hub is polled
SAID_S = 20.0  # a sentence of six seconds, and a machine that has other things to do
SHORT = {"repeat_minutes": 0.1, "times": 2, "in_quiet_hours": True}


async def _sends(home: Home, name: str, kind: str = "medication", answer_s: float = 4.0) -> int:
    """The platform sends a prompt for now, with so long for the answer; gives the time before it."""
    before = now_ms()
    start = datetime.datetime.now(HOME_ZONE) + datetime.timedelta(seconds=2)
    text = start.strftime("%Y-%m-%dT%H:%M:%S")
    await home.platform.prompt(
        "hub-01", id=name, elder="e-chen", kind=kind, start=text, answer_s=answer_s, **SHORT
    )
    return before


def _told(home: Home, kind: str, name: str, answer: str) -> Condition:
    """Whether the platform was told so of a prompt."""
    return lambda: (kind, name, answer) in home.platform.cares()


async def medication(home: Home, case: Case) -> None:
    await case.until("the hub is heard at the platform", lambda: "hub-01" in home.platform.heard, ASKS_S)
    await _taken(home, case)
    await _put_off_and_missed(home, case)
    await _in_a_call(home, case)


async def _taken(home: Home, case: Case) -> None:
    began = await _sends(home, "morning")
    await case.until("the hub says that it is time", hub_says(home, "prompt-medication", began), ASKS_S)
    await case.until("and blinks", lamp_is(home, "amber", "blink"), ARRIVES_S)
    await home.hub.press("green", answers=True)
    await case.until("green once: it repeats yes", hub_says(home, "understood-yes", began), SAID_S)
    yes = _told(home, "care.answered", "morning", "yes")
    await case.until("the platform knows that it was taken", yes, SAID_S)
    await case.until("the lamp is dark", lamp_is(home, "off", "off"), ARRIVES_S)
    case.claim("and nobody was called", not home.platform.events, str(len(home.platform.events)))


async def _put_off_and_missed(home: Home, case: Case) -> None:
    began = await _sends(home, "noon", "question")
    await case.until("a question is asked", hub_says(home, "prompt-question", began), ASKS_S)
    home.hub.answer_twice("green")
    await case.until("green twice: it repeats no", hub_says(home, "understood-no", began), SAID_S)
    await case.until("the platform knows no", _told(home, "care.answered", "noon", "no"), SAID_S)
    began = await _sends(home, "evening")
    await case.until("asked", hub_says(home, "prompt-medication", began), ASKS_S)
    missed = _told(home, "care.missed", "evening", "silence")
    await case.until("silence is no answer: the platform is told that it was missed", missed, 3 * SAID_S)
    asked = [kind for kind, name, _ in home.platform.cares() if (kind, name) == ("care.reminded", "evening")]
    case.claim("after it was asked twice", len(asked) == 2, f"{len(asked)} times")


async def _in_a_call(home: Home, case: Case) -> None:
    began = await _sends(home, "night", answer_s=120.0)
    await case.until("asked again", hub_says(home, "prompt-medication", began), ASKS_S)
    asked = lambda: any(row[:2] == ("care.reminded", "night") for row in home.platform.cares())  # noqa: E731
    await case.until("and said to its end", asked, SAID_S)
    red = await home.hub.press("red")
    await case.until("red is an SOS, whatever is being asked", arrived(home, red), ARRIVES_S)
    green = await home.hub.press("green")
    await case.until("in a call green means what it does in a call", arrived(home, green), ARRIVES_S)
    await case.until("the seat has the call", has_case(home, "e-chen"), ARRIVES_S)
    told = [row for row in home.platform.cares() if row[:2] == ("care.answered", "night")]
    case.claim("and answers nothing", not told, str(told))
    await close(home, case, "e-chen")


SCENARIOS = (
    Scenario(
        "medication",
        "Prompts with shortened waits: answered yes and no, not at all, and cut off by a call.",
        medication,
    ),
)
