"""The language of scenarios: what is set up, what is claimed, and by when it must hold."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sim.home.setup import Setup
from sim.home.waiting import Condition, came

if TYPE_CHECKING:
    from sim.home.home import Home


class Broken(Exception):
    """A claim on which the rest of the scenario stands does not hold: it ends here and is judged."""


@dataclass
class Claim:
    """One sentence that must hold, and what was seen."""

    name: str
    ok: bool
    detail: str = ""


@dataclass
class Case:
    """One run of a scenario: its dice (from the seed) and its claims so far.

    `enough`: who looks for one broken claim alone has seen enough when one with this text is, and it ends.
    """

    dice: random.Random
    claims: list[Claim] = field(default_factory=list)
    enough: str | None = None

    def claim(self, name: str, ok: bool, detail: str = "") -> bool:
        """Write down a claim and whether it holds; the scenario goes on, or Broken if that is enough."""
        self.claims.append(Claim(name, bool(ok), detail))
        if not ok and self.enough is not None and self.enough in name:
            raise Broken(name)
        return bool(ok)

    async def until(self, name: str, condition: Condition, within_s: float) -> float:
        """Claim that `condition` comes to hold in time; gives the seconds it took, or raises Broken."""
        took = await came(condition, within_s)
        if took is None:
            self.claim(name, False, f"not within {within_s:g} s")
            raise Broken(name)
        self.claim(name, True, f"after {took:.2f} s of {within_s:g} s")
        return took

    async def soon(self, name: str, condition: Condition, within_s: float) -> bool:
        """As `until`, but the scenario goes on when the claim does not hold."""
        took = await came(condition, within_s)
        detail = f"not within {within_s:g} s" if took is None else f"after {took:.2f} s of {within_s:g} s"
        return self.claim(name, took is not None, detail)

    async def never(self, name: str, condition: Condition, for_s: float) -> None:
        """Claim that `condition` does not come to hold during this time."""
        took = await came(condition, for_s)
        self.claim(name, took is None, f"for {for_s:g} s" if took is None else f"it did after {took:.2f} s")

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(claim) for claim in self.claims]


Run = Callable[["Home", Case], Awaitable[None]]


Alone = Callable[["Case", int], Awaitable[dict[str, Any]]]
"""(case, seed) -> figures of the verdict: "lost", "duplicated", "calls", "cases", "presses"."""


async def _no_home(_home: Home, _case: Case) -> None:
    raise RuntimeError("this scenario has no home of processes")


@dataclass(frozen=True)
class Scenario:
    """A row: its name, what happens in words, the home in which it happens, and the script.

    `alone`: played without a home of processes, because it is too long for their clocks; its text says how.
    """

    name: str
    text: str
    run: Run = _no_home
    setup: Setup = field(default_factory=Setup)
    quick: bool = False  # runs in `make test`; the others in `make test-slow`
    alone: Alone | None = None
