"""`anban hub page`: the hub's own page, as a process beside it, and the links that open it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from edge.api import ask
from edge.cli_common import refused, socket_option
from protocols.errors import AnbanError

LOOPBACK: Final = "127.0.0.1"
PORT: Final = 8470


@click.group(invoke_without_command=True)
@click.option(
    "--address", default=LOOPBACK, show_default=True, help="Listen on another address than loopback."
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="0 takes a free one."
)
@click.option("--name", "names", multiple=True, help="Also answer under this host name (hub.local).")
@click.option(
    "--certificate", type=click.Path(path_type=Path), help="Serve HTTPS with this certificate (PEM)."
)
@click.option(
    "--private-key", type=click.Path(path_type=Path), help="The certificate's key (PEM, mode 0600)."
)
@socket_option
@click.pass_context
def page(
    context: click.Context,
    address: str,
    port: int,
    names: tuple[str, ...],
    certificate: Path | None,
    private_key: Path | None,
    socket: Path,
) -> None:
    """The hub's page for a browser: serves it until Ctrl-C, and prints a link that opens it once."""
    if context.invoked_subcommand:
        return
    from edge.page.serve import Site, run  # the web server is loaded by no other command

    if (certificate is None) is not (private_key is None):
        raise click.UsageError("--certificate and --private-key go together.")
    pair = (certificate, private_key) if certificate and private_key else None
    if address not in (LOOPBACK, "::1") and pair is None:
        told = "Everybody on that network can read along: this is HTTP. Better: ssh -L, or --certificate."
        click.echo(told, err=True)

    def ready(link: str) -> None:
        click.echo(f"The hub's page, once, within 10 minutes:  {link}")
        click.echo("Another browser: anban hub page link.   Ctrl-C ends the page; the hub does not need it.")

    try:
        run(socket, Site(address=address, port=port, names=names, certificate=pair), ready)
    except AnbanError as error:
        raise refused(error) from error


@page.command()
@socket_option
def link(socket: Path) -> None:
    """Print a link that opens the running page in one more browser."""
    door = socket.parent / "page.sock"
    try:
        click.echo(ask(door, "link")["link"])
    except AnbanError as error:
        told = AnbanError(
            error.reason, f"no page answers at {door}", "Start it: anban hub page (as the hub's own user)."
        )
        raise refused(told) from error
