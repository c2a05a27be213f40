"""What is removed rests for its time, comes back as it was, and leaves nothing when erased."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from knowledge_base import resting, store
from knowledge_base.erasing import Doomed
from knowledge_base.errors import EmbeddingUnavailableError, NameTakenError, NotRestingError
from knowledge_base.library import Library
from knowledge_base.models import AddState, RestKind, Upload
from knowledge_base.notes import MEDIA_TYPE, Note, note_bytes
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import SETTINGS, find, texts
from tests.support.plain_reader import PlainReader

MARK = "zaubernuss"
ADA = "discord:ada"
START = datetime(2026, 5, 4, 12, tzinfo=UTC)
TEXT = f"The {MARK} grows by the gate."


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "library"


@asynccontextmanager
async def opened(folder, clock, *, days=7, embedder=None):
    settings = replace(SETTINGS, removed_rest_days=days)
    reader = PlainReader()
    async with Library.open(folder, embedder or HashEmbedder(), settings, clock, reader) as library:
        yield library


async def give(library, folder, name="plant.md", text=TEXT, base="town", **facts):
    path = folder.parent / "given"
    path.write_text(text, encoding="utf-8")
    at = (await library.ensure_base(base)).base_id
    await library.add(at, Upload(name, path, "Ada", ADA, **facts))
    return at


def originals(folder):
    return [path.name for path in (folder / "originals").glob("??/*")]


def holding(folder):
    return [
        path.name
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (MARK.encode() in path.read_bytes() or MARK in path.name)
    ]


async def test_what_is_removed_is_not_found_and_comes_back_as_it_was(folder, clock):
    async with opened(folder, clock) as library:
        facts = {"expires_at": START + timedelta(days=90), "source": "https://garden.test/plant"}
        town = await give(library, folder, **facts)
        await library.remove(town, "plant.md", "act")
        assert texts(await find(library, town, MARK)) == []
        assert await library.documents(town) == ()
    async with opened(folder, clock) as library:
        (rest,) = await library.resting([town])
        assert (rest.batch, rest.removed_at) == ("act", START)
        stages = []
        added = await library.bring_back(rest, stages.append)
        assert (added.state, bool(stages)) == (AddState.ADDED, True)
        document = added.document
        assert (document.name, document.uploader, document.uploader_id) == ("plant.md", "Ada", ADA)
        assert (document.expires_at, document.source) == tuple(facts.values())
        assert texts(await find(library, town, MARK)) == [TEXT]
        assert await library.resting([town]) == ()
        assert (await library.verify(town)).problems == ()


async def test_a_note_comes_back_as_a_note(folder, clock):
    async with opened(folder, clock) as library:
        town = (await library.ensure_base("town")).base_id
        path = folder.parent / "given"
        path.write_bytes(note_bytes(Note("When?", "At nine.", "Ada", ADA, START)))
        await library.add(town, Upload("When.note", path, "Ada", ADA, MEDIA_TYPE))
        await library.remove(town, "When.note", "act")
        (rest,) = await library.resting([town])
        document = (await library.bring_back(rest)).document
        assert document.media_type == MEDIA_TYPE
        assert (await library.note(document)).answer == "At nine."


async def test_without_a_batch_or_days_it_is_gone_at_once(folder, clock):
    async with opened(folder, clock) as library:
        town = await give(library, folder)
        await library.remove(town, "plant.md")
        assert (await library.resting([town]), originals(folder)) == ((), [])
    async with opened(folder, clock, days=0) as library:
        town = await give(library, folder)
        await library.remove(town, "plant.md", "act")
        assert (await library.resting([town]), originals(folder)) == ((), [])


async def test_the_last_act_comes_first_and_bases_are_apart(folder, clock):
    async with opened(folder, clock) as library:
        town = await give(library, folder)
        field = await give(library, folder, "rose.md", base="field")
        await library.remove(town, "plant.md", "first")
        clock.now += timedelta(seconds=1)
        await library.remove(field, "rose.md", "second")
        assert [r.batch for r in await library.resting([town, field])] == ["second", "first"]
        assert [r.batch for r in await library.resting([town])] == ["first"]


async def test_its_time_ends_and_the_original_goes(folder, clock):
    async with opened(folder, clock) as library:
        town = await give(library, folder)
        await library.remove(town, "plant.md", "act")
        clock.now += timedelta(days=7)
        assert await library.end_old_rests() == ()
        (rest,) = await library.resting([town])
        clock.now += timedelta(seconds=1)
        # Before anybody has looked it cannot come back either.
        assert await library.resting([town]) == ()
        assert await library.end_old_rests() == ((town, "plant.md"),)
        assert originals(folder) == []
        with pytest.raises(NotRestingError):
            await library.bring_back(rest)


async def test_an_original_stays_while_another_document_has_it(folder, clock):
    async with opened(folder, clock) as library:
        town = await give(library, folder)
        await library.remove(town, "plant.md", "act")
        field = await give(library, folder, base="field")
        clock.now += timedelta(days=8)
        await library.end_old_rests()
        assert len(originals(folder)) == 1
        assert (await library.verify(field)).problems == ()


async def test_another_document_of_that_name_stays_as_it_is(folder, clock):
    async with opened(folder, clock) as library:
        town = await give(library, folder)
        await library.remove(town, "plant.md", "act")
        await give(library, folder, text="Another plant.")
        (rest,) = await library.resting([town])
        with pytest.raises(NameTakenError):
            await library.bring_back(rest)
        assert texts(await find(library, town, "plant")) == ["Another plant."]
        assert await library.resting([town]) == (rest,)


async def test_what_was_added_again_meanwhile_rests_no_more(folder, clock):
    async with opened(folder, clock) as library:
        town = await give(library, folder)
        await library.remove(town, "plant.md", "act")
        await give(library, folder)
        (rest,) = await library.resting([town])
        assert (await library.bring_back(rest)).state is AddState.UNCHANGED
        assert await library.resting([town]) == ()
        assert len(originals(folder)) == 1


async def test_two_who_bring_it_back_at_once_have_it_once(folder, clock):
    async with opened(folder, clock) as library:
        town = await give(library, folder)
        await library.remove(town, "plant.md", "act")
        (rest,) = await library.resting([town])
        came = await asyncio.gather(*(library.bring_back(rest) for _ in range(3)))
        assert sorted(one.state for one in came) == ["added", "unchanged", "unchanged"]
        assert texts(await find(library, town, MARK)) == [TEXT]


class Broken(HashEmbedder):
    broken = False

    async def embed_documents(self, texts):
        if self.broken:
            raise EmbeddingUnavailableError("hash")
        return await super().embed_documents(texts)


async def test_where_it_fails_it_rests_on(folder, clock):
    embedder = Broken()
    async with opened(folder, clock, embedder=embedder) as library:
        town = await give(library, folder)
        await library.remove(town, "plant.md", "act")
        (rest,) = await library.resting([town])
        embedder.broken = True
        with pytest.raises(EmbeddingUnavailableError):
            await library.bring_back(rest)
        embedder.broken = False
    async with opened(folder, clock) as library:
        (rest,) = await library.resting([town])
        await library.bring_back(rest)
        assert texts(await find(library, town, MARK)) == [TEXT]


async def test_what_is_erased_while_it_comes_back_does_not(folder, clock):
    class Erasing(HashEmbedder):
        library = None

        async def embed_documents(self, texts):
            if self.library is not None:
                await self.library.erase(Doomed(ADA, uploads=False))
            return await super().embed_documents(texts)

    embedder = Erasing()
    async with opened(folder, clock, embedder=embedder) as library:
        town = await give(library, folder)
        await library.remove(town, "plant.md", "act")
        (rest,) = await library.resting([town])
        embedder.library = library
        with pytest.raises(NotRestingError):
            await library.bring_back(rest)
        assert await library.documents(town) == ()
        assert originals(folder) == []


@pytest.mark.parametrize("uploads", [True, False])
async def test_forgetting_who_added_it_leaves_no_byte(folder, clock, uploads):
    async with opened(folder, clock) as library:
        town = await give(library, folder, f"{MARK}.md")
        await library.remove(town, f"{MARK}.md", "act")
        assert holding(folder)
        assert await library.erase(Doomed(ADA, uploads=uploads)) == ((town, f"{MARK}.md"),)
        assert await library.scrub()
        assert await library.resting([town]) == ()
        assert holding(folder) == []
    assert holding(folder) == []


async def test_emptying_a_base_empties_what_rests(folder, clock):
    async with opened(folder, clock) as library:
        town = await give(library, folder, f"{MARK}.md")
        await library.remove(town, f"{MARK}.md", "act")
        await library.empty(town)
        assert (await library.resting([town]), originals(folder)) == ((), [])


async def test_a_name_can_be_kept_from_coming_back(folder, clock):
    async with opened(folder, clock) as library:
        town = await give(library, folder)
        await library.remove(town, "plant.md", "act")
        await library.end_rest(town, "other.md")
        assert len(await library.resting([town])) == 1
        await library.end_rest(town, "plant.md")
        assert (await library.resting([town]), originals(folder)) == ((), [])


async def versions(library, folder, *texts_of, name="plant.md"):
    """One version after the other, each by an act of its own."""
    for number, text in enumerate(texts_of):
        town = await give(library, folder, name, text, batch=f"act {number}")
    return town


async def test_a_version_that_was_replaced_rests_and_takes_its_place_again(folder, clock):
    async with opened(folder, clock) as library:
        town = await versions(library, folder, TEXT, "It withered.")
        assert texts(await find(library, town, "plant")) == ["It withered."]
        (rest,) = await library.resting([town])
        assert (rest.kind, rest.batch, rest.document.version) == (RestKind.REPLACED, "act 1", 1)
        added = await library.bring_back(rest)
        assert (added.state, added.document.version) == (AddState.REPLACED, 3)
        assert texts(await find(library, town, MARK)) == [TEXT]
        # And what it took the place of is not lost either.
        (newer,) = await library.resting([town])
        assert newer.kind is RestKind.UNDONE
        await library.bring_back(newer)
        assert texts(await find(library, town, "plant")) == ["It withered."]
        assert (await library.verify(town)).problems == ()


async def test_a_replaced_version_comes_back_also_where_its_successor_was_removed(folder, clock):
    async with opened(folder, clock) as library:
        town = await versions(library, folder, TEXT, "It withered.")
        await library.remove(town, "plant.md", "act 2")
        removed, replaced = await library.resting([town])
        assert (removed.kind, replaced.kind) == (RestKind.REMOVED, RestKind.REPLACED)
        assert (await library.bring_back(replaced)).state is AddState.ADDED
        assert texts(await find(library, town, MARK)) == [TEXT]
        with pytest.raises(NameTakenError):
            await library.bring_back(removed)


async def test_without_a_batch_or_days_a_replaced_version_is_gone(folder, clock):
    async with opened(folder, clock) as library:
        town = await give(library, folder)
        await give(library, folder, text="It withered.")
        assert (await library.resting([town]), len(originals(folder))) == ((), 1)
    async with opened(folder, clock, days=0) as library:
        await give(library, folder, text="It grew again.", batch="act")
        assert (await library.resting([town]), len(originals(folder))) == ((), 1)


async def test_the_space_of_replaced_versions_comes_back_when_their_time_is_over(folder, clock):
    async with opened(folder, clock) as library:
        town = await versions(library, folder, TEXT, "It withered.", "It grew again.")
        assert len(originals(folder)) == 3
        clock.now += timedelta(days=8)
        assert await library.end_old_rests() == ((town, "plant.md"),)
        assert len(originals(folder)) == 1
        assert texts(await find(library, town, "plant")) == ["It grew again."]


async def test_of_many_versions_the_last_ones_rest(folder, clock):
    async with opened(folder, clock) as library:
        town = await versions(library, folder, *(f"Leaf {n} grew." for n in range(9)))
        await versions(library, folder, TEXT, "It withered.", name="other.md")
        rests = [r for r in await library.resting([town]) if r.document.name == "plant.md"]
        assert [rest.document.version for rest in rests] == [8, 7, 6, 5, 4]
        assert len(originals(folder)) == 6 + 2


async def test_forgetting_erases_replaced_versions_too(folder, clock):
    async with opened(folder, clock) as library:
        town = await versions(library, folder, TEXT, "It withered.")
        assert holding(folder)
        await library.erase(Doomed(ADA, uploads=True))
        assert await library.scrub()
        assert await library.resting([town]) == ()
        assert holding(folder) == []


async def test_a_name_of_which_something_still_rests_has_not_ended(folder, clock):
    async with opened(folder, clock) as library:
        town = await versions(library, folder, TEXT, "It withered.")
        clock.now += timedelta(days=5)
        await library.remove(town, "plant.md", "act 2")
        clock.now += timedelta(days=3)
        assert await library.end_old_rests() == ()
        assert [rest.kind for rest in await library.resting([town])] == [RestKind.REMOVED]


async def test_a_database_that_is_mostly_empty_gives_its_space_back(folder, clock, monkeypatch):
    monkeypatch.setattr(resting, "LEAST_EMPTY", 1 << 16)
    async with opened(folder, clock) as library:
        town = await give(library, folder)
        await give(library, folder, "long.md", " ".join(f"word{n}" for n in range(60_000)))
    full = (folder / "knowledge.db").stat().st_size
    async with opened(folder, clock) as library:
        await library.remove(town, "long.md", "act")
        clock.now += timedelta(days=8)
        await library.end_old_rests()
        assert (folder / "knowledge.db").stat().st_size < full / 2
        assert texts(await find(library, town, MARK)) == [TEXT]
        assert (await library.verify(town)).problems == ()


async def test_a_removal_leaves_no_long_log(folder, clock, monkeypatch):
    monkeypatch.setattr(store, "LOG_BYTES", 1 << 16)
    async with opened(folder, clock) as library:
        town = await give(library, folder, "long.md", " ".join(f"w{n}" for n in range(60_000)))
        await library.remove(town, "long.md")
        log = folder / "knowledge.db-wal"
        assert log.stat().st_size <= 1 << 16
