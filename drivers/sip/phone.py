"""A telephone by SIP: keeps one baresip running, rings, is rung, hears keys, opens the room and closes it.

Until `sound` is called the other side hears three tones now and then, and nothing of the room; after the call
the microphone is taken back before anything else is done. A baresip that ends, hangs or speaks nonsense is
ended and started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from drivers.child import START_S
from drivers.sip.control import Control, Said
from drivers.sip.program import ATTENTION, QUIET_SPEAKER, Account, Program
from drivers.sip.seal import seal
from drivers.talk import Stage, Talk
from drivers.waiting import any_came
from protocols.errors import AnbanError, Reason

log = logging.getLogger(__name__)

CHECK_S: Final = 60.0  # as of the modem
AGAIN_S: Final = (1.0, 2.0, 5.0, 15.0, 60.0)  # by failures in a row
STEADY_S: Final = 60.0
CONNECT_AGAIN_S: Final = 0.02  # until it is connected the control port is anybody's
ADDRESS: Final = re.compile(r"sips?:[A-Za-z0-9+._~-]{1,64}@[A-Za-z0-9.\[\]-]{1,128}(?::[0-9]{1,5})?")
REGISTERED: Final = re.compile(r"(?:\[3[0-9]m|\s)(?:(?P<ok>OK)|ERR)(?=\s|\x1b)")  # its answer to "reginfo"
KEYS: Final = frozenset("0123456789*#ABCD")
NO_NUMBER: Final = ("anonymous", "unavailable", "unknown", "restricted", "")


class SipPhone:
    """Run it as a task. One call at a time; baresip refuses a second one as busy.

    `folder` is private to it; `prepare` is called in a thread before baresip starts; `microphone` and
    `speaker` are baresip's "module,device"; `on_ring(number)`: somebody rings, "" where the number is
    withheld; `on_standing(good)` at each look at its standing.
    """

    def __init__(
        self,
        account: Account,
        folder: Path,
        *,
        microphone: str = "alsa,default",
        speaker: str = "alsa,default",
        environment: Mapping[str, str] | None = None,
        prepare: Callable[[], None] | None = None,
        check_s: float = CHECK_S,
    ) -> None:
        self._account, self._folder, self._environment = account, folder, environment
        self._microphone, self._speaker, self._check_s = microphone, speaker, check_s
        self._prepare = prepare
        self.on_ring: Callable[[str], None] = lambda number: None
        self.on_standing: Callable[[bool], None] = lambda good: None
        self.trouble = "not-started"  # why it is not good; empty when it is
        self.program: Program | None = None
        self._control: Control | None = None
        self._talk: Talk | None = None
        self._open = False  # the microphone was given, and not taken back yet
        self._taking_back = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def good(self) -> bool:
        """Whether it is registered (or needs not be), and baresip answers."""
        return not self.trouble

    @property
    def talk(self) -> Talk | None:
        """The call that stands, if there is one."""
        return self._talk if self._talk is not None and self._talk.stage < Stage.ENDED else None

    @property
    def room_given(self) -> bool:
        """Whether the room's microphone and speaker are the line's, or are not taken back yet."""
        return self._open

    # --- life ---

    async def run(self) -> None:
        """Start, follow; again when it ends. Never ends by itself."""
        failures, loop = 0, asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._serve_once()
            except AnbanError as error:
                log.info("sip: %s", error)
            failures = 0 if loop.time() - began >= STEADY_S else failures + 1
            await asyncio.sleep(AGAIN_S[min(failures, len(AGAIN_S)) - 1] if failures else AGAIN_S[0])

    async def _serve_once(self) -> None:
        program = self.program = Program(self._account, self._folder, self._environment, self._prepare)
        try:
            await program.start()
            self._control = await self._connected(program)
            self._seal(program)
            self._stands("" if not self._account.register_s else "not-registered")
            await self._look(self._control)  # it may have registered before anybody listened
            await self._follow(program, self._control)
        finally:
            self._stands("not-started")
            if self._talk is not None:
                self._talk.rise(Stage.ENDED, "lost")
            control, self._control, self._open = self._control, None, False
            await program.stop()
            if control is not None:
                await control.close()

    async def _connected(self, program: Program) -> Control:
        loop = asyncio.get_running_loop()
        until = loop.time() + START_S
        while True:
            try:
                return await Control.connect(program.port, self._heard)
            except AnbanError:
                if program.ended.is_set() or loop.time() > until:
                    raise
                await asyncio.sleep(CONNECT_AGAIN_S)

    @staticmethod
    def _seal(program: Program) -> None:
        """Nobody else is let in. A telephone whose port stays open is better than none."""
        try:
            seal(program.pid, program.port)
        except AnbanError as error:
            log.warning("sip: %s", error)

    async def _follow(self, program: Program, control: Control) -> None:
        """Until it ends or hangs."""
        while not await any_came(program.ended, control.lost, within_s=self._check_s):
            await self._look(control)

    async def _look(self, control: Control) -> None:
        """Whether it answers, and is registered."""
        found = REGISTERED.search(await control.ask("reginfo"))
        if found is not None and self._account.register_s:
            self._stands("" if found["ok"] else self.trouble or "not-registered")

    def _stands(self, trouble: str) -> None:
        self.trouble = trouble
        self.on_standing(not trouble)

    # --- what a person does ---

    async def dial(self, number: str) -> Talk:
        """Ring a SIP address. AnbanError: NO_SERVICE, BUSY (there is a call), BAD_VALUE, DEVICE_TIMEOUT,
        NOT_READY."""
        if not ADDRESS.fullmatch(number):
            raise AnbanError(Reason.BAD_VALUE, "A SIP address is sip:name@domain.")
        control = self._ready()
        if self.talk is not None:
            raise AnbanError(Reason.BUSY, "there is a call on the line", "It ends, or is hung up.")
        await self._quiet(control)
        talk = self._talk = Talk(number)  # its events may overtake the answer
        try:
            await control.ask("dial", number)
        except AnbanError:
            talk.rise(Stage.ENDED, "failed")
            with contextlib.suppress(AnbanError):
                await control.ask("hangup")
            raise
        return talk

    async def answer(self) -> Talk:
        """Take the call that rings. AnbanError as `dial`."""
        control, talk = self._ready(), self.talk
        if talk is None or not talk.incoming:
            raise AnbanError(Reason.NOT_FOUND, "nobody rings")
        if self._open:  # cannot be taken back while it rings
            raise AnbanError(Reason.BUSY, "the room is still given to the last call", "Ring again.")
        await control.ask("accept")
        return talk

    async def hang_up(self) -> None:
        """End whatever is on the line. AnbanError."""
        control, talk = self._ready(), self._talk
        await control.ask("hangup")
        if talk is not None:
            talk.rise(Stage.ENDED, "hung-up")
        await self._quiet(control)

    async def tones(self, keys: str) -> None:
        """Press keys. AnbanError."""
        control = self._ready()
        for key in keys:
            await control.ask("sndcode", key)

    async def sound(self) -> None:
        """Give the call the room's speaker and microphone. AnbanError(AUDIO_DOWN): baresip cannot open one;
        nothing of the room is heard then."""
        control = self._ready()
        if self._talk is None or self._talk.stage is not Stage.ANSWERED:
            raise AnbanError(Reason.NOT_FOUND, "no line is open")
        self._open = True
        for command, device in (("auplay", self._speaker), ("ausrc", self._microphone)):
            await self._use(control, command, device)

    async def silence(self) -> None:
        """Take the room back, if the end of the call has not done so yet. AnbanError."""
        if self._control is not None:
            await self._quiet(self._control)

    async def _quiet(self, control: Control) -> None:
        """Take the room back: the next call begins with tones, and hears nothing of it.

        Who rings before that was given the room's devices, and baresip does not change those of a call that
        is not answered: such a call is refused, and may come again.
        """
        async with self._taking_back:
            if not self._open:
                return
            try:
                await self._take_back(control)
            except AnbanError:
                await control.ask("hangup")
                await self._take_back(control)
            self._open = False

    async def _take_back(self, control: Control) -> None:
        await self._use(control, "ausrc", f"aufile,{self._folder / ATTENTION}")
        await self._use(control, "auplay", QUIET_SPEAKER)

    async def _closed(self) -> None:
        """A call has ended: baresip that does not give the room back is ended."""
        program = self.program
        try:
            if self._control is not None:
                await self._quiet(self._control)
        except AnbanError as error:
            log.warning("sip: %s", error)
            if program is not None:
                await program.stop()

    async def _use(self, control: Control, command: str, device: str) -> None:
        answer = await control.ask(command, device)
        if "failed" in answer or "no such" in answer:
            raise AnbanError(
                Reason.AUDIO_DOWN,
                f"baresip cannot open {device.partition(',')[0]} for {command}",
                "Check the sound card, and [sip] microphone and speaker.",
            )

    def _ready(self) -> Control:
        if self._control is None:
            raise AnbanError(Reason.NO_SERVICE, f"SIP: {self.trouble}", "Check the line and the account.")
        return self._control

    # --- what baresip tells ---

    def _heard(self, event: Said) -> None:
        """An event; returns at once."""
        talk = self.talk
        if event.type == "REGISTER_OK":
            self._stands("")
        elif event.type in ("REGISTER_FAIL", "UNREGISTERING"):
            self._stands("not-registered" if event.param[:2] not in ("40", "41", "42") else "refused")
        elif event.type == "CALL_INCOMING":
            if talk is None:
                talk = self._talk = Talk(number_of(event.peeruri), incoming=True)
                talk.rise(Stage.RINGING)
            self.on_ring(talk.number)
        elif talk is not None:
            self._about(talk, event)

    def _about(self, talk: Talk, event: Said) -> None:
        """An event of the call that stands."""
        if event.direction and (event.direction == "incoming") is not talk.incoming:
            return
        if event.type == "CALL_RINGING":
            talk.rise(Stage.RINGING)
        elif event.type == "CALL_ESTABLISHED":
            talk.rise(Stage.ANSWERED)
        elif event.type == "CALL_DTMF_START" and event.param in KEYS:
            talk.pressed(event.param)
        elif event.type == "CALL_CLOSED":
            talk.rise(Stage.ENDED, _end(talk, event.param))
            task = asyncio.ensure_future(self._closed())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _end(talk: Talk, why: str) -> str:
    """Why a call ended, as the modem's telephone says it."""
    if talk.stage is Stage.ANSWERED:
        return "ended"
    if why.startswith(("486", "600", "603")):
        return "busy"
    return "no-answer" if talk.rang else "failed"


def number_of(uri: str) -> str:
    """Whom a SIP address names: a telephone number where it is one, else name@domain; "" for nobody."""
    bare = re.sub(r"^sips?:", "", uri.strip("<> ")).partition(";")[0]
    name, _, domain = bare.partition("@")
    if re.fullmatch(r"\+[0-9]{6,15}", name):
        return name
    if name.lower() in NO_NUMBER or domain.endswith(".invalid") or not ADDRESS.fullmatch(f"sip:{bare}"):
        return ""
    return f"sip:{bare}"
