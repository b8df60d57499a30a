"""The home page on a whole running home: a press on the page is a real press, and its answers are seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from sim.home.home import Home
from sim.home.page import Page, served
from sim.home.show import Show
from sim.internet import LOOPBACK
from tests.browser.conftest import SIZES

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
SEEN_MS = 15_000


async def test_a_press_on_the_page_comes_back_as_light(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory: Path = tmp_path_factory.mktemp("h")
    home = Home(directory, seed=1)
    show = Show(home)
    async with home.running():
        show.show_all()
        async with served(Page(show.feed, show.acts)) as port:
            context = await browser.new_context(viewport=SIZES["phone"], locale="en-GB")
            page = await context.new_page()
            await page.goto(f"http://{LOOPBACK}:{port}/")
            await page.locator('[data-key="pd-02/pendant"]').click(delay=120)
            green = page.locator("article.pendant.led-green", has_text="pd-02")
            await expect(green).to_be_visible(timeout=SEEN_MS)
            done = page.locator(".call .stages li.done")
            await expect(done).to_have_count(6, timeout=SEEN_MS)
            await page.locator("[data-switch=internet]").click()
            await expect(page.locator("[data-switch=internet]")).to_have_class("switch bad")
            assert home.net.weather.cut
            await context.close()
    verdict = home.verdict()
    assert verdict.ok, (verdict.lost, verdict.early)
    assert (verdict.calls, verdict.cases) == (1, 1)
