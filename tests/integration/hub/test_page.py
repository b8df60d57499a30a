"""The page as a process beside the hub: nothing without a key, and nothing of it that a press waits for."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from click.testing import CliRunner

from edge import cli
from edge.config import HomeSection
from edge.page.app import FILES, HEADERS
from edge.page.serve import checked
from protocols.errors import AnbanError, Reason
from sim.platform import certificates
from tests.hub_pages import WITHIN_S, Door, Pages, page_process
from tests.integration.hub.test_service import House

PATHS = ("/", "/state", "/do", "/told.js", "/nothing", *(f"/{path.name}" for path in FILES.iterdir()))
GIVE = json.dumps({"act": "give", "id": "r", "person": "e-chen"}).encode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    door = Door(tmp_path_factory.mktemp("p") / "hub.sock")
    await door.open()
    yield door
    await door.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages(door: Door) -> AsyncIterator[Pages]:
    async with page_process(door.path) as pages:
        yield pages


module_loop = pytest.mark.asyncio(loop_scope="module")


@module_loop
async def test_without_a_key_nothing_is_answered(door: Door, pages: Pages) -> None:
    door.asked.clear()
    for path in (*PATHS, "/?key=", "/?key=guessed", "/state?key=guessed"):
        for method in ("GET", "POST"):
            for headers in ({}, {"cookie": f"anban-page-{pages.port}=guessed"}):
                status, _, body = await pages.http(method, path, headers, GIVE if method == "POST" else b"")
                assert status in (403, 405), (method, path, status)
                assert b"Chen" not in body
                assert "陈" not in body.decode()
    assert door.asked == []
    assert door.done.empty()


@module_loop
async def test_a_link_opens_the_page_once_and_for_that_browser_alone(pages: Pages) -> None:
    link = urlsplit(await pages.fresh_link())
    assert link.hostname == "127.0.0.1"
    status, headers, body = await pages.http("GET", f"/?{link.query}")
    assert (status, link.query.encode() in body) == (200, False)
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Domain" not in cookie
    assert (await pages.http("GET", f"/?{link.query}"))[0] == 403
    mine = {"cookie": cookie.partition(";")[0]}
    assert (await pages.http("GET", "/", mine))[0] == 200
    assert (await pages.http("GET", f"/?{link.query}", mine))[0] == 200  # clicked once more


@module_loop
async def test_a_name_that_points_here_is_refused(pages: Pages) -> None:
    mine = {"cookie": await pages.cookie()}
    for host in ("evil.example", f"evil.example:{pages.port}", "192.168.1.7", ""):
        assert (await pages.http("GET", "/", {**mine, "host": host}))[0] in (400, 421), host
    assert (await pages.http("GET", "/", {**mine, "host": "localhost:1"}))[0] == 200


@module_loop
async def test_every_answer_bears_the_headers_and_names_no_other_site(pages: Pages) -> None:
    mine = {"cookie": await pages.cookie()}
    for headers in ({}, mine):
        for path in PATHS:
            _, got, body = await pages.http("GET", path, headers)
            assert {name: got.get(name) for name in HEADERS} == HEADERS, path
            assert "server" not in got
            assert b"://" not in body.replace(b"http://www.w3.org/2000/svg", b"")


@module_loop
async def test_an_act_needs_the_token_of_its_own_page(door: Door, pages: Pages) -> None:
    mine, others = {"cookie": await pages.cookie()}, {"cookie": await pages.cookie()}

    async def token(cookie: dict[str, str]) -> str:
        text = (await pages.http("GET", "/", cookie))[2].decode()
        return text.partition('name="anban-token" content="')[2].partition('"')[0]

    good, foreign = await token(mine), await token(others)
    here = f"http://127.0.0.1:{pages.port}"
    for headers in (
        {},
        {"x-anban-token": ""},
        {"x-anban-token": foreign},
        {"x-anban-token": good, "origin": "http://evil.example"},
        {"x-anban-token": good, "origin": "null"},
        {"x-anban-token": good, "origin": f"http://127.0.0.1:{pages.port + 1}"},
    ):
        assert (await pages.http("POST", "/do", {**mine, **headers}, GIVE))[0] == 403, headers
    assert door.done.empty()
    sent = {**mine, "x-anban-token": good, "origin": here}
    for body, status in ((b"{", 422), (b" " * 5_000, 422), (b'{"act":"export"}', 422), (GIVE, 200)):
        assert (await pages.http("POST", "/do", sent, body))[0] == status
    assert await door.next() == ("readings.assign", {"id": "r", "person": "e-chen"})


@module_loop
async def test_the_passkey_stands_in_no_log_and_no_answer(door: Door, pages: Pages) -> None:
    mine = {"cookie": await pages.cookie()}
    text = (await pages.http("GET", "/", mine))[2].decode()
    mine["x-anban-token"] = text.partition('name="anban-token" content="')[2].partition('"')[0]
    body = json.dumps({"act": "passkey", "meter": "th-01", "passkey": "042317"}).encode()
    status, _, told = await pages.http("POST", "/do", mine, body)
    assert (status, b"042317" in told) == (200, False)
    assert await door.next() == ("meter_passkey", {"meter": "th-01", "passkey": "042317"})
    door.refuses = True
    status, _, told = await pages.http("POST", "/do", mine, body)
    door.refuses = False
    assert (status, b"042317" in told, b"conflict" in told) == (409, False, True)


@module_loop
async def test_only_the_hubs_own_user_gets_links(pages: Pages) -> None:
    assert stat.S_IMODE((pages.socket.parent / "page.sock").stat().st_mode) == 0o600
    result = await asyncio.to_thread(
        CliRunner().invoke, cli.hub, ["page", "link", "--socket", str(pages.socket)]
    )
    assert result.output.startswith(f"http://127.0.0.1:{pages.port}/?key=")


def test_without_a_page_the_command_says_how_to_start_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.hub, ["page", "link", "--socket", str(tmp_path / "hub.sock")])
    assert result.exit_code == 1
    assert "anban hub page" in result.output


async def test_it_ends_when_asked_and_a_taken_port_is_a_sentence(
    door: Door, pages: Pages, tmp_path: Path
) -> None:
    taken = await asyncio.to_thread(
        CliRunner().invoke,
        cli.hub,
        ["page", "--port", str(pages.port), "--socket", str(tmp_path / "hub.sock")],
    )
    assert taken.exit_code == 1
    assert f"port {pages.port}" in taken.output
    async with page_process(tmp_path / "hub.sock") as own:
        own.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(own.process.wait(), WITHIN_S) == 0


@pytest.fixture
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    house = House(tmp_path_factory.mktemp("h"))
    await house.service.start()
    yield house
    await house.service.stop()


async def test_a_page_that_hangs_or_dies_is_nothing_to_a_press(house: House) -> None:
    """Invariant 4. The page is stopped while it asks, and killed."""
    async with page_process(house.here / "run" / "hub.sock") as pages:
        mine = {"cookie": await pages.cookie()}
        assert json.loads((await pages.http("GET", "/state", mine))[2])["up"]
        looks = [asyncio.create_task(pages.http("GET", "/state", mine)) for _ in range(20)]
        await asyncio.sleep(0)
        pages.process.send_signal(signal.SIGSTOP)
        await house.press(17)
        await house.until("calls", lambda calls: len(calls) == 1)
        shown = datetime.fromisoformat((await house.asked("calls"))[0]["events"][0]["at"].rstrip("?"))
        here = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=HomeSection().utc_offset_minutes)
        assert abs(here - shown) < timedelta(hours=1), "by the home's clocks, whatever the machine's zone is"
        pages.process.kill()
        await asyncio.gather(*looks, return_exceptions=True)
        async with asyncio.timeout(WITHIN_S):
            while len((await house.asked("calls"))[0]["events"]) < 2:
                await asyncio.sleep(0.3)  # a finger's own time between two presses
                await house.press(17)
        assert (await house.asked("status"))["tasks"]["door"] == 0


async def test_the_real_hub_answers_all_that_the_page_asks(house: House) -> None:
    async with page_process(house.here / "run" / "hub.sock") as pages:
        mine = {"cookie": await pages.cookie()}
        told = json.loads((await pages.http("GET", "/state", mine))[2])
        assert told["up"]
        assert set(told["parts"]) == set(Door(house.here).answers)
        assert told["parts"]["people"]["value"][0].keys() == {"id", "name"}


def test_a_hub_has_nothing_of_the_page_in_its_memory() -> None:
    script = """
