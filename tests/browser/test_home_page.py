"""The home page in a real browser: keys reach the home, the home reaches the eye."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from edge.page.app import HEADERS
from sim.home import plan
from sim.home.feed import Feed
from sim.home.page import ActError, served
from sim.home.page import Page as HomePage
from sim.internet import LOOPBACK
from tests.browser.conftest import SIZES

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
SEEN_S = 60.0


@dataclass
class Visit:
    """A served page, its feed, and what visitors asked for."""

    feed: Feed
    page: HomePage
    port: int = 0
    asked: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/"

    async def next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.asked.get(), SEEN_S)


def pendant(**more: Any) -> dict[str, Any]:
    row = {
        "id": "pd-01",
        "name": {"zh": "陈奶奶", "en": "Mrs Chen"},
        "x": 1.5,
        "y": 1.9,
        "powered": True,
        "led": {"colour": "off", "pattern": "off"},
        "buzz": {"n": 0, "kind": ""},
        "dbm": {"hub-01": -61},
    }
    return row | more


def hub(**more: Any) -> dict[str, Any]:
    lamp = {"colour": "off", "pattern": "off"}
    return {"id": "hub-01", "x": 6.6, "y": 2.75, "up": True, "lamp": lamp, "spoken": None} | more


@pytest_asyncio.fixture(loop_scope="module")
async def visit() -> AsyncIterator[Visit]:
    feed = Feed()

    def record(name: str) -> Callable[[Mapping[str, Any]], Awaitable[None]]:
        async def act(asked: Mapping[str, Any]) -> None:
            if asked.get("device") == "pd-99":
                raise ActError("there is no pd-99")
            if asked.get("device") == "hub-99":
                raise ActError("hub-99 does not run", "hub_down", "hub-99")
            made.asked.put_nowait(dict(asked))

        return act

    acts = ("key", "place", "wall", "world", "power", "fall", "phone")
    made = Visit(feed, HomePage(feed, {n: record(n) for n in acts}))
    feed.show("home", {**plan.as_json(), "seed": 7, "seat": "http://127.0.0.1:1/"})
    feed.show("walls", {})
    feed.show("world", {"internet": True, "udp": True, "platform": True})
    feed.show("hub:hub-01", hub())
    feed.show("pendant:pd-01", pendant())
    feed.show("calls", [])
    async with served(made.page) as port:
        made.port = port
        yield made


async def opened(browser: Browser, visit: Visit, size: str = "desk", locale: str = "en-GB") -> Page:
    """The page, and a failure for anything that the browser complains about."""
    context = await browser.new_context(viewport=SIZES[size], locale=locale, has_touch=size == "phone")
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on("request", lambda asked: complaints.append(asked.url) if visit.url not in asked.url else None)
    await page.goto(visit.url)
    await expect(page.locator("svg .pendant")).to_be_visible()
    assert complaints == []
    return page


async def test_who_wears_a_pendant_can_be_let_fall(browser: Browser, visit: Visit) -> None:
    page = await opened(browser, visit)
    fall = page.locator("article.pendant .fall")
    await expect(fall).to_have_text("Fall")
    await fall.click()
    assert await visit.next() == {"act": "fall", "device": "pd-01"}


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_finger_on_a_key_goes_down_and_up(browser: Browser, visit: Visit, size: str) -> None:
    page = await opened(browser, visit, size)
    await page.locator('[data-key="hub-01/red"]').click()
    assert await visit.next() == {"act": "key", "device": "hub-01", "key": "red", "down": True}
    assert (await visit.next())["down"] is False
    await page.locator('[data-key="pd-01/pendant"]').focus()
    await page.keyboard.press("Space")
    assert await visit.next() == {"act": "key", "device": "pd-01", "key": "pendant", "down": True}
    assert (await visit.next())["down"] is False


async def test_only_what_is_dead_looks_dead(browser: Browser, visit: Visit) -> None:
    """A key at rest is as red as any; without power it is grey, and there is no link to speak of."""
    page = await opened(browser, visit)
    bodies = page.locator("article .body")
    for number in range(await bodies.count()):
        assert await bodies.nth(number).evaluate("node => getComputedStyle(node).opacity") == "1"
    await expect(page.locator(".links line.good")).to_have_count(1)
    visit.feed.show("pendant:pd-01", pendant(loss={"hub-01": 1.0}))
    await expect(page.locator(".links line.none")).to_have_count(1)
    await expect(page.locator(".links text")).to_contain_text("out of reach")
    visit.feed.show("pendant:pd-01", pendant(powered=False))
    await expect(page.locator("article.pendant .body")).to_have_css("opacity", "0.4")
    await expect(page.locator(".links line")).to_have_count(0)
    await expect(page.locator("article.pendant .tells")).to_have_text("no power")


DAY_MS, NOW_MS = 86_400_000, 1_773_972_000_000  # 2026-03-20 10:00 in China


def a_week() -> dict[str, Any]:
    """What a hub tells of a person who measured, slept, and did not weigh herself for days."""
    days = [f"2026-03-{day}" for day in range(14, 21)]
    points = [
        {
            "at_ms": NOW_MS - n * DAY_MS,
            "judged": "high" if n == 2 else "",
            "time_known": True,
            "systolic": 171.0 if n == 2 else 130.0 + n,
            "diastolic": 82.0,
        }
        for n in reversed(range(6))
    ]
    meal = {"at_ms": NOW_MS, "mmol": 6.4, "context": "before"}
    chen = {
        "id": "e-chen",
        "blood_pressure": {"points": points, "band": {"systolic": [112.0, 152.0], "diastolic": [70.0, 94.0]}},
        "glucose": [{"meal": "lunch", "count": 1, "low": 6.4, "mean": 6.4, "high": 6.4, "points": [meal]}],
        "sleep": [{"day": days[-1], "spans": [[600, 780], [790, 1080]], "minutes": 470, "exits": 1}],
        "seen": [
            {"kind": "blood_pressure", "text": "130/82 mmHg", "at_ms": NOW_MS, "time_known": True,
             "stale": False, "device": "bp-01"},
            {"kind": "weight", "text": "61.5 kg", "at_ms": NOW_MS - 9 * DAY_MS, "time_known": False,
             "stale": True, "device": "sc-01"},
        ],
    }  # fmt: skip
    nobody = {
        "id": "e-wang",
        "blood_pressure": {"points": [], "band": None},
        "glucose": [],
        "sleep": [],
        "seen": [],
    }
    return {"now_ms": NOW_MS, "offset_minutes": 480, "days": days, "people": [chen, nobody]}


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_week_is_drawn_and_what_is_old_says_so(browser: Browser, visit: Visit, size: str) -> None:
    page = await opened(browser, visit, size)
    await expect(page.locator("#trends")).to_be_hidden()
    visit.feed.show("trends", {**a_week(), "people": []})
    await expect(page.locator("#trends .nothing")).to_have_text("Nothing has been measured yet.")
    visit.feed.show("trends", a_week())
    week = page.locator(".week")
    await expect(week).to_have_count(1)
    await expect(week.locator(".point")).to_have_count(6)
    await expect(week.locator(".point.marked")).to_have_count(1)
    await expect(week.locator(".pressures .band")).to_have_count(2)
    await expect(week.locator(".glucose circle.before")).to_have_count(1)
    await expect(week.locator(".nights .slept")).to_have_count(2)
    await expect(week.locator(".nights")).to_contain_text("7 h 50")
    await expect(week.locator(".seen li").first).to_contain_text("measured just now")
    old = week.locator(".seen .stale")
    await expect(old).to_contain_text("arrived 9 days ago, when it was measured is not known · old")
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    await page.locator("#language").click()
    await expect(week.locator(".nights")).to_contain_text("周五")
    await expect(old).to_contain_text("旧")
    # The hub has died: what it told yesterday has grown a day older.
    visit.feed.show("trends", {**a_week(), "told_ms": round(time.time() * 1000) - DAY_MS})
    await expect(week.locator(".seen li").first).to_contain_text("24 小时前测得")
    visit.feed.show("trends", None)


async def test_why_not_is_said_in_the_pages_language(browser: Browser, visit: Visit) -> None:
    page = await opened(browser, visit, locale="zh-CN")
    visit.feed.show("hub:hub-99", hub(id="hub-99"))
    await page.locator('[data-key="hub-99/red"]').click()
    await expect(page.locator("#toast")).to_have_text("hub-99 没有在运行，按键没有人读")


@pytest.mark.parametrize("size", list(SIZES))
async def test_nothing_is_wider_than_the_screen(browser: Browser, visit: Visit, size: str) -> None:
    page = await opened(browser, visit, size)
    assert await page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]


async def test_a_pendant_is_carried_to_the_yard(browser: Browser, visit: Visit) -> None:
    page = await opened(browser, visit)
    box = await page.locator("svg .pendant .body").bounding_box()
    flat = await page.locator("#plan").bounding_box()
    assert box is not None
    assert flat is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(flat["x"] + flat["width"] * 0.93, flat["y"] + flat["height"] / 2, steps=3)
    await page.mouse.up()
    room = ""
    while room != "yard":  # it is told on the way too
        placed = await visit.next()
        assert placed["act"] == "place"
        room = plan.room_at(placed["x"], placed["y"]).id


async def test_what_the_home_shows_is_seen(browser: Browser, visit: Visit) -> None:
    page = await opened(browser, visit)
    said = {"now": True, "text": {"zh": "平台已收到", "en": "The centre has your call"}}
    visit.feed.show("hub:hub-01", hub(lamp={"colour": "green", "pattern": "blink"}, spoken=said))
    visit.feed.show("pendant:pd-01", pendant(led={"colour": "green", "pattern": "flash"}))
    stages = {"pressed": 0, "heard": 212, "platform": 241}
    call = {"elder": {"zh": "陈", "en": "Mrs Chen"}, "title": "SOS", "state": "open", "presses": 2}
    visit.feed.show("calls", [call | {"stages": stages}])
    visit.feed.row("buzz", "pd-01", parts=["long"])
    await expect(page.locator(".bubble")).to_have_text("The centre has your call")
    await expect(page.locator("article.hub.lamp-green.blink")).to_be_visible()
    await expect(page.locator("article.pendant.led-green.flash")).to_be_visible()
    await expect(page.locator(".call .stages li.done")).to_have_count(3)
    await expect(page.locator(".row.buzz")).to_contain_text("buzz: long")
    await page.locator("#language").click()
    await expect(page.locator(".bubble")).to_have_text("平台已收到")
    await expect(page.locator(".row.buzz")).to_contain_text("振动：长")


async def test_trouble_is_made_and_walls_are_raised(browser: Browser, visit: Visit) -> None:
    page = await opened(browser, visit)
    await page.locator("[data-switch=internet]").click()
    assert await visit.next() == {"act": "world", "name": "internet", "well": False}
    await page.locator("svg .wall").first.focus()
    await page.keyboard.press("Enter")
    assert await visit.next() == {"act": "wall", "wall": plan.WALLS[0].id, "raised": True}


async def test_a_phone_of_the_family_rings_and_is_answered(browser: Browser, visit: Visit) -> None:
    page = await opened(browser, visit)
    await expect(page.locator("#family")).to_be_hidden()
    phone = {"id": "mum", "name": {"zh": "妈妈", "en": "mother"}, "texts": ["<b>SOS</b>"], "state": "ringing"}
    visit.feed.show("phone:mum", phone)
    await expect(page.locator(".phone .sms")).to_have_text("<b>SOS</b>")
    await page.locator('[data-phone="mum/answer"]').click()
    assert await visit.next() == {"act": "phone", "phone": "mum", "hand": "answer"}
    visit.feed.show("phone:mum", phone | {"state": "answered"})
    await page.locator('[data-phone="mum/one"]').click()
    assert (await visit.next())["hand"] == "one"
    visit.feed.show("phone:mum", phone | {"state": "idle"})
    await expect(page.locator('[data-phone="mum/reply"]')).to_be_visible()
    by_sip = phone | {"id": "mum-sip", "by": "sip", "texts": [], "state": "idle"}
    visit.feed.show("phone:mum-sip", by_sip)
    await expect(page.locator(".phone").nth(1)).to_contain_text("SIP")
    await expect(page.locator('[data-phone="mum-sip/reply"]')).to_have_count(0)
    visit.feed.show("phone:mum-sip", by_sip | {"state": "ringing"})
    await page.locator('[data-phone="mum-sip/answer"]').click()
    assert (await visit.next())["phone"] == "mum-sip"


async def test_the_hubs_own_page_is_one_click_away(browser: Browser, visit: Visit) -> None:
    page = await opened(browser, visit)
    link = page.locator("#hub-page")
    await expect(link).to_be_hidden()
    visit.feed.show("hub_page", "http://127.0.0.1:1/?key=k")
    await expect(link).to_have_text("Hub's page ↗")
    await expect(link).to_have_attribute("href", "http://127.0.0.1:1/?key=k")


async def test_whatever_is_told_to_the_page_stays_text(browser: Browser, visit: Visit) -> None:
    page = await opened(browser, visit)
    visit.feed.row("spoken", "<b>x</b>", text="<img src=x onerror=alert(1)>")
    await expect(page.locator(".row.spoken")).to_contain_text("<img src=x")
    assert await page.locator(".row img").count() == 0


async def test_another_site_can_press_nothing(browser: Browser, visit: Visit) -> None:
    stranger = await (await browser.new_context()).new_page()
    await stranger.goto("about:blank")
    script = """async (url) => {
        const body = JSON.stringify({ act: "key", device: "hub-01", key: "red", down: true });
        await fetch(url + "do", { method: "POST", mode: "no-cors", body }).catch(() => null);
        return fetch(url).then((answer) => answer.text(), () => "");
    }"""
    assert await stranger.evaluate(script, visit.url) == ""
    assert visit.asked.empty()


async def ask(visit: Visit, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    reader, writer = await asyncio.open_connection(LOOPBACK, visit.port)
    lines = {
        "host": f"{LOOPBACK}:{visit.port}",
        "connection": "close",
        "content-length": str(len(body)),
    } | headers
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    writer.write(head.encode() + b"\r\n" + body)
    answer = await asyncio.wait_for(reader.read(), SEEN_S)
    writer.close()
    return answer


async def test_a_name_that_points_here_is_refused(visit: Visit) -> None:
    assert b" 421 " in await ask(visit, "GET", "/", {"host": "evil.example:80"})
    assert b" 200 " in await ask(visit, "GET", "/", {})


async def test_every_answer_bears_the_headers(visit: Visit) -> None:
    for path in ("/", "/home.js", "/nothing.js", "/../page.py"):
        answer = (await ask(visit, "GET", path, {})).lower()
        for name in HEADERS:
            assert name.encode() in answer, (path, name)


@pytest.mark.parametrize(
    ("token", "body", "status"),
    [
        ("", b'{"act":"key"}', b" 403 "),
        ("x" * 32, b'{"act":"key"}', b" 403 "),
        (None, b"{", b" 422 "),
        (None, b"[" * 4000, b" 422 "),
        (None, b'{"act":"nothing"}', b" 422 "),
        (None, b'{"act":["key"]}', b" 422 "),
        (None, b'{"act":"key","device":"pd-99"}', b" 422 "),
        (None, b" " * 5000, b" 413 "),
        (None, json.dumps({"act": "key", "device": "hub-01"}).encode(), b" 200 "),
    ],
)
async def test_the_door_takes_only_what_is_meant(
    visit: Visit, token: str | None, body: bytes, status: bytes
) -> None:
    given = visit.page.token if token is None else token
    assert status in await ask(visit, "POST", "/do", {"x-anban-token": given}, body)
    assert visit.asked.empty() is (status != b" 200 ")
