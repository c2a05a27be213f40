from __future__ import annotations

import pytest

from core.language import words
from core.layout import Draft, link_target
from core.replies import CitedPassage, Sources
from knowledge_base.models import PAGE_TYPE, Scope
from knowledge_base.settings import PageSettings
from knowledge_base.web import WebPages, everywhere
from tests.support.commanding import MEMBER, MODERATOR, attachment, open_hall, spoken
from tests.support.web_pages import serving


@pytest.fixture
async def site():
    async with serving() as (server, pages):
        yield server, pages


@pytest.fixture
async def hall(tmp_path, site):
    fetch = WebPages(PageSettings(page_ports=(site[0].port,)), 1, permits=everywhere)
    async with open_hall(tmp_path, pages=fetch) as hall:
        yield hall


async def held(hall):
    base = await hall.library.base("discord:town")
    return await hall.library.documents(base.base_id)


async def test_a_page_is_learnt_by_its_address_and_again_as_a_new_version(hall, site):
    server, pages = site
    address = f"http://127.0.0.1:{server.port}/lighthouse"
    said = await hall.types(f"/kb add {address}", MODERATOR)
    name = f"127.0.0.1:{server.port}/lighthouse"
    assert f"Added `{name}`" in said.text
    pages.text = pages.text.replace("Ptolemy", "Sostratus")
    again = await hall.slash("kb add", MODERATOR, url=f"<{address}#top>")
    assert "replaced by version 2" in again.text
    (document,) = await held(hall)
    assert (document.name, document.version) == (name, 2)
    assert (document.source, document.media_type) == (address, PAGE_TYPE)


async def test_a_page_and_a_file_come_in_one_batch(hall, site):
    address = f"http://127.0.0.1:{site[0].port}/notes.txt"
    said = await hall.slash("kb add", MODERATOR, file=attachment("a.md"), url=address)
    assert not said.failed
    assert sorted(d.name for d in await held(hall)) == [
        f"127.0.0.1:{site[0].port}/notes.txt", "a.md"
    ]  # fmt: skip


@pytest.mark.parametrize("tail", ["/nowhere", "/endless"])
async def test_a_page_that_does_not_come_is_told_and_leaves_nothing(hall, site, tail):
    said = await hall.types(f"/kb add http://127.0.0.1:{site[0].port}{tail}", MODERATOR)
    assert ("404" in said.text) if tail == "/nowhere" else ("knowledge.max_file_mb" in said.text)
    assert await hall.documents() == []


async def test_words_that_are_no_address_are_told_so_in_chinese(hall):
    said = await hall.types("/kb add the handbook", MODERATOR, locale="zh-CN")
    assert said.text.startswith("`the handbook` 不是网页地址")


async def test_an_address_inside_is_refused_by_default(tmp_path):
    async with open_hall(tmp_path / "strict") as strict:
        said = await strict.types("/kb add http://169.254.169.254/latest/", MODERATOR)
    assert "leads into a private network" in said.text


async def test_a_page_that_waits_for_review_keeps_its_address(hall, site):
    channel = spoken("").conversation.channel
    await hall.channels.change(channel, "teachers", "review")
    address = f"http://127.0.0.1:{site[0].port}/lighthouse"
    asked = await hall.types(f"/kb add {address}", MEMBER)
    if "Accept" not in asked.buttons:
        pytest.fail(asked.text)
    assert await hall.documents() == []
    await hall.press(asked.buttons["Accept"], MODERATOR)
    (document,) = await held(hall)
    assert (document.source, document.media_type) == (address, PAGE_TYPE)


async def test_citations_of_a_page_lead_to_it(hall, site):
    address = f"http://127.0.0.1:{site[0].port}/lighthouse"
    await hall.types(f"/kb add {address}", MODERATOR)
    (document,) = await held(hall)
    found = await hall.library.search(Scope(frozenset({document.base_id})), "Ptolemy", limit=1)
    (passage,) = found.passages
    for markdown in (True, False):
        draft = Draft(words("en"), markdown=markdown)
        draft.take(Sources((CitedPassage(1, passage, cited=True),)))
        assert (f"](<{address}>)" if markdown else address) in draft.final()
    shown = await hall.types("/kb search Ptolemy")
    assert f"<{address}>" in shown.text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("javascript:alert(1)", ""),
        ("https://a.example/x)y>z", "https://a.example/x%29y%3Ez"),
        ("https://a.example/<@1> `b`", "https://a.example/%3C%401%3E%20%60b%60"),
        ("https://例子.example/灯塔?q=灯&b=[1]", "https://xn--fsqu00a.example/%E7%81%AF%E5%A1%94?q=%E7%81%AF&b=%5B1%5D"),
        ("https://a@b.example/", ""),
        ("https://[a", ""),
        ("https://a]/b", ""),
        ("https://a？b.example/", ""),
        ("https://a.example/%E7%81%AF", "https://a.example/%E7%81%AF"),
    ],
)  # fmt: skip
def test_nothing_in_an_address_is_markup(address, shown):
    assert link_target(address) == shown
