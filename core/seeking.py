"""Searching for what a question asks: alone, with what it leans on, and in other words."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from core.engines.queued import QueuedEngine
from core.events import Turn
from core.followup import Lean, compared, joined, lean_of, may_stand, without_lead
from core.inquiry import NEARLY, NOTHING, Found, Inquiry, merged
from core.knowledge import Knowledge
from core.pictured import shows_only
from core.rewording import Rewording
from knowledge_base.models import Legs

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
        engine puts it where that is fast; so is one with what is written on its pictures."""
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
        if parts := compared(question.text, question.turns):
            former, latter = [await search(part) for part in parts]
            return replace(_both(former, latter, limit), searched=" ".join((*parts, asked)))
        alone = await search(asked)
        if question.written:
            more = await search(f"{question.text}\n{question.written}")
            return _both(alone, more, limit)
        quoted = (Turn("user", message.quoted.text),) if message.quoted else ()
        together = joined(question.text, question.turns or quoted)
        if together is None:
            other = await self._otherwise(served, question, alone)
            return alone if other is None else _both(alone, await search(other), limit)
        more = await search(together)
        if question.turns and (condensed := await self._rewording.alone(served, question)):
            more = _both(more, await search(condensed), limit)
        if lean_of(question.text) is Lean.SURELY:
            # Alone it would find its words anywhere, however well they fit there.
            stands = more.result.refused and may_stand(question.text)
            return alone if stands and not alone.result.refused else more
        return _both(alone, more, limit)

    async def _otherwise(self, served: QueuedEngine, question: Inquiry, found: Found) -> str | None:
        """The question in the engine's words, where what was found is near but not enough."""
        near_it = NEARLY <= found.result.relevance < _SURE
        if not (near_it and self._knowledge.rewords):
            return None
        return await self._rewording.otherwise(served, question)


def _both(one: Found, other: Found, limit: int) -> Found:
    first, second = sorted((one, other), key=lambda found: found.result.relevance, reverse=True)
    return replace(first, result=merged(first.result, second.result, limit))
