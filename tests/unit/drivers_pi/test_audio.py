"""The speaker with players that are small scripts: what is said, what is interrupted, and what is a fault."""

from __future__ import annotations

import asyncio
import os
import shlex
import threading
from pathlib import Path

import pytest

from drivers.pi import audio
from drivers.pi.audio import AudioError, Said, Speaker
from protocols.values import Lane

QUICK = 'printf "%s\\n" "$1" >> {log}'
LONG = 'printf "%s\\n" "$1" >> {log}; exec sleep 1000'


class Room:
    """A hub's speaker, what was heard from it, and how its health was told."""

    def __init__(self, folder: Path, script: str) -> None:
        self.log = folder / "heard"
        self.log.touch()
        self.phrases = folder / "phrases"
        for name in ("zh/calling", "zh/taken", "zh/not-reached"):
            path = self.phrases / f"{name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"RIFF")
        (self.phrases / "silence.wav").write_bytes(b"RIFF")
        self.health: list[AudioError | None] = []
        command = ["sh", "-c", script.format(log=shlex.quote(str(self.log))), "player"]
        self.speaker = Speaker(command, self.phrases, self.health.append)

    def heard(self) -> list[str]:
        return [Path(line).stem for line in self.log.read_text().splitlines()]

    async def until_heard(self, *names: str) -> None:
        async with asyncio.timeout(60):
            while self.heard() != list(names):
                await asyncio.sleep(0.005)


async def test_a_phrase_is_said_in_the_language_of_the_home(tmp_path: Path) -> None:
    room = Room(tmp_path, QUICK)
    assert await room.speaker.say("calling", "zh", Lane.SOS) is Said.SAID
    assert room.log.read_text() == f"{room.phrases}/zh/calling.wav\n"
    assert room.health == []


async def test_an_sos_interrupts_what_is_less_urgent(tmp_path: Path) -> None:
    room = Room(tmp_path, LONG)
    lower = asyncio.create_task(room.speaker.say("taken", "zh", Lane.ASSIST))
    await room.until_heard("taken")
    sos = asyncio.create_task(room.speaker.say("calling", "zh", Lane.SOS))
    await room.until_heard("taken", "calling")
    assert await lower is Said.INTERRUPTED
    assert not sos.done()
    await room.speaker.close()
    assert await sos is Said.INTERRUPTED
    assert room.health == []


async def test_the_same_lane_waits_its_turn_and_the_more_urgent_goes_first(tmp_path: Path) -> None:
    room = Room(tmp_path, QUICK)
    said = [
        asyncio.create_task(room.speaker.say(key, "zh", lane))
        for key, lane in (("calling", Lane.FAULT), ("taken", Lane.FAULT), ("not-reached", Lane.SOS))
    ]
    assert await asyncio.gather(*said) == [Said.SAID] * 3
    assert room.heard() == ["not-reached", "calling", "taken"]


async def test_a_sentence_that_waited_too_long_is_not_said(tmp_path: Path) -> None:
    room = Room(tmp_path, LONG)
    first = asyncio.create_task(room.speaker.say("calling", "zh", Lane.SOS))
    await room.until_heard("calling")
    second = asyncio.create_task(room.speaker.say("taken", "zh", Lane.SOS, within_s=0.0))
    await asyncio.sleep(0)
    room.speaker._interrupt.set()
    assert await first is Said.INTERRUPTED
    assert await second is Said.TOO_LATE
    assert room.heard() == ["calling"]


async def test_a_sentence_that_is_not_true_any_more_is_not_said(tmp_path: Path) -> None:
    room = Room(tmp_path, QUICK)

    def nothing_yet() -> bool:
        return room.heard() == []

    said = [
        asyncio.create_task(room.speaker.say("calling", "zh", Lane.SOS, still=nothing_yet)),
        asyncio.create_task(room.speaker.say("not-reached", "zh", Lane.SOS, still=nothing_yet)),
        asyncio.create_task(room.speaker.say("taken", "zh", Lane.SOS)),
    ]
    assert await asyncio.gather(*said) == [Said.SAID, Said.TOO_LATE, Said.SAID]
    assert room.heard() == ["calling", "taken"]


async def test_into_an_open_line_nothing_is_said(tmp_path: Path) -> None:
    room = Room(tmp_path, QUICK)
    room.speaker.muted = lambda: True
    assert await room.speaker.say("calling", "zh", Lane.SOS) is Said.TOO_LATE
    room.speaker.muted = lambda: False
    assert await room.speaker.say("taken", "zh", Lane.SOS) is Said.SAID
    assert room.heard() == ["taken"]


