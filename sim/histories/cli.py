"""`anban sim histories`: made-up days through the product's code, their figures, the failing ones shrunk."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from sim.histories.bugs import BUGS
from sim.histories.day import play as play_day
from sim.histories.run import Report, hunt, replay, run, silence, story


@click.command()
@click.option("--count", type=click.IntRange(1), default=200, show_default=True, help="How many histories.")
@click.option("--seed", type=int, default=0, show_default=True, help="The first one's seed.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes side by side.")
@click.option("--json", "as_json", is_flag=True, help="Figures as JSON on standard output.")
@click.option("--replay", "replay_seed", type=int, default=None, help="Play one seed, shrink it, tell it.")
@click.option("--bugs", is_flag=True, help="Plant each known bug in turn, and look for it.")
@click.option("--day", is_flag=True, help="A day on which nothing reaches the platform, instead.")
def histories(
    count: int, seed: int, jobs: int, as_json: bool, replay_seed: int | None, bugs: bool, day: bool
) -> None:
    """Play made-up days deterministically and check the invariants after every step."""
    if day:
        sys.exit(not _tell_day(seed, as_json))
    if replay_seed is not None:
        result = replay(replay_seed)
        click.echo(story(result))
        sys.exit(bool(result.failure))
    if bugs:
        sys.exit(not _hunt_all(count, seed, as_json))
    report = run(count, seed, jobs=jobs)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        _tell(report)
    sys.exit(not report.ok)


def _tell_day(seed: int, as_json: bool) -> bool:
    with silence():
        played = play_day(seed)
    broken = played.broken()
    if as_json:
        figures = {name: value for name, value in asdict(played).items() if name != "order"}
        click.echo(json.dumps({"ok": not broken, **figures, "broken": broken}, indent=2))
        return not broken
    click.echo(
        f"A day without any way to the platform, seed {seed}: {played.texts} texts of"
        f" {played.texts_allowed} ({played.family} to the family), {played.calls} phone calls of"
        f" {played.calls_allowed}; then {len(played.order)} events came, {len(played.lost)} are lost."
    )
    for sentence in broken:
        click.echo(f"  {sentence}")
    return not broken


def _tell(report: Report) -> None:
    figures = report.as_json()
    click.echo(
        f"{report.count} histories from seed {report.seed}, median {figures['median_steps']} steps,"
        f" {figures['histories_per_s']}/s ({figures['histories_per_core_s']}/s of a core's time)"
    )
    for name, times in sorted(report.visits.items()):
        click.echo(f"{times:9d}  {name}")
    for name, times in report.rare.items():
        click.echo(f"visited too rarely ({times}): {name}")
    for failed in report.failures[:1]:
        click.echo(f"\nseed {failed.script.seed} failed; shrunk:\n")
        click.echo(story(replay(failed.script.seed)))
    for failed in report.failures[1:]:
        click.echo(f"seed {failed.script.seed}: {failed.failure}")


def _hunt_all(count: int, seed: int, as_json: bool) -> bool:
    found = {name: hunt(name, count, seed) for name in BUGS}
    table = {
        name: None if result is None else {"after": result.script.seed - seed + 1, "by": result.failure}
        for name, result in found.items()
    }
    if as_json:
        click.echo(json.dumps({"ok": None not in table.values(), "bugs": table}, indent=2))
    else:
        for name, row in table.items():
            click.echo(f"{name}: " + ("NOT FOUND" if row is None else f"history {row['after']}, {row['by']}"))
    return None not in table.values()
