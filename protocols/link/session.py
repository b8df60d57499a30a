"""How a hub and a pendant prove themselves to each other over GATT, and the frames they exchange then.

The hub initiates. Nothing is secret but the link key (keys.link_key), which both hold beforehand:

    hub -> pendant   HELLO      01 version  length hub_id  random16
    pendant -> hub   CHALLENGE  02 version  random16  proof16      the pendant knows the key
    hub -> pendant   PROOF      03 proof16                         the hub knows the key
    both             DATA       04 counter(u32 LE)  ciphertext  tag16

Proofs are HMAC-SHA256 over a label for the role and the transcript (version, both ids, both randoms), cut
to 16 bytes. Session keys, one for each direction, are HKDF over the same transcript: bound to ids, randoms
and version. Frames are AES-CCM with the counter as nonce and the head as additional data; counters start at
1 and only rise, so what is old, repeated or reordered is refused. A refused frame changes nothing: the
conversation can go on.
"""

from protocols.link.const import MAX_FRAME, VERSION
from protocols.link.crypto import Ccm, hkdf, hmac_sha256, same
from protocols.link.errors import (
    REASON_EXHAUSTED,
    REASON_KEY,
    REASON_LENGTH,
    REASON_OLD,
    REASON_ORDER,
    REASON_PLAINTEXT,
    REASON_REPEAT,
    REASON_TAG,
    REASON_UNKNOWN_HUB,
    REASON_VERSION,
    LinkError,
)
from protocols.link.keys import MAX_ID, id_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FRAME_HELLO = 1
FRAME_CHALLENGE = 2
FRAME_PROOF = 3
FRAME_DATA = 4

RANDOM_LENGTH = 16
PROOF_LENGTH = 16
TAG_LENGTH = 16
HEAD_LENGTH = 5  # kind and counter of a DATA frame
MAX_PLAINTEXT = MAX_FRAME - HEAD_LENGTH - TAG_LENGTH

_LABEL_PENDANT = b"anban link v1 pendant proof"
_LABEL_HUB = b"anban link v1 hub proof"
_LABEL_SESSION = b"anban link v1 session"
_NONCE_PAD = 9  # a nonce is 9 zero bytes and the counter: the keys differ by session and direction
_LAST_COUNTER = 0xFFFFFFFF


class Session:
    """One authenticated connection, seen from one side. Not shared between connections, never stored."""

    def __init__(self, seal_key: bytes, open_key: bytes) -> None:
        self._sealer = Ccm(seal_key, TAG_LENGTH)
        self._opener = Ccm(open_key, TAG_LENGTH)
        self._nonce = bytearray(_NONCE_PAD + 4)
        self.sent = 0  # counter of the last frame sealed
        self.received = 0  # counter of the last frame opened

    def seal(self, plaintext: bytes) -> bytes:
        """The DATA frame of up to MAX_PLAINTEXT bytes. LinkError(REASON_LENGTH or REASON_EXHAUSTED)."""
        size = len(plaintext)
        if size > MAX_PLAINTEXT:
            raise LinkError(REASON_LENGTH)
        if self.sent >= _LAST_COUNTER:
            raise LinkError(REASON_EXHAUSTED)
        self.sent += 1
        frame = bytearray(HEAD_LENGTH + size + TAG_LENGTH)
        frame[0] = FRAME_DATA
        for i in range(4):
            frame[1 + i] = self._nonce[_NONCE_PAD + i] = self.sent >> 8 * i & 0xFF
        frame[HEAD_LENGTH : HEAD_LENGTH + size] = plaintext
        self._sealer.seal(self._nonce, bytes(frame[:HEAD_LENGTH]), frame, HEAD_LENGTH, HEAD_LENGTH + size)
        return bytes(frame)

    def open(self, frame: bytes) -> bytes:
        """The message of a DATA frame.

        LinkError with REASON_LENGTH (truncated or too long), REASON_PLAINTEXT (not a DATA frame),
        REASON_REPEAT or REASON_OLD (a counter that has passed), REASON_TAG (not authentic).
        """
        if not frame:
            raise LinkError(REASON_LENGTH)
        if frame[0] != FRAME_DATA:
            raise LinkError(REASON_PLAINTEXT)
        if not HEAD_LENGTH + TAG_LENGTH <= len(frame) <= MAX_FRAME:
            raise LinkError(REASON_LENGTH)
        counter = frame[1] | frame[2] << 8 | frame[3] << 16 | frame[4] << 24
        if counter <= self.received:
            raise LinkError(REASON_REPEAT if counter == self.received else REASON_OLD)
        for i in range(4):
            self._nonce[_NONCE_PAD + i] = frame[1 + i]
        buf = bytearray(frame)
        end = len(buf) - TAG_LENGTH
        self._opener.open(self._nonce, bytes(frame[:HEAD_LENGTH]), buf, HEAD_LENGTH, end)
        self.received = counter
        return bytes(buf[HEAD_LENGTH:end])


