"""Schemas: a file a version, a test for each step; a step happens whole or not at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edge.stores.errors import StoreError
from edge.stores.files import SCHEMAS, connect, migrate, versions
from edge.stores.journal import Journal
from edge.stores.state import State
from protocols.errors import Reason
from protocols.values import Lane
from tests.unit.edge.store_making import event, numbers

# What each step leads to: every schema file has its row, or the first test is red.
TABLES_AFTER = {
    ("journal", 1): {"entries", "breaks", "meta"},
    ("state", 1): {"items", "counters", "generation"},
}


def tables(connection: sqlite3.Connection) -> set[str]:
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )
    return {str(row[0]) for row in found}


def test_every_schema_file_has_its_step_here() -> None:
    found = {(store, number) for store in ("journal", "state") for number, _ in versions(SCHEMAS / store)}
    assert found == set(TABLES_AFTER)


@pytest.mark.parametrize(("store", "number"), sorted(TABLES_AFTER))
def test_step(store: str, number: int, tmp_path: Path) -> None:
    folder = tmp_path / "schema"
    folder.mkdir()
    connection = connect(None)
    for step, file in versions(SCHEMAS / store)[:number]:
        (folder / file.name).write_text(file.read_text())
        assert migrate(connection, folder) == step
    assert tables(connection) == TABLES_AFTER[(store, number)]
    assert migrate(connection, folder) == number  # a second time changes nothing


def test_a_step_that_fails_leaves_the_version_before(tmp_path: Path) -> None:
    (tmp_path / "001.sql").write_text("CREATE TABLE one (a);")
    (tmp_path / "002.sql").write_text("CREATE TABLE two (a); INSERT INTO nowhere VALUES (1);")
    connection = connect(None)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, tmp_path)
    assert tables(connection) == {"one"}
    assert not connection.in_transaction
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_gap_in_the_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "001.sql").touch()
    (tmp_path / "003.sql").touch()
    with pytest.raises(StoreError) as caught:
        migrate(connect(None), tmp_path)
    assert caught.value.reason is Reason.STORAGE_VERSION


def test_the_release_before_goes_on_with_an_expanded_schema(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "journal.db")
    journal.append(Lane.SOS, [event(1)])
    journal._writer.executescript("ALTER TABLE entries ADD COLUMN later TEXT; PRAGMA user_version=99;")
    journal.close()
    again = Journal.open(tmp_path / "journal.db")
    again.append(Lane.SOS, [event(2)])
    assert again.recovered == ()
    assert numbers(again) == [1, 2]
    assert again._writer.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_state_of_a_later_schema_is_read(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state.db")
    state.put("keys", "pd-01", b"k")
    assert state._connection is not None
    state._connection.execute("PRAGMA user_version=99")
    state.close()
    again = State.open(tmp_path / "state.db")
    assert again.get("keys", "pd-01") == b"k"
    assert again.recovered == ()
