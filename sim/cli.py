"""`anban sim ...`: a whole home with a page, scripted cases against it, and the reference platform alone."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import json
import random
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import click


class SimGroup(click.Group):
    """Commands of rooms that are loaded only when called."""

    LAZY: ClassVar[dict[str, tuple[str, str]]] = {
        "histories": ("sim.histories.cli", "histories"),
        "life": ("sim.life_cli", "life"),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        there = [name for name, (module, _) in self.LAZY.items() if _exists(module)]
        return sorted([*super().list_commands(ctx), *there])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.LAZY and _exists(self.LAZY[cmd_name][0]):
            module, attribute = self.LAZY[cmd_name]
            command = getattr(importlib.import_module(module), attribute)
            assert isinstance(command, click.Command)
            return command
        return super().get_command(ctx, cmd_name)


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@click.group(cls=SimGroup)
def sim() -> None:
    """A whole simulated home: pendants, air, hub and platform."""


@sim.command()
@click.option("--scenario", "name", help="Run this scripted case instead of the page; see --list.")
@click.option("--list", "list_them", is_flag=True, help="Show the scenarios.")
@click.option("--seed", type=int, default=None, help="Fixes what is done (not how it interleaves).")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on standard output.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="Port of the page; a free one by default.",
)
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="Keep everything in here.")
@click.option("--sip", is_flag=True, help="On the page: the family has telephones by SIP too (baresip).")
def home(
    name: str | None,
    list_them: bool,
    seed: int | None,
    as_json: bool,
    port: int,
    directory: Path | None,
    sip: bool,
) -> None:
    """A whole home with a page to press keys on.

    Platform, hub and two pendants run here; with --scenario a scripted case in them instead of the page.
    """
    from sim import scenarios

    rows = scenarios.load()
    if list_them:
        _list(rows, as_json)
        return
    if name is not None and name not in rows:
        raise click.BadParameter(f"{name}; there are: {', '.join(sorted(rows))}", param_hint="--scenario")
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    with _directory(directory) as where:
        if name is None:
            _check_free(port)
            _show(where, seed, port, kept=directory is not None, sip=sip)
            return
        result = _until_signalled(rows[name], where, seed, kept=directory is not None)
    _print(result, as_json)
    sys.exit(0 if result["ok"] else 1)


@sim.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def platform(arguments: tuple[str, ...]) -> None:
    """The reference platform alone."""
    import runpy

    sys.argv = ["anban sim platform", *arguments]
    runpy.run_module("sim.platform", run_name="__main__")


def _list(rows: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([{"name": row.name, "text": row.text} for row in rows.values()], indent=1))
        return
    for row in rows.values():
        click.echo(f"{row.name}\n    {row.text}")


@contextlib.contextmanager
def _directory(kept: Path | None) -> Iterator[Path]:
    """The given directory, or a temporary one that is removed at the end."""
    if kept is not None:
        from sim.home.home import MAX_DIR

        if len(str(kept.resolve())) > MAX_DIR:
            sentence = f"{kept}: at most {MAX_DIR} characters, for the sockets in it"
            raise click.BadParameter(sentence, param_hint="--dir")
        try:
            kept.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.BadParameter(f"{kept}: {error.strerror}", param_hint="--dir") from None
        if any(kept.iterdir()):
            raise click.BadParameter(f"{kept} is not empty", param_hint="--dir")
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="anban-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _until_signalled(scenario: Any, where: Path, seed: int, *, kept: bool) -> dict[str, Any]:
    """The scenario's result; on Ctrl-C or SIGTERM its processes are ended and what was claimed is given."""
    from sim.scenarios.runner import run

    async def guarded() -> dict[str, Any]:
        task = asyncio.ensure_future(run(scenario, where, seed))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            unknown = dict.fromkeys(("lost", "duplicated", "calls", "cases"))
            told = {"scenario": scenario.name, "seed": seed, "ok": False, "interrupted": True}
            return {**told, **unknown, "events": [], "claims": []}

    result = asyncio.run(guarded())
    if not result["ok"] and not kept:
        result["log_tails"] = {Path(p).stem: _tail(Path(p)) for p in result.pop("logs", [])}
    return result


