"""Finds out whose a reading is that its meter did not tell: by what was confirmed before, or by asking aloud.

Asked is about what has just been measured, of one after the other who may have: "somebody has just measured;
was it" and the name, as a person of the home has recorded it. Yes gives the reading to them; no, silence and
a call leave it nobody's, and shown so. By the command line a reading is given to somebody at any time, and
that is undone again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from edge.care.home import measured_ms
from edge.care.whose import (
    KIND,
    PERSONAL,
    UNDO,
    Known,
    applied,
    claim_of,
    confirmed,
    last_of,
    step,
)
from edge.config import Config, MeterSection
from edge.entries import Entry, EventEntry, Stamp
from edge.hub import Hub
from edge.phrases import Phrase
from edge.prompter import Aside
from edge.prompts import NO, SILENCE, YES
from edge.stores.journal import Journal
from edge.threads import in_thread
from protocols.errors import AnbanError, Reason
from protocols.values import Event, Lane

log = logging.getLogger(__name__)

LOOKED: Final = 5_000  # newest events of the readings' lane, as `edge.history` looks through
WITHIN_MS: Final = 3 * 60_000  # who has just measured still sits there
SETTLED_MS: Final = 4_000  # a meter hands over what it has within seconds
TOGETHER: Final = 3  # measurements of one sitting: more at once is a memory that was emptied
WAITING: Final = 200
REST_MS: Final = 30 * 60_000  # after a silence: who does not answer is not pestered
# Sittings of a meter that are asked about: a sensor that measures all day is no sitting.
MOST_AN_HOUR: Final = 6
HOUR_MS: Final = 60 * 60_000
Judge = Callable[[str, Mapping[str, Any], str, int], dict[str, Any]]


@dataclass(slots=True)
class _Sitting:
    """What a meter handed over just now, and who may still have been it."""

    events: list[Event]
    heard_ms: int
    left: list[str]


class Whose:
    """Run it as a task; `question` is for the prompter, the operations for the command line."""

    def __init__(
        self,
        hub: Hub,
        config: Config,
        read: Callable[[Callable[[Journal], Any]], Any],
        judge: Judge = lambda *_: {},
    ) -> None:
        self._hub, self._config, self._read, self._judge = hub, config, read, judge
        self._meters = {meter.id: meter for meter in config.meters if meter.elder is None}
        self._known = Known()
        self._inbox: deque[Event] = deque(maxlen=WAITING)
        self._sittings: dict[str, _Sitting] = {}
        self._sat: dict[str, list[int]] = {}  # by meter: when one was asked about, of the last hour
        self._rests: dict[str, int] = {}  # until when none is
        self._named: frozenset[str] = frozenset()  # those whose name is recorded
        self._wake = asyncio.Event()
        hub.on_entry.append(self._note)

    def use(self, config: Config) -> None:
        """Other settings."""
        self._config = config

    def _note(self, entry: Entry) -> None:
        if isinstance(entry, EventEntry) and (entry.event.kind in PERSONAL or entry.event.kind == KIND):
            self._inbox.append(entry.event)
            self._wake.set()

    async def run(self) -> None:
        """Learn what was confirmed before, then look at each reading until cancelled."""
        for event in reversed(await self._events()):
            self._known = step(self._known, event)
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._meters:
                self._named = await in_thread("names", self._recorded)
            self.take_in()

    async def _events(self) -> list[Event]:
        found: list[Event] = await self._read(lambda journal: journal.newest(Lane.READING, LOOKED))
        return found

    def _recorded(self) -> frozenset[str]:
        folder = Path(self._config.audio.phrases_dir) / self._config.home.language
        return frozenset(e.id for e in self._config.elders if (folder / f"{name_of(e.id)}.wav").is_file())

    def take_in(self) -> None:
        """Fold what came; a reading that is nobody's is given to who was confirmed, or asked about."""
        while self._inbox:
            event = self._inbox.popleft()
            new = not event.elder and str(event.id) not in self._known.slots
            self._known = step(self._known, event)
            meter = self._meters.get(event.device)
            if event.kind == KIND or not new or meter is None:
                continue
            elder = confirmed(self._known, self._known.slots[str(event.id)])
            if elder and elder in {known.id for known in self._config.elders}:
                self._claim(event, elder, "confirmed")
            elif self._is_fresh(event):
                self._sit(event, meter)

    def _is_fresh(self, event: Event) -> bool:
        measured = event.data.get("measured_ms")
        if event.data.get("judged") == "unusable":
            return False
        return type(measured) is not int or (
            event.clock_trusted and abs(event.wall_ms - measured) <= WITHIN_MS
        )

    def _sit(self, event: Event, meter: MeterSection) -> None:
        now_ms = self._hub.mint.clock.monotonic_ms()
        sitting = self._sittings.get(meter.id)
        if sitting is not None:
            sitting.events.append(event)
            sitting.heard_ms = now_ms
            return
        may = sorted(set(meter.users.values())) or [elder.id for elder in self._config.elders]
        last = last_of(self._known, meter.id)
        may.sort(key=lambda elder: elder != last)
        left = [elder for elder in may if elder in self._named]
        recent = [at for at in self._sat.get(meter.id, []) if now_ms - at < HOUR_MS]
        if left and len(recent) < MOST_AN_HOUR and now_ms >= self._rests.get(meter.id, now_ms):
            self._sat[meter.id] = [*recent, now_ms]
            self._sittings[meter.id] = _Sitting([event], now_ms, left)

    def question(self, now: Stamp) -> Aside | None:
        """What is to be asked now, if anything is."""
        for meter, sitting in list(self._sittings.items()):
            age_ms = now.uptime_ms - sitting.heard_ms
            if age_ms > WITHIN_MS or len(sitting.events) > TOGETHER or not sitting.left:
                del self._sittings[meter]
            elif age_ms >= SETTLED_MS:
                elder, asked = sitting.left[0], tuple(sitting.events)
                return Aside(
                    f"{meter}-{elder}",
                    elder,
                    (Phrase.WHOSE.value, name_of(elder)),
                    partial(self._answered, meter, elder, asked),
                )
        return None

    def _answered(self, meter: str, elder: str, asked: tuple[Event, ...], answer: str) -> None:
        sitting = self._sittings.get(meter)
        if sitting is None:
            return
        if answer == YES:
            for event in asked:
                self._claim(event, elder, "asked")
            sitting.events = [event for event in sitting.events if event not in asked]
            if not sitting.events:
                del self._sittings[meter]
        elif answer == NO:
            sitting.left.remove(elder)
            sitting.heard_ms = self._hub.mint.clock.monotonic_ms()
        elif answer == SILENCE:
            del self._sittings[meter]
            self._rests[meter] = self._hub.mint.clock.monotonic_ms() + REST_MS

    def _claim(self, event: Event, elder: str, by: str) -> None:
        before = claim_of(self._known, str(event.id))
        if before is not None and (before.elder, by) == (elder, "confirmed"):
            return
        marks = self._judge(event.kind, event.data, elder, measured_ms(event)) if elder else {}
        self._hub.report(KIND, {"about": str(event.id), "by": by, **marks}, elder=elder)

    # --- at the hub's own door ---

    def operations(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """Name -> operation, for `edge.api.Api`."""
        return {"readings.assign": self._assign, "readings.undo": self._undo}

    async def _assign(self, args: Mapping[str, Any]) -> dict[str, str]:
        """{"id": a reading, "person": an elder's id, or "" for nobody}."""
        person = args.get("person")
        if person != "" and person not in [elder.id for elder in self._config.elders]:
            known = ", ".join(elder.id for elder in self._config.elders)
            raise AnbanError(Reason.BAD_REQUEST, f"person = {person!r}", f"Allowed is one of {known}.")
        event, known_now = await self._find(args.get("id"))
        before = applied(event, known_now).elder
        if before == person:
            raise AnbanError(Reason.BAD_REQUEST, "the reading is theirs already", "Look: anban hub readings.")
        self._claim(event, str(person), "command")
        return {"id": str(event.id), "person": str(person), "before": before}

    async def _undo(self, args: Mapping[str, Any]) -> dict[str, str]:
        """{"id": a reading}: what was last said of whose it is is taken back."""
        event, known = await self._find(args.get("id"))
        said = known.claims.get(str(event.id), ())
        if not said:
            raise AnbanError(
                Reason.NOT_FOUND, "nothing was said of whose that reading is", "Look: anban hub readings."
            )
        claim = said[-2] if len(said) > 1 else None
        person = claim.elder if claim is not None else event.elder
        marks = {"judged": claim.judged, "reason": claim.reason} if claim is not None and claim.judged else {}
        self._hub.report(KIND, {"about": str(event.id), "by": UNDO, **marks}, elder=person)
        return {"id": str(event.id), "person": person, "before": said[-1].elder}

    async def _find(self, name: object) -> tuple[Event, Known]:
        """The reading of this id, and what was said of it, out of the journal."""
        events, known = await self._events(), Known()
        for event in reversed(events):
            if event.kind != KIND or event.data.get("about") == name:
                known = step(known, event)
        for event in events:
            if str(event.id) == name and event.kind in PERSONAL:
                return event, known
        raise AnbanError(
            Reason.NOT_FOUND, "there is no such reading of a person", "List them: anban hub readings --json."
        )


def name_of(elder: str) -> str:
    """The recording of a person's name."""
    return f"person-{elder}"
