"""The modem as a device that texts: opened, brought up, checked, brought back; SMS out, SMS in (inbox.py).

The memory is looked through at start, when something is told to have come, after every message sent and at
every check, because a full memory tells of nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from drivers.modem.channel import AtError, AtTimeout, Channel
from drivers.modem.families import CNMI, GENERIC, STORES, Family, family_of
from drivers.modem.inbox import Inbox, OnMessage, OnReport
from drivers.modem.ladder import Climb, Rung, climb
from drivers.modem.network_time import Mute, NetworkTime, network_time
from drivers.modem.port import Opener
from drivers.modem.standing import PinKeeper, Standing
from drivers.waiting import any_came
from protocols import sms_pdu
from protocols.at import error_number, number_at, remedy
from protocols.errors import AnbanError, Reason

log = logging.getLogger(__name__)

CHECK_S: Final = 60.0  # facts: a modem check every minute
REOPEN_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # a re-enumeration takes 5-20 s
USABLE: Final = (1, 5, 6, 7)  # registered: home, roaming, and SMS only at home or roaming
REPAIRS_A_SEND: Final = 2
SOON_S: Final = 5.0  # errors that pass by themselves within this time are waited for, once a send
NO_NETWORK: Final = 331  # +CMS ERROR: the way is down until a check finds service, and refuses nothing


class Modem:
    """Run it as a task; it opens its port, and opens it again, until cancelled."""

    def __init__(
        self,
        open_port: Opener,
        on_message: OnMessage,
        *,
        on_standing: Callable[[Standing], None] = lambda standing: None,
        on_report: OnReport = lambda report: None,
        alarm: Callable[[], bool] = lambda: False,
        power: Callable[[], Awaitable[None]] | None = None,
        pin: PinKeeper | None = None,
        talking: Callable[[], bool] = lambda: False,
        check_s: float = CHECK_S,
        now_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._open, self._on_standing, self._alarm, self._power = open_port, on_standing, alarm, power
        self.talking = talking
        self.wants_time: Callable[[], bool] = lambda: False
        self.on_time: Callable[[NetworkTime], None] = lambda told: None
        self._pin, self._check_s, self._now_ms = pin or PinKeeper(), check_s, now_ms
        self._inbox = Inbox(on_message, on_report, now_ms)
        self.standing = Standing()
        self.family: Family = GENERIC
        self.rungs: list[Rung] = []  # what was done to bring it back, for tables and tests
        self._channel: Channel | None = None
        self._look = asyncio.Event()
        self._ended = asyncio.Event()
        self._sending = asyncio.Lock()
        self._reference = 0
        self._climb = Climb()
        self._climbed_ms = self._now_ms()
        self._tells_time = True
        self._card = ""  # what is wrong with it

    # --- life ---

    async def run(self) -> None:
        """Open, bring up, serve; again when the port goes. Never ends by itself."""
        failures = 0
        while True:
            try:
                if await self._serve_once():
                    failures = 0
            except AnbanError as error:
                log.info("modem: %s", error)
            self._stand(trouble="lost")
            await asyncio.sleep(REOPEN_S[min(failures, len(REOPEN_S) - 1)])
            failures += 1

    async def _serve_once(self) -> bool:
        """One opening of the port, until it is lost or given up; whether it was ever brought up."""
        self._ended.clear()
        channel = await Channel.opened(self._open, self._code, self._ended.set)
        try:
            await self._awake(channel)
            self._channel = channel
            await self._serve(channel)
            return True
        finally:
            self._channel = None
            await channel.close()

    async def _serve(self, channel: Channel) -> None:
        """Look through the memory when told, check every minute, until the port is to be opened anew."""
        due = 0.0
        loop = asyncio.get_running_loop()
        while not self._ended.is_set():
            if loop.time() >= due:
                await self.check(channel)
                due = loop.time() + self._check_s
            self._look.clear()
            if self.standing.trouble not in ("silent", "lost"):
                with contextlib.suppress(AnbanError):
                    await self._inbox.drain(channel, functools.partial(self._bear, channel))
            await any_came(self._look, self._ended, within_s=max(0.0, due - loop.time()))

    async def _awake(self, channel: Channel) -> None:
        """Bring it up; one that is silent from the start climbs the ladder too, as often as it is checked."""
        try:
            await self._begin(channel)
        except AnbanError as error:
            if (
                error.reason is Reason.DEVICE_TIMEOUT
                and self._now_ms() - self._climbed_ms >= self._check_s * 1000
            ):
                await self._recover(channel, self._next_rung(answers=False, service=False))
            raise

    async def _begin(self, channel: Channel) -> None:
        """Everything set explicitly; what a modem does not know degrades, and never fails."""
        self._tells_time = True
        await channel.ask("ATE0")
        await self._bear(channel, "AT+CMEE=1")
        identity = await self._bear(channel, "ATI", "", "+")
        self.family = family_of(" ".join(identity))
        self._stand(family=self.family.name)
        await self._unlock(channel)
        await self._messages(channel)
        for command in (
            *("AT+CREG=2", "AT+CGREG=2", "AT+CEREG=2", "AT+CLIP=1", "ATS0=0", "AT+CTZU=1"),
            *(self.family.call_codes,) * bool(self.family.call_codes),
            *self.family.init,
        ):
            await self._bear(channel, command)

    async def _messages(self, channel: Channel) -> None:
        """PDU mode, a memory, and to be told of what comes."""
        await self._bear(channel, "AT+CMGF=0")
        for store in STORES:
            if await self._works(channel, f'AT+CPMS="{store}","{store}","{store}"', "+CPMS:"):
                break
        for mode in CNMI:
            if await self._works(channel, f"AT+CNMI={mode}"):
                break

    async def _unlock(self, channel: Channel) -> None:
        """The SIM's state; a PIN is entered unless it was ever refused, a PUK never."""
        try:
            answer = await self._card_says(channel)
            state = answer[0].partition(":")[2].strip() if answer else ""
        except AtError:
            state = "none"
        if state == "SIM PIN" and self._pin.pin and await asyncio.to_thread(self._pin.may_try):
            await asyncio.to_thread(self._pin.tried)  # before it is: better a visit than a dead SIM
            if await self._works(channel, f'AT+CPIN="{self._pin.pin}"'):
                await asyncio.to_thread(self._pin.worked)
                state = "READY"
        self._card = {"READY": "", "SIM PIN": "pin", "SIM PUK": "puk"}.get(state, "card")

    @staticmethod
    async def _card_says(channel: Channel) -> list[str]:
        """The answer to AT+CPIN?, to which some modems give no OK."""
        try:
            return await channel.ask("AT+CPIN?", "+CPIN:")
        except AtTimeout as error:
            if not error.lines:
                raise
            return error.lines

    async def _bear(self, channel: Channel, command: str, *prefixes: str) -> list[str]:
        """The answer, or none where the modem refuses the command, or is silent to it alone."""
        try:
            return await channel.ask(command, *prefixes)
        except AtError as error:
            log.info("modem: %s: %s", command.partition("=")[0], error)
        except AtTimeout as error:
            log.info("modem: %s: %s", command.partition("=")[0], error)
            await channel.ask("AT")  # it lives, or this says that it does not
        return []

    async def _works(self, channel: Channel, command: str, *prefixes: str) -> bool:
        try:
            await channel.ask(command, *prefixes)
        except AtError:
            return False
        except AtTimeout:
            await channel.ask("AT")
            return False
        return True

    # --- checks ---

    async def check(self, channel: Channel) -> None:
        """Ask for SIM, registration, signal and memory; what follows from it, by the ladder."""
        try:
            await self._unlock_again(channel)
            registered = await self._registration(channel)
            signal = number_at(next(iter(await self._bear(channel, "AT+CSQ", "+CSQ:")), ""), 0)
            stores = await self._bear(channel, "AT+CPMS?", "+CPMS:")
            answers = True
        except AnbanError as error:
            if error.reason is Reason.MODEM_LOST:
                raise
            answers, registered, signal, stores = False, None, None, []
        trouble = self._trouble(answers, registered)
        used, room = (number_at(stores[0], place) or 0 for place in (1, 2)) if stores else (0, 0)
        self._stand(
            trouble=trouble,
            registration=registered,
            signal_dbm=None if signal is None or signal > 31 else 2 * signal - 113,  # TS 27.007 8.5
            stored=used,
            room=room,
        )
        rung = self._next_rung(answers=answers, service=not trouble)
        if rung is not Rung.WAIT:
            await self._recover(channel, rung)
        elif not trouble:
            await self._read_time(channel)

    async def _read_time(self, channel: Channel) -> None:
        """What time the network has told, where somebody wants to know; never before an alarm's text."""
        if not self._tells_time or self._alarm() or not self.wants_time():
            return
        try:
            told = await network_time(
                lambda command, prefix: self._bear(channel, command, prefix), self.family
            )
        except Mute:
            self._tells_time = False
            return
        if told is not None:
            self.on_time(told)

    async def _unlock_again(self, channel: Channel) -> None:
        if self._card:
            await self._unlock(channel)
            if not self._card:
                await self._messages(channel)  # with the SIM its memory came back
        else:
            await channel.ask("AT")
            try:
                await self._card_says(channel)
            except AtError:
                self._card = "card"

    def _trouble(self, answers: bool, registered: int | None) -> str:
        if not answers:
            return "silent"
        if self._card:
            return self._card
        if registered == 3:
            return "denied"
        return "" if registered in USABLE else "no-service"

    async def _registration(self, channel: Channel) -> int | None:
        """The best of CREG, CGREG and CEREG, which are independent; one that is not known counts not."""
        found = []
        for name in ("CREG", "CGREG", "CEREG"):
            answer = await self._bear(channel, f"AT+{name}?", f"+{name}:")
            stat = number_at(answer[-1], 1) if answer else None
            if stat in USABLE:
                return stat
            found.append(stat)
        return next((stat for stat in found if stat is not None), None)

    def _next_rung(self, *, answers: bool, service: bool) -> Rung:
        self._climbed_ms = self._now_ms()
        self._climb, rung = climb(
            self._climb,
            answers=answers,
            service=service,
            alarm=self._alarm(),
            talking=self.talking(),
            now_ms=self._climbed_ms,
        )
        return rung

    async def _recover(self, channel: Channel, rung: Rung) -> None:
        self.rungs.append(rung)
        log.warning("modem: %s, so %s", self.standing.trouble, rung.name.lower())
        with contextlib.suppress(AnbanError):
            if rung is Rung.RADIO:
                await self._bear(channel, "AT+CFUN=4")
                await self._bear(channel, "AT+CFUN=1")
                return
            if rung is Rung.RESET:
                await self._bear(channel, "AT+CFUN=1,1")
            elif rung is Rung.POWER and self._power is not None:
                await self._power()
        self._ended.set()

    def _stand(self, **changes: object) -> None:
        before, self.standing = self.standing, msgspec.structs.replace(self.standing, **changes)
        if "trouble" in changes or before != self.standing:
            self._on_standing(self.standing)

    # --- messages out ---

    async def send(self, number: str, text: str, *, report: bool = False) -> None:
        """Hand a text to the network; `report` asks it to tell `on_report` when it has come, or never will.

        AnbanError: OUTCOME_UNKNOWN (it may have gone), or it has not gone:
        NO_SERVICE, MODEM_LOST, MODEM_REFUSED, DEVICE_TIMEOUT; BAD_VALUE for a number or text that is none."""
        self._reference = (self._reference + 1) & 0xFF
        pdus = sms_pdu.submits(number, text, reference=self._reference, report=report)
        async with self._sending:
            for pdu in pdus:
                await self._send_one(pdu)
        self._look.set()

    async def _send_one(self, pdu: sms_pdu.Submit) -> None:
        for tries in range(REPAIRS_A_SEND):
            channel = self._channel
            if channel is None or self._card:
                raise AnbanError(Reason.NO_SERVICE, "the modem cannot send now", "anban hub status says why.")
            try:
                await channel.send_pdu(pdu.length, pdu.hex)
                return
            except AtError as error:
                what = remedy(error.number)
                if what.outcome == "unknown":
                    raise AnbanError(
                        Reason.OUTCOME_UNKNOWN, error.sentence, "It is sent again; its id folds it."
                    ) from error
                if error.number == NO_NETWORK:
                    raise AnbanError(
                        Reason.NO_SERVICE, error.sentence, "It goes when there is one."
                    ) from error
                passes = 0 < what.again_s <= SOON_S and tries == 0
                if not what.repair and not passes:
                    raise
                if what.repair:
                    await self._repair(channel, what.repair)
                else:
                    await asyncio.sleep(what.again_s)
        raise AnbanError(Reason.MODEM_REFUSED, "the modem refuses to send", "Its memory or centre is wrong.")

    async def _repair(self, channel: Channel, what: str) -> None:
        if what == "storage":
            await self._inbox.drain(channel, functools.partial(self._bear, channel))
        elif what == "mode":
            await self._messages(channel)
        else:
            await self._bear(channel, "AT+CSCA?", "+CSCA:")

    # --- what the modem tells ---

    def _code(self, line: str, body: str) -> None:
        """An unsolicited code; returns at once."""
        if self._inbox.code(line, body):
            self._look.set()
        elif error_number(line)[0]:
            log.info("modem: a late %s", line)
