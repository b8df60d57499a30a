"""The seat's page in a real browser: a call reaches the eye, a hand reaches the call, a name stays a name."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from protocols.values import Event, EventId, Lane
from sim.platform.folding import Action
from sim.platform.registry import provision
from sim.platform.service import Platform, running
from tests.browser.conftest import SIZES

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

HOSTILE = '<img src=x onerror="document.title=666"><script>document.title=666</script>'
CALL = EventId("pd-01", 7, 1)


def event(number: int, kind: str = "call.sos", **fields: Any) -> Event:
    lane = Lane.FAULT if kind.startswith("fault") else Lane.SOS
    values: dict[str, Any] = {
        "id": EventId("pd-01", 7, number),
        "call_id": None if kind.startswith("fault") else CALL,
        "kind": kind,
        "lane": lane,
        "device": "pd-01",
        "elder": "e-chen",
        "room": "bedroom",
        "durable": True,
        "stages": {"heard": 212, "stored": 219},
    }
    return Event(**(values | fields))


@dataclass
class Desk:
    """A platform with one home, and what its pages complained of."""

    platform: Platform
    directory: Path
    complaints: list[str] = field(default_factory=list)

    async def comes(self, *events: Event) -> None:
        await self.platform.store.receive(events, "hub-01")

    async def page(self, browser: Browser, size: str = "desk", locale: str = "en-GB", url: str = "") -> Page:
        context = await browser.new_context(viewport=SIZES[size], locale=locale)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        await page.goto(url or self.platform.seat_url)
        return page


@pytest_asyncio.fixture(loop_scope="module")
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    elder = {"id": "e-chen", "name": f"Chen {HOSTILE}", "address": f"Lane 108 {HOSTILE}", "phone": "+86 138"}
    provision(tmp_path, "hub-01", [elder], [{"id": "pd-01", "name": HOSTILE, "kind": "pendant"}])
    async with running(tmp_path) as platform:
        yield Desk(platform, tmp_path)


async def test_a_call_appears_is_taken_and_ends_by_two_presses(browser: Browser, desk: Desk) -> None:
    page = await desk.page(browser)
    await expect(page.locator("#calm")).to_be_visible()
    await page.fill("#name", "Li")
    await desk.comes(event(1))
    card = page.locator("article.call")
    await expect(card).to_have_class(re.compile("waiting"))
    await expect(card.locator(".kind")).to_have_text("SOS")
    await expect(page).to_have_title(re.compile(r"^\(1\)"))
    await card.get_by_role("button", name="I take it").click()
    await expect(card).to_have_class(re.compile("handled"))
    await expect(card).to_contain_text("taken by Li")
    close = card.locator("button[data-action=close]")
    await close.click()
    await expect(close).to_have_text("Press again to confirm")
    assert desk.platform.store.cases(0)[0].lifecycle == "open"
    await close.click()
    await expect(page.locator("#calm")).to_be_visible()
    await expect(page.locator("#past")).to_be_visible()
    assert desk.complaints == []


async def test_a_press_after_taken_flashes_as_new(browser: Browser, desk: Desk) -> None:
    await desk.comes(event(1))
    await desk.platform.store.act(CALL, Action.TAKE, "Li")
    page = await desk.page(browser)
    card = page.locator("article.call")
    await expect(card).to_have_class(re.compile("handled"))
    await desk.comes(event(2))
    await expect(card).to_have_class(re.compile("waiting.*fresh"))
    await expect(card).to_contain_text("pressed again ×1")
    await card.get_by_role("button", name="Seen, I take it").click()
    await expect(card).to_have_class(re.compile("handled"))


async def test_what_another_seat_did_meanwhile_is_said_in_the_pages_language(
    browser: Browser, desk: Desk
) -> None:
    await desk.comes(event(1))
    page = await desk.page(browser, locale="zh-CN")
    await expect(page.locator("article.call")).to_be_visible()
    await page.route("**/seat/calls/**", lambda route: answer_late(route, desk))
    await page.click("[data-action=take]")
    await expect(page.locator("#toast")).to_have_text("没有成功：Wang 已经接了")


async def answer_late(route: Route, desk: Desk) -> None:
    await desk.platform.store.act(CALL, Action.TAKE, "Wang")
    await route.continue_()


async def test_hostile_names_are_shown_and_do_nothing(browser: Browser, desk: Desk) -> None:
    await desk.comes(event(1), event(2, "fault.raised", data={"fault": "mains", "detail": HOSTILE}))
    page = await desk.page(browser)
    await expect(page.locator(".elder")).to_have_text(f"Chen {HOSTILE}")
    await page.locator("details.fault summary").click()
    await expect(page.locator("details.fault li")).to_contain_text(HOSTILE)
    assert await page.locator("main img:not([src='icon.svg']), main script").count() == 0
    assert "666" not in await page.title()
    assert desk.complaints == []


async def test_the_token_leaves_the_address_and_a_wrong_one_is_asked_for(
    browser: Browser, desk: Desk
) -> None:
    page = await desk.page(browser)
    await expect(page.locator("#link")).to_have_class(re.compile("live"))
    assert "#" not in page.url
    await page.reload()
    await expect(page.locator("#link")).to_have_class(re.compile("live"))
    stranger = await desk.page(browser, url=page.url)
    await expect(stranger.locator("#gate")).to_be_visible()
    await stranger.fill("#token", "wrong")
    await stranger.keyboard.press("Enter")
    await expect(stranger.locator("#wrong")).to_be_visible()
    await stranger.fill("#token", (desk.directory / "seat-token").read_text())
    await stranger.keyboard.press("Enter")
    await expect(stranger.locator("#link")).to_have_class(re.compile("live"))


async def test_both_languages_and_a_choice_that_stays(browser: Browser, desk: Desk) -> None:
    await desk.comes(event(1))
    page = await desk.page(browser, locale="zh-CN")
    await expect(page.locator(".kind")).to_have_text("紧急求助")
    await page.click("#language")
    await expect(page.locator(".kind")).to_have_text("SOS")
    await page.reload()
    await expect(page.locator(".kind")).to_have_text("SOS")


@pytest.mark.parametrize("size", ["desk", "phone"])
async def test_nothing_stands_out_of_the_page_and_fingers_find_the_buttons(
    browser: Browser, desk: Desk, size: str
) -> None:
    await desk.comes(event(1), event(2, "call.updated", data={"change": "cancel_asked"}))
    page = await desk.page(browser, size)
    await page.locator("article details summary").click()
    await expect(page.locator(".press").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for button in await page.locator("article button").all():
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= SIZES[size]["width"]


async def test_a_page_that_lost_the_platform_says_so_and_comes_back(browser: Browser, tmp_path: Path) -> None:
    provision(tmp_path, "hub-01", [{"id": "e-chen", "name": "Chen"}], [{"id": "pd-01"}])
    async with running(tmp_path) as platform:
        port = platform.info["seat_port"]
        page = await Desk(platform, tmp_path).page(browser)
        await expect(page.locator("#link")).to_have_class(re.compile("live"))
    await expect(page.locator("#link")).to_have_class(re.compile("lost"))
    await expect(page.locator("#stale")).to_contain_text("not reached")
    await expect(page.locator("#calm")).to_be_hidden()  # nobody knows whether anybody waits
    assert await page.locator(".fine").count() == 0
    async with running(tmp_path, seat_port=port) as platform:
        await platform.store.receive([event(1)], "hub-01")
        await expect(page.locator("#link")).to_have_class(re.compile("live"))
        await expect(page.locator("#stale")).to_be_hidden()
        await expect(page.locator("article.call")).to_have_count(1)


async def test_a_reading_appears_with_whose_it_is(desk: Desk, browser: Browser) -> None:
    page = await desk.page(browser)
    await expect(page.locator("#measured")).to_be_hidden()
    data = {"value": 138.0, "second": 88.0, "unit": "mmhg"}
    fields: dict[str, Any] = {"call_id": None, "lane": Lane.READING, "room": HOSTILE[:0]}
    await desk.comes(event(900, "reading.blood_pressure", data=data, **fields))
    row = page.locator("#readings li").first
    await expect(row).to_contain_text("138/88 mmHg")
    await expect(row).to_contain_text("Blood pressure")
    await expect(row).to_contain_text("time of measuring unknown")
    await desk.comes(event(901, "reading.blood_pressure", data=data, **{**fields, "elder": ""}))
    await expect(page.locator("#readings li").first).to_contain_text("nobody's")


async def test_what_the_family_was_told_and_what_it_answers_stands_with_the_call(
    browser: Browser, desk: Desk
) -> None:
    page = await desk.page(browser)
    await page.fill("#name", "Li")
    await desk.comes(event(1))
    data = {"call": str(CALL), "contact": "daughter"}
    bare = {"call_id": None, "lane": Lane.FAULT, "elder": "e-chen"}
    told = event(2, "contact.texted", data=data | {"what": "untaken", "outcome": "handed"}, **bare)
    reply = event(3, "contact.replied", data=data | {"words": f"on my way {HOSTILE}"}, **bare)
    await desk.comes(told, reply)
    card = page.locator("article.call")
    await expect(card.locator(".chip", has_text="on my way")).to_contain_text("<img src=x")
    await card.locator("summary").click()
    await expect(card.locator(".note")).to_have_count(2)
    await expect(card.locator(".note").last).to_contain_text("Text · daughter · nobody has taken it · sent")
    assert desk.complaints == []


async def test_how_sure_the_home_is_of_a_fall_stands_beside_it(browser: Browser, desk: Desk) -> None:
    page = await desk.page(browser)
    await page.fill("#name", "Li")
    await desk.comes(event(1, "call.fall"))
    data = {"change": "fall_unsure", "confidence": 41, "signs": f"in_bed constructor {HOSTILE}"}
    await desk.comes(event(2, "call.updated", data=data))
    card = page.locator("article.call")
    chip = card.locator(".chip", has_text="may not be a fall")
    await expect(chip).to_contain_text("may not be a fall · 41 % · in bed · constructor · <img")
    await card.locator("summary").click()
    await expect(card.locator(".press .what").filter(has_text="41 % · in bed")).to_have_count(1)
    assert desk.complaints == []
