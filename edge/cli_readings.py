"""`anban hub readings`: what the home's meters told, as a table, CSV, JSON or FHIR."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click

from edge.cli_common import ask_hub, socket_option, table

CSV: Final = (
    *("at", "person", "kind", "value", "second", "third", "pulse_bpm", "unit", "judged", "reason"),
    *("time_known", "clock", "meter", "room", "whose", "user", "sequence", "place", "context", "id"),
)


HEAD: Final = ("AT", "PERSON", "WHAT", "FIGURES", "METER", "ROOM")


@click.group(invoke_without_command=True)
@click.option("--person", help="Only this elder's; '' for those that are nobody's.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="The newest.")
@click.option("--csv", "form", flag_value="csv", help="Comma-separated values.")
@click.option("--fhir", "form", flag_value="fhir", help="A Bundle of FHIR R4 Observations.")
@click.option("--json", "form", flag_value="json", help="The whole answer as JSON.")
@socket_option
@click.pass_context
def readings(context: click.Context, person: str | None, limit: int, form: str | None, socket: Path) -> None:
    """Readings of the home's meters, the newest first."""
    if context.invoked_subcommand is not None:
        return
    rows = ask_hub(socket, "readings", person=person, limit=limit, fhir=form == "fhir")
    if form in ("json", "fhir"):
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif form == "csv":
        click.echo(as_csv(rows), nl=False)
    elif not rows:
        click.echo("No readings.")
    else:
        for line in table(HEAD, map(_row, rows)):
            click.echo(line)


@readings.command()
@click.option("--person", required=True, help="Whose it is: one of the elders of the seed.")
@click.option("--kind", required=True, help="uric_acid, cholesterol, triglycerides, hdl, ldl, glucose, ...")
@click.option("--value", required=True, type=float, help="The figure; of a blood pressure the systolic one.")
@click.option("--second", type=float, help="The diastolic pressure.")
@click.option("--pulse", type=float, help="Beats a minute, beside another figure.")
@click.option("--unit", help="umol_per_l, mmol_per_l, mg_per_dl, ...; the usual one of the kind if left out.")
@click.option("--at", help='When, as "2026-11-20 08:00"; now if left out.')
@click.option("--context", help="Of a glucose: before, after, fasting, casual or bedtime.")
@socket_option
def add(socket: Path, **figures: Any) -> None:
    """Enter by hand what no meter of this home told."""
    kept = ask_hub(socket, "reading_add", **figures)
    click.echo(f"Kept as {kept['id']}.")


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    at = row["at"] if row["time_known"] else f"{row['at']} (arrived)"
    marked = f" [{row['judged']}: {row['reason']}]" if row.get("judged") in ("high", "low") else ""
    return (
        at,
        row["person"] or "nobody's",
        row["kind"].replace("_", " "),
        row["text"] + marked,
        row["meter"],
        row["room"],
    )


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """The rows with a head; a spreadsheet must not take a text for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV)
    for row in rows:
        writer.writerow([_plain(row.get(name, "")) for name in CSV])
    return out.getvalue()


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
