"""Builders of incoming messages."""

from __future__ import annotations

from datetime import UTC, datetime

from core.events import (
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Platform,
    Quoted,
    Trigger,
)

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def author(user_id: str = "ada") -> Author:
    return Author(user_id, user_id.title())


def conversation(
    channel: str = "town", thread: str | None = None, platform: Platform = Platform.DISCORD
) -> ConversationRef:
    return ConversationRef(ChannelRef(platform, channel), thread)


def private(
    text: str, message_id: str = "1", *, user: str = "ada", at: datetime | None = None
) -> IncomingMessage:
    """A direct message of `user` to the bot."""
    return IncomingMessage(
        conversation(f"dm-{user}"),
        ChannelKind.PRIVATE,
        Trigger.PRIVATE,
        message_id,
        author(user),
        text,
        at or datetime.now(UTC),
    )


def group(
    text: str,
    message_id: str = "1",
    *,
    user: str = "ada",
    at: datetime | None = None,
    thread: str | None = None,
    quotes: str | None = None,
) -> IncomingMessage:
    """A mention of the bot in the group "town"; `quotes` is the id of a message replied to."""
    return IncomingMessage(
        conversation("town", thread),
        ChannelKind.GROUP,
        Trigger.MENTION,
        message_id,
        author(user),
        text,
        at or datetime.now(UTC),
        quoted=Quoted(quotes, author("somebody"), "…") if quotes is not None else None,
    )
