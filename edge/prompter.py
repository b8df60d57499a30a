"""Asks what is due: says it, blinks, hears the answer, repeats what it understood, tells the platform.

A call stops it at once, and it begins again when the call is over. An answer counts when the hub has repeated
it to its end: until then another press changes it. Nothing here is on a call's way.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from drivers.pi.audio import Said, Speaker
from drivers.waiting import came
from edge import prompts
from edge.book import open_calls
from edge.config import Config
from edge.entries import Entry, EventEntry, Stamp, stamp_of
from edge.hub import Hub
from edge.inputs.answers import Answer
from edge.phrases import Phrase
from edge.prompts import LATER, NO, SILENCE, YES, Asked, Plan, Prompt, Step, decide, plan_of
from edge.stores.journal import Journal
from edge.stores.state import Kept
from edge.threads import in_thread
from protocols.errors import AnbanError, Reason
from protocols.rrule import between
from protocols.values import Command, Event, Lane

log = logging.getLogger(__name__)

SPACE: Final = "prompts"  # of state.db: those that the platform has sent
MOST: Final = 50  # of a home, the platform's and the settings' each
LOOK_S: Final = 0.5
LOOKED: Final = 3_000  # newest events of the readings' lane that are folded at the start
WAITING_ENTRIES: Final = 10_000  # while the journal is being learned
AFTER_CALL_MS: Final = 60_000  # who has just been helped is not asked about pills at once
AGAIN_MS: Final = 15_000  # what could not be said is tried again
CLOCK_GRACE_MS: Final = 10 * 60_000
CALENDAR: Final = "dateutil.rrule"  # 3 MB that only a home with prompts pays
ASIDE: Final = "aside"
UNDERSTOOD: Final = {YES: Phrase.UNDERSTOOD_YES, NO: Phrase.UNDERSTOOD_NO, LATER: Phrase.UNDERSTOOD_LATER}


@dataclass(frozen=True, slots=True)
class Aside:
    """A question of the moment, that no plan has: what is said, one recording after the other, and who is
    told the answer: yes, no, SILENCE, or UNSAID where it could not be said.
    """

    name: str
    elder: str
    recordings: tuple[str, ...]
    told: Callable[[str], None]


UNSAID: Final = "unsaid"
ASIDE_S: Final = 45.0  # that an answer is waited for: somebody has just put the cuff away


@dataclass(slots=True)
class Open:
    """The question that is open: from the moment it begins to be said."""

    plan: Plan
    due_ms: int
    aside: Aside | None = None
    said_ms: int | None = None
    answer: str = ""
    presses: int = 0  # answers so far: only the last one is repeated

    @property
    def token(self) -> str:
        """Names it for the key: an answer never goes to another question."""
        return f"{self.aside.name if self.aside else self.plan.prompt.id}.{self.due_ms}"

    @property
    def recordings(self) -> tuple[str, ...]:
        """What is said."""
        return self.aside.recordings if self.aside else (self.plan.prompt.recording,)


class Prompter:
    """The prompts of one home. `run()` is a task for the supervisor; `use` puts other settings in force."""

    def __init__(
        self,
        hub: Hub,
        config: Config,
        speaker: Speaker,
        state: Kept,
        read: Callable[[Callable[[Journal], Any]], Any],
        talking: Callable[[], bool] = lambda: False,
    ) -> None:
        """`talking()`: a phone line into the room is open; nothing is asked into it."""
        self._hub, self._speaker, self._state, self._read = hub, speaker, state, read
        self._talking = talking
        self._past: prompts.Past = {}
        self._open: Open | None = None
        self._not_before_ms = 0
        self._began = hub.mint.stamp()
        self._inbox: deque[Entry] = deque(maxlen=WAITING_ENTRIES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._sent: dict[str, Plan] = {}
        # Whoever has a question of the moment.
        self.asides: Callable[[Stamp], Aside | None] = lambda now: None
        self.use(config)
        hub.on_entry.append(self._inbox.append)
        hub.on_change.append(self._wake.set)

    @property
    def started(self) -> Stamp:
        """When this process began: for `elapsed_ms`."""
        return self._began

    def use(self, config: Config) -> None:
        """Other settings."""
        self._config = config
        self._set = {prompt.id: plan_of(prompt) for prompt in config.prompts}

    def question(self) -> str:
        """Names the question that is open, for the green key; empty if none is."""
        return "" if self._open is None or self._held_back() else self._open.token

    def _held_back(self) -> bool:
        """A call and an open phone line come before every question of the day."""
        return self._talking() or bool(open_calls(self._hub.book))

    async def run(self) -> None:
        """Learn what was asked before, then ask what is due until cancelled."""
        await self._learn()
        while True:
            self._wake.clear()
            if (self._set or self._sent) and CALENDAR not in sys.modules:
                await in_thread("import calendar", importlib.import_module, CALENDAR)
            self.look()
            await came(self._wake, LOOK_S)

    async def _learn(self) -> None:
        self._sent = self._stored()
        events: list[Event] = await self._read(lambda journal: journal.newest(Lane.READING, LOOKED))
        for event in reversed(events):
            self._past = prompts.step(
                self._past, EventEntry(at=stamp_of(event), event=event, source="system")
            )

    def look(self) -> None:
        """End what is over, tell what was missed, ask what is due."""
        while self._inbox:
            self._past = prompts.step(self._past, self._inbox.popleft())
        now = self._hub.mint.stamp()
        if self._held_back():
            self._open, self._not_before_ms = None, now.uptime_ms + AFTER_CALL_MS
            return
        plans = {**self._set, **self._sent}
        if plans:
            blind = not now.trusted and now.uptime_ms - self._began.uptime_ms >= CLOCK_GRACE_MS
            self._hub.see("rule_blind", "prompts", blind, "clock")
        if self._open is not None:
            self._look_at_silence(self._open, now)
        elif now.uptime_ms >= self._not_before_ms:
            self._next(list(plans.values()), now)

    def _look_at_silence(self, question: Open, now: Stamp) -> None:
        asked_ms = question.said_ms
        over = asked_ms is not None and now.uptime_ms - asked_ms >= question.plan.prompt.answer_s * 1000
        if over and not question.answer:
            self._open = None  # silence is no answer: what follows is for `decide`
            if question.aside is not None:
                question.aside.told(SILENCE)

    def _next(self, plans: list[Plan], now: Stamp) -> None:
        aside = self.asides(now)
        if aside is not None:
            start = prompts.local_time(now, 0).strftime("%Y-%m-%dT%H:%M:%S")
            prompt = Prompt(id=ASIDE, elder=aside.elder, kind="question", start=start, answer_s=ASIDE_S)
            self._open = Open(plan_of(prompt), now.uptime_ms, aside)
            self._begin(self._ask(self._open))
            return
        home = self._config.home
        due: list[tuple[int, Plan, Step]] = []
        for plan in plans:
            past = self._past.get(plan.prompt.id)
            found = decide(plan, past, now, home.utc_offset_minutes, self._config.quiet, self)
            if found is not None and found.missed:
                self._report("care.missed", plan.prompt, found.due_ms, answer=found.missed)
            elif found is not None:
                due.append((found.due_ms, plan, found))
        if due:
            due_ms, plan, _ = min(due, key=lambda row: (row[0], row[1].prompt.id))
            self._open = Open(plan, due_ms)
            self._begin(self._ask(self._open))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="prompt")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, question: Open) -> None:
        said = Said.SAID
        for recording in question.recordings:
            if said is Said.SAID and not question.presses:
                said = await self._say(recording, lambda: self._open is question)
        if self._open is not question:
            return
        now_ms = self._hub.mint.clock.monotonic_ms()
        if said is Said.SAID or question.presses:  # whoever answers has heard it
            question.said_ms = now_ms
            if question.aside is not None:
                return
            past = self._past.get(question.plan.prompt.id)
            times = past.times + 1 if past is not None and past.due_ms == question.due_ms else 1
            self._report("care.reminded", question.plan.prompt, question.due_ms, times=times)
        else:
            self._open, self._not_before_ms = None, now_ms + AGAIN_MS
            if question.aside is not None:
                question.aside.told(UNSAID)

    def answer(self, token: str, answer: Answer) -> None:
        """The green key answered the question of this name."""
        question = self._open
        if question is None or question.token != token or self.question() != token:
            return
        question.answer = YES if answer is Answer.YES else self._no(question)
        question.presses += 1
        self._speaker.hush(Lane.READING)  # nobody has to hear it out
        self._begin(self._confirm(question, question.answer, question.presses))

    def _no(self, question: Open) -> str:
        """ "Not now" of what can be put off, and has not been too often; else no."""
        prompt, past = question.plan.prompt, self._past.get(question.plan.prompt.id)
        put_off = past.snoozes if past is not None and past.due_ms == question.due_ms else 0
        return LATER if prompt.kind != "question" and put_off < prompt.snoozes else NO

    async def _confirm(self, question: Open, answer: str, press: int) -> None:
        """Repeat what was understood: it counts when that was said and nothing else was answered."""

        def still() -> bool:
            return self._open is question and question.presses == press

        said = await self._say(UNDERSTOOD[answer].value, still) if still() else Said.TOO_LATE
        if not still():
            return
        if said in (Said.SAID, Said.FAILED):  # a mute hub has heard it all the same
            self._open = None
            if question.aside is not None:
                question.aside.told(answer)
            else:
                self._report("care.answered", question.plan.prompt, question.due_ms, answer=answer)
        else:
            question.answer = ""

    async def _say(self, recording: str, still: Callable[[], bool]) -> Said:
        return await self._speaker.say(recording, self._config.home.language, Lane.READING, still=still)

    def _report(self, kind: str, prompt: Prompt, due_ms: int, **more: Any) -> None:
        data = {"plan": prompt.id, "due_ms": due_ms, "detail": prompt.kind, **more}
        self._hub.report(kind, data, elder=prompt.elder)

    # --- the platform's and the command line's ---

    async def command(self, command: Command) -> None:
        """`prompt` sets one, `prompt.remove` takes one away; done when it is on the disk. AnbanError."""
        if command.kind == "prompt.remove":
            name = command.data.get("id")
            if not isinstance(name, str) or name not in self._sent:
                raise AnbanError(Reason.NOT_FOUND, "there is no such prompt of the platform")
            await in_thread("prompts", self._state.put_all, {(SPACE, name): None})
            del self._sent[name]
            return
        plan = self._read_prompt(command.data)
        name = plan.prompt.id
        if name not in self._sent and len(self._sent) >= MOST:
            raise AnbanError(Reason.TOO_BIG, f"a home has at most {MOST} prompts", "Remove one first.")
        row = msgspec.json.encode(plan.prompt)
        await in_thread("prompts", self._state.put_all, {(SPACE, name): row})
        self._sent[name] = plan

    def _read_prompt(self, data: Mapping[str, Any]) -> Plan:
        try:
            prompt = msgspec.convert(dict(data), Prompt)
        except msgspec.ValidationError as error:
            raise AnbanError(Reason.BAD_VALUE, f"no prompt: {error}") from error
        if prompt.elder not in {elder.id for elder in self._config.elders}:
            raise AnbanError(Reason.NOT_FOUND, "the prompt is for nobody of this home")
        return plan_of(prompt)

    def _stored(self) -> dict[str, Plan]:
        found = {}
        for name in self._state.names(SPACE):
            try:
                found[name] = plan_of(msgspec.json.decode(self._state.get(SPACE, name) or b"", type=Prompt))
            except (AnbanError, msgspec.DecodeError) as error:
                log.error("prompt %s is not for this release: %s", name, error)
        return found

    def operations(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """Name -> operation, for `edge.api.Api`."""
        return {"prompts": self._table}

    async def _table(self, _args: Mapping[str, Any]) -> list[dict[str, Any]]:
        now = self._hub.mint.stamp()
        here = prompts.local_time(now, self._config.home.utc_offset_minutes)
        rows = []
        for plan in {**self._set, **self._sent}.values():
            coming = between(plan.rule, plan.start, here, here + 30 * prompts.DAY)
            past = self._past.get(plan.prompt.id)
            rows.append(
                {
                    **msgspec.to_builtins(plan.prompt),
                    "by": "platform" if plan.prompt.id in self._sent else "settings",
                    "next": coming[0].isoformat(sep=" ", timespec="minutes") if coming else "",
                    "last": _last(past),
                }
            )
        return rows


def _last(past: Asked | None) -> str:
    """How it stands with the newest occurrence."""
    if past is None:
        return ""
    return "over" if past.done else "put off" if past.later else f"asked {past.times} times"
