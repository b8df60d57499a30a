"""What a proved hub may do: acknowledge presses, tell how the call stands, set time, floor and configuration.

Every message is answered with OK after flash holds what it brought; the elder is told after that.
"""

import os

from firmware.pendant import peers
from firmware.pendant.presses import FALL, NONE
from protocols.link import keys, messages
from protocols.link.session import RANDOM_LENGTH


class HubLink:
    """The connected hubs of one App."""

    def __init__(self, app, root: bytes) -> None:
        self._app = app
        self._root = root
        self._noted = None  # type: bytes  # the note of a fall that those connected have
        self._peers = peers.Peers(self._key_of_hub, app.pendant_id, _random16)

    def __len__(self) -> int:
        return len(self._peers)

    def _key_of_hub(self, hub_id: str) -> bytes:
        return keys.link_key(self._root, hub_id)

    def connected(self, conn: int, now: int) -> None:
        """A connection began."""
        self._do(self._peers.connected(conn, now), now)

    def disconnected(self, conn: int) -> None:
        """A connection ended."""
        self._peers.disconnected(conn)

    def wrote(self, conn: int, frame: bytes, now: int) -> None:
        """A frame came in."""
        self._do(self._peers.wrote(conn, frame, now), now)

    def confirmed(self, conn: int, status: int) -> None:
        """An indication was confirmed, or failed."""
        self._do(self._peers.confirmed(conn, status), 0)

    def step(self, now: int) -> None:
        """Time has passed."""
        self._do(self._peers.step(now), now)
        if self._app.falls.note is not self._noted:
            self._noted = self._app.falls.note
            for conn in self._peers.proved():
                self._tell_fall(conn, now)

    def _tell_fall(self, conn: int, now: int) -> None:
        """What the newest fall was like, while it is open; the hub weighs it."""
        numbers = [p.number for p in self._app.core.book.presses if p.meaning == FALL]
        if numbers and self._app.falls.note:
            self._do(self._peers.tell(conn, messages.Fall(numbers[-1], self._app.falls.note)), now)

    def next_ms(self) -> int | None:
        """When `step` has something to do."""
        return self._peers.next_ms()

    def _do(self, actions: list, now: int) -> None:
        radio = self._app.radio
        for what, conn, value in actions:
            if what == peers.SEND:
                if not radio.send(conn, value):
                    self._do(self._peers.confirmed(conn, 1), now)
            elif what == peers.DROP:
                radio.drop(conn)
            elif what == peers.PROVED:
                self._app.proved(now)
                self._tell_answered(conn, now)
                self._do(self._peers.tell(conn, self._status(now)), now)
                self._tell_fall(conn, now)
            else:
                self._do(self._peers.tell(conn, self._answer(conn, value, now)), now)

    def _tell_answered(self, conn: int, now: int) -> None:
        """The falls about which another hub's question was answered: this one's, if it asks, ends too."""
        hub = self._peers.hub(conn)
        for number, other in self._app.core.book.answered:
            if other != hub:
                self._do(self._peers.tell(conn, messages.Answered(self._app.store.life, number, other)), now)

    def _answer(self, conn: int, message, now: int):
        """Does what a message says; the message to answer with."""
        app = self._app
        kind = message.kind
        life = number = stage = counter = 0
        kept = True
        if kind == messages.KIND_GET_STATUS:
            return self._status(now)
        if kind == messages.KIND_ACK:
            life, number, stage = app.store.life, message.number, message.stage
            if message.life in (0, life):
                hub = self._peers.hub(conn) if message.answered else ""
                effects = app.core.ack(number, stage, now, hub)
                kept = self._perform(effects)
                for other in self._peers.proved() if hub and effects else ():
                    self._tell_answered(other, now)
        elif kind == messages.KIND_CALL_STATE:
            stage = message.stage
            kept = self._perform(app.core.call(stage, now))
        elif kind == messages.KIND_ASK:
            kept = self._perform(app.core.ask(now))
        elif kind == messages.KIND_TIME:
            if message.trusted:
                kept = self._perform(app.core.wall(message.wall_ms, now))
                app.store.wall_offset_ms = app.core.wall_offset_ms
        elif kind == messages.KIND_FLOOR:
            app.store.raise_counter(message.counter)
            counter = app.store.counter.next
            kept = app.store.flash_ok
        elif kind == messages.KIND_CONFIG:
            kept = app.configure(message.preset, message.language)
        else:
            return messages.Ok(kind, messages.RESULT_NOT_UNDERSTOOD, 0, 0, 0, 0)
        result = messages.RESULT_DONE if kept else messages.RESULT_NOT_KEPT
        return messages.Ok(kind, result, life, number, stage, counter)

    def _perform(self, effects: list) -> bool:
        self._app.perform(effects)
        return self._app.store.flash_ok

    def _status(self, now: int):
        app = self._app
        book = app.core.book
        held = sorted(book.presses, key=_first)[: messages.MAX_PRESSES]
        presses = [messages.Press(p.number, p.meaning, max(0, now - p.pressed_ms), p.stage) for p in held]
        status = messages.Status(
            app.store.life,
            app.store.counter.next - 1,
            app.battery_pct(),
            app.faults(),
            now // 1000,
            presses,
            len(book.presses),
        )
        app.store.watchdog = False
        app.store.never_heard = False
        return status


def _first(press) -> tuple:
    """Unheard ones first, the highest meaning first: what a hub must learn of even when not all fit."""
    return (0 if press.stage == NONE else 1, -press.meaning, press.pressed_ms)


def _random16() -> bytes:
    return os.urandom(RANDOM_LENGTH)
