"""What the person at the terminal types, as messages to the core."""

from __future__ import annotations

import getpass
import shlex
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.adapters.files import local_file
from core.commands import COMMANDS
from core.commands.parsing import parse
from core.errors import UserError
from core.events import (
    Author,
    ChannelKind,
    ChannelRef,
    ConversationRef,
    IncomingMessage,
    Invocation,
    Platform,
    Trigger,
    Turn,
)

CONVERSATION: Final = ConversationRef(ChannelRef(Platform.TERMINAL, "local"))
_WITH_FILES: Final = ("kb add", "kb import")


def question(
    text: str,
    bases: tuple[str, ...],
    *,
    locale: str | None = None,
    context: tuple[Turn, ...] | None = None,
) -> IncomingMessage:
    """A question of the person at this terminal, who is the operator."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "operator"
    return IncomingMessage(
        conversation=CONVERSATION,
        kind=ChannelKind.PRIVATE,
        trigger=Trigger.PRIVATE,
        message_id=uuid.uuid4().hex,
        author=Author(name, name, is_channel_admin=True),
        text=text,
        sent_at=datetime.now(UTC),
        locale=locale,
        context=context,
        bases=bases or None,
    )


def with_files(message: IncomingMessage) -> IncomingMessage:
    """At a terminal files are named behind the command: `/kb add FILE...`; they come along.

    Raises `OSError` where one is not there, and `ValueError` where quotes do not end.
    """
    for name in _WITH_FILES:
        typed, rest = message.text[: len(name) + 2], message.text[len(name) + 2 :].strip()
        if typed.lower().rstrip() == f"/{name}" and rest and not _is_address(rest):
            files = tuple(local_file(Path(path).expanduser()) for path in shlex.split(rest))
            return replace(message, command=Invocation(name), attachments=files)
    return message


def as_command(message: IncomingMessage, invocation: Invocation) -> IncomingMessage:
    """The same person's command, whatever the text."""
    return replace(message, trigger=Trigger.COMMAND, command=invocation)


def typed_command(message: IncomingMessage) -> Invocation | None:
    """The command that a message is; None also where it is a wrong one, of which the core tells."""
    try:
        return message.command or parse(message.text, COMMANDS)
    except UserError:
        return None


def _is_address(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))
