"""Which documents a question about the whole is about, among those that its asker may be told of.

Where that is not said, or two documents are meant equally well, the asker is asked back: nothing is
guessed. Where no document is meant at all, the question is an ordinary one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from core.access import Access
from core.events import Attachment, IncomingMessage, Trigger
from core.filenames import file_name
from core.inquiry import Inquiry
from core.pictured import is_picture, pictures_of
from core.whole.extracting import SEPARATOR, all_of
from core.whole.kinds import Kind
from core.whole.naming import Fit, fit, fitting, named_in
from core.whole.recognising import Wanted, core_of, is_everything, is_generic, points, wanted
from core.whole.sorts import is_sort
from core.whole.talk import asks_of_talk
from knowledge_base.models import BaseId, Document, DocumentId, Legs, Passage, Scope
from knowledge_base.notes import MEDIA_TYPE
from knowledge_base.offloop import blocking

if TYPE_CHECKING:
    from knowledge_base.library import Library

MOST_KNOWN: Final = 5000
"""Documents up to which all names are looked at; of more, those alone that have the words
in them."""
_MOST_TITLES: Final = 40
_MOST_WANTS: Final = 6
"""Ways to read a question that are held against all names; the likeliest come first."""
_MOST_READ: Final = 5
"""Documents that are read for one question which names none."""
_MOST_SUMMED: Final = 12
"""Documents that are summed up for one question about all of them."""
_MOST_LOOKED_THROUGH: Final = 10_000
"""Passages, of all documents together, in which what is told by its looks is looked for."""
_SHORT: Final = 120
"""Characters of an answer to our asking back."""
_DOCUMENT_WORD: Final = re.compile(
    r"(?i)\b(?:documents?|files?|pdf|handbook|manual|guide|report|paper|rules|leaflet|booklet)\b|"
    r"\.\w{2,5}\b|"
    r"文件|文档|手册|指南|规则|须知|资料|材料|报告|说明书?|附件"
)
_FILE_NAME: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}\W*$")
_MANNER: Final = re.compile(
    r"(?i)\d|\b(?:one|two|three|four|five|six|ten|words?|sentences?|lines?|paragraphs?|points?|"
    r"bullets?|"
    r"short|brief|briefly|detailed|long|longer|simple|nutshell|english|chinese|list|focus\w*)\b|"
    r"[一二三四五六七八九十两几](?:句|点|条|段|百?字)|简[单短]|详细|英文|中文"
)
_NUMBER: Final = re.compile(r"(?<![\w.])\d{1,2}(?![\w.])")
_PAIR: Final = 2
_PLACE: Final = re.compile(
    r"\W*(?:第|no\.? ?|number ?|the )?(\d{1,2})(?:st|nd|rd|th|个|份)?(?: one)?\W*", re.I
)


@dataclass(frozen=True, slots=True)
class Reading:
    """Documents that are to be read through, and what for."""

    kind: Kind
    documents: tuple[Document, ...]
    topic: str = ""
    is_plain: bool = False
    """Nothing is said of how it is to be told: anybody's like question has the same answer."""
    was_searched: bool = False
    """The question names no document; these are about it."""
    looked_through: int = 0
    """The question names no document; in so many it was looked for, and these show it."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that came with the question is to be read through."""

    kind: Kind
    file: Attachment
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """It may be about any of these: the asker is to say."""

    kind: Kind
    documents: tuple[Document, ...]
    unknown: str = ""
    """The asker named one that is not there."""
    of_two: bool = False
    """Two of them are wanted."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A document is to be compared with the version before it."""

    document: Document
    twin: Document | None
    """One whose name differs in nothing that says what it is about."""


@dataclass(frozen=True, slots=True)
class Everything:
    """What there is at all is asked for."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What was said in the conversation is asked for, and no document."""


Job: TypeAlias = Reading | Attached | Choice | Earlier | Everything | Talk


