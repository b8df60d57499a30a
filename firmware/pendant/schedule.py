"""When a press is on the air and how fast, as data; pure, time is an argument.

A row: (until this age in ms, advertising interval in ms, burst in ms, period in ms); burst 0 = without a
break, until None = for ever. Ages count from the press (unheard) or from the latest progress (heard).
"""

# Unheard: never abandoned before `heard`, while the battery lasts.
UNHEARD = (
    (30_000, 20, 0, 0),  # 20 ms is the fastest legacy connectable interval
    (180_000, 100, 0, 0),
    (1_800_000, 20, 3_000, 30_000),
    (None, 20, 3_000, 300_000),
)
# Heard: only to let the hub come back with `delivered`, `taken`, `closed`; the newest word at most 10 s late.
HEARD = (
    (60_000, 100, 0, 0),
    (1_800_000, 100, 1_500, 10_000),
)
# After a fall about which one hub's question was answered: heartbeats, by which another hub that asks too can
# come and learn it. As long as one question takes.
ANSWERED = ((30_000, 100, 0, 0),)
HEARTBEAT_PERIOD_MS = 3_600_000
# About 30 adverts: a hub that is deaf for 2 s while it connects still hears one.
HEARTBEAT = ((3_000, 100, 0, 0),)
PROOF_PERIOD_MS = 12 * 3_600_000
PROOF = ((20_000, 100, 0, 0),)  # long enough for a hub to connect (attempts of 4 s, then 2 s of listening)

PAYLOAD_MS = 250  # age and counter in the payload change this often, and presses take turns


def pace(rows: tuple, age_ms: int) -> tuple:
    """(interval in ms or 0 when silent, age at which that changes or None)."""
    if age_ms < 0:
        age_ms = 0
    start = 0
    for until, interval, burst, period in rows:
        if until is None or age_ms < until:
            if not burst:
                return interval, until
            phase = (age_ms - start) % period
            change = age_ms - phase + (burst if phase < burst else period)
            if until is not None and change > until:
                change = until
            return (interval if phase < burst else 0), change
        start = until
    return 0, None


def over(rows: tuple, age_ms: int) -> bool:
    """The last row has an end, and it has passed."""
    until = rows[-1][0]
    return until is not None and age_ms >= until
