"""What the `kb` commands do: the library's operations, printed."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot import output
from bot.parts import open_library
from bot.progress import AddProgress, CheckingBar, CountBar, became
from bot.settings import Config
from bot.titles import find_called, titles_of
from bot.wording import own_words, sentence
from core.counts import documents_of, passages_of, vectors_of
from core.language import N_, Words, words
from core.unread import unread_pages
from core.verified import told
from knowledge_base.errors import (
    KnowledgeError,
    NameTakenError,
    NoSuchBaseError,
    NoSuchDocumentError,
    NotRestingError,
    RejectedDocumentError,
    StorageFullError,
)
from knowledge_base.library import Library
from knowledge_base.models import (
    Added,
    AddState,
    BaseId,
    KnowledgeBase,
    RestKind,
    Upload,
    Verification,
)
from knowledge_base.resting import Rest
from knowledge_base.uploads import composed

_AT_ONCE = 4
"""Files under way at a time: one is read while others are embedded and stored."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file to add, under the path that the person would call it by."""

    path: str
    what: Upload | RejectedDocumentError


async def add(config: Config, base: str, paths: Sequence[str], as_json: bool) -> int:
    """Add files; each is reported as soon as it is durable."""
    failed = False
    async with open_library(config) as library:
        found = await _taught(config, library, base)
        _ = own_words(config)
        progress = AddProgress(_, quiet=as_json)
        adding = _Adding(library, found.base_id, progress, _, as_json)
        with progress:
            async with (
                AsyncExitStack() as opened,
                aclosing(_files(library, paths, opened)) as files,
            ):
                failed = await adding.all(files)
    return 1 if failed else 0


async def _taught(config: Config, library: Library, base: str) -> KnowledgeBase:
    """The base of that name or title, made where there is none."""
    try:
        return await find_called(config, library, base, own_words(config))
    except NoSuchBaseError:
        return await library.ensure_base(base)


class _Adding:
    """Adds files a few at a time; two of one name go one after the other."""

    def __init__(
        self,
        library: Library,
        base: BaseId,
        progress: AddProgress,
        say: Words,
        as_json: bool,
    ) -> None:
        self._library = library
        self._base = base
        self._progress = progress
        self._words = say
        self._as_json = as_json
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._names: dict[str, asyncio.Lock] = {}
        self._batch = uuid.uuid4().hex
        self._failed = False

    async def all(self, files: AsyncGenerator[_File, None]) -> bool:
        """Whether any file failed. Raises `StorageFullError` where archives and pages find no room;
        what is under way then is ended first."""
        full: StorageFullError | None = None
        async with asyncio.TaskGroup() as group:
            try:
                async for file in files:
                    await self._places.acquire()
                    group.create_task(self._one(file), name=f"add {file.path}")
            except StorageFullError as error:
                full = error  # raised in here, it would be one of a group that nobody puts in words
        if full is not None:
            raise full
        return self._failed

    async def _one(self, file: _File) -> None:
        try:
            if isinstance(file.what, RejectedDocumentError):
                self._report(file, "failed", 0, sentence(file.what, self._words))
                return
            name = file.what.name
            async with self._names.setdefault(name, asyncio.Lock()):
                upload = replace(file.what, batch=self._batch)
                with self._progress.file(file.path) as show:
                    added = await self._library.add(self._base, upload, show)
            self._report(file, added.state.value, added.document.passages, None, added)
        except KnowledgeError as error:
            self._report(file, "failed", 0, sentence(error, self._words))
        finally:
            self._places.release()

    def _report(
        self,
        file: _File,
        state: str,
        passages: int,
        error: str | None,
        added: Added | None = None,
    ) -> None:
        self._failed = self._failed or error is not None
        name, unread = file.what.name, added.unread if added else ()
        gone = added.gone if added else None
        if self._as_json:
            output.emit(
                {
                    "path": file.path,
                    "document": name,
                    "state": state,
                    "passages": passages,
                    "unread": list(unread),
                    "error": error,
                    **({"removed": gone.name} if gone else {}),
                }
            )
        elif error:
            output.tell(self._words("{name}: {text}", name=file.path, text=error))
        else:
            _ = self._words
            self._progress.say(became(state, name, _, passages))
            if unread:
                self._progress.say(f"           {unread_pages(unread, _)}")
            if added and gone:
                older = _("the older version of {old}: it says what {new} says now",
                         old=gone.name, new=added.document.name)  # fmt: skip
                self._progress.say(became("removed", older, _))


