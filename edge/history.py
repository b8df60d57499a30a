"""The readings that the journal still holds, for people: as rows, as FHIR, and as the trends of a week."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from edge.by_hand import ByHand
from edge.care import whose
from edge.care.home import ON, Home, measured_ms
from edge.carer import home_of
from edge.clock import local
from edge.config import Config
from edge.entries import SensedEntry
from edge.hub import Hub
from edge.stores.journal import Journal
from edge.trends import Slept, trends
from protocols.errors import AnbanError, Reason
from protocols.fhir import LAST_MS, bundle
from protocols.figures import figures
from protocols.values import Event, Lane

LOOKED: Final = 5_000  # newest rows of the lane that are looked through: reading them must delay no call
MOST: Final = 200  # of one answer, which has to fit the door's line
BACK_ROWS: Final = 30_000  # of the journal, in which a bed's sensor is looked for: a week of a busy home


class History:
    """The operations `readings`: {"person": id, "" for nobody's, or left out for all; "limit"; "fhir"},
    and `trends`: of every elder of `home`, by `now_ms`."""

    def __init__(
        self,
        read: Callable[[Callable[[Journal], Any]], Any],
        offset_minutes: Callable[[], int],
        home: Callable[[], Home] = lambda: Home((), ()),
        now_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self._read, self._offset, self._home, self._now_ms = read, offset_minutes, home, now_ms

    def operations(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """Name -> operation, for `edge.api.Api`."""
        return {"readings": self.readings, "trends": self.trends}

    async def readings(self, args: Mapping[str, Any]) -> list[dict[str, Any]] | dict[str, Any]:
        """Rows, newest first; with `fhir` a Bundle of FHIR R4 Observations."""
        person, limit = args.get("person"), args.get("limit", 50)
        if not (person is None or isinstance(person, str)):
            raise AnbanError(Reason.BAD_REQUEST, "person is no text", "Name one of the elders of the seed.")
        if type(limit) is not int or not 0 < limit <= MOST:
            raise AnbanError(
                Reason.BAD_REQUEST, f"limit = {limit!r}", f"Allowed is a number from 1 to {MOST}."
            )

        def look(journal: Journal) -> list[Event]:
            rows = (event for event in _newest(journal) if wanted(event, person))
            return sorted(rows, key=measured_ms, reverse=True)[:limit]

        found = await self._read(look)
        offset = self._offset()
        return bundle(found, offset) if args.get("fhir") is True else [row_of(e, offset) for e in found]

    async def trends(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The last week of each person (edge/trends.py)."""
        home = self._home()
        beds = {sensor.id: sensor.elder for sensor in home.sensors if sensor.role == "bed"}
        rules = {elder: home.care.of(elder).vitals for elder in home.elders}
        now_ms, offset = self._now_ms(), self._offset()

        def look(journal: Journal) -> dict[str, Any]:  # in the journal's thread: thousands of rows
            slept = slept_of(journal, beds) if beds else []
            return trends(_newest(journal), slept, home.elders, rules, now_ms, offset)

        found: dict[str, Any] = await self._read(look)
        return found


def _newest(journal: Journal) -> list[Event]:
    """The newest of the readings' lane, each with whose it is by now."""
    return whose.apply(journal.newest(Lane.READING, LOOKED))


def doors_of(
    hub: Hub,
    config: Callable[[], Config],
    read: Callable[[Callable[[Journal], Any]], Any],
    judge: Callable[[str, Mapping[str, Any], str, int], dict[str, Any]],
) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    """All operations about readings, those of edge/by_hand.py too; and `people`, whose they may be."""
    offset = lambda: config().home.utc_offset_minutes  # noqa: E731
    history = History(read, offset, lambda: home_of(config()), hub.mint.clock.wall_ms)
    by_hand = ByHand(hub, tuple(elder.id for elder in config().elders), offset, judge)

    async def people(_args: Mapping[str, Any]) -> list[dict[str, str]]:
        return [{"id": elder.id, "name": elder.name} for elder in config().elders]

    return {**history.operations(), **by_hand.operations(), "people": people}


def slept_of(journal: Journal, beds: Mapping[str, str]) -> list[Slept]:
    """What the beds' sensors said lately, by a clock that was right."""
    found = []
    for _, entry in journal.of_care(max(0, journal.head[0] - BACK_ROWS)):
        if isinstance(entry, SensedEntry) and entry.sensor in beds and entry.at.trusted:
            found.append(Slept(beds[entry.sensor], entry.at.wall_ms, entry.what == ON))
    return found


def wanted(event: Event, person: str | None) -> bool:
    """Whether an event is a reading of this person; None: of anybody."""
    return event.kind.startswith("reading.") and (person is None or event.elder == person)


def row_of(event: Event, offset_minutes: int) -> dict[str, Any]:
    """A reading as a row; `at_ms` is when it was measured where that is known, else when it arrived."""
    data, at_ms = event.data, measured_ms(event)
    return {
        "id": str(event.id),
        "person": event.elder,
        "kind": event.kind.removeprefix("reading."),
        "at_ms": at_ms,
        "at": local(min(at_ms, LAST_MS), offset_minutes).strftime("%Y-%m-%d %H:%M"),
        "arrived_ms": event.wall_ms,
        "time_known": type(data.get("measured_ms")) is int,
        "meter": data.get("meter", event.device),
        "room": event.room,
        "text": figures(event.kind, data),
        **{name: data[name] for name in COLUMNS if name in data},
    }


COLUMNS: Final = (
    *("value", "second", "third", "pulse_bpm", "unit", "judged", "reason", "clock"),
    *("whose", "user", "status", "sequence", "context", "place", "raw"),
)
