"""The state: keys are the ones that were put, counters never go back, and what is lost is said, never
guessed.
"""

from __future__ import annotations

import random
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from edge.stores import content, statefile
from edge.stores.errors import CountersLost, StoreError
from edge.stores.state import State
from protocols.errors import Reason

KEYS = {f"pd-{number:02}": bytes([number]) * 32 for number in range(40)}


def make(folder: Path) -> int:
    """A state after a life of some length, as a kill leaves it; returns the first number nobody was given."""
    state = State.open(folder / "state.db")
    state.create_counter("sos")
    state.put_all({("keys", name): key for name, key in KEYS.items()})
    for _ in range(10):
        following = state.reserve("sos", 100).stop
    state.put("config", "active", b"version 3" * 300)
    state.put("keys", "pd-gone", b"old")
    state.put("keys", "pd-gone", None)
    assert state._connection is not None
    state._connection.execute("PRAGMA wal_autocheckpoint=0")
    state._carry_over = lambda: None  # type: ignore[method-assign]  # killed before it
    state.put("keys", "pd-39", KEYS["pd-39"])
    (folder / "killed").mkdir()
    for file in folder.glob("state.*"):
        shutil.copy(file, folder / "killed" / file.name)
    return following


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    assert make(folder) == 1000
    return folder / "killed"


def copy_of(made: Path, target: Path) -> Path:
    shutil.copytree(made, target, ignore=shutil.ignore_patterns("*-shm", "*.reserve"))
    return target / "state.db"


def whole(state: State) -> bool:
    return {name: state.get("keys", name) for name in state.names("keys")} == KEYS


def test_what_was_put_is_there_after_a_kill(made: Path, tmp_path: Path) -> None:
    state = State.open(copy_of(made, tmp_path / "a"))
    assert whole(state)
    assert state.get("config", "active") == b"version 3" * 300
    assert state.get("keys", "pd-gone") is None
    assert state.reserve("sos", 5) == range(1000, 1005)
    assert state.recovered == ()
    assert not state.fresh


