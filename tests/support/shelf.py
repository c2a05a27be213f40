"""A library in memory: bases, documents of one passage each, search by shared words."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from knowledge_base.errors import (
    NoSuchBaseError,
    NoSuchDocumentError,
    RejectedDocumentError,
    UnsupportedFormatError,
)
from knowledge_base.models import (
    Added,
    AddState,
    BaseId,
    BaseStatistics,
    Chunk,
    ChunkId,
    Document,
    DocumentId,
    DocumentState,
    FileText,
    IngestProgress,
    KnowledgeBase,
    Legs,
    Passage,
    Picture,
    Quotation,
    Scope,
    SearchResult,
    Section,
    Stage,
    Upload,
    base_of,
    chunk_id,
)
from tests.support.pictures import redrawn

THRESHOLD = 0.3
ADDED_AT = datetime(2026, 5, 4, tzinfo=UTC)


class Shelf:
    """What `Library` promises, as far as the core asks it; relevance is the share of words."""

    def __init__(self) -> None:
        self._bases: dict[str, KnowledgeBase] = {}
        self._passages: dict[ChunkId, Passage] = {}
        self.searched: list[str] = []
        self.legs: list[Legs] = []
        self.scopes: list[Scope] = []
        self.failure: Exception | None = None
        self.lexical_only = False

    def expect_file(self) -> None:
        return

    async def read(self, upload: Upload) -> FileText:
        content = await asyncio.to_thread(upload.path.read_bytes)
        return FileText((Section(content.decode("utf-8", "replace")),))

    async def redraw(self, upload: Upload, destination: Path, side: int) -> Picture:
        return await redrawn(upload, destination, side)

    def put(self, base: str, name: str, text: str, *, page: int | None = None) -> Passage:
        """A document of one passage, there at once."""
        home = self._bases.setdefault(
            base, KnowledgeBase(BaseId(len(self._bases) + 1), base, None, None, 1)
        )
        number = len(self._passages) + 1
        document = Document(
            DocumentId(number),
            home.base_id,
            name,
            DocumentState.READY,
            1,
            "0" * 64,
            len(text.encode()),
            "text/markdown",
            1,
            ADDED_AT,
        )
        chunk = Chunk(chunk_id(home.base_id, number), document.document_id, 0, text, None, page)
        passage = Passage(chunk, document, 1.0)
        self._passages[chunk.chunk_id] = passage
        return passage

    async def bases(self) -> tuple[KnowledgeBase, ...]:
        return tuple(self._bases.values())

    async def base(self, name: str) -> KnowledgeBase:
        if name not in self._bases:
            raise NoSuchBaseError(name)
        return self._bases[name]

    async def ensure_base(self, name: str) -> KnowledgeBase:
        return self._bases.setdefault(
            name, KnowledgeBase(BaseId(len(self._bases) + 1), name, None, None, 1)
        )

    async def rename(self, name: str, new: str) -> bool:
        if name not in self._bases or new in self._bases:
            return False
        self._bases[new] = replace(self._bases.pop(name), name=new)
        return True

    async def copy(
        self,
        document: Document,
        base: BaseId,
        progress: Callable[[IngestProgress], None] | None = None,
    ) -> Added:
        home = next(own for own in self._bases.values() if own.base_id == base)
        text = next(
            p.chunk.text
            for p in self._passages.values()
            if p.document.document_id == document.document_id
        )
        return Added(self.put(home.name, document.name, text).document, AddState.ADDED)

    async def document(self, base: BaseId, name: str) -> Document | None:
        return next((one for one in await self.documents(base) if one.name == name), None)

    async def documents(self, base: BaseId) -> tuple[Document, ...]:
        found = [p.document for p in self._passages.values() if p.document.base_id == base]
        return tuple(sorted(found, key=lambda document: document.name))

    async def statistics(self, base: BaseId) -> BaseStatistics:
        documents = await self.documents(base)
        name = next(own.name for own in self._bases.values() if own.base_id == base)
        size = sum(document.size for document in documents)
        return BaseStatistics(name, len(documents), len(documents), size, None, None, "none")

    rest_days = 7

    async def remove(self, base: BaseId, name: str, batch: str | None = None) -> Document:
        for chunk, passage in self._passages.items():
            if passage.document.base_id == base and passage.document.name == name:
                del self._passages[chunk]
                return passage.document
        names = tuple(document.name for document in await self.documents(base))
        raise NoSuchDocumentError(name, names)

    async def add(
        self,
        base: BaseId,
        upload: Upload,
        progress: Callable[[IngestProgress], None] | None = None,
    ) -> Added:
        if upload.name.endswith(".bin"):
            raise UnsupportedFormatError(upload.name, "application/octet-stream")
        if progress is not None:
            progress(IngestProgress(Stage.READING, 1, 1))
        home = next(own for own in self._bases.values() if own.base_id == base)
        text = upload.path.read_text(encoding="utf-8")
        return Added(self.put(home.name, upload.name, text).document, AddState.ADDED)

    @asynccontextmanager
    async def uploads(
        self, paths: Sequence[Path], uploader: str | None = None, uploader_id: str | None = None
    ) -> AsyncGenerator[AsyncGenerator[Upload | RejectedDocumentError, None], None]:
        async def found() -> AsyncGenerator[Upload | RejectedDocumentError, None]:
            for path in paths:
                yield Upload(path.name, path, uploader, uploader_id)

        async with aclosing(found()) as uploads:
            yield uploads

    async def passage(self, scope: Scope, chunk: ChunkId) -> Passage | None:
        return self._passages.get(chunk) if base_of(chunk) in scope.bases else None

    async def search(
        self,
        scope: Scope,
        query: str,
        *,
        limit: int | None = None,
        threshold: float | None = None,
        legs: Legs = Legs.BOTH,
    ) -> SearchResult:
        self.searched.append(query)
        self.legs.append(legs)
        self.scopes.append(scope)
        if self.failure is not None:
            raise self.failure
        asked = _words(query)
        ranked = sorted(
            (
                Passage(p.chunk, p.document, len(asked & _words(p.chunk.text)) / (len(asked) or 1))
                for p in self._passages.values()
                if p.document.base_id in scope.bases
            ),
            key=lambda passage: -passage.relevance,
        )[:limit]
        threshold = THRESHOLD if threshold is None else threshold
        refused = not ranked or ranked[0].relevance < threshold
        return SearchResult(tuple(ranked), refused, threshold, self.lexical_only)

    async def quote(
        self, question: str, passages: Sequence[Passage], limit: int = 1, *, by_words: bool = False
    ) -> tuple[Quotation, ...]:
        """The first sentence of the first passages."""
        return tuple(
            Quotation(n, re.split(r"(?<=[.。])", passage.chunk.text)[0], 0, passage.relevance)
            for n, passage in enumerate(passages[:limit])
        )


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+|[\u3400-\u9fff]", text.lower()))
