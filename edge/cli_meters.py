"""`anban hub meters`: what a person does with a meter: pair it, with the passkey that it shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from edge.cli_common import ask_hub, socket_option

WITHIN_S: Final = 120.0  # for a person to put a meter into pairing mode
LOOK_S: Final = 0.5


@click.group()
def meters() -> None:
    """The home's health meters (what they are: anban hub devices)."""


@meters.command()
@click.argument("meter")
@click.option("--passkey", help="The six figures that stand on the meter; those that it shows are asked for.")
@socket_option
def pair(meter: str, passkey: str | None, socket: Path) -> None:
    """Forget METER's bond and make a new one: put it into pairing mode first."""
    ask_hub(socket, "meter_pair", meter=meter, passkey=passkey)
    click.echo(f"Waiting to hear {meter} ...")
    state = follow(lambda op, **args: ask_hub(socket, op, meter=meter, **args), time.monotonic)
    if state != "paired":
        told = {"waiting": "was not heard: is it in pairing mode, and near?", "failed": "refused to pair."}
        raise click.ClickException(f"{meter} {told.get(state, 'was not paired in time.')}")
    click.echo(f"{meter} is paired.")


def follow(ask: Callable[..., Any], now: Callable[[], float]) -> str:
    """Until it is paired or not; asks for the passkey when the meter shows one. The last state."""
    until, state = now() + WITHIN_S, "waiting"
    while state not in ("paired", "failed") and now() < until:
        if state == "passkey":
            ask("meter_passkey", passkey=click.prompt("The six figures that it shows", type=str))
        time.sleep(LOOK_S)
        state = ask("meter_pairing")["state"]
    return state
