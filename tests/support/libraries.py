"""Libraries for tests: hashed embeddings, no worker process, short waits."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from knowledge_base.library import Library
from knowledge_base.models import Added, BaseId, Legs, Scope, SearchResult, Upload
from knowledge_base.settings import KnowledgeSettings
from knowledge_base.web import WebPages
from tests.support.hash_embeddings import HashEmbedder
from tests.support.plain_reader import PlainReader

SETTINGS = KnowledgeSettings(busy_seconds=5.0)


def open_library(
    folder: Path,
    embedder: HashEmbedder | None = None,
    reader: PlainReader | None = None,
    settings: KnowledgeSettings = SETTINGS,
    pages: WebPages | None = None,
) -> AbstractAsyncContextManager[Library]:
    """A library that embeds by hashes and reads plain text."""
    return Library.open(
        folder, embedder or HashEmbedder(), settings, reader=reader or PlainReader(), pages=pages
    )


async def add_text(library: Library, base: BaseId, folder: Path, name: str, text: str) -> Added:
    """Add a text as a file of that name."""
    path = folder / f"given-{name.replace('/', '_')}"
    path.write_text(text, encoding="utf-8")
    return await library.add(base, Upload(name, path))


async def find(library: Library, base: BaseId, question: str, limit: int = 10) -> SearchResult:
    """Search one base by both legs."""
    return await library.search(Scope(frozenset({base})), question, limit=limit, legs=Legs.BOTH)


def texts(result: SearchResult) -> list[str]:
    """What was found, best first."""
    return [passage.chunk.text for passage in result.passages]
