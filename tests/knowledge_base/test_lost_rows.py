"""A database that lost its last writes: what was acknowledged is there, or put aside and told."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil

import pytest

from knowledge_base import ingest, removing
from knowledge_base.erasing import Doomed
from knowledge_base.models import AddState, Upload
from knowledge_base.problems import LostOriginal
from knowledge_base.store import Store
from knowledge_base.threads import run
from tests.support.libraries import add_text, find, open_library, texts

TEXTS = {f"{n}.txt": f"Gate {n} opens at {n} o'clock." for n in range(5)}


async def crashed(library, folder, name):
    """The data directory as a process leaves it that is killed just now."""
    await run(library._at.threads.write, lambda: None)  # what waits to be written is
    copy = folder / name
    await asyncio.to_thread(shutil.copytree, folder / "data", copy)
    return copy


async def taught(library, folder):
    base = (await library.ensure_base("town")).base_id
    for name, text in TEXTS.items():
        await add_text(library, base, folder, name, text)
    return base


def stored(folder):
    return [path.name for path in folder.glob("originals/??/*")]


def put_aside(folder):
    return sorted(path.read_text() for path in folder.glob("found/*"))


@pytest.mark.parametrize("left", [0.0, 0.5, 0.9])
async def test_a_log_that_is_cut_off_takes_nothing_with_it(tmp_path, left):
    async with open_library(tmp_path / "data") as library:
        base = await taught(library, tmp_path)
        copy = await crashed(library, tmp_path, "copy")
    log = copy / "knowledge.db-wal"
    content = log.read_bytes()
    log.write_bytes(content[: int(len(content) * left)])
    async with open_library(copy) as library:
        assert [d.name for d in await library.documents(base)] == list(TEXTS)
        assert texts(await find(library, base, "Gate 3 opens"))[0] == TEXTS["3.txt"]
        assert (await library.verify(base)).problems == ()
    assert put_aside(copy) == []


async def test_files_of_which_the_rows_are_lost_are_put_aside_and_told(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(Store, "settle", lambda _store: None)
    async with open_library(tmp_path / "data") as library:
        await library.ensure_base("town")
    async with open_library(tmp_path / "data") as library:
        base = await taught(library, tmp_path)
        copy = await crashed(library, tmp_path, "copy")
    (copy / "knowledge.db-wal").write_bytes(b"")
    with caplog.at_level(logging.ERROR):
        async with open_library(copy) as library:
            assert await library.documents(base) == ()
            assert "5 files were stored that the database does not know" in caplog.text
            assert put_aside(copy) == sorted(TEXTS.values())
            assert stored(copy) == []
            async with library.uploads([copy / "found"]) as uploads:
                found = [upload async for upload in uploads]
            for upload in found:
                assert (await library.add(base, upload)).state is AddState.ADDED
            assert texts(await find(library, base, "Gate 3 opens"))[0] == TEXTS["3.txt"]
            assert await library.end_old_rests() == ()
            assert len(put_aside(copy)) == 5
    (copy / "found").joinpath("old").write_text("x")
    os.utime(copy / "found" / "old", (0, 0))
    async with open_library(copy) as library:
        await library.end_old_rests()
    assert put_aside(copy) == sorted(TEXTS.values())


@pytest.mark.parametrize("how", ["erase", "empty", "remove", "replace"])
async def test_what_was_to_go_when_the_process_died_goes_and_is_not_put_aside(
    tmp_path, monkeypatch, how
):
    async with open_library(tmp_path / "data") as library:
        base = (await library.ensure_base("town")).base_id
        path = tmp_path / "a.txt"
        path.write_text("The gate of Ada.")
        await library.add(base, Upload("a.txt", path, "Ada", "ada"))
        # Killed between the rows and the file.
        for module in (ingest, removing):
            monkeypatch.setattr(module, "collect", lambda *_given: None)
        match how:
            case "erase":
                await library.erase(Doomed("ada", uploads=True))
            case "empty":
                await library.empty(base)
            case "remove":
                await library.remove(base, "a.txt")
            case "replace":
                await add_text(library, base, tmp_path, "a.txt", "The other gate.")
        copy = await crashed(library, tmp_path, "copy")
    assert len(stored(copy)) == (2 if how == "replace" else 1)
    async with open_library(copy):
        assert len(stored(copy)) == (1 if how == "replace" else 0)
    assert put_aside(copy) == []


async def test_adding_the_same_bytes_again_mends_an_original(tmp_path):
    async with open_library(tmp_path / "data") as library:
        base = await taught(library, tmp_path)
        (original,) = (tmp_path / "data").glob(f"originals/??/{_hash(TEXTS['1.txt'])}")
        for damage in (original.unlink, lambda: original.write_bytes(b"x")):
            damage()
            (problem,) = (await library.verify(base)).problems
            assert problem == LostOriginal("1.txt")
            added = await add_text(library, base, tmp_path, "1.txt", TEXTS["1.txt"])
            assert added.state is AddState.UNCHANGED
            assert (await library.verify(base)).problems == ()


def _hash(text):
    return hashlib.sha256(text.encode()).hexdigest()
