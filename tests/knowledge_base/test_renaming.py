"""Documents that go on under other names."""

from __future__ import annotations

import pytest

from knowledge_base import renaming
from knowledge_base.errors import NameTakenError, NoSuchDocumentError
from knowledge_base.models import Legs, Scope
from knowledge_base.renaming import Renaming, parts
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


async def test_a_large_base_keeps_its_indexes_until_it_is_rebuilt(taught, monkeypatch):
    library, base, _folder = taught
    old = (await held(library, base))["bakery.txt"]
    (old,) = await library.rename_documents(base, [Renaming(old, "crow.txt")])
    monkeypatch.setattr(renaming, "LEARNT_ANEW", 0)
    await find(library, base, "crow")
    before = await library.base("notes")
    await library.rename_documents(base, [Renaming(old, "mill.txt")])
    assert (await library.base("notes")).generation == before.generation
    found = await library.search(Scope(frozenset({base})), "crow", legs=Legs.LEXICAL)
    assert [p.document.name for p in found.passages if p.lexical] == ["mill.txt"]
    await library.rebuild(base)
    found = await library.search(Scope(frozenset({base})), "mill", legs=Legs.LEXICAL)
    assert [p.document.name for p in found.passages if p.lexical] == ["mill.txt"]


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
