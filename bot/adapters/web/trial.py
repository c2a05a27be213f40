"""The Retrieval test: one question through every stage, and many of which the answer is known."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from bot.adapters.web.channel_desk import key_of
from bot.adapters.web.requests import message, sent_by
from bot.adapters.web.shelves import Shelves
from bot.adapters.web.visitors import Asker, Visitor
from core.audit import Act
from core.channel_settings import ChannelSettings
from core.commands.base import Resources
from core.errors import UnknownChannelError
from core.events import Platform
from core.golden import Golden, Outcome, outcome
from core.language import language_of
from core.prompts import Draft, Prompt, Prompts
from core.replies import ReplyEvent
from core.sightings import SeenChannel
from core.speech import Answer, Speech
from knowledge_base.models import BaseId, Legs, Passage, Scope
from knowledge_base.stages import Stages

MOST_PASSAGES: Final = 20
LONGEST_JOINED: Final = 6000
_CHATS: Final = (Platform.DISCORD, Platform.TELEGRAM)


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a search is tried with."""

    passages: int = 5
    legs: Legs = Legs.BOTH
    join: int = 0
    """Characters up to which a passage comes with what stands around it; 0: as it is."""
    again: bool = True
    """Whether a reranker looks at what was found too, where there is one."""

    @classmethod
    def read(
        cls, passages: object, legs: object, joins: object, longest: object, again: object
    ) -> Knobs:
        """As a page says it; what makes no sense is brought within what does."""
        count = int(passages) if isinstance(passages, int | float) else cls().passages
        length = int(longest) if isinstance(longest, int | float) else 0
        return cls(
            min(max(1, count), MOST_PASSAGES),
            next((own for own in Legs if own.value == legs), Legs.BOTH),
            min(max(1, length), LONGEST_JOINED) if joins is True else 0,
            again is True,
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """Searches and asks beside the conversations: nothing of it is kept as one."""

    resources: Resources
    shelves: Shelves
    prompts: Prompts
    max_answer_tokens: int
    threshold: float
    """Of channels that have chosen none."""
    passages: int
    """The same."""
    _runs: dict[str, object] = field(default_factory=dict)
    """The run of golden questions that each visitor began last."""

    @property
    def reranker(self) -> str | None:
        """Who looks at what is found again; None: nobody does."""
        return self.resources.library.reranker_name

    async def stages(
        self, visitor: Visitor, bases: Iterable[object], question: str, knobs: Knobs
    ) -> Stages:
        """Raises `EmbeddingUnavailableError`."""
        scope = await self._scope(visitor, bases)
        return await self.resources.library.examine(
            scope,
            question,
            limit=knobs.passages,
            legs=knobs.legs,
            join=knobs.join,
            again=knobs.again,
        )

    async def prompt(self, question: str, passages: Sequence[Passage], engine: object) -> Prompt:
        """As it would be sent. Raises `ContextTooLongError` and what counting tokens raises."""
        served = self.resources.engines.of(engine if isinstance(engine, str) else None)
        draft = self._draft(question, passages)
        return await self.prompts.build(draft, served.engine, self.max_answer_tokens)

    async def answer(
        self, asker: Asker, question: str, passages: Sequence[Passage], engine: object
    ) -> AsyncGenerator[ReplyEvent, None]:
        """What the engine says to it, whatever the threshold. Raises `EngineError`."""
        served = self.resources.engines.of(engine if isinstance(engine, str) else None)
        incoming = message(uuid.uuid4().hex, question, locale=asker.locale)
        draft = self._draft(question, passages)
        answer = Answer(passages=tuple(passages))
        speech = Speech(
            self.prompts, self.max_answer_tokens, sent_by(asker.visitor, incoming), draft, answer
        )
        async with aclosing(speech.spoken_by(served)) as events:
            async for event in events:
                yield event
        if answer.denial:
            # A channel would be told the second refusal instead; here it is the engine's own words.
            yield speech.adds(answer.denial)
        yield answer.sources

    async def golden(
        self, visitor: Visitor, bases: Iterable[object], questions: Sequence[Golden], knobs: Knobs
    ) -> AsyncGenerator[Outcome, None]:
        """What the search does on each of them, in their order.

        One run to a visitor: it ends before its last question where they have begun another,
        on whatever page, or have stopped it.
        """
        scope = await self._scope(visitor, bases)
        run = self._runs[visitor.author_id] = object()
        try:
            for golden in questions:
                if self._runs.get(visitor.author_id) is not run:
                    return
                result = await self.resources.library.search(
                    scope,
                    golden.question,
                    limit=knobs.passages,
                    legs=knobs.legs,
                    join=knobs.join,
                    again=knobs.again,
                )
                yield outcome(golden, result)
        finally:
            if self._runs.get(visitor.author_id) is run:
                del self._runs[visitor.author_id]

    def stop(self, visitor: Visitor) -> None:
        """End the visitor's run of golden questions."""
        self._runs.pop(visitor.author_id, None)

    async def channels(self) -> tuple[SeenChannel, ...]:
        """Those whose settings can be chosen, on all platforms."""
        sightings = self.resources.sightings
        return tuple([seen for on in _CHATS for seen in await sightings.channels_on(on)])

    async def save(
        self, asker: Asker, key: str, threshold: float, passages: int
    ) -> ChannelSettings:
        """Choose both for a channel, named as `key_of` names it; what holds there then.

        Raises `UnknownChannelError`, `BadSettingError`.
        """
        seen = next((own for own in await self.channels() if key_of(own.channel) == key), None)
        if seen is None:
            raise UnknownChannelError(key)
        channels, audit = self.resources.channels, self.resources.moderation.audit
        chosen = {"threshold": f"{threshold:g}", "passages": str(passages)}
        incoming = sent_by(asker.visitor, message(uuid.uuid4().hex, "", locale=asker.locale))
        for name, value in chosen.items():
            await channels.change(seen.channel, name, value)
            await audit.record(incoming, Act.SETTING, f"{name} = {value}", seen.channel)
        return channels.at(seen.channel, seen.parent, seen.server)

    def _draft(self, question: str, passages: Sequence[Passage]) -> Draft:
        return Draft(question, tuple(passages), language_of(question))

    async def _scope(self, visitor: Visitor, bases: Iterable[object]) -> Scope:
        """Of those of the bases that the visitor may see, and no others."""
        found = await self.shelves.some(visitor, bases)
        return Scope(frozenset(BaseId(shelf.base.base_id) for shelf in found))
