"""The log, written by a thread of its own: whoever logs waits for nobody who reads it.

The journal of a Raspberry Pi is on the card too. When the card hangs, journald stops reading, its socket is
full after some thousand lines, and whoever writes the next one waits as long as the card does: that must not
be the loop. What finds no room is counted, and the count is written once there is room again. The source
lines of a traceback are read from the card too: by the same thread.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from typing import Final

STDERR: Final = 2  # what systemd gives to its journal
LINES: Final = 2_000  # minutes of a hub in trouble, under 1 MB
FORMAT: Final = "%(levelname)s %(name)s: %(message)s"
END_S: Final = 1.0  # at the end of the process: for the last lines, and no longer if nobody takes them


class Log(logging.Handler):
    """Lines into a file descriptor that may hang, fail or be closed at the other end."""

    def __init__(self, descriptor: int, lines: int = LINES) -> None:
        super().__init__()
        self._lost = 0  # lines of which nobody has been told yet
        self._counting = threading.Lock()
        self._descriptor = descriptor
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(maxsize=lines)
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Never waits, never raises."""
        try:
            record.msg, record.args = record.getMessage(), None  # while its arguments are what they were
            self._records.put_nowait(record)
        except Exception:  # no room; or arguments that do not fit their message
            self._lose(1)

    def close(self) -> None:
        """The last lines, within END_S; `logging` calls it at the end of the process."""
        if self._thread.is_alive():
            try:
                self._records.put(None, timeout=END_S)
                self._thread.join(END_S)
            except queue.Full:
                pass
        super().close()

    def _write_all(self) -> None:
        while True:
            record = self._records.get()
            try:
                line = None if record is None else self.format(record)
            except Exception:  # whatever a record holds, those after it are written
                line = None
                self._lose(1)
            lost = self._lose(0)
            told = f"WARNING {__name__}: {lost} lines of that time could not be written" if lost else None
            lines = [text for text in (line, told) if text is not None]
            try:
                self._write("".join(f"{text}\n" for text in lines))
                self._lose(-lost)
            except OSError:
                self._lose(0 if line is None else 1)
            if record is None:
                return

    def _lose(self, lines: int) -> int:
        with self._counting:
            self._lost += lines
            return self._lost

    def _write(self, text: str) -> None:
        """By the descriptor: a thread that hangs in `sys.stderr` would hold its lock at the process's end."""
        left = text.encode(errors="backslashreplace")
        while left:
            left = left[os.write(self._descriptor, left) :]


def log_to(descriptor: int = STDERR, *, verbose: bool = False, form: str = FORMAT) -> None:
    """Everything that is logged in this process goes there. Once, at the start."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format=form, handlers=[Log(descriptor)]
    )
