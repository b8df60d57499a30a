"""What the page says, in both languages, out of gettext catalogues; as a module for the browser too."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path

from edge.phrases.catalogue import LANGUAGES, catalogue_of

HERE = Path(__file__).resolve().parent


def catalogue(language: str) -> Mapping[str, str]:
    """Key -> words. KeyError for a language that is not there."""
    return catalogue_of(HERE, language)


@functools.cache
def module() -> str:
    """A JavaScript module that exports WORDS: key -> [zh, en]."""
    rows = {key: [catalogue(language)[key] for language in LANGUAGES] for key in catalogue("en")}
    return f"// Made of edge/page/*.po.\nexport const WORDS = {json.dumps(rows)};\n"
