"""The events of a reply as OpenAI's clients read them: one answer, or a stream of pieces."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, assert_never

from openai.types import CompletionUsage
from openai.types.chat.chat_completion_chunk import Choice, ChoiceDelta

from bot.adapters.api.refusals import RefusedError, failed
from bot.adapters.api.schemas import (
    Answer,
    AnswerChoice,
    AnswerChunk,
    AnswerMessage,
    Source,
    Told,
)
from core.inert import inert
from core.language import Words
from core.replies import (
    Actions,
    CitedPassage,
    Failed,
    FileReply,
    Finished,
    Notice,
    Progress,
    Queued,
    ReplyEvent,
    Sources,
    TextDelta,
    TextReplaced,
    Usage,
)

_Reason: TypeAlias = Literal["stop", "length", "content_filter"]
_REASONS: Final[dict[str, _Reason]] = {
    "stop": "stop",
    "length": "length",
    "filter": "content_filter",
}


class Telling:
    """Takes events, and says what of the text can be sent on.

    What was sent cannot be taken back. Where the core mends words that are out already, the whole
    answer stands in `Told.text`; a refusal that takes the place of an answer is sent after it.
    """

    def __init__(self, model: str, stops: Sequence[str] = (), words: Words | None = None) -> None:
        """With `words`, the sources are listed below the text, in that language."""
        self._model = model
        self._stops = stops
        self._words = words
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._text = ""
        self._sent = 0
        self._mended = False
        self._sources = Sources(())
        self._notices: list[str] = []
        self._finished: Finished | None = None
        self.ignored: list[str] = []

    @property
    def is_over(self) -> bool:
        return self._finished is not None

    def take(self, event: ReplyEvent) -> str:
        """The next words for who reads along. Raises `RefusedError` where there is no answer."""
        match event:
            case TextDelta(text):
                self._text += text
            case TextReplaced(whole):
                self._replace(whole)
            case Notice(text):
                self._notices.append(text)
            case Sources():
                self._sources = event
                if event.refused and self._mended:
                    return f"\n\n{self._text}"
            case Failed(text):
                raise failed(event.code, text)
            case Finished():
                self._finish(event)
            case Progress() | Queued() | FileReply() | Actions():
                return ""
            case _:
                assert_never(event)
        return self._next()

    def _replace(self, whole: str) -> None:
        if whole[: self._sent] != self._text[: self._sent]:
            self._mended = True
            self._sent = len(whole)
        self._text = whole

    def _finish(self, event: Finished) -> None:
        if event.reason == "cancelled":
            text = "The answer was stopped: the server is going down."
            raise RefusedError(503, text, "cancelled", retry_after=5)
        self._finished = event
        self._text = self._cut() + self._listed()

    def answer(self) -> Answer:
        """All of it at once."""
        message = AnswerMessage(role="assistant", content=self._text, lorekeeper=self._told())
        choice = AnswerChoice(index=0, finish_reason=self._reason(), logprobs=None, message=message)
        return Answer(
            id=self._id,
            object="chat.completion",
            created=self._created,
            model=self._model,
            choices=[choice],
            usage=self.usage(),
        )

    def piece(self, text: str, *, first: bool = False) -> AnswerChunk:
        """Some words on their way."""
        return self._chunk([self._choice(text, "assistant" if first else None)])

    def end(self) -> AnswerChunk:
        """Why it ends, and the sources."""
        told = self._told()
        told.text = self._text if self._mended else None
        choice = Choice(index=0, delta=ChoiceDelta(), finish_reason=self._reason())
        chunk = self._chunk([choice])
        chunk.lorekeeper = told
        return chunk

    def count(self) -> AnswerChunk:
        """The tokens, after the end."""
        chunk = self._chunk([])
        chunk.usage = self.usage()
        return chunk

    def usage(self) -> CompletionUsage:
        usage = (self._finished.usage if self._finished else None) or Usage(0, 0)
        return CompletionUsage(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            total_tokens=usage.prompt_tokens + usage.completion_tokens,
        )

    def _next(self) -> str:
        """What can be sent: nothing that may turn out to be the beginning of a stop."""
        text = self._text if self.is_over else self._cut()
        end = len(text)
        if not self.is_over and self._stops:
            longest = max(map(len, self._stops))
            held = (at for at in range(max(0, end - longest + 1), end) if self._may_stop(text[at:]))
            end = next(held, end)
        new = text[self._sent : end]
        self._sent = max(self._sent, end)
        return new

    def _may_stop(self, tail: str) -> bool:
        return any(stop.startswith(tail) for stop in self._stops)

    def _cut(self) -> str:
        """The text up to the first stop: not every engine looks for them itself."""
        found = [at for stop in self._stops if (at := self._text.find(stop)) >= 0]
        return self._text[: min(found)] if found else self._text

    def _listed(self) -> str:
        cited = [source for source in self._sources.passages if source.cited]
        if self._words is None or not cited:
            return ""
        _ = self._words
        lines = [f"- [{source.number}] {_place(source, _)}" for source in cited]
        return "\n\n**" + _("Sources") + "**\n\n" + "\n".join(lines)

    def _reason(self) -> _Reason:
        return _REASONS[self._finished.reason] if self._finished else "stop"

    def _told(self) -> Told:
        return Told(
            sources=[_source(source) for source in self._sources.passages],
            refused=self._sources.refused,
            notices=self._notices,
            ignored=self.ignored,
        )

    def _choice(self, text: str, role: Literal["assistant"] | None) -> Choice:
        delta = ChoiceDelta(content=text, role=role) if role else ChoiceDelta(content=text)
        return Choice(index=0, delta=delta, finish_reason=None)

    def _chunk(self, choices: list[Choice]) -> AnswerChunk:
        return AnswerChunk(
            id=self._id,
            object="chat.completion.chunk",
            created=self._created,
            model=self._model,
            choices=choices,
        )


def _place(source: CitedPassage, _: Words) -> str:
    chunk = source.passage.chunk
    page = _("page {page}", page=chunk.page) if chunk.page is not None else ""
    heading = inert(chunk.heading) if chunk.heading else ""
    return " · ".join(filter(None, (inert(source.passage.document.name), page, heading)))


def _source(source: CitedPassage) -> Source:
    passage = source.passage
    return Source(
        number=source.number,
        document=passage.document.name,
        page=passage.chunk.page,
        heading=passage.chunk.heading,
        text=passage.chunk.text,
        relevance=round(passage.relevance, 4),
        cited=source.cited,
    )
