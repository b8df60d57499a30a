"""Whether the time that a cell network has told the modem may stand on the hub's clock: pure.

Nobody proves it: whoever sets up a base station says what time it is. So it counts only while the platform
has not told the time, by IP or by a proved text; nothing trusts it (no age, no deadline, no prompt), and it
is shown with where it comes from. It is believed at all where it can be the time: after what was ever
confirmed here, not in the years that modems begin with. A family that shows GMT beside local time proves its
zone; of one that shows local time alone the zone must be the home's own, for a network that tells no zone
leaves a modem hours off.
"""

from __future__ import annotations

import datetime
from typing import Final

from drivers.modem.network_time import NetworkTime
from edge.text_clock import ANSWER_MS, EARLIEST_MS

# A year of two figures ends in 2099, and modems that were told nothing begin in 1970 or 1980.
LATEST_MS: Final = int(datetime.datetime(2060, 1, 1, tzinfo=datetime.UTC).timestamp() * 1000)
SUMMER_S: Final = 3600  # the home's zone is set without summer time, the network's has it


def network_ms(told: NetworkTime, home_zone_s: int, known_ms: int) -> int | None:
    """The time now in Unix ms, or None where it is not believed.

    `known_ms` is the newest wall time that was ever confirmed, or 0.
    """
    if not told.checked and abs(told.zone_s - home_zone_s) > SUMMER_S:
        return None
    at_ms = told.utc_s * 1000
    return at_ms if max(EARLIEST_MS, known_ms - ANSWER_MS) <= at_ms < LATEST_MS else None
