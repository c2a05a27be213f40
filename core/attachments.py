"""Files that come with a question: read for that question alone, and not kept."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import AttachmentGoneError, AttachmentTooLargeError, UserError
from core.events import Attachment
from core.evidence import content
from core.explain import explain
from core.filenames import file_name
from core.inert import inert
from core.language import Words
from core.pictured import is_picture
from core.shielding import to_the_end
from core.unread import unread_pages
from knowledge_base.errors import EmptyDocumentError, KnowledgeError
from knowledge_base.models import (
    UNMEASURED,
    BaseId,
    Chunk,
    ChunkId,
    Document,
    DocumentId,
    DocumentState,
    FileText,
    Passage,
    Section,
    Upload,
)

if TYPE_CHECKING:
    from knowledge_base.library import Library

MOST_FILES: Final = 5
MOST_PASSAGES: Final = 6
"""Of all files together; the engine's window decides how many of them it sees."""
LONGEST_PASSAGE: Final = 1200
_LONGEST_WRITTEN: Final = 600
"""Characters of a picture that are searched for; an embedder reads no more at once."""
SECONDS: Final = 60.0
"""For fetching one file."""
_MEGABYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """What files say about a question: passages without a place in any base, and remarks."""

    passages: tuple[Passage, ...] = ()
    notices: tuple[str, ...] = ()
    written: str = ""
    """What the pictures among them say, from its beginning: it is part of what is asked."""


async def read(
    attachments: Sequence[Attachment], question: str, library: Library, max_file_mb: int, _: Words
) -> ReadFiles:
    """The parts of files that fit a question best; what cannot be read is told."""
    found: list[Passage] = []
    notices: list[str] = []
    written: list[str] = []
    files = attachments[:MOST_FILES]
    for number, attachment in enumerate(files):
        try:
            text = await _text(attachment, library, max_file_mb)
        except (UserError, KnowledgeError) as error:
            notices.append(explain(error, _) or "")
            continue
        except TimeoutError:
            notices.append(
                _("{name} did not arrive in time; send it again.", name=inert(attachment.filename))
            )
            continue
        if is_picture(attachment):
            written.append("\n".join(section.text for section in text.sections)[:_LONGEST_WRITTEN])
        most = max(1, MOST_PASSAGES // len(files))
        # A long file takes a while, in which others want to be heard.
        parts, chosen = await asyncio.to_thread(_chosen, text.sections, question, most)
        found += [_passage(attachment, number, at, piece) for at, piece in chosen]
        notice = (_notice(attachment, len(chosen), parts, _), unread_pages(text.unread, _))
        notices.append(" ".join(filter(None, notice)))
    if len(attachments) > MOST_FILES:
        notices.append(_("I read the first {count} files only.", count=MOST_FILES))
    return ReadFiles(tuple(found), tuple(notices), "\n".join(written)[:_LONGEST_WRITTEN])


def _notice(attachment: Attachment, used: int, parts: int, _: Words) -> str:
    name = inert(attachment.filename)
    if not parts:
        return _("There is no text in {name}.", name=name)
    if used == parts:
        return _("I read {name} for this question alone and did not keep it.", name=name)
    return _(
        "{name} is long: I used the {used} of its {parts} parts that fit the question best, and "
        "did not keep it. `/kb add` lets me learn all of it.",
        name=name,
        used=used,
        parts=parts,
    )


async def whole_file(
    attachment: Attachment, library: Library, max_file_mb: int
) -> tuple[Passage, ...]:
    """All that a file says, in its order.

    Raises `UserError` and `KnowledgeError` where it cannot be had or read, `EmptyDocumentError`
    where it says nothing.
    """
    try:
        text = await _text(attachment, library, max_file_mb)
    except TimeoutError as error:
        raise AttachmentGoneError(attachment.filename) from error
    pieces = await asyncio.to_thread(_pieces, text.sections)
    if not pieces:
        raise EmptyDocumentError(attachment.filename)
    return tuple(_passage(attachment, 0, at, piece) for at, piece in enumerate(pieces))


async def file_passages(document: Document, text: FileText) -> tuple[Passage, ...]:
    """What a file says that stands in no base, under a document's name and version."""
    pieces = await asyncio.to_thread(_pieces, text.sections)
    stand_in = replace(document, document_id=DocumentId(-1), base_id=BaseId(0))
    return tuple(
        Passage(
            Chunk(ChunkId(-1 - at), DocumentId(-1), at, piece.text, piece.heading, piece.page),
            stand_in,
            relevance=UNMEASURED,
        )
        for at, piece in enumerate(pieces)
    )


async def _text(attachment: Attachment, library: Library, max_file_mb: int) -> FileText:
    limit = max_file_mb * _MEGABYTE
    if attachment.size is not None and attachment.size > limit:
        raise AttachmentTooLargeError(attachment.filename, limit, "knowledge.max_file_mb")
    async with temporary_folder() as folder:
        path = folder / file_name(attachment.filename)
        library.expect_file()
        async with asyncio.timeout(SECONDS):
            await attachment.save(path, limit)
        return await library.read(Upload(path.name, path))


def _chosen(
    sections: Sequence[Section], question: str, most: int
) -> tuple[int, list[tuple[int, Section]]]:
    """How many parts there are, and those that fit the question best, in their order."""
    pieces = _pieces(sections)
    return len(pieces), [(at, pieces[at]) for at in _fitting(question, pieces, most)]


def _pieces(sections: Sequence[Section]) -> list[Section]:
    """Paragraphs, joined up to a passage's length within one section."""
    pieces: list[Section] = []
    for section in sections:
        held = ""
        for paragraph in _paragraphs(section.text):
            if held and len(held) + len(paragraph) > LONGEST_PASSAGE:
                pieces.append(Section(held, section.heading, section.page))
                held = ""
            held = f"{held}\n\n{paragraph}" if held else paragraph
        if held:
            pieces.append(Section(held, section.heading, section.page))
    return pieces


def _paragraphs(text: str) -> list[str]:
    found: list[str] = []
    for paragraph in text.split("\n\n"):
        stripped = paragraph.strip()
        found += [
            stripped[at : at + LONGEST_PASSAGE] for at in range(0, len(stripped), LONGEST_PASSAGE)
        ]
    return found


def _fitting(question: str, pieces: Sequence[Section], most: int) -> list[int]:
    """Places of the pieces that share the most words with the question, in their order."""
    if len(pieces) <= most:
        return list(range(len(pieces)))
    asked = content(question)
    shared = [len(asked & content(f"{piece.heading or ''} {piece.text}")) for piece in pieces]
    best = sorted(range(len(pieces)), key=lambda at: (-shared[at], at))[:most]
    return sorted(best)


def _passage(attachment: Attachment, number: int, at: int, piece: Section) -> Passage:
    """Numbers below zero are in no base: nothing that is stored is ever mistaken for it."""
    document_id = DocumentId(-1 - number)
    document = Document(
        document_id,
        BaseId(0),
        file_name(attachment.filename),
        DocumentState.READY,
        version=1,
        sha256="",
        size=attachment.size or 0,
        media_type=attachment.media_type,
        passages=at + 1,
        added_at=datetime.now(UTC),
    )
    chunk = Chunk(
        ChunkId(-1 - (number << 20) - at), document_id, at, piece.text, piece.heading, piece.page
    )
    return Passage(chunk, document, relevance=UNMEASURED)


@asynccontextmanager
async def temporary_folder() -> AsyncGenerator[Path, None]:
    """A folder that is gone, with all in it, when the context is left."""
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="lorekeeper-")
    try:
        yield Path(folder)
    finally:
        await to_the_end(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
