"""Where people ask: a Discord channel or a Telegram topic, seen alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from tests.e2e.scenes.knowledge import Knowledge
from tests.platforms.discord_server.people import File
from tests.platforms.discord_server.people import Person as DiscordPerson
from tests.platforms.discord_server.server import FakeDiscord
from tests.platforms.discord_server.state import Channel
from tests.platforms.discord_server.state import Message as DiscordMessage
from tests.platforms.telegram_server.model import Chat, Topic
from tests.platforms.telegram_server.model import Message as TelegramMessage
from tests.platforms.telegram_server.people import Attached
from tests.platforms.telegram_server.people import Person as TelegramPerson
from tests.platforms.telegram_server.server import FakeTelegram

T = TypeVar("T")
PATIENCE = 45.0
WRITING = "▌"


@dataclass(frozen=True, slots=True)
class Reply:
    """A message of the bot as it stands now, and every text it has had."""

    key: int
    text: str
    labels: tuple[str, ...]
    versions: tuple[str, ...]
    pings: bool
    message: DiscordMessage | TelegramMessage

    @property
    def is_answer(self) -> bool:
        """Whether it has come to its end: it then has what hangs below an answer."""
        return "⋯" in self.labels

    @property
    def is_unfinished(self) -> bool:
        """Whether everybody sees that it is still being written."""
        return self.text.endswith(WRITING)


class Place(Protocol):
    """One conversation in which people ask."""

    knowledge: Knowledge
    members: tuple[str, ...]
    """Who asks here; the first one administers it."""

    @property
    def tells_of_deletions(self) -> bool: ...

    async def teach(self, sent_at: datetime | None = None) -> object: ...

    async def ask(self, who: str, text: str, sent_at: datetime | None = None) -> object: ...

    async def edit(self, who: str, message: object, text: str) -> None: ...

    async def delete(self, who: str, message: object) -> None: ...

    async def press(self, who: str, reply: Reply, label: str) -> Reply:
        """Press a button; what is shown of it to the one who pressed."""
        ...

    async def push(self, who: str, reply: Reply, label: str) -> None:
        """Press a button that shows nothing by itself."""
        ...

    def replies(self, message: object) -> list[Reply]:
        """What stands there in reply to a message."""
        ...

    def said(self) -> list[Reply]:
        """All that the bot has said here, also what it has taken back."""
        ...

    async def until(self, predicate: Callable[[], T | None], within: float = PATIENCE) -> T: ...


class DiscordPlace:
    """A channel of a server."""

    tells_of_deletions = True

    def __init__(
        self,
        discord: FakeDiscord,
        channel: Channel,
        people: Mapping[str, DiscordPerson],
        knowledge: Knowledge,
    ) -> None:
        self.knowledge = knowledge
        self.members = tuple(people)
        self.channel = channel
        self._discord = discord
        self.people = people

    def __str__(self) -> str:
        guild = self.channel.guild
        return f"#{self.channel.name} of {guild.name if guild else 'nobody'}"

    async def teach(self, sent_at: datetime | None = None) -> DiscordMessage:
        files = [File(name, text.encode()) for name, text in self.knowledge.documents.items()]
        return await self.people[self.members[0]].say(
            self.channel, self._discord.bot.mention, files=files, sent_at=sent_at
        )

    async def ask(self, who: str, text: str, sent_at: datetime | None = None) -> DiscordMessage:
        mention = self._discord.bot.mention
        return await self.people[who].say(self.channel, f"{mention} {text}", sent_at=sent_at)

    async def edit(self, who: str, message: DiscordMessage, text: str) -> None:
        await self.people[who].edit(message, f"{self._discord.bot.mention} {text}")

    async def delete(self, who: str, message: DiscordMessage) -> None:
        await self.people[who].delete(message)

    async def press(self, who: str, reply: Reply, label: str) -> Reply:
        assert isinstance(reply.message, DiscordMessage)
        shown = await self.people[who].press(reply.message, label)
        await shown.until(lambda now: now.text, PATIENCE)
        assert shown.message is not None
        assert shown.ephemeral
        return _of_discord(shown.message)

    async def push(self, who: str, reply: Reply, label: str) -> None:
        assert isinstance(reply.message, DiscordMessage)
        await self.people[who].press(reply.message, label)

    def replies(self, message: DiscordMessage) -> list[Reply]:
        found = self._discord.world.answers.get(message.id, [])
        return [_of_discord(each) for each in self._ours(found) if not each.deleted]

    def said(self) -> list[Reply]:
        answers = self._discord.world.answers.values()
        replies = [each for found in answers for each in found if each.channel is self.channel]
        ours = self._ours([*replies, *self.channel.messages.values()])
        return [_of_discord(each) for each in dict.fromkeys(ours)]

    async def until(self, predicate: Callable[[], T | None], within: float = PATIENCE) -> T:
        found = await self._discord.wait_for(predicate, within)
        assert found is not None
        return found

    def _ours(self, messages: Sequence[DiscordMessage]) -> list[DiscordMessage]:
        return [each for each in messages if each.author is self._discord.bot]


class TelegramPlace:
    """A group, or a topic of one; what one topic learns, the whole group knows."""

    tells_of_deletions = False

    def __init__(
        self,
        telegram: FakeTelegram,
        chat: Chat,
        topic: Topic | None,
        people: Mapping[str, TelegramPerson],
        knowledge: Knowledge,
    ) -> None:
        self.knowledge = knowledge
        self.members = tuple(people)
        self.chat = chat
        self._topic = topic
        self._telegram = telegram
        self.people = people
        self._mention = f"@{telegram.bot.account.username}"

    def __str__(self) -> str:
        topic = self._topic.name if self._topic is not None else "everything"
        return f"{topic} in {self.chat.title}"

    async def teach(self, sent_at: datetime | None = None) -> TelegramMessage:
        files = [Attached(name, text.encode()) for name, text in self.knowledge.documents.items()]
        return self._say(self.members[0], self._mention, sent_at, files)

    async def ask(self, who: str, text: str, sent_at: datetime | None = None) -> TelegramMessage:
        return self._say(who, f"{self._mention} {text}", sent_at)

    async def edit(self, who: str, message: TelegramMessage, text: str) -> None:
        self.people[who].edit(message, f"{self._mention} {text}")

    async def delete(self, who: str, message: TelegramMessage) -> None:
        raise NotImplementedError("bots are not told of it")

    async def press(self, who: str, reply: Reply, label: str) -> Reply:
        assert isinstance(reply.message, TelegramMessage)
        person = self.people[who]
        before = len(self._telegram.whispers(self.chat, person))
        if alert := await person.press(reply.message, label, timeout=PATIENCE):
            return Reply(0, alert, (), (alert,), False, reply.message)

        def whispered() -> TelegramMessage | None:
            return next(iter(self._telegram.whispers(self.chat, person)[before:]), None)

        return _of_telegram(await self.until(whispered))

    async def push(self, who: str, reply: Reply, label: str) -> None:
        assert isinstance(reply.message, TelegramMessage)
        self.people[who].push_button(reply.message, label)

    def replies(self, message: TelegramMessage) -> list[Reply]:
        return [_of_telegram(each) for each in self._telegram.answers_to(message)]

    def said(self) -> list[Reply]:
        bot = self._telegram.bot.account
        return [_of_telegram(each) for each in self.chat.everything if each.sender is bot]

    async def until(self, predicate: Callable[[], T | None], within: float = PATIENCE) -> T:
        return await self._telegram.wait_for(predicate, within)

    def _say(
        self, who: str, text: str, sent_at: datetime | None, files: Sequence[Attached] = ()
    ) -> TelegramMessage:
        topic = self._topic.thread_id if self._topic is not None else None
        date = sent_at.timestamp() if sent_at is not None else None
        return self.people[who].say(self.chat, text, topic=topic, files=files, sent_at=date)


def _of_discord(message: DiscordMessage) -> Reply:
    items = [item for row in message.components for item in row["components"]]
    labels = tuple(item.get("label") or "" for item in items)
    pings = bool(message.mentions)
    return Reply(message.id, message.content, labels, tuple(message.versions), pings, message)


def _of_telegram(message: TelegramMessage) -> Reply:
    # A name that Telegram marks as a mention notifies whoever bears it.
    pings = any(entity["type"] in ("mention", "text_mention") for entity in message.entities)
    buttons, texts = tuple(message.buttons), tuple(message.texts)
    return Reply(message.message_id, message.text, buttons, texts, pings, message)
