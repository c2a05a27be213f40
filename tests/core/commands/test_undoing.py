from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.events import (
    ChannelRef,
    ConversationRef,
    Invocation,
    MessageDeleted,
    Place,
    Platform,
    Quoted,
    Trigger,
)
from core.replies import Progress
from core.resting import Resting
from core.retelling import Retelling
from knowledge_base.library import Library
from tests.support.commanding import (
    MEMBER,
    MODERATOR,
    OTHER,
    attachment,
    open_hall,
    spoken,
    whispered,
)
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import SETTINGS
from tests.support.plain_reader import PlainReader

ALL = ["ada-1.md", "ada-2.md", "eve-1.md"]


@pytest.fixture
async def hall(tmp_path):
    async with open_hall(tmp_path) as hall:
        await hall.channels.change(spoken("").conversation.channel, "teachers", "everyone")
        for author, name in ((MEMBER, "ada-1.md"), (MEMBER, "ada-2.md"), (OTHER, "eve-1.md")):
            await hall.types("/kb add", author, attachments=(attachment(name),))
        yield hall


async def remove(hall, name, author=MODERATOR) -> str:
    asked = await hall.slash("kb remove", author, name=name)
    return await hall.press(asked.buttons["Remove"], author)


async def purge(hall, member) -> str:
    asked = await hall.types(f"/kb purge {member}", MODERATOR)
    return await hall.press(asked.buttons["Remove all"], MODERATOR)


async def test_the_last_removal_comes_back_with_progress_and_is_on_record(hall):
    await remove(hall, "eve-1.md")
    await remove(hall, "ada-1.md")
    told = await hall.types("/kb undo", MODERATOR)
    assert told.text == "Brought back `ada-1.md` (1 passage)."
    assert any(isinstance(event, Progress) for event in told.events)
    assert await hall.documents() == ["ada-1.md", "ada-2.md"]
    assert (await hall.types("/kb undo", MODERATOR)).text.startswith("Brought back `eve-1.md`")
    told = await hall.types("/kb undo", MODERATOR)
    assert told.text == "There is nothing here to bring back from the last 7 days."
    entries = await hall.resources.moderation.audit.of_channel(spoken("").conversation.channel)
    assert [(one.act.value, one.about) for one in entries if one.act.value == "undone"] == [
        ("undone", "eve-1.md"),
        ("undone", "ada-1.md"),
    ]


async def test_a_purge_comes_back_whole_and_stays_its_members(hall):
    await purge(hall, "ada")
    assert await hall.documents() == ["eve-1.md"]
    told = await hall.types("/kb undo", MODERATOR)
    assert sorted(told.text.splitlines()) == [
        "Brought back `ada-1.md` (1 passage).",
        "Brought back `ada-2.md` (1 passage).",
    ]
    assert await hall.documents() == ALL
    await purge(hall, "ada")
    assert await hall.documents() == ["eve-1.md"]


async def test_one_document_comes_back_by_its_name(hall):
    await purge(hall, "ada")
    told = await hall.types("/kb undo ada-2.md", MODERATOR)
    assert told.text == "Brought back `ada-2.md` (1 passage)."
    assert await hall.documents() == ["ada-2.md", "eve-1.md"]
    told = await hall.types("/kb undo ada-3.md", MODERATOR)
    assert told.failed
    assert "Did you mean `ada-1.md`?" in told.text


async def change(hall, name, text):
    return await hall.types("/kb add", MODERATOR, attachments=(attachment(name, text),))


async def test_a_replaced_version_comes_back_and_what_replaced_it_by_its_name(hall):
    await change(hall, "ada-1.md", "The new gate of iron.")
    told = await hall.types("/kb undo", MODERATOR)
    assert told.text == (
        "Brought back `ada-1.md` (1 passage)."
        " `/kb undo` with its name brings back the version that it replaced."
    )
    assert "iron" not in (await hall.types("/kb search iron gate")).text
    # That was the last act; the one before it is not undone by being asked for twice.
    assert (await hall.types("/kb undo", MODERATOR)).text.startswith("There is nothing here")
    assert (await hall.types("/kb undo ada-1.md", MODERATOR)).text.startswith("Brought back")
    assert "iron" in (await hall.types("/kb search iron gate")).text
    assert await hall.documents() == ALL


async def test_undone_again_and_again_it_goes_further_back(hall):
    await change(hall, "ada-1.md", "The gate of iron.")
    await change(hall, "eve-1.md", "The gate of brass.")
    await change(hall, "ada-1.md", "The gate of stone.")
    for there in ({"iron", "brass"}, {"iron"}, set()):
        assert (await hall.types("/kb undo", MODERATOR)).text.startswith("Brought back")
        found = (await hall.types("/kb search gate of iron brass stone")).text
        assert {word for word in ("iron", "brass", "stone") if word in found} == there


async def test_files_that_were_replaced_at_once_come_back_at_once(hall):
    files = tuple(attachment(name, f"New text of {name}.") for name in ALL)
    await hall.types("/kb add", MODERATOR, attachments=files)
    told = await hall.types("/kb undo", MODERATOR)
    assert told.text.count("Brought back") == 3
    assert "New text" not in (await hall.types("/kb search new text")).text


