from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.events import Author, Quoted
from core.replies import Progress
from tests.support.commanding import (
    ADMIN,
    MEMBER,
    MODERATOR,
    OTHER,
    attachment,
    open_hall,
    spoken,
    whispered,
)
from tests.support.plain_reader import PICTURED

SECONDS = re.compile(r"\d+\.\d")


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        yield hall


def quoted(text: str, *, files=(), link: str | None = "https://chat.test/9/town/77") -> Quoted:
    when = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
    return Quoted("77", Author("eve", "Eve"), text, tuple(files), when, link)


async def test_a_batch_tells_each_files_outcome_and_how_far_it_has_come(hall):
    fetched: list[str] = []
    files = (
        attachment("手册.md", "One.\n\nTwo.", fetched=fetched),
        attachment("broken.md", "broken", fetched=fetched),
        attachment("big.md", size=1 << 30, fetched=fetched),
        attachment("song.mp3", media_type="audio/mpeg", fetched=fetched),
    )
    said = await hall.types("/kb add", MODERATOR, attachments=files)
    assert SECONDS.sub("0.1", said.text).splitlines() == [
        "Added `手册.md`: 2 passages, 0.1 s.",
        "I could not read `broken.md`: the file (`text/plain`) is damaged or incomplete; save it"
        " anew and send it again.",
        "`big.md` is larger than the 1 MB that are read (`knowledge.max_file_mb`); send a smaller"
        " file.",
        "I cannot read `song.mp3`: files of the type `audio/mpeg` are not supported.",
    ]
    assert fetched == ["手册.md", "broken.md"]
    assert await hall.documents() == ["手册.md"]
    stages = [event.stage for event in said.events if isinstance(event, Progress)]
    assert stages[0] == "downloading"
    assert "1/4 `手册.md`: reading" in stages
    assert "1/4 `手册.md`: embedding" in stages


async def test_a_batch_speaks_chinese(hall):
    said = await hall.types("/kb add", MODERATOR, attachments=(attachment("a.md"),), locale="zh-CN")
    assert SECONDS.sub("0.1", said.text) == "已添加 `a.md`：1 个段落，用时 0.1 秒。"


async def test_the_files_of_a_slash_command_are_learnt(hall):
    said = await hall.slash("kb add", MODERATOR, file=attachment("a.md"), file3=attachment("b.md"))
    assert not said.failed
    assert await hall.documents() == ["a.md", "b.md"]


async def test_without_a_file_or_message_it_is_told_how_it_is_used(hall):
    assert "`/kb add [URL]`" in (await hall.types("/kb add", MODERATOR)).text


async def test_a_quoted_message_is_stored_with_author_date_and_link(hall):
    said = await hall.types("/kb add", MODERATOR, quoted=quoted("The gate opens at nine."))
    assert "Added `Eve 2026-05-04 77.md`" in said.text
    found = await hall.types("/kb search gate opens")
    for part in ("Eve", "2026-05-04 12:30", "https://chat.test/9/town/77", "opens at nine"):
        assert part in found.text.replace("\\", "")


async def test_the_author_of_a_stored_message_may_remove_it_and_a_stranger_may_not(hall):
    await hall.types("/kb add", MODERATOR, quoted=quoted("The gate opens at nine."))
    name = "Eve 2026-05-04 77.md"
    told = await hall.slash("kb remove", MEMBER, name=name)
    assert told.text == "Only moderators may do that. Ask one of them."
    asked = await hall.slash("kb remove", OTHER, name=name)
    back = "Moderators can bring it back within 7 days, with `/kb undo`."
    assert asked.text == f"Remove `{name}` (2 passages)?\n{back}"
    shown = await hall.press(asked.buttons["Remove"], OTHER)
    assert shown == f"Removed `{name}` (2 passages).\n{back}"
    assert await hall.documents() == []


async def test_the_files_of_a_quoted_message_are_learnt_too(hall):
    said = await hall.types(
        "/kb add", MODERATOR, quoted=quoted("See here.", files=[attachment("a.md")])
    )
    assert not said.failed
    assert await hall.documents() == ["Eve 2026-05-04 77.md", "a.md"]


async def test_own_files_in_a_reply_do_not_bring_the_message_replied_to(hall):
    await hall.types("/kb add", MODERATOR, attachments=(attachment("a.md"),), quoted=quoted("No."))
    assert await hall.documents() == ["a.md"]


async def test_who_may_teach_is_the_channels_choice(hall):
    files = (attachment("a.md"),)
    refused = await hall.types("", MEMBER, attachments=files)
    assert "people who may upload" in refused.text
    await hall.channels.change(spoken("").conversation.channel, "teachers", "everyone")
    assert "Added `a.md`" in (await hall.types("", MEMBER, attachments=files)).text
    private = await hall.reply(whispered("", MEMBER, attachments=(attachment("b.md"),)))
    assert "Added `b.md`" in private.text
    assert await hall.documents("discord:@ada") == ["b.md"]


