"""The state of the server and the acts that change it, for bots and members alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from tests.platforms.telegram_server.changes import Changes
from tests.platforms.telegram_server.errors import ApiError, bad_request, forbidden
from tests.platforms.telegram_server.flood import Flood
from tests.platforms.telegram_server.model import Account, Chat, Message, Status, StoredFile, Topic
from tests.platforms.telegram_server.payload import member_json, message_json
from tests.platforms.telegram_server.privacy import is_meant_for
from tests.platforms.telegram_server.updates import Updates

_KNOWN_SECONDS = 48 * 3600
"""Of a message that is older a press tells no more than its chat and its number."""


@dataclass(eq=False)
class Press:
    """A callback query: a member pressed a button."""

    query_id: str
    message: Message
    by: Account
    data: str
    at: float
    answered: bool = False
    text: str = ""
    show_alert: bool = False
    url: str = ""


@dataclass(eq=False)
class Bot:
    """A bot account with its token, its updates and its settings."""

    account: Account
    token: str
    updates: Updates
    flood: Flood
    privacy_mode: bool = True
    has_topics: bool = False
    """Topics in private chats."""
    presses: dict[str, Press] = field(default_factory=dict)
    commands: dict[tuple, list[dict]] = field(default_factory=dict)


class World:
    """People, chats and messages. Message ids count per supergroup and channel, else per server."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.changes = Changes()
        self.clock = clock
        self.bots: dict[str, Bot] = {}
        self.accounts: dict[int, Account] = {}
        self.chats: dict[int, Chat] = {}
        self.private: dict[tuple[int, int], Chat] = {}
        self.files: dict[str, StoredFile] = {}
        self._small_ids = count(1)
        self._file_numbers = count(1)
        self._query_ids = count(770_000_000_001)
        self._albums = count(13_000_000_000)

    # people and chats

    def bot_of(self, user_id: int) -> Bot | None:
        return next((bot for bot in self.bots.values() if bot.account.user_id == user_id), None)

    def bots_in(self, chat: Chat) -> Iterator[Bot]:
        for bot in self.bots.values():
            if chat.bot is bot.account or chat.has(bot.account.user_id):
                yield bot

    def private_chat(self, person: Account, bot: Account) -> Chat:
        """The private chat of a person with a bot; there is exactly one."""
        key = (bot.user_id, person.user_id)
        if key not in self.private:
            self.private[key] = Chat(person.user_id, "private", person=person, bot=bot)
        return self.private[key]

    def chat_for(self, bot: Bot, chat_id: str) -> Chat:
        """The chat that a bot names by its id or public username, as far as it knows it."""
        if chat_id.startswith("@"):
            named = [chat for chat in self.chats.values() if f"@{chat.username}" == chat_id]
            if named:
                return named[0]
            raise bad_request("chat not found")
        try:
            number = int(chat_id)
        except ValueError:
            raise bad_request("chat not found") from None
        chat = self.private.get((bot.account.user_id, number)) or self.chats.get(number)
        if chat is None:
            if number in self.accounts and not self.accounts[number].is_bot:
                raise forbidden("bot can't initiate conversation with a user")
            raise bad_request("chat not found")
        return chat

    def writable(self, bot: Bot, chat_id: str) -> Chat:
        """The chat, if the bot may write there."""
        chat = self.chat_for(bot, chat_id)
        if chat.migrated_to is not None:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                {"migrate_to_chat_id": chat.migrated_to.chat_id},
            )
        if chat.kind == "private":
            if chat.blocked:
                raise forbidden("bot was blocked by the user")
            if not chat.started:
                raise forbidden("bot can't initiate conversation with a user")
            return chat
        status = chat.status_of(bot.account.user_id)
        place = "channel" if chat.kind == "channel" else chat.kind
        if status == "kicked":
            raise forbidden(f"bot was kicked from the {place} chat")
        if status == "left":
            raise forbidden(f"bot is not a member of the {place} chat")
        if status == "restricted":
            raise bad_request("not enough rights to send text messages to the chat")
        if chat.kind == "channel" and status not in ("administrator", "creator"):
            raise bad_request("need administrator rights in the channel chat")
        return chat

    # messages

    def new_id(self, chat: Chat) -> int:
        if chat.kind in ("supergroup", "channel"):
            chat.last_id += 1
            return chat.last_id
        return next(self._small_ids)

    def new_album(self) -> str:
        return str(next(self._albums))

    def store(self, name: str, media_type: str, kind: str, content: bytes, size: int) -> StoredFile:
        stored = StoredFile(next(self._file_numbers), name, media_type, kind, content, size)
        self.files[stored.file_id] = stored
        return stored

    def put(self, message: Message) -> Message:
        """Show a message in its chat and tell the bots that may see it."""
        chat = message.chat
        message.texts.append(message.text)
        if message.ephemeral_for is None:
            chat.messages[message.message_id] = message
        chat.everything.append(message)
        if message.reply_to is not None:
            message.reply_to.replies.append(message)
        self.deliver(message, "channel_post" if chat.kind == "channel" else "message")
        self.changes.announce()
        return message

    def service(self, chat: Chat, by: Account | None, **what: object) -> Message:
        """A service message: every bot in the chat receives it."""
        now = int(time.time())
        return self.put(Message(self.new_id(chat), chat, now, sender=by, service=dict(what)))

    def deliver(self, message: Message, kind: str) -> None:
        for bot in self.bots_in(message.chat):
            if self._sees(bot, message):
                bot.updates.push(kind, message_json(message))

    def _sees(self, bot: Bot, message: Message) -> bool:
        chat = message.chat
        if message.sender is bot.account or (message.is_from_bot and chat.kind != "channel"):
            return False  # bots see neither themselves nor each other
        if chat.kind in ("private", "channel") or message.service or not bot.privacy_mode:
            return True
        if chat.status_of(bot.account.user_id) == "administrator":
            return True
        others = [each for each in self.bots_in(chat) if each is not bot]
        return is_meant_for(bot.account, message, is_only_bot=not others)

    def press(self, message: Message, by: Account, data: str) -> Press:
        """A button is pressed; the bot whose message it is gets the callback query."""
        bot = next(bot for bot in self.bots_in(message.chat) if self._wrote(bot, message))
        press = Press(str(next(self._query_ids)), message, by, data, self.clock())
        bot.presses[press.query_id] = press
        body = message_json(message)
        if message.deleted or message.date < time.time() - _KNOWN_SECONDS:
            body = {"chat": message.chat.json(), "message_id": message.message_id, "date": 0}
        bot.updates.push(
            "callback_query",
            {
                "id": press.query_id,
                "from": by.json(),
                "message": body,
                "chat_instance": str(hash(message.chat.chat_id)),
                "data": data,
            },
        )
        self.changes.announce()
        return press

    @staticmethod
    def _wrote(bot: Bot, message: Message) -> bool:
        return message.sender is bot.account or message.chat.kind == "channel"

    def open_topic(self, chat: Chat, by: Account, name: str) -> Topic:
        """A new topic; its number is that of the service message that opens it."""
        opened = Message(self.new_id(chat), chat, int(time.time()), sender=by)
        opened.service = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
        opened.topic = opened.message_id
        topic = chat.topics[opened.message_id] = Topic(opened.message_id, name)
        self.put(opened)
        return topic

    def migrate(self, old: Chat, new: Chat, by: Account) -> None:
        """A group becomes a supergroup: a new id, told in both chats."""
        new.members, new.accounts = dict(old.members), dict(old.accounts)
        new.anonymous, new.migrated_from = set(old.anonymous), old
        self.service(old, by, migrate_to_chat_id=new.chat_id)
        old.migrated_to = new
        self.service(new, by, migrate_from_chat_id=old.chat_id)

    # memberships

    def move(self, chat: Chat, account: Account, status: Status, by: Account) -> None:
        """Change somebody's standing in a chat; the bot concerned gets my_chat_member."""
        old = member_json(chat, account)
        chat.accounts[account.user_id] = account
        here_before = list(self.bots_in(chat))
        chat.members[account.user_id] = status
        update = {
            "chat": chat.json(),
            "from": by.json(),
            "date": int(time.time()),
            "old_chat_member": old,
            "new_chat_member": member_json(chat, account),
        }
        for bot in self.bots.values():
            if bot.account is account:
                bot.updates.push("my_chat_member", update)
            elif bot in here_before and chat.status_of(bot.account.user_id) == "administrator":
                bot.updates.push("chat_member", update)
        self.changes.announce()

    def mark_private(self, chat: Chat, *, blocked: bool) -> None:
        """A person blocks the bot, or lets it write again."""
        assert chat.person is not None
        assert chat.bot is not None
        chat.blocked = blocked
        states: Sequence[Status] = ("member", "kicked") if blocked else ("kicked", "member")
        bot = self.bot_of(chat.bot.user_id)
        assert bot is not None
        bot.updates.push(
            "my_chat_member",
            {
                "chat": chat.json(),
                "from": chat.person.json(),
                "date": int(time.time()),
                "old_chat_member": member_json(chat, chat.bot, states[0]),
                "new_chat_member": member_json(chat, chat.bot, states[1]),
            },
        )
        self.changes.announce()
