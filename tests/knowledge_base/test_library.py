"""The front: what adding, replacing, removing and searching promise."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from knowledge_base import finding, retrieval
from knowledge_base.embedders.base import Vectors
from knowledge_base.errors import (
    EmbedderMismatchError,
    EmbeddingUnavailableError,
    EmptyDocumentError,
    InaccessibleFileError,
    LimitExceededError,
    NoRegularFileError,
    NoSuchBaseError,
    NoSuchDocumentError,
    UnreadableDocumentError,
)
from knowledge_base.library import Library
from knowledge_base.models import AddState, BaseId, IngestProgress, Legs, Scope, Stage, Upload
from knowledge_base.problems import Kept, LostOriginal, Miscounted, TornDocument, WithoutVectors
from knowledge_base.settings import KnowledgeSettings, ReaderLimits
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import SETTINGS, add_text, find, open_library, texts
from tests.support.plain_reader import PlainReader

LIGHTHOUSE = "The lighthouse of Skarn was lit in 1887.\n\nIts keeper was Ada Holm."
BAKERY = "The bakery opens at seven.\n\nRye bread is baked on Fridays."


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with open_library(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
async def base(library: Library) -> BaseId:
    return (await library.ensure_base("shared")).base_id


async def names(library: Library, base: BaseId) -> list[str]:
    return [document.name for document in await library.documents(base)]


def originals(folder: Path) -> list[Path]:
    return [path for path in (folder / "data" / "originals").rglob("*") if path.is_file()]


async def test_what_is_added_is_found(library: Library, base: BaseId, tmp_path: Path) -> None:
    added = await add_text(library, base, tmp_path, "tower.txt", LIGHTHOUSE)
    await add_text(library, base, tmp_path, "bread.txt", BAKERY)
    assert (added.state, added.document.passages) == (AddState.ADDED, 2)
    result = await find(library, base, "when was the lighthouse lit")
    assert texts(result)[0] == "The lighthouse of Skarn was lit in 1887."
    assert result.passages[0].document == added.document
    assert not result.lexical_only
    for legs in (Legs.DENSE, Legs.LEXICAL):
        alone = await library.search(Scope(frozenset({base})), "rye bread fridays", legs=legs)
        assert texts(alone)[0] == "Rye bread is baked on Fridays."


async def test_the_same_bytes_are_not_stored_twice(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    first = await add_text(library, base, tmp_path, "a.txt", BAKERY)
    again = await add_text(library, base, tmp_path, "a.txt", BAKERY)
    renamed = await add_text(library, base, tmp_path, "b.txt", BAKERY)
    assert again.state is renamed.state is AddState.UNCHANGED
    assert again.document == renamed.document == first.document
    assert len(originals(tmp_path)) == 1


async def test_a_file_that_says_what_another_says_leaves_nothing_of_its_older_version(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    first = await add_text(library, base, tmp_path, "a.txt", BAKERY)
    old = await add_text(library, base, tmp_path, "b.txt", LIGHTHOUSE)
    await find(library, base, "lighthouse")
    same = await add_text(library, base, tmp_path, "b.txt", BAKERY)
    assert (same.state, same.document, same.gone) == (
        AddState.UNCHANGED, first.document, old.document
    )  # fmt: skip
    assert await names(library, base) == ["a.txt"]
    assert texts(await find(library, base, "lighthouse keeper Skarn")) == BAKERY.split("\n\n")
    assert len(originals(tmp_path)) == 1
    # The next time it is a file of its own again.
    await library.remove(base, "a.txt")
    again = await add_text(library, base, tmp_path, "b.txt", BAKERY)
    assert (again.state, again.gone) == (AddState.ADDED, None)
    assert (await library.verify(base)).problems == ()


async def test_an_older_version_that_went_so_rests_where_somebody_added_the_file(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    await add_text(library, base, tmp_path, "a.txt", BAKERY)
    await add_text(library, base, tmp_path, "b.txt", LIGHTHOUSE)
    await library.add(base, Upload("b.txt", tmp_path / "given-a.txt", batch="act"))
    (rest,) = await library.resting([base])
    assert (rest.document.name, rest.batch) == ("b.txt", "act")
    await library.bring_back(rest)
    assert await names(library, base) == ["a.txt", "b.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX's")
async def test_a_pipe_is_refused_before_anybody_waits_for_it(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with asyncio.timeout(30):
        with pytest.raises(NoRegularFileError):
            await library.add(base, Upload("pipe", pipe))
        with pytest.raises(NoRegularFileError):
            async with library.bundle(Upload("pipe", pipe)):
                pass


async def test_a_new_version_replaces_the_old_one(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    await add_text(library, base, tmp_path, "a.txt", BAKERY)
    await find(library, base, "bread")
    added = await add_text(library, base, tmp_path, "a.txt", "The bakery opens at nine.")
    assert (added.state, added.document.version) == (AddState.REPLACED, 2)
    assert texts(await find(library, base, "bakery opens bread")) == ["The bakery opens at nine."]
    assert len(originals(tmp_path)) == 1


async def test_the_old_version_is_found_until_the_new_one_is_whole(tmp_path: Path) -> None:
    reader = PlainReader()
    async with open_library(tmp_path / "data", reader=reader) as library:
        base = (await library.ensure_base("shared")).base_id
        await add_text(library, base, tmp_path, "a.txt", "The bakery opens at seven.")
        reader.gate.clear()
        adding = asyncio.create_task(
            add_text(library, base, tmp_path, "a.txt", "The bakery opens at nine.")
        )
        await reader.begun(2)
        assert texts(await find(library, base, "bakery")) == ["The bakery opens at seven."]
        reader.gate.set()
        await adding
        assert texts(await find(library, base, "bakery")) == ["The bakery opens at nine."]


async def test_what_is_removed_is_not_found_and_can_come_again(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    await add_text(library, base, tmp_path, "a.txt", BAKERY)
    await add_text(library, base, tmp_path, "b.txt", LIGHTHOUSE)
    await find(library, base, "bread")
    removed = await library.remove(base, "a.txt")
    assert removed.name == "a.txt"
    assert await names(library, base) == ["b.txt"]
    assert all(text in LIGHTHOUSE for text in texts(await find(library, base, "bread")))
    assert len(originals(tmp_path)) == 1
    with pytest.raises(NoSuchDocumentError) as raised:
        await library.remove(base, "c.txt")
    assert raised.value.near == ("b.txt",)
    assert (await add_text(library, base, tmp_path, "a.txt", BAKERY)).state is AddState.ADDED
    assert "Rye bread is baked on Fridays." in texts(await find(library, base, "rye bread"))


async def test_an_original_stays_while_another_base_has_it(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    other = (await library.ensure_base("other")).base_id
    await add_text(library, base, tmp_path, "a.txt", BAKERY)
    await add_text(library, other, tmp_path, "b.txt", BAKERY)
    await library.remove(base, "a.txt")
    assert (await library.verify(other)).problems == ()
    await library.remove(other, "b.txt")
    assert originals(tmp_path) == []


async def test_a_search_stays_within_its_scope(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    other = (await library.ensure_base("other")).base_id
    await add_text(library, base, tmp_path, "a.txt", BAKERY)
    await add_text(library, other, tmp_path, "b.txt", LIGHTHOUSE)
    within = Scope(frozenset({other}))
    found = await library.search(within, "rye bread bakery lighthouse")
    assert {passage.document.name for passage in found.passages} == {"b.txt"}
    both = await library.search(Scope(frozenset({base, other})), "bakery lighthouse", limit=10)
    assert {passage.document.name for passage in both.passages} == {"a.txt", "b.txt"}
    nothing = await library.search(Scope(frozenset()), "bakery")
    assert (nothing.passages, nothing.refused) == ((), True)


async def test_a_passage_shown_later_is_checked_again(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    other = (await library.ensure_base("other")).base_id
    await add_text(library, base, tmp_path, "a.txt", BAKERY)
    chunk = (await find(library, base, "rye bread")).passages[0].chunk
    here, elsewhere = Scope(frozenset({base})), Scope(frozenset({other}))
    shown = await library.passage(here, chunk.chunk_id)
    assert shown is not None
    assert shown.chunk == chunk
    assert await library.passage(elsewhere, chunk.chunk_id) is None
    await library.remove(base, "a.txt")
    assert await library.passage(here, chunk.chunk_id) is None


@pytest.mark.parametrize(
    ("text", "error"), [("broken", UnreadableDocumentError), ("\n\n", EmptyDocumentError)]
)
async def test_a_file_that_is_rejected_leaves_the_base_as_it_was(
    library: Library, base: BaseId, tmp_path: Path, text: str, error: type[Exception]
) -> None:
    await add_text(library, base, tmp_path, "a.txt", BAKERY)
    for _ in range(2):
        with pytest.raises(error):
            await add_text(library, base, tmp_path, "a.txt", text)
    assert await names(library, base) == ["a.txt"]
    assert (await library.verify(base)).problems == ()
    assert len(originals(tmp_path)) == 1


async def test_a_file_that_is_not_there_or_too_large_is_rejected(tmp_path: Path) -> None:
    settings = KnowledgeSettings(limits=ReaderLimits(max_file_mb=1))
    async with open_library(tmp_path / "data", settings=settings) as library:
        base = (await library.ensure_base("shared")).base_id
        with pytest.raises(InaccessibleFileError):
            await library.add(base, Upload("none.txt", tmp_path / "none.txt"))
        with pytest.raises(LimitExceededError) as raised:
            await add_text(library, base, tmp_path, "big.txt", "x" * (1 << 20) + "x")
        assert raised.value.key == "knowledge.max_file_mb"
        assert originals(tmp_path) == []


async def test_progress_is_told_in_order(library: Library, base: BaseId, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("\n\n".join(f"paragraph {n}" for n in range(150)))
    told: list[IngestProgress] = []
    await library.add(base, Upload("long.txt", path), told.append)
    assert [p.stage for p in told] == sorted(
        (p.stage for p in told), key=[Stage.READING, Stage.EMBEDDING, Stage.STORING].index
    )
    embedding = [p.done for p in told if p.stage is Stage.EMBEDDING]
    assert embedding == sorted(embedding)
    assert (embedding[:2], embedding[-1]) == ([0, 64], 150)


async def test_an_addition_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    reader = PlainReader()
    async with open_library(tmp_path / "data", reader=reader) as library:
        base = (await library.ensure_base("shared")).base_id
        reader.gate.clear()
        adding = asyncio.create_task(add_text(library, base, tmp_path, "a.txt", BAKERY))
        await reader.begun(1)
        adding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await adding
        assert originals(tmp_path) == []
        reader.gate.set()
        again = await add_text(library, base, tmp_path, "a.txt", BAKERY)
        assert again.state is AddState.ADDED


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89])
async def test_cancelled_at_any_moment_it_is_there_whole_or_not_at_all(
    library: Library, base: BaseId, tmp_path: Path, turns: int
) -> None:
    adding = asyncio.create_task(add_text(library, base, tmp_path, "a.txt", BAKERY))
    for _ in range(turns):
        await asyncio.sleep(0.0005)
    adding.cancel()
    await asyncio.wait({adding})
    there = await names(library, base)
    if not adding.cancelled():
        assert there == ["a.txt"]
    assert len(texts(await find(library, base, "bakery bread"))) == 2 * len(there)
    assert (await library.verify(base)).problems == ()
    assert len(originals(tmp_path)) == len(there)
    again = await add_text(library, base, tmp_path, "a.txt", BAKERY)
    assert again.state is (AddState.UNCHANGED if there else AddState.ADDED)


async def test_of_many_who_add_the_same_bytes_one_does(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    outcomes = await asyncio.gather(
        *(add_text(library, base, tmp_path, f"{n}.txt", BAKERY) for n in range(12))
    )
    states = [added.state for added in outcomes]
    assert states.count(AddState.ADDED) == 1
    assert states.count(AddState.UNCHANGED) == 11
    assert len({added.document for added in outcomes}) == 1


async def test_when_the_first_of_two_fails_the_second_takes_over(tmp_path: Path) -> None:
    reader = PlainReader()
    async with open_library(tmp_path / "data", reader=reader) as library:
        base = (await library.ensure_base("shared")).base_id
        reader.gate.clear()
        first = asyncio.create_task(add_text(library, base, tmp_path, "a.txt", BAKERY))
        await reader.begun(1)
        second = asyncio.create_task(add_text(library, base, tmp_path, "b.txt", BAKERY))
        await asyncio.sleep(0.1)
        assert reader.parsed == ["a.txt"]
        first.cancel()
        await asyncio.wait({first})
        reader.gate.set()
        added = await second
        assert (added.state, added.document.name) == (AddState.ADDED, "b.txt")


async def test_without_an_embedder_words_alone_serve(tmp_path: Path) -> None:
    reader = PlainReader()
    async with Library.open(tmp_path / "data", None, SETTINGS, reader=reader) as library:
        base = (await library.ensure_base("shared")).base_id
        await add_text(library, base, tmp_path, "a.txt", BAKERY)
        result = await find(library, base, "rye bread")
        assert texts(result)[0] == "Rye bread is baked on Fridays."
        assert result.lexical_only
        assert (await library.verify(base)).problems == ()
        assert (await library.statistics(base)).index == "none"
    async with open_library(tmp_path / "data") as library:
        await add_text(library, base, tmp_path, "b.txt", LIGHTHOUSE)
        assert isinstance((await library.verify(base)).problems[0], WithoutVectors)
        mended = await library.rebuild(base)
        assert (mended.problems, mended.vectors) == ((), 4)
        found = await library.search(Scope(frozenset({base})), "rye bread", legs=Legs.DENSE)
        assert texts(found)[0] == "Rye bread is baked on Fridays."


async def test_rebuilding_asks_no_embedder_where_no_vector_is_missing(tmp_path: Path) -> None:
    async with open_library(tmp_path / "data") as library:
        base = (await library.ensure_base("shared")).base_id
        await add_text(library, base, tmp_path, "a.txt", BAKERY)
    same = HashEmbedder()
    async with open_library(tmp_path / "data", same) as library:
        assert (await library.rebuild(base)).problems == ()
        assert same.embedded == 0


async def test_another_embedder_is_told_apart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_library(tmp_path / "data") as library:
        base = (await library.ensure_base("shared")).base_id
        await add_text(library, base, tmp_path, "a.txt", BAKERY)
    other = HashEmbedder(dimension=32)
    async with open_library(tmp_path / "data", other) as library:
        with caplog.at_level(logging.WARNING):
            result = await find(library, base, "rye bread")
        assert result.lexical_only
        assert texts(result)[0] == "Rye bread is baked on Fridays."
        assert "another model" in caplog.text
        with pytest.raises(EmbedderMismatchError):
            await add_text(library, base, tmp_path, "b.txt", LIGHTHOUSE)
        assert other.embedded == 0
        await library.remove(base, "a.txt")
        added = await add_text(library, base, tmp_path, "b.txt", LIGHTHOUSE)
        assert added.state is AddState.ADDED
        assert not (await find(library, base, "keeper")).lexical_only
    async with Library.open(tmp_path / "data", None, SETTINGS, reader=PlainReader()) as library:
        with pytest.raises(EmbeddingUnavailableError):
            await add_text(library, base, tmp_path, "c.txt", "more")


class FailingEmbedder(HashEmbedder):
    """Fails while told to."""

    failing = False

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if self.failing:
            raise EmbeddingUnavailableError(self.name)
        return await super().embed_documents(texts)

    async def embed_query(self, text: str) -> Vectors:
        if self.failing:
            raise EmbeddingUnavailableError(self.name)
        return await super().embed_query(text)


async def test_an_embedder_that_does_not_answer_stops_adding_but_not_finding(
    tmp_path: Path,
) -> None:
    embedder = FailingEmbedder()
    async with open_library(tmp_path / "data", embedder) as library:
        base = (await library.ensure_base("shared")).base_id
        await add_text(library, base, tmp_path, "a.txt", BAKERY)
        embedder.failing = True
        with pytest.raises(EmbeddingUnavailableError):
            await add_text(library, base, tmp_path, "b.txt", LIGHTHOUSE)
        result = await find(library, base, "rye bread")
        assert result.lexical_only
        assert texts(result)[0] == "Rye bread is baked on Fridays."
        with pytest.raises(EmbeddingUnavailableError):
            await library.search(Scope(frozenset({base})), "rye", legs=Legs.DENSE)
        assert await library.quote("rye bread", result.passages)
        embedder.failing = False
        assert not (await find(library, base, "rye bread")).lexical_only


async def test_what_another_library_writes_is_found_at_the_next_search(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    await add_text(library, base, tmp_path, "a.txt", BAKERY)
    await find(library, base, "bread")
    async with open_library(tmp_path / "data") as other:
        await add_text(other, base, tmp_path, "b.txt", LIGHTHOUSE)
        assert "Its keeper was Ada Holm." in texts(await find(library, base, "keeper Ada Holm"))
        await add_text(other, base, tmp_path, "a.txt", "The bakery is closed.")
        assert "The bakery is closed." in texts(await find(library, base, "bakery"))
        assert not set(texts(await find(library, base, "rye bread"))) & set(BAKERY.split("\n\n"))
        await other.remove(base, "b.txt")
        assert texts(await find(library, base, "keeper")) == ["The bakery is closed."]
        await add_text(library, base, tmp_path, "c.txt", LIGHTHOUSE)
        assert "Its keeper was Ada Holm." in texts(await find(other, base, "keeper Ada Holm"))


async def test_eight_add_while_eight_search_and_nobody_sees_half(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    done = asyncio.Event()

    async def add(task: int) -> None:
        for n in range(25):
            name = f"{task}-{n}.txt"
            parts = [f"document {task}x{n} part {part} common" for part in range(3)]
            await add_text(library, base, tmp_path, name, "\n\n".join(parts))

    async def search() -> int:
        seen = 0
        while not done.is_set():
            result = await find(library, base, "common document", limit=1000)
            found: dict[str, int] = {}
            for passage in result.passages:
                found[passage.document.name] = found.get(passage.document.name, 0) + 1
            assert set(found.values()) <= {3}, found
            assert len(found) >= seen
            seen = len(found)
        return seen

    searches = [asyncio.create_task(search()) for _ in range(8)]
    await asyncio.gather(*(add(task) for task in range(8)))
    done.set()
    await asyncio.gather(*searches)
    assert len(await library.documents(base)) == 200
    result = await find(library, base, "common document", limit=1000)
    assert len(result.passages) == 600
    assert (await library.verify(base)).problems == ()


async def test_documents_of_one_name_take_turns_as_versions(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    outcomes = []
    for n in range(6):
        path = tmp_path / f"{n}"
        path.write_text(f"version {n} of the text")
        outcomes.append(library.add(base, Upload("a.txt", path)))
    added = await asyncio.gather(*outcomes)
    assert sorted(a.document.version for a in added) == [1, 2, 3, 4, 5, 6]
    assert [d.version for d in await library.documents(base)] == [6]
    assert len(texts(await find(library, base, "version text"))) == 1


async def test_open_bases_stay_within_their_budget(tmp_path: Path) -> None:
    settings = KnowledgeSettings(memory_budget_mb=0)
    async with open_library(tmp_path / "data", settings=settings) as library:
        bases = [(await library.ensure_base(f"base {n}")).base_id for n in range(5)]
        for n, base in enumerate(bases):
            await add_text(library, base, tmp_path, "a.txt", f"number{n} is here")
        for _ in range(2):
            for n, base in enumerate(bases):
                assert texts(await find(library, base, f"number{n}")) == [f"number{n} is here"]
                assert len(library._at.bases.opened()) == 1


async def test_verification_finds_what_was_damaged_and_rebuilding_mends_the_caches(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    added = await add_text(library, base, tmp_path, "a.txt", BAKERY)
    await find(library, base, "bread")
    opened = library._at.bases.get(base)

    def lose_a_chunk() -> None:
        assert opened.view is not None
        opened.view.dense.remove(np.array([added.document.base_id << 32]))

    await asyncio.to_thread(lose_a_chunk)
    assert (await library.verify(base)).problems == (Miscounted(Kept.INDEXED_VECTORS, 1, 2),)
    assert (await library.rebuild(base)).problems == ()
    originals(tmp_path)[0].write_bytes(b"other")
    assert (await library.verify(base)).problems[0] == LostOriginal("a.txt")


async def test_rows_that_are_lost_are_noticed(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    await add_text(library, base, tmp_path, "a.txt", BAKERY)

    def lose_rows() -> None:
        with library._at.store.write() as connection:
            connection.execute("DELETE FROM terms WHERE chunk_id = ?", (base << 32,))
            connection.execute("DELETE FROM chunks WHERE chunk_id = ?", (base << 32,))

    await asyncio.to_thread(lose_rows)
    problems = (await library.verify(base)).problems
    assert TornDocument("a.txt", 1, 2) in problems
    assert Miscounted(Kept.PASSAGES, 1, 2) in problems


async def test_bases_are_known_by_name(library: Library, base: BaseId, tmp_path: Path) -> None:
    assert (await library.base("shared")).base_id == base
    with pytest.raises(NoSuchBaseError):
        await library.base("none")
    with pytest.raises(NoSuchBaseError):
        await add_text(library, BaseId(77), tmp_path, "a.txt", BAKERY)
    await library.ensure_base("another")
    assert [b.name for b in await library.bases()] == ["another", "shared"]


async def test_figures_of_a_base(library: Library, base: BaseId, tmp_path: Path) -> None:
    await add_text(library, base, tmp_path, "a.txt", BAKERY)
    figures = await library.statistics(base)
    assert (figures.documents, figures.passages, figures.size) == (1, 2, len(BAKERY))
    assert (figures.embedder, figures.dimension, figures.index) == ("hash", 64, "flat")


async def test_near_duplicates_are_shown_once_and_documents_by_their_best(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    for n in range(4):
        text = "The bakery opens at seven.\n\nRye bread is baked on Fridays. " + " " * n
        await add_text(library, base, tmp_path, f"{n}.txt", text)
    assert len(texts(await find(library, base, "bakery opens seven rye bread"))) == 2
    scope = Scope(frozenset({base}))
    apart = await library.search(scope, "rye bread fridays", limit=3, per_document=True)
    assert len({passage.document.name for passage in apart.passages}) == 3
    assert {passage.chunk.text.strip() for passage in apart.passages} == {
        "Rye bread is baked on Fridays."
    }


async def test_the_best_of_each_document_is_not_looked_for_where_there_are_no_more_documents(
    library: Library, base: BaseId, tmp_path: Path, monkeypatch
) -> None:
    for name in ("a", "b"):
        lines = [f"The bakery {name}{n} opens at seven, hut {n * 37 % 101}." for n in range(150)]
        await add_text(library, base, tmp_path, f"{name}.txt", "\n\n".join(lines))
    fetched, search = [], retrieval.search
    monkeypatch.setattr(
        retrieval,
        "search",
        lambda query, views, limit, *rest, **named: (
            fetched.append(limit) or search(query, views, limit, *rest, **named)
        ),
    )
    scope = Scope(frozenset({base}))
    apart = await library.search(scope, "bakery opens", limit=5, per_document=True)
    assert {passage.document.name for passage in apart.passages} == {"a.txt", "b.txt"}
    assert set(fetched) == {retrieval.CANDIDATES}


async def test_a_base_is_measured_before_its_first_answer(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    for n in range(20):
        words = " ".join(f"word{(n * 7 + k) % 60}" for k in range(24))
        await add_text(library, base, tmp_path, f"{n}.txt", f"Entry {n}: {words}.")
    await find(library, base, "word3 word4 word5")
    view = library._at.bases.get(base).view
    assert view is not None
    assert view.calibration is not None
    async with open_library(tmp_path / "data") as other:
        await find(other, base, "word3")
        theirs = other._at.bases.get(base).view
        assert theirs is not None
        assert theirs.calibration == view.calibration


async def test_sentences_are_quoted_word_for_word(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    await add_text(library, base, tmp_path, "a.txt", LIGHTHOUSE.replace("\n\n", " "))
    result = await find(library, base, "who was the keeper")
    quotations = await library.quote("Who was its keeper?", result.passages, limit=1)
    assert [quotation.text for quotation in quotations] == ["Its keeper was Ada Holm."]
    assert await library.quote("anything", ()) == ()


async def test_what_fails_to_close_keeps_nothing_else_open(tmp_path: Path) -> None:
    class Stubborn(PlainReader):
        async def aclose(self) -> None:
            raise ChildProcessError

    with pytest.raises(ChildProcessError):
        async with open_library(tmp_path / "data", reader=Stubborn()) as library:
            await library.ensure_base("shared")
    assert list((tmp_path / "data" / "processes").iterdir()) == []


async def test_a_document_keeps_who_added_it_also_as_a_new_version(
    library: Library, tmp_path: Path
) -> None:
    base = (await library.ensure_base("b")).base_id
    path = tmp_path / "a.txt"
    for text, uploader in (("One.", "chat:7"), ("Two.", "chat:8")):
        path.write_text(text)
        await library.add(base, Upload("a.txt", path, "Ada", uploader))
    (document,) = await library.documents(base)
    assert (document.version, document.uploader, document.uploader_id) == (2, "Ada", "chat:8")


async def test_a_document_is_copied_to_another_base_with_who_added_it(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text(LIGHTHOUSE)
    added = await library.add(base, Upload("a.txt", path, "Ada", "chat:7"))
    other = (await library.ensure_base("other")).base_id
    copied = (await library.copy(added.document, other)).document
    assert (copied.name, copied.uploader, copied.uploader_id) == ("a.txt", "Ada", "chat:7")
    assert (await library.copy(added.document, other)).state is AddState.UNCHANGED
    await library.remove(base, "a.txt")
    assert "Ada Holm" in " ".join(texts(await find(library, other, "who was the keeper")))
    await library.remove(other, "a.txt")
    with pytest.raises(InaccessibleFileError):
        await library.copy(added.document, base)


async def test_a_base_goes_on_under_another_name(
    library: Library, base: BaseId, tmp_path: Path
) -> None:
    name = next(own.name for own in await library.bases() if own.base_id == base)
    await add_text(library, base, tmp_path, "a.txt", LIGHTHOUSE)
    assert await library.rename(name, "new")
    assert (await library.base("new")).base_id == base
    assert texts(await find(library, base, "who was the keeper"))
    await library.ensure_base("taken")
    assert not await library.rename("new", "taken")
    assert not await library.rename("gone", "other")


async def test_names_are_found_by_letters_in_them_those_at_the_beginning_first(tmp_path):
    async with open_library(tmp_path / "data") as library:
        base = (await library.ensure_base("names")).base_id
        other = (await library.ensure_base("other")).base_id
        for name in ("Rules of the pool.md", "pool.md", "锅炉.md", "鍋爐手冊.md", "ｐｏｏｌ 2.md"):
            await add_text(library, base, tmp_path, name, f"The text of {name}.")
        await add_text(library, other, tmp_path, "pool rules.md", "Of another base.")
        found = await library.names([base], "POOL")
        assert found[-1] == "Rules of the pool.md"
        assert set(found) == {"pool.md", "ｐｏｏｌ 2.md", "Rules of the pool.md"}
        assert set(await library.names([base], "锅炉")) == {"锅炉.md", "鍋爐手冊.md"}
        assert len(await library.names([base, other], "", limit=3)) == 3
        assert await library.names([base], "x") == ()
        assert await library.near_names([base], "poll.md") == ("pool.md",)
        assert (await library.document(base, "pool.md")).name == "pool.md"
        assert await library.document(base, "pool rules.md") is None


async def test_names_of_a_large_base_are_found_by_how_they_begin(tmp_path, monkeypatch):
    monkeypatch.setattr(finding, "MOST_NAMES", 2)
    async with open_library(tmp_path / "data") as library:
        base = (await library.ensure_base("names")).base_id
        for name in ("a.md", "b.md", "c.md", "d.md"):
            await add_text(library, base, tmp_path, name, f"The text of {name}.")
        assert await library.names([base], "d.m") == ("d.md",)
        # What is looked for in the middle of a name is looked for in the first ones alone.
        assert await library.names([base], "md") == ("a.md", "b.md")
