"""A modem on a pty: AT commands as its family speaks them, a SIM with a memory, and a way to the network.

Whoever opens the path sees a serial port. The manners are knobs (`Manners`): how late the prompt is, which
error the next message meets, codes that come in the middle of a command. `unplug` makes the port vanish, as
a brown-out does; `plug` brings it back under the same path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sim.modem.clock import clock_lines
from sim.modem.network import CellNetwork
from sim.modem.voice import QUECTEL, SimVoice
from sim.modem.wire import AnyWire, Wire

IDENTITIES = {
    "simcom7600": "Manufacturer: SIMCOM INCORPORATED\r\nModel: SIMCOM_SIM7600CE\r\nRevision: SIM7600CE_V2.0",
    "a7670": "Manufacturer: INCORPORATED\r\nModel: A7670E-FASE\r\nRevision: A7670M7_V1.11",
    "ec25": "Quectel\r\nEC25\r\nRevision: EC25EFAR06A06M4G",
    "ec200": "Quectel\r\nEC200A\r\nRevision: EC200ACNHAR01A06M16",
    "eg91": "Quectel\r\nEG91\r\nRevision: EG91EFBR06A08M4G",
    "generic": "Some Modem",
}
BOOT_LINES = {"a7670": ("*ATREADY: 1", "+CPIN: READY", "SMS DONE")}
OWN_COMMANDS = {
    "simcom7600": ("AT+CLCC=1",),
    "a7670": ("AT+CLCC=1",),
    **dict.fromkeys(QUECTEL, ("AT+QURCCFG", "AT^DSCI=1")),
}
ESCAPE, END = b"\x1b", b"\x1a"


@dataclass
class Manners:
    """How it behaves; a knob with "next" counts down to its usual."""

    prompt_s: float = 0.05
    result_s: float = 0.2
    bare_prompt: bool = False
    silent: bool = False  # answers nothing at all
    next_errors: list[str] = field(
        default_factory=list
    )  # final lines for the next messages: "+CMS ERROR: 500"
    gone_with_error: bool = False  # a message that met such an error went out all the same
    amid_send: list[str] = field(default_factory=list)  # lines that come between prompt and result
    no_prompts: int = 0
    registration: int = 1
    no_sms_over_lte: bool = False  # registered by LTE alone, whose network does not take its texts
    sim: str = "READY"
    pin: str = "1234"
    pin_tries: int = 3
    room: int = 30
    unknown: tuple[str, ...] = ("AT+CEREG",)  # beginnings of commands that it does not know
    refusal: str = "ERROR"  # what it says to those
    mute: tuple[str, ...] = ()  # beginnings of commands that it does not answer at all
    no_ok: tuple[str, ...] = ()  # commands whose answer it does not end


class SimModem:
    """`await plug()` makes PATH a serial port; `number` is its SIM's."""

    def __init__(
        self,
        number: str,
        path: Path,
        network: CellNetwork,
        family: str = "ec25",
        wire: Callable[[Path, Callable[[bytes], None]], AnyWire] = Wire,
    ) -> None:
        self.number, self.path, self.network, self.family = number, path, network, family
        self.manners = Manners()
        self.memory: dict[int, tuple[int, bytes]] = {}  # place -> (state, DELIVER)
        self.written: list[str] = []  # commands that it was given
        self._waits_for_room: list[bytes] = []
        self._wire = wire(path, self._read)
        second = path.with_name(path.name + "-voice")
        self.voice = SimVoice(number, second, network.exchange, family, IDENTITIES[family], wire)
        self.voice.served = lambda: self.manners.registration in (1, 5) and self.manners.sim == "READY"
        self._held = b""
        self._echo = True
        self._text_of: str | None = None  # the CMGS command whose text is being given
        self._telling = False
        self._mode = ""  # of +CNMI
        self._takes_time = False
        self._reference = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_text: Callable[[bytes], None] = lambda tpdu: None

    # --- plug ---

    def plug(self) -> None:
        """Make the port, boot, join the network."""
        self._echo, self._held, self._text_of, self._telling = True, b"", None, False
        self._takes_time = False
        self._wire.plug()
        self.voice.plug()
        for line in BOOT_LINES.get(self.family, ()):
            self._line(line)
        self.network.join(self.number, self._deliver)

    def unplug(self) -> None:
        """The port vanishes, whoever has it open."""
        self.network.leave(self.number)
        self._wire.unplug()
        self.voice.unplug()

    async def close(self) -> None:
        self.unplug()
        self.voice.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- the wire ---

    def _read(self, data: bytes) -> None:
        if self.manners.silent:
            return
        self._held += data
        while self._held:
            if self._text_of is not None:
                if not self._take_text():
                    return
                continue
            self._held = self._held.lstrip(b"\n" + ESCAPE)
            command, found, rest = self._held.partition(b"\r")
            if not found:
                return
            self._held = rest
            text = command.decode("ascii", "replace").strip()
            if self._echo:
                self._write(text.encode() + b"\r")
            if text:
                self.written.append(text)
                self._command(text)

    def _take_text(self) -> bool:
        ends = [at for at in (self._held.find(END), self._held.find(ESCAPE)) if at >= 0]
        if not ends:
            return False
        at = min(ends)
        text, end, self._held = self._held[:at], self._held[at : at + 1], self._held[at + 1 :]
        command, self._text_of = self._text_of, None
        if end == ESCAPE:
            self._line("OK")
        elif command is not None:
            self._later(self._submitted(command, text))
        return True

    def _write(self, data: bytes) -> None:
        self._wire.write(data)

    def _line(self, *lines: str) -> None:
        for line in lines:
            self._write(b"\r\n" + line.encode() + b"\r\n")

    def raw(self, data: bytes) -> None:
        """Noise on the line."""
        self._write(data)

    def _later(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- commands ---

    def _command(self, text: str) -> None:
        if text.startswith(self.manners.unknown) or (
            text.startswith(("AT+QURCCFG", "AT^DSCI", "AT+CLCC=1"))
            and not text.startswith(OWN_COMMANDS.get(self.family, ()) or ("?",))
        ):
            self._line(self.manners.refusal)
        elif text.startswith(self.manners.mute or ("?",)):
            return
        elif text in self.manners.no_ok:
            self._line(*self._answer(text)[:-1])
        elif text.startswith("AT+CMGS="):
            self._later(self._prompt(text))
        else:
            self._line(*self._answer(text))

    def _answer(self, text: str) -> list[str]:
        """The lines that answer a command, its final last."""
        manners = self.manners
        if text in ("ATE0", "ATE1"):
            self._echo = text == "ATE1"
        elif text == "ATI":
            return [*IDENTITIES[self.family].split("\r\n"), "OK"]
        elif text == "AT+CPIN?":
            return [f"+CPIN: {manners.sim}", "OK"] if manners.sim else ["+CME ERROR: 10"]
        elif text.startswith("AT+CPIN="):
            return self._unlock(text[8:].strip('"'))
        elif text in ("AT+CREG?", "AT+CGREG?", "AT+CEREG?"):
            by_lte = manners.no_sms_over_lte and text != "AT+CEREG?"
            return [f'{text[2:-1]}: 2,{0 if by_lte else manners.registration},"1A2B","01C3D4E5",7', "OK"]
        elif text == "AT+CSQ":
            return [f"+CSQ: {20 if manners.registration in (1, 5) else 99},99", "OK"]
        elif text.startswith("AT+CPMS"):
            return self._storage(text)
        elif text.startswith("AT+CNMI="):
            if self.family == "a7670" and text.endswith("2,1,2,1,0"):
                return ["+CMS ERROR: 303"]
            self._telling, self._mode = True, text
        elif text == "AT+CMGL=4":
            return [*self._list(), "OK"]
        elif text.startswith("AT+CMGD="):
            self.memory.pop(int(text[8:].partition(",")[0]), None)
            self._fill_room()
        elif text == "AT+CTZU=1":
            self._takes_time = True
        elif text == "AT+CCLK?" or text.startswith("AT+QLTS="):
            served = manners.registration in (1, 5) and self.network.tells_time and not self.network.air.down
            return clock_lines(text, self.family, self.network, served and self._takes_time)
        elif text == "AT+CSCA?":
            return ['+CSCA: "+8613800100500",145', "OK"]
        elif text == "AT+CFUN=1,1":
            asyncio.get_running_loop().call_soon(self._reset)
        return ["OK"]

    def _unlock(self, pin: str) -> list[str]:
        if self.manners.sim != "SIM PIN" or pin == self.manners.pin:
            self.manners.sim = "READY" if self.manners.sim == "SIM PIN" else self.manners.sim
            return ["OK"]
        self.manners.pin_tries -= 1
        self.manners.sim = "SIM PIN" if self.manners.pin_tries > 0 else "SIM PUK"
        return ["+CME ERROR: 16"]

    def _storage(self, text: str) -> list[str]:
        used, room = len(self.memory), self.manners.room
        if text == "AT+CPMS?":
            return ["+CPMS: " + ",".join([f'"ME",{used},{room}'] * 3), "OK"]
        return ["+CPMS: " + ",".join([f"{used},{room}"] * 3), "OK"]

    def _list(self) -> list[str]:
        out = []
        for place, (state, tpdu) in sorted(self.memory.items()):
            out += [f"+CMGL: {place},{state},,{len(tpdu)}", "00" + tpdu.hex().upper()]
            self.memory[place] = (1, tpdu)
        return out

    def _reset(self) -> None:
        self.unplug()
        self.plug()

    # --- messages ---

    async def _prompt(self, command: str) -> None:
        if self.manners.no_prompts:
            self.manners.no_prompts -= 1
            return
        await asyncio.sleep(self.manners.prompt_s)
        self._text_of = command
        self._write(b">" if self.manners.bare_prompt else b"\r\n> ")

    async def _submitted(self, command: str, text: bytes) -> None:
        for line in self.manners.amid_send:
            self._line(line)
        await asyncio.sleep(self.manners.result_s)
        try:
            raw = bytes.fromhex(text.decode("ascii").strip())
            tpdu = raw[1 + raw[0] :]
            if len(tpdu) != int(command.partition("=")[2]):
                raise ValueError("the length is another")
        except (ValueError, IndexError):
            self._line("+CMS ERROR: 304")
            return
        error = self.manners.next_errors.pop(0) if self.manners.next_errors else ""
        if error and not self.manners.gone_with_error:
            self._line(error)
        elif self.manners.registration not in (1, 5, 6, 7) or self.manners.sim != "READY":
            self._line("+CMS ERROR: 331")
        elif self.manners.no_sms_over_lte:
            self._line("+CMS ERROR: 38")
        else:
            self._reference = (self._reference + 1) & 0xFF
            try:
                taken = self.network.submit(self.number, tpdu[:1] + bytes((self._reference,)) + tpdu[2:])
            except ValueError:
                taken = False
            sent = [f"+CMGS: {self._reference}", "OK"]
            self._line(*([error] if error else sent if taken else ["+CMS ERROR: 38"]))

    def _deliver(self, tpdu: bytes) -> None:
        """The network brings a message: into the memory, or it waits until there is room."""
        self.on_text(tpdu)
        if tpdu[0] & 0x03 == 2 and self._mode.endswith("1,0"):  # a report, told of without being stored
            self._line(f"+CDS: {len(tpdu)}\r\n00{tpdu.hex().upper()}")
            return
        if len(self.memory) >= self.manners.room:
            self._waits_for_room.append(tpdu)
            return
        place = next(n for n in range(1, self.manners.room + 1) if n not in self.memory)
        self.memory[place] = (0, tpdu)
        if self._telling:
            self._line(f'+CMTI: "ME",{place}')

    def _fill_room(self) -> None:
        waiting, self._waits_for_room = self._waits_for_room, []
        for tpdu in waiting:
            self._deliver(tpdu)
