"""Documents that go on under other names."""

from __future__ import annotations

import asyncio

import pytest

from knowledge_base import front, lexical_files, renaming
from knowledge_base.errors import NameTakenError, NoSuchDocumentError
from knowledge_base.models import Legs, Scope
from knowledge_base.renaming import Renaming, parts
from knowledge_base.view_loading import ViewLoading
from tests.support.libraries import add_text, find, open_library

TEXTS = {
    "bakery.txt": "It opens at seven.",
    "lighthouse.txt": "It was lit in 1887.",
    "灯塔.txt": "看守人名叫阿玛拉。",
}


@pytest.fixture
async def taught(tmp_path):
    async with open_library(tmp_path / "data") as library:
        base = (await library.ensure_base("notes")).base_id
        for name, text in TEXTS.items():
            await add_text(library, base, tmp_path, name, text)
        yield library, base, tmp_path


async def held(library, base):
    return {document.name: document for document in await library.documents(base)}


async def test_passages_vectors_and_history_stay_and_citations_show_the_new_name(taught):
    library, base, _folder = taught
    before = (await held(library, base))["bakery.txt"]
    (cited,) = await library.passages(base, "bakery.txt")
    (after,) = await library.rename_documents(base, [Renaming(before, "shop/bread.txt")])
    assert (after.document_id, after.version, after.added_at) == (
        before.document_id, before.version, before.added_at,
    )  # fmt: skip
    passage = await library.passage(Scope(frozenset({base})), cited.chunk_id)
    assert passage.document.name == "shop/bread.txt"
    assert passage.chunk.text == "It opens at seven."
    assert "bakery.txt" not in await held(library, base)
    verified = await library.verify(base)
    assert (verified.problems, verified.vectors) == ((), 3)


async def test_words_of_the_new_name_find_it_and_those_of_the_old_do_not(taught):
    library, base, folder = taught
    scope = Scope(frozenset({base}))

    async def first(question, other):
        found = await other.search(scope, question, legs=Legs.LEXICAL)
        return [passage.document.name for passage in found.passages if passage.lexical]

    async with open_library(folder / "data") as other:
        assert await first("乌鸦", other) == []
        old = (await held(library, base))["bakery.txt"]
        (new,) = await library.rename_documents(base, [Renaming(old, "乌鸦.txt")])
        for one in (library, other):
            assert await first("乌鸦", one) == ["乌鸦.txt"]
        await library.rename_documents(base, [Renaming(new, "mill.txt")])
        for one in (other, library):
            assert await first("乌鸦", one) == []
            assert await first("mill", one) == ["mill.txt"]
    async with open_library(folder / "data") as again:
        assert await first("mill", again) == ["mill.txt"]


async def words_first(library, base, question):
    scope = Scope(frozenset({base}))
    found = await library.search(scope, question, legs=Legs.LEXICAL)
    return [passage.document.name for passage in found.passages if passage.lexical]


async def test_nobody_reads_a_base_whole_for_a_new_name(taught, monkeypatch):
    library, base, folder = taught
    async with open_library(folder / "data") as other:
        for one in (library, other):
            await find(one, base, "anything")

        def read_whole(*_given):
            raise AssertionError("the base is read from the rows again")

        monkeypatch.setattr(ViewLoading, "load", read_whole)
        old = (await held(library, base))["bakery.txt"]
        (new,) = await library.rename_documents(base, [Renaming(old, "crow.txt")])
        for one in (library, other):
            assert await words_first(one, base, "crow") == ["crow.txt"]
            assert await words_first(one, base, "seven") == ["crow.txt"]
            assert await words_first(one, base, "1887") == ["lighthouse.txt"]
        await library.rename_documents(base, [Renaming(new, "heron.txt")])
        await other.remove(base, "lighthouse.txt")
        for one in (other, library):
            assert await words_first(one, base, "crow 1887") == []
            assert await words_first(one, base, "heron") == ["heron.txt"]
            assert (await one.verify(base)).problems == ()


@pytest.fixture
def filed(monkeypatch):
    """Small bases are worth index files."""
    monkeypatch.setattr(lexical_files, "LEAST", 2)


async def taught_birds(folder):
    """Sixteen documents, all of them in one segment once the base is read."""
    async with open_library(folder / "data") as library:
        base = (await library.ensure_base("notes")).base_id
        for n in range(16):
            await add_text(library, base, folder, f"{n}.txt", f"It is number{n}.")
        documents = await held(library, base)
        moves = [
            Renaming(documents["3.txt"], "wren.txt"),
            Renaming(documents["15.txt"], "tern.txt"),
        ]
        await library.rename_documents(base, moves)
    return base


