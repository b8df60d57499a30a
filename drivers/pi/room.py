"""The room's microphone and speaker while a phone line is open: a PulseAudio of its own, with echo control.

It runs for as long as the line is open and no longer, so that the card is the prompts' alone at all other
times, and it ends by itself after eleven minutes. Echo control is PulseAudio's module-echo-cancel with
WebRTC's canceller. Whoever joins (baresip through ALSA's pulse plugin, parec, pacat) uses MICROPHONE and
SPEAKER on its socket.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from drivers.child import Child, Order, private_file, private_folder
from protocols.errors import AnbanError, Reason

PROGRAM: Final = "pulseaudio"
MICROPHONE, SPEAKER = "anban_microphone", "anban_speaker"
RATE: Final = 16_000  # wideband speech; what WebRTC's canceller was made for
READY_S: Final = 8.0
LOOK_S: Final = 0.05
MOST_S: Final = 660.0  # a line is open for ten minutes at most; this holds where everything else failed
ALSA: Final = "/usr/share/alsa/alsa.conf"
# No gain control: the speaker's level is the home's own. Drift: microphone and speaker may be two cards.
CANCELLER: Final = "analog_gain_control=0 digital_gain_control=0 noise_suppression=1 extended_filter=1"


def card_of(microphone: str, speaker: str) -> tuple[str, ...]:
    """Lines that have PulseAudio open two ALSA devices as `card_microphone` and `card_speaker`."""
    return (
        f'load-module module-alsa-source source_name=card_microphone device="{microphone}" tsched=0',
        f'load-module module-alsa-sink sink_name=card_speaker device="{speaker}" tsched=0',
    )


def line_of(device: str) -> tuple[str, ...]:
    """Lines that join a modem's own USB sound card, an ALSA device, to the room."""
    fixed = "latency_msec=40 source_dont_move=1 sink_dont_move=1"
    return (
        f'load-module module-alsa-source source_name=line_in device="{device}" rate=8000 channels=1 tsched=0',
        f'load-module module-alsa-sink sink_name=line_out device="{device}" rate=8000 channels=1 tsched=0',
        f"load-module module-loopback source=line_in sink={SPEAKER} {fixed}",
        f"load-module module-loopback source={MICROPHONE} sink=line_out {fixed}",
    )


class Room:
    """`open()` and `close()` as often as needed. `card`: what `card_of` gives, or other lines; `line`: what
    `line_of` gives, where the line is a sound card too."""

    def __init__(self, folder: Path, card: tuple[str, ...], line: tuple[str, ...] = ()) -> None:
        self._folder, self._card, self._line = folder, card, line
        self._child: Child | None = None
        self._limit: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether the microphone can be heard by whoever joins."""
        return self._child is not None and not self._child.ended.is_set()

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs that joins, now or later."""
        return {
            "PULSE_SERVER": f"unix:{self._socket}",
            "PULSE_COOKIE": str(self._folder / "cookie"),
            "ALSA_CONFIG_PATH": str(self._folder / "alsa.conf"),
        }

    def prepare(self) -> None:
        """Write what programs read that may join. OSError; blocks."""
        private_folder(self._folder)
        private_file(self._folder / "alsa.conf", alsa_conf(self._socket).encode())

    async def open(self) -> None:
        """AnbanError(AUDIO_DOWN): there is no card, or no PulseAudio; nothing is open then."""
        if self.is_open:
            return
        child = self._child = Child(PROGRAM, self._order)
        try:
            await child.start()
            async with asyncio.timeout(READY_S):
                while not await self._answers():
                    if child.ended.is_set():
                        raise _down()
                    await asyncio.sleep(LOOK_S)
                await self._look()
        except (TimeoutError, AnbanError):
            await self.close()
            raise _down() from None
        except asyncio.CancelledError:
            await self.close()
            raise
        loop = asyncio.get_running_loop()
        self._limit = loop.call_later(MOST_S, lambda: asyncio.ensure_future(child.stop()))

    async def close(self) -> None:
        """Take microphone and speaker away from whoever has joined."""
        if self._limit is not None:
            self._limit.cancel()
        if self._child is not None:
            await self._child.stop()
            self._child = None

    @property
    def _socket(self) -> Path:
        return self._folder / "room.sock"

    async def _answers(self) -> bool:
        """Whether it serves: its socket is made after everything else of the script."""
        try:
            _, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return False
        writer.close()
        return True

    async def _look(self) -> None:
        """PulseAudio runs on without a card: whether it has one. AnbanError."""
        listed = self._folder / "devices"
        for kind, name in (("sources", MICROPHONE), ("sinks", SPEAKER)):

            def order(kind: str = kind) -> Order:
                private_file(listed, b"")
                command = ("pactl", "list", "short", kind)
                return Order(
                    command=command, environment=self.environment, stdout=os.open(listed, os.O_WRONLY)
                )

            asking = Child("pactl", order)
            await asking.start()
            await asking.ended.wait()
            if name.encode() not in listed.read_bytes():
                raise _down()

    def _order(self) -> Order:
        self.prepare()
        self._socket.unlink(missing_ok=True)
        private_file(self._folder / "room.pa", script(self._card, self._line, self._socket).encode())
        options = ("--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes")
        return Order(
            command=(PROGRAM, "-n", "-F", str(self._folder / "room.pa"), *options),
            folder=self._folder,
            environment={
                "XDG_RUNTIME_DIR": str(self._folder),
                "PULSE_RUNTIME_PATH": str(self._folder),
                "HOME": str(self._folder),
                "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            },
        )


def script(card: tuple[str, ...], line: tuple[str, ...], socket: Path) -> str:
    """What PulseAudio does at its start; the socket comes last."""
    return "\n".join(
        (
            *card,
            "load-module module-echo-cancel aec_method=webrtc sink_master=card_speaker "
            f"source_master=card_microphone sink_name={SPEAKER} source_name={MICROPHONE} "
            f'rate={RATE} channels=1 aec_args="{CANCELLER}"',
            *line,
            f"load-module module-native-protocol-unix auth-anonymous=1 socket={socket}",
            "",
        )
    )


def alsa_conf(socket: Path) -> str:
    """ALSA's configuration for a program that joins through ALSA."""
    pcms = "".join(
        f'pcm.{name} {{ type pulse server "unix:{socket}" device "{name}" }}\n'
        for name in (MICROPHONE, SPEAKER)
    )
    return f"<{ALSA}>\n{pcms}"


def _down() -> AnbanError:
    return AnbanError(
        Reason.AUDIO_DOWN,
        "the room's microphone and speaker cannot be opened",
        "Check the sound card and [audio] microphone and speaker; apt install pulseaudio libasound2-plugins.",
    )