import sys
import edge.cli, edge.main, edge.process, edge.inputs.senses
from click.testing import CliRunner
assert CliRunner().invoke(edge.cli.hub, ["page", "--help"]).exit_code == 0
print([name for name in sys.modules if name.startswith(("starlette", "uvicorn", "edge.page"))])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_listening_wider_is_said_and_opens_nothing_more(tmp_path: Path) -> None:
    async with page_process(tmp_path / "hub.sock", "--address", "0.0.0.0", "--name", "hub.local") as own:
        assert (await own.http("GET", "/"))[0] == 403
        mine = {"cookie": await own.cookie()}
        told = json.loads((await own.http("GET", "/state", mine))[2])
        assert (told["up"], told["parts"]) == (False, {})
        for host, status in (("hub.local", 200), ("192.168.1.7:8470", 200), ("evil.example", 421)):
            assert (await own.http("GET", "/", {**mine, "host": host}))[0] == status, host


async def test_with_a_certificate_nothing_is_told_in_clear(tmp_path: Path) -> None:
    ca, certificate, key = certificates.ensure(tmp_path / "pki", ["127.0.0.1"])
    arguments = ("--certificate", str(certificate), "--private-key", str(key))
    async with page_process(tmp_path / "hub.sock", *arguments) as own:
        assert own.link.startswith("https://127.0.0.1:")
        with pytest.raises((IndexError, OSError)):  # no answer
            await own.http("GET", "/")
        own.tls = ssl.create_default_context(cafile=str(ca))
        link = urlsplit(await own.fresh_link())
        status, headers, _ = await own.http("GET", f"/?{link.query}")
        assert (status, "Secure" in headers["set-cookie"]) == (200, True)
        mine = {"cookie": headers["set-cookie"].partition(";")[0]}
        assert (await own.http("GET", "/state", mine))[0] == 200


def test_a_certificate_of_no_use_is_refused_with_what_to_do(tmp_path: Path) -> None:
    _, certificate, key = certificates.ensure(tmp_path / "one", ["127.0.0.1"])
    other = certificates.ensure(tmp_path / "two", ["127.0.0.1"])[2]
    assert checked(certificate, key) == (certificate, key)
    (tmp_path / "text").write_text("no key")
    (tmp_path / "text").chmod(0o600)
    for bad in ((certificate, other), (certificate, tmp_path / "text"), (tmp_path / "none", key)):
        with pytest.raises(AnbanError) as refused:
            checked(*bad)
        assert refused.value.reason is Reason.BAD_CREDENTIALS
    key.chmod(0o640)
    with pytest.raises(AnbanError) as refused:
        checked(certificate, key)
    assert refused.value.remedy == f"chmod 600 {key}"
    told = CliRunner().invoke(cli.hub, ["page", "--certificate", str(certificate)])
    assert (told.exit_code, "go together" in told.output) == (2, True)
