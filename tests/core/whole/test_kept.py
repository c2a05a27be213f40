"""Summaries are kept for a version of a document, and go with it."""

from __future__ import annotations

import pytest

from core.events import ChannelRef, MemberRef, Platform
from core.forgetting import Forgetting
from core.reviews import Reviews
from core.whole.kept import KeptSummaries, Maker
from tests.support.messages import group
from tests.support.reading_room import Scholar, open_room

MAKER = Maker("en", "scripted", "p1")


@pytest.fixture
async def room(tmp_path):
    async with open_room(tmp_path) as room:
        room.kept = KeptSummaries(room.database, room.library, clock=lambda: 5.0)
        yield room


async def rows(room) -> int:
    async with room.database.reader() as connection:
        found = await connection.execute_fetchall("SELECT count(*) FROM document_summaries")
    return next(iter(found))[0]


async def test_it_is_found_again_by_all_that_it_follows_from(room):
    document = await room.book("garden.md", 2)
    assert await room.kept.keep(document, MAKER, "Gates [1].", (), 2)
    kept = await room.kept.of(document, MAKER)
    assert (kept.text, kept.covered, kept.made_at) == ("Gates [1].", 2, 5.0)
    for other in (
        Maker("zh", "scripted", "p1"),
        Maker("en", "other", "p1"),
        Maker("en", "scripted", "p2"),
    ):
        assert await room.kept.of(document, other) is None


async def test_a_new_version_has_none_and_the_old_ones_go(room):
    old = await room.book("garden.md", 2)
    await room.kept.keep(old, MAKER, "Gates [1].", (), 2)
    new = await room.book("garden.md", 3)
    assert await room.kept.of(new, MAKER) is None
    assert not await room.kept.keep(old, MAKER, "Gates [1].", (), 2)
    await room.kept.keep(new, MAKER, "More gates [1].", (), 3)
    assert await rows(room) == 1


async def test_it_goes_with_its_document(room):
    document = await room.book("garden.md", 2)
    lake = await room.put("shared", "lake.md", "Boats cost 12 crowns.")
    await room.kept.keep(document, MAKER, "Gates [1].", (), 2)
    await room.kept.keep(lake, MAKER, "Boats [1].", (), 1)
    await room.library.remove(document.base_id, "garden.md")
    assert await room.kept.prune() == 1
    assert await rows(room) == 1
    assert await room.kept.of(lake, MAKER) is not None


@pytest.mark.parametrize("uploads", [True, False])
async def test_whoever_is_forgotten_takes_summaries_of_their_documents_along(room, uploads):
    member = MemberRef(Platform.DISCORD, "ada")
    theirs = await room.put("discord:town", "hers.md", "Hers.", uploader_id="discord:ada")
    private = await room.put("discord:@ada", "diary.md", "Dear diary.")
    others = await room.put("discord:town", "others.md", "Others'.", uploader_id="discord:eve")
    for document in (theirs, private, others):
        await room.kept.keep(document, MAKER, document.name, (), 1)
    forgetting = Forgetting(
        room.database, room.library, room.places.channels, Reviews(room.database, room.folder)
    )
    await forgetting.forget(member, uploads=uploads)
    assert (await room.kept.of(theirs, MAKER) is None) is uploads
    assert await room.kept.of(private, MAKER) is None
    assert await room.kept.of(others, MAKER) is not None


async def test_it_is_not_given_where_a_passage_that_it_names_is_gone(room):
    document = await room.book("garden.md", 2)
    engine = Scholar()
    await room.ask(group("summarise garden.md"), engine)
    async with room.database.transaction() as connection:
        await connection.execute("UPDATE document_summaries SET chunks = '[12345]'")
    await room.ask(group("summarise garden.md", "2"), engine)
    assert engine.asked == 2
    assert document.passages == 2


async def test_the_channel_of_a_document_does_not_matter_to_the_summary(room):
    await room.book("garden.md", 2)
    assert await rows(room) == 0
    await room.ask(group("summarise garden.md"), Scholar())
    assert await rows(room) == 1
    assert ChannelRef(Platform.DISCORD, "town") == group("").conversation.channel
