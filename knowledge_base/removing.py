"""The side of a library that lets go: removing, bringing back, erasing for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from knowledge_base import documents, erasing, resting
from knowledge_base.adding import Adding
from knowledge_base.erasing import Documents, Doomed, Erased
from knowledge_base.errors import InaccessibleFileError, NameTakenError, NotRestingError
from knowledge_base.ingest import Progress, collect
from knowledge_base.models import Added, AddState, BaseId, Document, FileText, RestKind
from knowledge_base.renaming import Renaming, parts, rename
from knowledge_base.resting import Ended, Rest
from knowledge_base.threads import run


class Removing(Adding):
    """Takes documents out, for a while or for good."""

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
            store = self._at.store
            committed = documents.remove(store, base, name, batch if self.rest_days else None)
            self._at.bases.apply(base, committed)
            collect(store, self._at.originals, committed.document.sha256)
            store.settle()
            store.shorten_log()
            return committed.document

        return await run(self._at.threads.write, remove)

    async def rename_documents(
        self, base: BaseId, renamings: Sequence[Renaming]
    ) -> tuple[Document, ...]:
        """Let documents go on under other names, perhaps each other's: what was found in them, and
        cited of them, stays. As they are then.

        Raises `NoSuchDocumentError` where one is not any more what it was, `NameTakenError`; some
        of them may have their new names then, and of those that take each other's all or none.
        """

        def renamed(part: Sequence[Renaming]) -> tuple[Document, ...]:
            done = rename(self._at.store, base, part)
            if done.is_found_otherwise:
                self._at.bases.catch_up(base)
            for sha256 in done.hashes:
                collect(self._at.store, self._at.originals, sha256)
            self._at.store.settle()
            return done.documents

        found: list[Document] = []
        for part in parts(renamings):
            found += await run(self._at.threads.write, partial(renamed, part))
        return tuple(found)

    async def resting(self, bases: Sequence[BaseId]) -> tuple[Rest, ...]:
        """What was removed and can be brought back, the last first."""
        read = partial(resting.resting, self._at.store, tuple(bases), self.rest_days)
        return await run(self._at.threads.search, read)

    async def resting_text(self, rest: Rest) -> FileText:
        """What it says, from its original, while that is kept.

        Raises `InaccessibleFileError` where it is not any more, and `RejectedDocumentError`.
        """
        return await self._at.reader.text(
            rest.upload(self._at.originals.path(rest.document.sha256))
        )

    async def bring_back(self, rest: Rest, progress: Progress | None = None) -> Added:
        """Add what rests again, as it was. At any moment it rests, or is there. An older version
        takes the place of the one that replaced it, which rests then.

        Raises what `add` raises; `NameTakenError`, and `NotRestingError` where it does not rest
        any more.
        """
        document = rest.document
        held = await self.document(document.base_id, document.name)
        other = held is not None and held.sha256 != document.sha256
        if other and rest.kind is RestKind.REMOVED:
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
        """Let go of what was removed too long ago, and give the disk its space back; what it was,
        by base and name."""
        old = partial(resting.end_old, self._at.store, self.rest_days)
        ended = await self._collected(old)
        write, store = self._at.threads.write, self._at.store
        await run(write, partial(resting.reclaim, store))
        before = store.now - timedelta(days=max(1, self.rest_days))
        await run(write, partial(self._at.originals.prune_found, before))
        return ended.documents

    async def _collected(self, end: Callable[[], Ended]) -> Ended:
        def collected() -> Ended:
            ended = end()
            for sha256 in ended.hashes:
                collect(self._at.store, self._at.originals, sha256)
            self._at.store.settle()
            return ended

        return await run(self._at.threads.write, collected)

    async def empty(self, base: BaseId) -> None:
        """Take out all that a base has, for good: documents, their names, their originals."""

        def empty() -> None:
            store = self._at.store
            for sha256 in erasing.empty(store, base):
                collect(store, self._at.originals, sha256)
            self._at.bases.get(base).forget()
            store.settle()
            store.shorten_log()

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
