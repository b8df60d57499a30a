"""Reads a gettext catalogue (.po): what a table of sentences needs of the format, and refuses the rest.

Source: GNU gettext manual, 'The Format of PO Files'. Comments, `msgid`, `msgstr` and continued strings are
read; contexts, plurals and fuzzy entries are errors, so that a translator's doubt is never spoken aloud.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

LANGUAGES: Final = ("zh", "en")


@functools.cache
def catalogue_of(folder: Path, language: str) -> Mapping[str, str]:
    """Key -> sentence, of `folder`. KeyError for a language that is not in LANGUAGES."""
    if language not in LANGUAGES:
        raise KeyError(language)
    return read_catalogue((folder / f"{language}.po").read_text(encoding="utf-8"))


def read_catalogue(po: str) -> Mapping[str, str]:
    """msgid -> msgstr, without the header. ValueError names the line that cannot be read."""
    entries: dict[str, str] = {}
    key: str | None = None
    parts: list[str] = []
    into_text = False

    def finish() -> None:
        if key is None:
            return
        if key in entries:
            raise ValueError(f"msgid {key!r} stands there twice")
        entries[key] = "".join(parts)

    for number, raw in enumerate(po.splitlines(), 1):
        line = raw.strip()
        if line.startswith("#,") and "fuzzy" in line:
            raise ValueError(f"line {number}: a fuzzy translation is not spoken; confirm or remove it")
        if not line or line.startswith("#"):
            continue
        if line.startswith("msgid "):
            finish()
            key, parts, into_text = _string(line[6:], number), [], False
        elif line.startswith("msgstr ") and key is not None and not into_text:
            parts, into_text = [_string(line[7:], number)], True
        elif line.startswith('"') and key is not None:
            if into_text:
                parts.append(_string(line, number))
            else:
                key += _string(line, number)
        else:
            raise ValueError(f"line {number}: {line[:40]!r} is not msgid, msgstr or a continued string")
    finish()
    entries.pop("", None)
    empty = sorted(k for k, v in entries.items() if not v)
    if empty:
        raise ValueError(f"no translation: {', '.join(empty)}")
    return MappingProxyType(entries)


def _string(quoted: str, number: int) -> str:
    if len(quoted) < 2 or quoted[0] != '"' or quoted[-1] != '"':
        raise ValueError(f"line {number}: a string in double quotes is missing")
    try:
        value = ast.literal_eval(quoted)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"line {number}: {quoted[:40]} is not a string") from error
    if not isinstance(value, str):
        raise ValueError(f"line {number}: {quoted[:40]} is not a string")
    return value