async def test_hush_forgets_the_lane_and_below_and_nothing_above(tmp_path: Path) -> None:
    room = Room(tmp_path, LONG)
    speaking = asyncio.create_task(room.speaker.say("calling", "zh", Lane.SOS))
    waiting = asyncio.create_task(room.speaker.say("taken", "zh", Lane.FAULT))
    await room.until_heard("calling")
    room.speaker.hush(Lane.ASSIST)
    assert await waiting is Said.INTERRUPTED
    assert not speaking.done()
    await room.speaker.close()
    assert await speaking is Said.INTERRUPTED


async def test_a_missing_card_is_one_fault_and_healing_is_told(tmp_path: Path) -> None:
    room = Room(tmp_path, 'test -e {log}.card || {{ echo "aplay: audio open error" >&2; exit 1; }}')
    for _ in range(3):
        assert await room.speaker.say("calling", "zh", Lane.SOS) is Said.FAILED
    assert len(room.health) == 1
    assert isinstance(room.health[0], AudioError)
    assert "aplay: audio open error" in room.health[0].sentence
    (tmp_path / "heard.card").touch()
    assert await room.speaker.say("calling", "zh", Lane.SOS) is Said.SAID
    assert room.health[1:] == [None]


async def test_a_missing_player_is_a_fault(tmp_path: Path) -> None:
    room = Room(tmp_path, QUICK)
    speaker = Speaker(["/nonexistent/player"], room.phrases, room.health.append)
    assert await speaker.check() is Said.FAILED
    assert "cannot be started" in str(room.health[0])


async def test_a_missing_recording_is_a_fault_that_names_it(tmp_path: Path) -> None:
    room = Room(tmp_path, QUICK)
    assert await room.speaker.say("arrived", "zh", Lane.SOS) is Said.FAILED
    assert "zh/arrived.wav" in str(room.health[0])
    assert str(tmp_path) not in str(room.health[0])


async def test_a_player_that_hangs_is_ended_and_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "PLAY_LIMIT_S", 0.05)
    monkeypatch.setattr(audio, "END_S", 0.05)
    room = Room(tmp_path, 'trap "" TERM; printf "%s\\n" $$ >> {log}; while :; do read _ < /dev/zero; done')
    assert await room.speaker.say("calling", "zh", Lane.SOS) is Said.FAILED
    assert "did not end" in str(room.health[0])
    for pid in room.heard():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


async def test_a_card_that_hangs_at_start_stops_nothing_but_speech(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "START_LIMIT_S", 0.05)
    fifo = tmp_path / "hanging"
    os.mkfifo(fifo)  # opening it waits, as a read of a dying card does

    def hang(*_: object) -> None:
        fifo.open("rb").close()
        raise AudioError("too late")

    monkeypatch.setattr(audio, "_start", hang)
    room = Room(tmp_path, QUICK)
    assert await room.speaker.say("calling", "zh", Lane.SOS) is Said.FAILED
    assert "did not start" in str(room.health[0])
    threads = threading.active_count()
    assert await room.speaker.say("calling", "zh", Lane.SOS) is Said.FAILED
    assert threading.active_count() == threads  # one that hangs is enough
    fifo.open("wb").close()


async def test_silence_tests_the_card_before_somebody_needs_it(tmp_path: Path) -> None:
    room = Room(tmp_path, QUICK)
    assert await room.speaker.check() is Said.SAID
    assert room.heard() == ["silence"]


@pytest.mark.parametrize("name", ["../secret", "", "a/b", "A", "x" * 41])
async def test_a_name_that_is_not_one_is_refused(tmp_path: Path, name: str) -> None:
    room = Room(tmp_path, QUICK)
    with pytest.raises(ValueError, match="not a phrase"):
        await room.speaker.say(name, "zh", Lane.SOS)
    with pytest.raises(ValueError, match="not a phrase"):
        await room.speaker.say("calling", name, Lane.SOS)


async def test_a_caller_that_goes_away_does_not_silence_the_next(tmp_path: Path) -> None:
    room = Room(tmp_path, QUICK)
    first = asyncio.create_task(room.speaker.say("calling", "zh", Lane.SOS))
    await asyncio.sleep(0)
    first.cancel()
    assert await room.speaker.say("taken", "zh", Lane.SOS) is Said.SAID
