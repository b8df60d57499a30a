"""What a person types: tables to read, JSON for programs, and errors that say what to do."""

import asyncio
import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge import api, cli
from edge.api import Api
from protocols.errors import AnbanError, Reason

STATUS = {
    "hub": "hub-01",
    "version": "0.1.0",
    "uptime_s": 7300,
    "clock": {"by": "network", "wall_ms": 1_800_000_000_000},
    "lamp": "amber off",
    "paths": [
        {"name": "coap", "good": False, "last_good_age_s": None, "round_trip_ms": -1, "reason": "path-down"}
    ],
    "store": {"durable": False, "rows": 4, "owed": 2, "head_seq": 4},
    "open_calls": 1,
    "open_faults": 0,
    "tasks": {"keys": 0, "radio": 7},
}
PRESS = {
    "id": "hub-01.00000007.1",
    "kind": "call.sos",
    "at": "2026-01-01 12:00:00?",
    "durable": False,
    "delivered": False,
    "stages": {"heard": 1, "durable": 4},
}
CALL = {
    "call_id": PRESS["id"],
    "elder": "e-chen",
    "lifecycle": "open",
    "handling": "none",
    "events": [PRESS],
}
PENDANT = {
    "id": "pd-01",
    "kind": "pendant",
    "elder": "e-chen",
    "room": "bedroom",
    "heard_age_s": None,
    "rssi_dbm": None,
    "battery_pct": None,
    "life": "",
}
FAULT = {"fault": "battery", "about": "pd-01", "cause": "", "age_s": 400.0}
EVENT = {"seq": 1, "at": PRESS["at"], "kind": "heartbeat", "id": "x", "lane": "telemetry", "delivered": "-"}
CHAIN = {"good": True, "rows": 4, "evicted": 0, "known_breaks": 0, "broken_at": None, "head": "4:ab"}
ANSWERS = {
    "status": STATUS,
    "calls": [CALL],
    "devices": [PENDANT],
    "faults": [FAULT],
    "events": [EVENT],
    "verify": CHAIN,
}
COMMANDS = {name: [name] for name in ANSWERS} | {"verify": ["events", "verify"]}


async def export(args):
    return [{"seq": seq} for seq in range(args["since"] + 1, 4)][:2]


def always(answer):
    async def operation(_args):
        return answer

    return operation


@pytest.fixture
async def door(tmp_path):
    operations = {name: always(answer) for name, answer in ANSWERS.items()} | {"export": export}
    server = await Api(tmp_path / "hub.sock", operations).listen()
    yield tmp_path / "hub.sock"
    server.close()


async def typed(door: Path, *words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, cli.hub, [*words, "--socket", str(door)])


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("status", "Hub hub-01, machine up 2 h, version 0.1.0"),
        ("status", "Lamp: off"),
        ("status", "coap  down   never      -           path-down"),
        ("status", "Journal: 4 rows, 2 to deliver, NOT ON DISK"),
        ("status", "Tasks: radio failed 7 times"),
        ("calls", "hub-01.00000007.1  open, none, elder e-chen"),
        ("calls", "call.sos  2026-01-01 12:00:00?  NO       not yet    heard 1 ms, durable 4 ms"),
        ("devices", "pd-01   pendant  e-chen  bedroom  never       -       -        not known yet"),
        ("faults", "battery  pd-01  7 min ago  -"),
        ("events", "1    2026-01-01 12:00:00?  heartbeat  x   telemetry  -"),
        ("verify", "The chain is whole: 4 rows, head 4:ab."),
    ],
)
async def test_a_table_says_how_it_is(door, name, line):
    result = await typed(door, *COMMANDS[name])
    assert result.exit_code == 0, result.output
    assert line in result.output


@pytest.mark.parametrize("name", COMMANDS)
async def test_json_is_the_whole_answer(door, name):
    result = await typed(door, *COMMANDS[name], "--json")
    assert json.loads(result.output) == ANSWERS[name]


async def test_an_export_is_lines_or_one_list_and_loses_no_page(door):
    lines = (await typed(door, "export")).output
    listed = (await typed(door, "export", "--json")).output
    assert [json.loads(line)["seq"] for line in lines.splitlines()] == [1, 2, 3]
    assert [event["seq"] for event in json.loads(listed)] == [1, 2, 3]


async def test_an_export_of_nothing_is_an_empty_list(door):
    assert json.loads((await typed(door, "export", "--json", "--since", "3")).output) == []
    assert (await typed(door, "export", "--since", "3")).output == ""


