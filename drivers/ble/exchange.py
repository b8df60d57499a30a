"""One conversation with a pendant over GATT: prove each other, read its STATUS, say and be answered.

    exchange = Exchange(link, key, hub_id, pendant_id)
    status = await exchange.open()
    ok = await exchange.say(messages.Ack(...))

Frames that are not authentic, old or out of order are counted in `refused` and change nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Final, Protocol

from drivers.ble.link import Link
from protocols.errors import AnbanError, Reason
from protocols.link import messages
from protocols.link.const import FRAME_IN_UUID, FRAME_OUT_UUID
from protocols.link.errors import REASON_ORDER, Counters, LinkError
from protocols.link.session import FRAME_CHALLENGE, RANDOM_LENGTH, Initiator, Session

ANSWER_S: Final = 2.0  # a flash write of the pendant takes up to 0.4 s, an indication 2 connection events
MAX_FALLS: Final = 4  # of one look: a pendant tells of its newest, and of four that were answered
PROVE_S: Final = 2.5  # below the 3 s after which the pendant drops who has not proved himself


class Outgoing(Protocol):
    """A message of the hub: one of protocols.link.messages."""

    kind: int

    def encode(self) -> bytes: ...


def _now() -> float:
    return asyncio.get_running_loop().time()


class Exchange:
    """The hub's side, on a link that stands."""

    def __init__(self, link: Link, key: bytes, hub_id: str, pendant_id: str) -> None:
        self.link = link
        self.refused = Counters()
        self.news = asyncio.Event()  # set when a STATUS came unasked
        self._initiator = Initiator(key, hub_id, pendant_id, secrets.token_bytes(RANDOM_LENGTH))
        self._session: Session | None = None
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(maxsize=64)
        self._statuses: list[messages.Status] = []
        self.falls: list[messages.Fall] = []  # what came unasked; who reads them empties it
        self.answered: list[messages.Answered] = []  # likewise

    async def open(self) -> messages.Status:
        """Prove each other and read the first STATUS.

        AnbanError: LINK_REFUSED when the other side is not the pendant, RADIO_DOWN when the link broke,
        DEVICE_TIMEOUT when it says nothing.
        """
        await self.link.subscribe(FRAME_OUT_UUID, self._came)
        await self.link.write(FRAME_IN_UUID, self._initiator.hello())
        try:
            proof = self._initiator.on_challenge(await self._challenge())
        except LinkError as e:
            self.refused.count(e.reason)
            raise AnbanError(
                Reason.LINK_REFUSED,
                f"Who answers at {self.link.address} does not hold the pendant's key: {e}.",
                "If the pendant was replaced, pair it again; else somebody imitates it.",
            ) from e
        self._session = self._initiator.session
        await self.link.write(FRAME_IN_UUID, proof)
        return await self._status()

    async def say(self, message: Outgoing) -> messages.Ok:
        """Send one message and wait for its OK. AnbanError RADIO_DOWN or DEVICE_TIMEOUT."""
        assert self._session is not None
        await self.link.write(FRAME_IN_UUID, self._session.seal(message.encode()))
        deadline = _now() + ANSWER_S
        while True:
            answer = self._take(await self._next(deadline))
            if isinstance(answer, messages.Ok) and answer.about == message.kind:
                return answer

    async def status(self) -> messages.Status:
        """Ask for STATUS again."""
        assert self._session is not None
        self._statuses.clear()
        await self.link.write(FRAME_IN_UUID, self._session.seal(messages.GetStatus().encode()))
        return await self._status()

    def unasked(self) -> list[messages.Status]:
        """Every STATUS that came by itself since the last call."""
        while not self._frames.empty():
            self._take(self._frames.get_nowait())
        self.news.clear()
        came, self._statuses = self._statuses, []
        return came

    # ---- frames ----

    def _came(self, frame: bytes) -> None:
        if self._frames.full():
            self._frames.get_nowait()  # a flood: the newest counts, our answers are asked for again
        self._frames.put_nowait(frame)
        self.news.set()

    async def _status(self) -> messages.Status:
        deadline = _now() + ANSWER_S
        while not self._statuses:
            self._take(await self._next(deadline))
        return self._statuses.pop(0)

    async def _challenge(self) -> bytes:
        deadline = _now() + PROVE_S
        while True:
            frame = await self._next(deadline)
            if frame[:1] == bytes((FRAME_CHALLENGE,)):
                return frame
            self.refused.count(REASON_ORDER)

    async def _next(self, deadline: float) -> bytes:
        """The next frame; AnbanError when the link breaks or none has come by the deadline (loop time)."""
        frame = asyncio.ensure_future(self._frames.get())
        gone = asyncio.ensure_future(self.link.gone.wait())
        try:
            timeout_s = max(0.0, deadline - _now())  # frames that keep coming do not extend it
            await asyncio.wait({frame, gone}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if frame.done():
                return frame.result()
        finally:
            frame.cancel()
            gone.cancel()
        if self.link.gone.is_set():
            raise AnbanError(Reason.RADIO_DOWN, f"{self.link.address} ended the link.")
        raise AnbanError(Reason.DEVICE_TIMEOUT, f"{self.link.address} does not answer.")

    def _take(self, frame: bytes) -> messages.Message | None:
        """Open one frame; what is refused is counted, a STATUS is kept."""
        assert self._session is not None
        try:
            message = messages.decode(self._session.open(frame))
        except LinkError as e:
            self.refused.count(e.reason)
            return None
        if isinstance(message, messages.Status):
            self._statuses.append(message)
        elif isinstance(message, messages.Fall) and len(self.falls) < MAX_FALLS:
            self.falls.append(message)
        elif isinstance(message, messages.Answered) and len(self.answered) < MAX_FALLS:
            self.answered.append(message)
        return message
