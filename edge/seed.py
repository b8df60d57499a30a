"""The seed as the hub starts with it: the file, or the copy of the last good one when the file is damaged.

A power loss while an installer saves, or a mistake, must not leave a home without its hub: every start with a
good seed keeps a copy beside it, and a start with a bad one uses that copy, says so and goes on.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from edge.config import Config, load
from edge.stores.files import write_durably
from protocols.errors import AnbanError

log = logging.getLogger(__name__)


def load_or_last(path: Path) -> tuple[Config, str]:
    """The seed at `path` and ""; or the last good one, and what is wrong with the file.

    AnbanError(BAD_CONFIG), of the file at `path`, if there never was a good one.
    """
    try:
        config = load(path)
    except AnbanError as error:
        try:
            config = load(_copy_of(path))
        except AnbanError:
            raise error from None
        log.error("%s; going on with the last good seed, %s", error, _copy_of(path))
        return config, error.sentence
    threading.Thread(target=keep, args=(path,), name="keep seed", daemon=True).start()  # the disk may hang
    return config, ""


def _copy_of(path: Path) -> Path:
    return path.with_name(path.name + ".good")


def keep(path: Path) -> None:
    """Keep a copy of a good seed, durably and only if it changed. A folder that cannot be written costs the
    copy and no more.
    """
    copy = _copy_of(path)
    try:
        seed = path.read_bytes()
        if not copy.exists() or copy.read_bytes() != seed:
            write_durably(copy, seed)
    except OSError as error:
        log.warning("no copy of the seed is kept: %s", error)
