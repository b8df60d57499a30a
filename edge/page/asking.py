"""Asks the hub what the page shows: one question at a time, seldom, and only while somebody looks.

However many look, and however often, the hub is asked no more than `PARTS` says. What it told stays when it
does not answer any more, with its age: whoever shows it has to show that too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from edge.api import exchange
from edge.threads import in_thread
from protocols.errors import AnbanError, Reason

WITHIN_S: Final = 3.0  # for each answer; a hub that lives needs milliseconds
ACT_WITHIN_S: Final = 8.0  # an act waits for the disk
READINGS: Final = 40
CALLS: Final = 10


class Part(NamedTuple):
    """An operation of the hub's door: asked again after `least_s` at the soonest; where it `moves` with the
    journal only when that has grown, and in any case after `most_s`."""

    op: str
    least_s: float
    most_s: float
    moves: bool = False
    args: Mapping[str, Any] = {}


# The first tells whether the hub lives. Readings and trends are read out of thousands of rows: seldom.
PARTS: Final = (
    Part("status", 2, 2),
    Part("faults", 2, 2),
    Part("calls", 2, 2),
    Part("devices", 2, 2),
    Part("proofs", 5, 5),
    Part("people", 60, 60),
    Part("prompts", 15, 15),
    Part("readings", 5, 120, True, {"limit": READINGS}),
    Part("trends", 5, 120, True),
)
OPS: Final = frozenset(part.op for part in PARTS)
ACTED: Final = ("readings", "trends", "devices", "faults")  # what an act of the page may change


@dataclass(slots=True)
class _Answer:
    """What the hub told last: when it was asked, as of which row of its journal, after how many acts of this
    page; and the how-manieth change it is."""

    value: Any
    at_s: float
    row: int
    acts: int
    version: int


class Asking:
    """`look` for a page, `act` for what somebody does on one."""

    def __init__(self, socket: Path, now_s: Callable[[], float] = time.monotonic) -> None:
        self._socket, self._now_s = socket, now_s
        self._answers: dict[str, _Answer] = {}
        self._turn = asyncio.Lock()
        self._trouble: AnbanError | None = None
        self._tried_s = 0.0
        self._acts = 0

    async def look(self, have: Mapping[str, int]) -> dict[str, Any]:
        """{"up", "sentence", "parts": {op: {"version", "age_s", "value"}}}; no value that the page has."""
        async with self._turn:
            await self._refresh()
        now_s = self._now_s()
        parts = {}
        for op, answer in self._answers.items():
            parts[op] = {"version": answer.version, "age_s": round(now_s - answer.at_s, 1)}
            if have.get(op) != answer.version:
                parts[op]["value"] = answer.value
        trouble = self._trouble
        return {"up": trouble is None, "sentence": str(trouble or ""), "parts": parts}

    async def act(self, op: str, args: Mapping[str, Any]) -> Any:
        """Have the hub do something: its answer. AnbanError as it refuses, or where it is not there."""
        result = await in_thread("act", exchange, self._socket, op, args, ACT_WITHIN_S)
        self._acts += 1
        return result

    async def _refresh(self) -> None:
        """Ask what is due; a hub that is not there is asked no further, and again after a while."""
        if self._trouble is not None and self._now_s() - self._tried_s < PARTS[0].least_s:
            return
        for part in PARTS:
            if not self._due(part):
                continue
            self._tried_s, acts = self._now_s(), self._acts
            try:
                value = await in_thread("ask", exchange, self._socket, part.op, part.args, WITHIN_S)
            except AnbanError as error:
                if part.op == PARTS[0].op or error.reason is Reason.NO_HUB:
                    self._trouble = error
                    return
                continue  # busy, or of another release: the others are asked all the same
            self._keep(part, value, self._tried_s, acts)
            if part.op == PARTS[0].op:
                self._trouble = None

    def _keep(self, part: Part, value: Any, asked_s: float, acts: int) -> None:
        before = self._answers.get(part.op)
        value = value[-CALLS:] if part.op == "calls" and isinstance(value, list) else value
        version = before.version + (before.value != value) if before is not None else 1
        self._answers[part.op] = _Answer(value, asked_s, self._row(), acts, version)

    def _due(self, part: Part) -> bool:
        known = self._answers.get(part.op)
        if known is None or (self._trouble is not None and part.op == PARTS[0].op):
            return True
        if known.acts != self._acts and part.op in ACTED:
            return True
        age_s = self._now_s() - known.at_s
        moved = not part.moves or known.row != self._row()
        return age_s >= part.most_s or (age_s >= part.least_s and moved)

    def _row(self) -> int:
        """How far the hub's journal is, as it told last."""
        status = self._answers.get("status")
        store = status.value.get("store") if status is not None and isinstance(status.value, dict) else None
        row = store.get("head_seq") if isinstance(store, dict) else None
        return row if isinstance(row, int) else 0


def have_of(text: str) -> dict[str, int]:
    """What a page has already, "status.3,trends.7": operation -> version. What is no such thing is not."""
    found = {}
    for item in text[:400].split(","):
        op, _, version = item.partition(".")
        if op in OPS and version.isascii() and version.isdigit() and len(version) <= 9:
            found[op] = int(version)
    return found
