"""The side of a library that carries bases in and out: exports, and folders of LangChain's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from knowledge_base import bundle, prebuilt
from knowledge_base.adding import Adding
from knowledge_base.embedders.base import Vectors
from knowledge_base.ingest import Made, Progress
from knowledge_base.models import Added, BaseId, ChunkDraft, KnowledgeBase, Upload
from knowledge_base.prebuilt import Prebuilt, PrebuiltDocument, PrebuiltFolder
from knowledge_base.reading import BundleEntry
from knowledge_base.threads import run
from knowledge_base.uploads import discard, require_file


class Carrying(Adding):
    """Writes bases to files and takes in what others wrote."""

    async def export(
        self,
        base: KnowledgeBase,
        path: Path,
        *,
        uploaders: bool = True,
        told: Callable[[int, int], None] = bundle.nobody,
    ) -> bundle.Bundled:
        """Write a base to a new zip: its originals and a manifest. Raises `StorageFullError`.

        `told` is called in another thread: documents written, of how many.
        """
        documents = await self.documents(base.base_id)
        write = partial(
            bundle.write, path, base.name, documents, self._at.originals,
            uploaders=uploaders, told=told,
        )  # fmt: skip
        return await run(self._at.threads.files, write)

    @asynccontextmanager
    async def bundle(self, upload: Upload) -> AsyncIterator[tuple[BundleEntry, ...]]:
        """The documents of an exported base, checked whole; files until the context is left.

        Raises `RejectedDocumentError`.
        """
        files, originals = self._at.threads.files, self._at.originals
        await run(files, partial(require_file, upload))
        scratch = await run(files, partial(originals.scratch, self._at.lease.holder), discard)
        try:
            yield await self._at.reader.unbundle(upload, scratch)
        finally:
            await run(files, partial(discard, scratch))

    async def restore(
        self,
        base: BaseId,
        entry: BundleEntry,
        progress: Progress | None = None,
        batch: str | None = None,
    ) -> Added | None:
        """Add a document of a bundle. None: the base has a newer one of that name, which stays.
        An older one rests, with a batch.

        Raises what `add` raises.
        """
        told, path = entry
        held = await self.document(base, told.name)
        differs = held is not None and held.sha256 != told.sha256
        if differs and held and (told.added is None or told.added < held.added_at):
            return None
        return await self.add(base, replace(told.upload(path), batch=batch), progress)

    @asynccontextmanager
    async def prebuilt(self, folder: Path) -> AsyncIterator[Prebuilt]:
        """A folder that LangChain wrote, until the context is left.

        Raises `InaccessibleFileError`, `UnreadableDocumentError`, `EmbeddingUnavailableError`.
        """
        files, originals = self._at.threads.files, self._at.originals
        found = await run(files, partial(prebuilt.find, folder))
        vectors = await run(files, partial(prebuilt.read_index, found.index))
        scratch = await run(files, partial(originals.scratch, self._at.lease.holder), discard)
        try:
            upload = Upload(found.texts.name, found.texts)
            documents = await self._at.reader.langchain(upload, scratch)
            yield await self._compared(found, vectors, documents)
        finally:
            await run(files, partial(discard, scratch))

    async def _compared(
        self, folder: PrebuiltFolder, vectors: Vectors, documents: Sequence[Upload]
    ) -> Prebuilt:
        """The folder with what a sample of it says of the embedder that made its vectors."""
        files = self._at.threads.files
        told = tuple(PrebuiltDocument(d.name, d.path) for d in documents)
        rows: list[int] = []
        chunks: list[ChunkDraft] = []
        total, each = 0, max(1, prebuilt.SAMPLE // max(1, len(told)))
        for document in told:
            own, drafts = await run(files, partial(prebuilt.passages_of, document))
            total += len(drafts)
            if len(rows) < prebuilt.SAMPLE:
                rows += own[:each]
                chunks += drafts[:each]
        same, seconds = False, None
        if self._at.embedder is not None and chunks:
            sample = await run(files, partial(prebuilt.vectors_of, vectors, rows))
            same, rate = await prebuilt.compared(self._at.embedder, chunks, sample)
            seconds = 0.0 if same else total / rate
        return Prebuilt(folder, told, vectors, total, same, seconds)

    async def adopt(
        self,
        base: BaseId,
        folder: Prebuilt,
        document: PrebuiltDocument,
        progress: Progress | None = None,
        batch: str | None = None,
    ) -> Added:
        """Add one of its documents: with its vectors where they are of our embedder, else embedded.
        What it replaces rests, with a batch.

        Raises what `add` raises.
        """
        files = self._at.threads.files
        rows, chunks = await run(files, partial(prebuilt.passages_of, document))
        vectors = None
        if folder.is_same_embedder:
            vectors = await run(files, partial(prebuilt.vectors_of, folder.vectors, rows))
        made = Made(await run(files, partial(prebuilt.parsed, chunks)), vectors)
        path = document.file.with_suffix(".original")
        stand_in = partial(prebuilt.original, folder.folder.content, document.name, chunks, path)
        upload = Upload(document.name, await run(files, stand_in), batch=batch)
        return await self.add_made(base, upload, made, progress)
