"""People, as a test moves them: they write, edit, press, join, leave and administer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.platforms.telegram_server import utf16
from tests.platforms.telegram_server.membership import Membership
from tests.platforms.telegram_server.model import (
    CHANNEL_BOT,
    GROUP_ANONYMOUS_BOT,
    TELEGRAM,
    Account,
    Chat,
    Message,
)
from tests.platforms.telegram_server.world import Press

_ANONYMOUS = Account(GROUP_ANONYMOUS_BOT, "Group", "GroupAnonymousBot", is_bot=True)
_TELEGRAM = Account(TELEGRAM, "Telegram")
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


class Person(Membership):
    """Somebody in front of a Telegram client."""

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
        message.topic = reply_to.topic if topic is None and reply_to is not None else topic
        message.reply_to, message.quote = reply_to, quote
        if files:
            self._album(message, files)
        else:
            self._world.put(message)
        if chat.kind == "channel" and chat.linked is not None:
            self._forward_to_discussion(message, chat.linked)
        return message

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

    def _album(self, first: Message, files: Sequence[Attached]) -> None:
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

    def _forward_to_discussion(self, post: Message, group: Chat) -> None:
        """A channel's post appears in its discussion group by itself."""
        copied = Message(self._world.new_id(group), group, post.date, sender=_TELEGRAM)
        copied.sender_chat, copied.is_automatic_forward = post.chat, True
        copied.text, copied.entities, copied.files = post.text, post.entities, post.files
        copied.origin = {
            "type": "channel",
            "date": post.date,
            "chat": post.chat.json(),
            "message_id": post.message_id,
        }
        self._world.put(copied)

    def forward(self, message: Message, chat: Chat, topic: int | None = None) -> Message:
        """Pass somebody's message on."""
        copied = self._blank(chat, None, anonymous=False, as_chat=None)
        copied.text, copied.entities, copied.files = message.text, message.entities, message.files
        copied.topic = topic
        if message.sender is not None:
            copied.origin = {
                "type": "user",
                "date": message.date,
                "sender_user": message.sender.json(),
            }
        return self._world.put(copied)

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

    # buttons

    def push_button(self, message: Message, button: str, *, is_forged: bool = False) -> Press:
        """Press a button by its label or data without waiting.

        A forged press sends data that no button of the message has, as a made-up client may.
        """
        if message.ephemeral_for is not None and message.ephemeral_for is not self.account:
            raise LookupError("this message is shown to somebody else")
        for each in (each for row in message.keyboard or [] for each in row):
            if button in (each["text"], each.get("callback_data")) and "callback_data" in each:
                return self._world.press(message, self.account, each["callback_data"])
        if is_forged:
            return self._world.press(message, self.account, button)
        raise LookupError(f"no button {button!r} among {message.buttons}")

    async def press(
        self,
        message: Message,
        button: str,
        *,
        is_forged: bool = False,
        timeout: float = 10.0,  # noqa: ASYNC109
    ) -> str:
        """Press a button and return the text of the alert: empty where there is none."""
        press = self.push_button(message, button, is_forged=is_forged)
        await self._world.changes.wait_for(lambda: press.answered, timeout)
        return press.text

    def stop_draft(self) -> None:
        """Press the Stop button of the draft that the bot streams in the private chat."""
        chat = self.private
        if chat.stoppable is None:
            raise LookupError("no draft with a Stop button")
        draft_id, thread = chat.stoppable
        chat.stoppable = None
        body: dict = {"chat": chat.json(), "draft_id": draft_id}
        if thread:
            body["message_thread_id"] = thread
        self._telegram.bot.updates.push("stopped_message_generation", body)
        self._world.changes.announce()
