"""The port that every engine implements."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

from core.replies import Usage
from knowledge_base.models import Passage


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a prompt was built from, for engines that quote instead of writing."""

    question: str
    passages: tuple[Passage, ...]
    """In the order of their numbers: the first is [1]."""
    by_words: bool = False
    """Nothing of it may go to an embedder."""
    language: str = ""
    """Of the answer; empty: nobody said. Quotations stay in their own."""
    parts: tuple[str, ...] = ()
    """Several things that the question asks, to be answered one by one; empty: it is one."""


@dataclass(frozen=True, slots=True)
class ChatImage:
    """A picture that goes with a message, as a file that is there while the answer is made.

    A path and not the bytes: a prompt may wait long for its slot, and an engine reads the file when
    it has one. What is written on a picture is data, like a passage.
    """

    path: Path
    media_type: str
    width: int
    height: int
    name: str
    """What its sender called it."""


PIXELS_PER_TOKEN: Final = 750
"""Anthropic's figure for its models (docs: Vision, "(width px * height px) / 750"). Qwen's models
take one token for 28 by 28 pixels, OpenAI's fewer: rather too many than too few."""
_LEAST_PER_IMAGE: Final = 85
"""What OpenAI counts for a picture however small, and room for marks around it."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt. Engines that run a language model read `text`, and `images` where
    they accept images: those that do not are given none."""

    role: Literal["system", "user", "assistant"]
    text: str
    grounding: Grounding | None = None
    images: tuple[ChatImage, ...] = ()


def image_tokens(messages: Sequence[ChatMessage]) -> int:
    """An estimate of what the pictures of a prompt take; no server counts them beforehand."""
    return sum(
        _LEAST_PER_IMAGE + math.ceil(image.width * image.height / PIXELS_PER_TOKEN)
        for message in messages
        for image in message.images
    )


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How to generate; None leaves it to the engine's own default."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    """The same seed and question give the same answer, where the engine can promise that."""
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineDelta:
    """The next piece of text."""

    text: str


@dataclass(frozen=True, slots=True)
class EngineFinished:
    """The last event of every stream that ends by itself."""

    reason: Literal["stop", "length", "filter"]
    usage: Usage


EngineEvent: TypeAlias = EngineDelta | EngineFinished


class ChatEngine(Protocol):
    """Generates. Raises `EngineError` subclasses only.

    Closing the stream cancels the request. Where the engine cannot be interrupted at once, `aclose`
    of the stream returns when the engine's slot is free again: until then the slot is busy.
    """

    @property
    def name(self) -> str: ...

    @property
    def context_window(self) -> int:
        """Tokens of prompt and answer together that one request may take."""
        ...

    @property
    def slots(self) -> int:
        """How many requests it serves at once."""
        ...

    @property
    def accepts_images(self) -> bool:
        """Whether it sees `ChatMessage.images`."""
        ...

    @property
    def trusted(self) -> bool:
        """False where answers cannot be relied on; then a quotation comes first."""
        ...

    @property
    def quotes(self) -> bool:
        """True where answers are sentences of the passages, word for word; readers are told so."""
        ...

    @property
    def languages(self) -> frozenset[str] | None:
        """The languages it can write in ("en", "zh"); None: not limited that we know of."""
        ...

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens that the prompt takes, by the model's own tokenizer and chat template."""
        ...

    def stream(
        self, messages: Sequence[ChatMessage], options: GenerationOptions
    ) -> AsyncGenerator[EngineEvent, None]: ...

    async def aclose(self) -> None: ...
