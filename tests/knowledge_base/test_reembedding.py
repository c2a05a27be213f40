"""Another model: its vectors are made beside the old ones, which serve until all are there."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from knowledge_base import front, index, reembedding, segments, view_loading
from knowledge_base.errors import EmbeddingUnavailableError
from knowledge_base.models import Legs, Scope
from knowledge_base.open_base import OpenBase
from knowledge_base.view_loading import ViewLoading
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import add_text, find, open_library, texts
from tests.support.plain_reader import PlainReader

ROOT = Path(__file__).resolve().parents[2]
FILES = 12
OTHER = {"dimension": 32, "salt": "other"}


class Gated(HashEmbedder):
    """Embeds so many texts, then waits until it is let go on."""

    def __init__(self, free: int, salt: str = "other") -> None:
        super().__init__(dimension=32, salt=salt)
        self.free = free
        self.waits = asyncio.Event()
        self.open = asyncio.Event()

    async def embed_documents(self, texts):
        self.free -= len(texts)
        if self.free < 0:
            self.waits.set()
            await self.open.wait()
        return await super().embed_documents(texts)


class Failing(HashEmbedder):
    async def embed_documents(self, texts):
        raise EmbeddingUnavailableError(self.name)


class Turned(HashEmbedder):
    """Another model, whose vectors have as many dimensions."""

    async def embed_documents(self, texts):
        return np.ascontiguousarray((await super().embed_documents(texts))[:, ::-1])

    async def embed_query(self, text):
        return np.ascontiguousarray((await super().embed_query(text))[::-1])


async def taught(folder: Path, files: int = FILES) -> None:
    async with open_library(folder / "data") as library:
        base = (await library.ensure_base("shared")).base_id
        for n in range(files):
            await add_text(library, base, folder, f"{n:02}.txt", f"Gate {n} opens at word{n}.")
        await find(library, base, "word1")


async def nearest(library, base, question: str) -> str:
    scope = Scope(frozenset({base}))
    return texts(await library.search(scope, question, limit=1, legs=Legs.DENSE))[0]


async def settled(library) -> None:
    task = library._reembedding._task
    await task


async def test_the_old_vectors_serve_until_all_new_ones_are_there(tmp_path):
    await taught(tmp_path)
    other = Gated(free=5)
    async with open_library(tmp_path / "data", other) as library:
        library.search_also_by(HashEmbedder())
        base = (await library.base("shared")).base_id
        library.reembed_all()
        await asyncio.wait_for(other.waits.wait(), 30)
        assert await nearest(library, base, "Gate 7 opens at word7.") == "Gate 7 opens at word7."
        assert not (await find(library, base, "word7")).lexical_only
        figures = await library.statistics(base)
        assert (figures.embedder, figures.dimension, figures.reembedded) == ("hash", 64, 5)
        other.open.set()
        await settled(library)
        figures = await library.statistics(base)
        assert (figures.embedder, figures.dimension, figures.reembedded) == ("hashother", 32, 0)
        assert await nearest(library, base, "Gate 7 opens at word7.") == "Gate 7 opens at word7."
        assert (await library.verify(base)).problems == ()


async def test_without_the_old_model_words_serve_meanwhile(tmp_path):
    await taught(tmp_path)
    other = Gated(free=0)
    async with open_library(tmp_path / "data", other) as library:
        base = (await library.base("shared")).base_id
        library.reembed_all()
        await asyncio.wait_for(other.waits.wait(), 30)
        found = await find(library, base, "word7")
        assert found.lexical_only
        assert texts(found)[0] == "Gate 7 opens at word7."
        other.open.set()
        await settled(library)
        assert not (await find(library, base, "word7")).lexical_only


async def test_what_is_added_and_removed_meanwhile_is_there_and_gone_at_the_end(tmp_path):
    await taught(tmp_path)
    other = Gated(free=3)
    async with open_library(tmp_path / "data", other) as library:
        base = (await library.base("shared")).base_id
        library.reembed_all()
        await asyncio.wait_for(other.waits.wait(), 30)
        await add_text(library, base, tmp_path, "new.txt", "A new gate at wordnew.")
        assert texts(await find(library, base, "wordnew"))[0] == "A new gate at wordnew."
        await library.remove(base, "01.txt")
        await library.remove(base, "09.txt")
        other.open.set()
        await settled(library)
        assert await nearest(library, base, "A new gate at wordnew.") == "A new gate at wordnew."
        names = {document.name for document in await library.documents(base)}
        assert len(names) == FILES - 1
        assert (await library.verify(base)).problems == ()


async def test_a_base_whose_turn_has_not_come_takes_files_in(tmp_path):
    await taught(tmp_path)
    async with open_library(tmp_path / "data") as library:
        late = (await library.ensure_base("the late one")).base_id
        await add_text(library, late, tmp_path, "old.txt", "The old gate.")
    other = Gated(free=3)
    async with open_library(tmp_path / "data", other) as library:
        library.reembed_all()
        await asyncio.wait_for(other.waits.wait(), 30)
        await add_text(library, late, tmp_path, "new.txt", "A new gate at wordnew.")
        assert texts(await find(library, late, "wordnew"))[0] == "A new gate at wordnew."
        other.open.set()
        await settled(library)
        assert await nearest(library, late, "A new gate at wordnew.") == "A new gate at wordnew."
        assert (await library.verify(late)).problems == ()


async def test_what_was_still_being_read_at_the_swap_has_its_vectors(tmp_path):
    class Late(PlainReader):
        """Reads one file for longer than the re-embedding takes."""

        async def parse(self, upload, progress=None):
            if upload.name == "new.txt":
                reads.set()
                await swapped.wait()
            return await super().parse(upload, progress)

    await taught(tmp_path)
    reads, swapped = asyncio.Event(), asyncio.Event()
    other = Gated(free=3)
    async with open_library(tmp_path / "data", other, Late()) as library:
        base = (await library.base("shared")).base_id
        library.reembed_all()
        await asyncio.wait_for(other.waits.wait(), 30)
        adding = asyncio.create_task(
            add_text(library, base, tmp_path, "new.txt", "A new gate at wordnew.")
        )
        await asyncio.wait_for(reads.wait(), 30)
        other.open.set()
        await settled(library)
        swapped.set()
        await adding
        assert await nearest(library, base, "A new gate at wordnew.") == "A new gate at wordnew."
        assert (await library.verify(base)).problems == ()


async def test_nobody_waits_for_the_new_index(tmp_path, monkeypatch):
    await taught(tmp_path)
    async with open_library(tmp_path / "data", HashEmbedder(**OTHER)) as library:
        library.search_also_by(HashEmbedder())
        base = (await library.base("shared")).base_id
        await find(library, base, "word7")

        def read_whole(*_given):
            raise AssertionError("the base is read from the rows again")

        monkeypatch.setattr(ViewLoading, "load", read_whole)
        library.reembed_all()
        await settled(library)
        assert library._at.bases.get(base).view.fingerprint == HashEmbedder(**OTHER).fingerprint
        assert await nearest(library, base, "Gate 7 opens at word7.") == "Gate 7 opens at word7."
        assert (await library.verify(base)).problems == ()


async def test_what_is_removed_between_the_new_index_and_the_swap_is_gone(tmp_path, monkeypatch):
    await taught(tmp_path)
    async with open_library(tmp_path / "data", HashEmbedder(**OTHER)) as library:
        base = (await library.base("shared")).base_id
        await find(library, base, "word7")
        prepared = OpenBase.prepared

        def too_late(own, *given):
            index = prepared(own, *given)
            remove = library.remove(base, "07.txt")
            asyncio.run_coroutine_threadsafe(remove, loop).result(30)
            return index

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(OpenBase, "prepared", too_late)
        library.reembed_all()
        await settled(library)
        assert "word7" not in await nearest(library, base, "Gate 7 opens at word7.")
        assert (await library.verify(base)).problems == ()


async def test_what_another_process_embeds_between_the_new_index_and_the_swap_is_found(
    tmp_path, monkeypatch
):
    await taught(tmp_path)
    other = HashEmbedder(**OTHER)
    async with open_library(tmp_path / "data", other) as library:
        base = (await library.base("shared")).base_id
        await find(library, base, "word7")
        prepared = OpenBase.prepared

        async def by_another() -> None:
            await library.remove(base, "07.txt")
            added = await add_text(library, base, tmp_path, "new.txt", "A new gate at wordnew.")
            vectors = await other.embed_documents(["A new gate at wordnew."])
            keep = reembedding.keep_vectors
            document = added.document.document_id
            await asyncio.to_thread(keep, library._at.store, document, other.fingerprint, vectors)

        def too_late(own, *given):
            index = prepared(own, *given)
            asyncio.run_coroutine_threadsafe(by_another(), loop).result(30)
            return index

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(OpenBase, "prepared", too_late)
        assert await library._reembedding.run(base)
        assert await nearest(library, base, "A new gate at wordnew.") == "A new gate at wordnew."
        assert (await library.verify(base)).problems == ()


async def test_index_files_of_the_old_vectors_written_during_the_swap_are_not_read(
    tmp_path, monkeypatch
):
    await taught(tmp_path)
    for module in (view_loading, index):
        monkeypatch.setattr(module, "TAIL", 4)  # sealed, as in a large base
    other = Turned(salt="other")
    async with open_library(tmp_path / "data", other) as library:
        base = (await library.base("shared")).base_id
        await find(library, base, "word7")
        loop, save = asyncio.get_running_loop(), segments.save

        def meanwhile(*given):
            monkeypatch.setattr(segments, "save", save)
            swap = library._reembedding.run(base)
            assert asyncio.run_coroutine_threadsafe(swap, loop).result(30)
            return save(*given)

        monkeypatch.setattr(segments, "save", meanwhile)
        await library.snapshot()
        # Killed before the next one.
        monkeypatch.setattr(front, "write_snapshots", lambda *_given: None)
    async with open_library(tmp_path / "data", other) as library:
        assert await nearest(library, base, "Gate 7 opens at word7.") == "Gate 7 opens at word7."


async def test_an_embedder_that_does_not_answer_leaves_the_old_vectors(tmp_path, monkeypatch):
    await taught(tmp_path)
    async with open_library(tmp_path / "data", Failing(**OTHER)) as library:
        library.search_also_by(HashEmbedder())
        base = (await library.base("shared")).base_id
        with pytest.raises(EmbeddingUnavailableError):
            await library.rebuild(base)
        assert await nearest(library, base, "Gate 7 opens at word7.") == "Gate 7 opens at word7."


async def test_what_another_process_makes_by_another_model_waits_beside_ours(tmp_path):
    await taught(tmp_path)
    ours, theirs = Gated(free=5), Gated(free=7, salt="third")
    data = tmp_path / "data"
    async with open_library(data, ours) as library, open_library(data, theirs) as other:
        base = (await library.base("shared")).base_id
        for one, embedder in ((library, ours), (other, theirs)):
            one.reembed_all()
            await asyncio.wait_for(embedder.waits.wait(), 30)
        assert (await library.statistics(base)).reembedded == 7
        ours.open.set()
        await settled(library)
        assert ours.embedded == FILES  # each once
        assert (await library.base("shared")).fingerprint == ours.fingerprint
        assert await nearest(library, base, "Gate 7 opens at word7.") == "Gate 7 opens at word7."
        assert (await library.statistics(base)).reembedded == 7
        theirs.open.set()
        await settled(other)
        assert theirs.embedded == FILES
        assert (await other.base("shared")).fingerprint == theirs.fingerprint
        assert await nearest(other, base, "Gate 3 opens at word3.") == "Gate 3 opens at word3."
        for one in (library, other):
            assert (await one.statistics(base)).reembedded == 0
            assert (await one.verify(base)).problems == ()


async def test_vectors_of_a_model_that_nobody_runs_any_more_go_with_the_next_change(tmp_path):
    await taught(tmp_path)
    given_up = Gated(free=5)
    async with open_library(tmp_path / "data", given_up) as library:
        base = (await library.base("shared")).base_id
        library.reembed_all()
        await asyncio.wait_for(given_up.waits.wait(), 30)
    async with open_library(tmp_path / "data", Turned(salt="third")) as library:
        assert (await library.statistics(base)).reembedded == 5
        library.reembed_all()
        await settled(library)
        assert (await library.statistics(base)).reembedded == 0


async def test_half_a_change_goes_where_the_operator_takes_it_back(tmp_path):
    await taught(tmp_path)
    given_up = Gated(free=5)
    async with open_library(tmp_path / "data", given_up) as library:
        library.reembed_all()
        await asyncio.wait_for(given_up.waits.wait(), 30)
    async with open_library(tmp_path / "data") as library:
        base = (await library.base("shared")).base_id
        assert (await library.statistics(base)).reembedded == 5
        library.reembed_all()
        await settled(library)
        assert (await library.statistics(base)).reembedded == 0
        assert await nearest(library, base, "Gate 3 opens at word3.") == "Gate 3 opens at word3."
        assert (await library.verify(base)).problems == ()


async def test_a_base_whose_texts_stay_near_keeps_its_own_model_beside_the_others(tmp_path):
    await taught(tmp_path)
    other = HashEmbedder(**OTHER)
    async with open_library(tmp_path / "data", other) as library:

        async def may_embed(name: str) -> bool:
            return name != "shared"

        library.keeps_near(may_embed)
        library.search_also_by(HashEmbedder())
        near = (await library.base("shared")).base_id
        far = (await library.ensure_base("far")).base_id
        await add_text(library, far, tmp_path, "far.txt", "The far gate.")
        library.reembed_all()
        await settled(library)
        assert other.embedded == 1
        both = await library.search(Scope(frozenset({near, far})), "Gate 7 opens at word7.")
        assert not both.lexical_only
        assert texts(both)[0] == "Gate 7 opens at word7."


class Untold(HashEmbedder):
    """Knows its dimension once it has answered, as a server does."""

    told = False

    @property
    def dimension(self):
        if not self.told:
            raise EmbeddingUnavailableError(self.name)
        return super().dimension

    async def embed_documents(self, texts):
        self.told = True
        return await super().embed_documents(texts)

    async def embed_query(self, text):
        self.told = True
        return await super().embed_query(text)


async def test_killed_right_before_the_swap_it_swaps_with_a_server_that_was_asked_nothing_yet(
    tmp_path, monkeypatch
):
    await taught(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(reembedding, "swap_vectors", lambda *_given, **_named: 1 / 0)
        async with open_library(tmp_path / "data", HashEmbedder(**OTHER)) as library:
            base = (await library.base("shared")).base_id
            with pytest.raises(ZeroDivisionError):
                await library.rebuild(base)
    async with open_library(tmp_path / "data", Untold(**OTHER)) as library:
        library.reembed_all()
        await settled(library)
        assert await nearest(library, base, "Gate 7 opens at word7.") == "Gate 7 opens at word7."


CHILD = """
import asyncio, sys
from pathlib import Path
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import open_library

