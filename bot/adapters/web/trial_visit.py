"""What happens on the Retrieval test; everything about a visitor is in the values passed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import gradio as gr

from bot.adapters.web import knowledge_view, trial_view
from bot.adapters.web.channel_desk import key_of
from bot.adapters.web.events import Update, asker_of, explained
from bot.adapters.web.frame import visitor_of, words_for
from bot.adapters.web.trial import MOST_PASSAGES, Knobs, Trial
from bot.adapters.web.view import ReplyView
from core.access import SAMPLES, SHARED
from core.counts import passages_of, questions_of
from core.errors import EngineError, UserError
from core.explain import explain
from core.golden import BadGoldenError, Outcome, measured, read, suggested
from core.language import Words
from knowledge_base.errors import KnowledgeError
from knowledge_base.stages import Stages

_LONGEST_QUESTION: Final = 2000
_LARGEST_FILE: Final = 1 << 20
_TOLD_EVERY: Final = 5


@dataclass(frozen=True, slots=True)
class Found:
    """What was found last on an open page."""

    question: str = ""
    stages: Stages | None = None
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialPage:
    """The components that behaviour is attached to."""

    bases: gr.Dropdown
    question: gr.Textbox
    said: gr.HTML
    channel: gr.Dropdown
    verdict: gr.HTML
    plot: gr.HTML
    table: gr.HTML
    asked: gr.HTML
    legs: gr.HTML
    origins: gr.HTML
    second: gr.HTML
    passages: gr.HTML
    engine: gr.Dropdown
    prompt: gr.HTML
    answered: gr.HTML
    golden: gr.Textbox
    report: gr.HTML
    suggest: gr.Button
    outcomes: gr.HTML
    threshold: gr.Slider
    found: gr.State


@dataclass(frozen=True, slots=True)
class TrialVisit:
    """Changes nothing but settings, and those by `saved` alone."""

    page: TrialPage
    trial: Trial

    @explained
    async def opened(self, request: gr.Request) -> Update:
        page, trial, _ = self.page, self.trial, words_for(request)
        shelves = await trial.shelves.all(visitor_of(request))
        choices = [(shelf.title(_), shelf.name) for shelf in shelves]
        names = [shelf.name for shelf in shelves]
        chosen = [name for name in (SHARED, SAMPLES) if name in names]
        engines = trial.resources.engines.names
        channels = [(seen.title, key_of(seen.channel)) for seen in await trial.channels()]
        return {
            page.bases: gr.update(choices=choices, value=chosen),
            page.engine: gr.update(choices=list(engines), value=engines[0]),
            page.channel: gr.update(choices=channels, value=None),
        }

    @explained
    async def searched(  # noqa: PLR0913 (as the page has them)
        self,
        bases: list[str],
        question: str,
        passages: float,
        legs: str,
        joins: bool,
        longest: float,
        again: bool,
        threshold: float,
        engine: str,
        found: Found,
        request: gr.Request,
    ) -> Update:
        page, _ = self.page, words_for(request)
        text = str(question).strip()[:_LONGEST_QUESTION]
        if not text:
            return {page.said: knowledge_view.said(_("Type a question."), failed=True)}
        knobs = Knobs.read(passages, legs, joins, longest, again)
        stages = await self.trial.stages(visitor_of(request), bases or (), text, knobs)
        return {
            page.said: "",
            **self._cut(stages, threshold, _),
            page.asked: trial_view.asked(stages, _),
            page.legs: trial_view.legs(stages, _),
            page.origins: trial_view.origins(stages, _),
            page.second: trial_view.second(stages, _),
            page.passages: trial_view.passages(stages.passages, _),
            page.prompt: await self._prompt(text, stages, engine, _),
            page.answered: "",
            page.found: replace(found or Found(), question=text, stages=stages),
        }

    @explained
    async def cut(self, threshold: float, found: Found, request: gr.Request) -> Update:
        """The slider was moved: nothing is searched anew."""
        page, _ = self.page, words_for(request)
        update: Update = {}
        if found.stages is not None:
            update |= self._cut(found.stages, threshold, _)
        if found.outcomes:
            update |= self._report(found.outcomes, threshold, _)
        return update or {page.verdict: ""}

    @explained
    async def turned(self, engine: str, found: Found, request: gr.Request) -> Update:
        page, _ = self.page, words_for(request)
        if found.stages is None:
            return {page.answered: ""}
        made = await self._prompt(found.question, found.stages, engine, _)
        return {page.prompt: made, page.answered: ""}

    async def answered(
        self, engine: str, found: Found, request: gr.Request
    ) -> AsyncGenerator[Update, None]:
        page, _ = self.page, words_for(request)
        if found.stages is None or not found.stages.passages:
            yield {page.answered: knowledge_view.said(_("Search first."), failed=True)}
            return
        view = ReplyView(_)
        passages = found.stages.passages
        try:
            asking = self.trial.answer(asker_of(request), found.question, passages, engine)
            async with aclosing(asking) as events:
                async for event in events:
                    view.take(event)
                    yield {page.answered: f"{view.html()}{view.status_html()}"}
        except (EngineError, UserError) as error:
            told = explain(error, _) or _("Something went wrong.")
            yield {page.answered: knowledge_view.said(told, failed=True)}

    @explained
    async def read(self, file: str | None, request: gr.Request) -> Update:
        """A file of golden questions into the box, to be seen before it is used."""
        page, _ = self.page, words_for(request)
        try:
            text = await asyncio.to_thread(_text_of, Path(file or ""))
        except (OSError, ValueError):
            told = _("This file cannot be read as text, or is larger than 1 MB.")
            return {page.said: knowledge_view.said(told, failed=True)}
        return {page.golden: text, page.said: ""}

    async def tried(  # noqa: PLR0913 (as the page has them)
        self,
        bases: list[str],
        written: str,
        passages: float,
        legs: str,
        joins: bool,
        longest: float,
        again: bool,
        threshold: float,
        found: Found,
        request: gr.Request,
    ) -> AsyncGenerator[Update, None]:
        page, _ = self.page, words_for(request)
        try:
            questions = read(str(written))
        except BadGoldenError as error:
            told = _("Line {line} is no golden question, or one too many.", line=error.line)
            yield {page.said: knowledge_view.said(told, failed=True)}
            return
        knobs = Knobs.read(max(passages, 5), legs, joins, longest, again)
        outcomes: list[Outcome] = []
        asking = self.trial.golden(visitor_of(request), bases or (), questions, knobs)
        try:
            async with aclosing(asking) as tried:
                async for outcome in tried:
                    outcomes.append(outcome)
                    if len(outcomes) % _TOLD_EVERY == 0:
                        told = _("{done} of {questions} tried …", done=len(outcomes),
                                 questions=questions_of(len(questions), _))  # fmt: skip
                        yield {page.said: knowledge_view.said(told)}
        except KnowledgeError as error:
            yield {page.said: knowledge_view.said(explain(error, _) or "", failed=True)}
            return
        if not questions:
            yield {page.said: knowledge_view.said(_("Type golden questions first."), failed=True)}
            return
        told = ""
        if len(outcomes) < len(questions):
            told = _("Stopped after {done} of {questions}.", done=len(outcomes),
                     questions=questions_of(len(questions), _))  # fmt: skip
        if not outcomes:
            yield {page.said: knowledge_view.said(told)}
            return
        yield {
            page.said: knowledge_view.said(told),
            **self._report(outcomes, threshold, _),
            page.found: replace(found or Found(), outcomes=tuple(outcomes)),
        }

    async def stopped(self, request: gr.Request) -> None:
        """The run ends with the question that it is at; what it has come to is told."""
        self.trial.stop(visitor_of(request))

    @explained
    async def suggested(self, found: Found) -> Update:
        suggestion = suggested(found.outcomes)
        return {self.page.threshold: gr.update() if suggestion is None else suggestion}

    @explained
    async def saved(
        self, channel: str | None, threshold: float, passages: float, request: gr.Request
    ) -> Update:
        page, _ = self.page, words_for(request)
        if not channel:
            return {page.said: knowledge_view.said(_("Choose a channel."), failed=True)}
        count = min(max(1, int(passages)), MOST_PASSAGES)
        asker = asker_of(request)
        held = await self.trial.save(asker, str(channel), float(threshold), count)
        told = _("Saved: used there from now on: {threshold:g} and {passages}.",
                 threshold=held.threshold or 0.0,
                 passages=passages_of(held.passages or count, _))  # fmt: skip
        return {page.said: knowledge_view.said(told)}

    def _cut(self, stages: Stages, threshold: float, _: Words) -> Update:
        page = self.page
        return {
            page.verdict: trial_view.verdict(stages, threshold, _),
            page.plot: trial_view.plot(stages, threshold, _),
            page.table: trial_view.candidates(stages, threshold, _),
        }

    def _report(
        self, outcomes: list[Outcome] | tuple[Outcome, ...], threshold: float, _: Words
    ) -> Update:
        page, suggestion = self.page, suggested(outcomes)
        return {
            page.report: trial_view.golden(measured(outcomes, threshold), threshold, suggestion, _),
            page.suggest: gr.update(
                visible=suggestion is not None and abs(suggestion - threshold) >= 0.005
            ),
            page.outcomes: trial_view.outcomes(outcomes, threshold, _),
        }

    async def _prompt(self, question: str, stages: Stages, engine: str, _: Words) -> str:
        if not stages.passages:
            return ""
        try:
            made = await self.trial.prompt(question, stages.passages, engine)
        except (EngineError, UserError) as error:
            return knowledge_view.said(explain(error, _) or "", failed=True)
        return trial_view.prompt(made, str(engine), _)


def _text_of(path: Path) -> str:
    """Raises `OSError`, `ValueError`."""
    if path.stat().st_size > _LARGEST_FILE:
        raise ValueError
    return path.read_text(encoding="utf-8-sig")
