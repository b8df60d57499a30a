"""A damaged seed does not leave a home without its hub: the last good one stands in, and it is said."""

import threading

import pytest

from edge.seed import keep, load_or_last
from protocols.errors import AnbanError, Reason
from tests.unit.edge.test_config import SEED


def settled():
    """Wait for the copy."""
    for thread in threading.enumerate():
        if thread.name == "keep seed":
            thread.join()


def test_a_good_seed_is_used_and_kept(tmp_path):
    path = tmp_path / "hub.toml"
    path.write_text(SEED)
    config, damage = load_or_last(path)
    assert (config.hub.id, damage) == ("hub-01", "")
    settled()
    kept = tmp_path / "hub.toml.good"
    assert kept.read_text() == SEED
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("left", ["", SEED[:40], "\0" * 300, SEED.replace("hub-01", "Hub 1"), None])
def test_a_damaged_seed_is_told_and_the_last_good_one_used(tmp_path, left):
    path = tmp_path / "hub.toml"
    path.write_text(SEED)
    before, _ = load_or_last(path)
    settled()
    path.unlink() if left is None else path.write_text(left)
    config, damage = load_or_last(path)
    assert config == before
    assert damage
    assert load_or_last(path)[1] == damage  # the copy is not overwritten by what is damaged


def test_where_there_never_was_a_good_one_the_file_itself_is_named(tmp_path):
    path = tmp_path / "hub.toml"
    path.write_text("[hub]\n")
    with pytest.raises(AnbanError) as caught:
        load_or_last(path)
    assert caught.value.reason is Reason.BAD_CONFIG
    assert "hub.id: missing" in caught.value.sentence


def test_a_folder_that_cannot_be_written_costs_only_the_copy(tmp_path, monkeypatch):
    path = tmp_path / "hub.toml"
    path.write_text(SEED)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.seed.write_durably", full)
    keep(path)
    assert load_or_last(path)[0].hub.id == "hub-01"
