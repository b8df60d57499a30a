"""The hub's own page in a real browser: what it claims, what can be done on it, and what stays text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from edge.page.access import Access
from edge.page.app import Page as HubPage
from edge.page.asking import Asking
from sim.platform.web import WebServer
from tests.browser.conftest import SIZES
from tests.hub_pages import DAY_MS, NOW_MS, Door, device, reading

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
HOSTILE = '<img src=x onerror="document.title=1">'
# The worst contrast of what is written (WCAG 2.2, 1.4.3): [ratio, size in px, weight, text].
CONTRAST = """() => {
  const light = (rgb) => rgb.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = numbers(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (!text || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const front = numbers(node.closest("svg") ? style.fill : style.color).slice(0, 3);
    const [a, b] = [light(front), light(behind(node))].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), parseFloat(style.fontSize), Number(style.fontWeight), text]);
  }
  return found.sort((a, b) => a[0] - b[0])[0];
}"""


class Clock:
    """The page's own clock."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Pages:
    """The page, served to browsers, with a clock that a test moves."""

    door: Door
    clock: Clock
    access: Access
    server: WebServer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/"

    @property
    def link(self) -> str:
        return f"{self.url}?key={self.access.key(self.clock())}"

    async def later(self, page: Page, seconds: float = 200.0) -> None:
        """Time goes by, and the browser looks again."""
        self.clock.now_s += seconds
        async with page.expect_response(lambda answer: "/state" in answer.url):
            await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@pytest_asyncio.fixture(loop_scope="module")
async def pages(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pages]:
    door = Door(tmp_path_factory.mktemp("p") / "hub.sock")
    await door.open()
    clock, access = Clock(), Access()
    server = WebServer(HubPage(Asking(door.path, clock), access, now_s=clock).app, "127.0.0.1", 0)
    await server.start()
    yield Pages(door, clock, access, server)
    await server.stop()
    await door.close()


@pytest.fixture
def door(pages: Pages) -> Door:
    """The hub behind the page: as it is when all is well."""
    return pages.door


