"""`python -m sim.air --dir DIR [--seed N] [--vhci [DEVICE]]`: run the air until SIGTERM or SIGINT."""

import argparse
import asyncio
import contextlib
import logging
import signal
from pathlib import Path

from sim.air.daemon import serve


async def _until_signalled(arguments: argparse.Namespace) -> None:
    task = asyncio.ensure_future(
        serve(arguments.dir, arguments.seed, arguments.supervision_s, arguments.vhci)
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m sim.air", description="the virtual air of a home")
    parser.add_argument("--dir", type=Path, required=True, help="where the sockets are made")
    parser.add_argument("--seed", type=int, default=0, help="fixes loss and fading of every pair of radios")
    parser.add_argument("--supervision-s", type=float, default=None, help="instead of what centrals ask for")
    parser.add_argument(
        "--vhci", nargs="?", const="/dev/vhci", default=None, help="give the kernel an adapter"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    arguments.dir.mkdir(parents=True, exist_ok=True)
    asyncio.run(_until_signalled(arguments))


if __name__ == "__main__":
    main()
