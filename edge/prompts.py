"""Which prompt is due now, of medication, measurements, appointments, questions; pure in plan and past.

A prompt has an occurrence (its recurrence's newest), and what became of that is the fold of `care.*` events
in the journal, so a restart asks nothing twice. It is asked, asked again after `repeat_minutes` up to
`times`, put off when the elder says "not now", and missed when nobody answered: silence is no answer.

Public: `Prompt`, `Quiet`, `Plan`, `plan_of`, `Asked`, `Step`, `step`, `decide`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec

from edge.book import Started, elapsed_ms
from edge.care.home import in_window
from edge.care.settings import DayMinute, Person
from edge.entries import Entry, EventEntry, Stamp
from protocols.rrule import Recurrence, between, parse, start_of

Kind = Literal["medication", "measurement", "appointment", "question", "nursing", "rehabilitation"]
PromptId = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,16}$")]
Recording = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,40}$")]
Minutes = Annotated[float, msgspec.Meta(gt=0, le=24 * 60)]
DAY: Final = timedelta(days=1)
YES, NO, LATER = "yes", "no", "later"
SILENCE: Final = "silence"  # asked as often as agreed, and no answer
NOT_ASKED: Final = "not-asked"  # a call, quiet hours or a mute hub: it could not be asked in time


class Quiet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours in which no prompt is spoken, save those that say otherwise."""

    from_minute: DayMinute = 22 * 60
    to_minute: DayMinute = 7 * 60


class Prompt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to remind of, or to ask. `start` is local time; `rule` an RRULE, or empty for once.

    `phrase`: the recording that is said, a file of the language's folder of phrases; else its kind's.
    """

    id: PromptId
    elder: Person
    kind: Kind
    start: Annotated[str, msgspec.Meta(max_length=19)]
    rule: Annotated[str, msgspec.Meta(max_length=200)] = ""
    phrase: Recording | None = None
    times: Annotated[int, msgspec.Meta(ge=1, le=6)] = 3
    repeat_minutes: Minutes = 10
    answer_s: Annotated[float, msgspec.Meta(ge=1, le=600)] = 60.0
    snoozes: Annotated[int, msgspec.Meta(ge=0, le=6)] = 2
    snooze_minutes: Minutes = 15
    late_minutes: Minutes = 60  # a dose that is asked about later may be taken twice
    in_quiet_hours: bool = False

    @property
    def recording(self) -> str:
        """What is said."""
        return self.phrase or f"prompt-{self.kind}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A prompt with its recurrence read."""

    prompt: Prompt
    start: datetime
    rule: Recurrence


def plan_of(prompt: Prompt) -> Plan:
    """AnbanError(BAD_VALUE) for a start or a rule that cannot be read."""
    start = start_of(prompt.start)
    return Plan(prompt, start, parse(prompt.rule, start))


class Asked(msgspec.Struct, frozen=True):
    """What became of one occurrence so far: asked how often (since it was put off), when last, and ended."""

    due_ms: int
    last: Stamp
    times: int = 0
    snoozes: int = 0
    later: bool = False
    done: bool = False


class Step(msgspec.Struct, frozen=True):
    """What is to be done about an occurrence: ask (for the `times`-th time), or, with `missed`, tell that."""

    due_ms: int
    times: int = 0
    missed: str = ""


Past = Mapping[str, Asked]


def step(past: Past, entry: Entry) -> Past:
    """Fold one entry: events `care.*` of a prompt change what is known of its newest occurrence."""
    if not isinstance(entry, EventEntry) or not entry.event.kind.startswith("care."):
        return past
    data = entry.event.data
    plan, due_ms = data.get("plan"), data.get("due_ms")
    if not isinstance(plan, str) or type(due_ms) is not int:
        return past
    before = past.get(plan)
    if before is not None and before.due_ms > due_ms:
        return past
    if before is None or before.due_ms < due_ms:
        before = Asked(due_ms, entry.at)
    if entry.event.kind == "care.reminded":
        after = msgspec.structs.replace(before, times=before.times + 1, last=entry.at, later=False)
    elif entry.event.kind == "care.answered" and data.get("answer") == LATER:
        after = Asked(due_ms, entry.at, 0, before.snoozes + 1, True)
    else:
        after = msgspec.structs.replace(before, last=entry.at, done=True)
    return {**past, plan: after}


def local_time(now: Stamp, offset_minutes: int) -> datetime:
    """The home's local time as a naive datetime."""
    wall_s = min(max(now.wall_ms, 0) / 1000, 253_370_764_800)  # the year 9999, less a day
    return datetime.fromtimestamp(wall_s, UTC).replace(tzinfo=None) + timedelta(minutes=offset_minutes)


def due_of(at: datetime, offset_minutes: int) -> int:
    """Unix ms of a local time."""
    return round((at - timedelta(minutes=offset_minutes)).replace(tzinfo=UTC).timestamp() * 1000)


def decide(
    plan: Plan, asked: Asked | None, now: Stamp, offset_minutes: int, quiet: Quiet, started: Started
) -> Step | None:
    """What is to be done about a prompt now; nothing while the clock cannot be trusted to tell the hour."""
    if not now.trusted:
        return None
    prompt, here = plan.prompt, local_time(now, offset_minutes)
    occurrences = between(plan.rule, plan.start, here - DAY, here)
    if not occurrences:
        return None
    newest = occurrences[-1]
    due_ms = due_of(newest, offset_minutes)
    if asked is not None and asked.due_ms > due_ms:
        return None
    if asked is None or asked.due_ms < due_ms:
        return _first(prompt, due_ms, (here - newest) / timedelta(minutes=1), _hushed(prompt, here, quiet))
    if asked.done:
        return None
    since = elapsed_ms(started, asked.last, now) / 60_000
    if asked.times >= prompt.times:
        return Step(due_ms, missed=SILENCE) if since * 60 >= prompt.answer_s else None
    wait = prompt.snooze_minutes if asked.later else prompt.repeat_minutes
    if since > wait + prompt.late_minutes:  # a call, or quiet hours, kept it from being asked again in time
        return Step(due_ms, missed=SILENCE)
    return Step(due_ms, asked.times + 1) if since >= wait and not _hushed(prompt, here, quiet) else None


def _first(prompt: Prompt, due_ms: int, late: float, hushed: bool) -> Step | None:
    if late <= prompt.late_minutes:
        return None if hushed else Step(due_ms, 1)
    # Of what is much older the hub may have been off, or the prompt not there: nothing is known.
    return Step(due_ms, missed=NOT_ASKED) if late <= 2 * prompt.late_minutes else None


def _hushed(prompt: Prompt, here: datetime, quiet: Quiet) -> bool:
    if prompt.in_quiet_hours or quiet.from_minute == quiet.to_minute:
        return False
    return in_window(here.hour * 60 + here.minute, quiet.from_minute, quiet.to_minute)
