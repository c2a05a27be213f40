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
from core.engines.queue import Asker, Lane
from core.engines.queued import QueuedEngine
from core.errors import EngineError, QueueFullError
from core.inert import inert
from core.inquiry import Inquiry, from_outside, waking
from core.links import Addresses, without_links
from core.prompts import Draft
from core.relay import relayed
from core.replies import Notice, Progress, ReplyEvent, TextDelta, TextReplaced
from core.settings import ChatSettings
from core.speech import Answer, Speech
from core.whole import listing, talk
from core.whole.choosing import (
    Attached,
    Choice,
    Choosing,
    Earlier,
    Everything,
    Job,
    Reading,
    Talk,
)
from core.whole.composing import are_akin, composed, has_headings
from core.whole.kept import KeptSummaries, KeptSummary, Maker
from core.whole.kinds import Kind
from core.whole.numbering import consecutive, each_once, items, numbered_anew, renumbered
from core.whole.reading import Budget, Part, Read, Reader
from core.whole.remarks import Text, broken_off, left_out, lonely, names, partly, why
from core.whole.tasks import Note, Task, Telling, titled
from knowledge_base.models import Chunk, Document, Legs, Passage, RestKind

if TYPE_CHECKING:
    from knowledge_base.library import Library

_MOST_PASSAGES: Final = 20_000


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
                told = self._told(_Ask(kind, (text,), topic, question, course), answer)
                async with aclosing(told) as events:
                    async for event in events:
                        yield event
            case Reading():
                texts = tuple([await self._text(one) for one in job.documents])
                if job.was_searched:
                    yield Notice(_("I looked in what a search for {topic} finds: {names}.",
                                   topic=inert(job.topic), names=names(texts, _)))  # fmt: skip
                if job.looked_through:
                    yield Notice(_.plural("I looked through {count} document for it.",
                                          "I looked through all {count} documents for it.",
                                          job.looked_through))  # fmt: skip
                ask = _Ask(job.kind, texts, job.topic, question, course, job.is_plain,
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
        ask = _Ask(Kind.COMPARISON, texts, "", question, course)
        async with aclosing(self._told(ask, answer)) as events:
            async for event in events:
                yield event

    async def _text(self, document: Document) -> Text:
        """A document whole, in its order. Raises `NoSuchDocumentError` where it has just gone."""
        chunks: tuple[Chunk, ...] = await self._means.library.passages(
            document.base_id, document.name, 0, _MOST_PASSAGES
        )
        now = document
        if chunks and chunks[0].document_id != document.document_id:
            newer = await self._means.library.document(document.base_id, document.name)
            now = newer or document
        return Text(document.name, tuple(Passage(chunk, now, 1.0) for chunk in chunks), now)

    async def _told(self, ask: _Ask, answer: Answer) -> AsyncGenerator[ReplyEvent, None]:
        """By a model where there is one that can and the text does not say it itself."""
        _ = ask.question.words
        writers = [] if await asyncio.to_thread(_says_it_itself, ask) else list(_writers(ask))
        if not writers:
            yield Notice(why(ask.course.first.engine, ask.kind, _, itself=ask.by_looks))
            yield await self._composed(ask, answer)
            return
        speech = self._speech(ask, answer)
        failure: EngineError | None = None
        try:
            async with aclosing(self._by_model(ask, writers, speech)) as events:
                async for event in events:
                    yield event
        except QueueFullError:
            raise
        except EngineError as error:
            if answer.text and ask.kind not in _IN_PARTS:
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
        yield await self._composed(ask, answer)

    async def _composed(self, ask: _Ask, answer: Answer) -> ReplyEvent:
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

    def _speech(self, ask: _Ask, answer: Answer) -> Speech:
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

    async def _by_model(
        self, ask: _Ask, writers: Sequence[QueuedEngine], speech: Speech
    ) -> AsyncGenerator[ReplyEvent, None]:
        first = writers[0]
        maker = Maker(ask.question.language, first.engine.name, ask.task.fingerprint)
        kept = await self._kept(ask, maker)
        if kept is not None:
            async with aclosing(self._again(ask, kept, speech.answer)) as events:
                async for event in events:
                    yield event
            return
        message = ask.question.message
        asker = Asker(
            message.conversation.channel,
            message.author.user_id,
            Lane.BACKGROUND,
            message.server_id,
        )
        settings, clock = self._means.settings, self._means.clock
        budget = Budget(settings.reading_parts, clock() + self._means.seconds, clock)
        reader = Reader(writers, ask.task, asker, budget)
        everything = [passage for text in ask.texts for passage in text.passages]
        read = Read()
        if await reader.fits_at_once(everything, self._means.max_answer_tokens):
            read.covered = len(everything)
            telling = Telling(ask.task, everything)
            said = _spoken(reader, telling, speech)
        elif ask.kind in _IN_PARTS:
            said = self._part_by_part(ask, reader, read, speech)
        else:
            said = self._from_notes(ask, reader, read, speech)
        async with aclosing(said) as events:
            async for event in events:
                yield event
        read.used(speech.answer.usage)
        speech.answer.usage = read.usage
        await self._keep(ask, maker, read, speech.answer, is_first=reader.served is first)

    async def _from_notes(
        self, ask: _Ask, reader: Reader, read: Read, speech: Speech
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Notes on each part, then the answer from them."""
        told: list[Note] = []
        async with aclosing(self._through(ask, reader, read)) as steps:
            async for step in steps:
                if isinstance(step, _Begun):
                    if len(ask.texts) > 1:
                        told.append(titled(step.text.name))
                elif isinstance(step, _Noted):
                    told += step.notes
                else:
                    yield step
        if not read.notes:
            return
        window = reader.served.engine.context_window
        room = window - min(self._means.max_answer_tokens, max(1, window // 3))
        notes = await reader.condensed(told, room, read)
        everything = [passage for text in ask.texts for passage in text.passages]
        notes, passages = renumbered(notes, everything)
        telling = Telling(ask.task, passages, notes)
        async with aclosing(_spoken(reader, telling, speech)) as events:
            async for event in events:
                yield event

    async def _part_by_part(
        self, ask: _Ask, reader: Reader, read: Read, speech: Speech
    ) -> AsyncGenerator[ReplyEvent, None]:
        """What each part names, as soon as it is read: nothing is lost by summing up again."""
        _, answer = speech.words, speech.answer
        everything = [passage for text in ask.texts for passage in text.passages]
        numbers: dict[int, int] = {}
        seen: set[str] = set()
        for remark in waking(reader.served, _):
            yield Notice(remark)
        async with aclosing(self._through(ask, reader, read)) as steps:
            async for step in steps:
                if isinstance(step, _Begun):
                    continue
                if not isinstance(step, _Noted):
                    yield step
                    continue
                for note in step.notes:
                    for line in items(note.text, seen):
                        told = numbered_anew(line, numbers)
                        known = [everything[number - 1] for number in numbers]
                        answer.passages, answer.cited = tuple(known), set(numbers.values())
                        texts = [ask.question.text, *(own.chunk.text for own in known)]
                        leads_to = Addresses.of(texts, self._means.settings.allowed_links)
                        said = without_links(told, leads_to, _("(link removed)"))
                        yield speech.adds(f"{said}\n")
        if not answer.text:
            answer.refused = True
            yield speech.adds(
                _("I read {names} and found nothing about {topic}.",
                  names=names(ask.texts, _), topic=inert(ask.topic or ask.question.text))
            )  # fmt: skip
        for remark in from_outside(reader.served, _):
            yield Notice(remark)

    async def _through(
        self, ask: _Ask, reader: Reader, read: Read
    ) -> AsyncGenerator[ReplyEvent | _Begun | _Noted, None]:
        """Document after document, as many parts as one question may take."""
        _, left = ask.question.words, self._means.settings.reading_parts
        plan: list[tuple[Text, list[Part]]] = []
        first = 1
        for place, text in enumerate(ask.texts):
            # Of several, each gets its share of what is left.
            share = max(1, left // (len(ask.texts) - place)) if left else 0
            if ask.kind in _IN_PARTS:
                share = left
            parts = await reader.parts(text.passages, share, first) if share else []
            plan.append((text, parts))
            left -= len(parts)
            first += len(text.passages)
        total = sum(len(parts) for _text, parts in plan)
        stage = _("reading {names} part by part", names=names(ask.texts, _))
        yield Progress(stage, 0, total)
        done = 0
        for text, parts in plan:
            before = len(read.notes)
            if parts and read.in_time:
                yield _Begun(text)
                async with aclosing(reader.read(parts, read)) as counts:
                    async for _count in counts:
                        done += 1
                        yield _Noted(tuple(read.notes[before:]))
                        before = len(read.notes)
                        yield Progress(stage, done, total)
            for remark in left_out(text, parts, read, _):
                yield Notice(remark)

    async def _kept(self, ask: _Ask, maker: Maker) -> KeptSummary | None:
        """What is kept of the document, if all of its passages are there as they were."""
        document = ask.document
        if document is None:
            return None
        kept = await self._means.kept.of(document, maker)
        if kept is None:
            return None
        known = {passage.chunk.chunk_id for passage in ask.texts[0].passages}
        return kept if known.issuperset(kept.chunks) else None

    async def _again(
        self, ask: _Ask, kept: KeptSummary, answer: Answer
    ) -> AsyncGenerator[ReplyEvent, None]:
        by_id = {passage.chunk.chunk_id: passage for passage in ask.texts[0].passages}
        answer.passages = tuple(by_id[chunk] for chunk in kept.chunks)
        answer.cited = set(range(1, len(kept.chunks) + 1))
        answer.text = kept.text
        yield TextDelta(kept.text)
        text = ask.texts[0]
        if kept.covered < len(text.passages):
            yield Notice(partly(text, kept.covered, ask.question.words))

    async def _keep(
        self, ask: _Ask, maker: Maker, read: Read, answer: Answer, *, is_first: bool
    ) -> None:
        document = ask.document
        whole = is_first and read.in_time and answer.reason == "stop" and not answer.refused
        if document is None or not whole or not answer.text.strip() or not answer.cited:
            return
        text, passages = consecutive(each_once(answer.text), answer.passages, answer.cited)
        chunks = tuple(passage.chunk.chunk_id for passage in passages)
        await self._means.kept.keep(document, maker, text, chunks, read.covered)


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is to be told of which texts."""

    kind: Kind
    texts: tuple[Text, ...]
    topic: str
    question: Inquiry
    course: Course
    is_plain: bool = False
    by_looks: bool = False
    """What shows it was found in many documents: quoted it is complete."""

    @property
    def document(self) -> Document | None:
        """The one whose summary anybody may be given who asks for it."""
        if self.kind is not Kind.SUMMARY or not self.is_plain or len(self.texts) != 1:
            return None
        return self.texts[0].document

    @property
    def task(self) -> Task:
        question = self.question
        return Task(self.kind, question.text, question.language, question.persona)


@dataclass(frozen=True, slots=True)
class _Begun:
    """The next text is read from here on."""

    text: Text


@dataclass(frozen=True, slots=True)
class _Noted:
    """What the part that was just read says; perhaps nothing."""

    notes: tuple[Note, ...]


_IN_PARTS: Final = (Kind.ALL, Kind.OUTLINE)
"""What is told part by part, as it is read."""


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


async def _spoken(
    reader: Reader, telling: Telling, speech: Speech
) -> AsyncGenerator[ReplyEvent, None]:
    """The answer in one go: a request like any other, of whoever read last or of who stands in."""
    speech.prompts = telling
    course = Course(tuple(reader.writers))
    async with aclosing(relayed(course, None, speech)) as events:
        async for event in events:
            yield event


def _says_it_itself(ask: _Ask) -> bool:
    """Whether the exact answer needs no model: headings, sentences that differ."""
    if ask.by_looks or not all(text.passages for text in ask.texts):
        return True
    if ask.kind is Kind.OUTLINE:
        return has_headings(ask.texts[0].passages)
    if ask.kind is Kind.COMPARISON:
        return are_akin(ask.texts[0].passages, ask.texts[1].passages)
    return False


def _writers(ask: _Ask) -> Iterator[QueuedEngine]:
    """The chosen engine and who stands in for it, if the chosen one writes such answers at all."""
    can = [own for own in ask.course.engines if _writes(own, ask.question.language)]
    if can and can[0] is ask.course.first:
        yield from can


def _writes(served: QueuedEngine, language: str) -> bool:
    engine = served.engine
    writes_it = engine.languages is None or language in engine.languages
    return engine.trusted and not engine.quotes and writes_it


def _counted_anew(ask: _Ask, answer: Answer) -> Iterator[ReplyEvent]:
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