@pytest.mark.parametrize("written", ["before", "after", "never"])
async def test_a_file_of_the_index_that_knows_the_old_name_is_used_without_it(
    tmp_path, filed, monkeypatch, caplog, written
):
    data = tmp_path / "data"
    base = await taught_birds(tmp_path)
    async with open_library(data) as library:
        assert await words_first(library, base, "wren") == ["wren.txt"]
        if written == "before":
            await library.snapshot()
        documents = await held(library, base)
        for old, name in (("wren.txt", "crow.txt"), ("tern.txt", "heron.txt")):
            await library.rename_documents(base, [Renaming(documents[old], name)])
        if written == "after":
            await library.snapshot()
        # Killed before the last one.
        monkeypatch.setattr(front, "write_snapshots", lambda *_given: None)
    assert bool(list((data / "indexes").glob("*.terms"))) == (written != "never")
    for _ in range(2):
        async with open_library(data) as library:
            assert await words_first(library, base, "crow") == ["crow.txt"]
            assert await words_first(library, base, "heron") == ["heron.txt"]
            assert await words_first(library, base, "wren tern") == []
            assert (await words_first(library, base, "number4"))[0] == "4.txt"
            assert (await words_first(library, base, "number15"))[0] == "heron.txt"
            used = [segment.file for segment in library._at.bases.get(base).view.lexical.segments]
            assert any(used) == (written != "never")
            assert (await library.verify(base)).problems == ()
        monkeypatch.undo()
        monkeypatch.setattr(lexical_files, "LEAST", 2)
    assert "built anew" not in caplog.text


async def test_when_all_documents_of_a_base_are_renamed_its_files_are_made_anew(tmp_path, filed):
    data = tmp_path / "data"
    base = await taught_birds(tmp_path)
    async with open_library(data) as library:
        assert await words_first(library, base, "wren") == ["wren.txt"]
        await library.snapshot()
        documents = await held(library, base)
        moves = [Renaming(old, f"crow{n}.txt") for n, old in enumerate(documents.values())]
        await library.rename_documents(base, moves)
        assert await words_first(library, base, "wren tern") == []
        await asyncio.to_thread(library._at.bases.get(base).compact)
        lexical = library._at.bases.get(base).view.lexical
        assert [segment.living for segment in lexical.segments] == [16]
        assert len(await words_first(library, base, "crow")) == 5
    async with open_library(data) as library:
        assert len(await words_first(library, base, "crow")) == 5
        assert await words_first(library, base, "wren tern") == []
        assert library._at.bases.get(base).view.lexical.segments[0].file
        assert (await library.verify(base)).problems == ()


async def test_two_may_take_each_others_names_and_one_the_place_of_another(taught):
    library, base, _folder = taught
    one, two, three = (await held(library, base)).values()
    await find(library, base, "anything")
    await library.rename_documents(base, [Renaming(one, two.name), Renaming(two, one.name)])
    now = await held(library, base)
    assert (now[two.name].document_id, now[one.name].document_id) == (
        one.document_id, two.document_id,
    )  # fmt: skip
    moved = now[one.name]
    await library.rename_documents(base, [Renaming(moved, three.name, three)])
    now = await held(library, base)
    assert {name: own.document_id for name, own in now.items()} == {
        two.name: one.document_id,
        three.name: two.document_id,
    }
    assert now[three.name].version == three.version + 1
    assert not (library._at.originals.path(three.sha256)).exists()
    found = await find(library, base, "anything", limit=10)
    assert {p.document.name for p in found.passages} == set(now)
    assert (await library.verify(base)).problems == ()


async def test_what_is_not_as_it_was_told_is_left_alone(taught):
    library, base, folder = taught
    one, two, _three = (await held(library, base)).values()
    with pytest.raises(NameTakenError):
        await library.rename_documents(base, [Renaming(one, two.name)])
    await add_text(library, base, folder, one.name, "It opens at eight.")
    with pytest.raises(NoSuchDocumentError):
        await library.rename_documents(base, [Renaming(one, "new.txt")])
    assert set(await held(library, base)) == set(TEXTS)


async def test_those_that_take_each_others_names_are_renamed_together(taught, monkeypatch):
    library, base, _folder = taught
    monkeypatch.setattr(renaming, "AT_ONCE", 1)
    one, two, three = (await held(library, base)).values()
    turned = [Renaming(one, two.name), Renaming(two, three.name), Renaming(three, one.name)]
    for order in (turned, turned[::-1], turned[1:] + turned[:1]):
        assert [{own.document.name for own in part} for part in parts(order)] == [set(TEXTS)]
    row = [Renaming(one, two.name), Renaming(two, "free.txt"), Renaming(three, "other.txt")]
    found = [{own.document.name for own in part} for part in parts(row)]
    assert sorted(found, key=len) == [{three.name}, {one.name, two.name}]
    await library.rename_documents(base, turned)
    now = await held(library, base)
    assert now[one.name].document_id == three.document_id
    assert now[two.name].document_id == one.document_id