def _tail(path: Path, lines: int = 30) -> list[str]:
    return path.read_text(errors="replace").splitlines()[-lines:]


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result, indent=1, ensure_ascii=False))
        return
    for claim in result["claims"]:
        click.echo(f"{'ok  ' if claim['ok'] else 'FAIL'}  {claim['name']}  ({claim['detail']})")
    for event in result.get("events", []):
        stages = "  ".join(f"{key} {value} ms" for key, value in event["stages"].items())
        click.echo(f"      {event['kind']}  {event['id']}  {stages}")
    for log, tail in result.get("log_tails", {}).items():
        click.echo(f"--- the end of {log}.log ---\n" + "\n".join(tail))
    click.echo(
        f"{result['scenario']}, seed {result['seed']}: "
        + ("interrupted" if result.get("interrupted") else "ok" if result["ok"] else "NOT ok")
        + "; lost {}, duplicated {}".format(
            *("?" if result[key] is None else result[key] for key in ("lost", "duplicated"))
        )
    )


def _check_free(port: int) -> None:
    """A usage error, before anything is started, if the page's port is not to be had."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise click.BadParameter(f"{port}: {error.strerror}", param_hint="--port") from None


def _show(where: Path, seed: int, port: int, *, kept: bool, sip: bool) -> None:
    """The page until Ctrl-C; a part that does not start is said in a sentence that names its log."""
    from sim.home.process import ChildError

    try:
        asyncio.run(_page(where, seed, port, kept=kept, sip=sip))
    except ChildError as error:
        log = error.args[0].rpartition("see ")[2]
        tail = "\n".join(_tail(Path(log), 10)) if Path(log).is_file() else ""
        raise click.ClickException(f"{error}\n{tail}".rstrip()) from None


async def _page(where: Path, seed: int, port: int, *, kept: bool, sip: bool) -> None:
    """The home with its page until Ctrl-C; then what the ledger says."""
    from sim.disk.disk import available
    from sim.home import week
    from sim.home.home import Home
    from sim.home.hub_page import HubPage
    from sim.home.page import Page, served
    from sim.home.setup import FAMILY, Setup
    from sim.home.show import Show

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    home = Home(
        where,
        seed,
        Setup(faulty_disk=available(), modems=True, sip=sip, family=FAMILY, meters=week.METERS),
    )
    show = Show(home)
    began = time.monotonic()
    click.echo("Starting air, platform, hub and two pendants ...")
    async with home.running():
        show.show_all()
        async with served(Page(show.feed, show.acts), port) as bound:
            await week.measure(home, seed)
            hub_page = HubPage(home.hub.directory, home.logs)
            await hub_page.start()
            refresh = asyncio.gather(show.refresh(), show.weeks(), show.links(hub_page.link))
            click.echo(f"Ready after {time.monotonic() - began:.1f} s.\n")
            click.echo(f"  The home:  http://127.0.0.1:{bound}/")
            click.echo(f"  The seat:  {home.platform.seat_url}")
            click.echo(f"  The hub:   {await hub_page.link()}")
            click.echo(f"\nLogs: {home.logs}   Seed: {seed}   Ctrl-C ends everything.")
            await ended.wait()
            refresh.cancel()
            await asyncio.gather(refresh, return_exceptions=True)
            await hub_page.stop()
    verdict = home.verdict()
    click.echo(
        f"\n{len(home.ledger.presses)} presses, {verdict.calls} calls, {verdict.cases} cases; "
        f"lost {len(verdict.lost)}, duplicated {verdict.duplicated}."
    )
    for sentence in (*verdict.lost, *verdict.early[:3]):
        click.echo(f"  {sentence}")
    if kept:
        click.echo(f"Everything is kept in {where}.")
