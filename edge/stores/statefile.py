"""The state's content in and out of its SQLite file, row by row with their checksums."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from edge.stores.content import Content, Item, counter_crc, item_crc
from edge.stores.pages import Images, records


def read(connection: sqlite3.Connection) -> Content | None:
    """All of a file; None where any row is not what was written. Raises sqlite3.Error for a damaged file."""
    items: dict[tuple[str, str], Item] = {}
    counters: dict[str, int] = {}
    for row in connection.execute("SELECT space, name, value, generation, crc FROM items"):
        item = _item(list(row))
        if item is None:
            return None
        items[(row[0], row[1])] = item
    for name, following, crc in connection.execute("SELECT name, next, crc FROM counters"):
        if not isinstance(name, str) or crc != counter_crc(name, following):
            return None
        counters[name] = following
    row = connection.execute("SELECT number FROM generation").fetchone()
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok" or row is None:
        return None
    return Content(int(row[0]), items, counters)


def write(connection: sqlite3.Connection, before: Content, after: Content) -> None:
    """Bring a file that holds `before` to `after` in one transaction. Raises sqlite3.Error."""
    execute = connection.execute
    execute("BEGIN IMMEDIATE")
    for (space, name), item in after.items.items():
        if before.items.get((space, name)) != item:
            crc = item_crc(space, name, item.value, item.generation)
            values = (space, name, item.value, item.generation, crc)
            execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?)", values)
    for name, following in after.counters.items():
        if before.counters.get(name) != following:
            crc = counter_crc(name, following)
            execute("INSERT OR REPLACE INTO counters VALUES (?, ?, ?)", (name, following, crc))
    for name in before.counters.keys() - after.counters.keys():
        execute("DELETE FROM counters WHERE name = ?", (name,))
    execute("UPDATE generation SET number = ?", (after.generation,))
    execute("COMMIT")


def salvage(path: Path) -> Content:
    """The items that can still be read from a damaged file, the newest image of each; never its counters."""
    items: dict[tuple[str, str], Item] = {}
    if not path.exists():
        return Content()
    images = None
    try:
        images = Images(path, path.with_name(path.name + "-wal"))
        for _, values in records(images):
            item = _item(values)
            if item is not None:
                key = (str(values[0]), str(values[1]))
                if key not in items or items[key].generation < item.generation:
                    items[key] = item
    except OSError:
        pass  # what was read before the disk failed is kept
    finally:
        if images is not None:
            images.close()
    return Content(max((item.generation for item in items.values()), default=0), items, {})


def _item(values: Sequence[object]) -> Item | None:
    if len(values) != 5:
        return None
    space, name, value, generation, crc = values
    if not (isinstance(space, str) and isinstance(name, str) and isinstance(generation, int)):
        return None
    if not isinstance(value, bytes | None) or crc != item_crc(space, name, value, generation):
        return None
    return Item(value, generation)
