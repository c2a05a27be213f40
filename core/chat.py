"""One turn: history and passages become a prompt, an engine's words an answer with sources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from core.attachments import ReadFiles, read
from core.bare import bare
from core.buttons import again_menu, answer_menu, team_menu
from core.courtesy import courtesy_of, returned
from core.engines.choice import Course, EngineChoice
from core.errors import EngineTooFarError
from core.events import Attachment, ChannelKind, IncomingMessage
from core.explain import explain
from core.history import History
from core.inquiry import (
    Inquiry,
    asking,
    newest_first,
    sees,
    unseen_by,
    with_files,
)
from core.knowledge import Knowledge
from core.pictured import is_picture, pictures_of
from core.pictures import Pictures
from core.prompts import Prompts
from core.replies import Actions, Finished, Notice, ReplyEvent, TextDelta
from core.responding import Responding, aim_of
from core.rewording import Rewording
from core.seeking import Seeking
from core.settings import ChatSettings
from core.shielding import to_the_end
from core.speech import Answer
from core.whole.jobs import Job

_LAST_WRITE_SECONDS: Final = 5.0


class Chat:
    """Answers questions. Raises what engine or library raise, where nothing else could help."""

    def __init__(
        self,
        knowledge: Knowledge,
        engines: EngineChoice,
        history: History,
        prompts: Prompts,
        settings: ChatSettings,
        max_answer_tokens: int = 800,
    ) -> None:
        self._knowledge = knowledge
        self._engines = engines
        self._history = history
        self._settings = settings
        self._max_answer_tokens = max_answer_tokens
        rewording = Rewording(settings.reword_seconds)
        self._seeking = Seeking(knowledge, rewording, settings.passages)
        self._responding = Responding(knowledge, engines, prompts, settings, max_answer_tokens)
        self._pictures = Pictures(knowledge.library, settings.max_pictures, settings.max_picture_mb)

    async def answer(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        """The answer with its sources; what was said before an interruption is kept as such.

        Who only greets or thanks is answered in kind, and nothing is kept of it.
        """
        question = Inquiry(
            message,
            message.text.strip() or (message.quoted.text if message.quoted else ""),
            await self._history.context(message, self._settings.history_turns),
            self._knowledge.channels.of(message),
            await self._knowledge.recap(message),
        )
        named = message.wishes.engine if message.wishes is not None else None
        courtesy = None if message.attachments else courtesy_of(message.text)
        if courtesy is not None and named is None:
            yield TextDelta(returned(courtesy, question.words))
            yield Finished("stop")
            return
        settings = question.settings
        course = self._engines.course(named or settings.engine, settings.place)
        served = course.first
        job = await self._job(question) if named is None else None
        if job is not None:
            async with aclosing(self._wholly(question, course, job)) as events:
                async for event in events:
                    yield event
            return
        pictures = pictures_of(message) if sees(served, question) else ()
        window, _ = served.engine.context_window, question.words
        async with self._pictures.shown(pictures, window, _) as seen:
            question = replace(question, images=seen.images)
            files = await self._read(question, searches=named is None)
            question = asking(question, files)
            # Who found what is written on a picture may do without seeing it.
            unseen = () if files.written else unseen_by(question, served)
            notices = (*self._kept_near(question, course), *unseen, *seen.notices, *files.notices)
            if not question.text:
                said = _told(notices)
            elif named is not None:
                said = bare(question, served, self._max_answer_tokens)
            else:
                said = self._answered(question, course, files, notices)
            async with aclosing(said) as events:
                async for event in events:
                    yield event

    async def _job(self, question: Inquiry) -> Job | None:
        """What a question about the whole comes to; None: it is one like others."""
        whole = self._knowledge.whole
        if whole is None or not question.text:
            return None
        return await whole.job(question, by_words=not self._knowledge.embeds(question.message))

    async def _wholly(
        self, question: Inquiry, course: Course, job: Job
    ) -> AsyncGenerator[ReplyEvent, None]:
        whole, answer = self._knowledge.whole, Answer()
        assert whole is not None  # noqa: S101 - who made the job
        notices = tuple(self._kept_near(question, course))
        said = whole.said(job, question, course, answer)
        async with aclosing(self._turn(question, course, notices, answer, said)) as events:
            async for event in events:
                yield event

    async def _read(self, question: Inquiry, *, searches: bool) -> ReadFiles:
        """Pictures have no text, unless the library finds it; that of one that is seen is only
        searched for, if anything is."""
        message, knowledge = question.message, self._knowledge

        async def told(files: Sequence[Attachment]) -> ReadFiles:
            asked, most = question.text, knowledge.max_file_mb
            return await read(files, asked, knowledge.library, most, question.words)

        files = [file for file in message.attachments if not is_picture(file)]
        pictures = pictures_of(message) if knowledge.reads_pictures else ()
        if not question.images:
            return await told((*files, *pictures))
        if not searches:
            return await told(files)
        return replace(await told(files), written=(await told(pictures)).written)

    def _kept_near(self, question: Inquiry, course: Course) -> Iterator[str]:
        """Why quotations answer where nobody chose that; in private the member is asked instead."""
        engine, message = course.too_far, question.message
        if engine is None or not course.first.engine.quotes or message.kind is ChannelKind.PRIVATE:
            return
        if not self._knowledge.channels.is_chosen(message, "place"):
            error = EngineTooFarError(engine.engine.name, engine.place)
            yield explain(error, question.words) or ""

    async def _answered(
        self, question: Inquiry, course: Course, files: ReadFiles, notices: Sequence[str]
    ) -> AsyncGenerator[ReplyEvent, None]:
        found = await self._seeking.found(question, course.first)
        if files.passages:
            found = replace(found, result=with_files(found.result, files.passages))
        elif question.images and found.result.refused:
            # What was found is not about it; the answer may be seen all the same.
            found = replace(found, result=replace(found.result, passages=(), refused=False))
        found = await asyncio.to_thread(newest_first, found, aim_of(question, found))
        answer = Answer(passages=found.result.passages)
        said = self._responding.said(question, course, found, answer)
        async with aclosing(self._turn(question, course, notices, answer, said)) as events:
            async for event in events:
                yield event

    async def _turn(
        self,
        question: Inquiry,
        course: Course,
        notices: Sequence[str],
        answer: Answer,
        said: AsyncGenerator[ReplyEvent, None],
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Say it, and keep what was said with what it was made from; `said` lets `answer` grow."""
        message = question.message
        await self._history.append_question(message)
        # Where the answer does not come to its end; `Sources` brings the buttons of one that does.
        yield Actions((again_menu(question.words),))
        for notice in notices:
            yield Notice(notice)
        complete = False
        try:
            async with aclosing(said) as events:
                async for event in events:
                    yield event
            complete = True
        finally:
            kept = self._history.append_answer(
                message, answer.text, interrupted=not complete, sources=answer.sources
            )
            if complete or answer.text:
                await to_the_end(kept, patience=_LAST_WRITE_SECONDS)
            else:
                kept.close()
        if self._knowledge.summarising is not None:
            self._knowledge.summarising.answered(message, answer.dropped_turns)
        yield answer.sources
        asks_team = answer.refused and question.asks_team
        async for event in self._asked_back(question, course, answer, asks_team=asks_team):
            yield event
        yield Finished(answer.reason, answer.usage)

    async def _asked_back(
        self, question: Inquiry, course: Course, answer: Answer, *, asks_team: bool
    ) -> AsyncGenerator[ReplyEvent, None]:
        """The buttons below, where there is more than those of every answer."""
        _, agreeing = question.words, self._knowledge.agreeing
        menus = [team_menu(_)] if asks_team else []
        message = question.message
        if agreeing is not None:
            request = await agreeing.request(message, course, _)
            if request is not None:
                yield Notice(request.text)
                menus.append(request.menu)
                await agreeing.was_shown(message.conversation.channel)
        if menus:
            yield Actions((answer_menu(answer.sources, _), *menus))


async def _told(notices: Sequence[str]) -> AsyncGenerator[ReplyEvent, None]:
    """Why there is no answer."""
    yield TextDelta("\n".join(notices))
    yield Finished("stop")
