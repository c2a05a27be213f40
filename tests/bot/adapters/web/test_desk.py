"""What the Knowledge page does, over a real library and the chats' own commands."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.adapters.web import knowledge_view
from bot.adapters.web.desk import Desk
from bot.adapters.web.jobs import Jobs
from bot.adapters.web.knowledge_view import Listed
from bot.adapters.web.shelves import Shelves
from bot.adapters.web.visitors import OPERATOR, Asker, Visitor
from core.access import SHARED
from core.errors import BadBaseNameError
from core.events import ChannelRef, Platform
from core.language import words
from core.reviews import HeldFile
from knowledge_base.errors import NoSuchBaseError, NoSuchDocumentError
from knowledge_base.models import ENTRY_TYPE, DocumentState, Scope, Unready
from tests.support.commanding import ADMIN, Hall, attachment, open_hall
from tests.support.libraries import add_text

ANN = Asker(Visitor("ann", "operator"), "en")
VIEWER = Visitor("vic", "viewer")
CONSOLE = ChannelRef(Platform.WEB, "console")


class Pipeline:
    """The assistant as pages reach it."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall

    def stream(self, message):
        return self._hall.assistant.reply(message)


@dataclass
class Room:
    """A desk, and what it works on."""

    desk: Desk
    hall: Hall
    folder: Path

    async def names(self, base: str) -> list[str]:
        return [own.name for own in await self.desk.documents(OPERATOR, base)]

    async def titles(self, visitor: Visitor = OPERATOR, language: str = "en") -> list[str]:
        found = await self.desk.shelves.all(visitor)
        return [shelf.title(words(language)) for shelf in found]

    def sent(self, name: str, text: str) -> dict[str, object]:
        """As a page sends a file."""
        folder = self.desk.uploads / name.replace("/", "_")
        folder.mkdir(parents=True)
        path = folder / "sent"
        path.write_text(text, encoding="utf-8")
        return {str(path): name}

    async def settled(self, base: str) -> None:
        for _ in range(2000):
            if all(job.is_over for job in self.desk.jobs.of(base)):
                return
            await asyncio.sleep(0.01)
        raise TimeoutError


@pytest.fixture
async def room(tmp_path):
    async def folders():
        return ()

    async with open_hall(tmp_path) as hall:
        jobs = Jobs(Pipeline(hall), tmp_path / "uploads" / "jobs")
        shelves = Shelves(hall.library, hall.sightings)
        async with jobs.working():
            yield Room(
                Desk(hall.resources, shelves, jobs, tmp_path / "uploads", folders), hall, tmp_path
            )


async def test_bases_have_the_names_that_people_know(room):
    await room.hall.types("hello", ADMIN)
    await room.hall.slash("kb add", ADMIN, file=attachment("a.md"))
    for name in ("handbook", "discord:server:9", "telegram:@456", "discord:restricted:town"):
        await room.hall.library.ensure_base(name)
    assert await room.titles() == [
        "For everybody (shared)",
        "handbook",
        "Fair / town · Discord",
        "Fair / town · Discord · fewer can see it",
        "Fair · Discord · all of the server",
        "A member's own: 456 · Telegram",
    ]
    assert (await room.titles(language="zh"))[0] == "所有人可用（shared）"


async def test_what_somebody_taught_in_private_is_not_for_viewers(room):
    base = await room.hall.library.ensure_base("telegram:@456")
    await add_text(room.hall.library, base.base_id, room.folder, "diary.md", "Dear diary.")
    assert all("456" not in title for title in await room.titles(VIEWER))
    for look in (
        room.desk.documents(VIEWER, "telegram:@456"),
        room.desk.statistics(VIEWER, "telegram:@456"),
        room.desk.passages(VIEWER, "telegram:@456", "diary.md", 0, 5),
        room.desk.reviews(VIEWER, "telegram:@456"),
        room.desk.resting(VIEWER, "telegram:@456"),
        room.desk.followed(VIEWER, "telegram:@456"),
    ):
        with pytest.raises(NoSuchBaseError):
            await look
    assert await room.names("telegram:@456") == ["diary.md"]


