"""A whole hub in this process, without radio and platform: its rules and prompts say what they lack."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gpiozero.pins.mock import MockFactory

from drivers.ble.ports import AdapterPort, Advert
from edge.api import ask
from edge.cli_rules import rules
from edge.clock import SystemClock
from edge.config import parse
from edge.credentials import Credentials, OscoreKeys
from edge.main import Service
from edge.ports import Ports
from edge.prompts import local_time
from protocols.errors import AnbanError
from protocols.values import Command

WITHIN_S = 60.0
SEED = """
[hub]
id = "hub-01"
room = "hall"
elder = "e-chen"
data_dir = "{here}/data"
runtime_dir = "{here}/run"
credentials_file = "{here}/credentials.json"
[home]
language = "en"
[platform]
coap_uri = "coap://127.0.0.1:9"
https_url = "https://127.0.0.1:9"
ca_file = "{here}/ca.pem"
[audio]
player = ["/bin/true"]
phrases_dir = "{here}"
[[elders]]
id = "e-chen"
[[sensors]]
id = "bed-01"
address = "C4:5E:00:00:00:01"
role = "bed"
room = "bedroom"
elder = "e-chen"
plain = true
[[sensors]]
id = "door-01"
address = "C4:5E:00:00:00:02"
role = "door"
room = "hall"
elder = "e-chen"
plain = true
silent_s = 1
[care]
ask_s = 120
[care.bed_exit]
after_minutes = 0.01
from_minute = 0
to_minute = 0
[quiet]
from_minute = 0
to_minute = 0
[[prompts]]
id = "pills"
elder = "e-chen"
kind = "medication"
start = "2026-03-01T08:00"
rule = "FREQ=DAILY"
"""


RED, GREEN = 17, 27
DAY_MS = 86_400_000
LAMPS = {"red": 22, "green": 23, "amber": 24}
PHRASES = ("ask-well", "well", "calling", "prompt-medication", "understood-yes", "cancelled")


async def no_adapters() -> Sequence[AdapterPort]:
    return []


@pytest.fixture
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sockets have short paths."""
    return tmp_path_factory.mktemp("h")


class House:
    """A hub's service with pins that a test drives, a player that records, and a clock that is confirmed."""

    def __init__(self, here: Path, seed: str = SEED) -> None:
        (here / "run").mkdir(mode=0o700)
        (here / "en").mkdir()
        for name in PHRASES:
            (here / "en" / f"{name}.wav").touch()
        player = here / "player"
        player.write_text(f'#!/bin/sh\necho "$1" >> {here}/said\n')
        player.chmod(0o755)
        contexts = tuple(
            OscoreKeys(name=n, sender_id=i, recipient_id="0a", master_secret="00" * 16, master_salt="")
            for n, i in (("sos", "01"), ("main", "02"))
        )
        credentials = Credentials(hub_id="hub-01", https_token="t", oscore=contexts)
        self.here, self.clock, self.pins = here, SystemClock(), MockFactory()
        config = parse(seed.format(here=here).replace("/bin/true", str(player)))
        self.service = Service(config, credentials, Ports(self.clock, lambda: self.pins, no_adapters))

    async def asked(self, op: str, **args: Any) -> Any:
        return await asyncio.to_thread(ask, self.here / "run" / "hub.sock", op, **args)

    async def until(self, op: str, enough: Callable[[Any], bool]) -> Any:
        """The first answer of the hub's door that is enough."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                try:
                    answer = await self.asked(op)
                    if enough(answer):
                        return answer
                except AnbanError:
                    pass
                await asyncio.sleep(0.05)

    async def says(self, phrase: str) -> None:
        async with asyncio.timeout(WITHIN_S):
            while phrase not in self.said:
                await asyncio.sleep(0.05)

    @property
    def said(self) -> list[str]:
        told = self.here / "said"
        return [Path(line).stem for line in told.read_text().splitlines()] if told.exists() else []

    async def press(self, number: int) -> None:
        self.pins.pin(number).drive_low()
        await asyncio.sleep(0.15)  # a finger's own time
        self.pins.pin(number).drive_high()

    def noon(self) -> None:
        """It is noon in this home, whenever the test runs: the pills of the morning are not due again."""
        today_ms = self.clock.wall_ms() // DAY_MS * DAY_MS
        self.clock.confirm(today_ms + DAY_MS // 2 - self.service.config.home.utc_offset_minutes * 60_000)

    async def kinds(self) -> list[str]:
        return [event["kind"] for event in await self.asked("events", limit=500)]


@pytest.fixture
async def house(here: Path) -> AsyncIterator[House]:
    house = House(here)
    await house.service.start()
    yield house
    await house.service.stop()


async def test_a_hub_tells_of_its_rules_and_prompts_at_its_door(house: House) -> None:
    def lacks_its_sensor(status: Any) -> bool:
        rows = {(row["rule"], row["elder"], row["why"]) for row in status["blind"]}
        return ("door_open", "e-chen", "door-01") in rows

    status = await house.until("status", lacks_its_sensor)
    assert {"rules", "prompts", "sensors"} <= status["tasks"].keys()
    assert status["tasks"]["rules"] == status["tasks"]["prompts"] == 0, "none has failed"
    faults = await house.until("faults", bool)
    assert ("rule_blind", "door_open:e-chen") in {(row["fault"], row["about"]) for row in faults}
    rules = (await house.asked("rules", language="zh"))["rules"]
    assert any(row["says"] == "看不见：door-01" for row in rules)
    (prompt,) = await house.asked("prompts")
    assert (prompt["id"], prompt["by"], prompt["next"][-5:]) == ("pills", "settings", "08:00")


def bed(occupied: bool) -> Advert:
    """A plain BTHome advert of the bed's sensor."""
    data = {"0000fcd2-0000-1000-8000-00805f9b34fb": bytes((0x40, 0x23, occupied))}
    return Advert("hci0", "C4:5E:00:00:00:01", -60, 1_000, None, data, {})


