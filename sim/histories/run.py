"""Runs many histories, counts what was visited, shrinks and replays what fails; and hunts planted bugs."""

from __future__ import annotations

import contextlib
import gc
import logging
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from edge.calls import TABLE
from sim.histories.bugs import BUGS
from sim.histories.play import Result, name_of, play
from sim.histories.script import PEOPLE, TROUBLES, make
from sim.histories.shrink import shrink

SHOWN_LINES = 60  # of a replayed timeline


@dataclass
class Report:
    """What came of a run."""

    count: int = 0
    seed: int = 0
    failures: list[Result] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    visits: Counter[str] = field(default_factory=Counter)
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every invariant held in every history."""
        return not self.failures

    def as_json(self) -> dict[str, Any]:
        """For programs: the figures, and the seed of each failure."""
        return {
            "ok": self.ok,
            "count": self.count,
            "seed": self.seed,
            "steps_median": int(statistics.median(self.steps)) if self.steps else 0,
            "histories_per_s": round(self.count / self.wall_s, 2) if self.wall_s else 0.0,
            "histories_per_cpu_s": round(self.count / self.cpu_s, 2) if self.cpu_s else 0.0,
            "visits": dict(sorted(self.visits.items())),
            "least_visited": min(self.visits.values(), default=0),
            "failures": [{"seed": r.script.seed, "failure": r.failure} for r in self.failures],
        }


def run(
    count: int, seed: int, *, stop_after: int = 5, on_result: Callable[[Result], None] = lambda result: None
) -> Report:
    """Play the histories of `count` seeds from `seed` on; `stop_after` failures end the run."""
    report = Report(seed=seed)
    report.visits.update(dict.fromkeys(rows(), 0))
    begun, begun_cpu = time.monotonic(), time.process_time()
    with silence(), less_garbage():
        for number in range(seed, seed + count):
            result = play(make(number))
            report.count += 1
            report.steps.append(result.steps)
            report.visits.update(result.visits)
            on_result(result)
            if result.failure:
                report.failures.append(result)
                if len(report.failures) >= stop_after:
                    break
    report.wall_s, report.cpu_s = time.monotonic() - begun, time.process_time() - begun_cpu
    return report


def rows() -> list[str]:
    """What every long run must visit: each row of the transition table, each happening of a script."""
    return [name_of(key) for key in TABLE] + [f"step: {name}" for name in (*PEOPLE, *TROUBLES)]


def replay(seed: int) -> Result:
    """One history, shrunk if it fails."""
    with silence():
        result = play(make(seed))
        return shrink(result) if result.failure else result


def hunt(name: str, count: int, seed: int) -> Result | None:
    """The first failure with a bug planted, or None if `count` histories did not find it."""
    with BUGS[name]():
        report = run(count, seed, stop_after=1)
    return report.failures[0] if report.failures else None


def story(result: Result, lines: int = SHOWN_LINES) -> str:
    """A history for people: its steps, the end of its timeline, and what did not hold."""
    script = result.script
    home = f"seed {script.seed}: {script.hubs} hub(s), preset {script.preset}, service {script.hours}"
    steps = [f"  {step}" for step in script.steps]
    told = [f"  {at_ms / 1000:9.3f}  {text}" for at_ms, text in result.timeline[-lines:]]
    end = f"FAILED {result.failure}" if result.failure else "every invariant held"
    return "\n".join([home, "steps:", *steps, f"timeline (its last {len(told)} lines):", *told, end])


@contextlib.contextmanager
def less_garbage() -> Iterator[None]:
    """The collector looks at what a history leaves, not again and again at all modules."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """The product's log would tell of every made-up trouble."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
