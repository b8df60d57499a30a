"""The seed as the hub starts with it: the file, or the copy of the last good one when the file is damaged.

A power loss while an installer saves, or a mistake, must not leave a home without its hub: every start with a
good seed keeps a copy beside it, and a start with a bad one uses that copy, says so and goes on.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from edge.config import Config, load
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
    copy, temporary = _copy_of(path), path.with_name(path.name + ".new")
    try:
        seed = path.read_bytes()
        if copy.exists() and copy.read_bytes() == seed:
            return
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(seed)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, copy)
    except OSError as error:
        log.warning("no copy of the seed is kept: %s", error)
