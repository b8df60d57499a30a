"""The hub asks: what it says, when an answer counts, and that a call ends it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from drivers.pi.audio import Said
from edge import prompts
from edge.config import Config, ElderSection, HomeSection, HubSection, PlatformSection
from edge.entries import EventEntry
from edge.hub import Hub
from edge.inputs.answers import Answer
from edge.mint import Mint
from edge.prompter import AFTER_CALL_MS, ASIDE_S, Aside, Prompter
from edge.prompts import Prompt, Quiet
from protocols.errors import AnbanError, Reason
from protocols.values import Command, Lane
from tests.unit.edge.by_hand import ClockByHand, DiskByHand

ASIDE_MS = round(ASIDE_S * 1000)
CONFIG = Config(
    hub=HubSection(id="hub-01", room="hall", elder="e-chen"),
    home=HomeSection(language="en"),
    platform=PlatformSection(coap_uri="coap://c.example", https_url="https://c.example", ca_file="/ca.pem"),
    elders=(ElderSection(id="e-chen"),),
    quiet=Quiet(from_minute=0, to_minute=0),
)


class SpeakerByHand:
    """Sentences end when a test says so."""

    def __init__(self) -> None:
        self.saying: list[tuple[str, Lane, asyncio.Future[Said], Callable[[], bool]]] = []

    async def say(self, key: str, language: str, lane: Lane, *, still: Callable[[], bool]) -> Said:
        future: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self.saying.append((key, lane, future, still))
        return await future

    def hush(self, lane: Lane) -> None:
        assert lane is Lane.READING
        waiting, self.saying = self.saying, []
        for _, _, future, _ in waiting:
            future.set_result(Said.INTERRUPTED)

    async def ends(self, said: Said = Said.SAID) -> str:
        key, _, future, _ = self.saying.pop(0)
        future.set_result(said)
        await settled()
        return key


class StateByHand(dict[tuple[str, str], bytes]):
    """The state's rows."""

    def names(self, space: str) -> list[str]:
        return [name for where, name in self if where == space]

    def get(self, space: str, name: str) -> bytes | None:  # type: ignore[override]
        return self[(space, name)]

    def put_all(self, values: dict[tuple[str, str], bytes | None]) -> None:
        self.update({key: value for key, value in values.items() if value is not None})
        for key in [key for key, value in values.items() if value is None]:
            del self[key]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Morning:
    """A hub whose clock and loudspeaker a test moves."""

    def __init__(self, state: StateByHand | None = None) -> None:
        self.clock, self.disk, self.speaker = ClockByHand(), DiskByHand(), SpeakerByHand()
        self.hub = Hub(Mint("hub-01", self.clock), self.disk, elder="e-chen", room="hall")
        self.state = state if state is not None else StateByHand()

        async def read(asks: Callable[[Any], Any]) -> Any:
            return asks(SimpleNamespace(newest=lambda lane, limit: []))

        self.prompter = Prompter(self.hub, CONFIG, self.speaker, self.state, read)  # type: ignore[arg-type]

    async def prompt(self, name: str = "pills", kind: str = "medication", **more: Any) -> None:
        here = prompts.local_time(self.hub.mint.stamp(), 480) + timedelta(seconds=1)
        start = here.strftime("%Y-%m-%dT%H:%M:%S")
        data = {"id": name, "elder": "e-chen", "kind": kind, "start": start, **more}
        await self.prompter.command(Command(id="c", kind="prompt", expires_ms=1, authority="n", data=data))

    async def passes(self, ms: int) -> None:
        self.clock.now += ms
        self.prompter.look()
        await settled()

    def told(self) -> list[str]:
        entries = [entry for _, entries, _ in self.disk.jobs for entry in entries]
        events = [entry.event for entry in entries if isinstance(entry, EventEntry)]
        return [
            f"{e.kind}:{e.data.get('answer', '')}".removesuffix(":")
            for e in events
            if e.kind.startswith("care.")
        ]

    def answers(self, answer: Answer) -> None:
        self.prompter.answer(self.prompter.question(), answer)


@pytest.fixture
async def morning() -> Morning:
    return Morning()


async def test_it_is_said_and_an_answer_counts_when_it_was_repeated(morning: Morning) -> None:
    await morning.prompt()
    await morning.passes(1_000)
    assert morning.prompter.question()
    assert (morning.speaker.saying[0][0], morning.speaker.saying[0][1]) == ("prompt-medication", Lane.READING)
    await morning.speaker.ends()
    assert morning.told() == ["care.reminded"]
    morning.answers(Answer.YES)
    await settled()
    assert morning.told() == ["care.reminded"], "not before it was repeated"
    assert await morning.speaker.ends() == "understood-yes"
    assert morning.told() == ["care.reminded", "care.answered:yes"]
    assert morning.prompter.question() == ""


async def test_until_it_was_repeated_another_press_changes_it(morning: Morning) -> None:
    await morning.prompt(kind="question")
    await morning.passes(1_000)
    await morning.speaker.ends()
    morning.answers(Answer.YES)
    await settled()
    morning.answers(Answer.NO)
    await settled()
    assert await morning.speaker.ends() == "understood-no"
    assert morning.told() == ["care.reminded", "care.answered:no"]


async def test_not_now_is_put_off_twice_and_then_no(morning: Morning) -> None:
    await morning.prompt()
    heard = []
    for wait_ms in (1_000, 15 * 60_000, 15 * 60_000):
        await morning.passes(wait_ms)
        await morning.speaker.ends()
        morning.answers(Answer.NO)
        await settled()
        heard.append(await morning.speaker.ends())
    assert heard == ["understood-later", "understood-later", "understood-no"]
    assert morning.told()[-1] == "care.answered:no"


