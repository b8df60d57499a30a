"""The cell: its resting voltage becomes a charge in per cent."""

# Lithium-polymer at rest, mV -> %: a mean of published discharge curves at 0.2 C; the pendant draws far less.
CURVE = ((4200, 100), (4060, 90), (3980, 80), (3920, 70), (3870, 60), (3820, 50), (3790, 40), (3770, 30),
         (3740, 20), (3680, 10), (3450, 5), (3000, 0))  # fmt: skip
LOW_PCT = 15


def percent(millivolts: int) -> int:
    """0 to 100, straight between the points of the curve."""
    if millivolts >= CURVE[0][0]:
        return 100
    above_mv, above = CURVE[0]
    for mv, pct in CURVE[1:]:
        if millivolts >= mv:
            return pct + (above - pct) * (millivolts - mv) // (above_mv - mv)
        above_mv, above = mv, pct
    return 0
