"""Open the front door: one command, `anban`, that names the rooms and loads each only when it is called."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from dataclasses import dataclass
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Room:
    """Where a command lives, and the one line that tells what it is for."""

    module: str
    attribute: str
    help: str
    extra: str  # the optional dependencies it needs, "" if a hub has all of them


ROOMS: dict[str, Room] = {
    "hub": Room("edge.cli", "hub", "Run the hub, and look into a running one.", ""),
    "sim": Room("sim.cli", "sim", "A whole simulated home: pendants, air, hub and platform.", "sim"),
    "bench": Room("tests.benchmarks.cli", "bench", "Measure; figures as JSON.", "sim"),
}


def load(room: Room) -> click.Command:
    """The command of a room, imported now. Raises click.ClickException if what it needs is not installed."""
    if room.module.startswith("tests.") and str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))  # tests are part of a checkout, never of an installation
    try:
        module = importlib.import_module(room.module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] == "tests":
            raise click.ClickException("this command needs a checkout of Anban") from error
        if room.extra and not (HERE / "pyproject.toml").exists():
            raise click.ClickException(
                f"{error.name} is not installed; this command needs: pip install 'anban[{room.extra}]'"
            ) from error
        raise
    command = getattr(module, room.attribute)
    if not isinstance(command, click.Command):
        raise TypeError(f"{room.module}:{room.attribute} is not a click command")
    return command


class FrontDoor(click.Group):
    """A group that knows its commands by name and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all rooms with commands, in the order of the table."""
        return list(ROOMS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that room, or None if there is no such room."""
        room = ROOMS.get(cmd_name)
        return None if room is None else load(room)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the rooms from the table, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, room.help) for name, room in ROOMS.items()])


@click.command(cls=FrontDoor, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(importlib.metadata.version("anban"), prog_name="anban")
def main() -> None:
    """Anban: the open in-home terminal for elders."""


if __name__ == "__main__":
    main()
