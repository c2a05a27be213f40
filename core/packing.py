"""A question as it is kept on disk: all of it but what only its platform can give again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from core.errors import AttachmentGoneError
from core.events import Attachment, IncomingMessage

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_Name: TypeAlias = tuple[str, str, str, int | None]
"""What names a file to its platform, and to people."""


def digest_of(message: IncomingMessage) -> str:
    """Tells an edit that changes the question from one that does not (a preview, a reaction)."""
    files = [attachment.attachment_id for attachment in message.attachments]
    asked = json.dumps([message.text, files])
    return hashlib.sha256(asked.encode()).hexdigest()


@cache
def _adapter() -> TypeAdapter[IncomingMessage]:
    from pydantic import TypeAdapter

    return TypeAdapter(IncomingMessage)


def packed(message: IncomingMessage) -> str:
    """All of a message; of files what names them, of a command's that there were some."""
    command = message.command
    if command is not None:
        options = {k: v for k, v in command.options.items() if not isinstance(v, Attachment)}
        command = replace(command, options=options)
    quoted = replace(message.quoted, attachments=()) if message.quoted is not None else None
    kept = replace(message, attachments=(), command=command, quoted=quoted)
    return json.dumps(
        {
            "files": bool(message.attachments)
            or command != message.command
            or quoted != message.quoted,
            "named": _names(message.attachments),
            "quoted": _names(message.quoted.attachments) if message.quoted is not None else [],
            "message": _adapter().dump_python(kept, mode="json"),
        }
    )


def unpacked(payload: str) -> tuple[IncomingMessage, bool]:
    """The message, and whether files came with it that only its platform still has."""
    stored = json.loads(payload)
    message = _adapter().validate_python(stored["message"])
    message = replace(message, attachments=_named(stored.get("named", ())))
    if message.quoted is not None:
        quoted = replace(message.quoted, attachments=_named(stored.get("quoted", ())))
        message = replace(message, quoted=quoted)
    return message, bool(stored["files"])


def _names(attachments: Iterable[Attachment]) -> list[_Name]:
    return [(one.attachment_id, one.filename, one.media_type, one.size) for one in attachments]


def _named(names: Iterable[_Name]) -> tuple[Attachment, ...]:
    """Files of an earlier run: only the platform can fetch them, see `Listener.refetch`."""

    def named(attachment_id: str, filename: str, media_type: str, size: int | None) -> Attachment:
        async def save(_path: Path, _limit: int) -> None:
            raise AttachmentGoneError(filename)

        return Attachment(attachment_id, filename, media_type, size, save)

    return tuple(named(*name) for name in names)
