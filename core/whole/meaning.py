"""Which of the documents that there are words mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from core.inquiry import Inquiry
from core.whole.jobs import Choice, Earlier, Everything, Job, Reading
from core.whole.kinds import Kind
from core.whole.naming import Fit, fit, fitting, named_in
from core.whole.portions import portions
from core.whole.recognising import Wanted, is_everything, is_generic
from knowledge_base.models import Document, DocumentId
from knowledge_base.offloop import blocking

MOST_WANTS: Final = 6
"""Ways to read a question that are held against all names; the likeliest come first."""
_MOST_SUMMED: Final = 12
"""Documents that are summed up for one question about all of them."""
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


@dataclass(slots=True)
class Known:
    """The documents that may be told of there."""

    documents: tuple[Document, ...]
    quoted: tuple[Document, ...]
    """Those that the message speaks of to which the question replies."""
    titles: dict[DocumentId, str] = field(default_factory=dict)


@blocking
def first_meant(wants: Sequence[Wanted], known: Known, question: Inquiry) -> Job | None:
    """Thousands of names are held against what a member wrote: that takes seconds."""
    for want in wants[:MOST_WANTS]:
        job = _meant(want, known, question)
        if job is not None:
            return job
    return None


@blocking
def answered_with(before: Sequence[Wanted], known: Known, question: Inquiry) -> Job | None:
    for want in before[:MOST_WANTS]:
        job = _meant(want, known, question, anew=True) or not_there(before, known)
        if not isinstance(job, Choice):
            continue
        chosen = picked(question.text, job)
        if job.of_two:
            return Reading(want.kind, chosen) if len(chosen) == _PAIR else None
        if len(chosen) == 1:
            return _with(want, chosen[0], known, question)
    return None


def picked(text: str, choice: Choice) -> tuple[Document, ...]:
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


def _with(want: Wanted, chosen: Document, known: Known, question: Inquiry) -> Job | None:
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


def not_there(wants: Sequence[Wanted], known: Known) -> Job | None:
    """A file is named that is not there: to be told from a question about its name."""
    for want in wants:
        if want.kind not in (Kind.SUMMARY, Kind.OUTLINE, Kind.ALL):
            continue
        portion = next((own for own in portions(want.of) if own.of), None)
        name = want.of if portion is None else portion.of
        if not _FILE_NAME.search(name):
            continue
        if portion is not None:
            if fitting(name, known.documents, known.titles, Fit.MUCH):
                return None
            portion = replace(portion, of="")
        return Choice(want.kind, known.documents, unknown=name, portion=portion)
    return None


def _meant(want: Wanted, known: Known, question: Inquiry, *, anew: bool = False) -> Job | None:
    match want.kind:
        case Kind.SUMMARY | Kind.OUTLINE | Kind.ALL:
            return _one(want, known, question, anew=anew)
        case Kind.VERSIONS:
            return _versions(want, known)
        case Kind.COMPARISON:
            return _two(want, known)
        case Kind.INVENTORY:
            return Everything()


def _one(want: Wanted, known: Known, question: Inquiry, *, anew: bool) -> Job | None:
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


def _versions(want: Wanted, known: Known) -> Job | None:
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


def _earlier(one: Document, known: Known) -> Earlier:
    twins = [other for other in known.documents if other != one and _kin(one) == _kin(other)]
    older = [own for own in twins if (own.added_at, own.name) < (one.added_at, one.name)]
    return Earlier(one, max(older or twins, key=lambda own: (own.added_at, own.name), default=None))


def _kin(document: Document) -> str:
    """A name without what tells one edition from the next."""
    bare = re.sub(r"\.\w{1,5}$", "", document.name)
    return re.sub(r"(?i)[\d\W_]+|版本?|年|old|new|旧|新|v(?=\d)", "", bare).casefold()


def _both(want: Wanted, known: Known) -> Job | None:
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


def _two(want: Wanted, known: Known) -> Job | None:
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
