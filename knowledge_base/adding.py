"""The side of a library that takes things in: files, pages of the web, members of archives."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Final

from knowledge_base import notes
from knowledge_base.catalogue import Catalogue
from knowledge_base.errors import KeptNearError, KnowledgeError
from knowledge_base.extras import reads_pictures
from knowledge_base.front import unreported
from knowledge_base.ingest import Made, MayEmbed, Progress
from knowledge_base.models import (
    ENTRY_TYPE,
    PAGE_TYPE,
    Added,
    AddState,
    BaseId,
    Document,
    FileText,
    Picture,
    Upload,
)
from knowledge_base.uploads import Uploads

_VOUCHED: Final = (notes.MEDIA_TYPE, PAGE_TYPE, ENTRY_TYPE)


class Adding(Catalogue):
    """Adds files, whole or not at all, and reads those that are not to be stored."""

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

    async def add(self, base: BaseId, upload: Upload, progress: Progress | None = None) -> Added:
        """Add a file, or a new version of one of the same name, whole or not at all.

        When this returns it is durable and the next search finds it. Bytes that the base has,
        under whatever name, are left alone; what had this name until now is then taken out
        (`Added.gone`). With `Upload.batch` a version that is replaced rests.

        Raises `RejectedDocumentError`, `EmbeddingUnavailableError`, `EmbedderMismatchError`,
        `KeptNearError`, `StorageBusyError`, `StorageFullError`, `NoSuchBaseError`.
        """
        begun = time.monotonic()
        upload = self._resting(upload)
        try:
            added = await self._ingestion.add(base, upload, progress or unreported)
        except KnowledgeError as error:
            self.watcher.added(time.monotonic() - begun, error)
            raise
        self.watcher.added(time.monotonic() - begun, added)
        if added.state is not AddState.UNCHANGED:
            self._measuring.added(base)
        return added

    async def add_made(
        self, base: BaseId, upload: Upload, made: Made, progress: Progress | None = None
    ) -> Added:
        """Add a file whose passages, and perhaps vectors of our embedder, are known: nothing is
        parsed. For large corpora: what the base has already costs no more than its checksum.

        Raises what `add` raises.
        """
        upload = self._resting(upload)
        added = await self._ingestion.add(base, upload, progress or unreported, made)
        if added.state is not AddState.UNCHANGED:
            self._measuring.added(base)
        return added

    def _resting(self, upload: Upload) -> Upload:
        """What it replaces rests only where anything does."""
        return upload if self._settings.removed_rest_days else replace(upload, batch=None)

    async def copy(
        self,
        document: Document,
        base: BaseId,
        progress: Progress | None = None,
        batch: str | None = None,
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
            document.media_type if document.media_type in _VOUCHED else None,
            document.expires_at,
            document.source,
            batch=batch,
        )
        return await self.add(base, upload, progress)

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

    def expect_file(self) -> None:
        """Somebody is about to send a file: what reads it starts while it is on its way."""
        self._at.reader.expect()

    async def read(self, upload: Upload) -> FileText:
        """The text of a file that is not stored. Raises `RejectedDocumentError`."""
        return await self._at.reader.text(upload)

    @property
    def reads_pictures(self) -> bool:
        """Whether text on pictures is found: the extra `ocr` is installed."""
        return reads_pictures()

    async def redraw(self, upload: Upload, destination: Path, side: int) -> Picture:
        """A picture, decoded and written anew to `destination` as a JPEG of at most `side` pixels
        (at least 32) each way. Raises `RejectedDocumentError`."""
        return await self._at.reader.redraw(upload, destination, side)
