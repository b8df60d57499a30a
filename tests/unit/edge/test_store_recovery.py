"""A damaged journal: always openable, what is readable is there again, what is lost is said."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from edge.stores import marks, recovery
from edge.stores.errors import StoreError
from edge.stores.journal import Journal
from edge.stores.pages import PAGE_BYTES
from edge.stores.recovery import KEEP_BROKEN
from protocols.values import Lane
from tests.unit.edge.making import eid, said
from tests.unit.edge.store_making import batch, event, fill, numbers, stored

WRITTEN = 300  # events in the journal that is damaged; a third of them is in the WAL only
NOW_MS = 1_795_000_000_000


def make(folder: Path) -> Path:
    """A folder with a journal as a kill leaves it: checkpointed up to some row, the rest in the WAL."""
    journal = Journal.open(folder / "journal.db", reserve_bytes=4096)
    fill(journal, 0, 120, Lane.READING)
    for number in range(120, 200):
        journal.append(Lane.SOS, [event(number), said(number, "taken", eid(number))])
    journal.append(Lane.READING, [stored(number) for number in range(25)])
    journal.append(Lane.READING, [batch([stored(number) for number in range(25, 50)])])
    journal.checkpoint()
    journal.checkpoint_elsewhere()
    for number in range(200, WRITTEN):
        long = msgspec.structs.replace(event(number), extra={9: bytes(number * 31 % 9000)})
        journal.append(Lane.SOS, [long])  # some need overflow pages
    killed = folder / "killed"
    killed.mkdir()
    for file in folder.glob("journal.*"):
        shutil.copy(file, killed / file.name)
    return killed


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made"))


def copy_of(killed: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for file in killed.glob("journal.*"):
        if not file.name.endswith("-shm"):  # gone after a power cut
            shutil.copy(file, target / file.name)
    return target / "journal.db"


def opened(path: Path) -> Journal:
    return Journal.open(path, wall_ms=lambda: NOW_MS, reserve_bytes=4096)


def test_an_undamaged_one_is_as_it_was(killed: Path, tmp_path: Path) -> None:
    journal = opened(copy_of(killed, tmp_path / "a"))
    assert numbers(journal) == list(range(WRITTEN))
    assert journal.recovered == ()
    assert journal.verify().ok


damage = st.one_of(
    st.tuples(st.just("flip"), st.floats(0, 1), st.integers(1, 64)),
    st.tuples(st.just("zero"), st.floats(0, 1), st.integers(1, 9000)),
    st.tuples(st.just("cut"), st.floats(0, 1), st.just(0)),
    st.tuples(st.just("noise"), st.floats(0, 1), st.integers(1, 9000)),
)


def harm(file: Path, how: tuple[str, float, int]) -> None:
    kind, where, size = how
    data = bytearray(file.read_bytes())
    at = int(where * len(data))
    if kind == "cut":
        del data[at:]
    elif kind == "flip":
        for position in range(at, min(at + size, len(data)), 7):
            data[position] ^= 1 << position % 8
    else:
        made = bytes(size) if kind == "zero" else random.Random(at).randbytes(size)
        data[at : at + size] = made[: max(0, len(data) - at)]
    file.write_bytes(data)


@settings(max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(st.tuples(st.sampled_from(["journal.db", "journal.db-wal"]), damage), min_size=1, max_size=3))
@example([("journal.db", ("cut", 0.0, 0))])
@example([("journal.db", ("cut", 0.5, 0))])
@example([("journal.db-wal", ("flip", 0.3, 8))])
@example([("journal.db", ("noise", 0.7065230817339913, 104)), ("journal.db", ("flip", 0.0, 22))])
@example([("journal.db", ("zero", 0.9445592911341043, 6883))])  # cells of zeros read as evicted rows
@example([("journal.db", ("noise", 0.0, 100)), ("journal.db-wal", ("noise", 0.0, 32))])
def test_whatever_is_damaged_it_opens_and_nothing_is_lost_unsaid(
    killed: Path, tmp_path_factory: pytest.TempPathFactory, harms: list[tuple[str, tuple[str, float, int]]]
) -> None:
    path = copy_of(killed, tmp_path_factory.mktemp("harmed") / "it")
    for name, how in harms:
        harm(path.with_name(name), how)
    journal = opened(path)
    assert journal.durable
    journal.examine()
    there = numbers(journal)
    said_so = bool(journal.recovered) or not journal.verify().ok or journal.damaged > 0
    assert set(there) <= set(range(WRITTEN))  # nothing is invented
    assert said_so or there == list(range(WRITTEN))
    seq = journal.append(Lane.SOS, [event(1000)])  # and it goes on
    assert numbers(journal)[-1] == 1000
    journal.close()
    again = opened(path)
    assert numbers(again)[-1] == 1000
    assert [owed.seq for owed in again.pending(Lane.SOS, 1000)][-1:] == seq
    again.close()


def test_one_broken_page_costs_the_rows_on_it_and_no_more(killed: Path, tmp_path: Path) -> None:
    path = copy_of(killed, tmp_path / "a")
    data = bytearray(path.read_bytes())
    leaves = [at for at in range(4096, len(data), 4096) if data[at] == 0x0D]
    data[leaves[3] : leaves[3] + 4096] = bytes(4096)
    path.write_bytes(data)
    journal = opened(path)
    there = set(numbers(journal))
    missing = set(range(WRITTEN)) - there
    assert len(missing) <= 40
    assert max(missing, default=0) - min(missing, default=0) == len(missing) - 1
    assert journal.verify().ok == bool(journal.recovered)


def test_the_middle_of_the_wal_costs_one_commit_and_not_all_that_follow(killed: Path, tmp_path: Path) -> None:
    path = copy_of(killed, tmp_path / "a")
    wal = path.with_name("journal.db-wal")
    data = bytearray(wal.read_bytes())
    frame = 32 + 20 * 4120
    data[frame + 24 + 500] ^= 0xFF
    wal.write_bytes(data)
    journal = opened(path)
    assert len(numbers(journal)) >= WRITTEN - 2  # SQLite alone would end before the damaged frame
    assert journal.recovered
    assert journal.verify().ok


def test_a_header_that_is_gone_costs_nothing_but_the_first_page(killed: Path, tmp_path: Path) -> None:
    path = copy_of(killed, tmp_path / "a")
    opened(path).close()  # carries the WAL into the file
    with path.open("r+b") as file:
        file.write(bytes(4096))
    journal = opened(path)
    report = journal.recovered[-1]
    assert numbers(journal) == list(range(WRITTEN))
    assert report.lost == 0
    assert report.wall_ms == NOW_MS
    assert [owed.entry.event.id.number for owed in journal.pending(Lane.READING, 999)] == list(range(50, 120))
    assert journal.verify().ok
    assert Path(report.moved_to).name == "journal.db.broken-20261118T110640Z"
    assert Path(report.moved_to).exists()


def test_what_is_no_database_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_text("not a database, but long enough to be looked at\n" * 400)
    journal = opened(path)
    assert journal.durable
    assert journal.recovered[0].kept == 0
    assert Path(journal.recovered[0].moved_to).read_text().startswith("not a database")


def test_only_the_last_broken_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    for _ in range(KEEP_BROKEN + 2):
        for side in ("-wal", "-shm"):
            path.with_name(path.name + side).unlink(missing_ok=True)
        path.write_text("broken" * 1000)
        opened(path).close()
    assert len(list(tmp_path.glob("journal.db.broken-*"))) == KEEP_BROKEN


def test_damage_while_it_runs_is_mended_and_the_press_is_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = opened(path)
    for number in range(400):
        journal.append(Lane.SOS, [event(number)])
    journal.checkpoint()
    for file in (path, path.with_name("journal.db-wal")):
        size = file.stat().st_size
        with file.open("r+b") as handle:
            handle.write(random.Random(1).randbytes(size // 3))
    journal._writer.execute("PRAGMA shrink_memory")
    journal.append(Lane.SOS, [event(1000)])
    assert journal.recovered
    assert numbers(journal)[-1] == 1000
    assert len(numbers(journal)) > 200
    assert journal.recovered[-1].lost > 0 or len(numbers(journal)) == 401


def test_a_folder_that_is_not_there_is_a_journal_in_memory(tmp_path: Path) -> None:
    journal = opened(tmp_path / "missing" / "journal.db")
    assert not journal.durable
    assert journal.trouble is not None
    journal.append(Lane.SOS, [event(1)])
    assert numbers(journal) == [1]


class PowerCut(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("cut_at", ["insert_rows", "move_aside", "finish_interrupted", "count_opening"])
@pytest.mark.parametrize("after", [False, True])
def test_a_power_cut_during_the_recovery_loses_nothing(
    killed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_at: str, after: bool
) -> None:
    path = copy_of(killed, tmp_path / "a")
    opened(path).close()
    with path.open("r+b") as file:
        file.write(bytes(4096))
    room = marks if cut_at == "count_opening" else recovery
    real = getattr(room, cut_at)
    calls = 0

    def cut(*args: object) -> object:
        nonlocal calls
        calls += 1
        if after:
            real(*args)
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr(room, cut_at, cut)
        with pytest.raises(PowerCut):
            opened(path)
    assert calls == 1
    journal = opened(path)
    assert numbers(journal) == list(range(WRITTEN))
    assert journal.verify().ok
    assert not list(path.parent.glob("*.recovering*"))


def test_a_disk_that_dies_during_the_recovery_keeps_the_press_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.db"
    journal = opened(path)
    fill(journal, 0, 50, Lane.SOS)
    journal._writer.execute("DROP TABLE entries")

    def dead(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(marks, "count_opening", dead)  # the old file is moved, the new one does not open
        for _ in range(2):
            with pytest.raises(StoreError):
                journal.append(Lane.SOS, [event(100)])
    journal.append(Lane.SOS, [event(100)])
    assert numbers(journal)[-1] == 100
    assert numbers(journal)[:50] == list(range(50))


def test_pages_that_a_checkpoint_had_not_written_yet_are_no_damage_while_the_wal_has_them(
    killed: Path, tmp_path: Path
) -> None:
    """A power cut between two writes of a checkpoint: page 1 tells of pages that only the WAL holds."""
    done = copy_of(killed, tmp_path / "done")
    connection = sqlite3.connect(done)
    connection.execute("PRAGMA wal_checkpoint(FULL)")
    connection.close()
    path = copy_of(killed, tmp_path / "cut")
    before = path.read_bytes()
    assert len(done.read_bytes()) > len(before)
    path.write_bytes(done.read_bytes()[:PAGE_BYTES] + before[PAGE_BYTES:])
    journal = Journal.open(path)
    assert journal.recovered == ()
    assert sorted(numbers(journal)) == list(range(WRITTEN))
    journal.close()

    path = copy_of(killed, tmp_path / "lost")
    path.write_bytes(done.read_bytes()[:PAGE_BYTES] + before[PAGE_BYTES:])
    path.with_name("journal.db-wal").unlink()
    assert [r.reason for r in Journal.open(path).recovered] == ["the file is shorter than it says"]
