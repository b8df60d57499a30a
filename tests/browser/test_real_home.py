"""The pages on a whole running home: a press is a real press, a passkey reaches a meter, answers are seen."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from sim.home.home import Home
from sim.home.hub_page import HubPage
from sim.home.meters import HOME_ZONE
from sim.home.page import Page as HomePage
from sim.home.page import served
from sim.home.setup import MeterSetup, Setup
from sim.home.show import Show
from sim.internet import LOOPBACK
from tests.browser.conftest import SIZES

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


METER = MeterSetup("bp-01", users={"1": "e-chen", "2": "e-wang"}, manners={"bond": "042317"})


@contextlib.asynccontextmanager
async def opened(browser: Browser, url: str) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport=SIZES["phone"], locale="en-GB")
    page = await context.new_page()
    await page.goto(url)
    yield page
    await context.close()


async def test_what_is_done_on_the_pages_is_done_in_the_home(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory: Path = tmp_path_factory.mktemp("h")
    home = Home(directory, seed=1, setup=Setup(meters=(METER,)))
    show = Show(home)
    hub_page = HubPage(home.hub.directory, home.logs)
    async with home.running():
        show.show_all()
        await hub_page.start()
        async with opened(browser, await hub_page.link()) as page:
            await a_passkey_is_typed_and_the_reading_claimed(page, home)
        await hub_page.stop()
        async with (
            served(HomePage(show.feed, show.acts)) as port,
            opened(browser, f"http://{LOOPBACK}:{port}/") as page,
        ):
            await a_press_comes_back_as_light(page, home)
    verdict = home.verdict()
    assert verdict.ok, (verdict.lost, verdict.early)
    assert (verdict.calls, verdict.cases) == (1, 1)
    assert "042317" not in "".join(path.read_text() for path in home.logs.iterdir())


async def a_press_comes_back_as_light(page: Page, home: Home) -> None:
    await page.locator('[data-key="pd-02/pendant"]').click(delay=120)
    green = page.locator("article.pendant.led-green", has_text="pd-02")
    await expect(green).to_be_visible()
    done = page.locator(".call .stages li.done")
    await expect(done).to_have_count(6)
    await page.locator("[data-switch=internet]").click()
    await expect(page.locator("[data-switch=internet]")).to_have_class("switch bad")
    assert home.net.weather.cut


async def a_passkey_is_typed_and_the_reading_claimed(page: Page, home: Home) -> None:
    """On the hub's own page: from the meter's display to the week of a person."""
    device = page.locator('[data-device="bp-01"]')
    await expect(device).to_contain_text("not heard since the hub started")
    now = datetime.datetime.now(HOME_ZONE).replace(tzinfo=None)
    home.meters["bp-01"].pressure(now, 138, 88, 60)
    await home.meters["bp-01"].send()
    await page.get_by_role("button", name="Pair again").click()
    await home.meters["bp-01"].send()
    await page.get_by_label("The six figures that the meter shows").fill("042317")
    await page.keyboard.press("Enter")
    question = page.locator("#todo .whose")
    asked = "Blood pressure 138/88 mmHg, pulse 60: whose is it?"
    await expect(question).to_contain_text(asked)
    await expect(device.locator(".well")).to_have_text("Paired")
    await question.get_by_role("button", name="王爷爷").click()
    week = page.locator('.week[data-person="e-wang"]')
    await expect(week.locator(".seen li")).to_contain_text("138/88 mmHg")
