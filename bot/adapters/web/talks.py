"""Past answers on the console: whose they are, what they are made from, what is thought of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

from bot.adapters.web.requests import CHANNEL, message, sent_by
from bot.adapters.web.visitors import Visitor
from core.conversations import Conversations, Exchange, Opening
from core.database import Database
from core.events import Asked, ConversationRef
from core.feedback import Feedback, Verdict
from core.history import History, StoredAnswer
from core.replies import CitedPassage
from knowledge_base.errors import NoSuchDocumentError
from knowledge_base.models import BaseId, Chunk, ChunkId, Passage, Scope

ScopeOf: TypeAlias = Callable[[Asked], Awaitable[Scope]]
_AROUND: Final = 1
"""Passages before and behind the one that is opened."""


class Passages(Protocol):
    """Where passages are looked up again."""

    async def passage(self, scope: Scope, chunk: ChunkId) -> Passage | None: ...

    async def passages(
        self, base: BaseId, name: str, start: int = 0, most: int = 20
    ) -> tuple[Chunk, ...]: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """What an answer was made from, as far as it is still there; one source with what is around."""

    answer: str
    found: tuple[CitedPassage, ...]
    gone: tuple[int, ...]
    """Numbers of cited passages that are not there any more."""
    number: int | None = None
    before: tuple[Chunk, ...] = ()
    after: tuple[Chunk, ...] = ()


class Talks:
    """Everything is asked for a visitor, who sees their own conversations and no others."""

    def __init__(self, database: Database, passages: Passages, scope_of: ScopeOf) -> None:
        self._conversations = Conversations(database)
        self._history = History(database)
        self._feedback = Feedback(database)
        self._passages = passages
        self._scope_of = scope_of

    async def all(self, visitor: Visitor) -> tuple[Opening, ...]:
        """The visitor's conversations, the last one first."""
        return await self._conversations.of(CHANNEL, visitor.author_id)

    async def exchanges(self, visitor: Visitor, thread: str) -> tuple[Exchange, ...]:
        """What was said in a conversation; nothing where it is not theirs."""
        return await self._conversations.exchanges(
            ConversationRef(CHANNEL, thread), visitor.author_id
        )

    async def remove(self, visitor: Visitor, thread: str) -> None:
        await self._conversations.remove(ConversationRef(CHANNEL, thread), visitor.author_id)

    async def judge(self, visitor: Visitor, thread: str, message_id: str, verdict: Verdict) -> bool:
        """Keep what the visitor thinks of an answer; False where it is not theirs."""
        answer = await self._answer(visitor, thread, message_id)
        if answer is None:
            return False
        place = ConversationRef(CHANNEL, thread)
        await self._feedback.give(place, answer, visitor.author_id, verdict)
        return True

    async def opened(
        self,
        visitor: Visitor,
        thread: str,
        message_id: str,
        number: int | None,
        bases: Sequence[str],
    ) -> Opened | None:
        """The sources of an answer, looked up again; None where it is not the visitor's."""
        answer = await self._answer(visitor, thread, message_id)
        if answer is None:
            return None
        scope = await self._scope_of(sent_by(visitor, message(thread, "", bases=bases)))
        found, gone = [], []
        around: tuple[tuple[Chunk, ...], tuple[Chunk, ...]] = ((), ())
        for source in answer.sources:
            passage = await self._passages.passage(scope, source.chunk)
            if passage is None:
                gone += [source.number] if source.cited else []
                continue
            passage = replace(passage, relevance=source.relevance)
            found.append(CitedPassage(source.number, passage, source.cited))
            if source.number == number:
                around = await self._around(passage)
        return Opened(answer.text, tuple(found), tuple(gone), number, *around)

    async def _around(self, passage: Passage) -> tuple[tuple[Chunk, ...], tuple[Chunk, ...]]:
        place, document = passage.chunk.ordinal, passage.document
        start = max(0, place - _AROUND)
        try:
            near = await self._passages.passages(
                document.base_id, document.name, start, place - start + 1 + _AROUND
            )
        except NoSuchDocumentError:
            return (), ()
        return (
            tuple(chunk for chunk in near if chunk.ordinal < place),
            tuple(chunk for chunk in near if chunk.ordinal > place),
        )

    async def _answer(self, visitor: Visitor, thread: str, message_id: str) -> StoredAnswer | None:
        answer = await self._history.answer(ConversationRef(CHANNEL, thread), message_id)
        return answer if answer is not None and answer.author_id == visitor.author_id else None
