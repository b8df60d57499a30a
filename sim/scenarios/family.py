"""The family is told when help does not come: by text, also when the internet works."""

from __future__ import annotations

import asyncio
import sys

from sim.home.home import Home
from sim.home.pendants import now_ms
from sim.home.setup import DAUGHTER, FAMILY, NEIGHBOUR, Setup
from sim.home.waiting import Condition
from sim.scenarios.case import Case, Scenario
from sim.scenarios.steps import ARRIVES_S, arrived, close, hand, has_fault, hub_says, lamp_is
from sim.scenarios.texts import CARRIED_S, UP_S, modems_up

RUNG_S = 40.0  # 30 s by the plan, a second at most until it rings; the figure itself is in the claim
SLACK_S = 15.0  # of a machine with other work
HELD_S = 3.0
SLOW_S = (35.0, 45.0)  # of a text, each way
SILENT_S = 20.0  # of the 90 s until the second clock
HELP_S = 20.0  # of 90: shortened
UNTAKEN, UNREACHED, TAKEN = "还没有人接手", "呼叫中心还没有回应", "已经有人接手"
WITH_FAMILY = Setup(modems=True, family=FAMILY, timing={"help_s": HELP_S})


def shows(home: Home, who: str, words: str, since_ms: int) -> Condition:
    """Whether a phone of the family shows a text with these words."""
    return lambda: home.phones[who].has(words, since_ms)


def told_of(home: Home, kind: str, **data: object) -> Condition:
    """Whether the platform has an event of a relative with this in it."""
    return lambda: any(
        found == kind and all(item.get(key) == value for key, value in data.items())
        for found, item in home.platform.contacts()
    )


async def nobody_takes_it(home: Home, case: Case) -> None:
    await case.until("both modems are up", modems_up(home), UP_S)
    red = await home.hub.press("red")
    await case.until("the platform has the call, by IP", arrived(home, red), ARRIVES_S)
    await case.until("and the lamp is green", lamp_is(home, "green", "blink"), ARRIVES_S)
    for relative in FAMILY:
        words = shows(home, relative.id, UNTAKEN, red.at_ms)
        await case.until(f"nobody takes it: {relative.en} reads that", words, HELP_S + CARRIED_S)
    first = min(shown.at_ms for phone in home.phones.values() for shown in phone.texts)
    case.claim("and not before its time", first - red.at_ms >= HELP_S * 1000, f"{first - red.at_ms} ms")
    home.phones[DAUGHTER.id].write(home.setup.number_of("hub-01"), "我马上到")
    reply = told_of(home, "contact.replied", contact=DAUGHTER.id, words="我马上到")
    await case.until("an answer is an event", reply, CARRIED_S)
    case.claim("and the call is open all the same", home.platform.open_case("e-chen") is not None)
    await home.hub.kill()
    await home.hub.start()
    again = await home.hub.press("red")
    await case.until("killed and back, it goes on", arrived(home, again), ARRIVES_S)
    before = await hand(home, "e-chen", "take")
    for relative in FAMILY:
        last = shows(home, relative.id, TAKEN, before)
        await case.until(f"it is taken: {relative.en} reads that", last, UP_S + CARRIED_S)
    counts = {name: len(phone.texts) for name, phone in home.phones.items()}
    case.claim("two texts each, over the restart too", set(counts.values()) == {2}, str(counts))
    sent = told_of(home, "contact.texted", contact=NEIGHBOUR.id, what="taken", outcome="handed")
    await case.until("each text is an event", sent, ARRIVES_S)
    await close(home, case, "e-chen")


async def voice_only(home: Home, case: Case) -> None:
    daughter, neighbour = home.phones[DAUGHTER.id], home.phones[NEIGHBOUR.id]
    await case.until("both modems are up", modems_up(home), UP_S)
    home.net.set(cut=True)
    home.cell.air.loss = 1.0
    red = await home.hub.press("red")
    await case.until("no answer: the first phone rings", lambda: daughter.state == "ringing", RUNG_S)
    rung_ms = daughter.rang[0] - red.at_ms
    case.claim("not before a text could help", rung_ms >= 30_000, f"{rung_ms} ms")
    await case.until("that it phones is said", hub_says(home, "phoning", red.at_ms), SLACK_S)
    await case.until("nobody answers: the next one rings", lambda: neighbour.state == "ringing", 45 + SLACK_S)
    case.claim("and the first does not any more", daughter.state == "idle", daughter.state)
    neighbour.answer()
    await case.until("the open line is heard", hub_says(home, "voice-open", red.at_ms), SLACK_S)
    neighbour.press("1")
    await asyncio.sleep(HELD_S)
    case.claim("a person's line stays open", neighbour.state == "answered", neighbour.state)
    case.claim("nothing claims that the platform has it", not lamp_is(home, "green", "blink")())
    neighbour.hang_up()
    await case.until("its end is heard too", hub_says(home, "voice-over", red.at_ms), SLACK_S)
    home.cell.air.loss = 0.0
    home.net.set(cut=False)
    await case.until("the internet is back, and the call arrives", arrived(home, red), 75)
    for relative, outcome in ((DAUGHTER, "no-answer"), (NEIGHBOUR, "answered"), (NEIGHBOUR, "confirmed")):
        sent = told_of(home, "contact.called", contact=relative.id, outcome=outcome)
        await case.until(f"the platform learns: {relative.en}, {outcome}", sent, 75)
    await close(home, case, "e-chen")


