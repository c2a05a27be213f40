"""Folders that bases follow: what is in the folder is in the base, from the start on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.folder_files import State, is_gone, places_of, root_of, state_of, states_of
from bot.folder_watcher import FolderWatcher
from bot.renames import Absences, contents_of, renamings, sha256_of
from bot.wording import sentence
from core.language import Later, Told, Words, told
from core.unread import unread_pages
from knowledge_base.errors import (
    KnowledgeError,
    NameTakenError,
    NoSuchDocumentError,
    RejectedDocumentError,
)
from knowledge_base.library import Library
from knowledge_base.models import Document, KnowledgeBase, Upload
from knowledge_base.renaming import Renaming

log = logging.getLogger(__name__)

UPLOADER: Final = "folder"
"""Marks the documents that came from a folder; only those leave the base with their file."""
SETTLE_SECONDS: Final = 2.0
"""How long a file must have lain still before a running bot takes it: it may still be written."""
AGAIN_SECONDS: Final = 30.0
"""After which a file is tried again that could not be stored: the disk was full, or the embedding
model did not answer."""
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder that a base follows, as it was found last."""

    base: str
    folder: Path
    is_there: bool
    looked_at: datetime | None
    """When it was looked through last; None: not yet."""
    remarks: tuple[str, ...]
    """What was wrong with it, or with files in it, then."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What lies in a folder now."""

    uploads: dict[str, Upload]
    unsettled: Mapping[str, int]
    """Names and sizes of files that may still be written."""
    rejected: tuple[RejectedDocumentError, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset((*self.uploads, *self.unsettled, *(one.name for one in self.rejected)))

    def lost(self, names: Iterable[str]) -> set[str]:
        """Those of the names that nothing stands for. What lay in an archive that cannot be opened,
        perhaps because it is being written, may lie in it still."""
        closed = tuple(f"{name}/" for name in self.names - self.uploads.keys())
        return {name for name in set(names) - self.names if not name.startswith(closed)}


@dataclass(frozen=True, slots=True)
class _Twin:
    """What a file was found to say the same as."""

    state: State
    name: str
    sha256: str


class FollowedFolders:
    """Brings bases up to date with their folders, and keeps them so."""

    def __init__(
        self,
        library: Library,
        folders: Mapping[str, Path],
        words: Words,
        *,
        settle_seconds: float = SETTLE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._library = library
        self._folders = folders
        self._words = words
        self._settle_seconds = settle_seconds
        self._clock = clock
        self._known: dict[tuple[str, str], State] = {}
        """States of files, by base and name, in which they are in the base, or were refused."""
        self._twins: dict[tuple[str, str], _Twin] = {}
        """Files that say what another document says, by base and name: they are not in the base
        for as long as that one is."""
        self._told: dict[tuple[str, str], str] = {}
        """What is wrong, by base and what it is about: told once, until it is over."""
        self._looked_at: dict[str, datetime] = {}
        self._absences = Absences(clock)
        self._again_at: dict[str, float] = {}
        """When bases are looked at again of which a file could not be stored."""
        self._looking = asyncio.Lock()

    async def follow_all(self) -> None:
        """Add what is new or changed, remove what is gone; a file that fails is logged."""
        for name in self._folders:
            await self._follow(name, settle_seconds=0.0)

    async def look_through(self) -> tuple[str, ...]:
        """Bring all bases up to date, whatever the system told of changes or did not; the names
        of those that are not yet: a file may still be written, or could not be read or stored."""
        behind = await self._follow_some(self._folders)
        return tuple(sorted(behind | self._again_at.keys()))

    async def states(self) -> tuple[FolderState, ...]:
        """How each of them was found last."""
        present = await asyncio.to_thread(places_of, self._folders)
        return tuple(
            FolderState(
                name,
                folder,
                name in present,
                self._looked_at.get(name),
                tuple(text for (own, _about), text in self._told.items() if own == name),
            )
            for name, folder in self._folders.items()
        )

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[None, None]:
        """Follow changes as they happen, until the context is left."""
        watcher = FolderWatcher(self._folders, self._follow_some, self._missed)
        task = asyncio.create_task(watcher.run(), name="watch folders")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _follow_some(self, due: Iterable[str]) -> set[str]:
        """Those that are to be looked at again soon."""
        again = set()
        for name in sorted(due):
            try:
                async with self._looking:
                    settled = await self._follow(name, settle_seconds=self._settle_seconds)
                if not settled:
                    again.add(name)
            except KnowledgeError as error:
                # The disk is full, or another process is writing: the next look tries again.
                log.warning("%s: %s", self._folders[name], sentence(error, self._words))
                again.add(name)
            except OSError as error:
                log.warning("%s: %s", self._folders[name], error)
                again.add(name)
        return again

    async def _follow(self, name: str, *, settle_seconds: float) -> bool:
        """Whether it is up to date now; False where a file may still be written."""
        folder = await asyncio.to_thread(root_of, self._folders[name])
        if not await asyncio.to_thread(folder.is_dir):
            self._warn(
                name,
                "gone",
                Later("there is no folder {folder}; its documents stay", folder=folder),
            )
            return True
        self._told.pop((name, "gone"), None)
        self._again_at.pop(name, None)
        base = await self._library.ensure_base(name)
        stored = {d.name: d for d in await self._library.documents(base.base_id)}
        async with self._library.uploads([folder], UPLOADER) as uploads:
            found = await self._found(name, folder, uploads, settle_seconds)
            own = _from_folder(stored)
            gone = await self._gone(folder, own, found)
            fresh = await self._fresh(base.name, found)
            contents = await self._contents(base.name, found, fresh, own, gone)
            moves = renamings(stored, own, contents, gone)
            if moves:
                await self._rename(base, moves, fresh)
                stored = {d.name: d for d in await self._library.documents(base.base_id)}
            missing = found.lost(_from_folder(stored))
            sizes = {name: stored[name].size for name in missing & gone}
            missing -= self._absences.waiting(name, sizes, found.unsettled.values())
            # First, so that a file under another name is not taken for what is there already.
            await self._remove(base, folder, missing, found)
            left = {n: document for n, document in stored.items() if n not in missing}
            await self._add_all(base, found, left, fresh, contents)
        self._looked_at[name] = datetime.fromtimestamp(self._clock(), UTC)
        return not found.unsettled and not await self._is_parted(base)

    async def _found(
        self,
        name: str,
        folder: Path,
        uploads: AsyncGenerator[Upload | RejectedDocumentError, None],
        settle: float,
    ) -> _Found:
        taken: dict[str, Upload] = {}
        unsettled: dict[str, int] = {}
        rejected: list[RejectedDocumentError] = []
        async for upload in uploads:
            path = upload.path if isinstance(upload, Upload) else folder / upload.name
            settled = await asyncio.to_thread(self._is_settled, path, settle)
            state = None if settled else await asyncio.to_thread(state_of, path)
            if isinstance(upload, Upload) and settled:
                taken[upload.name] = upload
            elif isinstance(upload, Upload) or state is not None:
                unsettled[upload.name] = -1 if state is None else state[0]
            else:
                self._warn(name, upload.name, sentence(upload, self._words))
                rejected.append(upload)
        found = _Found(taken, unsettled, tuple(rejected))
        for key in self._told.keys() - {(name, about) for about in ("gone", "empty", *found.names)}:
            if key[0] == name:
                del self._told[key]  # the file is gone, or an archive that can be opened now
        return found

    def _is_settled(self, path: Path, settle_seconds: float) -> bool:
        try:
            age = self._clock() - path.stat().st_mtime
        except OSError:
            return False
        # A time in the future says nothing: clocks of other machines may be wrong.
        return not 0 <= age < settle_seconds

    async def _gone(self, folder: Path, own: Iterable[str], found: _Found) -> set[str]:
        """Names of documents without a file."""
        if not found.names:
            return set()  # Perhaps nothing is mounted there.
        missing = found.lost(own)
        return {name for name in missing if await asyncio.to_thread(is_gone, folder / name)}

    async def _fresh(self, base: str, found: _Found) -> dict[str, State]:
        """Files that are not known as they are now."""
        states = await asyncio.to_thread(states_of, tuple(found.uploads.values()))
        return {n: state for n, state in states.items() if self._known.get((base, n)) != state}

    async def _contents(
        self,
        base: str,
        found: _Found,
        fresh: Mapping[str, State],
        own: Mapping[str, Document],
        gone: set[str],
    ) -> dict[str, str]:
        """Checksums of fresh files, as far as they tell whether something was renamed."""
        twins = {
            name: twin.sha256
            for name, state in fresh.items()
            if (twin := self._twins.get((base, name))) is not None and twin.state == state
        }
        uploads = [found.uploads[name] for name in fresh if name not in twins]
        return {**twins, **await contents_of(uploads, own, gone)}

    async def _rename(
        self, base: KnowledgeBase, moves: Sequence[Renaming], fresh: Mapping[str, State]
    ) -> None:
        """What cannot be, because somebody else changed the base, is a file that went and another
        that came."""
        try:
            await self._library.rename_documents(base.base_id, moves)
        except (NoSuchDocumentError, NameTakenError) as error:
            log.info("%s: not renamed: %s", base.name, sentence(error, self._words))
            return
        for move in moves:
            self._known.pop((base.name, move.document.name), None)
            self._told.pop((base.name, move.document.name), None)
        for move in moves:
            self._known[base.name, move.name] = fresh[move.name]
            self._twins.pop((base.name, move.name), None)
            log.info("%s: %s is %s now", base.name, move.document.name, move.name)

    async def _remove(
        self, base: KnowledgeBase, folder: Path, missing: set[str], found: _Found
    ) -> None:
        if missing and not found.names:
            text = Later(
                "{folder} is empty, perhaps not mounted; what it held stays ({count})",
                folder=folder,
                count=len(missing),
            )
            self._warn(base.name, "empty", text)
            return
        self._told.pop((base.name, "empty"), None)
        for name in sorted(missing):
            if not await asyncio.to_thread(is_gone, folder / name):
                continue
            self._known.pop((base.name, name), None)
            self._told.pop((base.name, name), None)
            with suppress(NoSuchDocumentError):  # somebody else was faster
                await self._library.remove(base.base_id, name)
                log.info("%s: removed %s", base.name, name)

    async def _add_all(
        self,
        base: KnowledgeBase,
        found: _Found,
        stored: Mapping[str, Document],
        fresh: Mapping[str, State],
        contents: Mapping[str, str],
    ) -> None:
        places = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as adding:
            for name, state in fresh.items():
                upload, key = found.uploads[name], (base.name, name)
                if self._known.get(key) == state:
                    continue  # renamed
                twin = self._twins.get(key)
                if twin is not None and twin.state == state and _is_like(twin, stored):
                    continue
                document, digest = stored.get(name), contents.get(name)
                if digest is None:
                    digest = await asyncio.to_thread(sha256_of, upload.path, _sizes(document))
                if document is None or digest != document.sha256:
                    await places.acquire()
                    task = adding.create_task(self._add(base, upload, state), name=f"follow {name}")
                    task.add_done_callback(lambda _task: places.release())
                else:
                    self._known[key] = state

    async def _add(self, base: KnowledgeBase, upload: Upload, state: State) -> None:
        try:
            added = await self._library.add(base.base_id, upload)
        except RejectedDocumentError as error:
            self._known[base.name, upload.name] = state  # until it changes
            why = sentence(error, self._words)
            self._told[base.name, upload.name] = self._about(upload, why)
            log.warning("%s: %s", upload.path, why)
        except KnowledgeError as error:
            why = sentence(error, self._words)
            self._told[base.name, upload.name] = self._about(upload, why)
            self._again_at[base.name] = self._clock() + AGAIN_SECONDS
            log.warning("%s: %s", upload.path, why)
        else:
            self._told.pop((base.name, upload.name), None)
            if added.document.name == upload.name:
                self._known[base.name, upload.name] = state
                self._twins.pop((base.name, upload.name), None)
            else:
                twin = _Twin(state, added.document.name, added.document.sha256)
                self._twins[base.name, upload.name] = twin
            if added.document.name == upload.name:
                log.info("%s: %s %s", base.name, added.state.value, upload.name)
            else:
                log.info("%s: %s says what %s says", base.name, upload.name, added.document.name)
            if added.unread:
                pages = unread_pages(added.unread, self._words)
                self._told[base.name, upload.name] = self._about(upload, pages)
                log.warning("%s: %s", upload.path, pages)

    def _about(self, upload: Upload, text: str) -> str:
        return self._words("{name}: {text}", name=upload.name, text=text)

    async def _is_parted(self, base: KnowledgeBase) -> bool:
        """Whether a file says the same as a document that is gone or another by now, perhaps since
        both changed at once: it is to be added by itself."""
        twins = {key: twin for key, twin in self._twins.items() if key[0] == base.name}
        if not twins:
            return False
        stored = {d.name: d for d in await self._library.documents(base.base_id)}
        parted = [key for key, twin in twins.items() if not _is_like(twin, stored)]
        for key in parted:
            del self._twins[key]
        return bool(parted)

    def _missed(self) -> set[str]:
        """Those that nobody tells of: one that is gone may be back, and what could not be stored a
        while ago perhaps can be now."""
        now = self._clock()
        # However the clock was set meanwhile, nobody waits for longer than that.
        again = {name for name, at in self._again_at.items() if not now < at <= now + AGAIN_SECONDS}
        return again | {name for name, about in self._told if about == "gone"}

    def _warn(self, name: str, about: str, text: Told) -> None:
        """Once, until it is over."""
        if (name, about) not in self._told:
            self._told[name, about] = told(text, self._words)
            log.warning("knowledge.folders: %s: %s", name, text)


def _is_like(twin: _Twin, stored: Mapping[str, Document]) -> bool:
    document = stored.get(twin.name)
    return document is not None and document.sha256 == twin.sha256


def _sizes(document: Document | None) -> tuple[int, ...]:
    return () if document is None else (document.size,)


def _from_folder(stored: Mapping[str, Document]) -> dict[str, Document]:
    return {name: document for name, document in stored.items() if document.uploader == UPLOADER}