async def test_a_socket_of_something_else_is_no_crash(tmp_path):
    async def other(reader, writer):
        await reader.readline()
        writer.write(b'{"hello": 1}\n')
        writer.close()

    server = await asyncio.start_unix_server(other, tmp_path / "other.sock")
    result = await typed(tmp_path / "other.sock", "status")
    server.close()
    assert result.exit_code == 1
    assert "is no hub" in result.output
    assert "--socket" in result.output


def test_a_socket_that_may_not_be_opened_says_as_whom(tmp_path, monkeypatch):
    def denied(self, path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", denied)
    with pytest.raises(AnbanError) as caught:
        api.ask(tmp_path / "hub.sock", "status")
    assert caught.value.reason is Reason.NO_HUB
    assert "sudo" in caught.value.remedy


SEED = """
[hub]
id = "hub-01"
room = "hall"
elder = "e-chen"
runtime_dir = "{0}"
credentials_file = "{0}/credentials.json"
[platform]
coap_uri = "coap://127.0.0.1:5683"
https_url = "https://127.0.0.1:8443"
ca_file = "ca.pem"
[[elders]]
id = "e-chen"
"""


async def test_a_second_hub_in_one_home_is_refused_and_leaves_the_first_its_door(door, tmp_path, monkeypatch):
    """Two on the same stores would spend the same numbers; the second would take the first one's door."""
    (tmp_path / "hub.toml").write_text(SEED.format(tmp_path))
    monkeypatch.setattr("edge.credentials.load", lambda path: None)
    monkeypatch.setattr("edge.process.serve", lambda *args, **kwargs: pytest.fail("a second hub was started"))
    result = await asyncio.to_thread(
        CliRunner().invoke, cli.hub, ["run", "--config", str(tmp_path / "hub.toml")]
    )
    assert result.exit_code == 1
    assert "a hub runs already" in result.output
    assert (await typed(door, "status")).exit_code == 0


async def test_a_hub_whose_disk_hangs_is_there_and_a_killed_one_is_not(tmp_path):
    async def hangs(_args):
        await asyncio.Event().wait()

    path = tmp_path / "hub.sock"
    assert not api.is_served(path)
    server = await Api(path, {"status": hangs}).listen()
    assert await asyncio.to_thread(api.is_served, path)
    server.close()
    await server.wait_closed()
    stale = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    stale.bind(str(path))  # the file stays, and nobody answers
    assert not api.is_served(path)
    stale.close()


def tried(path, outcome, cause="", took_ms=40):
    row = {"path": path, "outcome": outcome, "cause": cause, "took_ms": took_ms}
    return row | {"age_s": 1.0, "fresh": True}


TESTED = {
    "testing": False,
    "paths": [
        tried("coap", "good"),
        tried("sms", "failed", "no-receipt", 120_000),
        tried("voice", "untested", "no-number", 0),
    ],
}


async def test_every_way_is_tried_and_one_that_fails_fails_the_command(tmp_path):
    operations = {"test-paths": always({**TESTED, "testing": True}), "proofs": always(TESTED)}
    async with await Api(tmp_path / "hub.sock", operations).listen():
        result = await typed(tmp_path / "hub.sock", "test-paths")
    assert result.exit_code == 1
    assert [line.split()[:2] for line in result.output.splitlines()[1:]] == [
        ["coap", "pass"],
        ["sms", "FAIL"],
        ["voice", "not"],
    ]
    assert "the platform's answer did not come" in result.output


async def test_texts_that_changed_nothing_are_shown_with_the_ways(tmp_path):
    state = {**TESTED, "refused_texts": {"forged": 2, "replayed": 0, "foreign": 1}}
    operations = {"test-paths": always(state), "proofs": always(state)}
    async with await Api(tmp_path / "hub.sock", operations).listen():
        result = await typed(tmp_path / "hub.sock", "test-paths")
    assert "Texts that changed nothing since the hub's start: 2 forged, 1 foreign" in result.output


async def test_what_a_call_interrupted_is_not_told_as_tested(tmp_path):
    row = {**TESTED["paths"][0], "fresh": False}
    operations = {"test-paths": always({"testing": False, "paths": [row]})}
    async with await Api(tmp_path / "hub.sock", operations).listen():
        result = await typed(tmp_path / "hub.sock", "test-paths")
    assert result.exit_code == 1
    assert "coap  not tested  -     a call came between" in result.output


def test_the_time_of_a_version_is_that_of_the_homes_clocks():
    version = {"number": 2, "wall_ms": 0, "author": "wu", "hash": "ab" * 32}
    assert cli._version(version, 480) == f"2 of 1970-01-01 08:00 by wu, {'ab' * 8}"