async def slow_texts(home: Home, case: Case) -> None:
    phones = [home.phones[relative.id] for relative in FAMILY]
    rings = lambda: any(phone.state == "ringing" for phone in phones)  # noqa: E731 - one look
    await case.until("both modems are up", modems_up(home), UP_S)
    home.net.set(cut=True)
    home.cell.air.delay_s = SLOW_S
    red = await home.hub.press("red")
    await case.until("the call's text is under way: a phone rings meanwhile", rings, RUNG_S)
    case.claim("nothing is known yet", not arrived(home, red)() and lamp_is(home, "amber", "steady")())
    await case.until("the platform has the call, by SMS", arrived(home, red), 2 * SLOW_S[1])
    await case.until("its answer comes as late", lamp_is(home, "green", "blink"), 2 * SLOW_S[1])
    await case.until("then the phones fall silent", lambda: not rings(), SLACK_S)
    await case.never("the phones stay silent", rings, SILENT_S)
    calls = [event for event in home.platform.events if event.kind == "call.sos"]
    case.claim("every copy is the one event", len(calls) == 1, str(len(calls)))
    case.claim("of one case", len(home.platform.cases) == 1, str(len(home.platform.cases)))
    home.net.set(cut=False)
    stopped = told_of(home, "contact.called", outcome="stopped")
    unanswered = told_of(home, "contact.called", outcome="no-answer")
    case.claim("nobody was connected", not any("answered" in call.at_ms for call in home.cell.exchange.log))
    await case.until("each ringing is an event", lambda: stopped() or unanswered(), 75)
    await close(home, case, "e-chen")


async def tested(home: Home) -> tuple[int, str]:
    """`anban hub test-paths`, as a technician types it: its exit code and what it prints."""
    socket = home.hub.directory / "run" / "hub.sock"
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "anban", "hub", "test-paths", "--socket", str(socket)),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await child.communicate()
    return child.returncode or 0, printed.decode()


async def paths_proved(home: Home, case: Case) -> None:
    modem, phone = home.modems["hub-01"], home.test_phone
    await case.until("both modems are up", modems_up(home), UP_S)
    code, printed = await tested(home)
    case.claim("every way passes", code == 0 and printed.count("pass") == 4, printed)
    since = now_ms()
    await case.until("and that is said", hub_says(home, "ways-work", 0), SLACK_S)
    case.claim("the test number has rung", phone is not None and bool(phone.rang))
    case.claim("a test is no call", not home.platform.cases, str(len(home.platform.cases)))
    case.claim("nor is it told to the family", not any(p.texts or p.rang for p in home.phones.values()))
    modem.manners.registration = 0
    code, printed = await tested(home)
    failed = code == 1 and printed.count("FAIL") == 2  # the text, and the phone
    case.claim("without service the command fails", failed, printed)
    await case.until("and that is said too", hub_says(home, "ways-fail", since), SLACK_S)
    for phrase in ("internet-works", "texts-fail", "telephone-fails"):
        await case.until(f"and of each way: {phrase}", hub_says(home, phrase, since), 2 * SLACK_S)
    await case.until("it is a fault at the platform", has_fault(home, "proof"), ARRIVES_S + SLACK_S)
    modem.manners.registration = 1
    code, printed = await tested(home)
    case.claim("mended, every way passes", code == 0, printed)
    await case.until("and the fault is over", has_fault(home, "proof", False), ARRIVES_S + SLACK_S)


SCENARIOS = (
    Scenario(
        "internet-and-platform-sms-slow",
        "The line is cut and a text takes 35 to 45 s: phones ring until the platform's answer is here.",
        slow_texts,
        Setup(modems=True, family=FAMILY),
    ),
    Scenario(
        "paths-proved",
        "A technician tries every way; by text it fails while the modem has no service, and then again not.",
        paths_proved,
        Setup(modems=True, family=FAMILY),
    ),
    Scenario(
        "voice-only",
        "The line is cut and every text is lost: after 30 s the family's phones ring, one after the other.",
        voice_only,
        Setup(modems=True, family=FAMILY),
    ),
    Scenario(
        "delivered-but-nobody-takes-it",
        "The platform has the call and nobody takes it in 90 s (shortened to 20 s): the family is texted.",
        nobody_takes_it,
        WITH_FAMILY,
    ),
)
