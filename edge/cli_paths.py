"""`anban hub test-paths`: every way to the platform is tried now, pass or fail."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from edge.cli_common import ask_hub, json_option, socket_option, table

LOOK_S: Final = 0.5
HEAD: Final = ("WAY", "RESULT", "TOOK", "WHY")
WORDS: Final = {"good": "pass", "failed": "FAIL", "untested": "not tested"}
WHYS: Final = {
    "no-receipt": "the platform's answer did not come",
    "not-started": "baresip does not run",
    "no-ringing": "the phone did not ring",
    "no-number": "modem.test_number (or sip.test_address) is not set",
    "rate-limited": "the day's texts or calls are used up",
}


@click.command("test-paths")
@json_option
@socket_option
def test_paths(as_json: bool, socket: Path) -> None:
    """Try every way to the platform now; the hub says the result aloud. Fails if one does not work."""
    state = ask_hub(socket, "test-paths")
    while state["testing"]:
        time.sleep(LOOK_S)
        state = ask_hub(socket, "proofs")
    if as_json:
        click.echo(json.dumps(state["paths"], indent=2))
    else:
        for line in table(HEAD, rows(state["paths"])):
            click.echo(line)
        refused = {why: count for why, count in (state.get("refused_texts") or {}).items() if count}
        if refused:
            told = ", ".join(f"{count} {why}" for why, count in refused.items())
            click.echo(f"Texts that changed nothing since the hub's start: {told}")
    sys.exit(any(row["outcome"] == "failed" or not row["fresh"] for row in state["paths"]))


def rows(paths: Sequence[dict[str, Any]]) -> Iterable[tuple[str, ...]]:
    """The table's rows."""
    for row in paths:
        if not row["fresh"]:
            yield row["path"], "not tested", "-", "a call came between"
            continue
        took = "-" if row["took_ms"] is None or row["outcome"] != "good" else f"{row['took_ms'] / 1000:.1f} s"
        yield row["path"], WORDS[row["outcome"]], took, WHYS.get(row["cause"], row["cause"]) or "-"
