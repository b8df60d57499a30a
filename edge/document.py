"""A TOML document as one typed value: each wrong key is named with what it may hold, nothing is half taken.

`allowed` gives the words for a type, `across` what is wrong between keys that are each right.
"""

from __future__ import annotations

import json
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec

from protocols.errors import AnbanError, Reason

_BOUNDS = (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most"))

T = TypeVar("T", bound=msgspec.Struct)


def read(text: str, kind: type[T], allowed: Mapping[Any, str], across: Callable[[T], list[str]]) -> T:
    """The document's value. AnbanError(BAD_CONFIG) names every wrong key and what it may hold."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise AnbanError(Reason.BAD_CONFIG, f"not TOML: {error}", "Mend the line that is named.") from error
    errors: list[str] = []
    _collect(document, kind, "", allowed, errors)
    if not errors:
        config = msgspec.convert(document, kind)
        errors = across(config)
        if not errors:
            return config
    raise AnbanError(
        Reason.BAD_CONFIG,
        "; ".join(errors),
        "Mend every key that is named; nothing of this document was applied.",
    )


def _collect(value: Any, kind: Any, where: str, allowed: Mapping[Any, str], errors: list[str]) -> None:
    """Add a sentence for each key below `where` that is unknown, missing or not allowed."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):  # of a section that may be left out
        inner = typing.get_args(kind)[0]
        kind = inner if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else kind
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        _collect_struct(value, kind, where, allowed, errors)
    elif typing.get_origin(kind) is tuple and issubclass(
        typing.get_args(kind)[0] if isinstance(typing.get_args(kind)[0], type) else object, msgspec.Struct
    ):
        if not isinstance(value, list):
            errors.append(f"{where} = {value!r}: allowed is a list of tables, [[{where}]]")
            return
        for index, item in enumerate(value):
            _collect(item, typing.get_args(kind)[0], f"{where}[{index}]", allowed, errors)
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            errors.append(f"{where} = {value!r}: allowed is {_words(kind, allowed) or error}")


def _words(kind: Any, allowed: Mapping[Any, str]) -> str:
    """What a key of this type may hold, in words; "" where there are none."""
    if typing.get_origin(kind) is Literal:
        return f"one of {', '.join(typing.get_args(kind))}"
    if typing.get_origin(kind) in (typing.Union, types.UnionType):  # of one type, or left out
        return _words(typing.get_args(kind)[0], allowed)
    if kind in allowed or not hasattr(kind, "__metadata__"):
        return allowed.get(kind, "")
    bounds = [
        f"{words} {value:g}"
        for meta in kind.__metadata__
        for name, words in _BOUNDS
        if (value := getattr(meta, name)) is not None
    ]
    return f"{allowed.get(kind.__origin__, 'a value')} {' and '.join(bounds)}" if bounds else ""


def _collect_struct(
    value: Any, kind: type[msgspec.Struct], where: str, allowed: Mapping[Any, str], errors: list[str]
) -> None:
    if not isinstance(value, dict):
        errors.append(f"{where} = {value!r}: allowed is a table")
        return
    hints = typing.get_type_hints(kind, include_extras=True)
    required = {f.name for f in msgspec.structs.fields(kind) if f.required}
    prefix = f"{where}." if where else ""
    for key in value.keys() - hints.keys():
        errors.append(f"{prefix}{key}: unknown key; allowed are {', '.join(sorted(hints))}")
    for key in sorted(required - value.keys()):
        errors.append(f"{prefix}{key}: missing")
    for key in value.keys() & hints.keys():
        _collect(value[key], hints[key], f"{prefix}{key}", allowed, errors)


def inline(value: Any) -> str:
    """A TOML value; a JSON string without escaped slashes or surrogates is a TOML string."""
    if isinstance(value, dict):
        named = (f"{key} = {inline(item)}" for key, item in value.items() if item is not None)
        return "{ " + ", ".join(named) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
