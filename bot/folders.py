"""Folders that bases follow: what is in the folder is in the base."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

from bot.wording import sentence
from core.language import Words
from knowledge_base.errors import KnowledgeError
from knowledge_base.library import Library
from knowledge_base.models import Document, KnowledgeBase, Upload

log = logging.getLogger(__name__)

UPLOADER = "folder"
"""Marks the documents that came from a folder; only those leave the base with their file."""
_AT_ONCE = 4


class FollowedFolders:
    """Brings bases up to date with their folders."""

    def __init__(self, library: Library, folders: Mapping[str, Path], words: Words) -> None:
        self._library = library
        self._folders = folders
        self._words = words

    async def follow_all(self) -> None:
        """Add what is new or changed, remove what is gone; a file that fails is logged."""
        for name, folder in self._folders.items():
            if not await asyncio.to_thread(folder.is_dir):
                log.warning("knowledge.folders: %s: there is no folder %s", name, folder)
                continue
            await self._follow(await self._library.ensure_base(name), folder)

    async def _follow(self, base: KnowledgeBase, folder: Path) -> None:
        stored = {d.name: d for d in await self._library.documents(base.base_id)}
        seen: set[str] = set()
        places = asyncio.Semaphore(_AT_ONCE)
        async with (
            self._library.uploads([folder], UPLOADER) as uploads,
            asyncio.TaskGroup() as adding,
        ):
            async for upload in uploads:
                seen.add(upload.name)
                if not isinstance(upload, Upload):
                    log.warning("%s: %s", folder, sentence(upload, self._words))
                    continue
                if await asyncio.to_thread(_is_stored, upload, stored.get(upload.name)):
                    continue
                await places.acquire()
                task = adding.create_task(self._add(base, upload), name=f"follow {upload.name}")
                task.add_done_callback(lambda _task: places.release())
        for name, document in stored.items():
            if name not in seen and document.uploader == UPLOADER:
                await self._library.remove(base.base_id, name)

    async def _add(self, base: KnowledgeBase, upload: Upload) -> None:
        try:
            added = await self._library.add(base.base_id, upload)
        except KnowledgeError as error:
            log.warning("%s: %s", upload.path, sentence(error, self._words))
        else:
            log.info("%s: %s %s", base.name, added.state.value, added.document.name)


def _is_stored(upload: Upload, document: Document | None) -> bool:
    if document is None:
        return False
    try:
        if document.size != upload.path.stat().st_size:
            return False
        with upload.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == document.sha256
    except OSError:
        return False  # adding it will tell