async def test_out_of_bed_the_hub_asks_aloud_and_green_is_an_answer(house: House) -> None:
    house.noon()
    await house.until("rules", lambda told: bool(told["rules"]))

    def watches(told: Any) -> bool:
        house.service.senses.sensors.on_advert(bed(True))
        return any((row["rule"], row["state"]) == ("bed_exit", "calm") for row in told["rules"])

    await house.until("rules", watches)
    house.service.senses.sensors.on_advert(bed(False))
    await house.says("ask-well")
    (call,) = await house.asked("calls")
    assert (call["lifecycle"], call["events"][0]["kind"]) == ("asking", "call.bed_exit")
    await house.press(GREEN)
    await house.says("well")
    (call,) = await house.asked("calls")
    assert call["lifecycle"] == "cancelled"
    assert house.said.count("calling") == 0
    socket = str(house.here / "run" / "hub.sock")
    fired: list[dict[str, Any]] = []
    async with asyncio.timeout(WITHIN_S):  # a replay looks once a second
        while not fired:
            shown = await asyncio.to_thread(
                CliRunner().invoke, rules, ["replay", "--json", "--socket", socket]
            )
            fired = json.loads(shown.output)
    assert [(row["rule"], row["fired"]) for row in fired] == [("bed_exit", True)]
    hour = timedelta(hours=1)
    for since, found in ((-hour, 1), (hour, 0)):  # by the home's clocks, as what is shown is
        at = (datetime.fromisoformat(fired[0]["at"]) + since).isoformat()
        shown = await asyncio.to_thread(
            CliRunner().invoke, rules, ["replay", "--json", "--since", at, "--socket", socket]
        )
        assert len(json.loads(shown.output)) == found


async def test_a_prompt_is_said_and_the_green_key_answers_it(house: House) -> None:
    offset_min = house.service.config.home.utc_offset_minutes
    house.noon()
    here = local_time(house.service.mint.stamp(), offset_min)
    prompt = {
        "id": "now",
        "elder": "e-chen",
        "kind": "medication",
        "start": here.strftime("%Y-%m-%dT%H:%M:%S"),
    }
    command = Command(id="c1", kind="prompt", expires_ms=2**50, authority="nurse", data=prompt)
    house.service.hub.command(command, "coap")
    await house.says("prompt-medication")
    async with asyncio.timeout(WITHIN_S):
        while not house.pins.pin(LAMPS["amber"]).state:
            await asyncio.sleep(0.02)
    await house.press(GREEN)
    await house.says("understood-yes")
    await house.until("events", lambda events: any(e["kind"] == "care.answered" for e in events))
    kinds = await house.kinds()
    assert kinds.count("care.reminded") == 1
    assert not [kind for kind in kinds if kind.startswith("call.")]
    await house.press(RED)
    await house.until("calls", lambda calls: [c["events"][0]["kind"] for c in calls] == ["call.sos"])