async def _files(
    library: Library, paths: Sequence[str], opened: AsyncExitStack
) -> AsyncGenerator[_File, None]:
    """Every file that the paths name; what comes out of archives is there until `opened` ends."""
    for path in paths:
        if path.lower().startswith(("http://", "https://")):
            async for file in _page(library, path, opened):
                yield file
            continue
        origin = Path(path)
        async for upload in await opened.enter_async_context(library.uploads([origin])):
            yield _File(_shown(origin, upload), upload)


async def _page(
    library: Library, address: str, opened: AsyncExitStack
) -> AsyncGenerator[_File, None]:
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="lorekeeper-")
    opened.push_async_callback(asyncio.to_thread, shutil.rmtree, folder, ignore_errors=True)
    try:
        page = await library.fetch(address, Path(folder))
    except RejectedDocumentError as error:
        yield _File(address, error)
        return
    async for upload in await opened.enter_async_context(library.members(page)):
        yield _File(address, upload)


def _shown(origin: Path, upload: Upload | RejectedDocumentError) -> str:
    if isinstance(upload, Upload) and upload.path == origin:
        return str(origin)
    if isinstance(upload, Upload) and upload.path.is_relative_to(origin):
        return str(upload.path)
    return str(origin) if upload.name == origin.name else f"{origin}/{upload.name}"


async def bases(config: Config, as_json: bool) -> int:
    """List the bases, by the names of the configuration and by those that people know."""
    _ = own_words(config)
    async with open_library(config, embedding=False) as library:
        found = await library.bases()
        titles = await titles_of(config, found, _)
        held = [await library.extent_of(base.base_id) for base in found]
    if not as_json:
        rows = [
            (base.name, titles[base.name], str(documents), str(size))
            for base, (documents, size) in zip(found, held, strict=True)
        ]
        output.table(rows, (_("base"), _("called"), _("documents"), _("bytes")))
        return 0
    for base, (documents, size) in zip(found, held, strict=True):
        output.emit(
            {
                "base": base.name,
                "title": titles[base.name],
                "documents": documents,
                "bytes": size,
            }
        )
    return 0


async def documents(config: Config, base: str, as_json: bool) -> int:
    """List what can be found."""
    _ = own_words(config)
    async with open_library(config, embedding=False) as library:
        found = await library.documents((await find_called(config, library, base, _)).base_id)
    if not as_json:
        rows = [
            (d.name, str(d.version), str(d.passages), str(d.size), f"{d.added_at:%Y-%m-%d %H:%M}")
            for d in found
        ]
        titles = (_("document"), _("version"), _("passages"), _("bytes"), _("added"))
        output.table(rows, titles)
        return 0
    for document in found:
        output.emit(
            {
                "document": document.name,
                "state": document.state.value,
                "version": document.version,
                "passages": document.passages,
                "bytes": document.size,
                "sha256": document.sha256,
                "added_at": document.added_at.isoformat(),
                "uploader": document.uploader,
                "source": document.source,
            }
        )
    return 0


async def remove(config: Config, base: str, names: Sequence[str], as_json: bool) -> int:
    """Take documents out; a name that is not there fails, the others go on."""
    code, _ = 0, own_words(config)
    async with open_library(config, embedding=False) as library:
        found = await find_called(config, library, base, _)
        batch = uuid.uuid4().hex
        for name in map(composed, names):
            try:
                await library.remove(found.base_id, name, batch)
                removed = True
            except NoSuchDocumentError as error:
                removed, code = False, 1
                output.tell(sentence(error, _))
            if as_json:
                output.emit({"document": name, "removed": removed})
            elif removed:
                output.say(became("removed", name, _))
    return code


