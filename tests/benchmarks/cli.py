"""`anban bench`: runs the benchmarks that are named and prints figures that compare across releases."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

import click

from tests.benchmarks.machine import Stolen

# Name -> what it measures. Each is a module of this folder with `measure(directory: Path) -> dict[str, Any]`.
BENCHES: dict[str, str] = {
    "sos": "A press, from the edge to disk, platform, lamp and pendant; also with 100,000 readings waiting.",
    "sms": "Without internet: a text to the network and to the platform.",
    "voice": "Without internet and texts: a relative's phone that rings; several homes beside each other.",
    "store": "Commits a second of the journal, alone and grouped, beside raw SQLite on the same disk.",
    "drain": "Events a second from the journal of a hub that comes back into the platform's database.",
    "wire": "Bytes on the line for one SOS, by CoAP and by HTTPS.",
    "meters": "A press while ten meters transfer, beside one while none does; connects and records a second.",
    "footprint": "Memory of a hub, and the time from exec to its first accepted key.",
    "firmware": "Heap, size, key to advert and battery days of a pendant, on MicroPython's unix port.",
    "fall": "Falls found and false alarms, on recordings of people held out; needs --data DIR.",
}
DATA = {"fall"}  # those that measure on recordings from outside the checkout
CHECKOUT = Path(__file__).resolve().parents[2]


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHES)), metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each benchmark.")
@click.option("--list", "list_them", is_flag=True, help="Show what each benchmark measures.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=CHECKOUT / "build" / "bench",
    help="Where to write; its disk is what is measured. In the checkout by default.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Recordings for the benchmark of falls: a folder with manifest.csv.",
)
def bench(names: tuple[str, ...], as_json: bool, list_them: bool, directory: Path, data: Path | None) -> None:
    """Measure; figures as JSON. All benchmarks, or those that are named."""
    if list_them:
        for name, sentence in BENCHES.items():
            click.echo(f"{name:10} {sentence}")
        return
    for name in names or BENCHES:
        module = importlib.import_module(f"tests.benchmarks.{name}")
        directory.mkdir(parents=True, exist_ok=True)
        stolen = Stolen()
        measured = module.measure(directory, data) if name in DATA else module.measure(directory)
        figures = {**header(name), "stolen_percent": stolen.percent(), **measured}
        if as_json:
            click.echo(json.dumps(figures))
        else:
            click.echo("\n".join(lines(figures)))


def header(name: str) -> dict[str, Any]:
    """What a figure means nothing without: release, interpreter and machine."""
    return {
        "bench": name,
        "release": importlib.metadata.version("anban"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
    }


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures for people, one a line."""
    return [f"{key:32} {value}" for key, value in figures.items()]
