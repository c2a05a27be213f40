"""An engine's words on their way to the reader: filtered while they come, settled at the end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Literal, Protocol, assert_never

from core.attribution import attribute
from core.engines.base import ChatEngine, EngineDelta, EngineFinished
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.errors import EngineUnavailableError
from core.events import IncomingMessage
from core.hearing import Filters, Hearing, loops, without_loop
from core.inert import inert
from core.inquiry import from_outside, options_for, waking
from core.language import answering_words
from core.links import Addresses, LinkFilter, without_links
from core.own_words import Tongue, wants_another
from core.prompts import Draft, Prompt
from core.replies import (
    CitedPassage,
    Notice,
    Queued,
    ReplyEvent,
    Sources,
    TextDelta,
    TextReplaced,
    Usage,
)
from core.withholding import Withholding
from knowledge_base.models import Passage

_MOST_TOKENS_UNTRUSTED: Final = 160
"""The quotation is the answer; what follows it is a remark."""


@dataclass(slots=True)
class Answer:
    """What has been said so far in one turn."""

    text: str = ""
    passages: tuple[Passage, ...] = ()
    cited: set[int] = field(default_factory=set)
    refused: bool = False
    unsaid: bool = False
    """Refused although passages are about the question."""
    denial: str = ""
    """The engine's own "not found", which nobody was shown."""
    reason: Literal["stop", "length", "filter"] = "stop"
    usage: Usage = field(default_factory=lambda: Usage(0, 0))
    dropped_turns: int = 0
    """Earlier turns that did not fit into the prompt."""

    def finished_by(self, event: EngineFinished) -> None:
        self.reason = event.reason
        self.usage = Usage(
            self.usage.prompt_tokens + event.usage.prompt_tokens,
            self.usage.completion_tokens + event.usage.completion_tokens,
        )

    @property
    def sources(self) -> Sources:
        return Sources(
            tuple(
                CitedPassage(number, passage, number in self.cited)
                for number, passage in enumerate(self.passages, 1)
            ),
            self.refused,
            self.unsaid,
        )


class Builder(Protocol):
    """Makes a prompt of a draft."""

    async def build(self, draft: Draft, engine: ChatEngine, max_answer_tokens: int) -> Prompt: ...


