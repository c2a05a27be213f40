"""People, as a test moves them: they write, edit, press, join, leave and administer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.platforms.telegram_server import utf16
from tests.platforms.telegram_server.model import (
    CHANNEL_BOT,
    GROUP_ANONYMOUS_BOT,
    Account,
    Chat,
    Message,
)
from tests.platforms.telegram_server.payload import message_json

if TYPE_CHECKING:
    from tests.platforms.telegram_server.server import FakeTelegram

_ANONYMOUS = Account(GROUP_ANONYMOUS_BOT, "Group", "GroupAnonymousBot", is_bot=True)
_AS_CHANNEL = Account(CHANNEL_BOT, "Channel", "Channel_Bot", is_bot=True)


@dataclass(frozen=True)
class Attached:
    """A file that somebody sends: a document, unless it is a photo, voice, audio or video."""

    name: str
    content: bytes = b""
    media_type: str = "application/octet-stream"
    kind: str = "document"
    claimed_size: int | None = None
    """Where the file is to look larger than its content."""


class Person:
    """Somebody in front of a Telegram client."""

    def __init__(self, telegram: FakeTelegram, account: Account) -> None:
        self._telegram = telegram
        self._world = telegram.world
        self.account = account

    @property
    def user_id(self) -> int:
        return self.account.user_id

    @property
    def private(self) -> Chat:
        """The private chat with the bot."""
        return self._world.private_chat(self.account, self._telegram.bot.account)

    def say(  # noqa: PLR0913 (a message has so many sides)
        self,
        chat: Chat,
        text: str = "",
        *,
        topic: int | None = None,
        reply_to: Message | None = None,
        quote: str | None = None,
        files: Sequence[Attached] = (),
        entities: Sequence[dict] = (),
        sent_at: float | None = None,
        anonymous: bool = False,
        as_chat: Chat | None = None,
    ) -> Message:
        """Write. Mentions and commands are seen by themselves; other entities are given.

        Several files make an album: one message each, the text under the first, which is returned.
        """
        if chat.kind == "private":
            chat.started = True
        elif not chat.has(self.user_id) and as_chat is None:
            raise PermissionError(f"{self.account.first_name} is not in {chat.title}")
        text, marked = utf16.trimmed(text, list(entities))
        message = self._blank(chat, sent_at, anonymous=anonymous, as_chat=as_chat)
        message.text, message.entities = text, utf16.found(text, marked)
        message.topic = topic if topic is not None else reply_to and reply_to.topic
        message.reply_to, message.quote = reply_to, quote
        if not files:
            return self._world.put(message)
        return self._album(message, files)

    def _blank(
        self, chat: Chat, sent_at: float | None, *, anonymous: bool, as_chat: Chat | None
    ) -> Message:
        date = int(time.time() if sent_at is None else sent_at)
        message = Message(self._world.new_id(chat), chat, date, sender=self.account)
        if chat.kind == "channel":
            message.sender, message.sender_chat = None, chat
        elif as_chat is not None:
            message.sender, message.sender_chat = _AS_CHANNEL, as_chat
        elif anonymous:
            message.sender, message.sender_chat = _ANONYMOUS, chat
        return message

    def _album(self, first: Message, files: Sequence[Attached]) -> Message:
        if len(files) > 1:
            first.album = self._world.new_album()
        for number, file in enumerate(files):
            size = len(file.content) if file.claimed_size is None else file.claimed_size
            stored = self._world.store(file.name, file.media_type, file.kind, file.content, size)
            message = first
            if number:
                message = Message(
                    self._world.new_id(first.chat), first.chat, first.date, first.sender
                )
                message.sender_chat, message.topic = first.sender_chat, first.topic
                message.reply_to, message.album = first.reply_to, first.album
            message.files = [stored]
            self._world.put(message)
        return first

    def start(self, payload: str = "") -> Message:
        """Open the private chat with the bot; a deep link has a payload."""
        return self.say(self.private, f"/start {payload}".strip())

    def edit(self, message: Message, text: str, entities: Sequence[dict] = ()) -> Message:
        """Change the text of one's own message."""
        text, marked = utf16.trimmed(text, list(entities))
        message.text, message.entities = text, utf16.found(text, marked)
        message.texts.append(text)
        message.edits += 1
        message.edit_date = int(time.time())
        kind = "edited_channel_post" if message.chat.kind == "channel" else "edited_message"
        self._world.deliver(message, kind)
        self._world.changes.announce()
        return message

    def delete(self, message: Message) -> None:
        """Take a message back; bots are told nothing."""
        message.deleted = True
        self._world.changes.announce()


__all__ = ["Attached", "Person", "message_json"]
