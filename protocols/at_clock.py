"""The time that a cell network has told a modem, out of the modem's answer; read strictly.

Sources: 3GPP TS 27.007 8.15 (`+CCLK: "yy/MM/dd,hh:mm:ss+zz"`: local time, and how many quarters of an hour
it is ahead of GMT, summer time included); Quectel's AT manuals (`+QLTS: "yyyy/MM/dd,hh:mm:ss+zz,d"`, of
AT+QLTS=1 in GMT, of AT+QLTS=2 local, an empty text where no network has told the time yet; the zone is the
same in both). TS 27.007 leaves it open how a modem that was never told shows its own clock: as 1970, 1980 or
2004, without a zone or with one.
"""

from __future__ import annotations

import datetime
import re
from typing import Final

import msgspec

QUARTER_S: Final = 900
ZONES: Final = range(-48, 57)  # quarters of an hour: UTC-12 to UTC+14
CENTURY: Final = 2000  # of the two figures of +CCLK
_ANSWER: Final = re.compile(
    r"\A\+(?:CCLK|QLTS): ?"
    r'"([0-9]{2}|[0-9]{4})/([0-9]{2})/([0-9]{2}),([0-9]{2}):([0-9]{2}):([0-9]{2})([+-][0-9]{2})(?:,[0-2])?"\Z'
)


class Shown(msgspec.Struct, frozen=True):
    """What a modem's clock shows: `clock_s` are the seconds from 1970 to the date and time as they are
    written, in whatever zone that is; `zone_s` is how far local time is ahead of GMT."""

    clock_s: int
    zone_s: int


def shown(answer: str) -> Shown | None:
    """What a line `+CCLK:` or `+QLTS:` shows; None for one without a zone, and for what is no time."""
    found = _ANSWER.match(answer)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(figures) for figures in found.groups()[:6])
    year += CENTURY if len(found[1]) == 2 else 0
    zone = int(found[7])
    if zone not in ZONES:
        return None
    try:
        at = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
    except ValueError:
        return None
    return Shown(int(at.timestamp()), zone * QUARTER_S)
