"""The first message where we are served: what we are and the set-up, with its menus.

It is public, and does no harm there: whoever presses goes through the same permissions as whoever
types. Who added us is told in private where it is, and which permissions we lack.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final, TypeAlias

from core.envoy import Envoy
from core.events import (
    Author,
    ChannelKind,
    ConversationRef,
    IncomingMessage,
    Invocation,
    Joined,
    MemberRef,
    MessageRef,
    Place,
    Trigger,
)
from core.inert import inert
from core.missing import lacking_lines
from core.replies import Actions, Menu, ReplyEvent, TextDelta

Run: TypeAlias = Callable[[IncomingMessage], AsyncGenerator[ReplyEvent, None]]
"""The whole reply to a message, as the assistant gives it."""

_ID: Final = "welcome"


class Welcoming:
    """Greets places."""

    def __init__(self, run: Run, envoy: Envoy) -> None:
        self._run = run
        self._envoy = envoy

    async def welcome(self, event: Joined, opening: str) -> None:
        """`opening` says what we are, or why we speak now."""
        shown: MessageRef | None = None
        if event.conversation is not None:
            text, menus = await self._setup(event, event.conversation)
            shown = await self._envoy.post(event.conversation, f"{opening}\n\n{text}", menus)
        if event.contact is not None:
            await self._tell(event, MemberRef(event.platform, event.contact), shown)

    async def _setup(self, event: Joined, where: ConversationRef) -> tuple[str, tuple[Menu, ...]]:
        """What `/setup` shows there to who administers the place: all of it, if it has channels."""
        has_channels = event.server_id != where.channel.channel_id
        message = IncomingMessage(
            where,
            ChannelKind.GROUP,
            Trigger.COMMAND,
            _ID,
            Author(_ID, "", is_channel_admin=True, is_server_admin=has_channels),
            "",
            datetime.now(UTC),
            locale=event.locale,
            server_id=event.server_id,
            place=Place(server_name=event.name),
            command=Invocation("setup", {"where": "server"} if has_channels else {}),
        )
        text, menus = "", tuple[Menu, ...]()
        async with aclosing(self._run(message)) as events:
            async for reply in events:
                if isinstance(reply, TextDelta):
                    text += reply.text
                elif isinstance(reply, Actions):
                    menus = reply.menus
        return text, menus

    async def _tell(self, event: Joined, contact: MemberRef, shown: MessageRef | None) -> None:
        _ = self._envoy.words(event.locale)
        title = inert(event.name or event.server_id)
        if shown is None:
            lines = [
                _(
                    "I am in {name} now, and there is no channel in which I may write. Let me, "
                    "then set me up there with `/setup`.",
                    name=title,
                )
            ]
        else:
            lines = [_("I am in {name} now. This is where you set me up, or use `/setup` in any "
                       "channel there:", name=title)]  # fmt: skip
            if link := self._envoy.link(shown):
                lines.append(link)
            where = shown.conversation.channel
            lines += lacking_lines(await self._envoy.lacking(where), _)
        await self._envoy.tell(contact, "\n".join(lines))
