"""What a Telegram text says once our name is taken out of it, and whether it was said to us. Pure.

Telegram marks mentions and commands itself, in UTF-16 units; nothing is searched for by hand, so
another bot whose name begins with ours is not us.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from telegram import Message, MessageEntity, User

from bot.adapters.telegram.rich import rich_words

_AFTER_NAME: Final = re.compile(r"^[ \t]*[,，:：、;；]\s*")


@dataclass(frozen=True, slots=True)
class Said:
    """A text without our name."""

    text: str
    mentions_us: bool = False
    command: str | None = None
    """The command it begins with, in lower case and without a slash."""
    command_for: str | None = None
    """The bot that the command names, in lower case."""


def said(message: Message, me: User) -> Said:
    """What the text or caption of a message says."""
    text = message.text or message.caption or rich_words(message)
    entities = message.entities or message.caption_entities
    units = text.encode("utf-16-le", "surrogatepass")
    ours = f"@{me.username}".lower()
    cuts: list[tuple[int, int]] = []
    mentions_us, command, command_for = False, None, None
    for entity in entities:
        begin, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        part = units[begin:end].decode("utf-16-le", "surrogatepass")
        if _names(entity, part, ours, me.id):
            mentions_us = True
            cuts.append((begin, end))
        elif entity.type == MessageEntity.BOT_COMMAND:
            name, at, target = part[1:].partition("@")
            if not units[:begin].decode("utf-16-le", "surrogatepass").strip():
                command, command_for = name.lower(), target.lower() or None
            if at and f"@{target}".lower() == ours:
                cuts.append((begin + 2 * (1 + len(name)), end))
    left = _without(units, cuts)
    if command is None and mentions_us and left.startswith("/"):
        # "@ourbot /kb list": said to us, whatever Telegram makes of the second word.
        command = (re.match(r"/(\w*)", left) or ["", ""])[1].lower() or None
    return Said(left.strip(), mentions_us, command, command_for)


def _names(entity: MessageEntity, part: str, ours: str, our_id: int) -> bool:
    if entity.type == MessageEntity.MENTION:
        return part.lower() == ours
    if entity.type == MessageEntity.TEXT_MENTION:
        return entity.user is not None and entity.user.id == our_id
    return False


def _without(units: bytes, cuts: Sequence[tuple[int, int]]) -> str:
    """The text without these ranges and what set them off, with one space where two would meet."""
    text, place = "", 0
    for begin, end in (*sorted(cuts), (len(units), len(units))):
        piece = units[place:begin].decode("utf-16-le", "surrogatepass")
        if place:
            piece = _AFTER_NAME.sub(" ", piece)
        if piece[:1].isspace() and (not text or text[-1].isspace()):
            piece = piece.lstrip(" ")
        text += piece
        place = end
    return text