# Review


@pytest.fixture
async def reviewed(hall):
    await hall.channels.change(spoken("").conversation.channel, "teachers", "review")
    return hall


async def test_an_upload_waits_for_a_moderator_and_is_not_searched(reviewed):
    said = await reviewed.types(
        "/kb add", MEMBER, attachments=(attachment("a.md", "Gates [x](y)."),)
    )
    assert said.text == (
        "`Ada` wants to add, for a moderator to decide:\n- `a.md` (13 B)\n  > Gates \\[x\\](y)."
    )
    assert set(said.buttons) == {"Accept", "Reject"}
    assert await reviewed.documents() == []
    assert (await reviewed.types("/kb search gates")).text == "There are no documents here yet."


async def test_a_moderators_own_upload_does_not_wait(reviewed):
    said = await reviewed.types("/kb add", MODERATOR, attachments=(attachment("a.md"),))
    assert said.text.startswith("Added `a.md`")


async def test_only_a_moderator_decides_and_the_uploader_stays_the_uploader(reviewed):
    said = await reviewed.types("/kb add", MEMBER, attachments=(attachment("a.md"),))
    shown = await reviewed.press(said.buttons["Accept"], MEMBER, text="card")
    assert shown == "card"
    assert await reviewed.documents() == []
    shown = await reviewed.press(said.buttons["Accept"], MODERATOR)
    assert SECONDS.sub("0.1", shown) == "Added `a.md`: 1 passage, 0.1 s.\nAccepted by `Mo`."
    base = await reviewed.library.ensure_base("discord:town")
    (document,) = await reviewed.library.documents(base.base_id)
    assert (document.uploader, document.uploader_id) == ("Ada", "discord:ada")


async def test_what_is_rejected_is_gone_and_cannot_be_accepted_later(reviewed, tmp_path):
    said = await reviewed.types("/kb add", MEMBER, attachments=(attachment("a.md"),))
    assert await reviewed.press(said.buttons["Reject"], MODERATOR) == "Rejected by `Mo`: `a.md`."
    assert await reviewed.press(said.buttons["Accept"], MODERATOR, text="card") == "card"
    assert list((tmp_path / "reviews").iterdir()) == []
    assert await reviewed.documents() == []


async def test_a_verdict_from_another_channel_finds_nothing(reviewed):
    said = await reviewed.types("/kb add", MEMBER, attachments=(attachment("a.md"),))
    await reviewed.press(said.buttons["Accept"], ADMIN, channel="elsewhere")
    assert await reviewed.documents() == []
    assert await reviewed.documents("discord:elsewhere") == []


async def test_a_file_that_cannot_be_read_does_not_wait(reviewed):
    files = (attachment("song.mp3", media_type="audio/mpeg"), attachment("b.md"))
    said = await reviewed.types("/kb add", MEMBER, attachments=files)
    assert "`song.mp3`: files of the type" in said.text
    assert "- `b.md`" in said.text
    assert said.text.count("- `") == 1


async def test_what_waits_is_listed_to_moderators(reviewed):
    assert (await reviewed.types("/kb review", MODERATOR)).text == "Nothing waits for review here."
    for number in range(6):
        await reviewed.types("/kb add", MEMBER, attachments=(attachment(f"{number}.md"),))
    listed = await reviewed.types("/kb review", MODERATOR)
    assert "- `0.md`" in listed.text
    assert listed.text.endswith("… and 2 more.")
    assert len(listed.menus) == 4
    assert (await reviewed.types("/kb review", MEMBER)).failed
    zh = await reviewed.reply(replace(spoken("/kb review", MODERATOR), locale="zh-CN"))
    assert "想添加以下内容" in zh.text
    assert "接受" in zh.buttons


async def test_a_message_that_was_accepted_is_still_its_authors_to_remove(reviewed):
    said = await reviewed.types("/kb add", MEMBER, quoted=quoted("The gate opens at nine."))
    await reviewed.press(said.buttons["Accept"], MODERATOR)
    asked = await reviewed.slash("kb remove", OTHER, name="Eve 2026-05-04 77.md")
    assert "Remove" in asked.buttons


async def test_pages_that_could_not_be_read_are_named_below_the_file(hall):
    file = attachment("plan.pdf", f"Gates open at nine.\n\n{PICTURED}")
    said = await hall.types("/kb add", MODERATOR, attachments=(file,))
    assert SECONDS.sub("0.1", said.text).splitlines() == [
        "Added `plan.pdf`: 1 passage, 0.1 s.",
        "Page 2 is a picture and was not read: whoever runs me can install the extra `ocr`.",
    ]
