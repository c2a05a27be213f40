"""What the server remembers: people, chats, topics, messages, files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

GROUP_ANONYMOUS_BOT = 1087968824
CHANNEL_BOT = 136817688
TELEGRAM = 777000

Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]
ADMINISTRATORS = ("creator", "administrator")


@dataclass(eq=False)
class Account:
    """A person or a bot."""

    user_id: int
    first_name: str
    username: str | None = None
    language: str | None = None
    is_bot: bool = False

    def json(self) -> dict:
        account: dict = {
            "id": self.user_id,
            "is_bot": self.is_bot,
            "first_name": self.first_name,
        }
        if self.username:
            account["username"] = self.username
        if self.language:
            account["language_code"] = self.language
        return account


@dataclass(eq=False)
class Topic:
    """A topic of a forum, or of a private chat."""

    thread_id: int
    name: str
    closed: bool = False


@dataclass(eq=False)
class StoredFile:
    """A file that messages carry; `size` may claim more than `content` holds."""

    number: int
    name: str
    media_type: str
    kind: str
    content: bytes
    size: int

    @property
    def file_id(self) -> str:
        return f"BQACAgIAAxkBAAI{self.number:06d}FileOfTheLocalServer"

    @property
    def unique_id(self) -> str:
        return f"AgAD{self.number:08d}"

    @property
    def path(self) -> str:
        suffix = "." + self.name.rpartition(".")[2] if "." in self.name else ""
        return f"{self.kind}s/file_{self.number}{suffix}"


@dataclass(eq=False)
class Message:
    """A message as everybody in the chat sees it now, and what it has been before."""

    message_id: int
    chat: Chat
    date: int
    sender: Account | None = None
    sender_chat: Chat | None = None
    text: str = ""
    """Text, or the caption where there are files."""
    entities: list[dict] = field(default_factory=list)
    files: list[StoredFile] = field(default_factory=list)
    topic: int | None = None
    reply_to: Message | None = None
    quote: str | None = None
    keyboard: list[list[dict]] | None = None
    forced: dict | None = None
    """That clients are to open a reply to it, and whose."""
    edit_date: int | None = None
    deleted: bool = False
    album: str | None = None
    origin: dict | None = None
    is_automatic_forward: bool = False
    rich: dict | None = None
    service: dict = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    """Every text it has shown, the first one first."""
    edits: int = 0
    """How often it was edited, keyboards included."""
    ephemeral_for: Account | None = None
    replies: list[Message] = field(default_factory=list)
    reactions: dict[int, list[str]] = field(default_factory=dict)

    @property
    def buttons(self) -> list[str]:
        """The labels under it, row after row."""
        return [button["text"] for row in self.keyboard or [] for button in row]

    @property
    def is_from_bot(self) -> bool:
        """Whether a bot wrote it (not an anonymous administrator or channel)."""
        return self.sender is not None and self.sender.is_bot and self.sender_chat is None

    @property
    def link(self) -> str:
        return f"https://t.me/c/{str(self.chat.chat_id).removeprefix('-100')}/{self.message_id}"


@dataclass(eq=False)
class Chat:
    """A private chat, group, supergroup or channel."""

    chat_id: int
    kind: Literal["private", "group", "supergroup", "channel"]
    title: str = ""
    username: str | None = None
    is_forum: bool = False
    person: Account | None = None
    """The other side of a private chat."""
    bot: Account | None = None
    """This side of a private chat."""
    started: bool = False
    blocked: bool = False
    members: dict[int, Status] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    anonymous: set[int] = field(default_factory=set)
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    everything: list[Message] = field(default_factory=list)
    """All messages in order, deleted and ephemeral ones included."""
    last_id: int = 0
    migrated_to: Chat | None = None
    migrated_from: Chat | None = None
    linked: Chat | None = None
    hides_members: bool = False
    permissions: dict[str, bool] = field(default_factory=dict)
    """What its members may not do, where that is not what Telegram gives a new group."""
    actions: list[str] = field(default_factory=list)
    """Chat actions that bots have shown ("typing")."""
    drafts: list[tuple[int, str]] = field(default_factory=list)
    """Every draft that was streamed: (draft_id, text)."""
    drafts_shown: dict[int, str] = field(default_factory=dict)
    """The drafts to be seen now; any message of the bot takes them away."""
    stoppable: tuple[int, int] | None = None
    """The draft (and its topic) that has a Stop button."""

    def status_of(self, user_id: int) -> Status:
        return self.members.get(user_id, "left")

    def has(self, user_id: int) -> bool:
        return self.status_of(user_id) not in ("left", "kicked")

    @property
    def shown(self) -> list[Message]:
        """What stands in the chat now, oldest first; ephemeral messages are not among it."""
        return [
            message
            for message in self.everything
            if not message.deleted and message.ephemeral_for is None
        ]

    def json(self) -> dict:
        if self.kind == "private" and self.person is not None:
            chat: dict = {"id": self.chat_id, "type": "private"}
            chat["first_name"] = self.person.first_name
            if self.person.username:
                chat["username"] = self.person.username
            return chat
        chat = {"id": self.chat_id, "type": self.kind, "title": self.title}
        if self.username:
            chat["username"] = self.username
        if self.is_forum:
            chat["is_forum"] = True
        return chat
