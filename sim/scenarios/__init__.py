"""Scripted cases against a whole simulated home, each a few lines and a list of claims that must hold.

`anban sim home --list` shows every scenario that truly runs. A module of this folder is a theme; its rows are
in its `SCENARIOS`.
"""

from __future__ import annotations

import importlib
import pkgutil

from sim.scenarios.case import Scenario

NOT_THEMES = {"case", "runner", "steps"}


def load() -> dict[str, Scenario]:
    """Every scenario by name, theme after theme. ValueError if a name is double."""
    found: dict[str, Scenario] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        if module in NOT_THEMES:
            continue
        for scenario in importlib.import_module(f"{__name__}.{module}").SCENARIOS:
            if scenario.name in found:
                raise ValueError(f"two scenarios are named {scenario.name}")
            found[scenario.name] = scenario
    return found
