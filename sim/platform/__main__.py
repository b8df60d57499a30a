"""The reference platform alone: CoAP, HTTPS and the seat's page; DIR/platform.json says it is ready."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from sim.platform.service import HOST, Platform

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


async def serve(arguments: argparse.Namespace) -> None:
    """Run until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    platform = Platform(arguments.dir, host=arguments.host, modem=arguments.modem)
    await platform.start(arguments.coap_port, arguments.https_port, arguments.seat_port)
    if sys.stdout.isatty():  # the address holds the token: for the person who started it, not for a log
        print(f"The seat's page: {platform.seat_url}", flush=True)
    await ended.wait()
    await platform.stop()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="anban sim platform", description=__doc__)
    parser.add_argument(
        "--dir", type=Path, required=True, help="where the store, keys and platform.json stand"
    )
    parser.add_argument(
        "--host", default=HOST, help="address for CoAP and HTTPS (the seat page is loopback only)"
    )
    parser.add_argument("--coap-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--https-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seat-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--modem", type=Path, help="AT port of a modem: calls come by SMS too")
    parser.add_argument("--log", default="WARNING", choices=LEVELS, help="level of the log on standard error")
    arguments = parser.parse_args()
    logging.basicConfig(level=arguments.log.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(serve(arguments))


if __name__ == "__main__":
    main()
