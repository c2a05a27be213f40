"""Files of both legs: what is taken on trust, what is noticed, and what is made anew."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from knowledge_base import (
    index,
    index_files,
    lexical_files,
    open_bases,
    row_parts,
    segments,
    view_changes,
    view_loading,
)
from knowledge_base.index_files import DamagedSegmentError, Leg, SavedSegment, require
from knowledge_base.lexical import LexicalIndex, weigh
from knowledge_base.models import Legs, Scope
from knowledge_base.rows.chunks import ChunkRows
from knowledge_base.term_segments import built
from knowledge_base.terms import pack_terms, terms_of
from knowledge_base.view_loading import ViewLoading
from tests.support.libraries import add_text, find, open_library, texts


@pytest.fixture
def small(monkeypatch):
    """Bases of tests are worth files, and checked late as large ones are."""
    monkeypatch.setattr(lexical_files, "LEAST", 2)
    monkeypatch.setattr(index_files, "READ_AT_ONCE", 0)
    monkeypatch.setattr(open_bases, "CHECKED_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(open_bases, "RESTS", 0.0)


def written(folder: Path) -> index_files.Written:
    return index_files.write(folder, ".terms", lambda write: write(b"x" * 1000))


def test_a_flipped_byte_a_short_file_and_no_file_are_noticed(tmp_path):
    file = written(tmp_path)
    path = tmp_path / file.file
    assert require(tmp_path, file)
    for content in (b"x" * 999 + b"y", b"x" * 990, b""):
        path.write_bytes(content)
        with pytest.raises(DamagedSegmentError):
            require(tmp_path, file)
    path.unlink()
    with pytest.raises(DamagedSegmentError):
        require(tmp_path, file)


def test_a_large_file_of_another_time_is_read_whole_at_once(tmp_path, small):
    file = written(tmp_path)
    path = tmp_path / file.file
    assert not require(tmp_path, file)
    os.utime(path, (1, 1))
    assert require(tmp_path, file)
    path.write_bytes(b"y" * 1000)
    with pytest.raises(DamagedSegmentError):
        require(tmp_path, file)


def test_a_lexical_segment_comes_back_from_its_file(tmp_path):
    words = [f"cat number{n} 港口{'门' * (n % 3)}" for n in range(300)]
    made = built(np.arange(7, 307), [pack_terms(terms_of(text)) for text in words])
    file = lexical_files.save(made, tmp_path)
    saved = SavedSegment(Leg.LEXICAL, 0, 307, 1, file, lexical_files.KIND, 300)
    one = LexicalIndex([made])
    other = LexicalIndex([lexical_files.load(tmp_path, saved)])
    for own in (one, other):
        own.remove(np.array([8, 100]))
        own.add(np.array([400]), [pack_terms(terms_of("cat number400"))])
    for question in ("cat number42", "港口门", "number400", "number1"):
        terms = terms_of(question)
        query = weigh(terms, one.statistics(terms))
        np.testing.assert_array_equal(one.search(query, 50), other.search(query, 50))
        np.testing.assert_array_equal(
            one.statistics(terms).frequencies, other.statistics(terms).frequencies
        )
    assert len(other) == 299


async def taught(folder: Path, documents: int = 12) -> None:
    async with open_library(folder / "data") as library:
        base = (await library.ensure_base("large")).base_id
        for n in range(documents):
            await add_text(library, base, folder, f"{n}.txt", f"The gate {n} opens at word{n}.")
            await find(library, base, "gate")


async def answers(folder: Path) -> list[str]:
    async with open_library(folder / "data") as library:
        base = (await library.ensure_base("large")).base_id
        for n in (3, 9):
            found = await library.search(
                Scope(frozenset({base})), f"word{n}", limit=1, legs=Legs.LEXICAL
            )
            assert texts(found)[0] == f"The gate {n} opens at word{n}."
        assert (await library.verify(base)).problems == ()
        return sorted(document.name for document in await library.documents(base))


def files(folder: Path) -> list[Path]:
    return sorted((folder / "data" / "indexes").glob("*.terms"))


async def test_a_reopened_base_reads_its_words_from_the_file(tmp_path, small, monkeypatch):
    await taught(tmp_path)
    kept = files(tmp_path)
    assert kept

    asked = []
    read = ChunkRows.terms_between

    def noted(rows, base, low, high):
        asked.append(low)
        return read(rows, base, low, high)

    monkeypatch.setattr(ChunkRows, "terms_between", noted)
    assert len(await answers(tmp_path)) == 12
    assert min(asked) >= 8
    assert set(kept) <= set(files(tmp_path))


async def test_a_folder_that_goes_while_the_bot_runs_is_made_anew(tmp_path, small):
    await taught(tmp_path)
    indexes = tmp_path / "data" / "indexes"
    async with open_library(tmp_path / "data") as library:
        base = (await library.base("large")).base_id
        assert texts(await find(library, base, "word3"))
        await asyncio.to_thread(shutil.rmtree, indexes)
        await add_text(library, base, tmp_path, "new.txt", "Something new at wordnew.")
        assert texts(await find(library, base, "wordnew"))[0] == "Something new at wordnew."
        assert (await library.rebuild(base)).problems == ()
        await library.snapshot()
        assert files(tmp_path)
        await asyncio.to_thread(shutil.rmtree, indexes)
    assert len(await answers(tmp_path)) == 13


async def test_what_was_removed_and_added_after_the_file_is_known(tmp_path, small, monkeypatch):
    async def unwritten():
        return None

    await taught(tmp_path)
    kept = files(tmp_path)
    async with open_library(tmp_path / "data") as library:
        base = (await library.base("large")).base_id
        await library.remove(base, "5.txt")
        await add_text(library, base, tmp_path, "new.txt", "Something new at wordnew.")
        monkeypatch.setattr(library, "snapshot", unwritten)  # as if it were killed
    assert files(tmp_path) == kept
    async with open_library(tmp_path / "data") as library:
        base = (await library.base("large")).base_id
        assert "5.txt" not in {
            p.document.name for p in (await find(library, base, "word5")).passages
        }
        assert texts(await find(library, base, "wordnew"))[0] == "Something new at wordnew."
        assert (await library.verify(base)).problems == ()


@pytest.mark.parametrize("harm", ["gone", "short", "flipped"])
async def test_a_damaged_file_of_words_is_made_anew_and_told(tmp_path, small, caplog, harm):
    await taught(tmp_path)
    path = files(tmp_path)[0]
    whole = path.read_bytes()
    path.unlink()
    if harm == "short":
        path.write_bytes(whole[: len(whole) // 2])
    if harm == "flipped":
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with caplog.at_level(logging.WARNING):
        assert len(await answers(tmp_path)) == 12
    assert f"index file {path.name} does not fit its rows: built anew" in caplog.text


async def test_bytes_that_change_behind_size_and_time_are_found_in_the_background(
    tmp_path, small, caplog
):
    await taught(tmp_path)
    path = files(tmp_path)[0]
    told = path.stat()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    with caplog.at_level(logging.WARNING):
        async with open_library(tmp_path / "data") as library:
            base = (await library.base("large")).base_id
            await find(library, base, "word3")
            async with asyncio.timeout(60):
                while path.exists():  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0.01)
            assert f"index file {path.name} is damaged: built anew" in caplog.text
            assert (await find(library, base, "word3")).passages
    assert len(await answers(tmp_path)) == 12


async def test_checking_rests_ends_at_once_with_the_library_and_is_done_the_next_time(
    tmp_path, small, monkeypatch
):
    await taught(tmp_path)
    monkeypatch.setattr(open_bases, "RESTS", 1e9)
    rests = threading.Event()
    read = index_files.is_intact

    def slowly(folder, file, rest):
        def told(_seconds):
            rests.set()
            rest(1.0)

        return read(folder, file, told)

    monkeypatch.setattr(view_loading, "is_intact", slowly)
    async with open_library(tmp_path / "data") as library:
        base = (await library.base("large")).base_id
        await find(library, base, "word3")
        opened = library._at.bases.get(base)
        assert opened.is_unchecked
        assert await asyncio.to_thread(rests.wait, 60)
        await asyncio.to_thread(opened.compact)  # makes nothing of what nobody has looked at
        assert opened.is_unchecked
    monkeypatch.setattr(open_bases, "RESTS", 0.0)
    async with open_library(tmp_path / "data") as library:
        await find(library, base, "word3")
        opened = library._at.bases.get(base)
        async with asyncio.timeout(60):
            while opened.is_unchecked:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)
        assert (await find(library, base, "word3")).passages


async def test_words_of_another_version_are_read_from_the_rows(tmp_path, small, monkeypatch):
    await taught(tmp_path)
    monkeypatch.setattr(lexical_files, "KIND", "terms 0")
    assert len(await answers(tmp_path)) == 12


async def test_files_of_the_loose_layout_are_replaced_by_packed_ones(tmp_path, small, monkeypatch):
    monkeypatch.setattr(lexical_files, "KIND", "terms 2")
    await taught(tmp_path)
    loose = files(tmp_path)
    for path in loose:  # what the program wrote then cannot be read as what it writes now
        path.write_bytes(np.arange(7, dtype="<i8").tobytes() + path.read_bytes())
    monkeypatch.undo()
    monkeypatch.setattr(lexical_files, "LEAST", 2)
    assert len(await answers(tmp_path)) == 12
    assert files(tmp_path)
    assert not set(loose) & set(files(tmp_path))


@pytest.mark.parametrize("harm", ["none", "gone", "short", "flipped"])
async def test_vectors_that_stay_in_their_file_are_found_and_made_anew_when_it_is_damaged(
    tmp_path, small, monkeypatch, caplog, harm
):
    for module in (index, view_changes, view_loading):
        monkeypatch.setattr(module, "TAIL", 5)
    monkeypatch.setattr(segments, "FP16_UP_TO", 5)
    monkeypatch.setattr(segments, "BYTES_UP_TO", 0)
    await taught(tmp_path)
    async with open_library(tmp_path / "data") as library:  # made from the rows, written at its end
        base = (await library.base("large")).base_id
        await find(library, base, "gate")
    (path,) = (tmp_path / "data" / "indexes").glob("*.vectors")
    whole = path.read_bytes()
    if harm in {"short", "flipped"}:
        cut = len(whole) // 2
        path.write_bytes(whole[:cut] if harm == "short" else whole[:-1] + bytes([whole[-1] ^ 1]))
    if harm == "gone":
        path.unlink()
    with caplog.at_level(logging.WARNING):
        async with open_library(tmp_path / "data") as library:
            base = (await library.base("large")).base_id
            wanted = "The gate 7 opens at word7."
            found = await library.search(Scope(frozenset({base})), wanted, limit=1, legs=Legs.DENSE)
            assert texts(found) == [wanted]
            kinds = library._at.bases.get(base).view.dense.kinds
            assert kinds == "rabitq + flat"
            assert (await library.verify(base)).problems == ()
    assert (f"{path.name} does not fit its rows: built anew" in caplog.text) == (harm != "none")


async def test_words_from_rows_become_few_large_segments(tmp_path, monkeypatch):
    await taught(tmp_path)
    for module in (row_parts, view_loading):
        monkeypatch.setattr(module, "PART", 3)
    monkeypatch.setattr(view_loading, "MOST_CHUNKS", 6)
    async with open_library(tmp_path / "data") as library:
        base = (await library.base("large")).base_id
        await find(library, base, "gate")
        segments = library._at.bases.get(base).view.lexical.segments
        assert [segment.chunks for segment in segments] == [6, 6]
    assert len(await answers(tmp_path)) == 12


async def test_reading_a_large_base_keeps_nobody_from_writing(tmp_path, monkeypatch):
    await taught(tmp_path)
    reading, go_on = threading.Event(), threading.Event()
    load = ViewLoading._load_lexical

    def slow(base, rows, alive):
        reading.set()
        assert go_on.wait(30)
        return load(base, rows, alive)

    monkeypatch.setattr(ViewLoading, "_load_lexical", slow)
    async with open_library(tmp_path / "data") as library:
        base = (await library.base("large")).base_id
        asked = asyncio.create_task(find(library, base, "wordnew"))
        await asyncio.to_thread(reading.wait, 30)
        await add_text(library, base, tmp_path, "new.txt", "Something new at wordnew.")
        assert not asked.done()
        go_on.set()
        assert texts(await asked)[0] == "Something new at wordnew."
