"""A pendant written by hand in CPython on the line protocol: the link's other side, with faults to order."""

from __future__ import annotations

import os
from typing import Any

from protocols.link import keys, messages
from protocols.link.advert import build
from protocols.link.const import (
    FRAME_IN_UUID,
    FRAME_OUT_UUID,
    INFO_UUID,
    MEANING_SOS,
    SERVICE_UUID,
    STAGE_CLOSED,
)
from protocols.link.session import Responder
from tests.integration.ble.lineboard import LineBoard, little

IN, OUT, INFO = 3, 6, 9


class HandPendant(LineBoard):
    """`presses`: number -> [meaning, stage]. `silent` answers nothing; `life` and `counter` may be set."""

    def __init__(self, path: str, device: str, address: str, root: bytes, life: int = 0x1A2B3C4D) -> None:
        super().__init__(path)
        self.device, self.address, self.root, self.life = device, address, root, life
        self.counter, self.packet = 100, 0
        self.presses: dict[int, list[int]] = {}
        self.heard: list[Any] = []  # decoded messages of the hub
        self.silent = False
        self.connections = 0
        self.peers: dict[int, Any] = {}
        self.on_event = self._event
        self.advertised: tuple[int, int] | None = None

    async def open(self) -> HandPendant:
        await super().open()
        characteristics = [
            [little(FRAME_IN_UUID), 8, IN],
            [little(FRAME_OUT_UUID), 32, OUT],
            [little(INFO_UUID), 2, INFO],
        ]
        self.say(op="svc", s=[[little(SERVICE_UUID), characteristics]])
        self.say(op="buf", h=IN, n=128)
        await self.ping()
        return self

    def advertise(self, meaning: int, number: int, interval_us: int = 20000) -> None:
        """The next advert: a new counter."""
        self.counter += 1
        self.packet = self.packet + 1 & 255
        self.advertised = (meaning, number)
        mac = bytes.fromhex(self.address.replace(":", ""))
        payload = build(keys.advert_key(self.root), mac, self.counter, self.packet, 90, meaning, number, 50)
        self.say(op="adv", us=interval_us, a=payload.hex(), c=1)

    def press(self, number: int, meaning: int = MEANING_SOS) -> None:
        """The elder pressed."""
        self.presses[number] = [meaning, 0]
        self.advertise(meaning, number)

    def quiet(self) -> None:
        """Off the air, but awake."""
        self.advertised = None
        self.say(op="adv", us=None)

    def _event(self, event: dict[str, Any]) -> None:
        if event["e"] == 1:
            self.connections += 1
            conn = event["d"][0]
            self.peers[conn] = Responder(self._key, self.device, os.urandom(16))
            if self.advertised:
                self.advertise(*self.advertised)  # as the firmware does in its connect interrupt
        elif event["e"] == 2:
            self.peers.pop(event["d"][0], None)
        elif event["e"] == 3 and not self.silent:
            self._frame(event["d"][0], bytes.fromhex(event["v"]))

    def _key(self, hub_id: str) -> bytes:
        return keys.link_key(self.root, hub_id)

    def _frame(self, conn: int, frame: bytes) -> None:
        peer = self.peers[conn]
        if isinstance(peer, Responder):
            if not peer.hub_id:
                self.indicate(conn, peer.on_hello(frame))
                return
            self.peers[conn] = session = peer.on_proof(frame)
            self.indicate(conn, session.seal(self.status().encode()))
            return
        message = messages.decode(peer.open(frame))
        self.heard.append(message)
        self.indicate(conn, peer.seal(self._answer(message).encode()))

    def _answer(self, message: Any) -> Any:
        number = stage = counter = 0
        if message.kind == messages.KIND_GET_STATUS:
            return self.status()
        if message.kind == messages.KIND_ACK:
            number, stage = message.number, message.stage
            if number in self.presses:
                self.presses[number][1] = max(stage, self.presses[number][1])
                if stage >= STAGE_CLOSED:
                    del self.presses[number]
        if message.kind == messages.KIND_FLOOR:
            self.counter = max(self.counter, message.counter)
            counter = self.counter + 1
            if self.advertised:
                self.advertise(*self.advertised)
        return messages.Ok(message.kind, 0, self.life, number, stage, counter)

    def status(self) -> messages.Status:
        presses = [messages.Press(n, m, 60, s) for n, (m, s) in self.presses.items()]
        return messages.Status(self.life, self.counter, 90, 0, 12, presses, len(presses))

    def indicate(self, conn: int, frame: bytes) -> None:
        self.say(op="ind", c=conn, h=OUT, v=frame.hex())

    @property
    def call_states(self) -> list[int]:
        """What was told of the elder's calls, in order."""
        return [m.stage for m in self.heard if m.kind == messages.KIND_CALL_STATE]

    def stages(self, number: int) -> list[int]:
        """The stages that were told of a press, in order."""
        return [m.stage for m in self.heard if m.kind == messages.KIND_ACK and m.number == number]
