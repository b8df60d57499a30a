"""`anban hub …`: run the hub, and look into a running one as tables for people or JSON for programs."""

from __future__ import annotations

import asyncio
import getpass
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TextIO

import click

from edge.api import is_served
from edge.cli_common import ask_hub, json_option, refused, socket_option, table
from edge.cli_meters import meters
from edge.cli_page import page
from edge.cli_paths import test_paths
from edge.cli_prompts import prompts
from edge.cli_readings import readings
from edge.cli_rules import rules
from edge.cli_trends import trends
from edge.cli_whose import whose
from edge.clock import local
from protocols.errors import AnbanError, Reason

SEED = Path("/etc/anban/hub.toml")


@click.group()
def hub() -> None:
    """Run the hub, and look into a running one."""


@hub.command()
@click.option(
    "--config",
    "seed",
    type=click.Path(path_type=Path),
    default=SEED,
    show_default=True,
    help="The TOML seed.",
)
@click.option("--check", is_flag=True, help="Validate the seed, the credentials and what they name, and end.")
@click.option("--verbose", is_flag=True, help="Log each step, not only what matters.")
def run(seed: Path, check: bool, verbose: bool) -> None:
    """Run the hub's service until it is ended."""
    from edge import config, credentials
    from edge.seed import load_or_last

    try:
        document, damage = (config.load(seed), "") if check else load_or_last(seed)
        secrets = credentials.load(Path(document.hub.credentials_file))
    except AnbanError as error:
        raise refused(error) from error
    if check:
        from edge.lacks import lacks

        missing = lacks(document, secrets)
        click.echo(f"{seed}: good. Hub {document.hub.id}, {len(document.pendants)} pendants.")
        if missing:
            raise click.ClickException("this machine lacks something\n" + "\n".join(missing))
        return
    if is_served(door := Path(document.hub.runtime_dir) / "hub.sock"):  # two would spend the same numbers
        sentence = f"a hub runs already: it answers at {door}"
        raise refused(
            AnbanError(
                Reason.CONFLICT, sentence, "Stop it first (`systemctl stop anban-hub`), or look into it."
            )
        )
    from edge.process import serve

    asyncio.run(serve(document, secrets, damage=damage, verbose=verbose))


def _reading(name: str, help_text: str, draw: Callable[[Any], Iterable[str]]) -> None:
    """Add a command that asks the operation `name` and draws its result."""

    @hub.command(name, help=help_text)
    @json_option
    @socket_option
    def command(as_json: bool, socket: Path) -> None:
        result = ask_hub(socket, name)
        if as_json:
            click.echo(json.dumps(result, ensure_ascii=False, indent=2))
            return
        for line in draw(result):
            click.echo(line)


CLOCKS: Final = {
    "platform": "told by the platform",
    "network": "told by the cell network, which proves nothing; the platform has not told it yet",
    "": "nobody has told the time since the start",
}


def _draw_status(status: dict[str, Any]) -> Iterable[str]:
    yield f"Hub {status['hub']}, machine up {_age(status['uptime_s'])}, version {status['version']}"
    yield f"Clock: {CLOCKS[status['clock']['by']]}"
    yield f"Lamp: {'off' if status['lamp'].endswith(' off') else status['lamp']}"
    yield from table(
        ("PATH", "STATE", "LAST GOOD", "ROUND TRIP", "REASON"),
        (
            (
                path["name"],
                "good" if path["good"] else "down",
                _ago(path["last_good_age_s"]),
                f"{path['round_trip_ms']} ms" if path["round_trip_ms"] >= 0 else "-",
                path["reason"] or "-",
            )
            for path in status["paths"]
        ),
    )
    store = status["store"]
    where = "on disk" if store["durable"] else "NOT ON DISK"
    yield f"Journal: {store['rows']} rows, {store['owed']} to deliver, {where}"
    yield f"Open calls: {status['open_calls']}   Open faults: {status['open_faults']}"
    for rule in status.get("blind", []):
        yield f"Rule {rule['rule']} of {rule['elder']} is BLIND: {rule['why']}"
    failing = {name: count for name, count in status["tasks"].items() if count}
    yield "Tasks: " + (", ".join(f"{k} failed {v} times" for k, v in failing.items()) or "all run")


def _draw_calls(calls: list[dict[str, Any]]) -> Iterable[str]:
    if not calls:
        yield "No calls."
    for call in calls:
        yield f"{call['call_id']}  {call['lifecycle']}, {call['handling']}, elder {call['elder']}"
        yield from table(
            ("  EVENT", "KIND", "AT", "DURABLE", "DELIVERED", "STAGES"),
            (
                (
                    f"  {event['id']}",
                    event["kind"],
                    event["at"],
                    "yes" if event["durable"] else "NO",
                    "yes" if event["delivered"] else "not yet",
                    ", ".join(f"{name} {ms} ms" for name, ms in event["stages"].items()),
                )
                for event in call["events"]
            ),
        )


def _draw_devices(devices: list[dict[str, Any]]) -> Iterable[str]:
    yield from table(
        ("DEVICE", "KIND", "ELDER", "ROOM", "LAST HEARD", "SIGNAL", "BATTERY", "LIFE"),
        (
            (
                device["id"],
                device["kind"],
                device["elder"] or "-",
                device["room"],
                _ago(device["heard_age_s"]),
                f"{device['rssi_dbm']:.0f} dBm" if device["rssi_dbm"] is not None else "-",
                f"{device['battery_pct']} %" if device["battery_pct"] is not None else "-",
                device["life"] or "not known yet",
            )
            for device in devices
        ),
    )


