"""What a command is: a name, a level, its options and its texts, and a function that replies."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from core.engines.choice import EngineChoice
from core.events import Attachment, ConversationRef, IncomingMessage
from core.history import History
from core.language import Words
from core.permissions import Level
from core.replies import ReplyEvent

if TYPE_CHECKING:
    from knowledge_base.library import Library

Replies: TypeAlias = AsyncGenerator[ReplyEvent, None]
Answer: TypeAlias = Callable[[IncomingMessage], Replies]
Stop: TypeAlias = Callable[[ConversationRef, str | None], int]
"""Cancels replies in a conversation, of one member or (None) of all; returns how many."""

MEGABYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Resources:
    """What commands work with."""

    library: Library
    engines: EngineChoice
    history: History
    answer: Answer
    max_file_mb: int = 50


@dataclass(frozen=True, slots=True)
class CommandContext:
    """One invocation: who asked for what, where, and with what to do it."""

    message: IncomingMessage
    command: Command
    options: Mapping[str, str | int | bool | Attachment]
    level: Level
    words: Words
    resources: Resources
    stop: Stop

    def text(self, name: str) -> str:
        """An option's text, empty where it was left out."""
        return str(self.options.get(name, "")).strip()


@dataclass(frozen=True, slots=True)
class Option:
    """An option. Typed in a chat, a command's one option takes the rest of the line."""

    name: str
    summary: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table that help, menus, permissions and documentation are made from."""

    name: str
    needs: Level
    summary: str
    """English, marked for the catalogues."""
    run: Callable[[CommandContext], Replies]
    option: Option | None = None
    takes_files: bool = False
    immediate: bool = False
    """It skips the turn: it must not wait behind the reply that it is about."""

    @property
    def usage(self) -> str:
        """As it is typed: "/kb remove NAME"."""
        if self.option is None:
            return f"/{self.name}"
        shown = self.option.name.upper()
        return f"/{self.name} {shown}" if self.option.required else f"/{self.name} [{shown}]"
