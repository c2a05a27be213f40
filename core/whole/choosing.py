"""Which documents a question about the whole is about, among those that its asker may be told of.

Where that is not said, or two documents are meant equally well, the asker is asked back: nothing is
guessed. Where no document is meant at all, the question is an ordinary one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from core.access import Access
from core.events import Attachment, IncomingMessage, Trigger
from core.filenames import file_name
from core.inquiry import Inquiry
from core.pictured import is_picture, pictures_of
from core.whole.extracting import SEPARATOR, all_of
from core.whole.jobs import Attached, Choice, Everything, Job, Reading, Talk
from core.whole.kinds import Kind
from core.whole.meaning import MOST_WANTS, Known, answered_with, first_meant, not_there, picked
from core.whole.naming import Fit, fit, fitting, named_in
from core.whole.portions import Portion, find, portions
from core.whole.recognising import Wanted, core_of, is_everything, is_generic, points, wanted
from core.whole.sorts import is_sort
from core.whole.talk import asks_of_talk
from knowledge_base.errors import NoSuchDocumentError
from knowledge_base.models import UNMEASURED, BaseId, Document, Legs, Passage, Scope
from knowledge_base.notes import MEDIA_TYPE

if TYPE_CHECKING:
    from knowledge_base.library import Library

MOST_KNOWN: Final = 5000
"""Documents up to which all names are looked at; of more, those alone that have the words
in them."""
_MOST_TITLES: Final = 40
_MOST_READ: Final = 5
"""Documents that are read for one question which names none."""
_MOST_LOOKED_THROUGH: Final = 10_000
"""Passages, of all documents together, in which what is told by its looks is looked for."""
_SHORT: Final = 120
"""Characters of an answer to our asking back."""


class Choosing:
    """Finds out what is meant. Raises what `Access.scope_of` raises."""

    def __init__(self, library: Library, access: Access) -> None:
        self._library = library
        self._access = access

    async def job(self, question: Inquiry, legs: Legs) -> Job | None:
        """None: it is an ordinary question."""
        message = question.message
        if message.trigger is Trigger.UNASKED or pictures_of(message) or not message.text.strip():
            return None
        if message.quoted is None and not message.attachments and asks_of_talk(question.text):
            return Talk()
        wants = wanted(question.text)
        if wants and wants[0].kind is Kind.INVENTORY:
            return Everything()
        files = [file for file in message.attachments if not is_picture(file)]
        if files:
            return _attached(wants, files)
        answered = () if wants else _asked_before(question)
        if not wants and not answered:
            return None
        known = await self._known(message, wants or answered)
        if not known.documents:
            return None
        if answered:
            return await self._answered(answered, known, question)
        return await self._settled(wants, known, question, legs)

    async def _settled(
        self, wants: Sequence[Wanted], known: Known, question: Inquiry, legs: Legs
    ) -> Job | None:
        job: Job | None = await self._portion(wants, known)
        if job is None:
            job = await asyncio.to_thread(first_meant, wants, known, question)
        if job is not None:
            return job
        if any(want.of for want in wants) and len(known.documents) <= _MOST_TITLES:
            await self._learn_titles(known)
            job = await asyncio.to_thread(first_meant, wants, known, question)
            if job is not None:
                return job
        return await self._about(wants, known, question, legs) or not_there(wants, known)

    async def _portion(self, wants: Sequence[Wanted], known: Known) -> Reading | Choice | None:
        """A chapter or section, where headings show which one; a document that is called so goes
        before it."""
        for want in wants[:MOST_WANTS]:
            is_called = any(fit(want.of, one.name) is Fit.NAME for one in known.documents)
            if want.kind not in (Kind.SUMMARY, Kind.OUTLINE, Kind.ALL) or is_called:
                continue
            for portion in portions(want.of):
                # "All members of the cooking section" need not stand under a heading.
                if portion.name and want.kind is Kind.ALL:
                    continue
                least = Fit.MUCH if want.strictly else Fit.PART
                found = await self._with_portion(portion, known, least)
                if len(found) == 1:
                    return Reading(want.kind, found, want.topic, portion=portion)
                if found:
                    return Choice(want.kind, found, portion=portion)
        return None

    async def _with_portion(
        self, portion: Portion, known: Known, least: Fit
    ) -> tuple[Document, ...]:
        """Those that have it, as surely as that; of several those that fit it best."""
        documents = known.quoted or known.documents
        if portion.of:
            documents = fitting(portion.of, known.documents, {}, Fit.PART)
            if not documents and len(known.documents) <= _MOST_TITLES:
                await self._learn_titles(known)
                documents = fitting(portion.of, known.documents, known.titles, Fit.PART)
        if sum(one.passages for one in documents) > _MOST_LOOKED_THROUGH:
            return ()
        fits: list[tuple[Fit, Document]] = []
        for one in documents:
            passages = await self._passages(one)
            section = await asyncio.to_thread(find, portion, passages)
            if section is not None:
                fits.append((section[1], one))
        best = max((own for own, _one in fits), default=Fit.NONE)
        return tuple(one for own, one in fits if own is best) if best >= least else ()

    async def _learn_titles(self, known: Known) -> None:
        if not known.titles:
            known.titles = {one.document_id: await self._title(one) for one in known.documents}

    async def _passages(self, one: Document) -> list[Passage]:
        """All of a document; none where it was taken out just now."""
        try:
            chunks = await self._library.passages(one.base_id, one.name, 0, _MOST_LOOKED_THROUGH)
        except NoSuchDocumentError:
            return []
        return [Passage(chunk, one, UNMEASURED) for chunk in chunks]

    async def _about(
        self, wants: Sequence[Wanted], known: Known, question: Inquiry, legs: Legs
    ) -> Job | None:
        """All of something, wherever it stands: in the documents that show or name it, or else in
        those that a search finds for it."""
        lists = [want for want in wants if want.kind is Kind.ALL]
        everywhere = next((want for want in lists if is_everything(want.of)), None)
        unnamed = [want for want in lists if not want.of]
        want = everywhere or (unnamed[-1] if unnamed else None)
        if want is None or points(want.topic):
            return None
        topic = want.topic
        if len(known.documents) == 1:
            return Reading(Kind.ALL, known.documents, topic)
        is_known = is_sort(topic)
        if is_known and sum(one.passages for one in known.documents) <= _MOST_LOOKED_THROUGH:
            shown = await self._showing(topic, known.documents)
            count = len(known.documents)
            return Reading(Kind.ALL, shown or known.documents, topic, looked_through=count)
        scope = await self._access.scope_of(question.message)
        result = await self._library.search(
            scope,
            topic,
            limit=_MOST_READ,
            legs=legs,
            per_document=True,
            threshold=question.settings.threshold,
        )
        if result.refused:
            # What such a thing looks like is known: it may stand there in other words.
            return Choice(Kind.ALL, known.documents) if is_known else None
        by_id = {one.document_id: one for one in known.documents}
        found = [
            by_id[passage.document.document_id]
            for passage in result.passages
            if passage.relevance >= result.threshold and passage.document.document_id in by_id
        ]
        return Reading(Kind.ALL, tuple(found), topic, was_searched=True) if found else None

    async def _showing(self, topic: str, documents: Sequence[Document]) -> tuple[Document, ...]:
        """Those in which anything looks like it."""
        found = []
        for one in documents:
            passages = await self._passages(one)
            if (await asyncio.to_thread(all_of, topic, passages)).quotes:
                found.append(one)
        return tuple(found)

    async def _answered(
        self, before: Sequence[Wanted], known: Known, question: Inquiry
    ) -> Job | None:
        """What we asked back about, now that the asker has said which one."""
        job = await self._portion(before, known) or not_there(before, known)
        if isinstance(job, Choice) and job.portion is not None:
            chosen = await asyncio.to_thread(picked, question.text, job)
            own = Known(chosen, ())
            if len(chosen) == 1 and await self._with_portion(job.portion, own, Fit.PART):
                topic = next(want.topic for want in before if want.kind is job.kind)
                return Reading(job.kind, chosen, topic, portion=job.portion)
        return await asyncio.to_thread(answered_with, before, known, question)

    async def _known(self, message: IncomingMessage, wants: Sequence[Wanted]) -> Known:
        scope = await self._access.scope_of(message)
        found = await self._documents(scope, [w for want in wants for w in (want.of, want.other)])
        return Known(found, _quoted(message, found))

    async def _documents(self, scope: Scope, names: Sequence[str]) -> tuple[Document, ...]:
        """Those that can be asked, without notes; each once, wherever it lies."""
        now = datetime.now(UTC)
        found: dict[tuple[str, str], Document] = {}
        for base in sorted(scope.bases):
            count, _size = await self._library.extent_of(base)
            if count <= MOST_KNOWN:
                documents = await self._library.documents(base)
            else:
                documents = await self._with_words(base, names)
            for one in documents:
                expired = one.expires_at is not None and one.expires_at <= now
                if not expired and one.media_type != MEDIA_TYPE:
                    found.setdefault((one.name, one.sha256), one)
        return tuple(sorted(found.values(), key=lambda one: (one.name, one.base_id)))

    async def _with_words(self, base: BaseId, names: Sequence[str]) -> tuple[Document, ...]:
        """Of a large base, the documents that have these words in their name."""
        typed = dict.fromkeys(
            part for name in names for part in (name, core_of(name)) if len(part) > 1
        )
        found: dict[str, Document] = {}
        for part in typed:
            for name in await self._library.names([base], part):
                document = await self._library.document(base, name)
                if document is not None:
                    found[name] = document
        return tuple(found.values())

    async def _title(self, document: Document) -> str:
        """The first heading, else the first line."""
        chunks = await self._library.passages(document.base_id, document.name, 0, 1)
        if not chunks:
            return ""
        heading = chunks[0].heading
        return heading.split(SEPARATOR)[0] if heading else chunks[0].text.split("\n", 1)[0][:_SHORT]


def _attached(wants: Sequence[Wanted], files: Sequence[Attachment]) -> Job | None:
    """The one file that came along; an ordinary question where several did."""
    for want in wants:
        is_one = want.kind in (Kind.SUMMARY, Kind.OUTLINE, Kind.ALL)
        file = files[0]
        meant = is_generic(want.of) or fit(want.of, file_name(file.filename)) >= Fit.PART
        if is_one and meant and len(files) == 1:
            return Attached(want.kind, file, want.topic)
    return None


def _asked_before(question: Inquiry) -> tuple[Wanted, ...]:
    """What was wanted a moment ago, where this may say of which document."""
    if len(question.text) > _SHORT:
        return ()
    said = [turn for turn in question.turns if turn.role == "user"]
    return wanted(said[-1].text) if said else ()


def _quoted(message: IncomingMessage, documents: Sequence[Document]) -> tuple[Document, ...]:
    if message.quoted is None:
        return ()
    names = {file_name(file.filename) for file in message.quoted.attachments}
    sent = tuple(one for one in documents if one.name in names)
    return sent or named_in(message.quoted.text, documents)
