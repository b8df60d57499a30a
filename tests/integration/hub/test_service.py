"""A whole hub in this process, without radio and platform: its rules and prompts say what they lack."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from drivers.ble.ports import AdapterPort
from edge.api import ask
from edge.clock import SystemClock
from edge.config import parse
from edge.credentials import Credentials, OscoreKeys
from edge.main import Service
from edge.ports import Ports
from protocols.errors import AnbanError

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
silent_s = 1
[[prompts]]
id = "pills"
elder = "e-chen"
kind = "medication"
start = "2026-03-01T08:00"
rule = "FREQ=DAILY"
"""


async def no_adapters() -> Sequence[AdapterPort]:
    return []


@pytest.fixture
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sockets have short paths."""
    return tmp_path_factory.mktemp("h")


async def test_a_hub_tells_of_its_rules_and_prompts_at_its_door(here: Path) -> None:
    (here / "run").mkdir(mode=0o700)
    contexts = tuple(
        OscoreKeys(name=n, sender_id=i, recipient_id="0a", master_secret="00" * 16, master_salt="")
        for n, i in (("sos", "01"), ("main", "02"))
    )
    credentials = Credentials(hub_id="hub-01", https_token="t", oscore=contexts)
    service = Service(
        parse(SEED.format(here=here)), credentials, Ports(SystemClock(), MockFactory, no_adapters)
    )
    await service.start()

    async def asked(op: str, **args: Any) -> Any:
        return await asyncio.to_thread(ask, here / "run" / "hub.sock", op, **args)

    async def until(op: str, enough: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(WITHIN_S):
            while True:
                try:
                    answer = await asked(op)
                    if enough(answer):
                        return answer
                except AnbanError:
                    pass
                await asyncio.sleep(0.05)

    try:

        def lacks_its_sensor(status: Any) -> bool:
            rows = {(row["rule"], row["elder"], row["why"]) for row in status["blind"]}
            return ("bed_exit", "e-chen", "bed-01") in rows

        status = await until("status", lacks_its_sensor)
        assert {"rules", "prompts", "sensors"} <= status["tasks"].keys()
        faults = await until("faults", bool)
        assert ("rule_blind", "bed_exit:e-chen") in {(row["fault"], row["about"]) for row in faults}
        rules = (await asked("rules", language="zh"))["rules"]
        assert any(row["says"] == "看不见：bed-01" for row in rules)
        (prompt,) = await asked("prompts")
        assert (prompt["id"], prompt["by"], prompt["next"][-5:]) == ("pills", "settings", "08:00")
        assert status["tasks"]["rules"] == 0, "it has not failed"
    finally:
        await service.stop()