class Speech:
    """One turn's draft, said by one engine or by several after each other."""

    def __init__(
        self,
        prompts: Builder,
        max_answer_tokens: int,
        message: IncomingMessage,
        draft: Draft,
        answer: Answer,
    ) -> None:
        self.prompts = prompts
        self._max_answer_tokens = max_answer_tokens
        self._asker = Asker(
            message.conversation.channel, message.author.user_id, server_id=message.server_id
        )
        self._wishes = message.wishes
        self._given: tuple[Passage, ...] = ()
        self.draft = draft
        self.answer = answer
        self.words = answering_words(draft.language, message.locale)
        self._removed = self.words("(link removed)")

    def adds(self, text: str) -> TextDelta:
        """Words of ours between those of two engines."""
        self.answer.text += text
        return TextDelta(text)

    async def spoken_by(self, served: QueuedEngine) -> AsyncGenerator[ReplyEvent, None]:
        """What this engine adds to the answer, its markers settled at the end.

        One that strays from the question's language is asked once more, and told which. An engine
        that says nothing raises `EngineUnavailableError`, unless it only quotes.
        """
        engine, answer = served.engine, self.answer
        served.check()
        for remark in waking(served, self.words):
            yield Notice(remark)
        prompt = await self.prompts.build(self.draft, engine, self._most_tokens(engine))
        for told in self._gave(prompt):
            yield told
        before = answer.text
        heard = self._ears(served, before, prompt)
        async with aclosing(self._heard(served, prompt, heard)) as events:
            async for event in events:
                yield event
        if heard.strays:
            insisting = replace(self.draft, insists=True)
            prompt = await self.prompts.build(insisting, engine, self._most_tokens(engine))
            heard = self._ears(served, before, prompt, again=True)
            answer.text = before
            yield TextReplaced(before)
            async with aclosing(self._heard(served, prompt, heard)) as events:
                async for event in events:
                    yield event
        for ended in self._ended(served, prompt, before, heard):
            yield ended

    def _gave(self, prompt: Prompt) -> Iterator[Notice]:
        """What the engine is given, and what there was no room for."""
        self._given = max(self._given, prompt.passages, key=len)
        self.answer.passages = self._given
        if prompt.dropped_passages or prompt.shortened:
            yield Notice(self._left_out(prompt.dropped_passages))
        if prompt.dropped_turns:
            self.answer.dropped_turns = prompt.dropped_turns
            yield Notice(self._forgotten(prompt))

    def _ended(
        self, served: QueuedEngine, prompt: Prompt, before: str, heard: Hearing
    ) -> Iterator[ReplyEvent]:
        """What was held back, the settled text, and what is to be known of it."""
        engine, _ = served.engine, self.words
        rest = heard.ends()
        self.answer.text, self.answer.denial = heard.whole, heard.denial
        if rest:
            yield TextDelta(rest)
        if heard.text.strip():
            settled = self._settle(before, heard.text, prompt, quoted=engine.quotes)
            if settled is not None:
                yield settled
        elif not (engine.quotes or heard.denial):
            raise EngineUnavailableError(engine.name)
        if heard.strays:
            yield Notice(
                _("The model {engine} answered in another language than yours, also when asked "
                  "once more.", engine=inert(engine.name))
            )  # fmt: skip
        for told in from_outside(served, _):
            yield Notice(told)

    def _most_tokens(self, engine: ChatEngine) -> int:
        """Of the answer."""
        most = self._max_answer_tokens
        if not engine.trusted:
            most = min(most, _MOST_TOKENS_UNTRUSTED)
        if self._wishes is not None and self._wishes.max_tokens is not None:
            most = min(most, self._wishes.max_tokens)
        return most

    def _ears(
        self, served: QueuedEngine, before: str, prompt: Prompt, *, again: bool = False
    ) -> Hearing:
        engine, draft = served.engine, self.draft
        links = LinkFilter(self._leads_to(prompt.passages), self._removed)
        writes = engine.trusted and not engine.quotes
        tongue = withholding = None
        if writes and not wants_another(draft.question):
            tongue = Tongue(draft.language, [own.chunk.text for own in prompt.passages])
        if writes and not before and (draft.passages or draft.images):
            withholding = Withholding(partial(self._marked, prompt))
        filters = Filters(range(1, len(prompt.passages) + 1), links, withholding)
        return Hearing(before, filters, tongue, again=again)

    def _marked(self, prompt: Prompt, text: str) -> str:
        return attribute(text, prompt.passages, self.draft.question).text

    async def _heard(
        self, served: QueuedEngine, prompt: Prompt, heard: Hearing
    ) -> AsyncGenerator[ReplyEvent, None]:
        options = options_for(self._wishes, prompt.max_tokens)
        async with aclosing(served.generate(prompt.messages, options, self._asker)) as events:
            async for event in events:
                match event:
                    case Queued():
                        yield event
                    case EngineDelta(text):
                        shown = heard.takes(text)
                        self.answer.text = heard.whole
                        for part in shown:
                            yield part
                        if heard.denial or heard.strays_so_far:
                            return
                        if loops(heard.text):
                            self.answer.reason = "length"
                            return
                    case EngineFinished():
                        self.answer.finished_by(event)
                    case _:
                        assert_never(event)

    def _settle(
        self, before: str, text: str, prompt: Prompt, *, quoted: bool
    ) -> TextReplaced | None:
        _ = self.words
        # Where there are no sources, a title says so once.
        mark = None if quoted or not prompt.passages else _(" (not in the sources)")
        settled = attribute(without_loop(text), prompt.passages, self.draft.question, mark)
        self.answer.cited |= settled.cited
        cited = [passage for n, passage in enumerate(prompt.passages, 1) if n in settled.cited]
        # Once more: an address may stand in a passage that is not cited, or around a marker.
        said = without_links(settled.text, self._leads_to(cited), self._removed)
        if said == text:
            return None
        self.answer.text = before + said
        return TextReplaced(self.answer.text)

    def _leads_to(self, passages: Sequence[Passage]) -> Addresses:
        """Where this answer may lead: what stands in these passages or in the question."""
        texts = [passage.chunk.text for passage in passages]
        return Addresses.of([self.draft.question, *texts], self.draft.may_link)

    def _forgotten(self, prompt: Prompt) -> str:
        _ = self.words
        if prompt.summarised:
            return _(
                "Of the beginning of this conversation I had only a summary, for want of room."
            )
        return _.plural(
            "{count} earlier message of this conversation was left out, for want of room.",
            "{count} earlier messages of this conversation were left out, for want of room.",
            prompt.dropped_turns,
        )

    def _left_out(self, dropped: int) -> str:
        _ = self.words
        if not dropped:
            return _("The passage found was too long for this model and was shortened.")
        return _.plural(
            "{count} passage was left out: the model cannot read so much at once.",
            "{count} passages were left out: the model cannot read so much at once.",
            dropped,
        )
