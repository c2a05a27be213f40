"""What a command is: a name, a level, its options and its texts, and a function that replies."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from core.access import Access
from core.channel_settings import ChannelSettings
from core.channels import UNCHOSEN, Channels
from core.confirmations import Confirmations
from core.distance import is_within
from core.engines.choice import EngineChoice
from core.events import Attachment, ConversationRef, IncomingMessage, MemberRef
from core.feedback import Feedback
from core.forms import OpenForms
from core.gaps import Gaps
from core.history import History
from core.jobs import JobRows
from core.language import Words
from core.limiting import Limiting
from core.moderation import Moderation
from core.own_data import OwnData
from core.permissions import Level
from core.replies import Form, ReplyEvent
from core.reviews import Reviews
from core.settings import Disclosure
from core.sharing import Sharing
from core.sightings import Sightings
from core.spend import Spending
from core.taught import TaughtMessages
from core.team_answers import TeamAnswers

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
    access: Access
    channels: Channels
    sightings: Sightings
    sharing: Sharing
    confirmations: Confirmations
    reviews: Reviews
    taught: TaughtMessages
    forms: OpenForms
    moderation: Moderation
    gaps: Gaps
    answers: TeamAnswers
    own_data: OwnData
    limiting: Limiting
    disclosure: Disclosure = field(default_factory=Disclosure)
    max_file_mb: int = 50
    spending: Spending | None = None
    """What engines cost; None: none does."""
    jobs: JobRows | None = None
    """None: nothing comes round here."""
    feedback: Feedback | None = None
    """None: nobody judges answers here."""
    passages: int = 5
    """That go with a question where a channel chose no number."""


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
    settings: ChannelSettings = UNCHOSEN
    """Of the place where it was asked."""
    confirmed: bool = False
    """The asker was asked whether it is meant, and agreed."""
    act: str = field(default_factory=lambda: uuid.uuid4().hex)
    """What all that it removes and replaces is known by, so that it is undone together."""

    @property
    def embeds(self) -> bool:
        """Whether what is asked and taught here may go to the embedder."""
        return is_within(self.resources.disclosure.embedder_place, self.settings.place)

    @property
    def member(self) -> MemberRef:
        """Who asked."""
        message = self.message
        return MemberRef(message.conversation.channel.platform, message.author.user_id)

    def text(self, name: str) -> str:
        """An option's text, empty where it was left out."""
        return str(self.options.get(name, "")).strip()


@dataclass(frozen=True, slots=True)
class Option:
    """An option. Typed in a chat, a command's last option takes the rest of the line."""

    name: str
    summary: str
    """English, marked for the catalogues."""
    required: bool = True
    kind: Literal["text", "integer", "boolean", "file", "member"] = "text"
    choices: tuple[str, ...] = ()
    """The only values, where there are few of them."""
    completes: bool = False
    """Whether values are suggested while it is typed, see `ports.Completer`."""
    by_name: bool = False
    """Typed in a chat only as `name:value`, ahead of the others; menus show it as any other."""


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table that help, menus, permissions and documentation are made from."""

    name: str
    needs: Level
    summary: str
    """English, marked for the catalogues."""
    run: Callable[[CommandContext], Replies]
    options: tuple[Option, ...] = ()
    takes_files: bool = False
    immediate: bool = False
    """It skips the turn: it must not wait behind the reply that it is about."""
    message_menu: str | None = None
    """Its label where a platform has menus on messages; marked for the catalogues.

    Chosen there, the command comes with that message as `quoted`, and without options.
    """
    private: bool = False
    """The reply is for the asker alone, where a platform can show it so."""
    form: Callable[[CommandContext], Awaitable[Form | None]] | None = None
    """What to ask for before it runs; None, as long as nothing is missing. Such a command looks
    itself whether its required options are there."""
    quotes: bool = False
    """A quoted message stands for the required options."""

    @property
    def usage(self) -> str:
        """As it is typed: "/kb remove NAME"."""
        shown = [
            option.name.upper() if option.required else f"[{_shown(option)}]"
            for option in self.options
            if option.kind != "file" and not option.by_name
        ]
        named = [f"[{option.name}:{_example(option)}]" for option in self.options if option.by_name]
        return " ".join([f"/{self.name}", *named, *shown])


def _example(option: Option) -> str:
    return "yes" if option.kind == "boolean" else _shown(option)


def _shown(option: Option) -> str:
    return "|".join(option.choices) or option.name.upper()
