"""What goes over the wire to an OpenAI-compatible server, and what comes back."""

from __future__ import annotations

import base64
import ipaddress
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never
from urllib.parse import urlsplit

from core.engines.base import ChatMessage, image_tokens
from core.fence import around_picture
from core.replies import Usage

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionContentPartParam, ChatCompletionMessageParam

_CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk says."""

    text: str = ""
    finish: str | None = None
    usage: Usage | None = None


NOTHING: Final = Piece()


def read_chunk(chunk: object) -> Piece:
    """Read one chunk; the client builds it from whatever the server sent, without checking."""
    choices, sent = getattr(chunk, "choices", None), getattr(chunk, "usage", None)
    if not isinstance(choices, list):
        raise ValueError(chunk)  # noqa: TRY004 - a server's mistake, not a caller's
    text = ""
    finish: str | None = None
    for choice in choices[:1]:
        content = getattr(getattr(choice, "delta", None), "content", None)
        text = content if isinstance(content, str) else ""
        reason = getattr(choice, "finish_reason", None)
        finish = reason if isinstance(reason, str) else None
    read = getattr(sent, "prompt_tokens", None)
    written = getattr(sent, "completion_tokens", None)
    if isinstance(read, int) and isinstance(written, int) and min(read, written) >= 0:
        return Piece(text, finish, Usage(read, written))
    return Piece(text, finish)


def messages_of(messages: Sequence[ChatMessage]) -> list[ChatCompletionMessageParam]:
    """All messages; of their pictures what stands around them, so that this can be counted."""
    return _wired(messages, _fences)


def with_pictures(messages: Sequence[ChatMessage]) -> list[ChatCompletionMessageParam]:
    """All messages with their pictures, which are read here: call it in a thread.

    Raises `OSError` where a picture is not there any more: its asker has left.
    """
    return _wired(messages, _parts)


def _fences(message: ChatMessage) -> str:
    marks = [
        "".join(around_picture(number, image.name))
        for number, image in enumerate(message.images, 1)
    ]
    return "\n".join([*marks, message.text])


def _parts(message: ChatMessage) -> str | list[ChatCompletionContentPartParam]:
    """Pictures first, each between its marks: so models were trained, and the question is last."""
    if not message.images:
        return message.text
    parts: list[ChatCompletionContentPartParam] = []
    for number, image in enumerate(message.images, 1):
        before, after = around_picture(number, image.name)
        content = base64.b64encode(image.path.read_bytes()).decode("ascii")
        url = f"data:{image.media_type};base64,{content}"
        parts += [
            {"type": "text", "text": before},
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "text", "text": after},
        ]
    return [*parts, {"type": "text", "text": message.text}]


def _wired(
    messages: Sequence[ChatMessage],
    content: Callable[[ChatMessage], str | list[ChatCompletionContentPartParam]],
) -> list[ChatCompletionMessageParam]:
    made: list[ChatCompletionMessageParam] = []
    for message in messages:
        match message.role:
            case "system":
                made.append({"role": "system", "content": message.text})
            case "user":
                made.append({"role": "user", "content": content(message)})
            case "assistant":
                made.append({"role": "assistant", "content": message.text})
            case _:
                assert_never(message.role)
    return made


def estimate(messages: Sequence[ChatMessage]) -> int:
    """Tokens, rather too many than too few: a CJK character each, three other letters each."""
    tokens = image_tokens(messages)
    for message in messages:
        cjk = sum(1 for _ in _CJK.finditer(message.text))
        tokens += 4 + cjk + math.ceil((len(message.text) - cjk) / 3)
    return tokens


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; the header also knows dates, which no model server was seen to send."""
    for header, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(header, "")) / divisor
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
