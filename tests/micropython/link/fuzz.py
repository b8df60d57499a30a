"""A seeded fuzzer of the link for either interpreter: spoilt bytes at every opener, LinkError expected.

Usage: fuzz.py SEED ROUNDS. The last line is a tally as JSON, the same on both interpreters.
Anything but a LinkError ends the program with a traceback.
"""

import json
import sys

from protocols.link import advert, keys, messages, session
from protocols.link.errors import Counters, LinkError

ROOT = bytes(range(16))
MAC = b"\xaa\xbb\xcc\xdd\xee\x01"


class Dice:
    """A generator that is the same on both interpreters (xorshift, 32 bits)."""

    def __init__(self, seed):
        self._state = seed * 2654435761 % 4294967296 or 1

    def below(self, limit):
        """A number from 0 to limit - 1."""
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return x % limit

    def bytes(self, count):
        """Some bytes."""
        return bytes(self.below(256) for _ in range(count))


def spoil(dice, frame):
    """A frame with something done to it; sometimes nothing."""
    out = bytearray(frame)
    for _ in range(dice.below(3)):
        way = dice.below(5)
        if way == 0 and out:
            out[dice.below(len(out))] ^= 1 << dice.below(8)
        elif way == 1:
            out = out[: dice.below(len(out) + 1)]
        elif way == 2:
            out = out + dice.bytes(dice.below(20))
        elif way == 3:
            out = bytearray(dice.bytes(dice.below(140)))
        elif out:
            out[0] = dice.below(6)
    return bytes(out)


class Fuzz:
    """The openers under fire, and what they said."""

    def __init__(self, seed):
        self.dice = Dice(seed)
        self.counters = Counters()
        self.opened = 0
        self.checksum = 0

    def throw(self, call, frame):
        """Give a frame to an opener; its result, or None when it was refused."""
        try:
            result = call(frame)
        except LinkError as error:
            self.counters.count(error.reason)
            self.checksum = (self.checksum * 31 + error.reason) & 0xFFFFFF
            return None
        self.opened += 1
        return result

    def adverts(self):
        """One advert, spoilt or not."""
        dice = self.dice
        key = keys.advert_key(ROOT)
        payload = advert.build(key, MAC, dice.below(2**32), 1, 90, dice.below(256), dice.below(2**32), 5)
        self.throw(advert.AdvertReader(key, MAC).open, spoil(dice, payload[7:]))

    def conversation(self):
        """A handshake with spoilt tries before each good frame, then frames likewise."""
        dice = self.dice
        key = keys.link_key(ROOT, "hub-01")
        hub = session.Initiator(key, "hub-01", "pd-01", dice.bytes(16))
        pendant = session.Responder({"hub-01": key}.get, "pd-01", dice.bytes(16))
        challenge = self.throw(pendant.on_hello, spoil(dice, hub.hello()))
        if challenge is None:
            return
        proof = self.throw(hub.on_challenge, spoil(dice, challenge))
        if proof is None:
            return
        pendant_side = self.throw(pendant.on_proof, spoil(dice, proof))
        if pendant_side is None:
            return
        frames = []
        for _ in range(6):
            kind = dice.below(12)
            frames.append(hub.session.seal(spoil(dice, bytes((kind,)) + dice.bytes(dice.below(30)))[:100]))
            text = self.throw(pendant_side.open, spoil(dice, frames[dice.below(len(frames))]))
            if text is not None:
                self.throw(messages.decode, text)

    def run(self, rounds):
        """The tally of so many rounds."""
        for _ in range(rounds):
            self.adverts()
            self.conversation()
            self.throw(messages.decode, self.dice.bytes(self.dice.below(40)))
        return {"opened": self.opened, "refused": self.counters.report(), "checksum": self.checksum}


if __name__ == "__main__":
    print(json.dumps(Fuzz(int(sys.argv[1])).run(int(sys.argv[2]))))
