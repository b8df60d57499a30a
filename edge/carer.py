"""Keeps the rules of care: folds what the journal gets, looks once a second, raises what a rule says.

It runs beside the calls: an entry is only noted on its way to the disk, and all else happens in a task of its
own. What it knows is the fold of the journal, so a hub that was restarted knows it again.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from edge.book import call_for, elapsed_ms
from edge.care import words
from edge.care.hazards import KINDS
from edge.care.home import Home, Known, Sensor, readings_of, step
from edge.care.rules import BLIND, CALM, FIRES, RULES, WAITING, Verdict, look
from edge.care.vitals import Reading, figures_of, judge
from edge.config import Config
from edge.entries import Entry, EventEntry, encode_entry, stamp_of
from edge.hub import Hub
from edge.phrases.catalogue import LANGUAGES
from edge.stores.journal import Journal
from protocols.errors import AnbanError, Reason
from protocols.values import EventId, Lane

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
PAGE: Final = 200  # entries of one read at the start: a reading thread must not hold the loop up
LOOKED: Final = 3_000  # newest events of the readings' lane: a month of a hundred a day
BACK_ROWS: Final = 30_000  # of the journal, that are folded at the start: some days of a busy home
CLOCK_GRACE_MS: Final = 10 * 60_000  # after a start the platform confirms the time within seconds, or is away
WAITING_ENTRIES: Final = 10_000  # while the journal is being learned
ABOUT: Final = 32  # characters of what a fault is about
BY_NAME: Final = {rule.name: rule for rule in RULES}


def home_of(config: Config) -> Home:
    """What the rules may know of the configuration."""
    return Home(
        elders=tuple(elder.id for elder in config.elders),
        sensors=tuple(Sensor(s.id, s.role, s.elder, s.room) for s in config.sensors),
        care=config.care,
        offset_minutes=config.home.utc_offset_minutes,
    )


class Carer:
    """The rules of one home. `run()` is a task for the supervisor; `use` puts other settings in force."""

    def __init__(
        self,
        hub: Hub,
        config: Config,
        read: Callable[[Callable[[Journal], Any]], Any],
        silent: Callable[[], frozenset[str]],
    ) -> None:
        self._hub, self._read, self._silent = hub, read, silent
        self.use(config)
        self._known = Known(started=hub.mint.stamp())
        self._inbox: deque[Entry] = deque(maxlen=WAITING_ENTRIES)
        self._verdicts: tuple[Verdict, ...] = ()
        hub.on_entry.append(self._inbox.append)

    def use(self, config: Config) -> None:
        """Other settings."""
        self._home, self._language = home_of(config), config.home.language

    async def run(self) -> None:
        """Learn what the journal holds, then look until cancelled."""
        await self._learn()
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    async def _learn(self) -> None:
        head: int = await self._read(lambda journal: journal.head[0])
        after = max(0, head - BACK_ROWS)
        while after < head:
            rows = await self._read(functools.partial(_page, after=after))
            for _, entry in rows:
                self._known = step(self._known, entry, self._home)
            if not rows:
                break
            after = rows[-1][0]
        await self._learn_readings()

    async def _learn_readings(self) -> None:
        """A person's own thirty days are longer than the rows that were just read."""
        events = await self._read(lambda journal: journal.newest(Lane.READING, LOOKED))
        month = Known()
        for event in reversed(events):
            if event.kind.startswith("reading.") or event.kind == "care.whose":
                entry = EventEntry(at=stamp_of(event), event=event, source="system")
                month = step(month, entry, self._home)
        known = self._known.readings
        readings = {elder: {**mine, **known.get(elder, {})} for elder, mine in month.readings.items()}
        self._known = msgspec.structs.replace(self._known, readings={**known, **readings})

    def look(self) -> None:
        """Take in what came, ask every rule, do what they say."""
        self._take_in()
        now = self._hub.mint.stamp()
        self._verdicts = look(self._known, now, self._home, self._silent())
        for verdict in self._verdicts:
            self._tell_blind(verdict)
            if verdict.state == FIRES:
                self._fire(verdict)

    def in_bed(self, elder: str) -> bool:
        """Whether a bed's sensor says that this elder lies in it; one that is silent says nothing."""
        beds = (sensor.id for sensor in self._home.of(elder, "bed"))
        silent = self._silent()
        return any(b in self._known.facts and self._known.facts[b].on and b not in silent for b in beds)

    def judge(self, kind: str, data: Mapping[str, Any], elder: str, at_ms: int) -> dict[str, Any]:
        """What a new reading is marked with: {} where nothing is to be said of it."""
        figures = figures_of(kind, data)
        if not figures or not elder:
            return {}
        before = readings_of(self._known, elder)
        found = judge(Reading(at_ms, figures), before, self._home.care.of(elder).vitals)
        return {} if found is None else {"judged": found.judged, "reason": found.why}

    def _take_in(self) -> None:
        while self._inbox:
            self._known = step(self._known, self._inbox.popleft(), self._home)

    def _tell_blind(self, verdict: Verdict) -> None:
        """A rule that waits for its sensor is as it was before the restart: told neither blind nor seeing."""
        if verdict.state == WAITING:
            return
        blind = verdict.state == BLIND
        if blind and verdict.why == "clock" and self._known.started is not None:
            now = self._hub.mint.stamp()
            blind = elapsed_ms(self._known, self._known.started, now) >= CLOCK_GRACE_MS
        self._hub.see("rule_blind", f"{verdict.rule}:{verdict.elder}"[:ABOUT], blind, verdict.why)

    def _fire(self, verdict: Verdict) -> None:
        why = words.reason(verdict, self._language)
        rule = BY_NAME.get(verdict.rule)
        if rule is None:  # a measurement that was missed
            data = {"plan": verdict.rule, "detail": why}
            self._hub.report("care.missed", data, elder=verdict.elder)
        elif self._in_call(verdict.elder):
            return  # somebody is being helped: if it is still so after that, it is asked then
        else:
            sensor = verdict.sensor
            self._hub.call(
                rule.kind,
                "rule",
                elder=verdict.elder,
                device=sensor.id if sensor else "",
                room=sensor.room if sensor else "",
                data={"source": "rule", "rule": verdict.rule, "asked": True, "detail": why},
                lane=rule.lane,
            )
        log.warning("rule %s fires", verdict.rule)
        self._take_in()

    def _in_call(self, elder: str) -> bool:
        fresh = EventId(self._hub.mint.origin, 0, 0)
        return call_for(self._hub.book, elder, fresh, self._hub.mint.stamp()) != fresh

    # --- at the hub's own door ---

    def operations(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """Name -> operation, for `edge.api.Api`."""
        return {"rules": self._rules, "rules.journal": self._journal}

    async def _rules(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Each rule of each person with its explanation and state, and the home as a replay needs it."""
        language = args.get("language", self._language)
        if language not in LANGUAGES:
            raise AnbanError(Reason.BAD_REQUEST, "no such language", "Allowed are zh and en.")
        verdicts = (*self._verdicts, *self._hazards())
        return {
            "rules": [self._row(verdict, language) for verdict in verdicts],
            "home": msgspec.to_builtins(self._home),
            "language": self._language,
            "now": msgspec.to_builtins(self._hub.mint.stamp()),
        }

    def blind(self) -> list[dict[str, Any]]:
        """The rules that are blind now."""
        verdicts = (*self._verdicts, *self._hazards())
        return [self._row(v, self._language) for v in verdicts if v.state == BLIND]

    def _hazards(self) -> Iterator[Verdict]:
        """Smoke and the like, which ask nobody: each sensor watches, or is blind."""
        silent = self._silent()
        for sensor in self._home.sensors:
            if sensor.role in KINDS:
                blind = sensor.id in silent
                yield Verdict(sensor.role, sensor.elder, BLIND if blind else CALM, sensor.id if blind else "")

    def _row(self, verdict: Verdict, language: str) -> dict[str, Any]:
        care = self._home.care.of(verdict.elder)
        return {
            "rule": verdict.rule,
            "elder": verdict.elder,
            "state": verdict.state,
            "why": verdict.why,
            "says": words.state(verdict, language),
            "does": words.explain(verdict.rule, care, language),
        }

    async def _journal(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Entries that the rules fold, after a row: as they are stored, for a replay elsewhere."""
        after = args.get("after", 0)
        if type(after) is not int or not 0 <= after < 1 << 62:
            raise AnbanError(Reason.BAD_REQUEST, f"after = {after!r}", "Allowed is the number of a row.")
        rows = await self._read(lambda journal: _page(journal, after))
        entries = [base64.b64encode(encode_entry(entry)).decode() for _, entry in rows]
        return {"entries": entries, "after": rows[-1][0] if rows else after}


def _page(journal: Journal, after: int) -> list[tuple[int, Entry]]:
    found = []
    for row in journal.of_care(after):
        found.append(row)
        if len(found) == PAGE:
            break
    return found
