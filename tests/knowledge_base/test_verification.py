"""How far checking and exporting have come is told while they last."""

from __future__ import annotations

import asyncio
import zipfile

import pytest

from knowledge_base.models import Looked
from knowledge_base.problems import Kept, Miscounted
from knowledge_base.rows import counts
from tests.support.libraries import add_text, find, open_library


@pytest.fixture
async def taught(tmp_path):
    async with open_library(tmp_path / "data") as library:
        base = await library.ensure_base("notes")
        for number in range(5):
            text = f"The gate {number} opens at seven.\n\nIt closes at five."
            await add_text(library, base.base_id, tmp_path, f"{number}.txt", text)
        yield library, base


async def test_checking_tells_what_it_looks_at_and_how_much_of_it_is_done(taught, monkeypatch):
    library, base = taught
    monkeypatch.setattr(counts, "_AT_ONCE", 4)
    await find(library, base.base_id, "gate")
    told = []
    verified = await library.verify(base.base_id, lambda *one: told.append(one))
    assert (verified.problems, verified.passages) == ((), 10)
    assert told == [
        (Looked.DATABASE, 0, None),
        *((Looked.PASSAGES, done, 10) for done in (0, 4, 8, 10, 10)),
        *((Looked.ORIGINALS, done, 5) for done in range(6)),
        (Looked.INDEX_FILES, 0, 0),
    ]


async def test_rows_that_no_document_knows_of_are_counted_wherever_they_are(taught):
    library, base = taught

    def stray():
        with library._at.store.write() as connection:
            connection.execute(
                "INSERT INTO chunks SELECT ?, min(document_id), 9, 'stray', NULL, NULL"
                " FROM documents",
                ((base.base_id << 32) + 12345,),
            )

    await asyncio.to_thread(stray)
    verified = await library.verify(base.base_id)
    assert Miscounted(Kept.PASSAGES, 11, 10) in verified.problems


async def test_figures_are_told_without_looking_at_every_passage(taught):
    library, base = taught
    figures = await library.statistics(base.base_id)
    assert (figures.documents, figures.passages) == (5, 10)
    assert figures.size == sum(d.size for d in await library.documents(base.base_id))


async def test_exporting_tells_how_many_documents_are_written(taught, tmp_path):
    library, base = taught
    told = []
    path = tmp_path / "out.zip"
    await library.export(base, path, told=lambda *one: told.append(one))
    assert told == [(done, 5) for done in range(6)]
    assert zipfile.is_zipfile(path)