async def test_files_are_added_replaced_and_read(room):
    await room.desk.take(ANN, SHARED, room.sent("walk.md", "The walk starts at noon."))
    await room.settled(SHARED)
    await room.desk.take(ANN, SHARED, room.sent("walk.md ", "The walk starts at one."))
    await room.settled(SHARED)
    document, chunks = await room.desk.passages(OPERATOR, SHARED, "walk.md", 0, 5)
    assert (document.version, document.uploader) == (2, "ann")
    assert [chunk.text for chunk in chunks] == ["The walk starts at one."]


async def test_a_path_that_no_page_has_sent_is_not_read(room):
    secret = room.folder / "secret.txt"
    secret.write_text("The password is swordfish.")
    assert await room.desk.take(ANN, SHARED, {str(secret): "a.txt", "/etc/passwd": "b.txt"}) == 0
    assert secret.exists()
    assert room.desk.jobs.of(SHARED) == ()


async def test_an_entry_that_is_typed_is_a_document_under_its_title(room):
    name = await room.desk.write(ANN, SHARED, " Where is the / key? ", "Under the mat.")
    await room.settled(SHARED)
    assert await room.names(SHARED) == [name]
    (base,) = [own for own in await room.hall.library.bases() if own.name == SHARED]
    found = await room.hall.library.search(Scope(frozenset({base.base_id})), "key mat")
    assert "Under the mat." in found.passages[0].chunk.text


async def test_what_is_removed_in_one_act_comes_back_by_name_and_is_noted(room):
    base = await room.hall.library.ensure_base(SHARED)
    for n in range(3):
        await add_text(room.hall.library, base.base_id, room.folder, f"{n}.md", f"Number {n}.")
    assert await room.desk.remove(ANN, SHARED, ["0.md", "2.md", "nothing.md"]) == ["0.md", "2.md"]
    assert await room.names(SHARED) == ["1.md"]
    rests = await room.desk.resting(OPERATOR, SHARED)
    assert len({rest.batch for rest in rests}) == 1
    said = await room.desk.bring_back(ANN, SHARED, "2.md")
    assert "Brought back" in said.text
    assert await room.names(SHARED) == ["1.md", "2.md"]
    acts = await room.hall.resources.moderation.audit.of_channel(CONSOLE)
    assert [(entry.act.value, entry.author) for entry in acts] == [
        ("undone", "ann"),
        ("removed", "ann"),
    ]


async def test_a_base_is_made_renamed_and_deleted_for_good(room):
    assert not (await room.desk.create(ANN, "handbook")).failed
    base = await room.hall.library.base("handbook")
    await add_text(room.hall.library, base.base_id, room.folder, "a.md", "All of it.")
    await room.desk.rename(ANN, "handbook", "manual")
    assert await room.names("manual") == ["a.md"]
    assert await room.desk.delete(ANN, "manual") == 1
    assert await room.titles() == ["For everybody (shared)"]
    with pytest.raises(NoSuchBaseError):
        await room.desk.documents(OPERATOR, "manual")
    again = await room.hall.library.ensure_base("manual")
    assert again.base_id != base.base_id


async def test_a_base_with_a_name_that_cannot_be_is_not_made(room):
    said = await room.desk.create(ANN, "discord:123")
    assert said.failed
    assert await room.titles() == ["For everybody (shared)"]


@pytest.mark.parametrize("name", [SHARED, "discord:town"])
async def test_a_base_that_follows_its_place_is_not_deleted(room, name):
    await room.hall.library.ensure_base(name)
    with pytest.raises(BadBaseNameError):
        await room.desk.delete(ANN, name)


async def test_an_upload_that_waits_is_accepted(room):
    await room.hall.library.ensure_base("discord:town")
    path = room.folder / "held.md"
    path.write_text("The gate closes at nine.")
    held = HeldFile("held.md", 24, "The gate", path)
    await room.hall.reviews.hold("discord:town", "Ada", "discord:ada", [held])
    (review,) = await room.desk.reviews(OPERATOR, "discord:town")
    said = await room.desk.decide(ANN, "discord:town", review.token, "accept")
    assert "Accepted by `ann`" in said.text
    assert await room.names("discord:town") == ["held.md"]
    assert await room.desk.reviews(OPERATOR, "discord:town") == ()


async def test_a_review_of_one_base_is_not_decided_in_another(room):
    for name in ("discord:town", "handbook"):
        await room.hall.library.ensure_base(name)
    path = room.folder / "held.md"
    path.write_text("The gate closes at nine.")
    held = HeldFile("held.md", 24, "The gate", path)
    review = await room.hall.reviews.hold("discord:town", "Ada", "discord:ada", [held])
    said = await room.desk.decide(ANN, "handbook", review.token, "accept")
    assert said.failed
    assert len(await room.desk.reviews(OPERATOR, "discord:town")) == 1


