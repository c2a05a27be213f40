"""The front of `core.whole`: what a question about the whole comes to, as events of a reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, assert_never

from core.access import Access
from core.attachments import file_passages, whole_file
from core.engines.choice import Course
from core.errors import EngineError, QueueFullError
from core.inert import inert
from core.inquiry import Inquiry
from core.prompts import Draft
from core.replies import Notice, ReplyEvent, TextDelta, TextReplaced
from core.settings import ChatSettings
from core.speech import Answer, Speech
from core.text import clip
from core.whole import listing, talk
from core.whole.asks import IN_PARTS, Ask, require_there, says_it_itself, writers_of
from core.whole.by_model import ByModel
from core.whole.choosing import Choosing
from core.whole.composing import composed
from core.whole.extracting import SEPARATOR
from core.whole.jobs import Attached, Choice, Earlier, Everything, Job, Reading, Talk
from core.whole.kept import KeptSummaries
from core.whole.kinds import Kind
from core.whole.numbering import consecutive, each_once
from core.whole.portions import Portion, find
from core.whole.remarks import Text, broken_off, lonely, names, why
from core.whole.tasks import Telling
from knowledge_base.errors import NoSuchDocumentError
from knowledge_base.models import UNMEASURED, Chunk, Document, Legs, Passage, RestKind

if TYPE_CHECKING:
    from knowledge_base.library import Library

_MOST_PASSAGES: Final = 20_000
_LONGEST_TITLE: Final = 60
"""Of a part of a document."""


@dataclass(frozen=True, slots=True)
class Means:
    """What reading through works with."""

    library: Library
    access: Access
    kept: KeptSummaries
    settings: ChatSettings
    max_answer_tokens: int = 800
    max_file_mb: int = 50
    seconds: float = 400.0
    """How long reading for one question may go on; a reply as a whole has its own limit."""
    clock: Callable[[], float] = time.monotonic


class Whole:
    """Answers questions about the whole of documents. One for the program; it keeps no state."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._choosing = Choosing(means.library, means.access)
        self._by_model = ByModel(
            means.library,
            means.kept,
            means.settings,
            means.max_answer_tokens,
            means.seconds,
            means.clock,
        )

    async def job(self, question: Inquiry, *, by_words: bool) -> Job | None:
        """What there is to do; None: it is an ordinary question.

        `by_words`: nothing of it may go to the embedder. Raises what `Access.scope_of` raises.
        """
        return await self._choosing.job(question, Legs.LEXICAL if by_words else Legs.BOTH)

    async def said(
        self, job: Job, question: Inquiry, course: Course, answer: Answer
    ) -> AsyncGenerator[ReplyEvent, None]:
        """The answer, which grows in `answer` as well. Raises what engines and library raise."""
        _, means = question.words, self._means
        match job:
            case Everything() | Choice() | Talk():
                yield _tells(answer, await self._known(job, question))
            case Earlier():
                async with aclosing(self._since(job, question, course, answer)) as events:
                    async for event in events:
                        yield event
            case Attached(kind, file, topic):
                passages = await whole_file(file, means.library, means.max_file_mb)
                text = Text(file.filename, passages)
                yield Notice(_("I read {name} for this question alone and did not keep it.",
                               name=inert(file.filename)))  # fmt: skip
                told = self._told(Ask(kind, (text,), topic, question, course), answer)
                async with aclosing(told) as events:
                    async for event in events:
                        yield event
            case Reading():
                texts = await self._texts(job)
                if job.was_searched:
                    yield Notice(_("I looked in what a search for {topic} finds: {names}.",
                                   topic=inert(job.topic), names=names(texts, _)))  # fmt: skip
                if job.looked_through:
                    yield Notice(_.plural("I looked through {count} document for it.",
                                          "I looked through all {count} documents for it.",
                                          job.looked_through))  # fmt: skip
                ask = Ask(job.kind, texts, job.topic, question, course, job.is_plain,
                           by_looks=job.looked_through > 0)  # fmt: skip
                async with aclosing(self._told(ask, answer)) as events:
                    async for event in events:
                        yield event
            case _:
                assert_never(job)

    async def _known(self, job: Everything | Choice | Talk, question: Inquiry) -> str:
        """What is told without reading anything."""
        match job:
            case Everything():
                return await listing.listed(question, self._means.library, self._means.access)
            case Choice():
                return listing.choice(job, question.words)
            case Talk():
                return talk.told(question)

    async def _since(
        self, job: Earlier, question: Inquiry, course: Course, answer: Answer
    ) -> AsyncGenerator[ReplyEvent, None]:
        """What became different: from the version that this one replaced, while its original rests,
        and for who may see that; else from another document that looks like the one before."""
        _, document = question.words, job.document
        rests = await self._means.library.resting([document.base_id])
        replaced = next(
            (
                rest
                for rest in rests
                if rest.kind is RestKind.REPLACED
                and rest.document.name == document.name
                and rest.document.version < document.version
            ),
            None,
        )
        texts: tuple[Text, ...] = ()
        if replaced is not None and _looks_back(question, replaced.document):
            said = await self._means.library.resting_text(replaced)
            named = _("{name} (version {version})", name=document.name,
                      version=replaced.document.version)  # fmt: skip
            earlier = replace(replaced.document, name=named)
            texts = (
                Text(named, await file_passages(earlier, said)),
                await self._text(document),
            )
        elif job.twin is not None:
            pair = sorted((job.twin, document), key=lambda own: (own.added_at, own.name))
            texts = tuple([await self._text(own) for own in pair])
        if not texts:
            yield _tells(answer, lonely(document, _, rests=replaced is not None))
            return
        ask = Ask(Kind.COMPARISON, texts, "", question, course)
        async with aclosing(self._told(ask, answer)) as events:
            async for event in events:
                yield event

    async def _texts(self, job: Reading) -> tuple[Text, ...]:
        """Those that are there still. Raises `NoSuchDocumentError` where one that the question
        names has just gone, or all have."""
        found: list[Text] = []
        for document in job.documents:
            try:
                text = await self._text(document)
                if job.portion is not None:
                    text = await asyncio.to_thread(_portion_of, text, job.portion)
                found.append(text)
            except NoSuchDocumentError:
                is_last = not found and document is job.documents[-1]
                if job.kind is Kind.COMPARISON or is_last:
                    raise
        return tuple(found)

    async def _text(self, document: Document) -> Text:
        """A document whole, in its order. Raises `NoSuchDocumentError` where it has just gone."""
        chunks: tuple[Chunk, ...] = await self._means.library.passages(
            document.base_id, document.name, 0, _MOST_PASSAGES
        )
        now = document
        if chunks and chunks[0].document_id != document.document_id:
            newer = await self._means.library.document(document.base_id, document.name)
            now = newer or document
        return Text(document.name, tuple(Passage(chunk, now, UNMEASURED) for chunk in chunks), now)

    async def _told(self, ask: Ask, answer: Answer) -> AsyncGenerator[ReplyEvent, None]:
        """What there is to be told, unless a document is taken out meanwhile."""
        _ = ask.question.words
        try:
            async with aclosing(self._told_of(ask, answer)) as events:
                async for event in events:
                    yield event
        except NoSuchDocumentError as error:
            had = bool(answer.text)
            told = _("{name} was taken out while I read it.", name=inert(error.name))
            answer.text, answer.passages, answer.refused = told, (), True
            answer.cited = set()
            yield TextReplaced(told) if had else TextDelta(told)

    async def _told_of(self, ask: Ask, answer: Answer) -> AsyncGenerator[ReplyEvent, None]:
        """By a model where there is one that can and the text does not say it itself."""
        _ = ask.question.words
        writers = [] if await asyncio.to_thread(says_it_itself, ask) else list(writers_of(ask))
        if not writers:
            yield Notice(why(ask.course.first.engine, ask.kind, _, itself=ask.by_looks))
            yield await self._composed(ask, answer)
            return
        speech = self._speech(ask, answer)
        failure: EngineError | None = None
        try:
            async with aclosing(self._by_model.told(ask, writers, speech)) as events:
                async for event in events:
                    yield event
        except QueueFullError:
            raise
        except EngineError as error:
            if answer.text and ask.kind not in IN_PARTS:
                raise
            failure = error
        if failure is not None:
            yield Notice(broken_off(failure, _))
        elif answer.text.strip():
            for event in _counted_anew(ask, answer):
                yield event
            return
        elif answer.refused:
            return
        else:
            yield Notice(_("What the model wrote does not stand in the document, so I quote it."))
        await require_there(ask, self._means.library)
        yield await self._composed(ask, answer)

    async def _composed(self, ask: Ask, answer: Answer) -> ReplyEvent:
        """In the documents' own words, instead of anything that was said before."""
        made = await asyncio.to_thread(
            composed,
            ask.kind,
            [text.source for text in ask.texts],
            ask.topic,
            ask.question.words,
            self._means.settings.allowed_links,
        )
        had = bool(answer.text)
        answer.text, answer.passages = made.text, tuple(made.passages)
        answer.cited = set(range(1, len(made.passages) + 1))
        answer.refused = made.is_empty
        _stand_among_sources(ask.texts, answer)
        return TextReplaced(made.text) if had else TextDelta(made.text)

    def _speech(self, ask: Ask, answer: Answer) -> Speech:
        return Speech(
            Telling(ask.task, ()),
            self._means.max_answer_tokens,
            ask.question.message,
            Draft(
                ask.question.text,
                (),
                ask.question.language,
                persona=ask.question.persona,
                may_link=self._means.settings.allowed_links,
            ),
            answer,
        )


