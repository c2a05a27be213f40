"""Pictures that come with messages: which files are some, and what stands for one in a text."""

from __future__ import annotations

import mimetypes
import re
from typing import Final

from core.events import Attachment, IncomingMessage
from core.language import N_, language_of, words

_MARK: Final = N_("[picture]")
_MARKS: Final = re.compile(r"\s*\[(?:picture|图片)\]\s*\Z")
_UNKNOWN: Final = "application/octet-stream"


def is_picture(attachment: Attachment) -> bool:
    """By what is said of a file; its content is looked at when it is there."""
    kind = attachment.media_type
    if kind == _UNKNOWN:
        kind = mimetypes.guess_type(attachment.filename)[0] or _UNKNOWN
    return kind.startswith("image/") and not kind.startswith("image/svg")  # a drawing in words


def pictures_of(message: IncomingMessage) -> tuple[Attachment, ...]:
    """The message's own, then those of the message that it is about."""
    quoted = message.quoted.attachments if message.quoted is not None else ()
    return tuple(filter(is_picture, (*message.attachments, *quoted)))


def shows_only(message: IncomingMessage) -> bool:
    """Whether a message says nothing in words, and comes with pictures and nothing else."""
    if message.text.strip() or not all(map(is_picture, message.attachments)):
        return False
    if message.quoted is not None and message.quoted.text.strip():
        return False
    return bool(pictures_of(message))


def kept_text(message: IncomingMessage) -> str:
    """A message's words as the history keeps them: of a picture, that there was one."""
    if not pictures_of(message):
        return message.text
    _ = words(language_of(message.text))
    return f"{message.text.rstrip()} {_(_MARK)}".lstrip()


def without_mark(text: str) -> str:
    """The words alone."""
    return _MARKS.sub("", text)
