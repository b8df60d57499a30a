"""Plant a fault: a copy of the product with one thing wrong, and the proof run against that copy.

The product has no hook for this. Its rooms are copied into a folder, text in a copied file is replaced, and
the scenario or test runs there in a process of its own: what it starts (hub, platform, air, the firmware's
compiler) starts from the same folder, for `python -m` looks into the working directory first.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("protocols", "drivers", "firmware", "edge", "sim", "tests")
FILES = ("anban.py", "pyproject.toml")
LINKS = ("build",)  # recorded phrases
SCENARIO_S = 400.0  # a scenario ends itself after 280 s, beside its start and its end
TEST_S = 300.0


@dataclass(frozen=True)
class Change:
    """Text of a file that stands there once, and what stands in its place in the copy."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Plant:
    """A fault.

    `breaks`: numbers of ARCHITECTURE's invariants. `red`: the name of a scenario, or the node of a test, that
    must notice it. `says`: what must stand in a broken claim, or in the test's output. `plays`: with how many
    seeds the scenario is played until it notices; more than one where chance decides.
    """

    name: str
    breaks: tuple[int, ...]
    red: str
    says: str
    changes: tuple[Change, ...]
    plays: int = 1

    @property
    def scenario(self) -> str:
        """The scenario that must turn red; empty if a test must."""
        return "" if "::" in self.red else self.red


def copy(plant: Plant, root: Path) -> None:
    """Put the product with this fault into `root`. LookupError if a text to replace is not there once."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for name in FILES:
        shutil.copy(ROOT / name, root / name)
    for name in LINKS:
        (root / name).symlink_to(ROOT / name)
    for change in plant.changes:
        (root / change.file).write_text(changed(change, (root / change.file).read_text()))


def changed(change: Change, text: str) -> str:
    """The file's text with the fault in it. LookupError if the text to replace is not there once."""
    if text.count(change.old) != 1:
        raise LookupError(f"{change.file} has {text.count(change.old)} times:\n{change.old}")
    return text.replace(change.old, change.new)


def broken_claims(plant: Plant, root: Path, home: Path, seed: int) -> list[str]:
    """Play the plant's scenario in `root` until the claim that it must break is broken, or to its end; the
    sentences of claims that do not hold."""
    command = ["-m", "tests.planted.play", plant.scenario, str(seed), plant.says, str(home)]
    done = _python(command, root, SCENARIO_S)
    try:
        result = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"no verdict:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}") from None
    return [f"{claim['name']}: {claim['detail']}" for claim in result["claims"] if not claim["ok"]]


def failed_test(plant: Plant, root: Path) -> str:
    """Run the plant's test in `root`; its output if it failed, empty if it passed."""
    done = _python(["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", plant.red], root, TEST_S)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the test could not run:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}")
    return done.stdout if done.returncode else ""


def _python(arguments: list[str], root: Path, limit_s: float) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=limit_s,
    )