class Slow(HashEmbedder):
    async def embed_documents(self, texts):
        if self.embedded == {stop}:
            print("there", flush=True)
            await asyncio.sleep(600)
        return await super().embed_documents(texts)

async def main():
    async with open_library(Path(sys.argv[1]), Slow(dimension=32, salt="other")) as library:
        library.reembed_all()
        await asyncio.sleep(600)

asyncio.run(main())
"""


def killed_after(folder: Path, texts: int) -> None:
    """Re-embed in a process of its own, and kill it when it has embedded so many."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD.replace("{stop}", str(texts)), str(folder)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"there\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()


async def test_killed_it_goes_on_where_it_was(tmp_path):
    await taught(tmp_path)
    await asyncio.to_thread(killed_after, tmp_path / "data", 5)
    async with open_library(tmp_path / "data") as library:
        base = (await library.base("shared")).base_id
        assert await nearest(library, base, "Gate 7 opens at word7.") == "Gate 7 opens at word7."
        assert (await library.verify(base)).problems == ()
    other = HashEmbedder(**OTHER)
    async with open_library(tmp_path / "data", other) as library:
        library.reembed_all()
        await settled(library)
        assert other.embedded == FILES - 5
        assert await nearest(library, base, "Gate 7 opens at word7.") == "Gate 7 opens at word7."
        assert (await library.verify(base)).problems == ()
