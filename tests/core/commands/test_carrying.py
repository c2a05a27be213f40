from __future__ import annotations

import pytest

from core.replies import FileReply
from tests.support.commanding import ADMIN, MEMBER, MODERATOR, OTHER, attachment, open_hall


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        yield hall


def file_of(said) -> FileReply:
    (file,) = (event for event in said.events if isinstance(event, FileReply))
    return file


async def exported(hall) -> FileReply:
    for name in ("a.md", "海.md"):
        await hall.types("/kb add", MODERATOR, attachments=(attachment(name, f"About {name}."),))
    return file_of(await hall.types("/kb export", ADMIN))


async def test_a_places_documents_go_as_a_file_and_come_back_elsewhere(hall, tmp_path):
    file = await exported(hall)
    assert (file.filename[:11], file.media_type) == ("lorekeeper-", "application/zip")
    assert b"Mo" not in file.data
    async with open_hall(tmp_path / "two") as two:
        given = attachment(file.filename, file.data, media_type="application/zip")
        said = await two.types("/kb import", ADMIN, attachments=(given,))
        assert said.text.startswith("Imported: 2 new, 0 newer")
        assert sorted(await two.documents()) == ["a.md", "海.md"]
        again = await two.slash("kb import", ADMIN, file=given)
        assert "2 here already" in again.text
        (base,) = [b for b in await two.library.bases() if b.name == "discord:town"]
        assert {d.uploader_id for d in await two.library.documents(base.base_id)} == {"discord:ann"}


@pytest.mark.parametrize("author", [MEMBER, OTHER, MODERATOR])
@pytest.mark.parametrize("command", ["/kb export", "/kb import"])
async def test_both_are_for_admins(hall, author, command):
    said = await hall.types(command, author, attachments=(attachment("x.zip"),))
    assert said.failed
    assert not any(isinstance(event, FileReply) for event in said.events)


async def test_an_import_without_a_file_or_with_another_one_is_told(hall):
    assert "`/kb import`" in (await hall.types("/kb import", ADMIN)).text
    said = await hall.types("/kb import", ADMIN, attachments=(attachment("x.zip", "no zip"),))
    assert said.text.startswith("I could not read `x.zip`")
    assert await hall.documents() == []


async def test_an_empty_place_has_nothing_to_export_in_chinese_too(hall):
    said = await hall.types("/kb export", ADMIN, locale="zh-CN")
    assert said.text == "这里还没有文档。"
