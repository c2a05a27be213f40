"""What people do with chats: join, leave, bring and remove the bot, promote, migrate, block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.platforms.telegram_server.model import ADMINISTRATORS, Account, Chat, Status, Topic
from tests.platforms.telegram_server.world import Bot

if TYPE_CHECKING:
    from tests.platforms.telegram_server.server import FakeTelegram


class Membership:
    """Somebody with an account; the acts here change who is where and may do what."""

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

    def join(self, chat: Chat) -> None:
        """Come into a group or channel."""
        self._world.move(chat, self.account, "member", self.account)
        if chat.kind != "channel":
            self._world.service(chat, self.account, new_chat_members=[self.account.json()])

    def leave(self, chat: Chat) -> None:
        """Go."""
        self._world.move(chat, self.account, "left", self.account)
        if chat.kind != "channel":
            self._world.service(chat, self.account, left_chat_member=self.account.json())

    def remove(self, chat: Chat, other: Membership) -> None:
        """Throw somebody out for good."""
        self._administers(chat)
        self._world.move(chat, other.account, "kicked", self.account)

    def restrict(self, chat: Chat, other: Membership) -> None:
        """Take somebody's right to write."""
        self._administers(chat)
        self._world.move(chat, other.account, "restricted", self.account)

    def promote(self, chat: Chat, other: Membership, *, anonymous: bool = False) -> None:
        """Make somebody an administrator."""
        self._administers(chat)
        if anonymous:
            chat.anonymous.add(other.user_id)
        self._world.move(chat, other.account, "administrator", self.account)

    def demote(self, chat: Chat, other: Membership) -> None:
        """Make an administrator a member again."""
        self._administers(chat)
        chat.anonymous.discard(other.user_id)
        self._world.move(chat, other.account, "member", self.account)

    def add_bot(
        self, chat: Chat, bot: Bot | None = None, *, as_administrator: bool = False
    ) -> None:
        """Bring the bot (or another one) into a chat; it is told by `my_chat_member`."""
        account = (bot or self._telegram.bot).account
        status: Status = "administrator" if as_administrator else "member"
        self._world.move(chat, account, status, self.account)
        if chat.kind != "channel":
            self._world.service(chat, self.account, new_chat_members=[account.json()])

    def kick_bot(self, chat: Chat) -> None:
        """Remove the bot; writing there is forbidden to it from now on."""
        self._administers(chat)
        self._world.move(chat, self._telegram.bot.account, "kicked", self.account)

    def mute_bot(self, chat: Chat) -> None:
        """Let the bot read, but not write."""
        self._administers(chat)
        self._world.move(chat, self._telegram.bot.account, "restricted", self.account)

    def promote_bot(self, chat: Chat) -> None:
        """Make the bot an administrator: it then reads everything."""
        self._administers(chat)
        self._world.move(chat, self._telegram.bot.account, "administrator", self.account)

    def demote_bot(self, chat: Chat) -> None:
        """Make the bot a plain member again."""
        self._administers(chat)
        self._world.move(chat, self._telegram.bot.account, "member", self.account)

    def block(self) -> None:
        """Stop the bot from writing in private."""
        self._world.mark_private(self.private, blocked=True)

    def unblock(self) -> None:
        """Let it write again."""
        self._world.mark_private(self.private, blocked=False)

    def migrate(self, group: Chat) -> Chat:
        """Turn a basic group into a supergroup; the new chat."""
        self._administers(group)
        new = self._telegram.new_supergroup(group.title)
        self._world.migrate(group, new, self.account)
        return new

    def open_topic(self, chat: Chat, name: str) -> Topic:
        """A new topic in a forum, or in the private chat of a bot that has topics."""
        if not chat.is_forum and chat.kind != "private":
            raise ValueError(f"{chat.title} is not a forum")
        return self._world.open_topic(chat, self.account, name)

    def close_topic(self, chat: Chat, topic: Topic) -> None:
        """Nobody but administrators writes there any more."""
        topic.closed = True
        self._world.changes.announce()

    def _administers(self, chat: Chat) -> None:
        if chat.status_of(self.user_id) not in ADMINISTRATORS:
            raise PermissionError(f"{self.account.first_name} does not administer {chat.title}")
