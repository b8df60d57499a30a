"""[sip] in a seed and its password: what is allowed, what is told of, whom a contact's address is."""

import json

import pytest

from edge.config import parse
from edge.credentials import Credentials, SipKeys, load
from edge.lacks import lacks
from edge.telephony import address_of, listed
from protocols.errors import AnbanError, Reason
from tests.integration.modem.test_family import MUM, SEED

SIP = '[sip]\naddress = "sip:hub-01@sip.example"\n'
ONLY_SIP = SEED[: SEED.index("[modem]")] + SIP + SEED[SEED.index("[[contacts]]") :]
MOST = {"hub_id": "hub-01", "https_token": "t", "oscore": []}


def test_contacts_need_a_telephone_of_either_kind():
    assert parse(ONLY_SIP).sip.address == "sip:hub-01@sip.example"
    with pytest.raises(AnbanError) as refused:
        parse(ONLY_SIP.replace(SIP, ""))
    assert "[sip]" in refused.value.sentence


def test_a_contact_is_rung_at_its_own_address_or_at_its_number_with_the_provider():
    config = parse(ONLY_SIP)
    assert address_of(config, "mum", "sip") == f"sip:{MUM}@sip.example"
    assert address_of(config, "mum", "voice") == MUM
    own = parse(ONLY_SIP.replace('id = "mum"', 'id = "mum"\nsip = "sip:mum@home.example"'))
    assert address_of(own, "mum", "sip") == "sip:mum@home.example"
    assert listed(own) == {MUM: "mum", "sip:mum@home.example": "mum"}


@pytest.mark.parametrize(
    "line",
    [
        'address = "hub-01@sip.example"',
        'address = "sip:hub 01@sip.example"',
        'address = "sip:hub-01@sip.example;transport=tcp"',
        'address = "sip:a@b"\nmicrophone = "alsa"',
        'address = "sip:a@b"\nspeaker = "alsa,x;y"',
        'address = "sip:a@b"\nmodules = ["../x"]',
        'address = "sip:a@b"\npassword = "x"',
        'address = "sip:a@b"\ninterface = "lo\\nmodule x.so"',
        'address = "sip:a@b"\nca_file = "/a b"',
    ],
)
def test_what_baresip_would_read_as_something_else_is_refused(line):
    with pytest.raises(AnbanError) as refused:
        parse(ONLY_SIP.replace('address = "sip:hub-01@sip.example"', line))
    assert refused.value.reason is Reason.BAD_CONFIG
    assert "sip." in refused.value.sentence


@pytest.mark.parametrize("password", ["", "a b", "a;b", 'a"b', "a<b", "a\nb", "a,b", "a'b", "a\\b", "ä"])
def test_a_password_that_would_end_its_own_value_is_refused_without_being_told(password, tmp_path):
    path = tmp_path / "credentials.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({**MOST, "sip": {"user": "hub-01", "password": password}}))
    with pytest.raises(AnbanError) as refused:
        load(path)
    assert refused.value.reason is Reason.BAD_CREDENTIALS
    assert len(password) < 2 or password not in str(refused.value)


def test_a_password_of_usual_signs_is_read_and_never_shown(tmp_path):
    password = "aZ09!#$%&()*+-./:=?@[]^_`{|}~"
    path = tmp_path / "credentials.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({**MOST, "sip": {"user": "hub-01", "password": password}}))
    secrets = load(path)
    assert secrets.sip.password == password
    assert password not in repr(secrets.sip) + repr(secrets)


def test_what_is_missing_is_told_before_somebody_needs_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    config = parse(ONLY_SIP)
    told = "\n".join(lacks(config, Credentials(hub_id="hub-01", https_token="t", oscore=())))
    assert "no password" in told
    assert "apt install baresip-core" in told
    assert "no pulseaudio" in told
    keys = SipKeys(user="hub-01", password="x")
    told = "\n".join(lacks(config, Credentials(hub_id="hub-01", https_token="t", oscore=(), sip=keys)))
    assert "no password" not in told
