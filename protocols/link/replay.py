"""Which adverts are new: the strictly increasing counter of one pendant, judged without a clock.

Judge only what has been authenticated (advert.AdvertReader). FRESH is accepted; REPEAT is the same advert
heard again and folds silently; OLD is authentic but late, or replayed: it is challenged over GATT at once,
never dropped.
"""

FRESH = 0
REPEAT = 1
OLD = 2


class CounterGuard:
    """The highest counter that was accepted from one pendant. The hub keeps `floor` on disk."""

    def __init__(self, floor: int) -> None:
        """`floor`: the highest counter ever accepted; -1 when none was."""
        self.floor = floor
        self._mic = b""
        self._settled_counter = -1
        self._settled_mic = b""

    def is_repeat(self, counter: int, mic: bytes) -> bool:
        """Whether this is, byte for byte, the advert accepted last: may be asked before any decryption."""
        if counter == self.floor and self._mic:
            return mic == self._mic
        return counter == self._settled_counter and mic == self._settled_mic

    def judge(self, counter: int, mic: bytes) -> int:
        """FRESH (and the floor is now `counter`), REPEAT or OLD."""
        if self.is_repeat(counter, mic):
            return REPEAT
        if counter > self.floor:
            self.floor = counter
            self._mic = bytes(mic)
            return FRESH
        return OLD

    def settle(self, counter: int, mic: bytes) -> None:
        """An OLD advert has been challenged and answered: exact repeats of it fold from now on."""
        self._settled_counter = counter
        self._settled_mic = bytes(mic)