def _portion_of(text: Text, portion: Portion) -> Text:
    """What a question means of a document. Raises `NoSuchDocumentError` where that has just
    gone."""
    found = find(portion, text.passages)
    if found is None:
        raise NoSuchDocumentError(text.name)
    section, _fit = found
    named = f"{text.name}{SEPARATOR}{clip(section.heading.title, _LONGEST_TITLE)}"
    return Text(named, section.passages, text.document)


def _looks_back(question: Inquiry, replaced: Document) -> bool:
    """Whether the asker may see what a document said before: it may have been replaced for that.

    Who uploaded that very version may; not who replaced it, or who uploads under its name now.
    """
    message, author = question.message, question.message.author
    if author.is_moderator or author.is_channel_admin:
        return True
    platform = message.conversation.channel.platform
    return replaced.uploader_id == f"{platform.value}:{author.user_id}"


def _tells(answer: Answer, text: str) -> TextDelta:
    answer.text = text
    return TextDelta(text)


def _counted_anew(ask: Ask, answer: Answer) -> Iterator[ReplyEvent]:
    """Of hundreds of passages those are kept that the answer cites, counted from 1 on."""
    said = each_once(answer.text)
    text, passages = consecutive(said, answer.passages, answer.cited)
    answer.passages, answer.cited = passages, set(range(1, len(passages) + 1))
    if not answer.refused:
        _stand_among_sources(ask.texts, answer)
    if text != answer.text:
        answer.text = text
        yield TextReplaced(text)


def _stand_among_sources(texts: Sequence[Text], answer: Answer) -> None:
    """Each document that an answer was made from does, cited or not, so that it goes with them."""
    known = {passage.document.document_id for passage in answer.passages}
    answer.passages += tuple(
        text.passages[0]
        for text in texts
        if text.passages and text.passages[0].document.document_id not in known
    )
