"""Runs many histories, counts what was visited, shrinks and replays what fails; and hunts planted bugs."""

from __future__ import annotations

import contextlib
import gc
import logging
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

from edge.calls import TABLE
from sim.histories.bugs import BUGS
from sim.histories.play import Result, name_of, play
from sim.histories.script import PEOPLE, TROUBLES, make
from sim.histories.shrink import shrink

LONG, FEWEST = 10_000, 100  # in so many histories each row is visited at least so often
DEADLINES = ("asking.opens", "assist.ask", "realert", "not_arrived", "call.sos")
PART = 50  # histories that a process is given at a time
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

    @property
    def rare(self) -> dict[str, int]:
        """Rows that were visited less than FEWEST times in 10,000 histories, or less than its share."""
        fewest = FEWEST * min(1.0, self.count / LONG)
        return {row: self.visits[row] for row in rows() if self.visits[row] < fewest}

    def add(self, other: Report) -> None:
        """A part of the same run, played elsewhere."""
        self.count += other.count
        self.failures += other.failures
        self.steps += other.steps
        self.visits.update(other.visits)
        self.cpu_s += other.cpu_s

    def as_json(self) -> dict[str, Any]:
        """For programs: the figures, and the seed of each failure. A core's rate is by processor time."""
        return {
            "ok": self.ok,
            "count": self.count,
            "seed": self.seed,
            "median_steps": int(statistics.median(self.steps)) if self.steps else 0,
            "histories_per_s": round(self.count / self.wall_s, 2) if self.wall_s else 0.0,
            "histories_per_core_s": round(self.count / self.cpu_s, 2) if self.cpu_s else 0.0,
            "visits": dict(sorted(self.visits.items())),
            "rare": self.rare,
            "failures": [{"seed": r.script.seed, "failure": r.failure} for r in self.failures],
        }


def run(
    count: int,
    seed: int,
    *,
    jobs: int = 1,
    stop_after: int = 5,
    on_result: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Play the histories of `count` seeds from `seed` on; `stop_after` failures end the run.

    Each history has one process and one thread; with `jobs` several processes play histories side by side.
    """
    report = Report(seed=seed)
    report.visits.update(dict.fromkeys(rows(), 0))
    begun = time.monotonic()
    if jobs == 1:
        report.add(_part(count, seed, stop_after, on_result))
    else:
        parts = [(min(PART, seed + count - at), at) for at in range(seed, seed + count, PART)]
        with ProcessPoolExecutor(jobs) as pool:
            futures = [pool.submit(_part, size, at, stop_after) for size, at in parts]
            for future in as_completed(futures):
                report.add(future.result())
                if len(report.failures) >= stop_after:
                    pool.shutdown(cancel_futures=True)
                    break  # nobody tells of a future that was cancelled
        report.failures.sort(key=lambda result: result.script.seed)
    report.wall_s = time.monotonic() - begun
    return report


def _part(
    count: int, seed: int, stop_after: int, on_result: Callable[[Result], None] = lambda result: None
) -> Report:
    report = Report(seed=seed)
    begun = time.process_time()
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
    report.cpu_s = time.process_time() - begun
    return report


def rows() -> list[str]:
    """What every long run must visit: rows of the transition table, happenings of a script, deadlines."""
    steps = [f"step: {name}" for name in (*PEOPLE, *TROUBLES)]
    return [name_of(key) for key in TABLE] + steps + [f"due: {name}" for name in DEADLINES]


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
