"""The side of a library that tells what there is: bases, documents, their names and passages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice

from knowledge_base import finding, notes
from knowledge_base.errors import NoSuchBaseError, NoSuchDocumentError
from knowledge_base.front import Front
from knowledge_base.models import BaseId, Chunk, Document, Extent, KnowledgeBase, Unready
from knowledge_base.offloop import blocking
from knowledge_base.rows import Rows
from knowledge_base.store import Store
from knowledge_base.threads import run


class Catalogue(Front):
    """Reads what is stored, without searching it; makes and renames bases."""

    async def bases(self) -> tuple[KnowledgeBase, ...]:
        """All of them, by name."""

        def read() -> tuple[KnowledgeBase, ...]:
            with self._at.store.read() as rows:
                return rows.bases.all()

        return await run(self._at.threads.search, read)

    async def base(self, name: str) -> KnowledgeBase:
        """Raises `NoSuchBaseError`."""

        def read() -> KnowledgeBase:
            with self._at.store.read() as rows:
                base = rows.bases.named(name)
            if base is None:
                raise NoSuchBaseError(name)
            return base

        return await run(self._at.threads.search, read)

    async def ensure_base(self, name: str) -> KnowledgeBase:
        """The base of that name, made if there is none."""
        return await run(self._at.threads.write, partial(ensure_base, self._at.store, name))

    async def rename(self, name: str, new: str) -> bool:
        """Let a base go on under another name; False where it is not there, or the name is taken.

        Everything else speaks of it by its number, and stays.
        """
        return await run(self._at.threads.write, partial(rename, self._at.store, name, new))

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

    async def extent_of(self, base: BaseId) -> tuple[int, int]:
        """How many documents a base has, and the bytes of their originals."""

        def read() -> tuple[int, int]:
            with self._at.store.read() as rows:
                return rows.counts.extent_of(base)

        return await run(self._at.threads.search, read)

    async def added_by(self, uploader_id: str) -> tuple[Document, ...]:
        """What somebody added and can be found, in all bases."""

        def read() -> tuple[Document, ...]:
            with self._at.store.read() as rows:
                return rows.documents.added_by(uploader_id)

        return await run(self._at.threads.search, read)

    async def documents(self, base: BaseId) -> tuple[Document, ...]:
        """What can be found, by name."""

        def read() -> tuple[Document, ...]:
            with self._at.store.read() as rows:
                return rows.documents.live(base)

        return await run(self._at.threads.search, read)

    async def unready(self, base: BaseId) -> Unready:
        """What of a base is not found, or by words alone."""

        def read() -> Unready:
            with self._at.store.read() as rows:
                return rows.documents.unready(base)

        return await run(self._at.threads.search, read)

    async def document(self, base: BaseId, name: str) -> Document | None:
        """One that can be found, by its name."""

        def read() -> Document | None:
            with self._at.store.read() as rows:
                return rows.documents.named(base, name)

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

    async def passages(
        self, base: BaseId, name: str, start: int = 0, most: int = 20
    ) -> tuple[Chunk, ...]:
        """What a document is stored as, in its order, from the passage `start` on.

        Raises `NoSuchDocumentError`.
        """

        def read() -> tuple[Chunk, ...]:
            with self._at.store.read() as rows:
                document = rows.documents.named(base, name)
                if document is None:
                    raise NoSuchDocumentError(name)
                return tuple(islice(rows.chunks.of(document.document_id), start, start + most))

        return await run(self._at.threads.search, read)

    async def extent(self) -> Extent:
        """How much there is in all bases together."""

        def read() -> Extent:
            with self._at.store.read() as rows:
                return rows.counts.extent()

        return await run(self._at.threads.search, read)


@blocking
def ensure_base(store: Store, name: str) -> KnowledgeBase:
    """The base of that name, made if there is none."""
    with store.read() as rows:
        base = rows.bases.named(name)
    if base is not None:
        return base
    with store.write() as connection:
        connection.execute("INSERT OR IGNORE INTO bases (name) VALUES (?)", (name,))
        created = Rows(connection).bases.named(name)
    if created is None:
        raise LookupError(name)
    return created


@blocking
def rename(store: Store, name: str, new: str) -> bool:
    """False where no base has the old name, or one has the new."""
    with store.write() as connection:
        cursor = connection.execute(
            "UPDATE OR IGNORE bases SET name = ? WHERE name = ?", (new, name)
        )
        return cursor.rowcount > 0
