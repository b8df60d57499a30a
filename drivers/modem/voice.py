"""The modem as a telephone, on an AT port of its own: a number is rung, followed, hung up.

That ATD is answered with OK says nothing: +CLCC is asked every 2 s, and at once when the modem tells of a
change. A line that an earlier run has left open is closed before anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from drivers.modem.channel import AtError, Channel
from drivers.modem.families import GENERIC, Family, family_of
from drivers.modem.modem import REOPEN_S
from drivers.modem.port import Opener, lost
from drivers.modem.sound import SerialSound
from drivers.talk import Stage, Talk
from drivers.waiting import came
from protocols.at import ACTIVE, ALERTING, CALL_FINALS, ENDED, INCOMING, Line, line_of, tone_of
from protocols.errors import AnbanError, Reason

log = logging.getLogger(__name__)

POLL_S: Final = 2.0  # facts: +CLCC every 2 s
CHECK_S: Final = 60.0  # as of the modem
UNSEEN_POLLS: Final = 5  # a call that +CLCC has not shown by now never began
LAST_WORD_S: Final = 2.0
DIAL_S: Final = 20.0  # some modems answer ATD when the network has it
ENDS: Final = {"BUSY": "busy", "NO ANSWER": "no-answer", "NO CARRIER": "ended", "NO DIALTONE": "failed"}


class ModemTalk(Talk):
    """A phone call as +CLCC and the modem's codes show it."""

    def __init__(self, number: str, *, incoming: bool = False) -> None:
        super().__init__(number, incoming=incoming)
        self._seen, self._unseen = incoming, 0

    def shown(self, lines: list[Line]) -> None:
        """What an answer to +CLCC shows of it."""
        mine = [line for line in lines if line.incoming is self.incoming]
        if mine:
            self._seen = True
            self.line(mine[0])
            return
        self._unseen += 1
        if self._seen or self._unseen >= UNSEEN_POLLS:
            answered = self.stage is Stage.ANSWERED
            self.rise(Stage.ENDED, "ended" if answered else "no-answer" if self._seen else "failed")

    def line(self, line: Line) -> None:
        """What one line shows of it."""
        if line.stat == ENDED:
            if self.stage is Stage.ANSWERED:  # of another the reason follows, or +CLCC shows that it is gone
                self.rise(Stage.ENDED, "ended")
        elif line.stat == ACTIVE:
            self.rise(Stage.ANSWERED)
        elif line.stat in (ALERTING, INCOMING):
            self.rise(Stage.RINGING)


