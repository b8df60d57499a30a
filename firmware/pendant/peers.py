"""Those who are connected: each proves itself within 3 s and does not idle, or is dropped; no decisions on
presses.

Pure but for the session's cryptography: bytes and times in, actions out. Each method returns a list of
(SEND, conn, frame), (DROP, conn, None), (MESSAGE, conn, message) and (PROVED, conn, hub id).
"""

from protocols.link import messages, session
from protocols.link.errors import Counters, LinkError

SEND = 1
DROP = 2
MESSAGE = 3
PROVED = 4

PROVE_MS = 3000  # a hub's discovery and handshake take well under 1 s; a stranger may not sit on a connection
IDLE_MS = 10000  # a hub waits up to 6 s for `delivered`
MAX_STRANGERS = 3  # of the chip's four connections: one stays free, and who has said nothing yet goes first
MAX_WAITING = 12  # frames for one peer that is slow to confirm


class Peer:
    """One connection."""

    def __init__(self, conn: int, now_ms: int, responder) -> None:
        self.conn = conn
        self.deadline_ms = now_ms + PROVE_MS
        self.responder = responder
        self.session = None
        self.waiting = []
        self.in_flight = False


class Peers:
    """All connections. `key_of_hub(hub_id)` gives the link key, `random16()` fresh random bytes."""

    def __init__(self, key_of_hub, pendant_id: str, random16) -> None:
        self._key_of_hub = key_of_hub
        self._pendant_id = pendant_id
        self._random16 = random16
        self._peers = {}
        self.refused = Counters()

    def __len__(self) -> int:
        return len(self._peers)

    def connected(self, conn: int, now_ms: int) -> list:
        """Somebody connected."""
        out = []
        strangers = [p for p in self._peers.values() if p.session is None]
        if len(strangers) >= MAX_STRANGERS:
            oldest = min(strangers, key=_patience)
            del self._peers[oldest.conn]
            out.append((DROP, oldest.conn, None))
        responder = session.Responder(self._key_of_hub, self._pendant_id, self._random16())
        self._peers[conn] = Peer(conn, now_ms, responder)
        return out

    def disconnected(self, conn: int) -> None:
        """A connection ended."""
        self._peers.pop(conn, None)

    def wrote(self, conn: int, frame: bytes, now_ms: int) -> list:
        """A frame came in."""
        peer = self._peers.get(conn)
        if peer is None:
            return []
        try:
            if peer.session is None:
                return self._greet(peer, frame, now_ms)
            plain = peer.session.open(frame)
        except LinkError as error:
            self.refused.count(error.reason)
            if peer.session is None:  # one try; who is refused has to connect again
                del self._peers[conn]
                return [(DROP, conn, None)]
            return []
        peer.deadline_ms = now_ms + IDLE_MS
        try:
            return [(MESSAGE, conn, messages.decode(plain))]
        except LinkError as error:
            self.refused.count(error.reason)
            ok = messages.Ok(plain[0] if plain else 0, messages.RESULT_NOT_UNDERSTOOD, 0, 0, 0, 0)
            return self.tell(conn, ok)

    def _greet(self, peer: Peer, frame: bytes, now_ms: int) -> list:
        if not peer.responder.hub_id:
            return self._queue(peer, peer.responder.on_hello(frame))
        peer.session = peer.responder.on_proof(frame)
        peer.deadline_ms = now_ms + IDLE_MS
        return [(PROVED, peer.conn, peer.responder.hub_id)]

    def tell(self, conn: int, message) -> list:
        """Seal a message for one peer."""
        peer = self._peers.get(conn)
        if peer is None or peer.session is None:
            return []
        return self._queue(peer, peer.session.seal(message.encode()))

    def hub(self, conn: int) -> str:
        """Who has proved itself on a connection; empty while nobody has."""
        peer = self._peers.get(conn)
        return peer.responder.hub_id if peer is not None and peer.session is not None else ""

    def proved(self) -> list:
        """The connections of those who have proved themselves."""
        return [conn for conn, peer in self._peers.items() if peer.session is not None]

    def confirmed(self, conn: int, status: int) -> list:
        """The frame in flight arrived, or failed: then the peer is gone or deaf."""
        peer = self._peers.get(conn)
        if peer is None:
            return []
        peer.in_flight = False
        if status:
            del self._peers[conn]
            return [(DROP, conn, None)]
        return self._next(peer)

    def step(self, now_ms: int) -> list:
        """Drops those whose time is over."""
        out = []
        for peer in list(self._peers.values()):
            if now_ms >= peer.deadline_ms:
                del self._peers[peer.conn]
                out.append((DROP, peer.conn, None))
        return out

    def next_ms(self) -> int | None:
        """When `step` has something to do."""
        due = None
        for peer in self._peers.values():
            if due is None or peer.deadline_ms < due:
                due = peer.deadline_ms
        return due

    def _queue(self, peer: Peer, frame: bytes) -> list:
        if len(peer.waiting) >= MAX_WAITING:
            del self._peers[peer.conn]
            return [(DROP, peer.conn, None)]
        peer.waiting.append(frame)
        return self._next(peer)

    def _next(self, peer: Peer) -> list:
        if peer.in_flight or not peer.waiting:
            return []
        peer.in_flight = True
        return [(SEND, peer.conn, peer.waiting.pop(0))]


def _patience(peer: Peer) -> tuple:
    return (1 if peer.responder.hub_id else 0, peer.deadline_ms)
