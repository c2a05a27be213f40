"""Answers to chat requests: whole, or in pieces as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from bot.adapters.api.catalogue import Catalogue
from bot.adapters.api.guard import key_of
from bot.adapters.api.refusals import Refused, RefusedError
from bot.adapters.api.requests import Limits, has_pictures, message
from bot.adapters.api.schemas import Answer, AnswerChunk, ChatRequest
from bot.adapters.api.streaming import DONE, EventStream, frame, unless_gone
from bot.adapters.api.telling import Telling
from core.events import IncomingMessage
from core.language import Words, answering_words, language_of
from core.ports import Inbox
from core.replies import Queued

_SOURCES: Final = "x-lorekeeper-sources"
# OpenAPI 3.1 has no word for the events of a stream; this is 3.2's, and FastAPI's own.
_EVENT: Final = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {
            "type": "string",
            "description": "A `chat.completion.chunk` or an error in JSON; in the end `[DONE]`",
            "anyOf": [{"const": "[DONE]"}, {"contentMediaType": "application/json"}],
        }
    },
}


@dataclass(frozen=True, slots=True)
class Completions:
    """Hands questions to the core, and tells what comes of them."""

    inbox: Inbox
    catalogue: Catalogue
    limits: Limits

    def add_to(self, api: FastAPI) -> None:
        stream = {"text/event-stream": {"itemSchema": _EVENT}}

        @api.post(
            "/chat/completions",
            response_model=Answer,
            responses={200: {"content": stream, "description": "The answer, or a stream of it"}},
        )
        async def create_chat_completion(body: ChatRequest, request: Request) -> Response:
            return await self.completed(body, request)

    async def completed(self, body: ChatRequest, request: Request) -> Response:
        """The answer. Raises `RefusedError`, `ClientDisconnect`."""
        key = key_of(request)
        chosen = await self.catalogue.chosen(key, body.model)
        if has_pictures(body) and not self.catalogue.sees(chosen):
            text = "The model that answers does not see pictures."
            raise RefusedError(400, text, "unsupported_image", param="messages")
        locale = request.headers.get("accept-language", "").partition(",")[0].strip() or None
        asked = message(body, key, chosen, self.limits, locale)
        told = Telling(body.model, body.stops, _words(asked) if _lists(body, request) else None)
        told.ignored = sorted(body.model_extra or ())
        if not body.stream:
            answer = await unless_gone(request, self._whole(asked, told))
            return Response(answer.to_json(indent=None), media_type="application/json")
        counts = body.stream_options is not None and body.stream_options.include_usage
        async with AsyncExitStack() as stack:
            pieces = await stack.enter_async_context(
                aclosing(self._pieces(asked, told, counts=counts))
            )
            # What fails before the first word has a status of its own.
            first = await unless_gone(request, _next(pieces))
            stack.pop_all()  # the stream closes them
            return EventStream(_frames(first, pieces))

    async def _whole(self, asked: IncomingMessage, told: Telling) -> Answer:
        async with aclosing(self.inbox.stream(asked)) as events:
            async for event in events:
                told.take(event)
        _require_end(told)
        return told.answer()

    async def _pieces(
        self, asked: IncomingMessage, told: Telling, *, counts: bool
    ) -> AsyncGenerator[AnswerChunk, None]:
        """The first with the first words, or when they have to be waited for."""
        begun = False
        async with aclosing(self.inbox.stream(asked)) as events:
            async for event in events:
                text = told.take(event)
                if text or (not begun and isinstance(event, Queued)):
                    yield told.piece(text, first=not begun)
                    begun = True
        _require_end(told)
        if not begun:
            yield told.piece("", first=True)
        yield told.end()
        if counts:
            yield told.count()


async def _next(pieces: AsyncGenerator[AnswerChunk, None]) -> AnswerChunk:
    return await anext(pieces)


async def _frames(
    first: AnswerChunk, rest: AsyncGenerator[AnswerChunk, None]
) -> AsyncGenerator[bytes, None]:
    """As they go over the wire; what fails now is told in the stream, which then ends."""
    async with aclosing(rest) as pieces:
        yield frame(first.to_json(indent=None))
        try:
            async for piece in pieces:
                yield frame(piece.to_json(indent=None))
        except RefusedError as error:
            yield frame(Refused.model_validate(error.body).model_dump_json())
            return
    yield DONE


def _require_end(told: Telling) -> None:
    """Somebody who is blocked gets no reply at all."""
    if not told.is_over:
        raise RefusedError(403, "This key is blocked (`blocked`, `allowed`).", "blocked")


def _lists(body: ChatRequest, request: Request) -> bool:
    wanted = body.lorekeeper.sources if body.lorekeeper is not None else "field"
    return "markdown" in (wanted, request.headers.get(_SOURCES, "").lower())


def _words(asked: IncomingMessage) -> Words:
    return answering_words(language_of(asked.text), asked.locale)
