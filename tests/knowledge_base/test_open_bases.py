"""Bases that are open: what is read anew keeps nobody from writing."""

from __future__ import annotations

import asyncio
import threading

from knowledge_base.erasing import Doomed
from knowledge_base.models import Upload
from knowledge_base.open_bases import ATTEMPTS
from knowledge_base.view_loading import ViewLoading
from tests.support.libraries import add_text, find, open_library, texts

PATIENCE = 30.0


async def give(library, base, folder, name, text, by):
    path = folder / f"given-{name}"
    path.write_text(text)
    await library.add(base, Upload(name, path, by, by))


async def test_adding_waits_for_nobody_who_reads_a_base_whole(tmp_path, monkeypatch):
    async with open_library(tmp_path / "data") as library, open_library(tmp_path / "data") as other:
        base = (await library.ensure_base("shared")).base_id
        await add_text(library, base, tmp_path, "a.txt", "The first gate.")
        await give(library, base, tmp_path, "b.txt", "The gate of Ada.", "ada")
        await find(library, base, "gate")
        await other.erase(Doomed("ada", uploads=True))
        began, go, load = threading.Event(), threading.Event(), ViewLoading.load

        def slow(own, rows, generation):
            began.set()
            assert go.wait(PATIENCE)
            return load(own, rows, generation)

        monkeypatch.setattr(ViewLoading, "load", slow)
        searched = asyncio.create_task(find(library, base, "gate"))
        assert await asyncio.to_thread(began.wait, PATIENCE)
        async with asyncio.timeout(PATIENCE):
            await add_text(library, base, tmp_path, "c.txt", "The last gate.")
        assert not searched.done()
        go.set()
        assert sorted(texts(await searched)) == ["The first gate.", "The last gate."]


async def test_a_base_is_found_whole_while_others_write_and_write(tmp_path, monkeypatch):
    async with open_library(tmp_path / "data") as library, open_library(tmp_path / "data") as other:
        base = (await library.ensure_base("shared")).base_id
        await add_text(library, base, tmp_path, "a.txt", "The first gate.")
        for n in range(ATTEMPTS):
            await give(library, base, tmp_path, f"{n}.txt", f"Gate {n} of Ada.", f"ada {n}")
        loop, load, rounds = asyncio.get_running_loop(), ViewLoading.load, iter(range(ATTEMPTS))

        def overtaken(own, rows, generation):
            view = load(own, rows, generation)
            if (number := next(rounds, None)) is not None:
                erasing = other.erase(Doomed(f"ada {number}", uploads=True))
                asyncio.run_coroutine_threadsafe(erasing, loop).result(PATIENCE)
            return view

        monkeypatch.setattr(ViewLoading, "load", overtaken)
        async with asyncio.timeout(PATIENCE):
            assert texts(await find(library, base, "gate")) == ["The first gate."]
