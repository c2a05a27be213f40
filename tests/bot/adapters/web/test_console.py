"""The page in a real browser, over an inbox that plays a script."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import sys
from contextlib import asynccontextmanager

import pytest

from bot.adapters.web import prepare
from bot.adapters.web.server import serving
from bot.settings import WebSettings
from core.database import Database
from core.replies import CitedPassage, Failed, Finished, Progress, Sources, TextDelta, TextReplaced
from tests.support.passages import passage
from tests.support.scripted_inbox import ScriptedInbox

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.skipif(
        importlib.util.find_spec("playwright") is None, reason="playwright is not installed"
    ),
    # Gradio's own threads and sockets are collected when they are, not when a test ends.
    pytest.mark.filterwarnings("default::ResourceWarning"),
    pytest.mark.filterwarnings("default::DeprecationWarning"),
]


@asynccontextmanager
async def opened(inbox: ScriptedInbox, tmp_path, shelved=None, **settings):
    from playwright.async_api import async_playwright

    if "gradio" not in sys.modules:
        prepare(tmp_path / "uploads")
    from bot.adapters.web.console import Console
    from tests.support.console import scripted_parts, shelves

    async with (
        Database.open(tmp_path / "lorekeeper.db") as database,
        serving(
            WebSettings(port=0, **settings),
            Console(scripted_parts(inbox, database, shelved or shelves)),
        ) as address,
        async_playwright() as driver,
    ):
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await (await browser.new_context(locale="en-US")).new_page()
        await page.goto(address)
        if shelved is None:
            await page.wait_for_selector("text=samples")
        yield page
        await browser.close()


async def ask(page, text: str) -> None:
    await page.fill("#question textarea", text)
    await page.press("#question textarea", "Enter")


async def test_the_mended_text_and_the_sources_are_what_stays(tmp_path):
    found = Sources((CitedPassage(1, passage(text="It is seven."), True),))
    inbox = ScriptedInbox(
        [
            Progress("embedding", 1, 2),
            TextDelta("Seven [9]"),
            TextReplaced("It is seven. [1]"),
            found,
            Finished("stop"),
        ]
    )
    async with opened(inbox, tmp_path) as page:
        await ask(page, "How <b>many</b>?")
        await page.wait_for_selector("#sources mark")
        assert await page.inner_text("#chat .user.message") == "How <b>many</b>?"
        assert await page.inner_text("#chat .bot.message") == "It is seven. [1]"
        assert await page.inner_text("#status") == ""
    assert inbox.messages[0].bases == ("shared", "samples")


async def test_who_asks_before_the_page_offers_bases_is_answered_from_the_usual_ones(tmp_path):
    from tests.support.console import shelves

    answered, opening = asyncio.Event(), []

    async def slowly(visitor):
        opening.append(visitor)
        if len(opening) == 1:
            await answered.wait()
        return await shelves(visitor)

    inbox = ScriptedInbox([TextDelta("It is seven.")], hold=True)
    async with opened(inbox, tmp_path, slowly) as page:
        await ask(page, "How many?")
        await page.wait_for_selector("text=It is seven.")
        answered.set()
        await page.wait_for_selector("text=samples")
        assert await page.inner_text("#chat .user.message") == "How many?"
        await page.click("#stop")
        await page.wait_for_selector("text=[stopped]")
    assert inbox.messages[0].bases == ("shared", "samples")


async def test_a_failure_is_told_and_the_next_question_can_be_asked(tmp_path):
    async with opened(ScriptedInbox([Failed("The model is away.")]), tmp_path) as page:
        await ask(page, "Hello?")
        await page.wait_for_selector("#chat .failed")
        assert await page.inner_text("#chat .failed") == "The model is away."
        await page.wait_for_selector("#send", state="visible")


async def test_stop_ends_the_answer(tmp_path):
    inbox = ScriptedInbox([TextDelta("It goes on")], hold=True)
    async with opened(inbox, tmp_path) as page:
        await ask(page, "Tell me all.")
        await page.wait_for_selector("text=It goes on")
        await page.click("#stop")
        await page.wait_for_selector("text=[stopped]")
        await page.wait_for_selector("#send", state="visible")
    assert inbox.stopped == 1


async def test_closing_the_page_ends_the_answer(tmp_path):
    inbox = ScriptedInbox([TextDelta("It goes on")], hold=True)
    async with opened(inbox, tmp_path) as page:
        await ask(page, "Tell me all.")
        await page.wait_for_selector("text=It goes on")
        other = await page.context.new_page()
        await page.close()
        while not inbox.stopped:
            await other.wait_for_timeout(50)
