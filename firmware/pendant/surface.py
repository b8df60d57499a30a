"""What the elder sees and feels, as data: light patterns and buzzes; nothing burns, everything flashes.

Two feelings are to be learned: short or low = not yet, long and warm = help knows. A buzz is a row of
(hertz, on ms, off ms), and its first tone is no other's; a light is (red, green, on ms, period ms).
"""

# Buzzes
PRESSED = 1
NO_HUB = 2
DELIVERED = 3
TAKEN = 4
ENDED = 5
ASKED = 6

BUZZES = {
    PRESSED: ((2700, 90, 0),),
    NO_HUB: (
        (220, 350, 150),
        (180, 500, 0),
    ),  # low, falling, longer than any other short one: felt in the chest
    DELIVERED: ((660, 900, 0),),
    TAKEN: ((780, 700, 300), (780, 700, 0)),
    ENDED: ((1500, 60, 0),),
    ASKED: ((1200, 200, 200), (1200, 200, 200), (1200, 200, 0)),
}
BUZZ_NAMES = {
    PRESSED: "pressed",
    NO_HUB: "no-hub",
    DELIVERED: "delivered",
    TAKEN: "taken",
    ENDED: "ended",
    ASKED: "asked",
}

# What a buzz makes untrue of those that still wait for the motor: news of help is of all presses, the newest
# too, and an end ends the question.
_NEWS = (BUZZES[NO_HUB], BUZZES[DELIVERED], BUZZES[TAKEN], BUZZES[ENDED])
OVERTAKEN = {
    PRESSED: _NEWS,
    NO_HUB: _NEWS,
    DELIVERED: _NEWS,
    TAKEN: _NEWS,
    ENDED: _NEWS + (BUZZES[ASKED],),  # noqa: RUF005 - MicroPython unpacks nothing in a tuple
    ASKED: (),
}

# Lights: colour -> (red, green, on ms, period ms)
DARK = 0
AMBER = 1
RED = 2
GREEN = 3

LIGHTS = {
    DARK: (0, 0, 0, 0),
    AMBER: (1, 1, 60, 1000),
    RED: (1, 0, 60, 600),
    GREEN: (0, 1, 60, 2000),
}

NO_HUB_MS = (20_000, 60_000)  # low buzz at these ages of an unheard press
NO_HUB_EVERY_MS = 300_000  # and then every 5 minutes


def no_hub_count(age_ms: int) -> int:
    """How many low buzzes an unheard press of this age has called for."""
    count = 0
    for at in NO_HUB_MS:
        if age_ms >= at:
            count += 1
    if age_ms >= NO_HUB_MS[-1]:
        count += (age_ms - NO_HUB_MS[-1]) // NO_HUB_EVERY_MS
    return count


def no_hub_age(count: int) -> int:
    """Age in ms at which low buzz number `count` (from 0) is due."""
    if count < len(NO_HUB_MS):
        return NO_HUB_MS[count]
    return NO_HUB_MS[-1] + (count - len(NO_HUB_MS) + 1) * NO_HUB_EVERY_MS


def light(unheard_age_ms: int, stage: int) -> int:
    """Light for the oldest unheard press's age (-1: none) and the stage of the call (0 = no call)."""
    if unheard_age_ms >= 0:
        return RED if unheard_age_ms >= NO_HUB_MS[0] else AMBER
    if stage == 1:
        return AMBER
    if stage == 2 or stage == 3:
        return GREEN
    return DARK
