"""What the platform keeps of hubs that text: keys, numbers, counters; and what it asks its store."""

from __future__ import annotations

import asyncio

import msgspec

from protocols.values import Command, EventId, Receipt, Unknown
from protocols.wire import decode_downlink
from sim.platform.store import Store

_SMS = "SELECT home, hub, up_key, down_key, number, top, mask FROM sms"


class SmsRow(msgspec.Struct, frozen=True):
    """A hub that may text; `top` and `mask` as in sms_frame.Window."""

    home: str
    hub: str
    up_key: bytes
    down_key: bytes
    number: str
    top: int
    mask: int


class TextRows:
    """The rows of `sms` in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counting = asyncio.Lock()

    def of_home(self, home: str) -> SmsRow | None:
        """The hub that goes by this name in texts."""
        self._store.register.refresh()
        return self._row("home", home)

    def of_hub(self, hub: str) -> SmsRow | None:
        """What a hub goes by in texts."""
        return self._row("hub", hub)

    def _row(self, column: str, value: str) -> SmsRow | None:
        row = self._store.ask(f"{_SMS} WHERE {column} = ?", (value,))
        return SmsRow(*row[:6], int(row[6], 16)) if row else None

    async def seen(self, home: str, top: int, mask: int) -> None:
        """Keep which counters of a home came."""
        await self._store.change("UPDATE sms SET top = ?, mask = ? WHERE home = ?", (top, f"{mask:x}", home))

    async def counter(self, home: str) -> int:
        """A number for a frame to a home, never given before."""
        async with self._counting:
            await self._store.change("UPDATE sms SET next_counter = next_counter + 1 WHERE home = ?", (home,))
            row = self._store.ask("SELECT next_counter - 1 FROM sms WHERE home = ?", (home,))
            return int(row[0]) if row else 0

    def knows(self, event_id: EventId) -> bool:
        """Whether an event is stored."""
        return self._store.ask("SELECT 1 FROM events WHERE id = ?", (str(event_id),)) is not None

    def downlink(self, hub: str, after: int, room: int) -> list[tuple[int, Receipt | Command | Unknown]]:
        """As `Store.downlink`, read: (cursor, item)."""
        read = (item for body in self._store.downlink(hub, after, room) for item in decode_downlink(body))
        return [(item.cursor, item.item) for item in read]

    def downlink_top(self) -> int:
        """The highest cursor that any hub has."""
        row = self._store.ask("SELECT max(number) FROM downlink")
        return int(row[0] or 0) if row else 0
