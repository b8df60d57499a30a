"""The family is rung by SIP: through real baresips, with tones in place of voices, heard at both ends."""

from __future__ import annotations

import asyncio

from sim.home.home import Home
from sim.home.pendants import now_ms
from sim.home.setup import DAUGHTER, FAMILY, NEIGHBOUR, Setup
from sim.home.waiting import Condition
from sim.scenarios.case import Case, Scenario
from sim.scenarios.family import RUNG_S, SLACK_S, told_of
from sim.scenarios.steps import ARRIVES_S, arrived, close, hub_says, lamp_is
from sim.scenarios.texts import UP_S, modems_up
from sim.sip.phone import SipFamilyPhone
from sim.sip.side import ROOM_HZ, Air, SipSide, room_hears

HEARD_S = 1.0  # of a tone, that counts as heard
HELD_S = 3.0
STRANGER_HZ = 1750.0
VOICE_DB = 50.0
ECHO_DB = 40.0  # her tone has 75
SPOKEN = 2  # times


def side(home: Home) -> SipSide:
    """The home's SIP. RuntimeError where it was set up without."""
    if home.sip is None:
        raise RuntimeError("this home was set up without telephones by SIP")
    return home.sip


def registered(home: Home) -> Condition:
    """Whether the hub and all telephones can be reached."""
    return lambda: side(home).up("hub-01")


REACHED = ("ringing", "answered")  # a hub that answers by itself may not be seen ringing


def rings(phone: SipFamilyPhone) -> Condition:
    return lambda: phone.state == "ringing"


def room_hears_it(home: Home, hertz: float) -> Condition:
    """Whether a voice has come into the room."""
    return lambda: room_hears(home.hub.directory, hertz) >= HEARD_S


async def voice_only(home: Home, case: Case) -> None:
    daughter, neighbour = (side(home).phones[relative.id] for relative in FAMILY)
    await case.until("hub and telephones are registered", registered(home), UP_S)
    home.net.set(cut=True)
    red = await home.hub.press("red")
    await case.until("no answer: the first telephone rings", rings(daughter), RUNG_S)
    rung_ms = daughter.rang[0] - red.at_ms
    case.claim("not before its time", rung_ms >= 30_000, f"{rung_ms} ms")
    await case.until("that it phones is said", hub_says(home, "phoning", red.at_ms), SLACK_S)
    await case.until("nobody answers: the next one rings", rings(neighbour), 45 + SLACK_S)
    case.claim("and the first does not any more", daughter.state == "idle", daughter.state)
    await neighbour.answer()
    await case.until("that the line opens is said", hub_says(home, "voice-open", red.at_ms), SLACK_S)
    case.claim("and nothing of the room is heard before", neighbour.hears(ROOM_HZ) == 0)
    await case.until("the neighbour hears the room", lambda: neighbour.hears(ROOM_HZ) >= HEARD_S, SLACK_S)
    await case.until("the room hears the neighbour", room_hears_it(home, NEIGHBOUR.hertz), SLACK_S)
    await neighbour.press("1")
    await asyncio.sleep(HELD_S)
    case.claim("a person's line stays open", neighbour.state == "answered", neighbour.state)
    case.claim("nothing claims that the platform has it", not lamp_is(home, "green", "blink")())
    await neighbour.hang_up()
    await case.until("its end is said too", hub_says(home, "voice-over", red.at_ms), SLACK_S)
    home.net.set(cut=False)
    await case.until("the internet is back, and the call arrives", arrived(home, red), 75)
    for relative, outcome in ((DAUGHTER, "no-answer"), (NEIGHBOUR, "answered"), (NEIGHBOUR, "confirmed")):
        sent = told_of(home, "contact.called", contact=relative.id, outcome=outcome, what="sip")
        await case.until(f"the platform learns: {relative.en}, {outcome}", sent, 75)
    await close(home, case, "e-chen")