def _draw_events(events: list[dict[str, Any]]) -> Iterable[str]:
    yield from table(
        ("SEQ", "AT", "KIND", "ID", "LANE", "DELIVERED"),
        (
            (event["seq"], event["at"], event["kind"], event["id"], event["lane"], event["delivered"])
            for event in events
        ),
    )


def _draw_faults(faults: list[dict[str, Any]]) -> Iterable[str]:
    if not faults:
        yield "No open faults."
        return
    yield from table(
        ("FAULT", "ABOUT", "SINCE", "CAUSE"),
        ((fault["fault"], fault["about"], _ago(fault["age_s"]), fault["cause"] or "-") for fault in faults),
    )


_reading("status", "How the hub is: paths, store, lamp, tasks.", _draw_status)
_reading("calls", "Calls with their events and stage times.", _draw_calls)
_reading("devices", "Pendants and meters: when last heard, signal, battery.", _draw_devices)
_reading("faults", "Open faults with their age.", _draw_faults)


hub.add_command(meters)
hub.add_command(page)
hub.add_command(readings)
hub.add_command(trends)
hub.add_command(whose)
hub.add_command(rules)
hub.add_command(prompts)
hub.add_command(test_paths)


@hub.group(invoke_without_command=True)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="The newest so many."
)
@json_option
@socket_option
@click.pass_context
def events(context: click.Context, limit: int, as_json: bool, socket: Path) -> None:
    """Events of the journal, the newest last."""
    if context.invoked_subcommand:
        return
    result = ask_hub(socket, "events", limit=limit)
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    for line in _draw_events(result):
        click.echo(line)


@events.command()
@json_option
@socket_option
def verify(as_json: bool, socket: Path) -> None:
    """Check the journal's chain of digests from its first row to its last."""
    result = ask_hub(socket, "verify")
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
    elif result["good"]:
        click.echo(f"The chain is whole: {result['rows']} rows, head {result['head']}.")
    if not result["good"]:
        raise click.ClickException(f"The chain breaks at row {result['broken_at']}.")


@hub.command()
@click.option("--since", type=click.IntRange(0), default=0, show_default=True, help="After this journal row.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of one object a line.")
@socket_option
def export(since: int, as_json: bool, socket: Path) -> None:
    """Write all events of the journal as JSON, one a line (personal data: mind where it goes)."""
    before, between, after = ("[\n", ",\n", "\n]\n") if as_json else ("", "\n", "\n")
    lead = before
    while page := ask_hub(socket, "export", since=since, limit=500):
        for event in page:
            click.echo(lead + json.dumps(event, ensure_ascii=False), nl=False)
            lead = between
        since = page[-1]["seq"]
    if lead == between:
        click.echo(after, nl=False)
    elif as_json:
        click.echo("[]")


@hub.group(invoke_without_command=True)
@json_option
@socket_option
@click.pass_context
def config(context: click.Context, as_json: bool, socket: Path) -> None:
    """The settings in force, as the document that can be edited and proposed."""
    context.obj = socket
    if context.invoked_subcommand:
        return
    result = ask_hub(socket, "config")
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    offset = result["offset_minutes"]
    click.echo(f"# Version {_version(result['active'], offset)}")
    for version in reversed(result["versions"][:-1]):
        click.echo(f"#   before: {_version(version, offset)}")
    if result["trial"]:
        click.echo(f"# Being tried: {_version(result['trial'], offset)}")
    if result["last"]:
        click.echo(f"# Last proposal: {_ended(result['last'])}")
    click.echo(result["active"]["document"], nl=False)


@config.command()
@click.argument("file", type=click.File(encoding="utf-8"))
@click.pass_obj
def propose(socket: Path, file: TextIO) -> None:
    """Try the settings in FILE (- is standard input): kept if the platform answers, else reverted."""
    _follow(
        socket, ask_hub(socket, "config.propose", document=file.read(), author=getpass.getuser())["number"]
    )


@config.command()
@click.pass_obj
def back(socket: Path) -> None:
    """Go back to the version before: it is tried like any other."""
    _follow(socket, ask_hub(socket, "config.back", author=getpass.getuser())["number"])


def _follow(socket: Path, number: int) -> None:
    """Wait until a trial has ended, and say how."""
    click.echo(f"Version {number} is being tried: the platform has two minutes to answer.", err=True)
    while (state := ask_hub(socket, "config"))["trial"]:
        time.sleep(0.5)
        click.echo(".", nl=False, err=True)
    last = state["last"]
    click.echo("", err=True)
    if last is None or last["outcome"] != "done":
        raise click.ClickException(f"{_ended(last)}\nVersion {state['active']['number']} is in force.")
    click.echo(f"Version {_version(state['active'], state['offset_minutes'])} is in force.")


def _version(version: dict[str, Any], offset_minutes: int) -> str:
    at = local(version["wall_ms"], offset_minutes)
    return f"{version['number']} of {at:%Y-%m-%d %H:%M} by {version['author']}, {version['hash'][:16]}"


def _ended(last: dict[str, Any] | None) -> str:
    words = {
        "platform-not-reached": "the platform did not answer",
        "a-call-began": "a call began; propose it again",
        "restarted": "the hub restarted while trying",
        "is-active": "it was in force already",
    }
    if last is None:
        return "not known"
    why = words.get(last["reason"], last["reason"])
    return f"{last['outcome']}{': ' if why else ''}{why}"


def _age(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{_age(seconds)} ago"
