"""One pendant of the simulated home: the real firmware in a MicroPython process, and the hand that presses
its key.

`Board` plays what is around the chip: power, key, cell, deep sleep (the process ends and begins anew at the
key or the timer), the 0.3-0.6 s from wake to program, watchdog, and a flash chip whose power can be cut in
the middle of any operation. Everything that comes out of the chip is in `.log`, from outside: nothing of it
is told by the firmware.

`.log` holds `(monotonic_s, kind, value)`:
    pin    "down" | "up"                 the key, as pressed by the hand
    led    "off" | "amber" | "red" | "green"
    buzz   hertz, 0 = silent
    feel   name of the buzz that begins: pressed, no-hub, delivered, taken, ended, asked
    nap    milliseconds asked for: light sleep  woke  "key" | "timer"
    radio-died  a light sleep began while the radio was on
    wake   "key" | "motion" | "timer" | "power" | "watchdog" | "reset"   sleep   milliseconds asked for
    flash  [what, number of the operation since this boot]; what: erase | program | cut | dead | hangs
    power  "on" | "cut"                   exit   code of a process that neither slept nor was cut
"""

import asyncio
import contextlib
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from firmware import build
from firmware.pendant import surface
from sim.motion import Sample
from sim.pendant.bus import Bus

KEY, RED, GREEN, BUZZER, CELL, MOTION, CLOCK, DATA = 2, 4, 5, 6, 0, 3, 10, 7  # firmware/boards/unix/board.py
SHIMS = Path(__file__).parent / "shims"
RESET_CAUSES = {"power": 1, "reset": 2, "watchdog": 3, "key": 4, "timer": 4, "motion": 4}
WAKE_REASONS = {"key": 7, "timer": 4, "motion": 7}
WAKE_PINS = {"key": [KEY], "motion": [MOTION]}
PRESETS = {"one-meaning": 0, "two-meanings": 1}
MAX_LOG = 200_000


def mpy_cache() -> Path:
    """Where compiled firmware is kept between runs, by the digest of its sources."""
    return Path(tempfile.gettempdir()) / f"anban-mpy-{os.getuid()}"