class Telephone:
    """Run it as a task; it opens its port, and opens it again, until cancelled. One call at a time.

    `on_ring(number)`: somebody rings, and again at each ring; "" for a number that is withheld.
    `on_standing(good)`: whether its port answers, at each opening and each failure. `sounds`: the sound of
    calls comes to this machine, on a card of the modem's or by `serial`.
    """

    def __init__(
        self,
        open_port: Opener,
        *,
        on_ring: Callable[[str], None] = lambda number: None,
        on_standing: Callable[[bool], None] = lambda good: None,
        sounds: bool = False,
        serial: SerialSound | None = None,
        poll_s: float = POLL_S,
        check_s: float = CHECK_S,
    ) -> None:
        self._open, self.on_ring, self.on_standing = open_port, on_ring, on_standing
        self._poll_s, self._check_s = poll_s, check_s
        self._sounds, self._serial = sounds or serial is not None, serial
        self.family: Family = GENERIC
        self._channel: Channel | None = None
        self._talk: ModemTalk | None = None
        self._told = asyncio.Event()  # the modem has told of a change
        self._ended = asyncio.Event()
        self._lists = True  # it knows +CLCC

    @property
    def good(self) -> bool:
        """Whether its port answers."""
        return self._channel is not None

    @property
    def talk(self) -> ModemTalk | None:
        """The call that stands, if there is one."""
        return self._talk if self._talk is not None and self._talk.stage < Stage.ENDED else None

    @property
    def is_open(self) -> bool:
        """Whether somebody hears, and is heard."""
        return self._talk is not None and self._talk.stage is Stage.ANSWERED

    # --- life ---

    async def run(self) -> None:
        """Open, bring up, serve; again when the port goes. Never ends by itself."""
        failures = 0
        while True:
            try:
                await self._serve_once()
                failures = 0
            except AnbanError as error:
                log.info("telephone: %s", error)
                failures += 1
            finally:
                if self._talk is not None:
                    self._talk.rise(Stage.ENDED, "lost")
            self.on_standing(False)
            await asyncio.sleep(REOPEN_S[min(failures, len(REOPEN_S) - 1)])

    async def _serve_once(self) -> None:
        self._ended.clear()
        channel = await Channel.opened(self._open, self._code, self._port_lost)
        try:
            await self._begin(channel)
            self._channel = channel
            self.on_standing(True)
            await self._follow(channel)
        finally:
            self._channel = None
            if self.talk is not None and not channel.lost:
                with contextlib.suppress(AnbanError):  # who ends leaves no open microphone behind
                    await channel.ask("AT+CHUP", timeout_s=LAST_WORD_S)
            await channel.close()

    def _port_lost(self) -> None:
        self._ended.set()
        self._told.set()

    async def _begin(self, channel: Channel) -> None:
        await channel.ask("ATE0")
        await _bear(channel, "AT+CMEE=1")
        await _bear(channel, "AT+CHUP")  # a run before this one may have died in the middle of a call
        self.family = family_of(" ".join(await _bear(channel, "ATI", "", "+")))
        for command in ("AT+CLIP=1", "ATS0=0", self.family.call_codes, self.family.tones):
            if command:
                await _bear(channel, command)

    async def _follow(self, channel: Channel) -> None:
        """Look at the call that stands, and now and then whether the port still answers, until it is gone."""
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while not self._ended.is_set():
            self._told.clear()
            if self.talk is not None:
                await self._look(channel)
            elif loop.time() - checked >= self._check_s:
                await channel.ask("AT")
                checked = loop.time()
            await came(self._told, self._poll_s if self.talk is not None else self._check_s)

    async def _look(self, channel: Channel) -> None:
        talk = self.talk
        if talk is None or not self._lists:
            return
        try:
            lines = await channel.ask("AT+CLCC", "+CLCC:")
        except AtError:
            self._lists = False  # what the modem tells by itself has to do
            return
        talk.shown([line for line in map(line_of, lines) if line is not None])

    # --- what a person does ---

    async def dial(self, number: str) -> Talk:
        """Ring a number. AnbanError: NO_SERVICE, BUSY (there is a call), MODEM_REFUSED, DEVICE_TIMEOUT,
        MODEM_LOST, BAD_VALUE."""
        if not number.removeprefix("+").isdigit() or not number.isascii() or len(number) > 20:
            raise AnbanError(Reason.BAD_VALUE, "A phone number has up to 20 digits, and + before them.")
        channel = self._ready()
        if self.talk is not None:
            raise AnbanError(Reason.BUSY, "there is a call on the line", "It ends, or is hung up.")
        self._lists = True
        talk = ModemTalk(number)
        try:
            await channel.ask(f"ATD{number};", timeout_s=DIAL_S)
        except AtError as error:
            log.info("telephone: %s", error)
            raise
        self._talk = talk
        self._told.set()
        return talk

    async def answer(self) -> Talk:
        """Take the call that rings. AnbanError as `dial`."""
        channel, talk = self._ready(), self.talk
        if talk is None or not talk.incoming:
            raise AnbanError(Reason.NOT_FOUND, "nobody rings")
        await channel.ask("ATA", timeout_s=DIAL_S)
        self._told.set()
        return talk

    async def hang_up(self) -> None:
        """End whatever is on the line; again with another command where one is refused. AnbanError."""
        channel, talk = self._ready(), self._talk
        if not await _works(channel, "AT+CHUP"):
            await channel.ask("ATH")
        if talk is not None:
            talk.rise(Stage.ENDED, "hung-up")

    async def tones(self, keys: str) -> None:
        """Let keys be heard by the other side; what refuses is borne."""
        channel = self._ready()
        for key in keys:
            await _bear(channel, f"AT+VTS={key}")

    async def sound(self) -> None:
        """Join the call and the room, where the modem's sound comes here; else speech goes by the microphone
        and speaker that are wired to the modem. AnbanError."""
        channel = self._ready()
        if not self._sounds or self._talk is None:
            return
        if self.family.audio:
            await channel.ask(self.family.audio)
        if self._serial is not None:
            await self._serial.open()

    async def silence(self) -> None:
        """Part the call from the room."""
        if self._serial is not None:
            await self._serial.close()

    def _ready(self) -> Channel:
        if self._channel is None:
            raise lost()
        return self._channel

    # --- what the modem tells ---

    def _code(self, line: str, _body: str) -> None:
        """An unsolicited code; returns at once."""
        talk = self.talk
        key = tone_of(line)
        found = line_of(line)
        if key and talk is not None:
            talk.pressed(key)
        elif found is not None and talk is not None:
            if found.incoming is talk.incoming:
                talk.line(found)
        elif line in CALL_FINALS and talk is not None:
            was = talk.stage
            talk.rise(Stage.ENDED, "ended" if was is Stage.ANSWERED else ENDS[line])
        elif line.startswith("+CLIP:"):
            self._rung(line)
        self._told.set()

    def _rung(self, line: str) -> None:
        number = line.partition(":")[2].split(",")[0].strip().strip('"')
        if self.talk is None:
            self._talk = ModemTalk(number, incoming=True)
            self._talk.rise(Stage.RINGING)
        self.on_ring(number)


async def _bear(channel: Channel, command: str, *prefixes: str) -> list[str]:
    """The answer, or none where the modem refuses the command."""
    try:
        return await channel.ask(command, *prefixes)
    except AtError as error:
        log.info("telephone: %s: %s", command.partition("=")[0], error)
        return []


async def _works(channel: Channel, command: str) -> bool:
    try:
        await channel.ask(command)
    except AtError:
        return False
    return True
