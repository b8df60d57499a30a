"""The whole hub in one process, without any way by IP: a key, a text to the family, a phone that rings."""

import asyncio
import time

import msgspec
from gpiozero.pins.mock import MockFactory

from edge.api import ask
from edge.clock import SystemClock
from edge.config import parse
from edge.credentials import Credentials, OscoreKeys
from edge.main import Service
from edge.plan import Plan, Row
from edge.ports import Ports
from protocols.values import Lane
from sim.modem.modem import SimModem
from sim.modem.network import CellNetwork
from sim.modem.phone import Phone
from tests.integration.modem.test_family import KEYS, MUM, SEED
from tests.integration.modem.test_texts import HOME
from tests.unit.drivers_modem.conftest import until

SOON = Plan(
    sos=(
        Row(path="coap"),
        Row(path="family", offsets_ms=(200,), gaps_ms=(600_000,), most=3),
        Row(path="voice", offsets_ms=(1_500, 600_000), gaps_ms=(3_600_000,)),
    )
)
CONTEXT = {"sender_id": "01", "recipient_id": "02", "master_secret": "00" * 16, "master_salt": "00" * 8}


def hub(directory, modem):
    """A service on mock pins, with a modem and no radio; nothing answers by IP."""
    seed = SEED.replace("PORT", str(modem.path))
    seed = seed.replace(
        "[[contacts]]", f'voice_port = "{modem.path}-voice"\nweekly_test = false\n[[contacts]]'
    )
    config = parse(seed)
    where = msgspec.structs.replace(
        config.hub,
        data_dir=str(directory / "data"),
        runtime_dir=str(directory / "run"),
        credentials_file=str(directory / "credentials.json"),
    )
    platform = msgspec.structs.replace(
        config.platform, coap_uri="coap://127.0.0.1:9", https_url="https://127.0.0.1:9"
    )
    config = msgspec.structs.replace(config, hub=where, platform=platform, plan=SOON)
    contexts = tuple(OscoreKeys(name=name, **CONTEXT) for name in ("sos", "main"))
    secrets = Credentials(hub_id="hub-01", https_token="t", oscore=contexts, sms=KEYS)
    pins = MockFactory()

    async def no_radio():
        return []

    ports = Ports(SystemClock(), lambda: pins, no_radio, power_supplies=directory / "power")
    return Service(config, secrets, ports), pins


async def press(pins, config):
    """A finger on the red key."""
    pin = pins.pin(config.pins.red)
    pin.drive_low()
    await asyncio.sleep(0.12)  # a finger's press
    pin.drive_high()


async def test_a_key_reaches_the_family_by_text_and_by_phone(tmp_path):
    network = CellNetwork()
    network.air.delay_s, network.exchange.setup_s = (0.0, 0.0), (0.01, 0.01)
    modem = SimModem(HOME, tmp_path / "modem", network, "a7670")
    modem.plug()
    phone = Phone(MUM, network)
    service, pins = hub(tmp_path, modem)
    pins.pin(service.config.pins.red).pull = "up"
    await service.start()
    try:
        await until(lambda: service.telephony.lines.ways[0].phone.good and "AT+CMGL=4" in modem.written)
        await press(pins, service.config)
        await until(lambda: phone.has("还没有回应"))
        await until(lambda: phone.state == "ringing")
        phone.answer()
        await until(lambda: service.telephony.talking())
        phone.press("1")
        call = next(iter(service.hub.book.calls))
        await until(lambda: "voice.confirmed" in service.hub.book.calls[call].told)
        assert service.hub.book.calls[call].lane is Lane.SOS
        asked = await asyncio.to_thread(ask, tmp_path / "run" / "hub.sock", "proofs")
        assert [row["path"] for row in asked["paths"]] == ["coap", "https", "sms", "voice"]
        assert {row["outcome"] for row in asked["paths"]} == {"untested"}
    finally:
        began = time.monotonic()
        await service.stop()
    assert time.monotonic() - began < 30
    await until(lambda: phone.state == "idle")  # who ends leaves no line open
    await modem.close()
    network.close()
