"""One file into a base: staged, claimed, placed, read, embedded, stored in one transaction."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np

from knowledge_base import claims, documents
from knowledge_base.claims import Claim, Claimed, ClaimOutcome, Held, Holder
from knowledge_base.documents import MadeBy
from knowledge_base.embedders.base import Embedder, Vectors
from knowledge_base.errors import (
    EmbedderMismatchError,
    EmbeddingUnavailableError,
    EmptyDocumentError,
    InaccessibleFileError,
    KeptNearError,
    KnowledgeError,
    NoSuchBaseError,
)
from knowledge_base.leases import Lease
from knowledge_base.models import (
    Added,
    AddState,
    BaseId,
    Chunk,
    ChunkDraft,
    DocumentId,
    IngestProgress,
    ParsedDocument,
    Stage,
    Upload,
)
from knowledge_base.offloop import blocking
from knowledge_base.open_bases import OpenBases
from knowledge_base.originals import Originals, Staged
from knowledge_base.reading import FileReader
from knowledge_base.splitter import embedded
from knowledge_base.store import Store
from knowledge_base.threads import Threads, run
from knowledge_base.uploads import require_file
from knowledge_base.versions import Committed

log = logging.getLogger(__name__)

SLICE = 64
"""Passages between two reports of progress, to begin with; several of the embedder's batches."""
MOST_SLICE = 4096
SLICE_SECONDS = 2.0
"""What takes less is made larger: a card, or a server that answers several requests at once, is
kept busy by far more passages than a processor needs for as long."""
POLL_SECONDS = 0.05

Progress = Callable[[IngestProgress], None]
MayEmbed: TypeAlias = Callable[[str], Awaitable[bool]]
"""Whether the texts of the base of this name may go to the embedder now."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What adding a file needs."""

    store: Store
    originals: Originals
    bases: OpenBases
    reader: FileReader
    embedder: Embedder | None
    lease: Lease
    threads: Threads
    max_file_mb: int


@dataclass(frozen=True, slots=True)
class Made:
    """A document's chunks, and their vectors where the base's embedder made them already."""

    parsed: ParsedDocument
    vectors: Vectors | None = None


async def anywhere(_base: str) -> bool:
    """The embedder is here, or the operator's bases alone are at stake."""
    return True


