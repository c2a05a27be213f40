"""What is said to a question with what was found for it: a note, quotations, an engine's words, or
why there is no answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace

from core.disagreeing import told
from core.engines.choice import Course, EngineChoice
from core.engines.queued import QueuedEngine
from core.errors import EngineError
from core.evidence import content
from core.explain import explain
from core.followup import Lean, compared, hangs, lean_of, without_lead
from core.inert import inert
from core.inquiry import NEARLY, Found, Inquiry, lacking, refusal, speaks_for_itself, unsaid
from core.knowledge import Knowledge
from core.language import Words
from core.not_found import says_not_found
from core.noted import Noted, in_words, noted
from core.prompts import Draft, Prompts
from core.relay import relayed
from core.replies import Notice, ReplyEvent, TextDelta, TextReplaced
from core.settings import ChatSettings
from core.speech import Answer, Speech
from knowledge_base.models import SearchResult


class Responding:
    """Says it as events, and lets the answer grow with them. Raises what engines raise, where
    nothing else could help."""

    def __init__(
        self,
        knowledge: Knowledge,
        engines: EngineChoice,
        prompts: Prompts,
        settings: ChatSettings,
        max_answer_tokens: int,
    ) -> None:
        self._knowledge = knowledge
        self._engines = engines
        self._prompts = prompts
        self._settings = settings
        self._max_answer_tokens = max_answer_tokens

    async def said(
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
            aim=aim_of(question, found),
            parts=found.parts,
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
        for part in (said, self._concluded(question, found, speech, quotes=not by_itself)):
            async with aclosing(part) as events:
                async for event in events:
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
        speech.answer.refused = True
        speech.answer.unsaid = result.is_unsaid
        yield speech.adds(refusal(result, speech.words))
        if quotes and (result.is_unsaid or result.relevance >= NEARLY):
            async with aclosing(self._closest(speech)) as events:
                async for event in events:
                    yield event

    async def _concluded(
        self, question: Inquiry, found: Found, speech: Speech, *, quotes: bool
    ) -> AsyncGenerator[ReplyEvent, None]:
        """The second refusal where that is what was said; else in what the sources disagree, and
        of what else was asked they say nothing."""
        answer, _ = speech.answer, question.words
        if answer.refused:
            return
        if not _is_denied(answer):
            disagreement = told(found.disagreeing, answer.passages, answer.cited, _)
            if disagreement:
                yield speech.adds(f"\n\n{disagreement}")
            if lacks := lacking(found, answer.passages, answer.cited, _):
                yield speech.adds(f"\n\n{lacks}")
            return
        yield _admit(answer, found.result, _)
        if quotes and answer.unsaid:
            async with aclosing(self._closest(speech)) as events:
                async for event in events:
                    yield event

    async def _closest(self, speech: Speech) -> AsyncGenerator[ReplyEvent, None]:
        """Below a refusal, for the asker to see for themselves; nothing where nothing is quoted."""
        _, refused = speech.words, speech.answer.text
        yield speech.adds("\n\n" + _("What comes closest, though it may not answer it:") + "\n\n")
        titled = speech.answer.text
        async with aclosing(speech.spoken_by(self._engines.quoting)) as events:
            async for event in events:
                yield event
        if speech.answer.text == titled:
            speech.answer.text = refused
            yield TextReplaced(refused)

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


def aim_of(question: Inquiry, found: Found) -> str:
    """What quotations are to answer: within passages about the subject, the new question finds its
    sentence best alone; not where it compares what was asked before, or asks for a part of it."""
    asked = without_lead(question.text)
    is_part = hangs(asked) or compared(question.text, question.turns)
    return asked if content(asked) and not is_part else found.searched


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


def _is_denied(answer: Answer) -> bool:
    """Whether the engine said that it is not said, or nothing at all."""
    return bool(answer.denial) or not answer.text.strip() or says_not_found(answer.text)


async def _seen(course: Course, speech: Speech) -> AsyncGenerator[ReplyEvent, None]:
    """What the model sees; there is nothing to quote instead where it fails."""
    _ = speech.words
    async with aclosing(relayed(course, None, speech)) as events:
        async for event in events:
            yield event
    if not _is_denied(speech.answer):
        yield Notice(_("This is what the model sees in the picture; no document says it."))


def _admit(answer: Answer, result: SearchResult, _: Words) -> TextDelta | TextReplaced:
    """The second refusal: the documents are about it, or a picture is, but do not say it. In place
    of what was shown, if anything was."""
    shown = bool(answer.text)
    answer.refused = True
    answer.cited.clear()
    if result.passages:
        answer.unsaid = True
        answer.text = unsaid(result, _)
    else:
        answer.text = _("Neither the picture nor the documents here say it.")
    return TextReplaced(answer.text) if shown else TextDelta(answer.text)
