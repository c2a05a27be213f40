"""The port that every engine implements."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from core.replies import Usage
from knowledge_base.models import Passage


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a prompt was built from, for engines that quote instead of writing."""

    question: str
    passages: tuple[Passage, ...]
    """In the order of their numbers: the first is [1]."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt. Engines that run a language model read `text` alone."""

    role: Literal["system", "user", "assistant"]
    text: str
    grounding: Grounding | None = None


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How to generate; None leaves it to the engine's own default."""

    max_tokens: int | None = None
    temperature: float | None = None
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
    def accepts_images(self) -> bool: ...

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
