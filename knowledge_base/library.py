"""The front of the knowledge bases: everything a bot or a shell does with them, asynchronously.

Its sides are in modules of their own, by what one wants of it: `catalogue` tells what there is;
`adding`, `removing`, `searching` and `carrying` (exports, imports) do what their names say. Here it
is opened, checked and mended.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from knowledge_base.carrying import Carrying
from knowledge_base.claims import fail_interrupted, sweep
from knowledge_base.embedders.base import Embedder, TokenizerSpec
from knowledge_base.errors import KeptNearError, KnowledgeError
from knowledge_base.ingest import Workshop
from knowledge_base.leases import Lease, locked
from knowledge_base.loaders.worker import Reader
from knowledge_base.models import BaseId, BaseStatistics, Verification
from knowledge_base.offloop import blocking
from knowledge_base.open_bases import OpenBases
from knowledge_base.originals import Originals
from knowledge_base.reading import FileReader
from knowledge_base.reembedding import Reembedding
from knowledge_base.removing import Removing
from knowledge_base.searching import Searching
from knowledge_base.settings import KnowledgeSettings
from knowledge_base.store import Store
from knowledge_base.threads import Threads, run
from knowledge_base.verification import Told
from knowledge_base.web import WebPages

log = logging.getLogger(__name__)

WITHOUT_EMBEDDER = TokenizerSpec(kind="estimate", max_tokens=512)


def _now() -> datetime:
    return datetime.now(UTC)


def _uncounted(_done: int, _total: int) -> None:
    return None


class Library(Searching, Removing, Carrying):
    """All bases of one data directory. Several processes may have it open at once."""

    def __init__(
        self, workshop: Workshop, folder: Path, settings: KnowledgeSettings, pages: WebPages
    ) -> None:
        super().__init__(workshop, folder, settings, pages)
        self._reembedding = Reembedding(workshop, self._ingestion, self._former.let_go)

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
                closing.push_async_callback(library._former.aclose)
                closing.push_async_callback(library._measuring.aclose)
                closing.push_async_callback(library._reembedding.aclose)
                yield library
        finally:
            await threads.aclose()

    async def _last_snapshot(self) -> None:
        try:
            await self.snapshot()
        except (KnowledgeError, OSError):
            # The rows have everything; the next start takes longer.
            log.warning("the index files are not written", exc_info=True)

    def reembed_all(self) -> None:
        """Bring all bases to the configured embedder in the background, where their texts may go
        there. The old vectors serve until the last; killed, it goes on at the next call."""
        self._former.open_ahead()
        self._reembedding.start()

    async def verify(self, base: BaseId, told: Told | None = None) -> Verification:
        """Rows, vectors, both legs and originals held against each other. `told` is called in
        another thread."""
        verify = partial(self._caretaker.verify, base)
        return await run(self._at.threads.files, partial(verify, told) if told else verify)

    async def statistics(self, base: BaseId) -> BaseStatistics:
        """Raises `NoSuchBaseError`."""
        return await self._ask([base], lambda own: self._caretaker.statistics(own, base))

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
                interrupted = fail_interrupted(store, lease.alive)
                sweep(store, lambda fate_of: originals.sweep(fate_of, lease.alive))
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
