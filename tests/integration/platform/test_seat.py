"""The seat's door: who may look, what is shown, what a hand does, and that hostile names stay names."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from protocols.values import Lane
from protocols.wire import decode_downlink
from sim.platform.faults import SILENT
from sim.platform.seat import PAGE
from sim.platform.service import Platform, running
from sim.platform.store import now_ms

from .conftest import Home, press, reading


class Browser:
    """HTTP by hand at the seat's port, with the seat's token unless told otherwise."""

    def __init__(self, platform: Platform) -> None:
        self.port = platform.info["seat_port"]
        self.token = platform._token

    async def ask(
        self,
        method: str,
        address: str,
        body: bytes = b"",
        *,
        token: str | None = None,
        host: str = "127.0.0.1",
    ) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        given = self.token if token is None else token
        head = [f"{method} {address} HTTP/1.1", f"host: {host}:{self.port}", "connection: close"]
        head += [f"content-length: {len(body)}", *([f"authorization: Bearer {given}"] if given else [])]
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        async with asyncio.timeout(60):
            answer = await reader.read()
        writer.close()
        top, _, rest = answer.partition(b"\r\n\r\n")
        first, *fields = top.decode().split("\r\n")
        return int(first.split()[1]), dict(f.lower().split(": ", 1) for f in fields), rest

    async def state(self) -> dict[str, Any]:
        status, _, body = await self.ask("GET", "/seat/state")
        assert status == 200
        return dict(json.loads(body))

    async def hand(
        self, action: str, by: str = "Li", number: int = 1, **more: Any
    ) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"by": by, **more}).encode()
        status, _, answer = await self.ask("POST", f"/seat/calls/{press(number).id}/{action}", body)
        return status, json.loads(answer)


@pytest.fixture
async def browser(platform: Platform) -> Browser:
    return Browser(platform)


async def test_without_the_token_nothing_is_shown_and_nothing_done(
    browser: Browser, platform: Platform
) -> None:
    await platform.store.receive([press(1)], "hub-01")
    for method, address in (
        ("GET", "/seat/state"),
        ("GET", "/seat/stream"),
        ("POST", f"/seat/calls/{press(1).id}/take"),
    ):
        for token in ("", "wrong", "seat", "é"):
            status, _, body = await browser.ask(method, address, b"{}", token=token)
            assert status == 401
            assert "陈".encode() not in body
    assert (await browser.state())["calls"][0]["handling"] == "none"


async def test_each_platform_has_a_token_of_its_own_and_keeps_it(directory: Path, tmp_path: Path) -> None:
    async with running(directory) as first:
        token = first._token
        assert len(token) >= 40
    async with running(directory) as again, running(tmp_path / "other") as other:
        assert again._token == token
        assert other._token != token


async def test_a_call_shows_who_where_with_what_and_since_when(browser: Browser, platform: Platform) -> None:
    wall_ms = now_ms() - 400
    stages = {"heard": 210, "stored": 215, "sent": 220}
    event = press(1, wall_ms=wall_ms, clock_trusted=True, stages=stages, room="bathroom")
    await platform.store.receive([event], "hub-01")
    state = await browser.state()
    (call,) = state["calls"]
    assert call["elder"]["name"] == "陈桂芳"
    assert call["elder"]["address"].startswith("上海市浦东新区")
    assert (call["device"]["name"], call["room"], call["kind"], call["lane"]) == (
        "挂坠",
        "bathroom",
        "call.sos",
        "sos",
    )
    (shown,) = call["presses"]
    assert {name: shown["stages"][name] for name in stages} == stages
    assert 400 <= shown["stages"]["here"] < 60_000


async def test_no_way_time_is_claimed_by_a_clock_that_is_wrong(browser: Browser, platform: Platform) -> None:
    events = [
        press(1, wall_ms=now_ms() - 400, clock_trusted=False),
        press(2, wall_ms=5, clock_trusted=True),
        press(3, wall_ms=now_ms() + 10**9, clock_trusted=True),
    ]
    await platform.store.receive(events, "hub-01")
    for call in (await browser.state())["calls"]:
        assert "here" not in call["presses"][0]["stages"]


async def test_hands_go_down_to_the_hub(browser: Browser, platform: Platform, home: Home) -> None:
    path = home.https(platform)
    await path.send([press(1)])
    status, call = await browser.hand("take", "李 <b>")
    assert (status, call["handling"], call["taken_by"]) == (200, "taken", "李 <b>")
    assert (await browser.hand("arrived"))[0] == 200
    assert (await browser.hand("close"))[0] == 200
    told = [entry.item.stage for entry in await path.poll(0, 0)]
    assert told == ["stored", "taken", "arrived", "closed"]


async def test_cancel_is_accepted_only_when_asked(browser: Browser, platform: Platform) -> None:
    await platform.store.receive([press(1)], "hub-01")
    status, refusal = await browser.hand("accept-cancel")
    assert (status, refusal["reason"]) == (409, "conflict")
    asked = press(2, kind="call.updated", call_id=press(1).id, data={"change": "cancel_asked"})
    await platform.store.receive([asked], "hub-01")
    assert (await browser.state())["calls"][0]["cancel_asked"] is True
    assert (await browser.hand("accept-cancel"))[1]["lifecycle"] == "cancelled"


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("/seat/calls/pd-01.1a2b3c4d.1/take", b"[]", 400),
        ("/seat/calls/pd-01.1a2b3c4d.1/take", b"{", 400),
        ("/seat/calls/pd-01.1a2b3c4d.1/take", b'{"by": 7}', 400),
        ("/seat/calls/pd-01.1a2b3c4d.1/take", b'{"by": "a\\u0000b"}', 400),
        ("/seat/calls/pd-01.1a2b3c4d.1/take", b'{"by": "' + b"x" * 65 + b'"}', 400),
        ("/seat/calls/pd-01.1a2b3c4d.1/take", b"x" * 5_000, 413),
        ("/seat/calls/pd-01.1a2b3c4d.1/explode", b"{}", 404),
        ("/seat/calls/pd-01.1a2b3c4d.99/take", b"{}", 404),
        ("/seat/calls/not-an-id/take", b"{}", 400),
        ("/seat/calls/%00/take", b"{}", 400),
        ("/../../etc/passwd", b"", 404),
    ],
)
async def test_wrong_hands_get_a_reason(
    browser: Browser, platform: Platform, address: str, body: bytes, status: int
) -> None:
    await platform.store.receive([press(1)], "hub-01")
    method = "GET" if "etc" in address else "POST"
    assert (await browser.ask(method, address, body))[0] == status
    assert (await browser.state())["calls"][0]["handling"] == "none"


async def test_every_answer_is_guarded(browser: Browser) -> None:
    for address in ("/", "/seat.css", "/seat.js", "/words.js", "/icon.svg", "/seat/state", "/nothing"):
        _, headers, _ = await browser.ask("GET", address)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "set-cookie" not in headers
        assert "access-control-allow-origin" not in headers


async def test_another_host_name_is_refused(browser: Browser) -> None:
    """A page of a stranger's that resolves its own name to this machine gets nothing (DNS rebinding)."""
    assert (await browser.ask("GET", "/seat/state", host="evil.example"))[0] == 421
    assert (await browser.ask("GET", "/seat/state", host="localhost"))[0] == 200