async def test_a_base_is_exported_and_imported_into_another(room):
    base = await room.hall.library.ensure_base(SHARED)
    await add_text(room.hall.library, base.base_id, room.folder, "a.md", "All of it.")
    path, bundled = await room.desk.export(ANN, SHARED, room.folder, uploaders=True)
    assert bundled.documents == 1
    await room.desk.create(ANN, "other")
    sent = room.desk.uploads / "sent"
    sent.mkdir(parents=True)
    moved = path.rename(sent / path.name)
    assert await room.desk.take(ANN, "other", {str(moved): path.name}, "kb import") == 1
    await room.settled("other")


async def test_a_base_of_another_model_is_told_and_embedded_anew(room):
    base = await room.hall.library.ensure_base(SHARED)
    await add_text(room.hall.library, base.base_id, room.folder, "a.md", "All of it.")
    assert not await room.desk.waits_for_vectors(OPERATOR, SHARED)
    room.hall.library._at.embedder._salt = "other"
    assert await room.desk.waits_for_vectors(OPERATOR, SHARED)
    await room.desk.rebuild(ANN, SHARED)
    await room.settled(SHARED)
    assert not await room.desk.waits_for_vectors(OPERATOR, SHARED)


async def test_a_document_says_how_it_stands(room):
    base = await room.hall.library.ensure_base(SHARED)
    for name in ("bare.md", "whole.md"):
        await add_text(room.hall.library, base.base_id, room.folder, name, f"All of {name}.")
    found = await room.desk.documents(OPERATOR, SHARED)
    assert await room.desk.unready(OPERATOR, SHARED) == Unready((), frozenset())
    pending = replace(found[0], name="new.md", state=DocumentState.PENDING)
    failed = replace(found[0], name="old.md", state=DocumentState.FAILED)
    older = replace(found[0], state=DocumentState.FAILED)
    unready = Unready((pending, failed, older), frozenset({found[0].document_id}))
    shown = knowledge_view.documents(found, unready, Listed(), words("en"))
    assert shown.count("has no vectors yet") == 1
    assert shown.count(">ready<") == 1
    assert shown.count("is being added") == 1
    assert shown.count("was broken off") == 1
    expired = replace(found[1], expires_at=found[1].added_at)
    shown = knowledge_view.documents([expired], Unready((), frozenset()), Listed(), words("en"))
    assert "not found any more" in shown


async def test_a_document_that_is_not_there_is_told(room):
    with pytest.raises(NoSuchDocumentError):
        await room.desk.passages(OPERATOR, SHARED, "nothing.md", 0, 5)


async def test_a_base_is_checked_and_its_indexes_are_made_anew(room):
    assert "Nothing is wrong." in (await room.desk.verify(ANN, SHARED)).text
    await room.desk.rebuild(ANN, SHARED)
    await room.settled(SHARED)
    (job,) = room.desk.jobs.of(SHARED)
    assert job.state == "done"
    assert "Nothing is wrong." in job.outcome


async def test_an_entry_is_split_or_kept_whole_as_was_chosen(room):
    text = "First this.\n\nThen that."
    await room.desk.write(ANN, SHARED, "Steps", text, whole=True)
    await room.settled(SHARED)
    document, _chunks = await room.desk.passages(OPERATOR, SHARED, "Steps.md", 0, 5)
    assert document.media_type == ENTRY_TYPE
    await room.desk.write(ANN, SHARED, "Steps", text)
    await room.settled(SHARED)
    document, _chunks = await room.desk.passages(OPERATOR, SHARED, "Steps.md", 0, 5)
    assert (document.media_type == ENTRY_TYPE, document.version) == (False, 2)


async def test_an_entry_that_was_kept_whole_is_so_again_when_it_comes_back(room):
    await room.desk.write(ANN, SHARED, "Steps", "First this.", whole=True)
    await room.settled(SHARED)
    await room.desk.remove(ANN, SHARED, ["Steps.md"])
    await room.desk.bring_back(ANN, SHARED, "Steps.md")
    document, _chunks = await room.desk.passages(OPERATOR, SHARED, "Steps.md", 0, 5)
    assert document.media_type == ENTRY_TYPE
