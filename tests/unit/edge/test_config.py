"""An installer's mistakes in the seed: each is named, with what is allowed, and nothing is applied."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import parse, parse_settings, render
from edge.plan import DEFAULT, Row
from protocols.errors import AnbanError, Reason

SEED = """
[hub]
id = "hub-01"
room = "hall"
elder = "e-chen"
[platform]
coap_uri = "coap://127.0.0.1:5683"
https_url = "https://127.0.0.1:8443"
ca_file = "ca.pem"
[[elders]]
id = "e-chen"
[[pendants]]
id = "pd-01"
address = "F0:F1:F2:F3:F4:F5"
elder = "e-chen"
room = "bedroom"
"""


def refusal(text: str) -> str:
    with pytest.raises(AnbanError) as caught:
        parse(text)
    assert caught.value.reason is Reason.BAD_CONFIG
    return caught.value.sentence


def test_a_good_seed_is_taken_with_its_defaults():
    config = parse(SEED)
    assert config.hub.id == "hub-01"
    assert config.pins.red == 17
    assert config.timing.help_s == 90
    assert config.pendants[0].preset == "one-meaning"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('id = "hub-01"', 'id = "Hub 1"', "hub.id = 'Hub 1': allowed is 1 to 16 of a-z, 0-9 and -"),
        ('room = "hall"', "", "hub.room: missing"),
        ('room = "hall"', 'rooom = "hall"', "hub.rooom: unknown key; allowed are "),
        ('elder = "e-chen"', 'elder = "e-li"', "hub.elder = 'e-li': allowed is one of the elders, e-chen"),
        ("F0:F1:F2:F3:F4:F5", "f0-f1", "pendants[0].address = 'f0-f1': allowed is an address such as"),
        ("[platform]", "[pins]\nred = 99\n[platform]", "pins.red = 99: allowed is a BCM pin, 0 to 27"),
        ("[platform]", "[pins]\nmains = 99\n[platform]", "pins.mains = 99: allowed is a BCM pin, 0 to 27"),
        ("[platform]", "[pins]\nred = 27\n[platform]", "pins: 27 stands there twice; allowed is once"),
        ("[platform]", "[modem]\nport = 1\n[platform]", "modem.platform_numbers: missing"),
        (
            "[platform]",
            '[modem]\nport = 1\nplatform_numbers = ["+86110110110"]\n[platform]',
            "modem.port = 1: allowed is a text in quotes",
        ),
        (
            "[platform]",
            "[modem]\ntty = 1\n[platform]",
            "modem.tty: unknown key; allowed are calls_a_day, number, place",
        ),
        (
            "[platform]",
            '[modem]\nport = "/dev/x"\nplatform_numbers = ["110"]\n[platform]',
            "modem.platform_numbers = ['110']: allowed is a list of one or two numbers such as",
        ),
        (
            "[platform]",
            '[modem]\nport = "/dev/x"\nplatform_numbers = ["+86110110110"]\nnumber = "me"\n[platform]',
            "modem.number = 'me': allowed is a number such as +8613800138000, the country first",
        ),
        (
            "[platform]",
            "[timing]\nhelp_s = 900.0\n[platform]",
            "timing.help_s = 900.0: allowed is a number above 0 and at most 90",
        ),
        (
            "coap://127.0.0.1:5683",
            "coaps://h",
            "platform.coap_uri = 'coaps://h': allowed is coap:// and a name",
        ),
        (
            "https://127.0.0.1:8443",
            "https://h/v1",
            "platform.https_url = 'https://h/v1': allowed is https:// and",
        ),
        ("[platform]", "[audio]\nplayer = []\n[platform]", "audio.player = []: allowed is a list of texts"),
        ('ca_file = "ca.pem"', "ca_file = 7", "platform.ca_file = 7: allowed is a text in quotes"),
        (
            "[platform]",
            '[home]\nutc_offset_minutes = "8"\n[platform]',
            "home.utc_offset_minutes = '8': allowed is a whole number at least -720 and at most 840",
        ),
        (
            'room = "bedroom"',
            'room = "bedroom"\npreset = "two"',
            "pendants[0].preset = 'two': allowed is one of one-meaning, two-meanings",
        ),
        ("[hub]", "[hub", "not TOML"),
    ],
)
def test_a_wrong_key_is_named_with_what_is_allowed(before, after, said):
    assert said in refusal(SEED.replace(before, after, 1))


def test_every_wrong_key_is_named_at_once():
    sentence = refusal(SEED.replace('room = "hall"', "").replace("F0:F1:F2:F3:F4:F5", "?"))
    assert "hub.room" in sentence
    assert "pendants[0].address" in sentence


@given(st.dictionaries(st.sampled_from(["hub", "pins", "elders", "x"]), st.integers() | st.text(max_size=9)))
def test_whatever_stands_in_a_file_is_refused_and_never_crashes(document):
    lines = "\n".join(f"{key} = {value!r}" for key, value in document.items())
    refusal(lines)


# --- settings ---

SETTINGS = """
[platform]
coap_uri = "coap://127.0.0.1:5683"
https_url = "https://127.0.0.1:8443"
ca_file = "ca.pem"
"""


def test_the_settings_of_a_seed_are_a_document_of_their_own():
    settings = parse(SEED + '[home]\nlanguage = "en"\n').settings
    assert settings.home.language == "en"
    assert parse_settings(render(settings)) == settings
    assert parse(SEED).having(settings).settings == settings


def test_a_plan_of_ones_own_is_read_row_by_row():
    plan = 'fault = [{ path = "https", offsets_ms = [0, 5000], gaps_ms = [60000] }]'
    settings = parse_settings(f"{SETTINGS}[plan]\n{plan}\n")
    assert settings.plan.fault == (Row(path="https", offsets_ms=(0, 5000), gaps_ms=(60_000,)),)
    assert settings.plan.sos == DEFAULT.sos
    assert parse_settings(render(settings)) == settings


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (
            'sos = [{ path = "https", offsets_ms = [1000] }]',
            "plan.sos: at least one of coap, https, from 0",
        ),
        ('sos = [{ path = "coap", gaps_ms = [90000] }]', "plan.sos.coap: a call is tried for ever"),
        ('sos = [{ path = "coap", gaps_ms = [900000, 60000] }]', "plan.sos.coap: a call is tried for ever"),
        ('sos = [{ path = "coap", offsets_ms = [0, 900000] }]', "plan.sos.coap: a call is tried for ever"),
        ('sos = [{ path = "coap", gaps_ms = [] }]', "plan.sos.coap: at least one offset"),
        ("sos = []", "plan.sos: at least one of coap, https"),
        ("batch = [1, 1, 1, 100000, 1]", "plan.batch: one figure a lane"),
        ("spread_ms = [1, 0, 0, 0, 0]", "plan.spread_ms: one figure a lane"),
        ('sos = [{ paths = "coap" }]', "plan.sos[0].paths: unknown key"),
    ],
)
def test_a_plan_that_would_delay_a_call_is_refused(plan, said):
    with pytest.raises(AnbanError) as caught:
        parse_settings(f"{SETTINGS}[plan]\n{plan}\n")
    assert said in caught.value.sentence


@pytest.mark.parametrize("address", ["coap://:5683", "coap://h:99999", "coap://h:x", "coap://[::1"])
def test_an_address_that_leads_nowhere_is_refused(address):
    with pytest.raises(AnbanError) as caught:
        parse_settings(SETTINGS.replace("coap://127.0.0.1:5683", address))
    assert f"platform.coap_uri = {address!r}" in caught.value.sentence


def test_people_pairings_and_wiring_are_no_settings():
    with pytest.raises(AnbanError) as caught:
        parse_settings(SEED)
    for name in ("hub", "elders", "pendants"):
        assert (
            f"{name}: unknown key; allowed are care, home, plan, platform, prompts, quiet, timing"
            in caught.value.sentence
        )


@given(st.text(max_size=200) | st.text("[]{}=\"'\n.plansoctime0129", max_size=200))
def test_whatever_is_proposed_is_refused_or_read_and_never_crashes(text):
    with contextlib.suppress(AnbanError):
        parse_settings(text)


def test_a_modem_may_stand_in_a_seed_and_is_no_setting():
    modem = '[modem]\nport = "/dev/serial/by-path/x"\nplatform_numbers = ["+8613800138000"]\n'
    section = parse(SEED + modem).modem
    assert section.platform_numbers == ("+8613800138000",)
    assert parse(SEED).modem is None
    with pytest.raises(AnbanError) as caught:
        parse_settings(f"{SETTINGS}{modem}")
    assert "modem: unknown key" in caught.value.sentence


METERS = (
    SEED
    + """
