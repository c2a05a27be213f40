"""What the Knowledge page does: the chat commands' own work where there is a command for it."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from bot.adapters.web.jobs import Job, Jobs, Way, uploaded
from bot.adapters.web.requests import command, message, sent_by
from bot.adapters.web.shelves import Shelves
from bot.adapters.web.view import ReplyView
from bot.adapters.web.visitors import Asker, Visitor
from core.audit import Act
from core.commands.base import Resources
from core.errors import BadBaseNameError
from core.events import IncomingMessage, Invocation
from core.filenames import file_name
from core.language import words
from core.reviews import Review
from knowledge_base.bundle import Bundled
from knowledge_base.erasing import Doomed
from knowledge_base.errors import NoSuchDocumentError
from knowledge_base.models import BaseStatistics, Chunk, Document, Unready
from knowledge_base.notes import Note
from knowledge_base.resting import Rest

LONGEST_TITLE: Final = 120
LONGEST_ENTRY: Final = 200_000


class FolderState(Protocol):
    """A folder that a base follows."""

    @property
    def base(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def is_there(self) -> bool: ...
    @property
    def looked_at(self) -> datetime | None:
        """When it was looked through last; None: not yet."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was wrong with it, or with files in it, then."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """What became of an action, in words."""

    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """Looks at bases and changes them. A base is always asked for by name and visitor, so that
    nobody reaches one that they may not see."""

    resources: Resources
    shelves: Shelves
    jobs: Jobs
    uploads: Path
    """Where files lie that a page has sent."""
    folders: Callable[[], Awaitable[Sequence[FolderState]]]

    async def documents(self, visitor: Visitor, base: object) -> tuple[Document, ...]:
        """Raises `NoSuchBaseError`, as everything here that names a base."""
        shelf = await self.shelves.one(visitor, base)
        return await self.resources.library.documents(shelf.base.base_id)

    async def unready(self, visitor: Visitor, base: object) -> Unready:
        """Which of them are not found, or by words alone, and what is not among them yet."""
        shelf = await self.shelves.one(visitor, base)
        return await self.resources.library.unready(shelf.base.base_id)

    async def statistics(self, visitor: Visitor, base: object) -> BaseStatistics:
        shelf = await self.shelves.one(visitor, base)
        return await self.resources.library.statistics(shelf.base.base_id)

    async def waits_for_vectors(self, visitor: Visitor, base: object) -> bool:
        """Whether another model than the configured one made its vectors."""
        shelf = await self.shelves.one(visitor, base)
        return not self.resources.library.serves(shelf.base)

    async def passages(
        self, visitor: Visitor, base: object, name: object, start: int, most: int
    ) -> tuple[Document, tuple[Chunk, ...]]:
        """A document and some of its passages. Raises `NoSuchDocumentError`."""
        library = self.resources.library
        shelf = await self.shelves.one(visitor, base)
        document = await library.document(shelf.base.base_id, str(name))
        if document is None:
            raise NoSuchDocumentError(str(name))
        return document, await library.passages(
            shelf.base.base_id, document.name, max(0, start), most
        )

    async def note(self, visitor: Visitor, base: object, document: Document) -> Note | None:
        await self.shelves.one(visitor, base)
        return await self.resources.library.note(document)

    async def resting(self, visitor: Visitor, base: object) -> tuple[Rest, ...]:
        """What was removed and can be brought back."""
        shelf = await self.shelves.one(visitor, base)
        return await self.resources.library.resting([shelf.base.base_id])

    async def reviews(self, visitor: Visitor, base: object) -> tuple[Review, ...]:
        """What waits for a moderator."""
        shelf = await self.shelves.one(visitor, base)
        return await self.resources.reviews.waiting(shelf.name)

    async def followed(self, visitor: Visitor, base: object) -> FolderState | None:
        """The folder that this base follows."""
        shelf = await self.shelves.one(visitor, base)
        return next((own for own in await self.folders() if own.base == shelf.name), None)

    async def create(self, asker: Asker, name: str) -> Said:
        return await self._run(asker, "", Invocation("kb create", {"name": name.strip()}))

    async def rename(self, asker: Asker, base: object, new: str) -> Said:
        shelf = await self.shelves.one(asker.visitor, base)
        options = {"name": shelf.name, "new": new.strip()}
        said = await self._run(asker, "", Invocation("kb rename", options))
        bases = {own.name for own in await self.resources.library.bases()}
        if shelf.name not in bases and new.strip() in bases:
            self.jobs.renamed(shelf.name, new.strip())
        return said

    async def delete(self, asker: Asker, base: object) -> int:
        """Erase a base that was made by name: all of it, for good. The number of documents.

        Raises `BadBaseNameError` for one that follows its channel, or is known by its name.
        """
        shelf = await self.shelves.one(asker.visitor, base)
        if not shelf.is_operators:
            raise BadBaseNameError(shelf.name)
        resources = self.resources
        for review in await resources.reviews.waiting(shelf.name):
            await resources.reviews.close(review)
        gone = await resources.library.erase(
            Doomed("", uploads=False, bases=frozenset({shelf.base.base_id}))
        )
        for _base, name in gone:
            await resources.taught.forget(shelf.name, name)
        await self._note(asker, Act.REMOVED, shelf.name)
        return len(gone)

    async def remove(self, asker: Asker, base: object, names: Iterable[object]) -> list[str]:
        """Take documents out, as one act that can be undone; the names of those that were there."""
        shelf = await self.shelves.one(asker.visitor, base)
        library, batch = self.resources.library, uuid.uuid4().hex
        removed = []
        for name in names:
            with suppress(NoSuchDocumentError):  # somebody else was faster
                document = await library.remove(shelf.base.base_id, str(name), batch)
                if not library.rest_days:
                    await self.resources.taught.forget(shelf.name, document.name)
                removed.append(document.name)
        if removed:
            about = removed[0] if len(removed) == 1 else f"{shelf.name}: {len(removed)}"
            await self._note(asker, Act.REMOVED, about)
        return removed

    async def bring_back(self, asker: Asker, base: object, name: str) -> Said:
        shelf = await self.shelves.one(asker.visitor, base)
        return await self._run(asker, shelf.name, Invocation("kb undo", {"name": name}))

    async def decide(self, asker: Asker, base: object, token: str, verdict: str) -> Said:
        shelf = await self.shelves.one(asker.visitor, base)
        options = {"upload": token, "verdict": verdict}
        return await self._run(asker, shelf.name, Invocation("kb review", options))

    async def verify(self, asker: Asker, base: object) -> Said:
        shelf = await self.shelves.one(asker.visitor, base)
        return await self._run(asker, shelf.name, Invocation("kb verify"))

    async def rebuild(self, asker: Asker, base: object) -> Job:
        """Begin to give it the configured model's vectors, and to make its indexes anew."""
        shelf, _ = await self.shelves.one(asker.visitor, base), words(asker.locale)
        return self.jobs.begin(
            shelf.name, shelf.title(_), asker.visitor, asker.locale, "kb rebuild"
        )

    async def take(
        self, asker: Asker, base: object, files: Mapping[str, object], way: Way = "kb add"
    ) -> int:
        """Files that the page has sent, by their path there and the name they had; how many there
        were. What is not a file of ours is left out."""
        shelf = await self.shelves.one(asker.visitor, base)
        paths = await asyncio.to_thread(uploaded, self.uploads, tuple(files))
        for path in paths:
            name = str(files[str(path)] or path.name)
            await self.jobs.take(shelf.name, path, name, asker.visitor, asker.locale, way)
        return len(paths)

    async def write(
        self, asker: Asker, base: object, title: str, text: str, *, whole: bool = False
    ) -> str:
        """A text that was typed, as a document of its own; its name. `whole`: as one passage,
        as far as the embedding model reads that at once."""
        shelf = await self.shelves.one(asker.visitor, base)
        heading = " ".join(title.split())[:LONGEST_TITLE]
        name = file_name(f"{heading}.md")
        sign = "" if whole else "# "  # also lets the same text be kept the other way
        content = f"{sign}{heading}\n\n{text.strip()[:LONGEST_ENTRY]}\n"
        path = await asyncio.to_thread(_written, self.uploads, content)
        way: Way = "entry" if whole else "kb add"
        await self.jobs.take(shelf.name, path, name, asker.visitor, asker.locale, way)
        return name

    async def export(
        self, asker: Asker, base: object, folder: Path, *, uploaders: bool
    ) -> tuple[Path, Bundled]:
        """All of a base as a zip in `folder`."""
        shelf = await self.shelves.one(asker.visitor, base)
        path = folder / f"{file_name(shelf.name)}-{datetime.now().astimezone():%Y-%m-%d}.zip"
        bundled = await self.resources.library.export(shelf.base, path, uploaders=uploaders)
        await self._note(asker, Act.EXPORTED, f"{shelf.name}: {bundled.documents}")
        return path, bundled

    async def _run(self, asker: Asker, base: str, invocation: Invocation) -> Said:
        """A command as a chat would give it."""
        view = ReplyView(words(asker.locale))
        incoming = command(uuid.uuid4().hex, invocation, base, asker.locale, asker.visitor)
        async with aclosing(self.jobs.inbox.stream(incoming)) as events:
            async for event in events:
                view.take(event)
        said = "\n".join(filter(None, (*view.opening, view.text.strip(), *view.notes)))
        return Said("\n".join(filter(None, (said, view.failure))), failed=bool(view.failure))

    async def _note(self, asker: Asker, act: Act, about: str) -> None:
        incoming = _unsaid(asker)
        await self.resources.moderation.audit.record(incoming, act, about)


def _unsaid(asker: Asker) -> IncomingMessage:
    """What the audit log knows of an act on a page."""
    return sent_by(asker.visitor, message(uuid.uuid4().hex, "", locale=asker.locale))


def _written(folder: Path, content: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".md", dir=folder)
    with open(handle, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 (a handle)
        file.write(content)
    return Path(name)
