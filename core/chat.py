"""One turn: history and passages become a prompt, an engine's words an answer with sources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from core.access import Access
from core.agreeing import HERE, Agreeing, Embedding
from core.attachments import ReadFiles, read
from core.attribution import says_not_found
from core.bare import bare
from core.buttons import again_menu, answer_menu, team_menu
from core.channels import Channels
from core.disagreeing import told
from core.distance import is_within
from core.engines.choice import Course, EngineChoice
from core.engines.queued import QueuedEngine
from core.errors import EngineError, EngineTooFarError
from core.events import Attachment, ChannelKind, IncomingMessage, Turn
from core.evidence import content
from core.explain import explain
from core.followup import Lean, joined, lean_of
from core.history import History
from core.inert import inert
from core.inquiry import (
    NOTHING,
    Found,
    Inquiry,
    asking,
    merged,
    newest_first,
    refusal,
    sees,
    speaks_for_itself,
    unsaid,
    unseen_by,
    with_files,
)
from core.language import Words
from core.noted import Noted, in_words, noted
from core.pictured import is_picture, pictures_of, shows_only
from core.pictures import Pictures
from core.prompts import Draft, Prompts
from core.relay import relayed
from core.replies import Actions, Finished, Notice, ReplyEvent, TextDelta, TextReplaced
from core.rewording import Rewording
from core.settings import ChatSettings
from core.shielding import to_the_end
from core.speech import Answer, Speech
from core.summaries import Recap
from core.summarising import Summarising
from core.whole.answering import Whole
from core.whole.choosing import Job
from knowledge_base.models import Legs, SearchResult

if TYPE_CHECKING:
    from knowledge_base.library import Library

_LAST_WRITE_SECONDS: Final = 5.0
_NEARLY: Final = 0.1
"""Relevance from which on a refusal shows what comes closest."""
_SURE: Final = 0.8
"""Relevance from which on nothing is looked for in other words."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What questions are answered from, who may see which of it, and what holds where."""

    library: Library
    access: Access
    channels: Channels
    max_file_mb: int = 50
    """Of what comes with a question."""
    reads_pictures: bool = False
    """Whether the library finds the text that is written on pictures."""
    embedding: Embedding = HERE
    agreeing: Agreeing | None = None
    """Asks whether what is asked in private may leave the machine; None: nobody is asked."""
    rewords: bool = False
    """Whether a question for which too little is found is put otherwise and searched once more."""
    summarising: Summarising | None = None
    """Sums up what was said long ago; None: it is forgotten where there is no room."""
    whole: Whole | None = None
    """Answers questions about whole documents; None: they are questions like others."""

    async def recap(self, message: IncomingMessage) -> Recap | None:
        """What was said before the turns that go with a question."""
        return await self.summarising.behind(message) if self.summarising is not None else None

    def embeds(self, asked: IncomingMessage) -> bool:
        """Whether what is asked there may go to the embedder."""
        return is_within(self.embedding.place, self.channels.of(asked).place)


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
        self._prompts = prompts
        self._settings = settings
        self._max_answer_tokens = max_answer_tokens
        self._rewording = Rewording(settings.reword_seconds)
        self._pictures = Pictures(knowledge.library, settings.max_pictures, settings.max_picture_mb)

    async def answer(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        """The answer with its sources; what was said before an interruption is kept as such."""
        question = Inquiry(
            message,
            message.text.strip() or (message.quoted.text if message.quoted else ""),
            await self._history.context(message, self._settings.history_turns),
            self._knowledge.channels.of(message),
            await self._knowledge.recap(message),
        )
        named = message.wishes.engine if message.wishes is not None else None
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
        found = await self._search(question, course.first)
        if files.passages:
            found = replace(found, result=with_files(found.result, files.passages))
        elif question.images and found.result.refused:
            # What was found is not about it; the answer may be seen all the same.
            found = replace(found, result=replace(found.result, passages=(), refused=False))
        found = await asyncio.to_thread(newest_first, found, _aim(question, found))
        answer = Answer(passages=found.result.passages)
        said = self._say(question, course, found, answer)
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

    async def _say(
        self, question: Inquiry, course: Course, found: Found, answer: Answer
    ) -> AsyncGenerator[ReplyEvent, None]:
        _ = question.words
        embeds = self._knowledge.embeds(question.message)
        for left_out in _left_out(found.result, _, embeds=embeds):
            yield Notice(left_out)
        draft = Draft(
            question.text,
            found.result.passages,
            question.language,
            question.turns,
            question.recap,
            question.message.quoted,
            persona=question.persona,
            aim=_aim(question, found),
            may_link=self._settings.allowed_links,
            images=question.images,
            by_words=not embeds,
        )
        speech = Speech(self._prompts, self._max_answer_tokens, question.message, draft, answer)
        note = await self._note(question, found.result)
        if note is not None:
            answer.passages, answer.cited = note.passages, {1}
            yield speech.adds(in_words(note.note, _, self._settings.allowed_links))
            return
        served = course.first
        by_itself = speaks_for_itself(served, question)
        if found.result.refused:
            said = self._refuse(found.result, speech, quotes=not by_itself)
        elif question.images and not found.result.passages:
            said = _seen(course, speech)
        else:
            said = self._engines_say(course, speech)
        async with aclosing(said) as events:
            async for event in events:
                yield event
        for event in _concluded(question, found, speech):
            yield event
        if answer.refused and by_itself:
            alone = Speech(
                self._prompts,
                self._max_answer_tokens,
                question.message,
                replace(draft, passages=()),
                answer,
            )
            title = _("Without a source, from what the model {engine} knows by itself:",
                      engine=inert(served.engine.name))  # fmt: skip
            async with aclosing(self._appended(title, served, alone)) as events:
                async for event in events:
                    yield event

    async def _note(self, question: Inquiry, result: SearchResult) -> Noted | None:
        """What somebody answered to this very question; not where it leans on what was said."""
        if question.images or lean_of(question.text) is Lean.SURELY:
            return None
        return await noted(self._knowledge.library, question.text, result.passages)

    async def _refuse(
        self, result: SearchResult, speech: Speech, *, quotes: bool
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Say that nothing is about it; where it is a near thing, let the asker see for themselves.

        No language model is asked: it would make an answer of what is none.
        """
        _ = speech.words
        speech.answer.refused = True
        speech.answer.unsaid = result.is_unsaid
        yield speech.adds(refusal(result, _))
        if not (result.is_unsaid or result.relevance >= _NEARLY) or not quotes:
            return
        yield speech.adds("\n\n" + _("What comes closest, though it may not answer it:") + "\n\n")
        async with aclosing(speech.spoken_by(self._engines.quoting)) as events:
            async for event in events:
                yield event

    async def _engines_say(
        self, course: Course, speech: Speech
    ) -> AsyncGenerator[ReplyEvent, None]:
        """The chosen engine's words; quotations before or instead, where they are not enough."""
        _, served = speech.words, course.first
        engine, quoting = served.engine, self._engines.quoting
        name = inert(engine.name)
        if engine.languages is not None and speech.draft.language not in engine.languages:
            yield Notice(
                _("The model {engine} does not write this language: I quote instead.", engine=name)
            )
            parts = [speech.spoken_by(quoting)]
        elif engine.quotes:
            yield Notice(_("These are quotations from the documents, word for word."))
            parts = [speech.spoken_by(served)]
        elif engine.trusted:
            parts = [relayed(course, quoting, speech)]
        else:
            title = _("In the words of the model {engine}, which is often wrong:", engine=name)
            parts = [speech.spoken_by(quoting), self._appended(title, served, speech)]
        for part in parts:
            async with aclosing(part) as events:
                async for event in events:
                    yield event

    async def _appended(
        self, title: str, served: QueuedEngine, speech: Speech
    ) -> AsyncGenerator[ReplyEvent, None]:
        """An engine's words below a title that says what they are worth; else neither."""
        if not speech.answer.text:
            return
        quoted = speech.answer.text
        yield speech.adds(f"\n\n{title}\n\n")
        titled = speech.answer.text
        try:
            async with aclosing(speech.spoken_by(served)) as events:
                async for event in events:
                    yield event
        except EngineError as error:
            if speech.answer.text != titled:
                raise
            failure = error
        else:
            return
        speech.answer.text = quoted
        yield TextReplaced(quoted)
        yield Notice(explain(failure, speech.words) or "")

    async def _search(self, question: Inquiry, served: QueuedEngine) -> Found:
        """A question that leans on earlier ones is searched alone and joined with them, and as the
        engine puts it where that is fast; so is one with what is written on its pictures."""
        message, settings, library = question.message, question.settings, self._knowledge.library
        if shows_only(message) and not question.written:
            return NOTHING
        scope = await self._knowledge.access.scope_of(message)
        limit = settings.passages or self._settings.passages
        legs = Legs.BOTH if self._knowledge.embeds(message) else Legs.LEXICAL

        async def search(text: str) -> Found:
            found = await library.search(
                scope, text, limit=limit, legs=legs, threshold=settings.threshold
            )
            return Found(found, text)

        if shows_only(message):
            return await search(question.written)
        alone = await search(question.text)
        if question.written:
            more = await search(f"{question.text}\n{question.written}")
            return _merged(alone, more, limit)
        quoted = (Turn("user", message.quoted.text),) if message.quoted else ()
        together = joined(question.text, question.turns or quoted)
        if together is None:
            other = await self._otherwise(served, question, alone)
            return alone if other is None else _merged(alone, await search(other), limit)
        more = await search(together)
        if question.turns and (condensed := await self._rewording.alone(served, question)):
            more = _merged(more, await search(condensed), limit)
        if lean_of(question.text) is Lean.SURELY:
            # Alone it would find its words anywhere, however well they fit there.
            return alone if more.result.refused else more
        return _merged(alone, more, limit)

    async def _otherwise(self, served: QueuedEngine, question: Inquiry, found: Found) -> str | None:
        """The question in the engine's words, where what was found is near but not enough."""
        near_it = _NEARLY <= found.result.relevance < _SURE
        if not (near_it and self._knowledge.rewords):
            return None
        return await self._rewording.otherwise(served, question)


def _left_out(result: SearchResult, _: Words, *, embeds: bool) -> Iterator[str]:
    """What a search should have gone by and did not."""
    if not embeds:
        yield _("I searched by words alone: the embedding model runs elsewhere, and what is asked "
                "here does not go there (`/settings place`).")  # fmt: skip
    elif result.lexical_only:
        yield _("I searched by words alone: no embedding model serves (`[embedding]`).")
    if result.looked_once:
        yield _("Much is going on here, so I looked less closely than usual. Ask again later if "
                "the answer does not fit.")  # fmt: skip


def _merged(one: Found, other: Found, limit: int) -> Found:
    first, second = sorted((one, other), key=lambda found: found.result.relevance, reverse=True)
    return replace(first, result=merged(first.result, second.result, limit))


def _aim(question: Inquiry, found: Found) -> str:
    """What quotations are to answer: within passages about the subject, the new question finds its
    sentence best alone."""
    return question.text if content(question.text) else found.searched


def _concluded(question: Inquiry, found: Found, speech: Speech) -> Iterator[ReplyEvent]:
    """The second refusal where that is what was said; else in what the sources disagree."""
    answer, _ = speech.answer, question.words
    if answer.refused:
        return
    if not answer.text.strip() or says_not_found(answer.text):
        yield _admit(answer, found.result, _)
        return
    disagreement = told(found.disagreeing, answer.passages, answer.cited, _)
    if disagreement:
        yield speech.adds(f"\n\n{disagreement}")


async def _seen(course: Course, speech: Speech) -> AsyncGenerator[ReplyEvent, None]:
    """What the model sees; there is nothing to quote instead where it fails."""
    _ = speech.words
    async with aclosing(relayed(course, None, speech)) as events:
        async for event in events:
            yield event
    if not says_not_found(speech.answer.text):
        yield Notice(_("This is what the model sees in the picture; no document says it."))


async def _told(notices: Sequence[str]) -> AsyncGenerator[ReplyEvent, None]:
    """Why there is no answer."""
    yield TextDelta("\n".join(notices))
    yield Finished("stop")


def _admit(answer: Answer, result: SearchResult, _: Words) -> TextReplaced:
    """The second refusal: the documents are about it, or a picture is, but do not say it."""
    answer.refused = True
    answer.cited.clear()
    if result.passages:
        answer.unsaid = True
        answer.text = unsaid(result, _)
    else:
        answer.text = _("Neither the picture nor the documents here say it.")
    return TextReplaced(answer.text)