class Ingestion:
    """Adds files. Several at once are fine: also of the same bytes, also from other processes."""

    def __init__(self, workshop: Workshop) -> None:
        self._at = workshop
        self._unreleased: list[Claim] = []
        self._settling = False
        self.may_embed: MayEmbed = anywhere
        self.changing: set[BaseId] = set()
        """Bases that are being re-embedded: what is added there gets its vectors with the rest."""

    async def is_near(self, base_id: BaseId) -> bool:
        """Whether the base's texts may go to the embedder. Raises `NoSuchBaseError`."""
        if self.may_embed is anywhere:
            return True
        return await self.may_embed(await run(self._at.threads.files, partial(self._name, base_id)))

    async def _require_near(self, base_id: BaseId) -> None:
        embedder = self._at.embedder
        if embedder is not None and not await self.is_near(base_id):
            name = await run(self._at.threads.files, partial(self._name, base_id))
            raise KeptNearError(name, embedder.name)

    @blocking
    def _name(self, base_id: BaseId) -> str:
        with self._at.store.read() as rows:
            base = rows.bases.find(base_id)
        if base is None:
            raise NoSuchBaseError(str(base_id))
        return base.name

    async def add(
        self, base_id: BaseId, upload: Upload, progress: Progress, made: Made | None = None
    ) -> Added:
        """When this returns, the document is durable and searchable; when it raises, or is
        cancelled, the base is as it was. `made`: what it is made of already."""
        files, originals = self._at.threads.files, self._at.originals
        embeds = await run(files, partial(self._check_embedder, base_id))
        if not embeds and made is not None:
            made = replace(made, vectors=None)
        if embeds and (made is None or made.vectors is None):
            await self._require_near(base_id)
        staged = await run(files, partial(self._stage, upload), originals.discard)
        try:
            claimed = await self._claim(base_id, upload, staged)
            if isinstance(claimed, Held):
                await run(files, partial(self._mend_original, staged))
                gone = claimed.outdated.document if claimed.outdated else None
                return Added(claimed.document, AddState.UNCHANGED, gone=gone)
            return await self._fill(claimed, staged, progress, made, embeds=embeds)
        finally:
            await run(files, partial(originals.discard, staged))

    @blocking
    def _mend_original(self, staged: Staged) -> None:
        """What is stored already may have lost its file, or a part of it."""
        if not self._at.originals.intact(staged.sha256):
            log.warning("an original was missing or damaged: it is there again")
            self._at.originals.place(staged)

    async def embed_missing(self, base_id: BaseId) -> None:
        """Give documents that were added without an embedder their vectors."""
        embedder, threads = self._at.embedder, self._at.threads
        if embedder is None:
            return
        bare = await run(threads.files, partial(self._bare, base_id))
        if not bare:
            return
        await self._require_near(base_id)
        await run(threads.files, partial(self._check_embedder, base_id))
        made_by = MadeBy(embedder.fingerprint, embedder.name)
        for document_id in bare:
            chunks = await run(threads.files, partial(self.chunks, document_id))
            if not chunks:
                continue  # removed meanwhile
            vectors = await embed_chunks(embedder, chunks, lambda _: None)
            keep = partial(
                documents.add_vectors, self._at.store, base_id, document_id, vectors, made_by
            )
            await run(threads.write, keep)

    @blocking
    def _bare(self, base_id: BaseId) -> list[DocumentId]:
        with self._at.store.read() as rows:
            return [
                span.document_id for span in rows.documents.live_spans(base_id) if not span.embedded
            ]

    @blocking
    def chunks(self, document_id: DocumentId) -> list[Chunk]:
        """Of a live document; none where it is gone."""
        with self._at.store.read() as rows:
            return list(rows.chunks.of(document_id))

    async def _claim(self, base_id: BaseId, upload: Upload, staged: Staged) -> Claim | Held:
        store, lease = self._at.store, self._at.lease
        while True:
            claim = partial(self._claim_now, base_id, upload, staged)
            outcome = await run(self._at.threads.write, claim, self._release)
            if not isinstance(outcome, Claimed):
                return outcome
            # Somebody is adding these bytes: their outcome decides whether we need to.
            pending = partial(claims.is_pending, store, outcome.document_id, lease.alive)
            while await run(self._at.threads.files, pending):
                if self._unreleased:  # it may be one of ours, that nobody is at any more
                    await run(self._at.threads.write, self._release_again)
                await asyncio.sleep(POLL_SECONDS)

    async def _fill(
        self,
        claim: Claim,
        staged: Staged,
        progress: Progress,
        made: Made | None,
        *,
        embeds: bool,
    ) -> Added:
        threads = self._at.threads
        try:
            path = await run(threads.files, partial(self._at.originals.place, staged))
            if made is None:
                made = Made(await self._parse(replace(claim.upload, path=path), progress))
            committed = await self._stored(claim, made, progress, embeds=embeds)
            self._settle_soon()
        except BaseException:
            await run(threads.write, partial(self._release, claim))
            raise
        progress(IngestProgress(Stage.STORING, 1, 1))
        state = AddState.ADDED if committed.replaced is None else AddState.REPLACED
        return Added(committed.document, state, made.parsed.unread)

    async def _stored(
        self, claim: Claim, made: Made, progress: Progress, *, embeds: bool
    ) -> Committed:
        """With its vectors, unless the base gets new ones just now, this document's with the rest.
        Where it has them all by then, nobody would make those of a late one: they are made here."""
        vectors = made.vectors
        while True:
            if vectors is None and embeds:
                vectors = await self._embed(made.parsed, progress)
            progress(IngestProgress(Stage.STORING, 0, 1))
            commit = partial(self._commit, claim, made.parsed, vectors)
            if (committed := await run(self._at.threads.write, commit)) is not None:
                return committed
            await self._require_near(claim.base_id)
            embeds = True

    def _settle_soon(self) -> None:
        """After what waits to be written already; nobody waits for it."""
        if not self._settling:
            self._settling = True
            self._at.threads.write.submit(self._settle)

    @blocking
    def _settle(self) -> None:
        self._settling = False
        self._at.store.settle()

    async def _parse(self, upload: Upload, progress: Progress) -> ParsedDocument:
        def reading(done: int, total: int | None) -> None:
            progress(IngestProgress(Stage.READING, done, total))

        parsed = await self._at.reader.parse(upload, reading)
        if not parsed.chunks:
            raise EmptyDocumentError(upload.name)
        return parsed

    async def _embed(self, parsed: ParsedDocument, progress: Progress) -> Vectors | None:
        if self._at.embedder is None:
            return None
        total = len(parsed.chunks)
        return await embed_chunks(
            self._at.embedder,
            parsed.chunks,
            lambda done: progress(IngestProgress(Stage.EMBEDDING, done, total)),
        )

    @blocking
    def _check_embedder(self, base_id: BaseId) -> bool:
        """Refuse before the work, rather than after it; whether what is added is embedded now."""
        embedder = self._at.embedder
        with self._at.store.read() as rows:
            base = rows.bases.find(base_id)
            if base is None:
                raise NoSuchBaseError(str(base_id))
            if base.fingerprint is None or not rows.vectors.has_any(base_id):
                return True
            made_by = rows.bases.embedder_name(base_id) or base.fingerprint
        if embedder is None:
            raise EmbeddingUnavailableError(made_by)
        if embedder.fingerprint == base.fingerprint:
            return True
        if base_id not in self.changing:
            raise EmbedderMismatchError(base.name, made_by, embedder.name)
        return False

    @blocking
    def _stage(self, upload: Upload) -> Staged:
        require_file(upload)
        try:
            return self._at.originals.stage(
                upload.path, upload.name, self._at.lease.holder, self._at.max_file_mb
            )
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            if error.filename != str(upload.path):
                raise  # ours, not the file's fault
            raise InaccessibleFileError(upload.name) from error

    @blocking
    def _claim_now(self, base_id: BaseId, upload: Upload, staged: Staged) -> ClaimOutcome:
        self._release_again()
        at = self._at
        holder = Holder(at.lease.holder, at.lease.alive)
        outcome = claims.claim(at.store, base_id, upload, staged.sha256, staged.size, holder)
        if isinstance(outcome, Held) and (outdated := outcome.outdated) is not None:
            at.bases.apply(base_id, outdated)
            self._collect(outdated.document.sha256, *outdated.dropped)
        return outcome

    @blocking
    def _commit(
        self, claim: Claim, parsed: ParsedDocument, vectors: Vectors | None
    ) -> Committed | None:
        """None where it has no vectors, and the base is searched by those of our embedder."""
        at = self._at
        if vectors is None and self._is_served(claim.base_id):
            return None
        made_by = MadeBy(at.embedder.fingerprint, at.embedder.name) if at.embedder else None
        committed = documents.commit(at.store, claim, parsed, vectors, made_by)
        fingerprint = made_by.fingerprint if made_by and vectors is not None else None
        packed = [draft.terms for draft in parsed.chunks]
        at.bases.apply(claim.base_id, committed, packed, vectors, fingerprint)
        if committed.replaced is not None:
            self._collect(committed.replaced.sha256, *committed.dropped)
        return committed

    def _is_served(self, base_id: BaseId) -> bool:
        embedder = self._at.embedder
        if embedder is None:
            return False
        with self._at.store.read() as rows:
            base = rows.bases.find(base_id)
            served = base is not None and base.fingerprint == embedder.fingerprint
            return served and rows.vectors.has_any(base_id)

    def _collect(self, *hashes: str) -> None:
        for sha256 in hashes:
            collect(self._at.store, self._at.originals, sha256)

    @blocking
    def _release_again(self) -> None:
        for claim in tuple(self._unreleased):
            self._unreleased.remove(claim)
            self._release(claim)

    @blocking
    def _release(self, outcome: ClaimOutcome) -> None:
        if not isinstance(outcome, Claim):
            return
        try:
            claims.release(self._at.store, outcome, self._at.originals.delete)
        except (KnowledgeError, OSError):
            # The disk is full, or another process writes and writes: others wait for this claim
            # for as long as we live, so it is tried again by whoever waits, and with the next file.
            log.warning("the claim on a file is not released yet", exc_info=True)
            self._unreleased.append(outcome)


@blocking
def collect(store: Store, originals: Originals, sha256: str) -> None:
    """Delete an original that nothing refers to any more; if it cannot be now, at a next start."""
    try:
        claims.collect(store, sha256, originals.delete)
    except (KnowledgeError, OSError):
        log.warning("an original is not deleted yet: %s", sha256, exc_info=True)


async def embed_chunks(
    embedder: Embedder,
    chunks: Sequence[ChunkDraft | Chunk],
    progress: Callable[[int], None],
    clock: Callable[[], float] = time.monotonic,
) -> Vectors:
    """Shape (len(chunks), dimension); the heading is embedded with the text."""
    texts = [embedded(chunk.text, chunk.heading) for chunk in chunks]
    made: list[Vectors] = []
    start, size = 0, SLICE
    while start < len(texts):
        progress(start)
        begun = clock()
        made.append(await embedder.embed_documents(texts[start : start + size]))
        start += size
        if clock() - begun < SLICE_SECONDS:
            size = min(2 * size, MOST_SLICE)
    progress(len(texts))
    return np.concatenate(made)