async def test_a_file_that_says_what_another_says_takes_its_older_version_out(hall):
    told = await change(hall, "eve-1.md", "Text of ada-1.md.")
    assert told.text.strip() == (
        "`ada-1.md` is here already; nothing was stored twice."
        " `eve-1.md` says the same now: its older version was taken out."
    )
    assert await hall.documents() == ["ada-1.md", "ada-2.md"]
    assert (await hall.types("/kb undo", MODERATOR)).text.startswith("Brought back `eve-1.md`")
    assert await hall.documents() == ALL


async def test_a_document_that_took_the_name_stays(hall):
    await remove(hall, "ada-1.md")
    file = attachment("ada-1.md", "Quite another text.")
    await hall.types("/kb add", MEMBER, attachments=(file,))
    told = await hall.types("/kb undo", MODERATOR)
    assert told.text.startswith("There is another document `ada-1.md` now")
    assert "Quite another text" in (await hall.types("/kb search text")).text


async def test_members_are_told_who_can_and_may_not(hall):
    told = await remove(hall, "ada-1.md", MEMBER)
    assert told.endswith("Moderators can bring it back within 7 days, with `/kb undo`.")
    refused = await hall.types("/kb undo", MEMBER)
    assert refused.text == "Only moderators may do that. Ask one of them."
    assert (await hall.types("/kb undo", MODERATOR)).text.startswith("Brought back")


async def test_another_channels_removal_is_not_undone_here(hall):
    await remove(hall, "ada-1.md")
    field = ConversationRef(ChannelRef(Platform.DISCORD, "field"))
    for line in ("/kb undo", "/kb undo ada-1.md"):
        told = await hall.types(line, MODERATOR, conversation=field, place=Place("field", "Fair"))
        assert told.failed is ("ada-1" in line)
        assert "Brought back" not in told.text
        told = await hall.reply(whispered(line, MODERATOR))
        assert "Brought back" not in told.text
    assert await hall.documents() == ALL[1:]


async def test_a_private_removal_is_undone_in_that_chat_alone(hall):
    await hall.reply(whispered("/kb add", MEMBER, attachments=(attachment("diary.md"),)))
    asked = await hall.reply(whispered("/kb remove diary.md", MEMBER))
    await hall.press(asked.buttons["Remove"], MEMBER, channel="dm-ada")
    assert "diary" not in (await hall.types("/kb undo", MODERATOR)).text
    assert "diary" not in (await hall.reply(whispered("/kb undo", OTHER))).text
    told = await hall.reply(whispered("/kb undo", MEMBER))
    assert told.text == "Brought back `diary.md` (1 passage)."


async def test_what_fewer_could_see_comes_back_there_and_is_not_named(hall):
    closed = Place(is_restricted=True)
    await hall.types("/kb add", OTHER, attachments=(attachment("secret.md"),), place=closed)
    await purge(hall, "eve")
    told = await hall.types("/kb undo", MODERATOR)
    shown = " ".join(str(event) for event in told.events)
    assert "secret" not in shown
    assert "Brought back a document that fewer people can see (1 passage)." in told.text
    assert await hall.documents("discord:restricted:town") == ["secret.md"]
    assert await hall.documents() == ALL
    await purge(hall, "eve")
    told = await hall.types("/kb undo secret.md", MODERATOR)
    assert told.failed


async def test_names_complete_for_moderators(hall):
    from core.completing import Completions

    await purge(hall, "ada")
    levels = hall.assistant.level
    own = Completions(hall.library, hall.engines, hall.access, hall.sharing, levels)
    for author, names in ((MODERATOR, {"ada-1.md", "ada-2.md"}), (MEMBER, set())):
        asked = replace(spoken("", author), command=Invocation("kb undo", {}))
        assert set(await own.complete(asked, "name", "ada")) == names


NAME = "Eve 2026-05-04 77.md"


async def teach(hall) -> None:
    when = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
    theirs = Quoted("77", OTHER, "The gate opens at nine.", (), when, "https://chat.test/77")
    await hall.types("/kb add", MODERATOR, quoted=theirs)


@pytest.mark.parametrize("removed", [True, False])
async def test_a_message_that_its_author_deletes_does_not_come_back(hall, removed):
    await teach(hall)
    if removed:
        await remove(hall, NAME)
    deleted = MessageDeleted(spoken("").conversation, "77")
    await Retelling(hall.library, hall.taught).changed(deleted)
    assert "Brought back" not in (await hall.types("/kb undo", MODERATOR)).text
    assert NAME not in await hall.documents()


async def test_a_message_that_came_back_is_followed_again(hall):
    await teach(hall)
    await remove(hall, NAME)
    await hall.types("/kb undo", MODERATOR)
    assert NAME in await hall.documents()
    deleted = MessageDeleted(spoken("", trigger=Trigger.AMBIENT).conversation, "77")
    await Retelling(hall.library, hall.taught).changed(deleted)
    assert NAME not in await hall.documents()


async def test_after_its_time_a_document_and_its_message_are_forgotten(hall, tmp_path):
    await teach(hall)
    await remove(hall, NAME)
    later = datetime.now(UTC) + timedelta(days=7, minutes=1)
    async with Library.open(
        tmp_path / "library", HashEmbedder(), SETTINGS, lambda: later, PlainReader()
    ) as library:
        pruning = Resting(library, hall.taught)
        assert [await pruning.prune(), await pruning.prune()] == [1, 0]
    assert await hall.taught.author_of("discord:town", NAME) is None
    assert (await hall.types("/kb undo", MODERATOR)).text.startswith("There is nothing here")
