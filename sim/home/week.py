"""A week of measurements in the memories of two meters: what a visitor of the page sees when they are read.

The meters send it over the air as real ones do, all at once, when somebody measures again.
"""

from __future__ import annotations

import datetime
import random

from sim.home.home import Home
from sim.home.meters import HOME_ZONE
from sim.home.setup import MeterSetup

METERS = (
    MeterSetup("bp-01", users={"1": "e-chen", "2": "e-wang"}, manners={"forgets": False}),
    MeterSetup("glu-01", kind="glucose", elder="e-chen", room="kitchen", manners={"forgets": False}),
)
DAYS = 14  # of the blood pressure: enough for a band of one's own
MEALS = ((7, "before", 5.9), (9, "after", 8.1), (12, "before", 6.2), (20, "after", 9.0))


async def measure(home: Home, seed: int, now: datetime.datetime | None = None) -> None:
    """Both meters go on the air with what they hold."""
    made = random.Random(f"week {seed}")
    now = (now or datetime.datetime.now(HOME_ZONE)).replace(tzinfo=None, microsecond=0)
    pressure, glucose = home.meters["bp-01"], home.meters["glu-01"]
    for back in reversed(range(DAYS)):
        day = now - datetime.timedelta(days=back)
        for hour, user, usual in ((7, 1, 134), (8, 2, 126), (19, 1, 129)):
            at = day.replace(hour=hour, minute=made.randrange(50))
            systolic = usual + made.randrange(-7, 8) + (26 if back == 2 and hour == 19 else 0)
            if at < now:
                diastolic = systolic - 48 + made.randrange(-4, 5)
                pressure.pressure(at, systolic, diastolic, made.randrange(58, 78), user)
        for number, (hour, context, usual_mmol) in enumerate(MEALS):
            at = day.replace(hour=hour, minute=made.randrange(50))
            if back < 7 and at < now and (back + number) % 2:
                glucose.glucose(at, usual_mmol + made.uniform(-0.9, 1.1), context)
    visit = now - datetime.timedelta(minutes=20)
    pressure.pressure(visit, 143, 86, 71)  # by somebody whom the meter does not tell: the hub's page asks
    await pressure.send()
    await glucose.send()
