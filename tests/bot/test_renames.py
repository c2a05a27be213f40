"""Files of followed folders that only have other names now are not embedded again."""

from __future__ import annotations

import os
import shutil

import pytest

from bot.folders import FollowedFolders
from bot.renames import ABSENT_SECONDS
from core.language import words
from knowledge_base.models import Scope
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import add_text, find, open_library


class Counting(HashEmbedder):
    """Counts the texts that it embeds."""

    def __init__(self):
        super().__init__()
        self.texts = []

    async def embed_documents(self, texts):
        self.texts += texts
        return await super().embed_documents(texts)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "notes"
    place.mkdir()
    for name in ("a", "b", "c"):
        (place / f"{name}.txt").write_text(f"The bakery {name} opens at seven.")
    return place


class Followed:
    """A library whose base follows the folder, looked through when it is told to."""

    def __init__(self, library, folder, embedder, settle_seconds=0.0):
        self.now = 0.0
        self.library = library
        self.embedder = embedder
        self._folders = FollowedFolders(
            library, {"notes": folder}, words("en"),
            settle_seconds=settle_seconds, clock=lambda: self.now,
        )  # fmt: skip

    async def look(self):
        """Documents by name, and how many texts were embedded for that."""
        self.embedder.texts.clear()
        await self._folders.look_through()
        return await self.held(), len(self.embedder.texts)

    async def held(self):
        self.base = (await self.library.ensure_base("notes")).base_id
        return {d.name: d.document_id for d in await self.library.documents(self.base)}


@pytest.fixture
async def followed(tmp_path, folder):
    embedder = Counting()
    async with open_library(tmp_path / "data", embedder) as library:
        one = Followed(library, folder, embedder)
        await one.look()
        yield one


async def test_a_renamed_file_keeps_its_document_its_passages_and_its_citations(followed, folder):
    before = await followed.held()
    found = await find(followed.library, followed.base, "When does the bakery a open?", limit=1)
    (folder / "sub").mkdir()
    (folder / "a.txt").rename(folder / "sub" / "灯塔.txt")
    now, embedded = await followed.look()
    assert now == {
        "b.txt": before["b.txt"],
        "c.txt": before["c.txt"],
        "sub/灯塔.txt": before["a.txt"],
    }
    assert embedded == 0
    scope = Scope(frozenset({followed.base}))
    cited = await followed.library.passage(scope, found.passages[0].chunk.chunk_id)
    assert cited.document.name == "sub/灯塔.txt"
    assert await followed.look() == (now, 0)


async def test_a_file_renamed_while_nobody_looked_is_the_same_document(tmp_path, folder):
    embedder = Counting()
    async with open_library(tmp_path / "data", embedder) as library:
        before, _ = await Followed(library, folder, embedder).look()
    (folder / "a.txt").rename(folder / "z.txt")
    async with open_library(tmp_path / "data", embedder) as library:
        now, embedded = await Followed(library, folder, embedder).look()
    assert (now["z.txt"], embedded) == (before["a.txt"], 0)
    assert "a.txt" not in now


async def test_files_that_took_each_others_names_and_a_row_of_them(followed, folder):
    before = await followed.held()
    for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
        (folder / f"{old}.txt").rename(folder / f"{new}.txt")
    now, embedded = await followed.look()
    assert (now["a.txt"], now["b.txt"], embedded) == (before["b.txt"], before["a.txt"], 0)
    for old, new in (("c", "d"), ("b", "c"), ("a", "b")):
        (folder / f"{old}.txt").rename(folder / f"{new}.txt")
    now, embedded = await followed.look()
    assert now == {
        "d.txt": before["c.txt"], "c.txt": before["a.txt"], "b.txt": before["b.txt"]
    }  # fmt: skip
    assert embedded == 0


async def test_a_file_that_took_the_place_of_another_takes_its_document_with_it(followed, folder):
    before = await followed.held()
    (folder / "a.txt").replace(folder / "b.txt")
    now, embedded = await followed.look()
    assert now == {"b.txt": before["a.txt"], "c.txt": before["c.txt"]}
    assert embedded == 0
    found = await find(followed.library, followed.base, "bakery", limit=10)
    assert {p.chunk.text for p in found.passages} == {
        "The bakery a opens at seven.", "The bakery c opens at seven.",
    }  # fmt: skip


async def test_a_file_that_was_renamed_and_changed_is_another_one(followed, folder):
    before = await followed.held()
    (folder / "a.txt").rename(folder / "d.txt")
    (folder / "d.txt").write_text("The bakery d is closed.")
    (folder / "b.txt").rename(folder / "e.txt")
    (folder / "b.txt").write_text("Another b.")
    now, embedded = await followed.look()
    assert set(now) == {"b.txt", "c.txt", "d.txt", "e.txt"}
    assert now["e.txt"] == before["b.txt"]
    assert now["d.txt"] not in before.values()
    assert embedded == 2


async def test_of_two_copies_one_is_the_document(followed, folder):
    before = await followed.held()
    shutil.copy(folder / "a.txt", folder / "y.txt")
    (folder / "a.txt").rename(folder / "x.txt")
    now, embedded = await followed.look()
    assert now == {"b.txt": before["b.txt"], "c.txt": before["c.txt"], "x.txt": before["a.txt"]}
    assert embedded == 0
    (folder / "x.txt").unlink()
    now, embedded = await followed.look()
    assert (now["y.txt"], embedded) == (before["a.txt"], 0)


async def test_what_somebody_added_keeps_its_name(followed, folder, tmp_path):
    before = await followed.held()
    await add_text(followed.library, followed.base, tmp_path, "own.txt", "Added by hand.")
    (folder / "a.txt").rename(folder / "own.txt")
    now, _embedded = await followed.look()
    assert now["own.txt"] != before["a.txt"]
    now, _embedded = await followed.look()
    assert len(now) == 3


async def test_a_file_that_is_renamed_by_copying_is_waited_for_but_not_for_ever(tmp_path, folder):
    embedder = Counting()
    async with open_library(tmp_path / "data", embedder) as library:
        one = Followed(library, folder, embedder, settle_seconds=2.0)
        one.now = (folder / "a.txt").stat().st_mtime + 100
        before, _ = await one.look()
        text = (folder / "a.txt").read_text()
        (folder / "a.txt").unlink()
        (folder / "copy.txt").write_text(text)
        os.utime(folder / "copy.txt", (one.now, one.now))
        assert await one.look() == (before, 0)
        one.now += 3
        now, embedded = await one.look()
        assert (now["copy.txt"], embedded) == (before["a.txt"], 0)
        (folder / "b.txt").unlink()
        other = "x" * len(text)
        for _ in range(2):
            (folder / "busy.txt").write_text(other)
            os.utime(folder / "busy.txt", (one.now, one.now))
            now, _ = await one.look()
            assert "b.txt" in now
            one.now += ABSENT_SECONDS / 2
        os.utime(folder / "busy.txt", (one.now, one.now))
        now, _ = await one.look()
        assert set(now) == {"c.txt", "copy.txt"}


async def test_a_thousand_files_moved_at_once_are_a_thousand_documents_still(followed, folder):
    (folder / "many").mkdir()
    for number in range(1000):
        (folder / "many" / f"{number:04}.txt").write_text(f"This is number {number}.")
    before, _ = await followed.look()
    (folder / "many").rename(folder / "moved")
    now, embedded = await followed.look()
    assert embedded == 0
    assert now == {name.replace("many/", "moved/"): own for name, own in before.items()}
