"""What makes a hub itself: ids are never used twice and a used security context is never guessed."""

import pytest

from edge.credentials import OscoreKeys
from edge.identity import adopt_contexts, begin_life, context_counter, extend_life
from edge.mint import BLOCK, Numbers
from edge.stores.errors import CountersLost
from edge.stores.state import State

KEYS = tuple(
    OscoreKeys(name=name, sender_id="01", recipient_id="02", master_secret="aa" * 16, master_salt="bb" * 8)
    for name in ("sos", "main")
)


def starts(path, count):
    """So many starts of a hub; the ids each begins with."""
    for _ in range(count):
        state, numbers = State.open(path), Numbers()
        numbers.begin(*begin_life(state))
        yield [numbers.take() for _ in range(5)]
        state.close()


def test_no_id_comes_twice_over_restarts(tmp_path):
    ids = [one for start in starts(tmp_path / "state.db", 5) for one in start]
    assert len(set(ids)) == len(ids)
    assert len({life for life, _ in ids}) == 1


def test_a_lost_store_begins_a_new_life(tmp_path):
    (before,) = starts(tmp_path / "state.db", 1)
    for path in tmp_path.iterdir():
        path.unlink()
    (after,) = starts(tmp_path / "state.db", 1)
    assert {life for life, _ in before}.isdisjoint(life for life, _ in after)


def test_numbers_that_run_out_go_on_without_a_disk():
    numbers = Numbers()
    taken = [numbers.take() for _ in range(3 * BLOCK)]
    assert len(set(taken)) == len(taken)


def test_a_further_block_is_reserved_ahead(tmp_path):
    state, numbers = State.open(tmp_path / "state.db"), Numbers()
    numbers.begin(*begin_life(state))
    taken = [numbers.take() for _ in range(BLOCK // 2 + 1)]
    extend_life(state, numbers)
    taken += [numbers.take() for _ in range(BLOCK)]
    assert len(set(taken)) == len(taken)
    assert len({life for life, _ in taken}) == 1
    state.close()


def test_a_context_gets_its_counter_once(tmp_path):
    state = State.open(tmp_path / "state.db")
    for _ in range(2):
        adopt_contexts(state, KEYS, tmp_path / "credentials.used")
    assert state.reserve(context_counter(KEYS[0]), 10) == range(10)
    assert (tmp_path / "credentials.used").stat().st_mode & 0o077 == 0
    state.close()


def test_a_used_context_whose_state_is_lost_is_dead(tmp_path):
    (tmp_path / "a").mkdir()
    state = State.open(tmp_path / "a" / "state.db")
    adopt_contexts(state, KEYS, tmp_path / "credentials.used")
    state.close()
    (tmp_path / "b").mkdir()
    fresh = State.open(tmp_path / "b" / "state.db")
    adopt_contexts(fresh, KEYS, tmp_path / "credentials.used")
    with pytest.raises(CountersLost):
        fresh.reserve(context_counter(KEYS[0]), 1)
    fresh.close()


def test_a_marker_that_cannot_be_read_adopts_nothing(tmp_path):
    (tmp_path / "credentials.used").write_text("{broken")
    state = State.open(tmp_path / "state.db")
    adopt_contexts(state, KEYS, tmp_path / "credentials.used")
    with pytest.raises(CountersLost):
        state.reserve(context_counter(KEYS[0]), 1)
    state.close()
