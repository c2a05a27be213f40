"""What a visitor of the console does, as messages to the core."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bot.adapters.files import local_file
from bot.adapters.web.visitors import OPERATOR, Visitor
from core.events import (
    Attachment,
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Invocation,
    Platform,
    Trigger,
)

CHANNEL = ChannelRef(Platform.WEB, "console")


def message(
    thread: str,
    text: str,
    *,
    bases: Sequence[str] = (),
    locale: str | None = None,
    command: Invocation | None = None,
    attachments: tuple[Attachment, ...] = (),
) -> IncomingMessage:
    """A message of the operator in one conversation of the console."""
    return IncomingMessage(
        conversation=ConversationRef(CHANNEL, thread),
        kind=ChannelKind.PRIVATE,
        trigger=Trigger.COMMAND if command else Trigger.PRIVATE,
        message_id=uuid.uuid4().hex,
        author=Author("operator", "operator", is_channel_admin=True),
        text=text,
        sent_at=datetime.now(UTC),
        attachments=attachments,
        locale=locale,
        command=command,
        bases=tuple(bases) or None,
    )


def stop_request(thread: str) -> IncomingMessage:
    """The press of Stop."""
    return message(thread, "/stop", command=Invocation("stop"))


def sent_by(visitor: Visitor, incoming: IncomingMessage) -> IncomingMessage:
    """The same, by whoever uses the console."""
    author = Author(visitor.author_id, visitor.name, is_channel_admin=visitor.may_change)
    return replace(incoming, author=author)


def addition(
    thread: str, path: Path, base: str, locale: str | None, visitor: Visitor = OPERATOR
) -> IncomingMessage:
    """A file that was dropped on the page, to be learnt by a base."""
    files = (local_file(path),)
    return command(thread, Invocation("kb add"), base, locale, visitor, attachments=files)


def command(
    thread: str,
    invocation: Invocation,
    base: str,
    locale: str | None,
    visitor: Visitor,
    *,
    attachments: tuple[Attachment, ...] = (),
) -> IncomingMessage:
    """A command of the chats, about one base."""
    incoming = message(
        thread,
        f"/{invocation.name}",
        bases=(base,),
        locale=locale,
        command=invocation,
        attachments=attachments,
    )
    return sent_by(visitor, incoming)


def locale_of(headers: Mapping[str, str]) -> str:
    """The first language of an `Accept-Language` header, by its weights; English without one."""
    wanted: list[tuple[float, str]] = []
    for part in headers.get("accept-language", "").split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), tag))
        except ValueError:
            continue
    return min(wanted, key=lambda choice: choice[0])[1] if wanted and wanted[0][1] else "en"