class Board:
    """A pendant. `address` as AA:BB:CC:DD:EE:FF is informative; the radio's own is what the air was told."""

    def __init__(
        self,
        name: str,
        directory: Path | str,
        air_socket: Path | str,
        *,
        root_key: bytes,
        preset: str = "one-meaning",
        address: str = "C4:00:00:00:00:01",
        boot_s: tuple[float, float] = (0.3, 0.6),
        heapsize: str = "192K",
        millivolts: int = 4000,
        flash_dead: bool = False,
        seed: int = 0,
        chip: str = "lis2dw12",
    ) -> None:
        self.name = name
        self.directory = Path(directory)
        self.air_socket = Path(air_socket)
        self.address = address
        self.boot_s = boot_s
        self.heapsize = heapsize
        self.millivolts = millivolts
        self.flash_dead = flash_dead
        self.flash_hangs = ""  # from the next boot on: no "read", or no "write", ends
        self.log: list[tuple[float, str, Any]] = []
        self.on_output: Callable[[str, Any], None] | None = None
        self._nvs = {
            "id": name.encode().hex(),
            "root": root_key.hex(),
            "preset": bytes([PRESETS[preset]]).hex(),
        }
        self.bus = Bus(self.air_socket.with_name(f"i2c-{name}.sock"), self._on_line, chip)
        self._random = random.Random(f"{name}-{seed}")
        self._key = 1
        self._cut_at: int | None = None
        self._cut_ends = "cut"  # what the cut operation ends in: the cell is out, or the watchdog bites
        self._tree: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task[None] | None = None
        self._lives: set[asyncio.Task[None]] = set()  # one whose power was cut may still be ending
        self._armed: list[list[int]] = []
        self._moves: list[int] = []  # levels of the key since this process began
        self._told_ms = 0  # when it last moved
        self._taken = 0  # how many of those it had taken when it went to sleep; the next one wakes it
        self._wake = asyncio.Event()
        self._power_on_ms = 0
        self._wake_at = 0.0
        self._watchdog: asyncio.TimerHandle | None = None
        self._watchdog_s = 0.0
        self._ended = ""  # how the present process says that it ends: sleep, reset, cut, watchdog
        self._out = {RED: 0, GREEN: 0}
        self._led = "off"
        self._led_due: asyncio.TimerHandle | None = None
        self._feel_left = 0
        self._changed = asyncio.Event()
        self._state = "off"
        self._power, self._since_s = "off", time.monotonic()
        self._spent_s: dict[str, float] = {}

    @property
    def state(self) -> str:
        """off, booting (until the program reads its key), running or asleep."""
        return self._state

    def _enter(self, state: str) -> None:
        self._state = state
        self._draw("deep" if state == "asleep" else "off" if state == "off" else "awake")
        self._changed.set()

    def _draw(self, power: str) -> None:
        now_s = time.monotonic()
        self._spent_s[self._power] = self._spent_s.get(self._power, 0.0) + now_s - self._since_s
        self._power, self._since_s = power, now_s

    def spent_s(self) -> dict[str, float]:
        """How long it has been `awake` (the boot too), in `light` and in `deep` sleep, and `off`."""
        self._draw(self._power)
        return dict(self._spent_s)

    # -- the hand and the power

    async def start(self) -> None:
        """Puts the cell in."""
        self.directory.mkdir(parents=True, exist_ok=True)
        await self.bus.start()
        self.power_on()

    def use(self, tree: Path) -> None:
        """Runs this compiled firmware (`firmware.build`) in place of the one of the present sources."""
        self._tree = tree

    def power_on(self) -> None:
        """Power comes (again)."""
        if self.state != "off":
            return
        self._power_on_ms = int(time.time() * 1000)
        self.bus.power_on()
        self._note("power", "on")
        self._enter("booting")
        self._life = asyncio.create_task(self._live(), name=f"board {self.name}")
        self._lives.add(self._life)
        self._life.add_done_callback(self._lives.discard)

    def power_cut(self) -> None:
        """The cell is out, at this instant; RTC memory forgets, flash stays as it is."""
        self._kill()
        if self._life:
            self._life.cancel()
        self._powerless()

    async def stop(self) -> None:
        """Ends the process; flash and RTC memory stay in the directory."""
        self._kill()
        for life in self._lives:
            life.cancel()
        await asyncio.gather(*self._lives, return_exceptions=True)
        await self.bus.stop()
        self._enter("off")

    def move(self, samples: Sequence[Sample], hz: int = 50) -> None:
        """Its wearer moves so from now on: milli-g at the chip."""
        self.bus.play(samples, hz)

    def key_down(self) -> None:
        """The finger goes down."""
        self._set_key(0)

    def key_up(self) -> None:
        """The finger goes up."""
        self._set_key(1)

    async def press(self, hold_s: float = 0.1) -> None:
        """Down, hold, up."""
        self.key_down()
        await asyncio.sleep(hold_s)
        self.key_up()

    def cut_at_flash_operation(self, after: int) -> None:
        """The power goes in the middle of this flash operation, counted from 1 from now on."""
        self._cut_at, self._cut_ends = after, "cut"
        self._tell(cut=after)

    def bite_at_flash_operation(self, after: int) -> None:
        """As `cut_at_flash_operation`, but the watchdog resets the chip there: RTC memory stays."""
        self._cut_at, self._cut_ends = after, "watchdog"
        self._tell(cut=after)

    def kill_flash(self, dead: bool = True) -> None:
        """The flash chip answers EIO to everything from now on (or lives again)."""
        self.flash_dead = dead
        self._tell(dead=dead)

    def skip(self, seconds: float) -> None:
        """While asleep: the clock of the chip moves on, and the timer with it."""
        self._power_on_ms -= int(seconds * 1000)
        self._wake_at -= seconds
        self._wake.set()

    def skip_to_timer(self) -> None:
        """While asleep: as `skip`, exactly to the moment when the timer wakes it."""
        if self.state == "asleep":
            self.skip(max(0.0, self._wake_at - time.monotonic()))

    async def until(self, condition: Callable[["Board"], bool], timeout_s: float = 60.0) -> None:
        """Waits for something to be true of this board; looked at after every entry of the log."""
        async with asyncio.timeout(timeout_s):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    def felt(self) -> list[str]:
        """Names of the buzzes so far, in order."""
        return [value for _, kind, value in self.log if kind == "feel"]

    # -- the chip's life

    async def _live(self) -> None:
        cause = "power"
        if self._tree is None:  # the image it was made with stays, whatever happens to the sources meanwhile
            self._tree = await asyncio.to_thread(build.cached, "unix", mpy_cache())
        while True:
            self._enter("booting")
            waked_at = time.monotonic()
            self._note("wake", cause)
            boot_s = self._random.uniform(*self.boot_s)
            self.bus.begins(boot_s)
            await asyncio.sleep(boot_s)
            self._ended = ""
            code = await self._run(cause, waked_at)
            if self._ended == "cut":
                self._powerless()
                return
            if self._ended == "sleep":
                cause = await self._sleep()
            elif self._ended == "watchdog":
                self._cut_at = None
                cause = "watchdog"
            else:
                if self._ended != "reset":
                    self._note("exit", code)
                cause = "reset"

    async def _run(self, cause: str, waked_at: float) -> int:
        environment = {
            **os.environ,
            "MICROPYPATH": f"{SHIMS}:{self._tree}:.frozen",
            "ANBAN_CHIP": json.dumps(self._chip(cause, waked_at)),
        }
        with (self.directory / f"{self.name}.err").open("ab") as errors:
            self._process = process = await asyncio.create_subprocess_exec(
                build.tool("micropython"), "-X", f"heapsize={self.heapsize}", "-c", "import main",
                env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
                cwd=self.directory,
            )  # fmt: skip
        self._moves = []
        if self._chip_key_at_start != self._key:
            self._tell_key()
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                self._heard(line)
            return await process.wait()
        finally:
            self.bus.ends()
            self._process = None
            if process.returncode is None:
                process.kill()
            if process.stdin is not None:
                process.stdin.close()
            await process.wait()
            self._outputs_off()

    def _chip(self, cause: str, waked_at: float) -> dict[str, Any]:
        self._chip_key_at_start = self._key
        return {
            "rtc": str(self._rtc()),
            "flash": str(self.directory / f"{self.name}.flash"),
            "flash_dead": self.flash_dead,
            "flash_hangs": self.flash_hangs,
            "cut_at": self._cut_at,
            "nvs": self._nvs,
            "address": self.address.replace(":", "").lower(),
            "air": str(self.air_socket),
            "i2c": str(self.bus.path),
            "i2c_clock": CLOCK,
            "i2c_data": DATA,
            "i2c_line": MOTION,
            "pins": {KEY: self._key},
            "wake_pins": WAKE_PINS.get(cause, []),
            "adc": {CELL: self.millivolts * 500},  # half of the cell, in microvolts
            "reset_cause": RESET_CAUSES[cause],
            "wake_reason": WAKE_REASONS.get(cause, 0),
            "since_wake_ms": int((time.monotonic() - waked_at) * 1000),
            "power_on_ms": self._power_on_ms,
        }

    async def _sleep(self) -> str:
        self._enter("asleep")
        self._cut_at = None
        while True:
            if any(
                pin == KEY and level in (self._key, *self._moves[self._taken :]) for pin, level in self._armed
            ):
                return "key"
            if [MOTION, self.bus.line] in self._armed:
                return "motion"
            left = self._wake_at - time.monotonic()
            if left <= 0:
                return "timer"
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), left)

    def _rtc(self) -> Path:
        return self.directory / f"{self.name}.rtc"

    def _powerless(self) -> None:
        self._cut_at = None
        self._rtc().unlink(missing_ok=True)
        self._outputs_off()
        self._enter("off")
        self._note("power", "cut")

    def _kill(self) -> None:
        if self._watchdog:
            self._watchdog.cancel()
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def bite_in(self, seconds: float) -> None:
        """As if the watchdog's time were over in so long; a program that makes progress feeds it before."""
        self._watch(seconds)

    @property
    def watched(self) -> bool:
        """The program has started the watchdog since it began."""
        return self._watchdog is not None and not self._watchdog.cancelled()

    def bite(self) -> None:
        """The watchdog resets the chip; RTC memory stays."""
        self._ended = "watchdog"
        self._kill()

    def _set_key(self, level: int) -> None:
        if level == self._key:
            return
        self._key = level
        self._note("pin", "up" if level else "down")
        self._tell_key()
        self._wake.set()

    def _on_line(self, level: int) -> None:
        self._wake.set()

    def _tell_key(self) -> None:
        self._moves.append(self._key)
        self._told_ms = int(time.monotonic() * 1000) & 0xFFFFFFF  # a small int to the chip
        self._tell(pin=[KEY, self._key, self._told_ms])

    def _tell(self, **command: Any) -> None:
        process = self._process
        if process and process.stdin and process.returncode is None and not process.stdin.is_closing():
            process.stdin.write((json.dumps(command) + "\n").encode())

    # -- what comes out of the chip

    def _heard(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            kind, value = message["k"], message["v"]
        except (ValueError, KeyError, TypeError):
            self._note("text", line.decode(errors="replace").rstrip())
            return
        if kind == "pin":
            self._out[value[0]] = value[1]
            if self._led_due is None:  # two pins make one colour: look when both have had their turn
                self._led_due = asyncio.get_running_loop().call_later(0.004, self._look)
        elif kind == "pwm":
            self._tone(value[1])
        elif kind == "reads":
            self._enter("running")
        elif kind in ("nap", "woke"):
            self._draw("light" if kind == "nap" else "awake")
            if kind == "nap":
                self.bus.naps(value / 1000)
            self._note(kind, value)
        elif kind in ("wdt", "feed"):
            self._watch(value / 1000 if kind == "wdt" else self._watchdog_s)
        elif kind == "sleep":
            self._wake_at = time.monotonic() + value[0] / 1000
            self._armed, self._taken = value[1:]
            self._note("sleep", value[0])
            self._ended = "sleep"
        else:
            if kind == "reset" or (kind == "flash" and value[0] == "cut"):
                self._ended = self._cut_ends if kind == "flash" else "reset"
            self._note(kind, value)

    def _watch(self, seconds: float) -> None:
        self._watchdog_s = seconds
        if self._watchdog:
            self._watchdog.cancel()
        self._watchdog = asyncio.get_running_loop().call_later(seconds, self.bite)

    def _look(self) -> None:
        self._led_due = None
        red, green = self._out[RED], self._out[GREEN]
        colour = "amber" if red and green else "red" if red else "green" if green else "off"
        if colour != self._led:
            self._led = colour
            self._note("led", colour)

    def _tone(self, hertz: int) -> None:
        self._note("buzz", hertz)
        if not hertz:
            return
        if self._feel_left:
            self._feel_left -= 1
            return
        for code, steps in surface.BUZZES.items():
            if steps[0][0] == hertz:
                self._feel_left = len(steps) - 1
                self._note("feel", surface.BUZZ_NAMES[code])

    def _outputs_off(self) -> None:
        if self._watchdog:
            self._watchdog.cancel()
        self._feel_left = 0
        if self._led_due:
            self._led_due.cancel()
            self._look()
        if self._led != "off":
            self._out = {RED: 0, GREEN: 0}
            self._look()

    def _note(self, kind: str, value: Any) -> None:
        if len(self.log) < MAX_LOG:
            self.log.append((time.monotonic(), kind, value))
        if self.on_output:
            self.on_output(kind, value)
        self._changed.set()
