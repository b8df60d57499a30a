"""What people ask the hub: each operation of its API as plain rows, from book, journal and health."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import msgspec

from edge import faults as fault_records
from edge.book import Book, Call, Press, open_calls
from edge.clock import local
from edge.delivery import Delivery
from edge.entries import Entry, EventEntry, Stamp
from edge.heartbeat import VERSION
from edge.hub import Hub
from edge.presenter import Presenter
from edge.stores.journal import Journal
from edge.supervisor import Supervisor
from protocols.errors import AnbanError, Reason
from protocols.wire import to_json

T = TypeVar("T")
PAGE: Final = 500  # rows of one answer: it must fit an answer line and a second


class Reader(Protocol):
    """The writer's reading thread."""

    def read(self, ask: Callable[[Journal], T]) -> Any: ...


class Tables:
    """The operations `status`, `calls`, `devices`, `events`, `faults`, `verify` and `export`."""

    def __init__(
        self,
        hub: Hub,
        journal: Journal,
        reader: Reader,
        delivery: Delivery,
        presenter: Presenter,
        supervisor: Supervisor,
        devices: Callable[[], list[dict[str, Any]]],
        blind: Callable[[], list[dict[str, Any]]] = list,
        offset_minutes: Callable[[], int] = lambda: 0,
    ) -> None:
        self._hub, self._journal, self._reader = hub, journal, reader
        self._delivery, self._presenter, self._supervisor = delivery, presenter, supervisor
        self._devices, self._blind, self._offset = devices, blind, offset_minutes

    def operations(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """Name -> operation, for `edge.api.Api`."""
        return {
            "status": self.status,
            "calls": self.calls,
            "devices": self.devices,
            "events": self.events,
            "faults": self.faults,
            "verify": self.verify,
            "export": self.export,
        }

    async def status(self, _args: Mapping[str, Any]) -> dict[str, Any]:
        """How the hub is."""
        now_ms = self._hub.mint.clock.monotonic_ms()
        stats = await self._reader.read(lambda journal: journal.stats())
        lamp = self._presenter.shown.lamp
        paths = []
        for health in self._delivery.health.values():
            row = msgspec.structs.asdict(health)
            row["last_good_age_s"] = _age_s(health.last_good_ms, now_ms)
            paths.append(row)
        return {
            "hub": self._hub.mint.origin,
            "version": VERSION,
            "uptime_s": now_ms // 1000,
            "clock": {"by": self._hub.mint.clock.source(), "wall_ms": self._hub.mint.clock.wall_ms()},
            "lamp": f"{lamp.colour} {lamp.pattern}",
            "paths": paths,
            "store": {
                "durable": self._journal.durable,
                "rows": sum(stats.rows),
                "owed": sum(stats.owed),
                "head_seq": stats.head_seq,
            },
            "open_calls": len(open_calls(self._hub.book)),
            "open_faults": len(self._hub.faults.open),
            "tasks": self._supervisor.running(),
            "blind": self._blind(),
        }

    async def calls(self, _args: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The calls that are known, the oldest first."""
        return [self._call(call) for call in self._hub.book.calls.values()]

    async def devices(self, _args: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The pendants."""
        return self._devices()

    async def faults(self, _args: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Open faults, the oldest first."""
        now = self._hub.mint.stamp()
        return [
            {
                "fault": fault.fault,
                "about": fault.about,
                "cause": fault.cause,
                "age_s": fault_records.age_ms(self._hub.faults, fault, now) / 1000,
            }
            for fault in self._hub.faults.open.values()
        ]

    async def events(self, args: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The newest `limit` events."""
        limit = _natural(args, "limit", 50, 1000)
        head_seq = self._journal.head[0]

        def newest(journal: Journal) -> list[tuple[int, Entry]]:
            rows = [row for row in journal.replay(max(0, head_seq - 20 * limit)) if _is_event(row)]
            return rows[-limit:]

        rows = await self._reader.read(newest)
        return [self._event_row(seq, entry) for seq, entry in rows if isinstance(entry, EventEntry)]

    async def verify(self, _args: Mapping[str, Any]) -> dict[str, Any]:
        """Whether the chain of digests is whole."""
        verdict = await self._reader.read(lambda journal: journal.verify())
        return {
            "good": verdict.ok,
            "rows": verdict.checked,
            "evicted": verdict.evicted,
            "known_breaks": verdict.known_breaks,
            "broken_at": verdict.bad[0] if verdict.bad else None,
            "head": f"{verdict.head_seq}:{verdict.head_digest.hex()}",
        }

    async def export(self, args: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Up to `limit` events after row `since`, whole."""
        since, limit = _natural(args, "since", 0, 2**62), _natural(args, "limit", PAGE, PAGE)

        def page(journal: Journal) -> list[tuple[int, Entry]]:
            found: list[tuple[int, Entry]] = []
            for row in journal.replay(since):
                if _is_event(row):
                    found.append(row)
                if len(found) == limit:
                    break
            return found

        rows: Sequence[tuple[int, Entry]] = await self._reader.read(page)
        return [{"seq": s, **to_json(entry.event)} for s, entry in rows if isinstance(entry, EventEntry)]

    def _call(self, call: Call) -> dict[str, Any]:
        return {
            "call_id": str(call.id),
            "elder": call.elder,
            "lifecycle": call.life.value,
            "handling": call.handling.value,
            "by": call.view.by,
            "events": [self._press(call, press) for press in call.presses.values()],
            "stages": {
                heard.stage: _since(call.at, heard.at) for heard in call.heard if heard.stage != "stored"
            },
        }

    def _press(self, call: Call, press: Press) -> dict[str, Any]:
        stages = dict(self._hub.stages.of(press.id))
        for heard in call.heard:
            if heard.stage == "stored" and heard.about == press.id:
                stages.setdefault("delivered", _since(press.at, heard.at))
        return {
            "id": str(press.id),
            "kind": press.kind,
            "lane": press.lane.name.lower(),
            "source": press.source,
            "device": press.device,
            "at": self._at(press.at),
            "durable": press.durable,
            "delivered": press.stored is not None,
            "stages": stages,
        }

    def _at(self, at: Stamp) -> str:
        """The home's time for people; a clock that nobody has confirmed bears a question mark."""
        return f"{local(at.wall_ms, self._offset()):%Y-%m-%d %H:%M:%S}" + ("" if at.trusted else "?")

    def _event_row(self, seq: int, entry: EventEntry) -> dict[str, Any]:
        event = entry.event
        call_press = _find_press(self._hub.book, event.id)
        delivered = "-" if call_press is None else "yes" if call_press.stored is not None else "not yet"
        return {
            "seq": seq,
            "id": str(event.id),
            "kind": event.kind,
            "lane": event.lane.name.lower(),
            "at": self._at(entry.at),
            "delivered": delivered,
        }


def _find_press(book: Book, event_id: Any) -> Press | None:
    call_id = book.index.get(event_id)
    return None if call_id is None else book.calls[call_id].presses.get(event_id)


def _is_event(row: tuple[int, Entry]) -> bool:
    return isinstance(row[1], EventEntry)


def _natural(args: Mapping[str, Any], name: str, default: int, most: int) -> int:
    value = args.get(name, default)
    if type(value) is not int or not 0 <= value <= most:
        raise AnbanError(Reason.BAD_REQUEST, f"{name} = {value!r}", f"Allowed is a number from 0 to {most}.")
    return value


def _age_s(then_ms: int, now_ms: int) -> float | None:
    return None if then_ms < 0 else (now_ms - then_ms) / 1000


def _since(start: Stamp, then: Stamp) -> int:
    return then.uptime_ms - start.uptime_ms if start.boot == then.boot else then.wall_ms - start.wall_ms
