"""A model reads documents through, and tells what it was asked of them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.engines.choice import Course
from core.engines.queue import Asker, Lane
from core.engines.queued import QueuedEngine
from core.inert import inert
from core.inquiry import from_outside, waking
from core.links import Addresses, without_links
from core.relay import relayed
from core.replies import Notice, Progress, ReplyEvent, TextDelta
from core.settings import ChatSettings
from core.speech import Answer, Speech
from core.whole.asks import IN_PARTS, Ask, require_there
from core.whole.kept import KeptSummaries, KeptSummary, Maker
from core.whole.numbering import consecutive, each_once, items, numbered_anew, renumbered
from core.whole.reading import Budget, Part, Read, Reader
from core.whole.remarks import Text, left_out, names, partly
from core.whole.tasks import Note, Telling, titled

if TYPE_CHECKING:
    from knowledge_base.library import Library


class ByModel:
    """Reads in the background lane, a part at a time; keeps what it sums up.

    That takes minutes: a document that is taken out meanwhile is told of no more.
    """

    def __init__(
        self,
        library: Library,
        summaries: KeptSummaries,
        settings: ChatSettings,
        max_answer_tokens: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seconds`: how long reading for one question may go on."""
        self._library = library
        self._summaries = summaries
        self._settings = settings
        self._max_answer_tokens = max_answer_tokens
        self._seconds = seconds
        self._clock = clock

    async def told(
        self, ask: Ask, writers: Sequence[QueuedEngine], speech: Speech
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
        until = self._clock() + self._seconds
        budget = Budget(self._settings.reading_parts, until, self._clock)
        reader = Reader(writers, ask.task, asker, budget)
        everything = [passage for text in ask.texts for passage in text.passages]
        read = Read()
        if await reader.fits_at_once(everything, self._max_answer_tokens):
            read.covered = len(everything)
            telling = Telling(ask.task, everything)
            said = _spoken(reader, telling, speech)
        elif ask.kind in IN_PARTS:
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
        self, ask: Ask, reader: Reader, read: Read, speech: Speech
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
        room = window - min(self._max_answer_tokens, max(1, window // 3))
        notes = await reader.condensed(told, room, read)
        await require_there(ask, self._library)
        everything = [passage for text in ask.texts for passage in text.passages]
        notes, passages = renumbered(notes, everything)
        telling = Telling(ask.task, passages, notes)
        async with aclosing(_spoken(reader, telling, speech)) as events:
            async for event in events:
                yield event

    async def _part_by_part(
        self, ask: Ask, reader: Reader, read: Read, speech: Speech
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
                        leads_to = Addresses.of(texts, self._settings.allowed_links)
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
        self, ask: Ask, reader: Reader, read: Read
    ) -> AsyncGenerator[ReplyEvent | _Begun | _Noted, None]:
        """Document after document, as many parts as one question may take."""
        _, left = ask.question.words, self._settings.reading_parts
        plan: list[tuple[Text, list[Part]]] = []
        first = 1
        for place, text in enumerate(ask.texts):
            # Of several, each gets its share of what is left.
            share = max(1, left // (len(ask.texts) - place)) if left else 0
            if ask.kind in IN_PARTS:
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
                        await require_there(ask, self._library)
                        yield _Noted(tuple(read.notes[before:]))
                        before = len(read.notes)
                        yield Progress(stage, done, total)
            for remark in left_out(text, parts, read, _):
                yield Notice(remark)

    async def _kept(self, ask: Ask, maker: Maker) -> KeptSummary | None:
        """What is kept of the document, if all of its passages are there as they were."""
        document = ask.document
        if document is None:
            return None
        kept = await self._summaries.of(document, maker)
        if kept is None:
            return None
        known = {passage.chunk.chunk_id for passage in ask.texts[0].passages}
        return kept if known.issuperset(kept.chunks) else None

    async def _again(
        self, ask: Ask, kept: KeptSummary, answer: Answer
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
        self, ask: Ask, maker: Maker, read: Read, answer: Answer, *, is_first: bool
    ) -> None:
        document = ask.document
        whole = is_first and read.in_time and answer.reason == "stop" and not answer.refused
        if document is None or not whole or not answer.text.strip() or not answer.cited:
            return
        text, passages = consecutive(each_once(answer.text), answer.passages, answer.cited)
        chunks = tuple(passage.chunk.chunk_id for passage in passages)
        await self._summaries.keep(document, maker, text, chunks, read.covered)


@dataclass(frozen=True, slots=True)
class _Begun:
    """The next text is read from here on."""

    text: Text


@dataclass(frozen=True, slots=True)
class _Noted:
    """What the part that was just read says; perhaps nothing."""

    notes: tuple[Note, ...]


async def _spoken(
    reader: Reader, telling: Telling, speech: Speech
) -> AsyncGenerator[ReplyEvent, None]:
    """The answer in one go: a request like any other, of whoever read last or of who stands in."""
    speech.prompts = telling
    course = Course(tuple(reader.writers))
    async with aclosing(relayed(course, None, speech)) as events:
        async for event in events:
            yield event