def test_a_new_one_knows_no_counter_and_says_so(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state.db")
    assert state.fresh
    with pytest.raises(CountersLost) as caught:
        state.reserve("sos", 1)
    assert caught.value.name == "sos"
    assert caught.value.reason is Reason.COUNTERS_LOST
    state.close()
    assert not State.open(tmp_path / "state.db").fresh


def test_a_counter_never_goes_back(made: Path, tmp_path: Path) -> None:
    state = State.open(copy_of(made, tmp_path / "a"))
    with pytest.raises(StoreError) as caught:
        state.create_counter("sos", 0)
    assert caught.value.reason is Reason.CONFLICT
    state.raise_counter("sos", 5)
    assert state.counters() == {"sos": 1000}
    state.raise_counter("sos", 2000)
    assert state.reserve("sos", 1) == range(2000, 2001)
    for count in (0, -5, content.MAX_COUNTER):
        with pytest.raises(StoreError):
            state.reserve("sos", count)


@pytest.mark.parametrize("broken", ["state.db", "state.db.copy"])
@pytest.mark.parametrize("how", ["gone", "empty", "noise", "half"])
def test_either_copy_alone_is_enough(made: Path, tmp_path: Path, broken: str, how: str) -> None:
    path = copy_of(made, tmp_path / "a")
    victim = path.with_name(broken)
    data = victim.read_bytes()
    if how == "gone":
        victim.unlink()
    else:
        noise = random.Random(1).randbytes(len(data))
        victim.write_bytes({"empty": b"", "noise": noise, "half": data[: len(data) // 2]}[how])
    if broken == "state.db":
        path.with_name("state.db-wal").unlink()  # or SQLite finds the last write in it
    state = State.open(path)
    assert whole(state)
    assert state.reserve("sos", 5) == range(1000, 1005)
    assert len(state.recovered) == 1
    assert not state.counters_lost
    state.close()
    again = State.open(path)
    assert whole(again)
    assert again.recovered == ()
    assert again.reserve("sos", 1).start == 1005


def test_both_broken_keys_are_read_page_by_page_and_counters_are_lost(made: Path, tmp_path: Path) -> None:
    path = copy_of(made, tmp_path / "a")
    State.open(path).close()
    path.with_name("state.db.copy").write_bytes(b"broken")
    with path.open("r+b") as file:
        file.write(bytes(100))
    state = State.open(path)
    assert whole(state)
    assert state.counters_lost
    assert "pd-gone" not in state.names("keys")  # no old image of what was taken away comes back
    with pytest.raises(CountersLost):
        state.reserve("sos", 1)
    state.create_counter("sos-2", 0)
    state.close()
    assert State.open(path).reserve("sos-2", 3) == range(3)


def test_a_flipped_bit_in_a_key_is_not_a_key(made: Path, tmp_path: Path) -> None:
    path = copy_of(made, tmp_path / "a")
    State.open(path).close()
    data = path.read_bytes()
    at = data.index(KEYS["pd-07"])
    path.write_bytes(data[:at] + b"\xff" + data[at + 1 :])
    state = State.open(path)
    assert state.get("keys", "pd-07") == KEYS["pd-07"]  # from the second copy
    assert len(state.recovered) == 1
    assert Path(state.recovered[0].moved_to).exists()


def test_an_old_file_beside_a_newer_copy_takes_no_counter_back(made: Path, tmp_path: Path) -> None:
    path = copy_of(made, tmp_path / "a")
    State.open(path).close()
    before = path.read_bytes()
    state = State.open(path)
    state.reserve("sos", 500)
    state.put("keys", "pd-new", b"n")
    state.close()
    path.write_bytes(before)
    state = State.open(path)
    assert state.get("keys", "pd-new") == b"n"
    assert state.reserve("sos", 1).start == 1500
    assert state.recovered


def test_a_crash_between_the_two_writes_is_no_damage(made: Path, tmp_path: Path) -> None:
    path = copy_of(made, tmp_path / "a")
    State.open(path).close()
    before = path.read_bytes()
    state = State.open(path)
    state.reserve("sos", 500)
    state.close()
    path.write_bytes(before)
    again = State.open(path)
    assert again.recovered == ()
    assert again.reserve("sos", 1).start == 1500


FILES = ["state.db", "state.db-wal", "state.db.copy"]
harm = st.tuples(st.sampled_from(FILES), st.sampled_from(["flip", "zero", "cut"]), st.floats(0, 1))


@settings(max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(harm, min_size=1, max_size=3))
@example([("state.db", "cut", 0.0), ("state.db-wal", "cut", 0.0)])
@example([("state.db-wal", "flip", 0.0), ("state.db.copy", "cut", 0.5)])
def test_whatever_is_damaged_no_number_is_given_twice_and_no_key_is_wrong(
    made: Path, tmp_path_factory: pytest.TempPathFactory, harms: list[tuple[str, str, float]]
) -> None:
    path = copy_of(made, tmp_path_factory.mktemp("harmed") / "it")
    for name, how, where in harms:
        file = path.with_name(name)
        data = bytearray(file.read_bytes())
        at = min(int(where * len(data)), len(data) - 1)
        if how == "cut" or not data:
            del data[max(at, 0) :]
        else:
            data[at : at + 40] = bytes(len(data[at : at + 40])) if how == "zero" else bytes([data[at] ^ 4])
        file.write_bytes(data)
    state = State.open(path)
    assert state.trouble is None
    for name in state.names("keys"):
        assert state.get("keys", name) == KEYS.get(name, b"old")
    try:
        given_out = state.reserve("sos", 10)
    except CountersLost:
        assert state.counters_lost or state.recovered or state.fresh
    else:
        assert given_out.start >= 1000
    one_file = len({name.split("-")[0] for name, _, _ in harms}) == 1
    if one_file and "state.db.copy" not in {name for name, _, _ in harms}:
        assert whole(state)
        assert not state.counters_lost


@given(st.binary(max_size=400))
def test_no_bytes_are_a_second_copy_by_chance(data: bytes) -> None:
    assert content.decode(data) is None
    assert content.decode(content.encode(content.Content()) + data[:1] + b"x") is None


def test_only_its_owner_reads_the_keys(made: Path, tmp_path: Path) -> None:
    path = copy_of(made, tmp_path / "a")
    State.open(path).put("keys", "x", b"y")
    for file in path.parent.glob("state.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_state_whose_disk_is_away_can_be_read_and_says_so(made: Path, tmp_path: Path) -> None:
    state = State.open(tmp_path / "missing" / "state.db")
    assert state.trouble is not None
    with pytest.raises(StoreError):
        state.put("keys", "a", b"b")
    with pytest.raises(CountersLost):
        state.reserve("sos", 1)
    copy_of(made, tmp_path / "missing")
    assert state.reopen()
    assert whole(state)
    assert state.reserve("sos", 1).start == 1000


def test_salvage_never_gives_counters(made: Path, tmp_path: Path) -> None:
    assert statefile.salvage(copy_of(made, tmp_path / "a")).counters == {}


def test_a_state_that_has_not_been_read_yet_loses_no_counter_and_makes_nobody_wait(
    made: Path, tmp_path: Path
) -> None:
    waiting = State(copy_of(made, tmp_path / "copy"))
    assert (waiting.loaded, waiting.trouble) == (False, Reason.STORAGE_STUCK)
    assert waiting.get("keys", "pd-01") is None
    for write in (
        lambda: waiting.reserve("sos", 1),
        lambda: waiting.create_counter("sos"),
        lambda: waiting.raise_counter("sos", 1),
        lambda: waiting.put("keys", "pd-01", b""),
    ):
        with pytest.raises(StoreError) as refused:
            write()
        assert refused.value.reason is Reason.STORAGE_STUCK
        assert not isinstance(refused.value, CountersLost)
    assert not waiting.reopen()
    waiting.load()
    assert waiting.trouble is None
    assert waiting.get("keys", "pd-01") == KEYS["pd-01"]
    assert waiting.reserve("sos", 1).start >= 1000
