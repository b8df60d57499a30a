"""One side of the link as a program for either interpreter: JSON lines in, JSON lines out.

Each line is {"op": name, ...}, bytes as hexadecimal; the answer is {"ok": value} or {"refused": reason}.
Whatever else happens is not caught: it ends the program, and the test that waits for the answer fails.
"""

import json
import sys

from protocols.link import advert, crypto, keys, messages, replay, session
from protocols.link.errors import Counters, LinkError


def _fields(message):
    """The content of a message as plain values, in a fixed order."""
    if isinstance(message, list):
        return [_fields(item) for item in message]
    if isinstance(message, (int, bool, str)):
        return message
    return [[name, _fields(getattr(message, name))] for name in sorted(message.__dict__)]


def _message(kind, arguments):
    """A message from its class name and arguments."""
    if kind == "Status":
        arguments = list(arguments)
        arguments[5] = [messages.Press(*press) for press in arguments[5]]
    return getattr(messages, kind)(*arguments)


class Peer:
    """Holds what a side of the link holds; `do` answers one line."""

    def __init__(self):
        self.counters = Counters()
        self.initiator = None
        self.responder = None
        self.session = None
        self.guard = None

    def do(self, line):
        """The answer to one request."""
        try:
            return {"ok": getattr(self, "op_" + line["op"])(line)}
        except LinkError as error:
            self.counters.count(error.reason)
            return {"refused": error.reason}

    def op_keys(self, line):
        root = bytes.fromhex(line["root"])
        derived = (
            keys.advert_key(root),
            keys.link_key(root, line["hub"]),
            keys.platform_key(root),
            keys.update_key(root),
        )
        return [key.hex() for key in derived]

    def op_ccm(self, line):
        key, nonce, text, aad = (bytes.fromhex(line[name]) for name in ("key", "nonce", "text", "aad"))
        call = crypto.ccm_seal if line["seal"] else crypto.ccm_open
        return call(key, nonce, text, aad, line["tag"]).hex()

    def op_hkdf(self, line):
        secret, salt, info = (bytes.fromhex(line[name]) for name in ("secret", "salt", "info"))
        return crypto.hkdf(secret, salt, info, line["length"]).hex()

    def op_build(self, line):
        return advert.build(bytes.fromhex(line["key"]), bytes.fromhex(line["mac"]), *line["said"]).hex()

    def op_hear(self, line):
        data = bytes.fromhex(line["data"])
        return advert.open_service_data(bytes.fromhex(line["key"]), bytes.fromhex(line["mac"]), data)

    def op_guard(self, line):
        self.guard = replay.CounterGuard(line["floor"])

    def op_judge(self, line):
        return [self.guard.judge(line["counter"], bytes.fromhex(line["mic"])), self.guard.floor]

    def op_be_hub(self, line):
        key, nonce = bytes.fromhex(line["key"]), bytes.fromhex(line["random"])
        self.initiator = session.Initiator(key, line["hub"], line["pendant"], nonce)
        return self.initiator.hello().hex()

    def op_challenged(self, line):
        proof = self.initiator.on_challenge(bytes.fromhex(line["frame"]))
        self.session = self.initiator.session
        return proof.hex()

    def op_be_pendant(self, line):
        known = {hub: bytes.fromhex(key) for hub, key in line["hubs"].items()}
        self.responder = session.Responder(known.get, line["pendant"], bytes.fromhex(line["random"]))

    def op_greeted(self, line):
        return self.responder.on_hello(bytes.fromhex(line["frame"])).hex()

    def op_proved(self, line):
        self.session = self.responder.on_proof(bytes.fromhex(line["frame"]))

    def op_say(self, line):
        return self.session.seal(_message(line["kind"], line["arguments"]).encode()).hex()

    def op_open(self, line):
        message = messages.decode(self.session.open(bytes.fromhex(line["frame"])))
        return [type(message).__name__, _fields(message)]

    def op_report(self, line):
        return self.counters.report()


def main():
    """Answer line by line until the input ends."""
    peer = Peer()
    for line in sys.stdin:
        print(json.dumps(peer.do(json.loads(line))))


if __name__ == "__main__":
    main()
