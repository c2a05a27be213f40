"""A reader in this process for short texts, whose paragraphs are chunks, and for notes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from knowledge_base.bundle import unpack
from knowledge_base.errors import EmptyDocumentError, UnreadableDocumentError
from knowledge_base.loaders.archive import extract
from knowledge_base.loaders.langchain import lay_out
from knowledge_base.models import ChunkDraft, FileText, ParsedDocument, Picture, Section, Upload
from knowledge_base.notes import MEDIA_TYPE, note_of
from knowledge_base.reading import BundleEntry
from knowledge_base.settings import ReaderLimits
from knowledge_base.splitter import searched
from knowledge_base.terms import pack_terms, terms_of
from tests.support.pictures import redrawn

PICTURED = "[nothing but a picture]"


class PlainReader:
    """The `FileReader` port. A text that begins with "broken" cannot be read; its paragraphs are
    its pages, and one that says `PICTURED` alone is a page that nothing is read of.

    While `gate` is cleared, parsing waits for it.
    """

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.parsed: list[str] = []
        self.expected = 0
        self._begun = asyncio.Condition()

    def expect(self) -> None:
        self.expected += 1

    async def begun(self, count: int) -> None:
        """Until that many files have begun to be read."""
        async with self._begun:
            await self._begun.wait_for(lambda: len(self.parsed) >= count)

    async def parse(
        self, upload: Upload, progress: Callable[[int, int | None], None] | None = None
    ) -> ParsedDocument:
        async with self._begun:
            self.parsed.append(upload.name)
            self._begun.notify_all()
        text = await asyncio.to_thread(upload.path.read_text, encoding="utf-8")
        await self.gate.wait()
        if upload.media_type == MEDIA_TYPE:
            note = note_of(text.encode())
            if note is None:
                raise UnreadableDocumentError(upload.name, MEDIA_TYPE)
            packed = pack_terms(terms_of(searched(note.answer, note.question, upload.name)))
            draft = ChunkDraft(note.answer, note.question, None, packed)
            return ParsedDocument(MEDIA_TYPE, None, (draft,))
        if text.startswith("broken"):
            raise UnreadableDocumentError(upload.name, "text/plain")
        pages = [part for part in text.split("\n\n") if part.strip()]
        parts = [part for part in pages if part.strip() != PICTURED]
        if not parts:
            raise EmptyDocumentError(upload.name)
        if progress is not None:
            progress(1, 1)
        drafts = (ChunkDraft(part, None, None, pack_terms(terms_of(part))) for part in parts)
        kind = upload.media_type or "text/plain"
        return ParsedDocument(kind, None, tuple(drafts), _pictured(pages))

    async def text(self, upload: Upload) -> FileText:
        try:
            text = await asyncio.to_thread(upload.path.read_text, encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UnreadableDocumentError(upload.name, "text/plain") from error
        pages = [part for part in text.split("\n\n") if part.strip()]
        said = "\n\n".join(part for part in pages if part.strip() != PICTURED)
        return FileText((Section(said),), _pictured(pages))

    async def extract(self, upload: Upload, destination: Path) -> tuple[Upload, ...] | None:
        return None

    async def redraw(self, upload: Upload, destination: Path, side: int) -> Picture:
        return await redrawn(upload, destination, side)

    async def aclose(self) -> None:
        return None

    async def unbundle(self, upload: Upload, destination: Path) -> tuple[BundleEntry, ...]:
        found = await asyncio.to_thread(
            unpack, upload.path, upload.name, ReaderLimits(), destination
        )
        return tuple(found)

    async def langchain(self, upload: Upload, destination: Path) -> tuple[Upload, ...]:
        found = await asyncio.to_thread(
            lambda: list(lay_out(upload.path, upload.name, ReaderLimits(), destination))
        )
        return tuple(Upload(name, path) for name, path in found)


class Unzipping(PlainReader):
    """Opens archives too."""

    async def extract(self, upload: Upload, destination: Path) -> tuple[Upload, ...] | None:
        found = await asyncio.to_thread(
            extract, upload.path, upload.name, ReaderLimits(), destination
        )
        return tuple(found)


def _pictured(pages: list[str]) -> tuple[int, ...]:
    return tuple(number for number, page in enumerate(pages, 1) if page.strip() == PICTURED)
