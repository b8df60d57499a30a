"""What a rule is for, and why it fired, in plain words: gettext catalogues, both languages complete."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.care.hazards import KINDS
from edge.care.rules import RULES, Verdict
from edge.care.settings import CareSection
from edge.phrases.catalogue import catalogue_of

HERE = Path(__file__).resolve().parent
NAMES = (*(rule.name for rule in RULES), "missed", *KINDS)


def catalogue(language: str) -> Mapping[str, str]:
    """Key -> sentence. KeyError for a language that is not there."""
    return catalogue_of(HERE, language)


def explain(rule: str, care: CareSection, language: str) -> str:
    """What a rule does, with the figures that are set."""
    section = rule.partition(".")[0]
    if section in KINDS:
        return catalogue(language)[f"{section}.does"]
    values = {name: _said(name, value) for name, value in _fields(getattr(care, section)).items()}
    if section == "missed":
        values["kind"] = word(rule.partition(".")[2], language)
    return catalogue(language)[f"{section}.does"].format(**values, ask=f"{care.ask_s:g}")


def reason(verdict: Verdict, language: str) -> str:
    """Why it fires."""
    told = {name: _worded(name, value, language) for name, value in verdict.told}
    return catalogue(language)[f"{verdict.rule.partition('.')[0]}.why"].format(**told)


def state(verdict: Verdict, language: str) -> str:
    """How it stands with a rule, in words."""
    said = catalogue(language)[f"state.{verdict.state}"]
    why = catalogue(language).get(f"cause.{verdict.why}", verdict.why)
    return said.format(why=why)


def word(key: str, language: str) -> str:
    """A figure or a measurement by its name."""
    return catalogue(language).get(f"word.{key}", key)


def _worded(name: str, value: Any, language: str) -> Any:
    return word(value, language) if name in ("figure", "kind", "where") else value


def _fields(rule: Any) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule.__struct_fields__}


def _said(name: str, value: Any) -> Any:
    if name.endswith("_minute"):
        return f"{value // 60:02d}:{value % 60:02d}"
    return f"{value:g}" if isinstance(value, float) else value
