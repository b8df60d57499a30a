"""Somebody has measured and the meter does not say who: asked aloud, confirmed before, or said by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from edge import cli, cli_common
from edge.config import AudioSection, ElderSection, MeterSection
from edge.entries import EventEntry
from edge.hub import Hub
from edge.mint import Mint
from edge.prompter import UNSAID
from edge.prompts import NO, SILENCE, YES
from edge.whose import MOST_AN_HOUR, REST_MS, SETTLED_MS, TOGETHER, WITHIN_MS, Whose
from protocols.errors import AnbanError, Reason
from protocols.values import EventId
from tests.unit.edge.by_hand import ClockByHand, DiskByHand
from tests.unit.edge.test_meter_readings import CONFIG

METER = MeterSection(id="bp-01", address="C4:0E:00:00:00:01", profile="blood-pressure", room="bedroom")


class Couple:
    """A home of two with one cuff, and the names of both recorded."""

    def __init__(self, folder: Path, *recorded: str, **meter: Any) -> None:
        (folder / "zh").mkdir(exist_ok=True)
        for elder in recorded:
            (folder / "zh" / f"person-{elder}.wav").touch()
        self.clock, self.disk = ClockByHand(), DiskByHand()
        self.hub = Hub(Mint("hub-01", self.clock), self.disk, elder="e-chen", room="hall")
        config = msgspec.structs.replace(
            CONFIG,
            elders=(ElderSection(id="e-chen"), ElderSection(id="e-wang")),
            meters=(msgspec.structs.replace(METER, **meter),),
            audio=AudioSection(phrases_dir=str(folder)),
        )

        async def read(asks: Callable[[Any], Any]) -> Any:
            return asks(SimpleNamespace(newest=lambda lane, limit: list(reversed(self.events()))))

        def judge(kind: str, data: Any, elder: str, at_ms: int) -> dict[str, Any]:
            return {"judged": "high", "reason": "own-band"} if elder == "e-wang" else {}

        self.whose = Whose(self.hub, config, read, judge)
        self.whose._named = self.whose._recorded()
        self.number = 0

    def events(self) -> list[Any]:
        entries = [entry for _, entries, _ in self.disk.jobs for entry in entries]
        return [entry.event for entry in entries if isinstance(entry, EventEntry)]

    def measures(self, *, age_ms: int = 0, elder: str = "", **data: Any) -> str:
        self.number += 1
        if age_ms:
            data["measured_ms"] = self.clock.wall_ms() - age_ms
        event = self.hub.mint.event(
            "reading.blood_pressure",
            EventId("bp-01", 1, self.number),
            elder=elder,
            device="bp-01",
            room="bedroom",
            data={"value": 140.0, "second": 80.0, "unit": "mmhg", **data},
        )
        self.hub.record(event, "system")
        self.whose.take_in()
        return str(event.id)

    def asked(self) -> tuple[str, ...]:
        aside = self.whose.question(self.hub.mint.stamp())
        return aside.recordings if aside is not None else ()

    def answers(self, answer: str) -> None:
        aside = self.whose.question(self.hub.mint.stamp())
        assert aside is not None
        aside.told(answer)
        self.whose.take_in()

    def claims(self) -> list[tuple[str, str, str]]:
        found = [event for event in self.events() if event.kind == "care.whose"]
        return [(event.data["about"], event.elder, event.data["by"]) for event in found]


@pytest.fixture
async def couple(tmp_path: Path) -> Couple:
    return Couple(tmp_path, "e-chen", "e-wang")


async def test_it_is_asked_whose_it_is_one_after_the_other_and_yes_makes_it_theirs(couple: Couple) -> None:
    name = couple.measures()
    assert couple.asked() == (), "the meter may have more to say"
    couple.clock.now += SETTLED_MS
    assert couple.asked() == ("whose", "person-e-chen")
    couple.answers(NO)
    couple.clock.now += SETTLED_MS
    assert couple.asked() == ("whose", "person-e-wang")
    assert couple.claims() == []
    couple.answers(YES)
    assert couple.claims() == [(name, "e-wang", "asked")]
    assert couple.events()[-1].data["judged"] == "high", "in the light of her own"
    assert couple.asked() == ()


async def test_who_was_confirmed_last_is_asked_first_and_never_taken_for_granted(couple: Couple) -> None:
    couple.measures()
    couple.clock.now += SETTLED_MS
    couple.answers(NO)
    couple.clock.now += SETTLED_MS
    couple.answers(YES)
    couple.measures()
    couple.clock.now += SETTLED_MS
    assert couple.asked() == ("whose", "person-e-wang")
    assert len(couple.claims()) == 1


@pytest.mark.parametrize("answer", [SILENCE, NO])
async def test_without_a_yes_it_stays_nobodys(couple: Couple, answer: str) -> None:
    couple.measures()
    couple.clock.now += SETTLED_MS
    couple.answers(answer)
    if answer == NO:
        couple.clock.now += SETTLED_MS
        couple.answers(NO)
    couple.clock.now += SETTLED_MS
    assert (couple.asked(), couple.claims()) == ((), [])


async def test_what_a_call_cut_off_is_asked_again_while_they_may_still_sit_there(couple: Couple) -> None:
    couple.measures()
    couple.clock.now += SETTLED_MS
    couple.answers(UNSAID)
    couple.clock.now += 30_000
    assert couple.asked() == ("whose", "person-e-chen")
    couple.clock.now += WITHIN_MS
    assert couple.asked() == ()


async def test_three_of_one_sitting_are_one_question_and_what_comes_meanwhile_another(couple: Couple) -> None:
    names = [couple.measures() for _ in range(TOGETHER)]
    couple.clock.now += SETTLED_MS
    aside = couple.whose.question(couple.hub.mint.stamp())
    assert aside is not None
    later = couple.measures()
    aside.told(YES)
    couple.whose.take_in()
    assert [claim[0] for claim in couple.claims()] == names
    couple.clock.now += SETTLED_MS
    couple.answers(YES)
    assert couple.claims()[-1] == (later, "e-chen", "asked")


async def test_a_memory_that_is_emptied_an_old_reading_and_who_is_not_named_are_not_asked_about(
    couple: Couple, tmp_path: Path
) -> None:
    couple.measures(age_ms=WITHIN_MS + 1)
    couple.clock.now += SETTLED_MS
    assert couple.asked() == ()
    for _ in range(TOGETHER + 1):
        couple.measures()
    couple.clock.now += SETTLED_MS
    assert couple.asked() == ()
    unnamed = tmp_path / "other"
    unnamed.mkdir()
    silent = Couple(unnamed, "e-wang")
    silent.measures()
    silent.clock.now += SETTLED_MS
    assert silent.asked() == ("whose", "person-e-wang"), "who has no recorded name is not asked about"


async def test_who_does_not_answer_is_left_alone_for_a_while_and_a_stream_of_figures_is_no_sitting(
    couple: Couple,
) -> None:
    couple.measures()
    couple.clock.now += SETTLED_MS
    couple.answers(SILENCE)
    couple.clock.now += REST_MS - 1
    couple.measures()
    couple.clock.now += SETTLED_MS
    assert couple.asked() == ()
    asked = 0
    for _ in range(2 * MOST_AN_HOUR):
        couple.measures()
        couple.clock.now += SETTLED_MS
        if couple.asked():
            couple.answers(YES)
            asked += 1
    assert asked == MOST_AN_HOUR - 1, "one was before"


async def test_a_user_of_the_meter_who_was_confirmed_is_that_user_from_then_on(couple: Couple) -> None:
    first = couple.measures(user=2)
    couple.clock.now += SETTLED_MS
    couple.answers(YES)
    second = couple.measures(user=2)
    other = couple.measures(user=1)
    assert couple.claims() == [(first, "e-chen", "asked"), (second, "e-chen", "confirmed")]
    couple.clock.now += SETTLED_MS
    assert couple.asked() == ("whose", "person-e-chen"), other


async def test_by_hand_it_is_given_to_somebody_and_taken_back(couple: Couple) -> None:
    name = couple.measures(elder="e-chen")
    assign, undo = couple.whose.operations()["readings.assign"], couple.whose.operations()["readings.undo"]
    assert await assign({"id": name, "person": "e-wang"}) == {
        "id": name,
        "person": "e-wang",
        "before": "e-chen",
    }
    assert await assign({"id": name, "person": ""}) == {"id": name, "person": "", "before": "e-wang"}
    assert await undo({"id": name}) == {"id": name, "person": "e-wang", "before": ""}
    assert couple.events()[-1].data["judged"] == "high"
    assert await undo({"id": name}) == {"id": name, "person": "e-chen", "before": "e-wang"}
    for question, args in (
        (undo, {"id": name}),
        (assign, {"id": name, "person": "e-chen"}),
        (assign, {"id": name, "person": "e-nobody"}),
        (assign, {"id": "bp-01.00000009.9", "person": "e-chen"}),
        (assign, {}),
    ):
        with pytest.raises(AnbanError) as caught:
            await question(args)
        assert caught.value.reason in (Reason.NOT_FOUND, Reason.BAD_REQUEST)


async def test_what_was_confirmed_is_known_after_a_restart(couple: Couple) -> None:
    couple.measures(user=2)
    couple.clock.now += SETTLED_MS
    couple.answers(YES)
    couple.whose._known = type(couple.whose._known)()
    task = asyncio.create_task(couple.whose.run())
    for _ in range(5):
        await asyncio.sleep(0)
    second = couple.measures(user=2)
    assert couple.claims()[-1] == (second, "e-chen", "confirmed")
    task.cancel()


def test_the_command_line_says_what_was_and_what_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    answer = {"id": "bp-01.1.1", "person": "e-wang", "before": ""}
    monkeypatch.setattr(cli_common, "ask", lambda path, op, **args: asked.append((op, args)) or answer)

    def run(*words: str) -> Any:
        return CliRunner().invoke(cli.hub, ["whose", "bp-01.1.1", *words])

    assert run("e-wang").output == "bp-01.1.1: e-wang's; before: nobody's.\n"
    assert run("--undo").exit_code == run("--nobody").exit_code == 0
    assert [(op, args.get("person")) for op, args in asked] == [
        ("readings.assign", "e-wang"),
        ("readings.undo", None),
        ("readings.assign", ""),
    ]
    assert run().exit_code == run("e-wang", "--undo").exit_code == 2
