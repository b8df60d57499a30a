"""What a good seed still needs is named, so that an installer need not find it out at night."""

from edge.config import parse
from edge.credentials import Credentials, PendantKeys
from edge.lacks import lacks
from tests.unit.edge.test_config import SEED


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
