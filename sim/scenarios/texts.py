"""The internet is gone: calls go by SMS over the cellular modem, and the platform's answers come back so."""

from __future__ import annotations

from sim.home.home import Home
from sim.home.ledger import Meaning
from sim.home.setup import PLATFORM_NUMBER, Setup
from sim.home.waiting import Condition
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, arrived, close, hand, hub_says, lamp_is, told

WITH_MODEMS = Setup(modems=True)
UP_S = 30.0  # a modem's init
UNKNOWN_S = 5.5  # plan: 5 s without an ack; then the modem
KNOWN_S = 1.5  # plan: at once; a modem's prompt and the network's yes take 0.3 s of it
CARRIED_S = 30.0  # 6 to 8 s in the network each way, after ETSI EMTEL 2006
NOTICED_S = 90.0  # until every check by IP has failed once


def texted(home: Home, sender: str, since_ms: int) -> Condition:
    """Whether the network has taken a text from this number since then."""
    return lambda: any(c.sender == sender and c.at_ms >= since_ms for c in home.cell.log)


def modems_up(home: Home) -> Condition:
    """Whether both modems have been looked through once: they can send and receive."""
    return lambda: all("AT+CMGL=4" in modem.written for modem in home.modems.values())


def knows_no_way(home: Home) -> Condition:
    """Whether the hub has noticed that nothing goes by IP: for waiting alone."""

    async def look() -> bool:
        paths = await home.hub.paths()
        return not any(row["good"] for row in paths if row["name"] in ("coap", "https"))

    return look


async def internet_gone(home: Home, case: Case) -> None:
    hub = home.setup.number_of("hub-01")
    await case.until("both modems are up", modems_up(home), UP_S)
    home.net.set(cut=True)
    red = await home.hub.press("red")
    await case.until("5 s without an answer: it is texted", texted(home, hub, red.at_ms), UNKNOWN_S)
    await case.until("the platform has the call, by SMS", arrived(home, red), CARRIED_S)
    await case.until("its receipt is texted", texted(home, PLATFORM_NUMBER, red.at_ms), ARRIVES_S)
    await case.until("and the lamp is green", lamp_is(home, "green", "blink"), CARRIED_S)
    case.claim("that the platform has it is told", told(home, "hub-01", Meaning.DELIVERED, red.at_ms)())
    before = await hand(home, "e-chen", "take")
    await case.until("that somebody took it comes by SMS", hub_says(home, "taken", before), CARRIED_S)
    await case.until("once IP is known to be down", knows_no_way(home), NOTICED_S)
    again = await home.hub.press("red")
    await case.until("the next press is texted at once", texted(home, hub, again.at_ms), KNOWN_S)
    await case.until("and arrives", arrived(home, again), CARRIED_S)
    case.claim("as the same case", len(home.platform.cases) == 1, str(len(home.platform.cases)))
    count = len(home.cell.log)
    home.net.set(cut=False)
    await case.until("the internet is back, and nothing is owed", lamp_is(home, "green", "blink"), CARRIED_S)
    await close(home, case, "e-chen")
    case.claim("no text more than each event needs", len(home.cell.log) - count <= 2, str(len(home.cell.log)))


SCENARIOS = (
    Scenario(
        "internet-gone-sms",
        "The line is cut; the red key's calls and their answers go by SMS, 6 to 8 s each way.",
        internet_gone,
        WITH_MODEMS,
    ),
)
