"""An engine without any documents, for programs that may ask for one by its name."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import assert_never

from core.engines.base import ChatMessage, EngineDelta, EngineFinished
from core.engines.queue import Asker
from core.engines.queued import QueuedEngine
from core.errors import ContextTooLongError
from core.inquiry import Inquiry, options_for
from core.reasoning import ReasoningFilter
from core.replies import Finished, Queued, ReplyEvent, TextDelta


async def bare(
    question: Inquiry, served: QueuedEngine, max_answer_tokens: int
) -> AsyncGenerator[ReplyEvent, None]:
    """What the engine says to the asker's own messages, and to nothing else.

    Raises `ContextTooLongError` where they do not fit: whose words to leave out is not ours to say.
    """
    message, engine = question.message, served.engine
    served.check()
    messages = _messages(question)
    most = min(max_answer_tokens, max(1, engine.context_window // 3))
    if message.wishes is not None and message.wishes.max_tokens is not None:
        most = min(most, message.wishes.max_tokens)
    counted, limit = await engine.count_tokens(messages), engine.context_window - most
    if counted > limit:
        raise ContextTooLongError(engine.name, counted, limit)
    asker = Asker(message.conversation.channel, message.author.user_id)
    options = options_for(message.wishes, most)
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
    yield finished


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
