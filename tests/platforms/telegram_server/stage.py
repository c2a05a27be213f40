"""Where a test's people meet: chats are set up here, quietly, and read as transcripts."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from tests.platforms.telegram_server.model import ADMINISTRATORS, Account, Chat, Message
from tests.platforms.telegram_server.world import Bot, World

if TYPE_CHECKING:
    from tests.platforms.telegram_server.people import Person


class Stage:
    """Sets up chats in which the bot has been for long: no updates tell of it."""

    bot: Bot

    def __init__(self, world: World) -> None:
        self.world = world
        self._user_ids = count(5_000_001)
        self._group_ids = count(4_000_001)
        self._super_ids = count(1_001_000_000_001)

    def new_account(self, first_name: str, username: str | None, language: str) -> Account:
        account = Account(next(self._user_ids), first_name, username, language)
        self.world.accounts[account.user_id] = account
        return account

    def new_supergroup(self, title: str) -> Chat:
        chat = Chat(-next(self._super_ids), "supergroup", title)
        self.world.chats[chat.chat_id] = chat
        return chat

    def group(self, title: str, owner: Person, *members: Person, with_bot: bool = True) -> Chat:
        """A basic group; the first person owns it."""
        chat = Chat(-next(self._group_ids), "group", title)
        return self._peopled(chat, owner, members, with_bot=with_bot)

    def supergroup(
        self,
        title: str,
        owner: Person,
        *members: Person,
        is_forum: bool = False,
        with_bot: bool = True,
    ) -> Chat:
        """A supergroup; the first person owns it. Message ids start at 1 in each."""
        chat = self.new_supergroup(title)
        chat.is_forum = is_forum
        return self._peopled(chat, owner, members, with_bot=with_bot)

    def channel(self, title: str, owner: Person, *, discussion: Chat | None = None) -> Chat:
        """A channel of which the bot is an administrator; posts go on to the discussion group."""
        chat = Chat(-next(self._super_ids), "channel", title)
        chat.linked = discussion
        if discussion is not None:
            discussion.linked = chat
        self._peopled(chat, owner, (), with_bot=False)
        chat.members[self.bot.account.user_id] = "administrator"
        chat.accounts[self.bot.account.user_id] = self.bot.account
        return chat

    def _peopled(
        self, chat: Chat, owner: Person, members: tuple[Person, ...], *, with_bot: bool
    ) -> Chat:
        self.world.chats[chat.chat_id] = chat
        chat.members[owner.account.user_id] = "creator"
        chat.accounts[owner.account.user_id] = owner.account
        for member in members:
            chat.members[member.account.user_id] = "member"
            chat.accounts[member.account.user_id] = member.account
        if with_bot:
            chat.members[self.bot.account.user_id] = "member"
            chat.accounts[self.bot.account.user_id] = self.bot.account
        return chat

    def answers_to(self, question: Message) -> list[Message]:
        """The bot's messages that reply to one; in a private chat also those that follow it."""
        later = question.replies
        if question.chat.kind == "private":
            everything = question.chat.everything
            later = [
                message
                for message in everything[everything.index(question) + 1 :]
                if message.reply_to in (None, question)
            ]
        bot = self.bot.account
        return [message for message in later if message.sender is bot and not message.deleted]

    def bot_messages(self, chat: Chat, topic: int | None = None) -> list[Message]:
        """What the bot shows in a chat now, oldest first."""
        return [
            message
            for message in chat.shown
            if message.sender is self.bot.account and topic in (None, message.topic)
        ]

    def whispers(self, chat: Chat, person: Person) -> list[Message]:
        """The ephemeral messages that somebody sees in a chat."""
        return [
            message
            for message in chat.everything
            if message.ephemeral_for is person.account and not message.deleted
        ]

    def transcript(self, chat: Chat, topic: int | None = None) -> str:
        """What stands in a chat now: `Ada> …`, `bot> …`, files and buttons in brackets."""
        return "".join(
            f"{self._name(message)}> {_shown(message)}\n"
            for message in chat.shown
            if (topic is None or message.topic == topic) and not message.service
        )

    def _name(self, message: Message) -> str:
        if message.sender_chat is not None:
            return message.sender_chat.title
        if message.sender is None or message.sender is self.bot.account:
            return "bot"
        return message.sender.first_name


def _shown(message: Message) -> str:
    shown = [f"[{stored.name}]" for stored in message.files]
    if message.text:
        shown.append(message.text)
    if message.buttons:
        shown.append("[" + "] [".join(message.buttons) + "]")
    return " ".join(shown)


def menu_scopes(user_id: int, chat: Chat) -> list[tuple]:
    """The scopes of command menus that apply, narrowest first, as Telegram looks for them."""
    if chat.kind == "private":
        return [("chat", chat.chat_id), ("all_private_chats",), ("default",)]
    scopes: list[tuple] = [("chat_member", chat.chat_id, user_id)]
    if chat.status_of(user_id) in ADMINISTRATORS:
        scopes.append(("chat_administrators", chat.chat_id))
    scopes.append(("chat", chat.chat_id))
    if chat.status_of(user_id) in ADMINISTRATORS:
        scopes.append(("all_chat_administrators",))
    return [*scopes, ("all_group_chats",), ("default",)]
