"""An engine without any documents, for programs that may ask for one by its name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import assert_never

from core.engines.base import ChatMessage, EngineDelta, EngineFinished, GenerationOptions
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.errors import ContextTooLongError
from core.inquiry import Inquiry, from_outside, options_for, waking
from core.reasoning import ReasoningFilter
from core.replies import Finished, Notice, Queued, ReplyEvent, TextDelta


async def bare(
    question: Inquiry, served: QueuedEngine, max_answer_tokens: int
) -> AsyncGenerator[ReplyEvent, None]:
    """What the engine says to the asker's own messages, and to nothing else.

    Raises `ContextTooLongError` where they do not fit: whose words to leave out is not ours to say.
    """
    message = question.message
    served.check()
    for told in waking(served, question.words):
        yield Notice(told)
    messages = _messages(question)
    options = await _options(question, messages, served, max_answer_tokens)
    asker = Asker(message.conversation.channel, message.author.user_id, server_id=message.server_id)
    reasoning = ReasoningFilter()
    finished = Finished("stop")
    async with aclosing(served.generate(messages, options, asker)) as events:
        async for event in events:
            match event:
                case Queued():
                    yield event
                case EngineDelta(text):
                    if said := reasoning.feed(text):
                        yield TextDelta(said)
                case EngineFinished(reason, usage):
                    finished = Finished(reason, usage)
                case _:
                    assert_never(event)
    if said := reasoning.end():
        yield TextDelta(said)
    for told in from_outside(served, question.words):
        yield Notice(told)
    yield finished


async def _options(
    question: Inquiry, messages: Sequence[ChatMessage], served: QueuedEngine, most: int
) -> GenerationOptions:
    engine, wishes = served.engine, question.message.wishes
    most = min(most, max(1, engine.context_window // 3))
    if wishes is not None and wishes.max_tokens is not None:
        most = min(most, wishes.max_tokens)
    counted, limit = await engine.count_tokens(messages), engine.context_window - most
    if counted > limit:
        raise ContextTooLongError(engine.name, counted, limit)
    return options_for(wishes, most)


def _messages(question: Inquiry) -> tuple[ChatMessage, ...]:
    wishes = question.message.wishes
    instructions = wishes.instructions if wishes is not None else ""
    return (
        *((ChatMessage("system", instructions),) if instructions else ()),
        *(
            ChatMessage(turn.role, f"{turn.speaker}: {turn.text}" if turn.speaker else turn.text)
            for turn in question.turns
        ),
        ChatMessage("user", question.text, images=question.images),
    )
