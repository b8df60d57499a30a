"""The air between the radios: who hears whom how well, jamming, walls, links that time out, a tape.

`Air` takes the place of Bumble's LocalLink. All radios of one home stand on one Air in one event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from bumble import core, hci, ll
from bumble.controller import Connection
from bumble.link import LocalLink

from sim.air.controller import AirAdvertiser, AirController, advert_kind
from sim.air.geometry import DEAD_LOSS, FADE_DB, Dice, Spot, Wall, loss, signal_dbm

RETRY_INTERVAL_S = 0.015  # a lost data packet is sent again at the next connection event (7.5-30 ms)
TAPE_LENGTH = 4096  # adverts kept for a replay
_CONNECT_FAIL_S = 0.1  # six connection events without an answer: Core 5.4 Vol 6 Part B 4.5.2
_LOST = hci.HCI_CONNECTION_TIMEOUT_ERROR
_NEVER = hci.HCI_CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR


@dataclass
class _LinkEnd:
    """What the air knows of one end of a link."""

    supervision_s: float = 0.72
    free_at: float = 0.0  # loop time at which the last packet under way arrives: order is kept
    queue: deque[tuple[float, bytes]] = field(default_factory=deque)
    timeout: asyncio.TimerHandle | None = None


def _state(connection: Connection) -> _LinkEnd:
    state: _LinkEnd = connection.__dict__.setdefault("air", _LinkEnd())
    return state


class Air(LocalLink):
    """All radios of a home. Places and walls give signal and loss; the seed fixes the draws of each pair."""

    controllers: set[Any]

    def __init__(self, seed: int = 0, supervision_s: float | None = None, latency_s: float = 0.0) -> None:
        super().__init__()
        self.dice = Dice(seed)
        self.supervision_s = supervision_s  # None: what the central asked for (Bumble 0.72 s, BlueZ 0.42 s)
        self.latency_s = latency_s
        self.spots: dict[str, Spot] = {}
        self.walls: dict[str, Wall] = {}
        self.away: set[str] = set()
        self.noise_db: dict[str, float] = {}  # by receiver; "" = everywhere
        self.tape: deque[tuple[str, hci.Address, bytes]] = deque(maxlen=TAPE_LENGTH)

    # ---- how well is it heard ----

    def loss_between(self, sender: str, receiver: str) -> tuple[float, float]:
        """(signal in dBm, share of packets lost) from one named radio to another."""
        a, b = self.spots.get(sender, Spot()), self.spots.get(receiver, Spot())
        dbm = signal_dbm(a, b, tuple(self.walls.values()))
        if sender in self.away or receiver in self.away:
            return dbm, 1.0
        return dbm, loss(dbm, self.noise_db.get(receiver, 0.0) + self.noise_db.get("", 0.0))

    def changed(self) -> None:
        """Call after a spot, a wall, noise or absence changed: links that died now begin to time out."""
        for c in self.controllers:
            for connection in c.le_connections.values():
                self._watch(connection)

    # ---- adverts ----

    def advertise(self, sender: AirController, advertiser: AirAdvertiser) -> None:
        """One advertising event of a radio."""
        kind = advert_kind(advertiser.advertising_type)
        self.tape.append((sender.name, advertiser.address, advertiser.advertising_data))
        response = advertiser.scan_response_data or None
        self.broadcast(sender.name, advertiser.address, kind, advertiser.advertising_data, response)

    def broadcast(
        self, sender: str, address: hci.Address, kind: int, data: bytes, response: bytes | None = None
    ) -> None:
        """Any bytes under any address from the spot of `sender`: what a radio or a forger sends."""
        loop = asyncio.get_running_loop()
        for c in self.controllers:
            if c.name == sender or not c.listening:
                continue
            dbm, lost = self.loss_between(sender, c.name)
            dice = self.dice.of(sender, c.name)
            if lost >= 1.0 or dice.random() < lost:
                continue
            rssi = max(-127, min(20, round(dice.gauss(dbm, FADE_DB))))
            loop.call_soon(c.receive_advert, address, kind, bytes(data), response, rssi)

    def send_advertising_pdu(self, sender_controller: Any, packet: ll.AdvertisingPdu) -> None:
        # Bumble's own adverts are not used (AirAdvertiser); what is left is the answer of an initiator. It is
        # taken by one radio that advertises now under that address, or the new link fails to establish.
        if not isinstance(packet, ll.ConnectInd):
            return
        mine = sender_controller.le_connections[packet.advertiser_address]
        _state(mine).supervision_s = packet.timeout * 0.01
        for c in self.controllers:
            advertiser = c.le_legacy_advertiser
            if c is sender_controller or not advertiser.enabled or c.hung:
                continue
            if advertiser.address == packet.advertiser_address and self._reaches(sender_controller, c):
                c.on_ll_advertising_pdu(packet)
                _state(c.le_connections[packet.initiator_address]).supervision_s = packet.timeout * 0.01
                return
        asyncio.get_running_loop().call_later(
            _CONNECT_FAIL_S, sender_controller.on_le_disconnected, mine, _NEVER
        )

    def _reaches(self, a: Any, b: Any) -> bool:
        return self.loss_between(a.name, b.name)[1] < DEAD_LOSS

    # ---- links ----

    def peer_of(self, connection: Connection) -> tuple[Any, Connection] | None:
        """The radio at the other end of a link and its side of it."""
        for c in self.controllers:
            theirs = c.le_connections.get(connection.self_address)
            if theirs and theirs.self_address == connection.peer_address and c is not connection.controller:
                return c, theirs
        return None

    def send_acl_data(
        self, sender_controller: Any, destination_address: hci.Address, transport: Any, data: bytes
    ) -> None:
        # Bumble sends from the *current* random address (Linux changes it with every scan; public ones hang)
        # and loses nothing. Here a lost packet is repeated at the next event, in order.
        connection = sender_controller.le_connections.get(destination_address)
        end = self.peer_of(connection) if connection else None
        if transport != core.PhysicalTransport.LE or connection is None or end is None:
            return
        lost = self.loss_between(sender_controller.name, end[0].name)[1]
        dice = self.dice.of(sender_controller.name, end[0].name)
        tries = 0
        while lost < DEAD_LOSS and dice.random() < lost:
            tries += 1
        state = _state(connection)
        now = asyncio.get_running_loop().time()
        state.free_at = max(state.free_at, now + self.latency_s + tries * RETRY_INTERVAL_S)
        state.queue.append((state.free_at, data))
        if len(state.queue) == 1:
            self._pump_at(connection, state.free_at)

    def _pump_at(self, connection: Connection, at: float) -> None:
        loop = asyncio.get_running_loop()
        if at <= loop.time():
            loop.call_soon(self._pump, connection)
        else:
            loop.call_at(at, self._pump, connection)

    def _pump(self, connection: Connection) -> None:
        state, now = _state(connection), asyncio.get_running_loop().time()
        alive = connection.controller.le_connections.get(connection.peer_address) is connection
        end = self.peer_of(connection)
        if not alive or end is None:
            state.queue.clear()
            return
        if not self._reaches(connection.controller, end[0]):
            # the link layer keeps it, and sends it when the peer comes back within its supervision time
            self._pump_at(connection, now + RETRY_INTERVAL_S)
            return
        while state.queue and state.queue[0][0] <= now:
            data = state.queue.popleft()[1]
            end[0].on_link_acl_data(connection.self_address, core.PhysicalTransport.LE, data)
        if state.queue:
            self._pump_at(connection, state.queue[0][0])

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        # Bumble raises when the peer is gone, and the host never gets its Disconnection Complete.
        for c in self.controllers:
            theirs = c.le_connections.get(sender_address)
            if theirs is None or theirs.self_address != receiver_address:
                continue
            sender = next((s for s in self.controllers if s is not c and self._owns(s, theirs)), None)
            if sender is None or self._reaches(sender, c):
                asyncio.get_running_loop().call_soon(c.on_ll_control_pdu, sender_address, packet)
            elif isinstance(packet, ll.TerminateInd):
                self._expire_later(theirs)
            return

    @staticmethod
    def _owns(controller: Any, theirs: Connection) -> bool:
        mine = controller.le_connections.get(theirs.self_address)
        return mine is not None and mine.self_address == theirs.peer_address

    # ---- supervision ----

    def _watch(self, connection: Connection) -> None:
        state, end = _state(connection), self.peer_of(connection)
        if end is None or not self._reaches(connection.controller, end[0]):
            self._expire_later(connection)
        elif state.timeout:
            state.timeout.cancel()
            state.timeout = None

    def _expire_later(self, connection: Connection) -> None:
        state = _state(connection)
        if state.timeout:
            return
        after = self.supervision_s or state.supervision_s
        state.timeout = asyncio.get_running_loop().call_later(after, self._expire, connection)

    def _expire(self, connection: Connection) -> None:
        connection.controller.on_le_disconnected(connection, _LOST)

    def lose(self, connection: Connection) -> None:
        """This end of a link is gone without a word: the other end will run into its supervision timeout."""
        if end := self.peer_of(connection):
            self._expire_later(end[1])

    def leave(self, controller: AirController) -> None:
        """A radio vanishes with all its links (process killed, battery pulled, deep sleep)."""
        for connection in list(controller.le_connections.values()):
            self.lose(connection)
        controller.le_connections.clear()
        self.controllers.discard(controller)
