"""The owner checks what is asked here, and has its indexes made anew."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.settings import Disclosure
from tests.support.commanding import ADMIN, MODERATOR, OWNER, Hall, attachment, open_hall


@pytest.fixture
async def hall(tmp_path) -> AsyncIterator[Hall]:
    async with open_hall(tmp_path) as hall:
        yield hall


async def teach(hall: Hall) -> None:
    given = (attachment("hours.md", "The pool opens at nine."),)
    said = await hall.types("/kb add", MODERATOR, attachments=given)
    assert "Added" in said.text


@pytest.mark.parametrize("command", ["kb verify", "kb rebuild"])
async def test_what_is_sound_is_said_so_in_both_languages(hall, command):
    await teach(hall)
    assert (await hall.slash(command, OWNER)).text == (
        "This channel's documents: 1 document, 1 passage, 1 vector.\nNothing is wrong."
    )
    assert (await hall.types(f"/{command}", OWNER, locale="zh-CN")).text == (
        "本频道的文档：1 个文档，1 个段落，1 个向量。\n一切正常。"
    )


async def test_what_is_damaged_is_named_and_told_how_it_is_mended(hall):
    await teach(hall)
    (original,) = [p for p in (hall.folder / "library" / "originals").rglob("*") if p.is_file()]
    original.write_bytes(b"other")
    for command in ("kb verify", "kb rebuild"):
        said = await hall.slash(command, OWNER)
        told = "the original of `hours.md` is missing or damaged: add the same file again"
        assert f"\n- {told}\n" in said.text
        assert "`/kb rebuild` makes the indexes anew" in said.text
    chinese = (await hall.types("/kb verify", OWNER, locale="zh-CN")).text
    assert "`hours.md` 的原件丢失或损坏：请重新添加同一个文件" in chinese
    assert "有问题" in chinese


async def test_after_a_rebuilding_everything_is_found_as_before(hall):
    await teach(hall)
    before = (await hall.slash("kb search", query="When does the pool open?")).text
    await hall.library.snapshot()
    assert "Nothing is wrong." in (await hall.slash("kb rebuild", OWNER)).text
    after = (await hall.slash("kb search", query="When does the pool open?")).text
    assert (after, "nine" in after) == (before, True)


@pytest.mark.parametrize("command", ["kb verify", "kb rebuild"])
async def test_both_are_for_the_owner_and_an_empty_place_has_nothing(hall, command):
    assert (await hall.slash(command, ADMIN)).failed
    assert (await hall.slash(command, OWNER)).text == "There are no documents here yet."


async def test_another_channels_documents_are_checked_here_but_rebuilt_there(hall):
    await teach(hall)
    await hall.library.ensure_base("pumps")
    assert not (await hall.slash("kb attach", OWNER, channel="pumps")).failed
    assert "`pumps`: 0 documents" in (await hall.slash("kb verify", OWNER)).text
    assert "pumps" not in (await hall.slash("kb rebuild", OWNER)).text


async def test_nothing_is_rebuilt_by_an_embedder_that_is_too_far(tmp_path):
    far = Disclosure(embedder_host="vectors.example.com", embedder_place="outside")
    async with open_hall(tmp_path, disclosure=far) as hall:
        said = await hall.slash("kb rebuild", OWNER)
    assert said.failed
    assert "vectors.example.com" in said.text
