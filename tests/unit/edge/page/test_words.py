"""The page's words: complete in both languages, there for each fault, and the drawing's own on every page."""

from __future__ import annotations

import re
import string
import subprocess
from pathlib import Path

import pytest

from edge.page.app import FILES
from edge.page.words import HERE, catalogue, module
from edge.phrases.catalogue import LANGUAGES
from protocols.kinds import KINDS

ROOT = Path(__file__).parents[4]
SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in FILES.glob("*.js")}


def said(text: str) -> set[str]:
    """The keys that a script says as they stand."""
    return set(re.findall(r'say\("(\w+)"', text))


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_things_of_the_same_values() -> None:
    assert set(catalogue("zh")) == set(catalogue("en"))
    assert {k: fields(v) for k, v in catalogue("zh").items()} == {
        k: fields(v) for k, v in catalogue("en").items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_gettexts_own_compiler_accepts_the_catalogues(language: str) -> None:
    po = HERE / f"{language}.po"
    subprocess.run(["msgfmt", "--check", "-o", "/dev/null", str(po)], check=True, capture_output=True)


def test_everything_that_the_page_says_is_there() -> None:
    html = (FILES / "hub.html").read_text(encoding="utf-8")
    wanted = set().union(*map(said, SCRIPTS.values())) | set(re.findall(r'data-word="(\w+)"', html))
    assert len(wanted) > 60
    assert wanted - set(catalogue("en")) == set()


def test_every_fault_that_the_hub_can_raise_is_told_with_what_to_do() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "edge").rglob("*.py"))
    faults = set(re.findall(r'\.see\(\s*"(\w+)"', source))
    assert len(faults) > 25
    wanted = {f"fault_{fault}{more}" for fault in faults for more in ("", "_do")}
    assert wanted - set(catalogue("en")) == set()


def test_every_call_and_measurement_has_a_name() -> None:
    rows = {"call": "kind", "reading": "measure"}
    wanted = {
        f"{rows[kind.partition('.')[0]]}_{kind.partition('.')[2]}"
        for kind in KINDS
        if kind.partition(".")[0] in rows
    }
    assert wanted - set(catalogue("en")) - {"kind_cancel_accepted", "kind_realert"} == set()


def test_no_other_page_says_the_drawings_words_in_its_own_way() -> None:
    words = (ROOT / "sim" / "home" / "page" / "words.js").read_text(encoding="utf-8")
    own = set(re.findall(r"\b(\w+): \[", words))
    assert len(own) > 50
    drawn = said(SCRIPTS["trends.js"]) | said(SCRIPTS["making.js"])
    drawn |= {key for key in catalogue("en") if key.startswith(("meal_", "measure_", "age_", "ago_"))}
    assert drawn & own == set()


def test_the_browsers_module_holds_every_word() -> None:
    assert module().count('": ["') == len(catalogue("en"))
