"""`anban sim life`: months of a made-up elder's life, and how well the rules of care did."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

from sim.life import Score, month, score


@click.command()
@click.option("--months", type=click.IntRange(1, 1_000), default=1, show_default=True, help="How many.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the first; each next has the next.")
@click.option("--json", "as_json", is_flag=True, help="The table as JSON.")
def life(months: int, seed: int, as_json: bool) -> None:
    """Play labelled months through the rules of care: hits, misses and false alarms of each."""
    totals: dict[str, Score] = {}
    for number in range(months):
        for rule, row in score(month(seed + number)).items():
            totals.setdefault(rule, Score()).add(row)
    rows = {rule: _row(total) for rule, total in totals.items()}
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(f"{'RULE':<12}{'LABELS':>8}{'HITS':>8}{'MISSES':>8}{'FALSE':>8}  FALSE A MONTH")
    for rule, row in rows.items():
        figures = "".join(f"{row[name]:>8}" for name in ("labels", "hits", "misses", "false"))
        click.echo(f"{rule:<12}{figures}  {row['false_a_month']:.1f}")


def _row(total: Score) -> dict[str, Any]:
    return {**dataclasses.asdict(total), "false_a_month": total.false * 30 / total.days}
