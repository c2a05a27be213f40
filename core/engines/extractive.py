"""An engine without a language model: it answers with sentences of the passages, word for word."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from core.disagreeing import with_rivals
from core.engines.base import (
    ChatMessage,
    EngineDelta,
    EngineEvent,
    EngineFinished,
    GenerationOptions,
    Grounding,
)
from core.errors import EngineUnavailableError
from core.language import N_, is_in, words
from core.replies import Usage
from knowledge_base.errors import KnowledgeError
from knowledge_base.models import Passage, Quotation

_NAME: Final = "extractive"
_SLOTS: Final = 8
_CONTEXT_WINDOW: Final = 1 << 20
"""It reads passages, not a prompt: nothing needs to be left out for its sake."""

_ORIGINAL: Final = N_("The document says, in its own language:")
_CJK: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN: Final = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+|[^\w\s]")
_MARKER: Final = re.compile(
    r"[\[【［〔](?=\s*(?:[^\W\d]{1,10}\s*)?[:：#^]*\s*\d[\d\s,，、;；&和~～^–—-]*(?:†[^\]】]*)?[\]】］〕])"
)
"""The opening bracket of whatever could be read as the number of a source."""

Quote: TypeAlias = Callable[[str, Sequence[Passage]], Awaitable[tuple[Quotation, ...]]]
"""Picks the sentences that fit a question best, best first."""


class ExtractiveEngine:
    """Quotes the best sentences of the passages that came with the question, each with its marker.

    The text is nothing but the quotations, so that it can be checked and copied; `quotes` lets the
    surfaces say, beside it, that these are quotations. One in another language than the answer's
    stands below a line in that language. Where a newer document gives another number, its sentence
    comes first. Of several things that are asked, each has its sentences. Without passages it says
    nothing at all.
    Generation options do not apply: no sentence is cut.
    """

    def __init__(self, quote: Quote, sentences: int = 2, *, by_words: Quote | None = None) -> None:
        """Quote at most so many `sentences`; a third seldom adds the answer.

        `by_words` quotes what no embedder may read.
        """
        self._quote = quote
        self._by_words = by_words or quote
        self._sentences = sentences

    @property
    def name(self) -> str:
        return _NAME

    @property
    def context_window(self) -> int:
        return _CONTEXT_WINDOW

    @property
    def slots(self) -> int:
        return _SLOTS

    @property
    def accepts_images(self) -> bool:
        return False

    @property
    def trusted(self) -> bool:
        return True

    @property
    def quotes(self) -> bool:
        return True

    @property
    def languages(self) -> frozenset[str] | None:
        return None

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Words and CJK characters: there is no model whose tokens could be counted."""
        return sum(_count(message.text) for message in messages)

    async def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]:
        """One delta a sentence. Usage counts what was read (the passages) and written."""
        grounding = messages[-1].grounding if messages else None
        if grounding is None or not grounding.passages:
            yield EngineFinished("stop", Usage(0, 0))
            return
        try:
            quote = self._by_words if grounding.by_words else self._quote
            best = await self._best(quote, grounding)
        except KnowledgeError as error:
            raise EngineUnavailableError(_NAME) from error
        said = await asyncio.to_thread(with_rivals, best, grounding.question, grounding.passages)
        written, separator, told = 0, "", ""
        for quotation in said:
            written += _count(quotation.text)
            lead, mark = _lead(quotation.text, grounding.language)
            text = f"{mark}{_verbatim(quotation.text)} [{quotation.passage + 1}]"
            # Once for those that follow each other.
            yield EngineDelta(f"{separator}{lead if lead != told else ''}{text}")
            separator, told = "\n\n", lead
        read = sum(_count(passage.chunk.text) for passage in grounding.passages)
        yield EngineFinished("stop", Usage(_count(grounding.question) + read, written))

    async def _best(self, quote: Quote, grounding: Grounding) -> tuple[Quotation, ...]:
        """The sentences that fit best; where several things are asked, those for each."""
        asked = grounding.parts or (grounding.question,)
        best: list[Quotation] = []
        for part in asked:
            best += (await quote(part, grounding.passages))[: self._sentences]
        return tuple(best)

    async def aclose(self) -> None:
        """Nothing to close."""


def _count(text: str) -> int:
    return sum(1 for _ in _TOKEN.finditer(text))


def _lead(text: str, language: str) -> tuple[str, str]:
    """What is said before a sentence in another language than the answer's, and its mark."""
    if not language or is_in(text, language):
        return "", ""
    return f"{words(language)(_ORIGINAL)}\n", "> "


def _verbatim(text: str) -> str:
    """The sentence on one line; a "[3]" of its own is kept from reading as a marker of ours."""
    # A word joiner is seen by nobody, and by whoever looks for markers.
    return _MARKER.sub("\\g<0>\u2060", " ".join(text.split()))