@dataclass(slots=True)
class _Known:
    """The documents that may be told of there."""

    documents: tuple[Document, ...]
    quoted: tuple[Document, ...]
    """Those that the message speaks of to which the question replies."""
    titles: dict[DocumentId, str] = field(default_factory=dict)


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
        self, wants: Sequence[Wanted], known: _Known, question: Inquiry, legs: Legs
    ) -> Job | None:
        job = await asyncio.to_thread(_first_meant, wants, known, question)
        if job is not None:
            return job
        if any(want.of for want in wants) and len(known.documents) <= _MOST_TITLES:
            known.titles = {one.document_id: await self._title(one) for one in known.documents}
            job = await asyncio.to_thread(_first_meant, wants, known, question)
            if job is not None:
                return job
        return await self._about(wants, known, question, legs) or _unknown(wants, known)

    async def _about(
        self, wants: Sequence[Wanted], known: _Known, question: Inquiry, legs: Legs
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
            chunks = await self._library.passages(one.base_id, one.name, 0, _MOST_LOOKED_THROUGH)
            passages = [Passage(chunk, one, 1.0) for chunk in chunks]
            if (await asyncio.to_thread(all_of, topic, passages)).quotes:
                found.append(one)
        return tuple(found)

    async def _answered(
        self, before: Sequence[Wanted], known: _Known, question: Inquiry
    ) -> Job | None:
        """What we asked back about, now that the asker has said which one."""
        return await asyncio.to_thread(_chosen, before, known, question)

    async def _known(self, message: IncomingMessage, wants: Sequence[Wanted]) -> _Known:
        scope = await self._access.scope_of(message)
        found = await self._documents(scope, [w for want in wants for w in (want.of, want.other)])
        return _Known(found, _quoted(message, found))

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


@blocking
def _first_meant(wants: Sequence[Wanted], known: _Known, question: Inquiry) -> Job | None:
    """Thousands of names are held against what a member wrote: that takes seconds."""
    for want in wants[:_MOST_WANTS]:
        job = _meant(want, known, question)
        if job is not None:
            return job
    return None


@blocking
def _chosen(before: Sequence[Wanted], known: _Known, question: Inquiry) -> Job | None:
    for want in before[:_MOST_WANTS]:
        job = _meant(want, known, question, anew=True) or _unknown(before, known)
        if not isinstance(job, Choice):
            continue
        chosen = _picked(question.text, job)
        if job.of_two:
            return Reading(want.kind, chosen) if len(chosen) == _PAIR else None
        if len(chosen) == 1:
            return _with(want, chosen[0], known, question)
    return None


def _picked(text: str, choice: Choice) -> tuple[Document, ...]:
    """Those of a list that an answer names, or counts."""
    documents = choice.documents
    if choice.of_two:
        numbers = [int(number) for number in _NUMBER.findall(text)]
        if numbers and all(0 < number <= len(documents) for number in numbers):
            return tuple(documents[number - 1] for number in sorted(set(numbers)))
        return named_in(text, documents)
    place = _PLACE.fullmatch(text)
    if place is not None and 0 < int(place[1]) <= len(documents):
        return (documents[int(place[1]) - 1],)
    return fitting(text, documents, {}, Fit.MUCH) or named_in(text, documents)


def _with(want: Wanted, chosen: Document, known: _Known, question: Inquiry) -> Job | None:
    """What was wanted, of the document that the asker has named now."""
    if want.kind is Kind.VERSIONS:
        return _earlier(chosen, known)
    if want.kind is not Kind.COMPARISON:
        return _reading(want, chosen, question)
    for side in (replace(want, of=chosen.name), replace(want, other=chosen.name)):
        job = _two(side, known)
        if isinstance(job, Reading) and chosen in job.documents:
            return job
    return None


def _unknown(wants: Sequence[Wanted], known: _Known) -> Job | None:
    """A file is named that is not there: to be told from a question about its name."""
    for want in wants:
        is_one = want.kind in (Kind.SUMMARY, Kind.OUTLINE, Kind.ALL)
        if is_one and _FILE_NAME.search(want.of):
            return Choice(want.kind, known.documents, unknown=want.of)
    return None


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


def _meant(want: Wanted, known: _Known, question: Inquiry, *, anew: bool = False) -> Job | None:
    match want.kind:
        case Kind.SUMMARY | Kind.OUTLINE | Kind.ALL:
            return _one(want, known, question, anew=anew)
        case Kind.VERSIONS:
            return _versions(want, known)
        case Kind.COMPARISON:
            return _two(want, known)
        case Kind.INVENTORY:
            return Everything()


def _one(want: Wanted, known: _Known, question: Inquiry, *, anew: bool) -> Job | None:
    if is_everything(want.of) and not known.quoted:
        if want.kind is Kind.ALL:
            return None
        if 1 < len(known.documents) <= _MOST_SUMMED and not anew:
            return Reading(want.kind, known.documents)
    if not is_generic(want.of):
        is_named = want.kind is Kind.ALL and _DOCUMENT_WORD.search(want.of)
        least = Fit.MUCH if want.strictly and not is_named else Fit.PART
        found = fitting(want.of, known.documents, known.titles, least)
        vague = want.strictly and not _DOCUMENT_WORD.search(want.of)
        if vague and any(fit(want.of, one.name) < Fit.NAME for one in found):
            return None
        return _either(want, found, question)
    bearing = () if known.quoted else fitting(want.of, known.documents, {}, Fit.NAME)
    if len(bearing) == 1:
        return _reading(want, bearing[0], question)
    if known.quoted or (want.kind is Kind.ALL and not want.of and not anew):
        return _either(want, known.quoted, question)
    if not _DOCUMENT_WORD.search(want.of):
        # "Summarise that" may be about anything that was said.
        said = question.message.quoted is not None or bool(question.turns and want.of and not anew)
        if said or want.strictly:
            return None
    return _either(want, known.documents, question)


def _either(want: Wanted, found: Sequence[Document], question: Inquiry) -> Job | None:
    if len(found) == 1:
        return _reading(want, found[0], question)
    return Choice(want.kind, tuple(found)) if found else None


def _reading(want: Wanted, document: Document, question: Inquiry) -> Reading:
    manner = question.text.replace(want.of, " ") if want.of else question.text
    is_plain = want.kind is Kind.SUMMARY and _MANNER.search(manner) is None
    return Reading(want.kind, (document,), want.topic, is_plain)


def _versions(want: Wanted, known: _Known) -> Job | None:
    """A document's newest version and the one before it."""
    if is_generic(want.of):
        documents: Sequence[Document] = known.quoted
        if not documents and _DOCUMENT_WORD.search(want.of) and len(known.documents) == 1:
            documents = known.documents
    else:
        documents = fitting(want.of, known.documents, known.titles, Fit.MUCH)
        if any(fit(want.of, one.name) < Fit.NAME for one in documents):
            documents = documents if _DOCUMENT_WORD.search(want.of) else ()
    if len(documents) != 1:
        return Choice(want.kind, tuple(documents)) if documents else None
    return _earlier(documents[0], known)


def _earlier(one: Document, known: _Known) -> Earlier:
    twins = [other for other in known.documents if other != one and _kin(one) == _kin(other)]
    older = [own for own in twins if (own.added_at, own.name) < (one.added_at, one.name)]
    return Earlier(one, max(older or twins, key=lambda own: (own.added_at, own.name), default=None))


def _kin(document: Document) -> str:
    """A name without what tells one edition from the next."""
    bare = re.sub(r"\.\w{1,5}$", "", document.name)
    return re.sub(r"(?i)[\d\W_]+|版本?|年|old|new|旧|新|v(?=\d)", "", bare).casefold()


def _both(want: Wanted, known: _Known) -> Job | None:
    """Documents that one name means: "compare the house rules", which are two."""
    if is_generic(want.of):
        found: Sequence[Document] = known.quoted or known.documents
        if not _DOCUMENT_WORD.search(want.of):
            return None
    else:
        least = Fit.MUCH if want.strictly else Fit.PART
        found = fitting(want.of, known.documents, known.titles, least)
    if len(found) < _PAIR:
        return None
    if len(found) == _PAIR:
        return Reading(want.kind, tuple(found))
    return Choice(want.kind, tuple(found), of_two=True)


def _two(want: Wanted, known: _Known) -> Job | None:
    if not want.other:
        return _both(want, known)
    least = Fit.PART if not want.strictly else Fit.MUCH
    sides = [want.of, want.other]
    found = [fitting(side, known.documents, known.titles, least) for side in sides]
    if found[1] and not found[0]:
        # "The 2025 and 2026 house rules" are two of one name.
        sides[0] = " ".join((want.of, *want.other.split()[1:]))
        found[0] = fitting(sides[0], known.documents, known.titles, Fit.MUCH)
    fits = [
        max((fit(side, one.name, known.titles.get(one.document_id, "")) for one in own),
            default=Fit.NONE)
        for side, own in zip(sides, found, strict=True)
    ]  # fmt: skip
    if Fit.NONE in fits or max(fits) < Fit.MUCH:
        return None
    # The side that says it more surely goes first; the other means one of the rest.
    order = (0, 1) if (fits[0], -len(found[0])) >= (fits[1], -len(found[1])) else (1, 0)
    chosen: list[tuple[Document, ...]] = [(), ()]
    for at in order:
        taken = {one.document_id for own in chosen for one in own if len(own) == 1}
        rest = tuple(one for one in known.documents if one.document_id not in taken)
        chosen[at] = fitting(sides[at], rest, known.titles, least)
    if not all(chosen):
        return None
    unsure = next((own for own in chosen if len(own) > 1), None)
    if unsure is not None:
        return Choice(want.kind, unsure)
    return Reading(Kind.COMPARISON, (chosen[0][0], chosen[1][0]))
