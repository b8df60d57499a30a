"""The two interpreters as peers: MicroPython as a child that answers JSON lines, CPython in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.micropython.link.peer import Peer

ROOT = Path(__file__).parents[3]
MICROPYTHON = Path(sysconfig.get_path("scripts")) / "micropython"
HEAP = "192K"  # on the 64-bit unix port; about 96 KB on the chip


def run_micropython(script: Path, *arguments: str) -> subprocess.Popen[str]:
    """A MicroPython process with our rooms on its path and a pendant's heap."""
    return subprocess.Popen(
        [str(MICROPYTHON), "-X", f"heapsize={HEAP}", str(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MICROPYPATH": f"{ROOT}:.frozen"},
    )


class Asked(Protocol):
    """What both kinds of peer do."""

    def ask(self, op: str, **line: Any) -> Any:
        """The answer to one request, as the peer's program gives it."""


class OnCPython:
    """A peer in this process; requests go through JSON, as to the other."""

    def __init__(self) -> None:
        self._peer = Peer()  # type: ignore[no-untyped-call]

    def ask(self, op: str, **line: Any) -> Any:
        """See Asked."""
        return json.loads(json.dumps(self._peer.do(json.loads(json.dumps({"op": op, **line})))))  # type: ignore[no-untyped-call]


class OnMicroPython:
    """A peer in a MicroPython child."""

    def __init__(self) -> None:
        self._child = run_micropython(Path(__file__).parent / "peer.py")

    def ask(self, op: str, **line: Any) -> Any:
        """See Asked."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps({"op": op, **line}) + "\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline()
        assert answer, f"MicroPython ended at {op}"
        return json.loads(answer)

    def end(self) -> int:
        """Close its input and wait for its end."""
        self._child.communicate(timeout=60)
        return self._child.returncode


@pytest.fixture
def here() -> Asked:
    return OnCPython()


@pytest.fixture
def there() -> Iterator[Asked]:
    peer = OnMicroPython()
    yield peer
    assert peer.end() == 0