[[meters]]
id = "bp-01"
address = "C4:0E:00:00:00:01"
profile = "blood-pressure"
room = "bedroom"
[meters.users]
1 = "e-chen"
"""
)


def test_a_meter_is_declared_with_its_kind_and_its_users():
    meter = parse(METERS).meters[0]
    assert (meter.profile, meter.users, meter.elder, meter.quirk) == (
        "blood-pressure",
        {"1": "e-chen"},
        None,
        None,
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"blood-pressure"', '"blood"', "meters[0].profile = 'blood': allowed is one of blood-pressure,"),
        (
            '1 = "e-chen"',
            '1 = "e-wang"',
            "meters[0].users.1 = 'e-wang': allowed is one of the elders, e-chen",
        ),
        ('1 = "e-chen"', 'one = "e-chen"', "allowed is numbers of the meter and elders"),
        ('id = "bp-01"', 'id = "pd-01"', "meters.id: pd-01 stands there twice"),
        ("C4:0E:00:00:00:01", "F0:F1:F2:F3:F4:F5", "meters.address: F0:F1:F2:F3:F4:F5 stands there twice"),
        (
            'room = "bedroom"\n[meters',
            'room = "bedroom"\nquirk = "x"\n[meters',
            "meters[0].quirk = 'x': allowed",
        ),
    ],
)
def test_a_mistake_about_a_meter_is_named(before, after, said):
    assert said in refusal(METERS.replace(before, after))


RULES = """
[care]
ask_s = 30
[care.vitals.systolic]
flag_above = 150
[care.people.e-chen.bed_exit]
after_minutes = 40
[care.people.e-chen.missed]
kinds = ["blood_pressure", "weight"]
"""


def test_rules_of_care_come_back_as_they_were_set():
    settings = parse(SEED + RULES).settings
    assert parse_settings(render(settings)) == settings
    assert settings.care.of("e-chen").bed_exit.after_minutes == 40
    assert settings.care.of("e-wang").bed_exit.after_minutes == 25


def test_rules_that_cannot_be_are_named():
    assert "care.bed_exit.after_minutes" in refusal(SEED + "[care.bed_exit]\nafter_minutes = 0\n")
    assert "care.bed_exit.minutes: unknown key" in refusal(SEED + "[care.bed_exit]\nminutes = 3\n")
    assert "care.people = 'e-nobody'" in refusal(SEED + "[care.people.e-nobody.stove]\non = false\n")


def test_rules_that_are_as_given_leave_no_trace_in_the_document():
    assert "care" not in render(parse(SEED).settings)


PILLS = """
[quiet]
from_minute = 1200
[[prompts]]
id = "pills"
elder = "e-chen"
kind = "medication"
start = "2026-03-01T08:00"
rule = "FREQ=DAILY;BYHOUR=8,20"
"""


def test_prompts_come_back_as_they_were_set():
    settings = parse(SEED + PILLS).settings
    assert parse_settings(render(settings)) == settings
    assert settings.prompts[0].rule == "FREQ=DAILY;BYHOUR=8,20"


def test_prompts_that_cannot_be_are_named():
    assert "prompts[0]: no recurrence" in refusal(SEED + PILLS.replace("DAILY", "SECONDLY"))
    assert "prompts[0].elder = 'e-nobody'" in refusal(SEED + PILLS.replace("e-chen", "e-nobody"))
    assert "prompts.id: pills stands there twice" in refusal(
        SEED + PILLS + PILLS.replace("[quiet]\nfrom_minute = 1200\n", "")
    )


ZIGBEE = """
[mqtt]
user = "hub"
[[sensors]]
id = "bed-01"
topic = "zigbee2mqtt/bed"
role = "bed"
room = "bedroom"
elder = "e-chen"
"""


def test_a_sensor_has_an_address_or_a_topic_and_a_topic_needs_a_broker():
    assert parse(SEED + ZIGBEE).sensors[0].topic == "zigbee2mqtt/bed"
    address = 'topic = "zigbee2mqtt/bed"\naddress = "C4:5E:00:00:00:01"\n'
    assert "sensors[0]: allowed is one of" in refusal(
        SEED + ZIGBEE.replace('topic = "zigbee2mqtt/bed"\n', address)
    )
    assert "there is no [mqtt]" in refusal(SEED + ZIGBEE.replace('[mqtt]\nuser = "hub"\n', ""))
    assert "sensors[0].topic" in refusal(SEED + ZIGBEE.replace("zigbee2mqtt/bed", "zigbee2mqtt/#"))
    tracker = ZIGBEE.replace('role = "bed"', 'role = "tracker"')
    assert "latitude and longitude of the home are missing" in refusal(SEED + tracker)
    assert parse(SEED + tracker + "latitude = 30.25\nlongitude = 120.17\n").sensors[0].latitude == 30.25
    assert "sensors[0].latitude" in refusal(SEED + tracker + "latitude = 91.0\nlongitude = 120.17\n")
    assert "allowed of a tracker" in refusal(SEED + ZIGBEE + "latitude = 30.25\n")
