"""The readings that the journal still holds, for people: by person, newest first, honest about time."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from edge.care import whose
from edge.stores.journal import Journal
from protocols.errors import AnbanError, Reason
from protocols.fhir import LAST_MS, bundle
from protocols.figures import figures
from protocols.values import Event, Lane

T = TypeVar("T")
LOOKED: Final = 5_000  # newest rows of the lane that are looked through: reading them must delay no call
MOST: Final = 200  # of one answer, which has to fit the door's line


class History:
    """The operation `readings`: {"person": id, "" for nobody's, or left out for all; "limit"; "fhir"}."""

    def __init__(
        self, read: Callable[[Callable[[Journal], list[Event]]], Any], offset_minutes: Callable[[], int]
    ) -> None:
        self._read, self._offset = read, offset_minutes

    def operations(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """Name -> operation, for `edge.api.Api`."""
        return {"readings": self.readings}

    async def readings(self, args: Mapping[str, Any]) -> list[dict[str, Any]] | dict[str, Any]:
        """Rows, newest first; with `fhir` a Bundle of FHIR R4 Observations."""
        person, limit = args.get("person"), args.get("limit", 50)
        if not (person is None or isinstance(person, str)):
            raise AnbanError(Reason.BAD_REQUEST, "person is no text", "Name one of the elders of the seed.")
        if type(limit) is not int or not 0 < limit <= MOST:
            raise AnbanError(
                Reason.BAD_REQUEST, f"limit = {limit!r}", f"Allowed is a number from 1 to {MOST}."
            )
        events: list[Event] = await self._read(
            lambda journal: whose.apply(journal.newest(Lane.READING, LOOKED))
        )
        found = sorted((e for e in events if wanted(e, person)), key=time_of, reverse=True)[:limit]
        return bundle(found, self._offset()) if args.get("fhir") is True else [row_of(e) for e in found]


def wanted(event: Event, person: str | None) -> bool:
    """Whether an event is a reading of this person; None: of anybody."""
    return event.kind.startswith("reading.") and (person is None or event.elder == person)


def time_of(event: Event) -> int:
    """When it was measured where that is known, else when it arrived, in Unix ms."""
    measured = event.data.get("measured_ms")
    return measured if type(measured) is int else event.wall_ms


def row_of(event: Event) -> dict[str, Any]:
    """A reading as a row; `at_ms` is when it was measured where that is known, else when it arrived."""
    data, at_ms = event.data, time_of(event)
    return {
        "id": str(event.id),
        "person": event.elder,
        "kind": event.kind.removeprefix("reading."),
        "at_ms": at_ms,
        "at": local(at_ms),
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


def local(at_ms: int) -> str:
    """Local time for people."""
    return datetime.datetime.fromtimestamp(min(at_ms, LAST_MS) / 1000).astimezone().strftime("%Y-%m-%d %H:%M")