async def second_way(home: Home, case: Case) -> None:
    daughter, mobile = side(home).phones[DAUGHTER.id], home.phones[DAUGHTER.id]
    await case.until("both modems are up", modems_up(home), UP_S)
    await case.until("hub and telephones are registered", registered(home), UP_S)
    home.net.set(cut=True)
    home.cell.air.loss = 1.0
    home.cell.exchange.leave(DAUGHTER.number)
    red = await home.hub.press("red")
    await case.until("her mobile is off: her telephone rings", rings(daughter), RUNG_S + SLACK_S)
    case.claim("after her mobile was tried", not mobile.rang and bool(home.cell.exchange.log))
    await daughter.answer()
    await case.until("the daughter hears the room", lambda: daughter.hears(ROOM_HZ) >= HEARD_S, SLACK_S)
    await daughter.press("1")
    confirmed = hub_says(home, "voice-over", red.at_ms)
    await asyncio.sleep(HELD_S)
    await daughter.hang_up()
    await case.until("its end is said", confirmed, SLACK_S)
    case.claim("and nobody else is rung", not home.phones[NEIGHBOUR.id].rang)
    home.net.set(cut=False)
    await case.until("the internet is back, and the call arrives", arrived(home, red), 75)
    for what, outcome in (("voice", "unreachable"), ("sip", "confirmed")):
        sent = told_of(home, "contact.called", contact=DAUGHTER.id, outcome=outcome, what=what)
        await case.until(f"the platform learns: {what}, {outcome}", sent, 75)
    await close(home, case, "e-chen")


async def talk_with_her(home: Home, case: Case, daughter: SipFamilyPhone) -> None:
    """The room's own microphone and speaker, and the air between them: both sides hear the other alone."""
    air = Air(home.hub.directory, home.directory / "sip")
    socket = home.hub.directory / "run" / "room" / "room.sock"
    await case.until("then the room opens", socket.is_socket, SLACK_S)
    await air.listen()
    try:
        heard = lambda: air.hears(DAUGHTER.hertz) >= HEARD_S  # noqa: E731 - one look
        await case.until("the daughter is heard in the room", heard, SLACK_S)
        alone = lambda: daughter.levels_db()[-2] < ECHO_DB  # noqa: E731 - the last whole second
        await case.until("and does not hear herself", alone, SLACK_S)
        begun = len(daughter.levels_db())
        for _ in range(SPOKEN):
            await air.speak()
        loudest = max(daughter.levels_db()[begun:], default=0.0)
        case.claim("but who speaks in the room", loudest >= VOICE_DB, f"{loudest:.0f} dB")
    finally:
        await air.end()


async def incoming(home: Home, case: Case) -> None:
    exchange, hub = side(home).exchange, side(home).address("hub-01")
    daughter = side(home).phones[DAUGHTER.id]
    stranger = SipFamilyPhone("stranger", exchange, home.directory / "sip" / "stranger", STRANGER_HZ)
    stranger.start()
    try:
        await case.until("hub and telephones are registered", registered(home), UP_S)
        await daughter.dial(hub)
        await case.until("without a call it reaches the hub", lambda: daughter.state in REACHED, SLACK_S)
        await case.never("and nobody is let in", lambda: daughter.state == "answered", 5.0)
        await daughter.hang_up()
        red = await home.hub.press("red")
        await case.until("the platform has a call", arrived(home, red), ARRIVES_S)
        await daughter.dial(hub)
        await case.until("the daughter is let in", lambda: daughter.state == "answered", SLACK_S)
        await case.until("the open line is said", hub_says(home, "voice-open", red.at_ms), SLACK_S)
        await talk_with_her(home, case, daughter)
        await daughter.hang_up()
        await case.until("and its end", hub_says(home, "voice-over", red.at_ms), SLACK_S)
        await case.until("a stranger is on the line", lambda: stranger.good, UP_S)
        since = now_ms()
        await stranger.dial(hub)
        await case.until("a stranger rings aloud", hub_says(home, "phone-rings", since), SLACK_S)
        case.claim("and is not let in by itself", stranger.state == "ringing", stranger.state)
        green = await home.hub.press("green")
        home.ledger.presses.remove(green)  # it answers the phone: no press that is owed
        await case.until("but by the green key", lambda: stranger.state == "answered", SLACK_S)
        await stranger.hang_up()
        await case.until("its end is said too", hub_says(home, "voice-over", since), 2 * SLACK_S)
        await close(home, case, "e-chen")
    finally:
        await stranger.stop()
    kinds = {event.kind for event in home.platform.events}
    case.claim("and the green key meant nothing else", kinds <= {"call.sos", "call.updated"}, str(kinds))


SCENARIOS = (
    Scenario(
        "voice-only-sip",
        "The line to the platform is cut and there is no modem: after 30 s the family is rung by SIP.",
        voice_only,
        Setup(sip=True, family=FAMILY),
    ),
    Scenario(
        "voice-by-second-way",
        "The line is cut, every text is lost, the daughter's mobile is off: she is rung by SIP at once.",
        second_way,
        Setup(modems=True, sip=True, family=FAMILY),
    ),
    Scenario(
        "incoming-call-sip",
        "Somebody phones the home by SIP without a call and within one; the green key answers a stranger.",
        incoming,
        Setup(sip=True, sound=True, family=FAMILY),
    ),
)
