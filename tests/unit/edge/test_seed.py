"""A damaged seed does not leave a home without its hub: the last good one stands in, and it is said."""

import threading

import pytest

from edge.config import parse
from edge.credentials import Credentials, PendantKeys
from edge.seed import keep, lacks, load_or_last
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


def test_what_a_good_seed_lacks_on_this_machine_is_named(tmp_path):
    seed = SEED.replace('id = "e-chen"', 'id = "e-chen"\nnot_taken = "backup"')
    config = parse(seed + '[audio]\nplayer = ["no-such-player"]\n')
    secrets = Credentials(hub_id="hub-02", https_token="t", oscore=())
    said = "\n".join(lacks(config, secrets))
    for name in ("ca.pem", "'hub-02'", "pd-01", "no-such-player", "'zh'", "becomes an SOS"):
        assert name in said


def test_a_machine_that_has_it_all_lacks_nothing(tmp_path):
    (tmp_path / "zh").mkdir()
    (tmp_path / "ca.pem").touch()
    audio = f'[audio]\nplayer = ["sh"]\nphrases_dir = "{tmp_path}"\n'
    config = parse(SEED.replace("ca.pem", str(tmp_path / "ca.pem")) + audio)
    keys = PendantKeys(advert_key="00" * 16, link_key="00" * 16)
    secrets = Credentials(hub_id="hub-01", https_token="t", oscore=(), pendants={"pd-01": keys})
    assert lacks(config, secrets) == []


def test_a_modem_without_its_port_or_its_keys_is_named():
    modem = '[modem]\nport = "/dev/no-such-port"\nplatform_numbers = ["+8613800138000"]\n'
    said = "\n".join(lacks(parse(SEED + modem), Credentials(hub_id="hub-01", https_token="t", oscore=())))
    assert "no keys for texts" in said
    assert "/dev/no-such-port" in said


def test_a_stove_that_nobody_sees_and_a_broker_without_a_password_are_named():
    sensors = """
[mqtt]
user = "hub"
[[sensors]]
id = "stove-01"
topic = "z/stove"
role = "stove"
room = "kitchen"
elder = "e-chen"
[[sensors]]
id = "motion-01"
topic = "z/motion"
role = "motion"
room = "living"
elder = "e-chen"
"""
    secrets = Credentials(hub_id="hub-01", https_token="t", oscore=())
    said = "\n".join(lacks(parse(SEED + sensors), secrets))
    assert "the room of stove-01" in said
    assert "mqtt_password" in said
    assert "the room of" not in "\n".join(lacks(parse(SEED + sensors.replace("living", "kitchen")), secrets))


def test_a_meter_of_two_whose_names_nobody_has_recorded_is_named(tmp_path):
    meter = """
[[elders]]
id = "e-wang"
[[meters]]
id = "bp-01"
address = "C4:0E:00:00:00:01"
profile = "blood-pressure"
room = "bedroom"
"""
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "person-e-chen.wav").touch()
    text = SEED + meter + f'[audio]\nphrases_dir = "{tmp_path}"\n'
    secrets = Credentials(hub_id="hub-01", https_token="t", oscore=())
    said = "\n".join(lacks(parse(text), secrets))
    assert "person-e-wang.wav" in said
    assert "person-e-chen.wav" not in said
    hers = text.replace('profile = "blood-pressure"', 'profile = "blood-pressure"\nelder = "e-wang"')
    assert "person-" not in "\n".join(lacks(parse(hers), secrets))
