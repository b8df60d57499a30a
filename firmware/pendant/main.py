"""Runs the pendant; whatever escapes becomes a reset, and RTC memory and flash carry on from there."""

import asyncio
import sys


def run(board) -> None:
    """Does not return. `board` is the object of boards/NAME/board.py."""
    try:
        from firmware.pendant.app import App

        app = App(board)
        app.start()
        asyncio.run(app.run())
    except Exception as error:
        sys.print_exception(error)
    board.reset()