class Initiator:
    """The hub's side of one handshake. One object an attempt, with 16 fresh random bytes."""

    def __init__(self, link_key: bytes, hub_id: str, pendant_id: str, random16: bytes) -> None:
        """Raises LinkError(REASON_KEY) for an id, key or random of a wrong form."""
        _check_random(random16)
        self._key = link_key
        self._hub = id_bytes(hub_id)
        self._pendant = id_bytes(pendant_id)
        self._random = random16
        self.session: Session | None = None

    def hello(self) -> bytes:
        """The first frame."""
        return bytes((FRAME_HELLO, VERSION, len(self._hub))) + self._hub + self._random

    def on_challenge(self, frame: bytes) -> bytes:
        """Check that the pendant knows the key; the PROOF to send. `session` is ready from here on.

        LinkError with REASON_ORDER, REASON_LENGTH, REASON_VERSION or REASON_TAG: drop the connection.
        """
        if self.session is not None:
            raise LinkError(REASON_ORDER)
        _check_frame(frame, FRAME_CHALLENGE, 2 + RANDOM_LENGTH + PROOF_LENGTH)
        transcript = _transcript(self._hub, self._pendant, self._random, frame[2 : 2 + RANDOM_LENGTH])
        if not same(_proof(self._key, _LABEL_PENDANT, transcript), frame[2 + RANDOM_LENGTH :]):
            raise LinkError(REASON_TAG)
        to_pendant, to_hub = _session_keys(self._key, transcript)
        self.session = Session(to_pendant, to_hub)
        return bytes((FRAME_PROOF,)) + _proof(self._key, _LABEL_HUB, transcript)


class Responder:
    """The pendant's side of one handshake. One object an attempt, with 16 fresh random bytes."""

    def __init__(self, key_of_hub: "Callable[[str], bytes | None]", pendant_id: str, random16: bytes) -> None:
        """`key_of_hub` gives the link key of a paired hub, None for any other."""
        _check_random(random16)
        self._key_of_hub = key_of_hub
        self._pendant = id_bytes(pendant_id)
        self._random = random16
        self._key: bytes | None = None
        self._transcript = b""
        self.hub_id = ""  # who it claims to be; proved when on_proof has returned

    def on_hello(self, frame: bytes) -> bytes:
        """The CHALLENGE to send.

        LinkError with REASON_ORDER (a second HELLO wants a new Responder), REASON_LENGTH, REASON_VERSION, or
        REASON_UNKNOWN_HUB.
        """
        if self._transcript:
            raise LinkError(REASON_ORDER)
        if len(frame) < 3:
            raise LinkError(REASON_LENGTH)
        size = frame[2]
        _check_frame(frame, FRAME_HELLO, 3 + min(size, MAX_ID) + RANDOM_LENGTH)
        hub_id = _text_id(frame[3 : 3 + size])
        key = self._key_of_hub(hub_id)
        if key is None:
            raise LinkError(REASON_UNKNOWN_HUB)
        transcript = _transcript(frame[3 : 3 + size], self._pendant, frame[3 + size :], self._random)
        self._key = key
        self._transcript = transcript
        self.hub_id = hub_id
        return bytes((FRAME_CHALLENGE, VERSION)) + self._random + _proof(key, _LABEL_PENDANT, transcript)

    def on_proof(self, frame: bytes) -> Session:
        """The session, if the hub knows the key. LinkError with REASON_ORDER, REASON_LENGTH or REASON_TAG."""
        key = self._key
        if key is None:
            raise LinkError(REASON_ORDER)
        _check_frame(frame, FRAME_PROOF, 1 + PROOF_LENGTH)
        self._key = None  # one try: a guesser has to begin again
        if not same(_proof(key, _LABEL_HUB, self._transcript), frame[1:]):
            raise LinkError(REASON_TAG)
        to_pendant, to_hub = _session_keys(key, self._transcript)
        return Session(to_hub, to_pendant)


def _check_random(random16: bytes) -> None:
    if len(random16) != RANDOM_LENGTH:
        raise LinkError(REASON_KEY)


def _check_frame(frame: bytes, kind: int, length: int) -> None:
    """The kind, the version where the frame has one, and the exact length, in this order."""
    if not frame:
        raise LinkError(REASON_LENGTH)
    if frame[0] != kind:
        raise LinkError(REASON_ORDER)
    if kind != FRAME_PROOF:
        if len(frame) < 2:
            raise LinkError(REASON_LENGTH)
        if frame[1] != VERSION:
            raise LinkError(REASON_VERSION)
    if len(frame) != length:
        raise LinkError(REASON_LENGTH)


def _text_id(raw: bytes) -> str:
    try:
        text = str(raw, "utf-8")
        id_bytes(text)
    except (UnicodeError, LinkError):
        raise LinkError(REASON_UNKNOWN_HUB) from None
    return text


def _transcript(hub: bytes, pendant: bytes, hub_random: bytes, pendant_random: bytes) -> bytes:
    """Everything that both sides must agree on; lengths are in it, so that no two readings are possible."""
    return bytes((VERSION, len(hub), len(pendant))) + hub + pendant + hub_random + pendant_random


def _proof(key: bytes, label: bytes, transcript: bytes) -> bytes:
    return hmac_sha256(key, label + transcript)[:PROOF_LENGTH]


def _session_keys(key: bytes, transcript: bytes) -> "tuple[bytes, bytes]":
    """Keys for hub to pendant and pendant to hub."""
    both = hkdf(key, _LABEL_SESSION, transcript, 32)
    return both[:16], both[16:]