def test_the_page_needs_nothing_from_elsewhere_and_puts_in_no_markup() -> None:
    for file in PAGE.iterdir():
        text = file.read_text()
        assert not re.search(r"https?://(?!www\.w3\.org/)", text), file.name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function", text
        ), file.name
    page = (PAGE / "seat.html").read_text()
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=|<style", page)


def test_both_languages_have_every_word() -> None:
    text = re.sub(r': "[^"]*"', ': ""', (PAGE / "words.js").read_text())
    chinese, english = text.split("\n  en: {")
    keys = [set(re.findall(r'(?:^|[ {])"?([a-z_-]+)"?: ["{]', part)) for part in (chinese, english)]
    optional = set(
        re.findall(r'(?:[ {])"?([a-z-]+)"?: "', chinese.split("rooms:")[1].split("fault_words:")[0])
    )
    assert keys[0] - optional - {"zh"} <= keys[1]
    assert keys[1] <= keys[0]
    used = set(re.findall(r'data-word="([\w-]+)"', (PAGE / "seat.html").read_text()))
    used |= set(re.findall(r'(?:word|fill)\("([\w-]+)"', (PAGE / "seat.js").read_text()))
    for part in (chinese, english):
        said = set(re.findall(r'"?([\w-]+)"?: "', part))
        assert used <= said, used - said