async def test_silence_is_told_as_missed(morning: Morning) -> None:
    await morning.prompt(times=1)
    await morning.passes(1_000)
    await morning.speaker.ends()
    await morning.passes(59_999)
    assert morning.prompter.question()
    await morning.passes(1)
    await morning.passes(1)
    assert morning.told() == ["care.reminded", "care.missed:silence"]


async def test_a_call_ends_the_question_at_once_and_it_is_asked_again_after_it(morning: Morning) -> None:
    await morning.prompt()
    await morning.passes(1_000)
    token = morning.prompter.question()
    morning.hub.call("call.sos", "red")
    assert morning.prompter.question() == ""
    morning.prompter.answer(token, Answer.YES)
    await morning.passes(1_000)
    assert not morning.speaker.saying[0][3](), "it is not said to its end"
    await morning.speaker.ends(Said.INTERRUPTED)
    assert morning.told() == []
    morning.hub.book = type(morning.hub.book)()  # the call is over
    await morning.passes(AFTER_CALL_MS - 1)
    assert morning.prompter.question() == ""
    await morning.passes(1)
    assert morning.prompter.question() == token


async def test_a_mute_hub_claims_no_reminder_and_tells_that_it_was_not_asked(morning: Morning) -> None:
    await morning.prompt()
    await morning.passes(1_000)
    await morning.speaker.ends(Said.FAILED)
    assert morning.told() == []
    await morning.passes(61 * 60_000)
    assert morning.told() == ["care.missed:not-asked"]


async def test_a_question_of_the_moment_is_asked_before_what_is_due_and_whoever_has_it_is_told(
    morning: Morning,
) -> None:
    told: list[str] = []
    asides = [Aside("bp-01-e-chen", "e-chen", ("whose", "person-e-chen"), told.append)]
    morning.prompter.asides = lambda now: asides[0] if asides else None
    await morning.prompt()
    await morning.passes(1_000)
    assert await morning.speaker.ends() == "whose"
    assert await morning.speaker.ends() == "person-e-chen"
    morning.answers(Answer.NO)
    await settled()
    assert told == [], "not before it was repeated"
    asides.clear()
    assert await morning.speaker.ends() == "understood-no"
    assert (told, morning.told()) == (["no"], [])
    await morning.passes(1_000)
    assert morning.speaker.saying[0][0] == "prompt-medication"


async def test_a_question_of_the_moment_that_nobody_answers_or_nothing_can_say(morning: Morning) -> None:
    told: list[str] = []
    morning.prompter.asides = lambda now: Aside("x", "e-chen", ("whose", "person-e-chen"), told.append)
    await morning.passes(1_000)
    await morning.speaker.ends()
    await morning.speaker.ends()
    await morning.passes(ASIDE_MS)
    assert told == ["silence"]
    await morning.passes(1)
    await morning.speaker.ends(Said.FAILED)
    assert told == ["silence", "unsaid"]
    assert not morning.speaker.saying, "the name is not said without its question"


async def test_the_platforms_prompts_outlive_a_restart_and_can_be_taken_away(morning: Morning) -> None:
    await morning.prompt(rule="FREQ=DAILY")
    again = Morning(morning.state)
    again.clock.now = morning.clock.now
    await again.prompter._learn()
    (row,) = await again.prompter.operations()["prompts"]({})
    assert (row["id"], row["by"], row["rule"]) == ("pills", "platform", "FREQ=DAILY")
    gone = Command(id="c2", kind="prompt.remove", expires_ms=1, authority="n", data={"id": "pills"})
    await again.prompter.command(gone)
    assert again.state == {}
    with pytest.raises(AnbanError) as caught:
        await again.prompter.command(gone)
    assert caught.value.reason is Reason.NOT_FOUND


@pytest.mark.parametrize(
    "wrong",
    [
        {"elder": "e-nobody"},
        {"kind": "party"},
        {"rule": "FREQ=SECONDLY"},
        {"times": 99},
        {"later": 1},
        {"id": "A"},
    ],
)
async def test_a_prompt_that_cannot_be_is_refused_and_nothing_is_kept(
    morning: Morning, wrong: dict[str, Any]
) -> None:
    with pytest.raises(AnbanError):
        await morning.prompt(**{"name": wrong["id"]} if "id" in wrong else wrong)
    assert morning.state == {}


async def test_prompts_of_the_settings_are_asked_too(morning: Morning) -> None:
    here = prompts.local_time(morning.hub.mint.stamp(), 480).strftime("%Y-%m-%dT%H:%M:%S")
    own = Prompt(id="walk", elder="e-chen", kind="rehabilitation", start=here)
    morning.prompter.use(msgspec.structs.replace(CONFIG, prompts=(own,)))
    await morning.passes(1_000)
    assert morning.speaker.saying[0][0] == "prompt-rehabilitation"


async def test_who_answers_in_the_middle_of_the_sentence_has_heard_it(morning: Morning) -> None:
    await morning.prompt()
    await morning.passes(1_000)
    morning.answers(Answer.YES)
    morning.answers(Answer.YES)
    await settled()
    assert await morning.speaker.ends() == "understood-yes"
    assert morning.told() == ["care.reminded", "care.answered:yes"]
    assert morning.speaker.saying == []
