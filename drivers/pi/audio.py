"""Says recorded phrases through the sound card, the most urgent first; a higher lane interrupts a lower one.

The player is a command that takes a WAV file as its last argument (`aplay -q`). A missing player, card or
recording is an AudioError, told through `on_health` and never raised: no call may wait for a loudspeaker.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import enum
import itertools
import os
import re
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drivers.waiting import any_came, came
from protocols.errors import AnbanError, Reason
from protocols.values import Lane

WITHIN_S = 20.0  # a sentence that had to wait longer may no longer be true, and is not said
START_LIMIT_S = 5.0  # a player starts in milliseconds unless the card hangs
PLAY_LIMIT_S = 30.0  # the longest phrase takes about 12 s; a player that hangs is ended
END_S = 0.5  # from the polite end of a player to the hard one
ERROR_TEXT = 200  # characters of the player's own words that go into a fault
SILENCE = "silence.wav"

_NAME = re.compile(r"\A[a-z0-9-]{1,40}\Z")


class AudioError(AnbanError):
    """The hub cannot speak: no player, no card, no recording, or a player that hangs."""

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__(Reason.AUDIO_DOWN, sentence, remedy)


class Said(enum.StrEnum):
    """What became of a phrase."""

    SAID = "said"
    INTERRUPTED = "interrupted"  # by a higher lane, or by `hush`
    TOO_LATE = "too-late"  # it waited for longer than it was wanted, is not true any more, or is muted
    FAILED = "failed"  # reported through on_health


@dataclass(order=True, slots=True)
class _Request:
    lane: Lane
    order: int
    path: Path = field(compare=False)
    latest: float = field(compare=False)  # loop time
    done: asyncio.Future[Said] = field(compare=False)
    still: Callable[[], bool] = field(compare=False)


class Speaker:
    """The voice of the hub. Create it and use it on one loop.

    `on_health(error)` is called when speaking begins to fail, and with None when it works again.
    """

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        on_health: Callable[[AudioError | None], None] = lambda _error: None,
    ) -> None:
        self._command = tuple(command)
        self._directory = directory
        self._on_health = on_health
        self.muted: Callable[[], bool] = lambda: False  # while the room is open to a phone line
        self._order = itertools.count()
        self._waiting: list[_Request] = []
        self._current: _Request | None = None
        self._worker: asyncio.Task[None] | None = None
        self._interrupt = asyncio.Event()
        self._failing: AudioError | None = None
        self._starting: concurrent.futures.Future[subprocess.Popen[bytes]] | None = None

    async def say(
        self,
        phrase_key: str,
        language: str,
        lane: Lane,
        within_s: float = WITHIN_S,
        still: Callable[[], bool] = lambda: True,
    ) -> Said:
        """Say `directory/language/phrase_key.wav`, and return what became of it.

        Interrupts a lower lane, waits behind the same or a higher one for at most `within_s`; when its turn
        comes, `still()` says whether it is still to be said. Never raises for a missing card. ValueError if
        key or language is not a plain name.
        """
        for name in (phrase_key, language):
            if not _NAME.match(name):
                raise ValueError(f"not a phrase or a language: {name[:40]!r}")
        return await self._submit(self._directory / language / f"{phrase_key}.wav", lane, within_s, still)

    async def check(self) -> Said:
        """Play a moment of silence, so that a missing card is a fault before somebody needs it."""
        return await self._submit(self._directory / SILENCE, Lane.TELEMETRY, WITHIN_S)

    def hush(self, lane: Lane = Lane.SOS) -> None:
        """End what is being said, and forget what waits, in `lane` and below (higher numbers)."""
        for request in [r for r in self._waiting if r.lane >= lane]:
            self._waiting.remove(request)
            _answer(request, Said.INTERRUPTED)
        if self._current is not None and self._current.lane >= lane:
            self._interrupt.set()

    async def close(self) -> None:
        """Fall silent, and leave no player behind."""
        self.hush()
        if self._worker is not None:
            await asyncio.wait([self._worker])

    async def _submit(
        self, path: Path, lane: Lane, within_s: float, still: Callable[[], bool] = lambda: True
    ) -> Said:
        loop = asyncio.get_running_loop()
        latest = loop.time() + within_s
        request = _Request(lane, next(self._order), path, latest, loop.create_future(), still)
        self._waiting.append(request)
        if self._current is not None and lane < self._current.lane:
            self._interrupt.set()
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name="speaker")
        return await request.done

    async def _work(self) -> None:
        while self._waiting:
            request = min(self._waiting)
            self._waiting.remove(request)
            late = asyncio.get_running_loop().time() > request.latest
            if late or self.muted() or not request.still():
                _answer(request, Said.TOO_LATE)
                continue
            self._current = request
            self._interrupt.clear()
            try:
                outcome = await self._play(request.path)
                self._healthy(None)
            except AudioError as error:
                outcome = Said.FAILED
                self._healthy(error)
            finally:
                self._current = None
            _answer(request, outcome)

    async def _play(self, path: Path) -> Said:
        player = await self._started([*self._command, str(path)], path)
        ended = asyncio.Event()
        watch = os.pidfd_open(player.pid)
        loop = asyncio.get_running_loop()
        loop.add_reader(watch, ended.set)
        try:
            await any_came(ended, self._interrupt, within_s=PLAY_LIMIT_S)
            if not ended.is_set():
                if self._interrupt.is_set():
                    return Said.INTERRUPTED
                raise AudioError(
                    f"the player did not end within {PLAY_LIMIT_S:.0f} s",
                    "Check the sound card's connection.",
                )
        finally:
            await _end(player, ended)
            loop.remove_reader(watch)
            os.close(watch)
            words = _last_words(player)
        if player.returncode != 0:
            raise AudioError(
                f"the player failed ({player.returncode}): {words or 'it says nothing'}",
                "Check that the sound card is connected and is the default one (aplay -l).",
            )
        return Said.SAID

    async def _started(self, command: list[str], path: Path) -> subprocess.Popen[bytes]:
        """Start the player off the loop, in a thread that keeps nobody: on a hanging card, exec hangs too."""
        if self._starting is not None and not self._starting.done():
            raise AudioError("an earlier player has not started yet", "Check the hub's memory card.")
        starting: concurrent.futures.Future[subprocess.Popen[bytes]] = concurrent.futures.Future()
        self._starting = starting
        starting.set_running_or_notify_cancel()
        threading.Thread(target=_start_into, args=(starting, command, path), daemon=True).start()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(starting), START_LIMIT_S)
        except (TimeoutError, asyncio.CancelledError) as error:
            starting.add_done_callback(_end_late)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise AudioError(
                f"the player did not start within {START_LIMIT_S:.0f} s", "Check the hub's memory card."
            ) from error

    def _healthy(self, error: AudioError | None) -> None:
        before, self._failing = self._failing, error
        if (before is None) != (error is None):
            self._on_health(error)


def _answer(request: _Request, outcome: Said) -> None:
    if not request.done.done():  # the caller may have been cancelled
        request.done.set_result(outcome)


def _start_into(
    starting: concurrent.futures.Future[subprocess.Popen[bytes]], command: list[str], path: Path
) -> None:
    try:
        starting.set_result(_start(command, path))
    except AudioError as error:
        starting.set_exception(error)


def _start(command: list[str], path: Path) -> subprocess.Popen[bytes]:
    if not path.is_file():
        raise AudioError(
            f"the recording {path.parent.name}/{path.name} is missing",
            "Build the phrases: python -m edge.phrases build --out DIR.",
        )
    try:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    except OSError as error:
        raise AudioError(
            f"the player {command[0]} cannot be started: {error.strerror}",
            "Install alsa-utils, or name another player in the configuration.",
        ) from error


async def _end(player: subprocess.Popen[bytes], ended: asyncio.Event) -> None:
    """End a player that still runs, politely, then hard, and collect it."""
    for stop in (player.terminate, player.kill):
        if ended.is_set():
            break
        stop()
        await came(ended, END_S)
    player.poll()


def _end_late(starting: concurrent.futures.Future[subprocess.Popen[bytes]]) -> None:
    """A player that starts after nobody waits for it any more is ended at once."""
    if not starting.cancelled() and starting.exception() is None:
        player = starting.result()
        player.kill()
        player.wait()
        if player.stderr is not None:
            player.stderr.close()


def _last_words(player: subprocess.Popen[bytes]) -> str:
    """What an ended player wrote to stderr; never waits."""
    assert player.stderr is not None
    with player.stderr as stream:
        os.set_blocking(stream.fileno(), False)
        words = stream.read() or b""
    return words.decode(errors="replace").strip()[-ERROR_TEXT:]
