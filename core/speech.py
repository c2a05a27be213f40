"""An engine's words on their way to the reader: filtered while they come, settled at the end."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol, assert_never

from core.attribution import attribute
from core.citations import MarkerFilter
from core.engines.base import ChatEngine, EngineDelta, EngineFinished
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.errors import EngineUnavailableError
from core.events import IncomingMessage
from core.inert import inert
from core.inquiry import from_outside, options_for, waking
from core.language import answering_words
from core.links import Addresses, LinkFilter, without_links
from core.own_words import Tongue, wants_another
from core.prompts import Draft, Prompt
from core.reasoning import ReasoningFilter
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
from knowledge_base.models import Passage

_MOST_TOKENS_UNTRUSTED: Final = 160
"""The quotation is the answer; what follows it is a remark."""
_LOOP_LETTERS: Final = 180
_LOOP_TIMES: Final = 3
_LOOP_WORDS: Final = 12
_LOOKS_FIRST: Final = 24
"""Characters after which it is looked for the first time which language an answer is in."""


@dataclass(slots=True)
class Answer:
    """What has been said so far in one turn."""

    text: str = ""
    passages: tuple[Passage, ...] = ()
    cited: set[int] = field(default_factory=set)
    refused: bool = False
    unsaid: bool = False
    """Refused although passages are about the question."""
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
        self, served: QueuedEngine, prompt: Prompt, before: str, heard: _Hearing
    ) -> Iterator[ReplyEvent]:
        """What was held back, the settled text, and what is to be known of it."""
        engine, _ = served.engine, self.words
        rest = heard.ends()
        self.answer.text = heard.whole
        if rest:
            yield TextDelta(rest)
        if heard.text.strip():
            settled = self._settle(before, heard.text, prompt, quoted=engine.quotes)
            if settled is not None:
                yield settled
        elif not engine.quotes:
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
    ) -> _Hearing:
        engine, draft = served.engine, self.draft
        links = LinkFilter(self._leads_to(prompt.passages), self._removed)
        tongue = None
        if engine.trusted and not engine.quotes and not wants_another(draft.question):
            tongue = Tongue(draft.language, [own.chunk.text for own in prompt.passages])
        return _Hearing(before, range(1, len(prompt.passages) + 1), links, tongue, again=again)

    async def _heard(
        self, served: QueuedEngine, prompt: Prompt, heard: _Hearing
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
                        if heard.strays_so_far:
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
        settled = attribute(text, prompt.passages, self.draft.question, mark)
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


def loops(text: str) -> bool:
    """Whether a text ends with the same words over and over, as small models' do."""
    end = text[-_LOOP_LETTERS:]
    period = len(end) - end.rfind(end[-_LOOP_WORDS:], 0, -1) - _LOOP_WORDS
    return (
        len(end) == _LOOP_LETTERS
        and period <= _LOOP_LETTERS // _LOOP_TIMES
        and end[period:] == end[:-period]
    )


class _Hearing:
    """An engine's words on their way to the reader: no reasoning, unknown markers, or links."""

    def __init__(
        self,
        before: str,
        known: range,
        links: LinkFilter,
        tongue: Tongue | None = None,
        *,
        again: bool = False,
    ) -> None:
        """`again`: an answer in another language is let come to its end."""
        self._before = before
        self._known = known
        self._reasoning = ReasoningFilter()
        self._markers = MarkerFilter(known)
        self._links = links
        self._tongue = tongue
        self._looks_at: float = math.inf if again else _LOOKS_FIRST
        self._restarted = False
        self.text = ""

    @property
    def whole(self) -> str:
        """All that is said so far, by whomever."""
        return self._before + self.text

    @property
    def strays(self) -> bool:
        """Whether all of it is in another language than it ought to be."""
        return self._tongue is not None and self._tongue.strays(self.text)

    @property
    def strays_so_far(self) -> bool:
        """The same of its beginning, which is looked at whenever it is twice as long."""
        if self._tongue is None or len(self.text) < self._looks_at:
            return False
        self._looks_at = 2 * len(self.text)
        return self._tongue.strays(self.text, so_far=True)

    def takes(self, delta: str) -> list[TextDelta | TextReplaced]:
        """What to show for a delta."""
        answer = self._reasoning.feed(delta)
        events: list[TextDelta | TextReplaced] = []
        if self._reasoning.restarted and not self._restarted:
            self._restarted = True
            self._markers = MarkerFilter(self._known)
            self._links = self._links.anew()
            self.text = ""
            events.append(TextReplaced(self._before))
        shown = self._links.feed(self._markers.feed(answer))
        if shown:
            self.text += shown
            events.append(TextDelta(shown))
        return events

    def ends(self) -> str:
        """What was held back until now."""
        words = self._markers.feed(self._reasoning.end()) + self._markers.end()
        rest = self._links.feed(words) + self._links.end()
        self.text += rest
        return rest