async def undo(config: Config, base: str, names: Sequence[str], as_json: bool) -> int:
    """Bring back what was removed or replaced last, or documents by their names."""
    code, _ = 0, own_words(config)
    async with open_library(config) as library:
        rests = await library.resting([(await find_called(config, library, base, _)).base_id])
        # What an undoing took the place of comes back by its name alone.
        acts = [rest for rest in rests if rest.kind is not RestKind.UNDONE]
        last = [rest for rest in acts if rest.batch == acts[0].batch]
        wanted = tuple(map(composed, names)) or tuple(rest.document.name for rest in last)
        if not wanted:
            output.tell(_("Nothing was removed that can be brought back."))
            return 1
        with AddProgress(_, quiet=as_json) as progress:
            for name in wanted:
                try:
                    with progress.file(name) as show:
                        rest = _last_of(name, rests if names else last)
                        added = await library.bring_back(rest, show)
                except (NotRestingError, NameTakenError, RejectedDocumentError) as error:
                    code, back = 1, False
                    output.tell(sentence(error, _))
                else:
                    back = added.state is not AddState.UNCHANGED
                    if not as_json:
                        progress.say(became("back" if back else "unchanged", name, _))
                if as_json:
                    output.emit({"document": name, "back": back})
    return code


def _last_of(name: str, rests: Sequence[Rest]) -> Rest:
    """Raises `NotRestingError`."""
    for rest in rests:
        if rest.document.name == name:
            return rest
    raise NotRestingError(name)


async def verify(config: Config, base: str, as_json: bool) -> int:
    """Check a base."""
    async with open_library(config, embedding=False) as library:
        _ = own_words(config)
        found = await find_called(config, library, base, _)
        with CheckingBar(_, quiet=as_json) as bar:
            result = await library.verify(found.base_id, bar.stage)
        return _verified(result, _, as_json)


async def rebuild(config: Config, base: str, as_json: bool) -> int:
    """Make the indexes of a base anew, with vectors where some are missing, then check it."""
    async with open_library(config) as library:
        _ = own_words(config)
        found = await find_called(config, library, base, _)
        with CountBar(_("making the indexes anew"), quiet=as_json) as bar:
            result = await library.rebuild(found.base_id, bar.show)
        return _verified(result, _, as_json)


def _verified(result: Verification, _: Words, as_json: bool) -> int:
    if as_json:
        output.emit(
            {
                "base": result.base,
                "documents": result.documents,
                "passages": result.passages,
                "vectors": result.vectors,
                "problems": [told(problem, words("en")) for problem in result.problems],
            }
        )
    else:
        output.say(
            _(
                "{base}: {documents}, {passages}, {vectors}",
                base=result.base,
                documents=documents_of(result.documents, _),
                passages=passages_of(result.passages, _),
                vectors=vectors_of(result.vectors, _),
            )
        )
    for problem in result.problems:
        output.tell(told(problem, _))
    return 1 if result.problems else 0


_FIGURES: Final = {
    "base": N_("base"),
    "documents": N_("documents"),
    "passages": N_("passages"),
    "bytes": N_("bytes"),
    "embedder": N_("embedder"),
    "dimension": N_("dimension"),
    "index": N_("index"),
    "reembedded": N_("vectors of another embedder that wait"),
}


async def stats(config: Config, base: str, as_json: bool) -> int:
    """Figures of a base."""
    _ = own_words(config)
    async with open_library(config, embedding=False) as library:
        result = await library.statistics((await find_called(config, library, base, _)).base_id)
    figures = {
        "base": result.base,
        "documents": result.documents,
        "passages": result.passages,
        "bytes": result.size,
        "embedder": result.embedder,
        "dimension": result.dimension,
        "index": result.index,
        "reembedded": result.reembedded,
    }
    if as_json:
        output.emit(figures)
    else:
        named = {key: "" if value is None else str(value) for key, value in figures.items()}
        output.table([(_(_FIGURES[key]), value) for key, value in named.items()], ("", ""))
    return 0
