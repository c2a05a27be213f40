"""Bases that are open: what is read anew keeps nobody from writing."""

from __future__ import annotations

import asyncio
import threading

from knowledge_base.erasing import Doomed
from knowledge_base.errors import StorageBusyError
from knowledge_base.models import Upload
from knowledge_base.open_bases import ATTEMPTS
from knowledge_base.threads import SEARCHES
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


class Paused:
    """Reading one base whole takes until it is let go on."""

    def __init__(self, monkeypatch, base):
        self.began, self.go, self.times = threading.Event(), threading.Event(), 0
        load = ViewLoading.load

        def slow(own, rows, generation):
            if own._parts.base_id == base:
                self.times += 1
                self.began.set()
                assert self.go.wait(PATIENCE)
            return load(own, rows, generation)

        monkeypatch.setattr(ViewLoading, "load", slow)


async def two_bases(folder):
    """One that takes long to be read, and another one."""
    async with open_library(folder / "data") as library:
        large = (await library.ensure_base("large")).base_id
        small = (await library.ensure_base("small")).base_id
        await add_text(library, large, folder, "a.txt", "The large gate.")
        await add_text(library, small, folder, "b.txt", "The small gate.")
    return large, small


async def test_a_base_that_is_read_for_many_is_read_once_and_others_answer_meanwhile(
    tmp_path, monkeypatch
):
    large, small = await two_bases(tmp_path)
    paused = Paused(monkeypatch, large)
    async with open_library(tmp_path / "data") as library:
        many = [asyncio.create_task(find(library, large, "gate")) for _ in range(3 * SEARCHES)]
        many.append(asyncio.create_task(library.statistics(large)))
        try:
            assert await asyncio.to_thread(paused.began.wait, PATIENCE)
            async with asyncio.timeout(PATIENCE):
                assert texts(await find(library, small, "gate")) == ["The small gate."]
                assert len(await library.documents(large)) == 1
            assert not any(task.done() for task in many)
        finally:
            paused.go.set()
        *found, figures = await asyncio.gather(*many)
        assert [texts(one) for one in found] == [["The large gate."]] * (3 * SEARCHES)
        assert figures.passages == 1
    assert paused.times == 1


async def test_who_is_cancelled_waits_for_no_base_and_others_still_get_it(tmp_path, monkeypatch):
    large, _small = await two_bases(tmp_path)
    paused = Paused(monkeypatch, large)
    async with open_library(tmp_path / "data") as library:
        one, other = (asyncio.create_task(find(library, large, "gate")) for _ in range(2))
        try:
            assert await asyncio.to_thread(paused.began.wait, PATIENCE)
            one.cancel()
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(one, return_exceptions=True)
        finally:
            paused.go.set()
        assert one.cancelled()
        assert texts(await other) == ["The large gate."]
    assert paused.times == 1


async def test_what_fails_for_one_who_waits_fails_for_all_and_is_tried_again(tmp_path, monkeypatch):
    large, _small = await two_bases(tmp_path)
    async with open_library(tmp_path / "data") as library:
        with monkeypatch.context() as patched:
            paused = Paused(patched, large)
            load = ViewLoading.load

            def failing(own, rows, generation):
                load(own, rows, generation)
                raise StorageBusyError

            patched.setattr(ViewLoading, "load", failing)
            many = [asyncio.create_task(find(library, large, "gate")) for _ in range(3)]
            assert await asyncio.to_thread(paused.began.wait, PATIENCE)
            paused.go.set()
            failed = await asyncio.gather(*many, return_exceptions=True)
            assert [type(error) for error in failed] == [StorageBusyError] * 3
        assert texts(await find(library, large, "gate")) == ["The large gate."]
