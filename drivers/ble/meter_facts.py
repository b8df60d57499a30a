"""What a meter's side of the radio is told and tells: the meter, its timing, its records, its troubles."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from protocols.gatt import GattError, Moment, Values

if TYPE_CHECKING:
    from drivers.ble.consent import Consent


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, from the manners of real meters."""

    settle_s: float = 0.3  # some report an error when they are asked too early: 0.1 to 0.7 s
    step_s: float = 5.0  # for one write, read or subscription; the clock has to be set within 5 s
    pair_s: float = 45.0  # 30 of SMP (Core 5.4 Vol 3 Part H 3.4), and discovery
    first_s: float = 10.0  # for the first record: a cuff may still be deflating
    quiet_s: float = 4.0  # after the last record
    live_s: float = 900.0  # after the last of a sensor that goes on telling: some do so every five minutes
    # Until a meter that goes on advertising is connected anew: after news, and after each time without.
    again_s: tuple[float, ...] = (5.0, 20.0, 60.0, 300.0)
    failed_s: tuple[float, ...] = (1.0, 5.0, 20.0, 60.0)  # after transfers in a row that did not begin
    kept_s: float = 30.0  # for the disk
    stream_s: float = 60.0  # between two figures of a stream that are kept


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter of this home. `profile`: a key of PROFILES; `quirk`: one of QUIRKS or empty; `bond`: pair
    before anything is discovered in it or asked of it; `consents`: its users' codes, where it wants them."""

    id: str
    address: str
    profile: str
    quirk: str = ""
    bond: bool = False
    consents: tuple[Consent, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What a meter told: decoded, or refused with its bytes."""

    meter: str
    uuid: int
    raw: bytes
    values: Values | None
    refused: GattError | None = None


@dataclass(frozen=True, slots=True)
class MeterSeen:
    """A transfer began: the meter is there. `battery_pct` is None where it does not tell."""

    meter: str
    battery_pct: int | None


@dataclass(frozen=True, slots=True)
class MeterTrouble:
    """A transfer failed `count` times in a row; 0: it works again. `cause`: an error's reason."""

    meter: str
    cause: str
    count: int


MeterFact = MeterSeen | MeterTrouble
OnRecord = Callable[[Record], Awaitable[bool]]  # called at once; True once the record is durable
WallClock = Callable[[], tuple[int, bool, int]]  # Unix ms, trusted, minutes east of UTC


class MeterConnection(Protocol):
    """The part of drivers/ble/link.Link that is used here."""

    gone: asyncio.Event

    def has(self, characteristic: str) -> bool: ...

    async def bond(self) -> str: ...

    async def forget(self) -> None: ...

    async def read(self, characteristic: str) -> bytes: ...

    async def write(self, characteristic: str, data: bytes) -> None: ...

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None: ...


def local_moment(wall_ms: int, offset_minutes: int) -> tuple[Moment, int]:
    """What a clock on the wall of this home shows, and the day of the week (1 is Monday)."""
    zone = datetime.timezone(datetime.timedelta(minutes=offset_minutes))
    at = datetime.datetime.fromtimestamp(wall_ms / 1000, zone)
    return Moment(at.year, at.month, at.day, at.hour, at.minute, at.second), at.isoweekday()
