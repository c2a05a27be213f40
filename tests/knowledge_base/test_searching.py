"""A question waits neither for measuring nor for a closer look without an end."""

from __future__ import annotations

import asyncio
import threading

import numpy as np

from knowledge_base import closeness, searching
from tests.support.hash_embeddings import HashEmbedder
from tests.support.libraries import add_text, find, open_library, texts

QUESTION = "At what hour does gate 7 open?"


class Slow(HashEmbedder):
    """Answers people at once; whatever else is asked of it waits."""

    def __init__(self):
        super().__init__()
        self.go = asyncio.Event()

    async def embed_query(self, text):
        if text != QUESTION:
            await self.go.wait()
        return await super().embed_query(text)


async def test_a_slow_embedder_keeps_the_first_question_for_a_while_and_not_for_longer(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(searching, "MEASURING_SECONDS", 0.01)
    embedder = Slow()
    async with open_library(tmp_path / "data", embedder) as library:
        base = (await library.ensure_base("shared")).base_id
        for number in range(12):
            text = f"Gate {number} opens at {number} and closes when the guard of it goes home."
            await add_text(library, base, tmp_path, f"{number}.txt", text)
        async with asyncio.timeout(30):
            found = await find(library, base, QUESTION)
        assert texts(found)[0].startswith("Gate 7 opens")
        assert not found.lexical_only
        assert library._at.bases.get(base).view.measured is None
        embedder.go.set()
        await asyncio.gather(*library._measuring._tasks.values())
        assert library._at.bases.get(base).view.measured is not None


class Stuck:
    """Reads nothing before it is let."""

    def __init__(self):
        self.let = threading.Event()

    def query(self, text):
        self.let.wait(30)
        return np.eye(3, dtype=np.float32)

    def passage(self, text):
        return np.eye(3, dtype=np.float32)


async def test_a_closer_look_that_has_no_time_changes_nothing_and_is_not_told(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(closeness, "DOUBT", (0.0, 1.0))
    reader = Stuck()
    async with open_library(tmp_path / "data", HashEmbedder()) as library:
        base = (await library.ensure_base("shared")).base_id
        for number in range(12):
            text = f"Gate {number} opens at {number} and closes when the guard of it goes home."
            await add_text(library, base, tmp_path, f"{number}.txt", text)
        before = await find(library, base, QUESTION)
        close = closeness.CloseLook(lambda: reader, budget_seconds=0.01)
        library.look_closely(close)
        found = await find(library, base, QUESTION)
        assert texts(found)[: len(texts(before))] == texts(before)
        assert not found.looked_once
        reader.let.set()
        await close.aclose()


class Letters:
    """A token for each of a few runs of letters, each in a direction of its own."""

    RUNS = ("gate", "yellow", "blue", "rain")

    def __init__(self):
        self.read = []

    def query(self, text):
        return np.eye(4, dtype=np.float32)[[at for at, run in enumerate(self.RUNS) if run in text]]

    def passage(self, text):
        self.read.append(text)
        return self.query(text)

    def places(self, text):
        return [text.rindex(run) for run in self.RUNS if run in text]


async def test_what_a_closer_look_read_helps_to_choose_what_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setattr(closeness, "DOUBT", (0.0, 1.0))
    monkeypatch.setattr("knowledge_base.quoting._NEARNESS", 9.0)
    question = "Is the gate yellow or blue?"
    by_words, by_tokens = "The gate is yellow, or is it blue?", "Read xgate-xyellow-xblue."
    async with open_library(tmp_path / "data", HashEmbedder()) as library:
        base = (await library.ensure_base("shared")).base_id
        await add_text(library, base, tmp_path, "gates.txt", f"{by_words} It rains. {by_tokens}")
        await add_text(library, base, tmp_path, "ferry.txt", "The ferry sails at nine.")
        found = await find(library, base, question)
        assert (await library.quote(question, found.passages))[0].text == by_words
        reader = Letters()
        close = closeness.CloseLook(lambda: reader, budget_seconds=60.0)
        library.look_closely(close)
        found = await find(library, base, question)
        read = list(reader.read)
        assert (await library.quote(question, found.passages))[0].text == by_tokens
        by_words_alone = await library.quote(question, found.passages, by_words=True)
        assert by_words_alone[0].text == by_words
        assert reader.read == read
        await close.aclose()
