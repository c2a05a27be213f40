"""The front of the knowledge bases: everything a bot or a shell does with them, asynchronously."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from knowledge_base import bundle, erasing, finding, notes, prebuilt, quoting, resting, stages
from knowledge_base.bases import OpenBases
from knowledge_base.embedders.base import Embedder, TokenizerSpec, Vectors
from knowledge_base.erasing import Documents, Doomed, Erased
from knowledge_base.errors import (
    EmbeddingUnavailableError,
    InaccessibleFileError,
    KeptNearError,
    KnowledgeError,
    NameTakenError,
    NoSuchBaseError,
    NoSuchDocumentError,
    NotRestingError,
)
from knowledge_base.extras import reads_pictures
from knowledge_base.ingest import Ingestion, Made, MayEmbed, Progress, Workshop, collect
from knowledge_base.leases import Lease, locked
from knowledge_base.loaders.worker import Reader
from knowledge_base.measuring import Measuring
from knowledge_base.models import (
    PAGE_TYPE,
    Added,
    AddState,
    BaseId,
    BaseStatistics,
    Chunk,
    ChunkDraft,
    ChunkId,
    Document,
    Extent,
    FileText,
    IngestProgress,
    KnowledgeBase,
    Legs,
    Passage,
    Picture,
    Quotation,
    Scope,
    SearchResult,
    Upload,
    Verification,
)
from knowledge_base.offloop import blocking
from knowledge_base.originals import Originals
from knowledge_base.prebuilt import Prebuilt, PrebuiltDocument, PrebuiltFolder
from knowledge_base.reading import BundleEntry, FileReader
from knowledge_base.reembedding import Reembedding
from knowledge_base.resting import Ended, Rest
from knowledge_base.settings import KnowledgeSettings
from knowledge_base.store import Store
from knowledge_base.threads import Threads, run
from knowledge_base.uploads import Unpacking, Uploads, discard
from knowledge_base.verification import Caretaker
from knowledge_base.watching import UNWATCHED, Watcher
from knowledge_base.web import WebPages

log = logging.getLogger(__name__)

MEASURING_SECONDS = 10.0
"""How long the first question to a base may wait until the base is measured."""
QUESTIONS_KEPT = 64
WITHOUT_EMBEDDER = TokenizerSpec(kind="estimate", max_tokens=512)


def _now() -> datetime:
    return datetime.now(UTC)


def _uncounted(_done: int, _total: int) -> None:
    return None


def _unreported(_progress: IngestProgress) -> None:
    return None


class Library:
    """All bases of one data directory. Several processes may have it open at once."""

    def __init__(
        self, workshop: Workshop, folder: Path, settings: KnowledgeSettings, pages: WebPages
    ) -> None:
        self._at = workshop
        self._folder = folder
        self._settings = settings
        self._pages = pages
        self._ingestion = Ingestion(workshop)
        self._unpacking = Unpacking(
            workshop.reader, workshop.originals, workshop.threads, workshop.lease.holder
        )
        self._measuring = Measuring(
            workshop.store,
            workshop.bases,
            workshop.embedder,
            workshop.threads,
            self._ingestion.is_near,
        )
        self._reembedding = Reembedding(workshop, self._ingestion)
        self._also: list[Embedder] = []
        self._caretaker = Caretaker(workshop.store, workshop.originals, workshop.bases, folder)
        self.watcher: Watcher = UNWATCHED
        self._told: set[BaseId] = set()
        self._asked: dict[tuple[str, str], Vectors] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,
        embedder: Embedder | None,
        settings: KnowledgeSettings,
        clock: Callable[[], datetime] = _now,
        reader: FileReader | None = None,
        pages: WebPages | None = None,
    ) -> AsyncIterator[Library]:
        """Without an embedder the lexical leg serves alone. The embedder stays the caller's; the
        reader, by default the worker processes, is closed.

        What a process that died was adding is marked as failed, and its files are swept.
        Raises `StoreCorruptError`, `StoreTooNewError`, `StorageBusyError`, `StorageFullError`.
        """
        threads = Threads()
        try:
            opened = await run(
                threads.write, partial(_open_store, folder, settings, clock), _close_store
            )
            store, originals, lease = opened
            bases = OpenBases(store, folder / "indexes", settings.memory_budget_mb)
            spec = embedder.tokenizer if embedder else WITHOUT_EMBEDDER
            workshop = Workshop(
                store, originals, bases, reader or Reader(settings.limits, spec), embedder, lease,
                threads, settings.limits.max_file_mb,
            )  # fmt: skip
            pages = pages or WebPages(settings.pages, settings.limits.max_file_mb)
            library = cls(workshop, folder, settings, pages)
            # From the last to the first, each whatever became of the others.
            async with AsyncExitStack() as closing:
                closing.push_async_callback(run, threads.write, partial(_close_store, opened))
                closing.push_async_callback(library._last_snapshot)
                closing.push_async_callback(run, threads.files, bases.close)
                closing.push_async_callback(workshop.reader.aclose)
                closing.push_async_callback(library._measuring.aclose)
                closing.push_async_callback(library._reembedding.aclose)
                yield library
        finally:
            await threads.aclose()

    async def _last_snapshot(self) -> None:
        try:
            await self.snapshot()
        except KnowledgeError:
            # The rows have everything; the next start takes longer.
            log.warning("the index files are not written", exc_info=True)

    def keeps_near(self, may_embed: MayEmbed) -> None:
        """Ask this before texts of a base go to the embedder; adding there raises `KeptNearError`.

        It holds for whoever adds: people, programs, the shell, and what follows by itself.
        """
        self._ingestion.may_embed = may_embed

    async def require_near(self, name: str) -> None:
        """Raises `KeptNearError` where texts for the base of this name, which need not be there
        yet, may not go to the embedder."""
        embedder = self._at.embedder
        if embedder is not None and not await self._ingestion.may_embed(name):
            raise KeptNearError(name, embedder.name)

    def search_also_by(self, embedder: Embedder) -> None:
        """Bases whose vectors this one made are searched by it; it stays the caller's."""
        self._also.append(embedder)

    def reembed_all(self) -> None:
        """Bring all bases to the configured embedder in the background, where their texts may go
        there. The old vectors serve until the last; killed, it goes on at the next call."""
        self._reembedding.start()

    @property
    def embeds(self) -> bool:
        """Whether an embedder was given; whether it serves is another question."""
        return self._at.embedder is not None

    async def bases(self) -> tuple[KnowledgeBase, ...]:
        """All of them, by name."""

        def read() -> tuple[KnowledgeBase, ...]:
            with self._at.store.read() as rows:
                return rows.bases()

        return await run(self._at.threads.search, read)

    async def base(self, name: str) -> KnowledgeBase:
        """Raises `NoSuchBaseError`."""

        def read() -> KnowledgeBase:
            with self._at.store.read() as rows:
                base = rows.base_named(name)
            if base is None:
                raise NoSuchBaseError(name)
            return base

        return await run(self._at.threads.search, read)

    async def ensure_base(self, name: str) -> KnowledgeBase:
        """The base of that name, made if there is none."""
        return await run(self._at.threads.write, partial(self._at.store.ensure_base, name))

    async def rename(self, name: str, new: str) -> bool:
        """Let a base go on under another name; False where it is not there, or the name is taken.

        Everything else speaks of it by its number, and stays.
        """
        return await run(self._at.threads.write, partial(self._at.store.rename, name, new))

    async def copy(
        self, document: Document, base: BaseId, progress: Progress | None = None
    ) -> Added:
        """Add a document's original to another base too, under its name and its uploader's.

        Raises what `add` raises; `InaccessibleFileError` where it was taken out meanwhile.
        """
        path = self._at.originals.path(document.sha256)
        upload = Upload(
            document.name,
            path,
            document.uploader,
            document.uploader_id,
            # What somebody vouched for once; all else is told by its content again.
            document.media_type if document.media_type in (notes.MEDIA_TYPE, PAGE_TYPE) else None,
            document.expires_at,
            document.source,
        )
        return await self.add(base, upload, progress)

    async def add(self, base: BaseId, upload: Upload, progress: Progress | None = None) -> Added:
        """Add a file, or a new version of one of the same name, whole or not at all.

        When this returns it is durable and the next search finds it. Bytes that the base has,
        under whatever name, are left alone. Raises `RejectedDocumentError`,
        `EmbeddingUnavailableError`, `EmbedderMismatchError`, `KeptNearError`, `StorageBusyError`,
        `StorageFullError`, `NoSuchBaseError`.
        """
        begun = time.monotonic()
        try:
            added = await self._ingestion.add(base, upload, progress or _unreported)
        except KnowledgeError as error:
            self.watcher.added(time.monotonic() - begun, error)
            raise
        self.watcher.added(time.monotonic() - begun, added)
        if added.state is not AddState.UNCHANGED:
            self._measuring.added(base)
        return added

    async def note(self, document: Document) -> notes.Note | None:
        """What a note says, as it was written; None where it is none, or gone meanwhile."""
        if document.media_type != notes.MEDIA_TYPE:
            return None
        path = self._at.originals.path(document.sha256)

        def read() -> bytes | None:
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

        content = await run(self._at.threads.files, read)
        return None if content is None else notes.note_of(content)

    def uploads(
        self, paths: Sequence[Path], uploader: str | None = None, uploader_id: str | None = None
    ) -> AbstractAsyncContextManager[Uploads]:
        """The single files of folders (sorted, hidden ones left out) and of archives.

        A file out of an archive is there until the context is left: add what it names before.
        """
        return self._unpacking.uploads(paths, uploader, uploader_id)

    def members(self, upload: Upload) -> AbstractAsyncContextManager[Uploads]:
        """The files of an archive under its name; of any other file itself. As `uploads`."""
        return self._unpacking.members(upload)

    async def fetch(self, address: str, folder: Path) -> Upload:
        """A page of the web, or another document that lies there, as a file in `folder`.

        Raises `PageRefusedError`, `PageNotFetchedError`, `LimitExceededError`, `StorageFullError`.
        """
        return await self._pages.fetch(address, folder)

    async def export(
        self, base: KnowledgeBase, path: Path, *, uploaders: bool = True
    ) -> bundle.Bundled:
        """Write a base to a new zip: its originals and a manifest. Raises `StorageFullError`."""
        documents = await self.documents(base.base_id)
        write = partial(
            bundle.write, path, base.name, documents, self._at.originals, uploaders=uploaders
        )
        return await run(self._at.threads.files, write)

    @asynccontextmanager
    async def bundle(self, upload: Upload) -> AsyncIterator[tuple[BundleEntry, ...]]:
        """The documents of an exported base, checked whole; files until the context is left.

        Raises `RejectedDocumentError`.
        """
        files, originals = self._at.threads.files, self._at.originals
        scratch = await run(files, partial(originals.scratch, self._at.lease.holder), discard)
        try:
            yield await self._at.reader.unbundle(upload, scratch)
        finally:
            await run(files, partial(discard, scratch))

    async def restore(
        self, base: BaseId, entry: BundleEntry, progress: Progress | None = None
    ) -> Added | None:
        """Add a document of a bundle. None: the base has a newer one of that name, which stays.

        Raises what `add` raises.
        """
        told, path = entry
        held = await self.document(base, told.name)
        differs = held is not None and held.sha256 != told.sha256
        if differs and held and (told.added is None or told.added < held.added_at):
            return None
        return await self.add(base, told.upload(path), progress)

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
    ) -> Added:
        """Add one of its documents: with its vectors where they are of our embedder, else embedded.

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
        upload = Upload(document.name, await run(files, stand_in))
        return await self.add_made(base, upload, made, progress)

    async def add_made(
        self, base: BaseId, upload: Upload, made: Made, progress: Progress | None = None
    ) -> Added:
        """Add a file whose passages, and perhaps vectors of our embedder, are known: nothing is
        parsed. For large corpora: what the base has already costs no more than its checksum.

        Raises what `add` raises.
        """
        added = await self._ingestion.add(base, upload, progress or _unreported, made)
        if added.state is not AddState.UNCHANGED:
            self._measuring.added(base)
        return added

    @property
    def rest_days(self) -> int:
        """How long what was removed can be brought back; 0: not at all."""
        return self._settings.removed_rest_days

    async def remove(self, base: BaseId, name: str, batch: str | None = None) -> Document:
        """Take a document out of every search. With a batch, the same for all that one act
        removes, it rests and can be brought back; else it is gone.

        Raises `NoSuchDocumentError`, with the names most like it.
        """

        def remove() -> Document:
            committed = self._at.store.remove(base, name, batch if self.rest_days else None)
            self._at.bases.apply(base, committed)
            collect(self._at.store, self._at.originals, committed.document.sha256)
            return committed.document

        return await run(self._at.threads.write, remove)

    async def resting(self, bases: Sequence[BaseId]) -> tuple[Rest, ...]:
        """What was removed and can be brought back, the last first."""
        read = partial(resting.resting, self._at.store, tuple(bases), self.rest_days)
        return await run(self._at.threads.search, read)

    async def bring_back(self, rest: Rest, progress: Progress | None = None) -> Added:
        """Add what rests again, as it was. At any moment it rests, or is there.

        Raises what `add` raises; `NameTakenError`, and `NotRestingError` where it does not rest
        any more.
        """
        document = rest.document
        held = await self.document(document.base_id, document.name)
        if held is not None and held.sha256 != document.sha256:
            raise NameTakenError(document.name)
        try:
            upload = rest.upload(self._at.originals.path(document.sha256))
            added = await self.add(document.base_id, upload, progress)
        except InaccessibleFileError as error:
            raise NotRestingError(document.name) from error
        if added.state is AddState.UNCHANGED:
            await self._collected(partial(resting.end, self._at.store, document.document_id))
        return added

    async def end_rest(self, base: BaseId, name: str) -> None:
        """What was removed under that name cannot be brought back any more."""
        await self._collected(partial(resting.end_named, self._at.store, base, name))

    async def end_old_rests(self) -> tuple[tuple[BaseId, str], ...]:
        """Let go of what was removed too long ago; what it was, by base and name."""
        old = partial(resting.end_old, self._at.store, self.rest_days)
        return (await self._collected(old)).documents

    async def _collected(self, end: Callable[[], Ended]) -> Ended:
        def collected() -> Ended:
            ended = end()
            for sha256 in ended.hashes:
                collect(self._at.store, self._at.originals, sha256)
            return ended

        return await run(self._at.threads.write, collected)

    async def empty(self, base: BaseId) -> None:
        """Take out all that a base has, for good: documents, their names, their originals."""

        def empty() -> None:
            for sha256 in self._at.store.empty(base):
                collect(self._at.store, self._at.originals, sha256)
            self._at.bases.get(base).forget()

        await run(self._at.threads.write, empty)

    async def doomed(self, doomed: Doomed) -> Documents:
        """What `erase` would take out."""
        return await run(self._at.threads.write, partial(erasing.documents, self._at.store, doomed))

    async def erase(self, doomed: Doomed) -> Documents:
        """Take out for good what is of one person: rows, vectors, originals, index files, names.

        Done again, it finishes what a process that died left half done. `scrub` comes after it.
        """

        def erase() -> Erased:
            erased = erasing.erase(self._at.store, doomed)
            for sha256 in erased.hashes:
                collect(self._at.store, self._at.originals, sha256)
            for base in {base for base, _name in erased.documents} | doomed.bases:
                self._at.bases.get(base).forget()
            return erased

        self._asked.clear()
        erased = await run(self._at.threads.write, erase)
        await self.snapshot()
        return erased.documents

    async def scrub(self, *, thoroughly: bool = False) -> bool:
        """Let nothing that was erased stand between the rows of the file either.

        A large file takes its time, in which nothing is stored: it waits until that is asked for
        (`thoroughly`). False: not now.
        """
        most = None if thoroughly else erasing.SMALL
        return await run(
            self._at.threads.write, partial(erasing.scrub, self._at.store, most_bytes=most)
        )

    async def extent_of(self, base: BaseId) -> tuple[int, int]:
        """How many documents a base has, and the bytes of their originals."""

        def read() -> tuple[int, int]:
            with self._at.store.read() as rows:
                return rows.extent_of(base)

        return await run(self._at.threads.search, read)

    async def added_by(self, uploader_id: str) -> tuple[Document, ...]:
        """What somebody added and can be found, in all bases."""

        def read() -> tuple[Document, ...]:
            with self._at.store.read() as rows:
                return rows.added_by(uploader_id)

        return await run(self._at.threads.search, read)

    async def documents(self, base: BaseId) -> tuple[Document, ...]:
        """What can be found, by name."""

        def read() -> tuple[Document, ...]:
            with self._at.store.read() as rows:
                return rows.documents(base)

        return await run(self._at.threads.search, read)

    async def document(self, base: BaseId, name: str) -> Document | None:
        """One that can be found, by its name."""

        def read() -> Document | None:
            with self._at.store.read() as rows:
                return rows.document_named(base, name)

        return await run(self._at.threads.search, read)

    async def names(
        self,
        bases: Sequence[BaseId],
        typed: str = "",
        *,
        limit: int = 25,
        end: str = "",
        uploader_id: str | None = None,
    ) -> tuple[str, ...]:
        """Names of documents with these letters in them, those that begin with them first.

        Only such as have this end, and were added by this one, where that is told.

        In a large base, letters in the middle are looked for in its first names only.
        """

        def read() -> tuple[str, ...]:
            with self._at.store.read() as rows:
                return finding.names(rows, bases, typed, limit, end, uploader_id)

        return await run(self._at.threads.search, read)

    async def near_names(self, bases: Sequence[BaseId], name: str) -> tuple[str, ...]:
        """Up to three names of documents that are most like one that there is not."""

        def read() -> tuple[str, ...]:
            with self._at.store.read() as rows:
                return finding.near_names(rows, bases, name)

        return await run(self._at.threads.search, read)

    async def search(  # noqa: PLR0913 (one argument for each option)
        self,
        scope: Scope,
        query: str,
        *,
        limit: int | None = None,
        legs: Legs = Legs.BOTH,
        per_document: bool = False,
        threshold: float | None = None,
        join: int = 0,
    ) -> SearchResult:
        """The passages nearest to a question, of what all processes have stored until now.

        `join`: characters up to which a passage comes with what stands around it; 0: as it is.

        With `per_document`, the best passage of each of `limit` documents. Where the dense leg
        cannot serve, the lexical one answers alone; `EmbeddingUnavailableError` only where the
        dense one was asked for by name.
        """
        if threshold is None:
            threshold = self._settings.relevance_threshold
        wanted = finding.Wanted(
            scope=scope,
            question=query,
            limit=self._settings.passages if limit is None else limit,
            legs=legs,
            per_document=per_document,
            now=self._at.store.now,
            join=join,
        )
        begun = time.monotonic()
        vectors = await self._embedded(wanted)
        found = await self._find(wanted, vectors)
        tasks = [self._measuring.start(base_id) for base_id in found.unmeasured]
        if found.guessed and (waiting := [task for task in tasks if task is not None]):
            # Once for each base: its first answer is not to be guessed, but a slow embedder must
            # not keep the asker. Growing is looked after in the background.
            await asyncio.wait(waiting, timeout=MEASURING_SECONDS)
            found = await self._find(wanted, vectors)
        best = max((passage.relevance for passage in found.passages), default=0.0)
        refused = not found.passages or best < threshold
        result = SearchResult(found.passages, refused, threshold, found.lexical_only)
        self.watcher.searched(time.monotonic() - begun, result)
        return result

    async def examine(
        self,
        scope: Scope,
        query: str,
        *,
        limit: int | None = None,
        legs: Legs = Legs.BOTH,
        join: int = 0,
    ) -> stages.Stages:
        """A search as `search` makes it, with every stage. Raises `EmbeddingUnavailableError`."""
        wanted = finding.Wanted(
            scope,
            query,
            self._settings.passages if limit is None else limit,
            legs,
            per_document=False,
            now=self._at.store.now,
            join=join,
        )
        vectors = await self._embedded(wanted)
        look = partial(stages.examine, self._at.bases, wanted, vectors, self.embedder_name)
        return await run(self._at.threads.search, look)

    async def passages(
        self, base: BaseId, name: str, start: int = 0, most: int = 20
    ) -> tuple[Chunk, ...]:
        """What a document is stored as, in its order, from the passage `start` on.

        Raises `NoSuchDocumentError`.
        """

        def read() -> tuple[Chunk, ...]:
            with self._at.store.read() as rows:
                document = rows.document_named(base, name)
                if document is None:
                    raise NoSuchDocumentError(name)
                return tuple(islice(rows.chunks_of(document.document_id), start, start + most))

        return await run(self._at.threads.search, read)

    async def passage(self, scope: Scope, chunk: ChunkId) -> Passage | None:
        """A passage by its id; None when it is gone, or not within the scope of who asks now."""

        def read() -> Passage | None:
            with self._at.store.read() as rows:
                return finding.passage(rows, scope, chunk)

        return await run(self._at.threads.search, read)

    @property
    def reads_pictures(self) -> bool:
        """Whether text on pictures is found: the extra `ocr` is installed."""
        return reads_pictures()

    async def read(self, upload: Upload) -> FileText:
        """The text of a file that is not stored. Raises `RejectedDocumentError`."""
        return await self._at.reader.text(upload)

    async def redraw(self, upload: Upload, destination: Path, side: int) -> Picture:
        """A picture, decoded and written anew to `destination` as a JPEG of at most `side` pixels
        (at least 32) each way. Raises `RejectedDocumentError`."""
        return await self._at.reader.redraw(upload, destination, side)

    async def quote(
        self,
        question: str,
        passages: Sequence[Passage],
        limit: int = 3,
        *,
        by_words: bool = False,
    ) -> tuple[Quotation, ...]:
        """The sentences of the passages that fit a question best, word for word, best first.

        `by_words`: nothing of it goes to the embedder.
        """
        if not passages:
            return ()
        weighed = await run(
            self._at.threads.search, partial(finding.weigh, self._at.bases, question, passages)
        )
        embedder = self._at.embedder
        if embedder is not None and not by_words:
            try:
                meaning = (await self._vector(embedder, question), embedder.embed_documents)
                return tuple(await quoting.quote(question, weighed, passages, meaning, limit))
            except EmbeddingUnavailableError:
                log.warning("the embedder does not answer: words alone", exc_info=True)
        return tuple(await quoting.quote(question, weighed, passages, None, limit))

    async def vectors(self, questions: Sequence[str]) -> Vectors | None:
        """Shape (len(questions), dimension), unit length; None where no embedder serves now."""
        embedder = self._at.embedder
        if embedder is None or not questions:
            return None
        try:
            return np.stack([await self._vector(embedder, question) for question in questions])
        except EmbeddingUnavailableError:
            log.warning("the embedder does not answer: words alone", exc_info=True)
            return None

    @property
    def embedder_name(self) -> str | None:
        """Whose vectors these are, for people; None: words alone serve."""
        embedder = self._at.embedder
        return None if embedder is None else embedder.name

    async def embedded(self, texts: Sequence[str], *, as_questions: bool) -> Vectors:
        """Shape (len(texts), dimension), unit length. Raises `EmbeddingUnavailableError`."""
        embedder = self._at.embedder
        if embedder is None:
            raise EmbeddingUnavailableError("")
        if as_questions:
            return np.stack([await self._vector(embedder, text) for text in texts])
        return await embedder.embed_documents(texts)

    async def verify(self, base: BaseId) -> Verification:
        """Rows, vectors, both legs and originals held against each other."""
        return await run(self._at.threads.files, partial(self._caretaker.verify, base))

    async def extent(self) -> Extent:
        """How much there is in all bases together."""

        def read() -> Extent:
            with self._at.store.read() as rows:
                return rows.extent()

        return await run(self._at.threads.search, read)

    async def statistics(self, base: BaseId) -> BaseStatistics:
        """Raises `NoSuchBaseError`."""
        return await run(self._at.threads.search, partial(self._caretaker.statistics, base))

    async def rebuild(
        self, base: BaseId, told: Callable[[int, int], None] = _uncounted
    ) -> Verification:
        """Both legs anew from the rows; vectors of the configured embedder for what has none of
        it, where its texts may go there. `told`: passages done, of how many."""
        try:
            await self._reembedding.run(base, told)
            await self._ingestion.embed_missing(base)
        except KeptNearError as error:
            log.warning("%s keeps no vectors: its texts stay nearer than the embedder", error.base)
        await run(self._at.threads.files, partial(self._caretaker.forget_caches, base))
        return await self.verify(base)

    async def snapshot(self) -> None:
        """Write index files, so that the next start reads them instead of every vector."""
        await run(self._at.threads.files, self._caretaker.snapshot)

    async def _find(self, wanted: finding.Wanted, vectors: dict[str, Vectors]) -> finding.Found:
        return await run(
            self._at.threads.search, partial(finding.find, self._at.bases, wanted, vectors)
        )

    async def _embedded(self, wanted: finding.Wanted) -> dict[str, Vectors]:
        """The question's vector by fingerprint, where a base of the scope can use it."""
        embedder = self._at.embedder
        if wanted.legs is Legs.LEXICAL:
            return {}
        known = self._at.bases.fingerprints(wanted.scope.bases)
        made_by = {base_id: made for base_id, made in known.items() if made is not None}
        if len(made_by) < len(wanted.scope.bases):
            fingerprints = partial(self._fingerprints, wanted.scope)
            made_by = await run(self._at.threads.search, fingerprints)
        serving = [own for own in (embedder, *self._also) if own is not None]
        known_by = {own.fingerprint for own in serving}
        self._tell({b: f for b, f in made_by.items() if f not in known_by})
        vectors: dict[str, Vectors] = {}
        try:
            for own in serving:
                if own.fingerprint in made_by.values():
                    vectors[own.fingerprint] = await self._vector(own, wanted.question)
        except EmbeddingUnavailableError:
            if wanted.legs is Legs.DENSE:
                raise
            log.warning("the embedder does not answer: words alone", exc_info=True)
        return vectors

    async def _vector(self, embedder: Embedder, question: str) -> Vectors:
        """Kept for a while: what is searched for is quoted for next."""
        key = (embedder.fingerprint, question)
        vector = self._asked.get(key)
        if vector is None:
            vector = await embedder.embed_query(question)
            self._asked[key] = vector
            while len(self._asked) > QUESTIONS_KEPT:
                self._asked.pop(next(iter(self._asked)))
        return vector

    @blocking
    def _fingerprints(self, scope: Scope) -> dict[BaseId, str]:
        with self._at.store.read() as rows:
            bases = (rows.base(base_id) for base_id in scope.bases)
            return {b.base_id: b.fingerprint for b in bases if b and b.fingerprint}

    def _tell(self, others: dict[BaseId, str]) -> None:
        for base_id in others.keys() - self._told:
            self._told.add(base_id)
            configured = self._at.embedder.name if self._at.embedder else "none"
            log.warning(
                "base %d was embedded by another model than the configured one (%s): "
                "until it is re-embedded it is searched by words alone",
                base_id,
                configured,
            )


@blocking
def _open_store(
    folder: Path, settings: KnowledgeSettings, clock: Callable[[], datetime]
) -> tuple[Store, Originals, Lease]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "indexes").mkdir(exist_ok=True)
    originals = Originals(folder / "originals")
    originals.prepare()
    with locked(folder / "knowledge.lock", settings.busy_seconds):
        lease = Lease.take(folder / "processes")
        try:
            store = Store.open(folder / "knowledge.db", settings.busy_seconds, clock)
            try:
                interrupted = store.fail_interrupted(lease.alive)
                store.sweep(lambda referenced: originals.sweep(referenced, lease.alive))
                lease.sweep()
            except BaseException:
                store.close()
                raise
        except BaseException:
            lease.release()
            raise
    if interrupted:
        log.warning("%d files were being added when a run ended: add them again", len(interrupted))
        log.debug("they are %r", interrupted)
    return store, originals, lease


@blocking
def _close_store(opened: tuple[Store, Originals, Lease]) -> None:
    store, _, lease = opened
    store.close()
    lease.release()