async def test_the_stream_tells_of_calls_and_faults_as_they_come(
    browser: Browser, platform: Platform
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", browser.port)
    head = f"GET /seat/stream HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {browser.token}\r\n\r\n"
    writer.write(head.replace("host: 127.0.0.1", f"host: 127.0.0.1:{browser.port}").encode())

    async def told(name: str) -> Any:
        async with asyncio.timeout(60):
            while (await reader.readline()).strip() != f"event: {name}".encode():
                pass
            return json.loads((await reader.readline()).decode().removeprefix("data: "))

    assert (await told("state"))["calls"] == []
    await platform.store.receive([press(1)], "hub-01")
    first = await told("call")
    assert (first["alert"], first["call"]["call_id"]) == ("new", str(press(1).id))
    await platform.store.receive([press(2, call_id=press(1).id)], "hub-01")
    assert (await told("call"))["alert"] == "again"
    fault = press(3, kind="fault.raised", lane=Lane.FAULT, call_id=None, data={"fault": "mains"})
    await platform.store.receive([fault], "hub-01")
    (group,) = await told("faults")
    assert (group["fault"], group["area"], group["homes"]) == ("mains", "上海市浦东新区", 1)
    writer.close()


async def test_a_seat_that_has_not_seen_a_press_does_not_close_over_it(
    browser: Browser, platform: Platform
) -> None:
    await platform.store.receive([press(1)], "hub-01")
    await platform.store.receive([press(2, call_id=press(1).id)], "hub-01")
    assert (await browser.hand("close", presses=1))[0] == 409
    assert (await browser.hand("close", presses="2"))[0] == 400
    assert (await browser.hand("close", presses=2))[0] == 200


async def test_settings_are_put_up_for_a_hub_and_it_is_told(browser: Browser, platform: Platform) -> None:
    document = "[platform]\n"
    assert (await browser.ask("POST", "/seat/hubs/hub-01/settings?by=Li", document.encode()))[0] == 202
    (told,) = [item for body in platform.store.downlink("hub-01", 0, 4096) for item in decode_downlink(body)]
    assert (told.item.kind, told.item.authority) == ("config.propose", "Li")
    found = platform.store.config("hub-01")
    assert found is not None
    assert (found["side"], found["document"], found["author"]) == ("proposed", document, "Li")
    for address, body, token, status in (
        ("/seat/hubs/hub-99/settings", b"", None, 404),
        ("/seat/hubs/hub-01/settings", b"\xff", None, 400),
        ("/seat/hubs/hub-01/settings", b"x" * 8_193, None, 413),
        ("/seat/hubs/hub-01/settings?by=%00", b"", None, 400),
        ("/seat/hubs/hub-01/settings", b"", "wrong", 401),
    ):
        assert (await browser.ask("POST", address, body, token=token))[0] == status


async def test_the_seat_reads_why_a_rule_called(browser: Browser, platform: Platform) -> None:
    why = "夜里离床已有25分钟，没有回来"
    event = press(1, kind="call.bed_exit", data={"source": "rule", "rule": "bed_exit", "detail": why})
    await platform.store.receive([event], "hub-01")
    (call,) = (await browser.state())["calls"]
    assert (call["kind"], call["presses"][0]["detail"]) == ("call.bed_exit", why)


@pytest.mark.parametrize(
    ("told", "confidence", "signs"),
    [
        ({"confidence": 93}, 93, []),
        ({"confidence": 41, "signs": "in_bed false_falls"}, 41, ["in_bed", "false_falls"]),
        ({"confidence": "93", "signs": 7}, 0, []),
        ({"confidence": 1e9}, 0, []),
    ],
)
async def test_the_seat_reads_how_sure_a_home_is_of_a_fall(
    browser: Browser, platform: Platform, told: dict[str, Any], confidence: int, signs: list[str]
) -> None:
    fall = press(1, kind="call.fall", data={"source": "pendant", "press": 1})
    weighed = press(2, kind="call.updated", call_id=fall.id, data={"change": "fall_unsure", **told})
    await platform.store.receive([fall, weighed], "hub-01")
    (call,) = (await browser.state())["calls"]
    known = next(press for press in call["presses"] if press["change"])
    assert (known["confidence"], known["signs"]) == (confidence, signs)


async def test_a_prompt_is_sent_to_a_hub_and_taken_away_again(browser: Browser, platform: Platform) -> None:
    prompts = "/seat/hubs/hub-01/prompts"
    assert (await browser.ask("POST", f"{prompts}?by=Li", b'{"id": "pills"}'))[0] == 202
    assert (await browser.ask("DELETE", f"{prompts}/pills"))[0] == 202
    items = [item for body in platform.store.downlink("hub-01", 0, 4096) for item in decode_downlink(body)]
    assert [(told.item.kind, told.item.authority, told.item.data) for told in items] == [
        ("prompt", "Li", {"id": "pills"}),
        ("prompt.remove", "seat", {"id": "pills"}),
    ]
    for body, token, status in ((b"[]", None, 400), (b"{", None, 400), (b"{}", "wrong", 401)):
        assert (await browser.ask("POST", prompts, body, token=token))[0] == status
    assert (await browser.ask("POST", "/seat/hubs/hub-99/prompts", b"{}"))[0] == 404


async def test_no_hub_can_show_another_homes_name(
    browser: Browser, platform: Platform, directory: Path
) -> None:
    from sim.platform.registry import provision

    provision(directory, "hub-99", [{"id": "e-own", "name": "Own", "address": "Elsewhere 9"}])
    platform.store.register.refresh()
    await platform.store.receive([press(1, device="pd-99", elder="e-chen")], "hub-99")
    (call,) = (await browser.state())["calls"]
    assert call["elder"]["name"] == ""
    assert call["elder"]["address"] == "Elsewhere 9"  # the seat still learns which home called


async def test_silence_of_a_hub_is_a_fault_and_ends_with_its_next_word(
    browser: Browser, platform: Platform
) -> None:
    for task in platform._tasks:  # its own looks: here the time is the test's
        task.cancel()
    before_ms = now_ms()
    await platform.store.receive([reading(1)], "hub-01")
    await platform.look_for_silent_hubs(before_ms + 209_000)
    assert (await browser.state())["faults"] == []
    await platform.look_for_silent_hubs(now_ms() + 215_000)
    (group,) = (await browser.state())["faults"]
    assert (group["fault"], group["members"][0]["hub"]) == (SILENT, "hub-01")
    await platform.look_for_silent_hubs(now_ms() + 300_000)
    assert len((await browser.state())["faults"]) == 1
    await platform.store.receive([reading(2)], "hub-01")
    await platform.look_for_silent_hubs(now_ms())
    assert (await browser.state())["faults"] == []


async def test_what_was_missed_while_the_platform_was_off_is_not_held_against_a_hub(
    directory: Path, home: Home
) -> None:
    async with running(directory) as platform:
        await platform.look_for_silent_hubs(platform._started_ms + 200_000)
        assert platform.store.standing_faults() == []


async def test_readings_are_shown_with_their_person_and_an_unknown_time_is_said(
    browser: Browser, platform: Platform, home: Home
) -> None:
    pressure = {"value": 138.0, "second": 88.0, "unit": "mmhg", "pulse_bpm": 66.0, "measured_ms": now_ms()}
    events = [
        reading(1, kind="reading.blood_pressure", data=pressure),
        reading(2, elder=""),
        reading(3, data={"judged": "unusable", "reason": "short", "raw": "0078"}),
        reading(4, elder="e-stranger"),
        reading(5, kind="reading.room_temperature"),
    ]
    await platform.store.receive(events, "hub-01")
    stranger, unusable, nobodys, hers = (await browser.state())["readings"]
    assert (hers["text"], hers["measured_ms"]) == ("138/88 mmHg, pulse 66", pressure["measured_ms"])
    assert hers["name"]
    assert (nobodys["name"], nobodys["elder"], nobodys["measured_ms"]) == ("", "", 0)
    assert (unusable["usable"], unusable["text"]) == (False, "unusable (short)")
    assert stranger["name"] == ""  # not registered with this home: no name is joined


async def test_a_reading_that_is_given_to_somebody_later_is_shown_as_theirs(
    browser: Browser, platform: Platform
) -> None:
    loose = reading(1, elder="")
    about = {"about": str(loose.id), "by": "asked"}
    await platform.store.receive([loose], "hub-01")
    await platform.store.receive([reading(2, kind="care.whose", data=about)], "hub-01")
    (hers,) = (await browser.state())["readings"]
    assert hers["name"]
    await platform.store.receive([reading(3, kind="care.whose", data=about, elder="")], "hub-01")
    (nobodys,) = (await browser.state())["readings"]
    assert nobodys["name"] == ""
