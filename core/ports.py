"""What the core asks of a platform, and what it offers one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from core.events import ChannelRef, ConversationRef, IncomingEvent, IncomingMessage, ReplyTo
from core.replies import ReplyEvent


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do; core asks this and never the platform's name."""

    max_text: int
    """Longest message, in units of `count`."""
    count: Callable[[str], int] = len
    """Length as the platform counts it (Telegram: UTF-16 units)."""
    max_download: int | None = None
    max_upload: int | None = None
    markup: Literal["plain", "markdown"] = "markdown"
    can_edit: bool = True
    can_buttons: bool = False
    can_deduplicate: bool = False
    """Whether sending again under the same key gives the message that is there already."""
    edit_interval_private: float = 1.0
    """Seconds between two sends or edits in one private chat."""
    edit_interval_group: float = 3.0
    """The same for a group, where all answers of the channel share it."""


class Inbox(Protocol):
    """Where surfaces hand in what happened."""

    def submit(self, event: IncomingEvent) -> None:
        """Push surfaces: answered later through the platform's outbox. Returns at once."""
        ...

    def stream(self, message: IncomingMessage) -> AsyncGenerator[ReplyEvent, None]:
        """Pull surfaces show the events themselves; closing the generator cancels the reply."""
        ...


class Listener(AbstractAsyncContextManager["Listener"], Protocol):
    """A connection to a platform: entering logs in, exiting closes it."""

    async def listen(self, inbox: Inbox) -> None:
        """Until cancelled, which leaves us deaf but still able to send."""
        ...


class Outbox(Protocol):
    """Sends for one platform. Raises `DeliveryError` subclasses, never the SDK's exceptions."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def send(
        self,
        to: ConversationRef,
        text: str,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
    ) -> str:
        """Returns the id of the new message.

        `key` names what is sent across restarts; see `Capabilities.can_deduplicate`.
        """
        ...

    async def edit(self, to: ConversationRef, message_id: str, text: str) -> None: ...

    async def delete(self, to: ConversationRef, message_id: str) -> None: ...

    async def send_file(
        self,
        to: ConversationRef,
        filename: str,
        data: bytes,
        *,
        reply_to: ReplyTo | None = None,
        key: str | None = None,
    ) -> str: ...

    async def typing(self, to: ConversationRef) -> None: ...

    async def is_member(self, user_id: str, channel: ChannelRef) -> bool | None:
        """Whether the member can read the channel, asked now; None: the platform cannot say."""
        ...
