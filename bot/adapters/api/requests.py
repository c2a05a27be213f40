"""A caller's request as a message to the core."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.adapters.api.catalogue import Chosen
from bot.adapters.api.refusals import RefusedError
from bot.adapters.api.schemas import (
    AssistantMessage,
    ChatRequest,
    ImagePart,
    Instruction,
    Part,
    TextPart,
    UserMessage,
)
from core.errors import AttachmentTooLargeError
from core.events import (
    Attachment,
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Platform,
    Trigger,
    Turn,
    Wishes,
)
from core.keys import Key

_PICTURE: Final = "[picture]"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of pictures in one request."""

    pictures: int
    picture_bytes: int


def message(
    request: ChatRequest, key: Key, chosen: Chosen, limits: Limits, locale: str | None
) -> IncomingMessage:
    """The last message as the question, those before it as what was said. Raises `RefusedError`.

    The key is who asks; each request is a conversation of its own, so that none waits for another.
    """
    *earlier, last = request.messages
    if not isinstance(last, UserMessage):
        text = "The last message must be the user's: it is the question."
        raise RefusedError(400, text, "invalid_value", param="messages")
    pictures = _pictures(last.content)
    text = _text(last.content)
    if not text.strip() and not pictures:
        raise RefusedError(400, "The last message is empty.", "invalid_value", param="messages")
    return IncomingMessage(
        conversation=ConversationRef(ChannelRef(Platform.API, key.key_id), uuid.uuid4().hex),
        kind=ChannelKind.PRIVATE,
        trigger=Trigger.PRIVATE,
        message_id=uuid.uuid4().hex,
        author=Author(key.key_id, key.label),
        text=text,
        sent_at=datetime.now(UTC),
        attachments=_attachments(pictures, limits),
        locale=locale,
        context=tuple(_turns(earlier)),
        bases=chosen.bases or None,
        wishes=Wishes(
            "\n".join(_text(one.content) for one in earlier if isinstance(one, Instruction)),
            chosen.engine,
            request.max_completion_tokens or request.max_tokens,
            request.temperature,
            request.top_p,
            None if request.seed is None else request.seed % (1 << 31),
            request.stops,
        ),
    )


def has_pictures(request: ChatRequest) -> bool:
    """Whether the question comes with any; those of earlier messages are not looked at again."""
    last = request.messages[-1]
    return isinstance(last, UserMessage) and bool(_pictures(last.content))


def _turns(messages: Sequence[Instruction | UserMessage | AssistantMessage]) -> list[Turn]:
    turns = []
    for one in messages:
        text = "" if isinstance(one, Instruction) else _text(one.content)
        if isinstance(one, UserMessage):
            mark = f" {_PICTURE}" if _pictures(one.content) else ""
            turns.append(Turn("user", text + mark, one.name))
        elif isinstance(one, AssistantMessage):
            turns.append(Turn("assistant", text))
    return [turn for turn in turns if turn.text.strip()]


def _text(content: str | Sequence[Part] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part.text for part in content if isinstance(part, TextPart))


def _pictures(content: str | Sequence[Part]) -> list[str]:
    if isinstance(content, str):
        return []
    return [part.image_url.url for part in content if isinstance(part, ImagePart)]


def _attachments(urls: Sequence[str], limits: Limits) -> tuple[Attachment, ...]:
    if len(urls) > limits.pictures:
        text = f"A question has more pictures than {limits.pictures} (`chat.max_pictures`)."
        raise RefusedError(400, text, "too_many_pictures", param="messages")
    return tuple(_attachment(url, number, limits) for number, url in enumerate(urls, 1))


def _attachment(url: str, number: int, limits: Limits) -> Attachment:
    head, _, encoded = url.partition(",")
    media_type = head.removeprefix("data:").partition(";")[0]
    if len(encoded) * 3 // 4 > limits.picture_bytes:
        text = f"A picture is larger than {limits.picture_bytes >> 20} MB (`chat.max_picture_mb`)."
        raise RefusedError(400, text, "picture_too_large", param="messages")
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        text = "A picture is no base64."
        raise RefusedError(400, text, "invalid_picture", param="messages") from error
    name = f"picture-{number}.{media_type.partition('/')[2]}"

    async def save(destination: Path, limit: int) -> None:
        if len(content) > limit:
            raise AttachmentTooLargeError(name, limit, "chat.max_picture_mb")
        destination.write_bytes(content)  # noqa: ASYNC240 - bytes in memory onto a local disk

    return Attachment(uuid.uuid4().hex, name, media_type, len(content), save)
