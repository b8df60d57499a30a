"""Why the link refuses something: an int reason on one exception, and a count of each."""

REASON_LENGTH = 1  # truncated, too long, or not of the form
REASON_VERSION = 2  # a version that is not spoken here
REASON_PLAINTEXT = 3  # an advert that is not encrypted
REASON_TAG = 4  # the MIC or tag does not fit: forged, damaged, or another key
REASON_OLD = 5  # a counter lower than one already seen
REASON_REPEAT = 6  # the counter of the frame before
REASON_ORDER = 7  # not the frame that the conversation is at
REASON_UNKNOWN_HUB = 8  # a hub that is not paired
REASON_KIND = 9  # a message of a kind that is not known
REASON_VALUE = 10  # authentic, and a value out of its bounds
REASON_KEY = 11  # a key or id of a wrong length
REASON_EXHAUSTED = 12  # the counter has no next value

REASON_NAMES = (
    "ok",
    "length",
    "version",
    "plaintext",
    "tag",
    "old",
    "repeat",
    "order",
    "unknown-hub",
    "kind",
    "value",
    "key",
    "exhausted",
)


class LinkError(Exception):
    """Something was refused. `reason` is one of the REASON_ numbers; the refused thing changed nothing."""

    def __init__(self, reason: int) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return "link refused: " + REASON_NAMES[self.reason]


class Counters:
    """How often each reason occurred; holds at 2**30 - 1, the largest small int of a 32-bit MicroPython."""

    def __init__(self) -> None:
        self._counts = [0] * len(REASON_NAMES)

    def count(self, reason: int) -> None:
        """Add one to a reason."""
        if self._counts[reason] < 0x3FFFFFFF:
            self._counts[reason] += 1

    def of(self, reason: int) -> int:
        """How often a reason occurred."""
        return self._counts[reason]

    def total(self) -> int:
        """How often anything was refused."""
        return sum(self._counts)

    def report(self) -> "dict[str, int]":
        """The reasons that occurred, by name."""
        return {REASON_NAMES[i]: n for i, n in enumerate(self._counts) if n}