async def opened(
    browser: Browser,
    pages: Pages,
    size: str = "phone",
    locale: str = "en-GB",
    scheme: Literal["light", "dark"] = "light",
) -> Page:
    """The page by a link, and a failure for anything that the browser complains about or asks elsewhere."""
    context = await browser.new_context(
        viewport=SIZES[size], locale=locale, color_scheme=scheme, has_touch=size == "phone"
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on(
        "request", lambda asked: None if asked.url.startswith(pages.url) else complaints.append(asked.url)
    )
    await page.goto(pages.link)
    await expect(page.locator("#devices li").first).to_be_visible()
    assert complaints == []
    assert "key" not in page.url
    return page


async def test_a_stranger_sees_how_to_get_in_and_nothing_else(browser: Browser, pages: Pages) -> None:
    page = await (await browser.new_context(locale="zh-CN")).new_page()
    answer = await page.goto(pages.url)
    assert answer is not None
    assert answer.status == 403
    await expect(page.locator("body")).to_have_text(
        "打开此页面需要一个链接：在终端上运行 anban hub page link。"
    )


async def test_help_at_a_glance_claims_only_what_is_known(browser: Browser, door: Door, pages: Pages) -> None:
    page = await opened(browser, pages)
    glance = page.locator("#glance")
    await expect(glance.locator(".headline.good")).to_contain_text("The centre can be reached")
    way = glance.locator('[data-way="coap"]')
    await expect(way).to_contain_text("answered 4 s ago · tested 2 days ago: works")
    untried = glance.locator('[data-way="https"]')
    await expect(untried).to_have_class("untried")
    await expect(untried).to_contain_text("has not answered yet · not tested yet")
    paths = door.answers["status"]["paths"]
    paths[0] |= {"last_good_age_s": 400.0}  # nobody has said that it failed, and nobody that it works
    await pages.later(page)
    headline = glance.locator(".headline")
    await expect(headline).to_contain_text("cannot be reached now")
    await expect(headline).to_contain_text("The centre last answered 7 min ago. Keys still work")
    paths[0] |= {"good": False, "last_good_age_s": None, "reason": "path-timeout"}
    await pages.later(page)
    await expect(way).to_contain_text("does not work (no answer in time) · has not answered yet")
    await expect(headline).to_contain_text("Not known yet")
    paths[1] |= {"good": False}
    await pages.later(page)
    await expect(headline).to_contain_text("The centre has not answered yet.")
    door.answers["status"]["open_calls"] = 2
    await pages.later(page)
    await expect(glance).to_contain_text("Calls going on: 2")


async def test_devices_say_when_they_were_heard_and_do_not_say_never_lightly(
    browser: Browser, door: Door, pages: Pages
) -> None:
    door.answers["readings"].append(reading(9, meter="th-01", kind="body_temperature", at_ms=NOW_MS - DAY_MS))
    page = await opened(browser, pages)

    def row(name: str) -> Locator:
        return page.locator(f'[data-device="{name}"] .facts')

    await expect(row("pd-01")).to_contain_text("heard 4")  # 40 s, and those of this test
    await expect(row("pd-01")).to_contain_text("battery 80 %")
    await expect(row("pd-02")).to_have_text("never heard")
    await expect(row("th-01")).to_have_text(
        "not heard since the hub started its last reading: 2026-03-19 10:00"
    )
    await expect(row("smoke-01")).to_contain_text("heard 3 h ago")
    await expect(row("smoke-01").locator(".low")).to_have_text("battery 9 %")


@pytest.mark.parametrize("size", list(SIZES))
async def test_a_persons_week_is_the_drawing_of_every_page(
    browser: Browser, door: Door, pages: Pages, size: str
) -> None:
    page = await opened(browser, pages, size)
    week = page.locator(".week")
    await expect(week).to_have_count(1)
    await expect(week.locator("h3")).to_have_text("陈奶奶")
    await expect(week.locator(".pressures .band")).to_have_count(2)
    await expect(week.locator(".point.marked")).to_have_count(1)
    await expect(week.locator(".glucose circle.after")).to_have_count(1)
    await expect(week.locator(".nights .slept")).to_have_count(2)
    await expect(week.locator(".seen .stale")).to_contain_text("arrived 9 days ago")
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def test_calls_readings_and_prompts_are_told(browser: Browser, door: Door, pages: Pages) -> None:
    page = await opened(browser, pages)
    call = page.locator("#calls li")
    await expect(call).to_contain_text("SOS · 陈奶奶")
    await expect(call).to_contain_text("closed (Li)")
    await expect(call.locator(".stages").first).to_have_text(
        "heard 212 ms → stored 219 ms → sent 221 ms → at the centre 241 ms"
    )
    await expect(call.locator(".stages").nth(1)).to_have_text("taken 12.4 s → closed 21 min")
    readings = page.locator("#readings li")
    await expect(readings.nth(0)).to_contain_text("Blood pressure 138/88 mmHg")
    await expect(readings.nth(1)).to_contain_text("王爷爷 (as they answered)")
    await expect(readings.nth(1).locator(".warn")).to_have_text("high")
    prompts = page.locator("#prompts li")
    await expect(prompts).to_have_count(1)  # what comes another day is not of today
    await expect(prompts).to_contain_text("Medication · 陈奶奶today 20:00")


async def test_whose_a_reading_is_is_said_on_the_page(browser: Browser, door: Door, pages: Pages) -> None:
    door.answers["readings"].insert(0, reading(7, person="", text="152/91 mmHg"))
    door.answers["readings"].insert(0, reading(8, person="", kind="humidity", text="41 %"))
    door.answers["readings"].insert(0, reading(6, person="", judged="unusable", text=""))
    page = await opened(browser, pages)
    asked = page.locator("#todo .task.whose")
    await expect(asked).to_have_count(1)
    await expect(asked).to_contain_text("Blood pressure 152/91 mmHg: whose is it?")
    await asked.get_by_role("button", name="王爷爷").focus()
    await page.keyboard.press("Enter")
    given = {"id": "hub-01.00000007.7", "person": "e-wang"}
    assert await door.next() == ("readings.assign", given)
    theirs = page.locator("#readings li", has_text="171/82")
    await theirs.locator("summary").click()
    await theirs.get_by_role("button", name="Take it back").click()
    assert await door.next() == ("readings.undo", {"id": "hub-01.00000007.2"})
    await theirs.get_by_role("button", name="Nobody's").click()
    assert await door.next() == ("readings.assign", {"id": "hub-01.00000007.2", "person": ""})
    await expect(theirs.locator("details")).to_have_attribute("open", "")  # what was opened stays so


async def test_a_lost_bond_is_paired_again_with_the_passkey_that_is_shown(
    browser: Browser, door: Door, pages: Pages
) -> None:
    door.answers["faults"] = [{"fault": "meter", "about": "bp-01", "cause": "pair-again", "age_s": 400.0}]
    page = await opened(browser, pages)
    task = page.locator("#todo .task")
    await expect(task).to_contain_text(
        "The meter does not know the hub any more · Blood pressure meter bp-01"
    )
    await expect(page.locator('[data-device="bp-01"] .warn')).to_be_visible()
    await task.get_by_role("button", name="Pair again").click()
    assert await door.next() == ("meter_pair", {"meter": "bp-01"})
    meter = next(row for row in door.answers["devices"] if row["id"] == "bp-01")
    meter["pairing"] = "waiting"
    await pages.later(page)
    await expect(task).to_contain_text("Put the meter into pairing mode")
    meter["pairing"] = "passkey"
    await pages.later(page)
    figures = page.get_by_label("The six figures that the meter shows")
    await expect(figures).to_be_visible()
    await figures.press_sequentially("0423")
    door.answers["faults"].append({"fault": "mains", "about": "hub-01", "cause": "", "age_s": 1.0})
    await pages.later(page)
    await expect(page.locator('[data-fault="mains"]')).to_be_visible()
    await expect(figures).to_be_focused()  # news does not take the pen out of the hand
    await figures.press_sequentially("17")
    await page.keyboard.press("Enter")
    assert await door.next() == ("meter_passkey", {"meter": "bp-01", "passkey": "042317"})
    await expect(figures).to_have_value("")
    door.refuses = True
    await figures.fill("042317")
    await page.get_by_role("button", name="Give").click()
    await expect(page.locator("#toast")).to_have_text(
        "No meter waits for a passkey now: begin the pairing again"
    )
    door.refuses = False
    door.answers["faults"].clear()
    meter["pairing"] = "paired"
    await pages.later(page)
    await expect(page.locator("#todo")).to_be_hidden()
    await expect(page.locator('[data-device="bp-01"] .well')).to_have_text("Paired")


async def test_whatever_is_told_to_the_page_stays_text(browser: Browser, door: Door, pages: Pages) -> None:
    told = door.answers
    told["people"] = [{"id": "e-chen", "name": HOSTILE}, {"id": "e-wang", "name": HOSTILE}]
    told["status"]["hub"] = HOSTILE
    told["status"]["paths"][0] |= {"name": HOSTILE, "reason": HOSTILE, "good": False}
    told["faults"] = [{"fault": HOSTILE, "about": HOSTILE, "cause": HOSTILE, "age_s": 1.0}]
    told["devices"] = [device(HOSTILE, HOSTILE, room=HOSTILE, pairing="failed")]
    told["readings"] = [
        reading(1, text=HOSTILE, meter=HOSTILE, kind=HOSTILE, judged=HOSTILE, whose=HOSTILE),
        reading(2, text=HOSTILE, person=""),
    ]
    told["calls"][0] |= {"by": HOSTILE, "lifecycle": HOSTILE}
    told["calls"][0]["events"][0] |= {"kind": f"call.{HOSTILE}", "at": HOSTILE, "stages": {HOSTILE: 1}}
    told["prompts"][0] |= {"kind": HOSTILE, "last": HOSTILE}
    told["trends"]["people"][0]["seen"][0] |= {"text": HOSTILE, "kind": HOSTILE}
    page = await opened(browser, pages)
    for place in ("#glance", "#todo", "#trends", "#devices", "#readings", "#calls", "#prompts", "#hub"):
        await expect(page.locator(place)).to_contain_text(HOSTILE)
    assert await page.locator("img").count() == 1  # our own sign
    assert await page.title() == "Anban 安伴"


async def test_a_hub_that_is_gone_is_said_plainly_and_comes_back(
    browser: Browser, door: Door, pages: Pages
) -> None:
    door.answers["readings"].insert(0, reading(7, person=""))
    page = await opened(browser, pages)
    await expect(page.locator(".seen li").first).to_contain_text("measured just now")
    await door.close()
    await pages.later(page, 3600)
    headline = page.locator("#glance .headline")
    await expect(headline).to_contain_text("The hub does not answer")
    await expect(page.locator("#glance .as-of")).to_have_text("What stands below is as it was 60 min ago")
    await expect(page.locator("#todo")).to_be_hidden()  # nobody is there to take an answer
    await expect(page.locator(".seen li").first).to_contain_text("measured 60 min ago")
    await expect(page.locator('[data-device="pd-01"] .heard')).to_have_text("heard 61 min ago")
    await door.open()
    await pages.later(page)
    await expect(headline).to_contain_text("The centre can be reached")


async def test_a_page_that_gets_no_news_claims_nothing(browser: Browser, door: Door, pages: Pages) -> None:
    page = await opened(browser, pages)
    await pages.later(page, 13 * 3600)  # the session has ended
    await expect(page.locator("#lost")).to_contain_text("This page's link has ended.")
    await expect(page.locator("#glance .headline.bad")).to_contain_text("Not known how it is now")
    await page.goto(pages.link)
    await expect(page.locator("#glance .headline.good")).to_be_visible()
    await pages.server.stop()
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.locator("#lost")).to_contain_text("This page's program does not answer.")
    await expect(page.locator("#glance .headline.bad")).to_contain_text("In need, press a key, or phone 120.")


