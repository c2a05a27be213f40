"""Searching for what a question asks: alone, with what it leans on, and in other words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeAlias

from core.engines.queued import QueuedEngine
from core.events import Turn
from core.followup import Lean, compared, followed, joined, lean_of, may_stand, without_lead
from core.inquiry import NEARLY, NOTHING, Found, Inquiry, in_parts, merged
from core.knowledge import Knowledge
from core.language import is_in, language_of
from core.pictured import shows_only
from core.rewording import Rewording
from core.several import parts_of
from knowledge_base.models import Legs

_Search: TypeAlias = Callable[[str], Awaitable[Found]]
_SURE: Final = 0.8
"""Relevance from which on nothing is looked for in other words."""


class Seeking:
    """Searches the documents that the asker may see. Raises what the library raises."""

    def __init__(self, knowledge: Knowledge, rewording: Rewording, passages: int) -> None:
        self._knowledge = knowledge
        self._rewording = rewording
        self._passages = passages

    async def found(self, question: Inquiry, served: QueuedEngine) -> Found:
        """A question that leans on earlier ones is searched alone and joined with them, and as the
        engine puts it where that is fast; so is one with what is written on its pictures. One of
        several parts is searched as a whole and part by part."""
        message, settings, library = question.message, question.settings, self._knowledge.library
        if shows_only(message) and not question.written:
            return NOTHING
        scope = await self._knowledge.access.scope_of(message)
        limit = settings.passages or self._passages
        legs = Legs.BOTH if self._knowledge.embeds(message) else Legs.LEXICAL

        async def search(text: str) -> Found:
            found = await library.search(
                scope, text, limit=limit, legs=legs, threshold=settings.threshold
            )
            return Found(found, text)

        if shows_only(message):
            return await search(question.written)
        asked = without_lead(question.text)
        if two := compared(question.text, question.turns):
            former, latter = [await search(own) for own in two]
            return replace(_both(former, latter, limit), searched=" ".join((*two, asked)))
        alone = await search(asked)
        if question.written:
            more = await search(f"{question.text}\n{question.written}")
            return _both(alone, more, limit)
        quoted = (Turn("user", message.quoted.text),) if message.quoted else ()
        together = joined(question.text, question.turns or quoted)
        if together is None:
            return await self._standing(served, question, alone, search, limit)
        more = await search(together)
        before = _in_another_language(question, quoted)
        more = more if before is None else _led_by(await search(before), more, question.text, limit)
        if question.turns and (condensed := await self._rewording.alone(served, question)):
            more = _both(more, await search(condensed), limit)
        if lean_of(question.text) is Lean.SURELY:
            # Alone it would find its words anywhere, however well they fit there.
            stands = more.result.refused and may_stand(question.text)
            return alone if stands and not alone.result.refused else more
        return _both(alone, more, limit)

    async def _standing(
        self, served: QueuedEngine, question: Inquiry, alone: Found, search: _Search, limit: int
    ) -> Found:
        """One that leans on nothing: part by part too where it has several, or in other words."""
        if parts := parts_of(question.text):
            each = await asyncio.gather(*(search(part.text) for part in parts))
            results = [found.result for found in each]
            return in_parts(alone, list(zip(parts, results, strict=True)), limit)
        other = await self._otherwise(served, question, alone)
        return alone if other is None else _both(alone, await search(other), limit)

    async def _otherwise(self, served: QueuedEngine, question: Inquiry, found: Found) -> str | None:
        """The question in the engine's words, where what was found is near but not enough."""
        near_it = NEARLY <= found.result.relevance < _SURE
        if not (near_it and self._knowledge.rewords):
            return None
        return await self._rewording.otherwise(served, question)


def _in_another_language(question: Inquiry, quoted: tuple[Turn, ...]) -> str | None:
    """What a question surely leans on, where that is in another language."""
    if lean_of(question.text) is not Lean.SURELY:
        return None
    before = followed(question.text, question.turns or quoted)
    return None if before is None or is_in(before, language_of(question.text)) else before


def _led_by(former: Found, together: Found, asked: str, limit: int) -> Found:
    """What the question before found, before what both found as one text: of two languages in one
    a search makes little. Only what is surely about it: other passages might fit its words."""
    if former.result.refused:
        return together
    found = _both(former, together, limit) if may_stand(asked) else former
    sure = (own for own in found.result.passages if own.relevance >= found.result.threshold)
    result = replace(found.result, passages=tuple(sure))
    return Found(result, together.searched)


def _both(one: Found, other: Found, limit: int) -> Found:
    first, second = sorted((one, other), key=lambda found: found.result.relevance, reverse=True)
    return replace(first, result=merged(first.result, second.result, limit))
