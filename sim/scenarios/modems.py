"""A modem's card, memory and signal fail while the internet is gone; and somebody rings the home."""

from __future__ import annotations

import asyncio

from sim.home.home import Home
from sim.home.pendants import now_ms
from sim.home.setup import DAUGHTER, FAMILY, Setup
from sim.modem.phone import Phone
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, arrived, close, hub_says, lamp_is
from sim.scenarios.texts import CARRIED_S, UP_S, WITH_MODEMS, modems_up, slip_in, texted

SLACK_S = 15.0  # of a machine with other work
CHECKED_S = 75.0  # a modem is looked at every 60 s
PAST_S = 95.0  # the plan's try at 90 s; its next is at 180 s
ROOM, FLOOD = 3, 12
STRANGER = "+8613900000001"


async def memory_full(home: Home, case: Case) -> None:
    hub, modem = home.setup.number_of("hub-01"), home.modems["hub-01"]
    await case.until("both modems are up", modems_up(home), UP_S)
    modem.manners.room = ROOM
    modem.manners.next_errors = ["+CMS ERROR: 322"]
    home.net.set(cut=True)
    for number in range(FLOOD):
        slip_in(home, hub, f"advertisement {number}")
    red = await home.hub.press("red")
    await case.until("the platform has the call, by SMS", arrived(home, red), 10 + CARRIED_S)
    await case.until("its receipt finds room", lamp_is(home, "green", "blink"), CARRIED_S + CHECKED_S)
    emptied = lambda: not modem.memory  # noqa: E731 - one look
    await case.until("and the memory is empty", emptied, CARRIED_S + CHECKED_S)
    home.net.set(cut=False)
    await close(home, case, "e-chen")


async def card_removed(home: Home, case: Case) -> None:
    hub, modem = home.setup.number_of("hub-01"), home.modems["hub-01"]
    await case.until("both modems are up", modems_up(home), UP_S)
    home.net.set(cut=True)
    asked = modem.written.count("AT+CPIN?")
    modem.manners.sim, modem.manners.registration = "", 0
    red = await home.hub.press("red")
    await case.until("that nobody is reached is said", hub_says(home, "not-reached", red.at_ms), 30 + SLACK_S)
    missed = lambda: modem.written.count("AT+CPIN?") > asked  # noqa: E731 - one look
    await case.until("that the card is gone is noticed", missed, CHECKED_S)
    back = now_ms()
    modem.manners.sim, modem.manners.registration = "READY", 1
    await case.until("the card is back: the call is texted", texted(home, hub, back), CHECKED_S + SLACK_S)
    await case.until("the platform has the call", arrived(home, red), CARRIED_S)
    await case.until("and the lamp is green", lamp_is(home, "green", "blink"), CARRIED_S)
    home.net.set(cut=False)
    await close(home, case, "e-chen")


async def no_signal(home: Home, case: Case) -> None:
    hub, modem = home.setup.number_of("hub-01"), home.modems["hub-01"]
    await case.until("both modems are up", modems_up(home), UP_S)
    home.net.set(cut=True)
    modem.manners.registration = 0
    red = await home.hub.press("red")
    await case.until("that nobody is reached is said", hub_says(home, "not-reached", red.at_ms), 30 + SLACK_S)
    await asyncio.sleep(PAST_S - (now_ms() - red.at_ms) / 1000)
    case.claim("nothing could go", not texted(home, hub, red.at_ms)())
    back = now_ms()
    modem.manners.registration = 1
    await case.until("a minute after the signal is back: texted", texted(home, hub, back), CHECKED_S)
    await case.until("the platform has the call", arrived(home, red), CARRIED_S)
    await case.until("and the lamp is green", lamp_is(home, "green", "blink"), CARRIED_S)
    home.net.set(cut=False)
    await close(home, case, "e-chen")


async def incoming(home: Home, case: Case) -> None:
    hub, daughter = home.setup.number_of("hub-01"), home.phones[DAUGHTER.id]
    stranger = Phone(STRANGER, home.cell)
    await case.until("both modems are up", modems_up(home), UP_S)
    daughter.dial(hub)
    await case.until("without a call it rings at the modem", lambda: daughter.state == "ringing", SLACK_S)
    await case.never("and nobody is let in", lambda: daughter.state == "answered", 5.0)
    daughter.hang_up()
    red = await home.hub.press("red")
    await case.until("the platform has a call", arrived(home, red), ARRIVES_S)
    daughter.dial(hub)
    await case.until("the daughter is let in", lambda: daughter.state == "answered", SLACK_S)
    await case.until("the open line is heard", hub_says(home, "voice-open", red.at_ms), SLACK_S)
    daughter.hang_up()
    await case.until("and its end", hub_says(home, "voice-over", red.at_ms), SLACK_S)
    stranger.dial(hub)
    await case.until("a stranger rings aloud", hub_says(home, "phone-rings", red.at_ms), SLACK_S)
    case.claim("and is not let in by itself", stranger.state == "ringing", stranger.state)
    green = await home.hub.press("green")
    home.ledger.presses.remove(green)  # it answers the phone: no press that is owed
    await case.until("but by the green key", lambda: stranger.state == "answered", SLACK_S)
    stranger.hang_up()
    await close(home, case, "e-chen")
    kinds = {event.kind for event in home.platform.events}
    case.claim("and the green key meant nothing else", kinds <= {"call.sos", "call.updated"}, str(kinds))


SCENARIOS = (
    Scenario(
        "sim-full",
        "The line is cut, and advertisements fill the modem's memory while a call and its receipt need it.",
        memory_full,
        WITH_MODEMS,
    ),
    Scenario(
        "sim-removed",
        "The line is cut and the SIM is out of the modem when the red key is pressed; then it is put back.",
        card_removed,
        WITH_MODEMS,
    ),
    Scenario(
        "no-signal-then-back",
        "The line is cut and there is no cell network; after a minute and a half there is one again.",
        no_signal,
        WITH_MODEMS,
    ),
    Scenario(
        "incoming-call",
        "Somebody phones the home without a call and within one; a stranger is answered with the green key.",
        incoming,
        Setup(modems=True, family=FAMILY),
    ),
)
