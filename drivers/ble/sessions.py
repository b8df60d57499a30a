"""A continuous glucose sensor's session: when it began, and each record as one of its own with its own time.

A record says how many minutes after the session's start it was measured. Where the sensor does not know that
start it is told, once and only by a clock that is known to be right; else its history is left in it. Whether
a session runs at all is for people to decide: the hub neither starts nor stops one.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final

from protocols.errors import AnbanError, Reason
from protocols.gatt import Cause, GattError, Moment, Values, decode, encode

MEASUREMENT, FEATURE, STATUS, START = 0x2AA7, 0x2AA8, 0x2AA9, 0x2AAA
STOPPED: Final = 1  # bit 0 of the status
QUARTER_MIN: Final = 15
_MIN: Final = datetime.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """`start` in the time of this home; `checked`: every record has a checksum."""

    start: Moment
    checked: bool

    def records(self, raw: bytes) -> list[tuple[bytes, Values]]:
        """Each record of a notification: bytes that name it among all sessions, and its values with a time.

        GattError where the notification is none.
        """
        found: list[tuple[bytes, Values]] = []
        at = 0
        for record in decode(MEASUREMENT, raw)["records"]:
            if self.checked and not record["crc"]:
                raise GattError(Cause.CHECKSUM, "continuous-glucose: a record without its checksum")
            size = raw[at]
            own = b"".join(value.to_bytes(2, "big") for value in self.start) + raw[at : at + size]
            time = shifted(self.start, record["offset_min"])
            found.append((own, {**record, "time": time, "sample": "interstitial-fluid"}))
            at += size
        return found


def shifted(moment: Moment, minutes: int) -> Moment:
    """So many minutes later; the moment itself where the calendar ends."""
    try:
        at = datetime.datetime(*moment) + minutes * _MIN
    except OverflowError:
        return moment
    return Moment(at.year, at.month, at.day, at.hour, at.minute, at.second)


def start_of(values: Values, offset_minutes: int) -> Moment | None:
    """The session's start by a clock of this home; None where the sensor does not know."""
    moment: Moment = values["time"]
    if not moment.known:
        return None
    zone, summer = values["zone_15min"], values["dst_15min"]
    east = zone * QUARTER_MIN if isinstance(zone, int) else offset_minutes
    if isinstance(zone, int) and isinstance(summer, int):
        east += summer * QUARTER_MIN
    return shifted(moment, offset_minutes - east)


def start_values(now: Moment, offset_minutes: int, run_minutes: int, crc: bool) -> Values:
    """What tells a sensor when its session began, `run_minutes` ago."""
    quarters, rest = divmod(offset_minutes, QUARTER_MIN)
    if rest or not -48 <= quarters <= 56:
        raise AnbanError(Reason.BAD_VALUE, f"a zone of {offset_minutes} minutes has no whole quarters")
    time = shifted(now, -run_minutes)
    return {"time": time, "zone_15min": quarters, "dst_15min": 0, "crc": crc}


def first_request(after_min: int | None) -> bytes:
    """What is asked of the sensor's memory: all, or what came after a record that is durable."""
    if after_min is None:
        return encode(0x2A52, {"op": "report", "operator": "all"})
    bounds = (min(after_min + 1, 0xFFFF),)
    return encode(0x2A52, {"op": "report", "operator": "at-least", "filter": 1, "bounds": bounds})