async def test_the_language_is_switched_and_kept(browser: Browser, door: Door, pages: Pages) -> None:
    page = await opened(browser, pages, locale="zh-CN")
    await expect(page.locator("#glance h2")).to_have_text("可以呼叫到平台")
    await page.get_by_role("link", name="English").click()
    await expect(page.locator("#glance h2")).to_have_text("The centre can be reached")
    await page.goto(pages.url)
    await expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_can_be_read_and_reached_by_keys(
    browser: Browser, door: Door, pages: Pages, scheme: str
) -> None:
    door.answers["faults"] = [{"fault": "meter", "about": "bp-01", "cause": "pair-again", "age_s": 400.0}]
    door.answers["readings"].insert(0, reading(7, person=""))
    door.answers["devices"][3]["pairing"] = "passkey"
    page = await opened(browser, pages, scheme=scheme)
    await expect(page.locator("#todo .task")).to_have_count(3)
    await can_be_read(page)
    wanted = await page.evaluate(
        "[...document.querySelectorAll('a, button, input, summary')].filter(n => n.checkVisibility()).length"
    )
    reached = set()
    for _ in range(wanted):
        await page.keyboard.press("Tab")
        reached.add(
            await page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)")
        )
    assert len(reached) >= wanted
    await door.close()
    await pages.later(page)
    await expect(page.locator(".headline.bad")).to_be_visible()
    await can_be_read(page)


async def can_be_read(page: Page) -> None:
    ratio, size, weight, text = await page.evaluate(CONTRAST)
    large = size >= 24 or (size >= 18.66 and weight >= 700)
    assert ratio >= (3 if large else 4.5), (ratio, text)
