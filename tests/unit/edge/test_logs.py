"""The log of a hub: whoever logs waits for nobody who reads it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import types
from collections.abc import Iterator

import pytest

from edge import logs
from edge.logs import Log

LIMIT_S = 60.0
# A hub whose log nobody reads: its loop goes on, and so does its end.
HUB = """
import asyncio, logging, sys
from edge.logs import log_to

async def main():
    log_to()
    for number in range(5_000):
        logging.getLogger("edge.hub").info("%d %s", number, "x" * 200)
    print("the loop turns", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def record(text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("edge.hub", logging.INFO, "", 0, text, arguments, None)


def read_to(descriptor: int, end: str) -> list[str]:
    """The lines up to one that ends so."""
    with open(os.dup(descriptor), encoding="utf-8") as stream:
        lines: list[str] = []
        while not lines or not lines[-1].endswith(end):
            lines.append(stream.readline().rstrip("\n"))
        return lines


def test_a_hub_whose_log_nobody_reads_goes_on_and_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HUB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as hub:
        said: list[bytes] = []
        assert hub.stdin
        reading = threading.Thread(target=lambda: said.append(next(hub.stdout or iter(()))), daemon=True)
        reading.start()
        reading.join(LIMIT_S)
        try:
            assert said == [b"the loop turns\n"]
            hub.stdin.close()
            assert hub.wait(LIMIT_S) == 0
        finally:
            hub.kill()


def test_the_source_of_a_traceback_is_read_by_the_logs_thread_alone(pipe: tuple[int, int]) -> None:
    """It is on the card, which may hang."""
    readers = set()

    class Loader:
        """Whom Python asks for a module's source, to show the lines of a traceback."""

        def get_source(self, name: str) -> str:
            readers.add(threading.current_thread().name)
            return "raise ValueError('mend it')\n"

    module = types.ModuleType("on_the_card")
    module.__dict__["__loader__"] = Loader()
    log = Log(pipe[1])
    try:
        exec(compile("raise ValueError('mend it')", "/card/on_the_card.py", "exec"), module.__dict__)
    except ValueError:
        failed = logging.LogRecord("edge.hub", logging.ERROR, "", 0, "it failed", (), sys.exc_info())
    log.emit(failed)
    told = read_to(pipe[0], "ValueError: mend it")
    log.close()
    assert told[0] == "it failed"
    assert "    raise ValueError('mend it')" in told
    assert readers == {"log"}


def test_what_found_no_room_is_counted_and_told_once_there_is(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "END_S", LIMIT_S)
    log = Log(pipe[1], lines=10)
    made = 1_000
    for number in range(made):
        log.emit(record("%d %s", number, "x" * 1_000))
    ending = threading.Thread(target=log.close, daemon=True)
    ending.start()
    numbers, lost = list[int](), 0
    with open(os.dup(pipe[0]), encoding="utf-8") as stream:
        while len(numbers) + lost < made:
            words = stream.readline().split()
            if words[0] == "WARNING":
                lost += int(words[2])
            else:
                numbers.append(int(words[0]))
    ending.join(LIMIT_S)
    assert lost > 0
    assert numbers == sorted(set(numbers))


def test_lines_are_written_in_their_order_and_the_last_before_the_end(pipe: tuple[int, int]) -> None:
    log = Log(pipe[1])
    for number in range(100):
        log.emit(record("%d", number))
    log.emit(record("a press of 陈 \udc80"))
    log.close()
    assert read_to(pipe[0], "\\udc80") == [*map(str, range(100)), "a press of 陈 \\udc80"]


def test_a_line_that_cannot_be_made_or_written_harms_nobody(pipe: tuple[int, int]) -> None:
    log = Log(pipe[1])
    log.emit(record("%d", "no number"))
    log.emit(record("well"))
    assert read_to(pipe[0], "could not be written")[0] == "well"
    log.close()
    broken, other = os.pipe()
    os.close(broken)
    gone = Log(other)
    gone.emit(record("to nobody"))
    gone.close()
    assert gone._lose(0) == 1
    os.close(other)


def test_the_end_waits_for_a_log_that_hangs_no_longer_than_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "END_S", 0.05)
    unread, other = os.pipe()
    log = Log(other, lines=5)
    for number in range(100):
        log.emit(record("%d %s", number, "x" * 65_536))
    ending = threading.Thread(target=log.close, daemon=True)
    ending.start()
    ending.join(LIMIT_S)
    assert not ending.is_alive()
    os.close(unread)
    monkeypatch.setattr(logs, "END_S", LIMIT_S)
    log.close()
    os.close(other)


def test_a_record_that_cannot_be_written_down_ends_no_log(pipe: tuple[int, int]) -> None:
    log = Log(pipe[1])
    broken = record("what failed")
    broken.exc_info = (ValueError, ValueError(), "no traceback")  # type: ignore[assignment]
    log.emit(broken)
    log.emit(record("and what came then"))
    lines = read_to(pipe[0], "and what came then")
    assert any(line.endswith("1 lines of that time could not be written") for line in lines)
    log.close()


class Unsaid:
    def __str__(self) -> str:
        raise RuntimeError("nothing to say")


@pytest.mark.parametrize(("text", "argument"), [("%(x)s", {"y": 1}), ("%d", "one"), ("%s", Unsaid())])
def test_whoever_logs_is_told_of_no_failure(pipe: tuple[int, int], text: str, argument: object) -> None:
    log = Log(pipe[1])
    log.emit(record(text, argument))
    log.emit(record("and what came then"))
    assert read_to(pipe[0], "could not be written")
    log.close()
