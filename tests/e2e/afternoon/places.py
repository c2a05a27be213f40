"""Where people ask: a Discord channel or a Telegram topic, seen alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tests.e2e.afternoon.knowledge import Knowledge
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

    async def teach(self) -> object: ...

    async def ask(self, who: str, text: str) -> object: ...

    async def edit(self, who: str, message: object, text: str) -> None: ...

    async def delete(self, who: str, message: object) -> None: ...

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
        self._people = people

    def __str__(self) -> str:
        guild = self.channel.guild
        return f"#{self.channel.name} of {guild.name if guild else 'nobody'}"

    async def teach(self) -> DiscordMessage:
        files = [File(name, text.encode()) for name, text in self.knowledge.documents.items()]
        return await self._people[self.members[0]].say(
            self.channel, self._discord.bot.mention, files=files
        )

    async def ask(self, who: str, text: str) -> DiscordMessage:
        return await self._people[who].say(self.channel, f"{self._discord.bot.mention} {text}")

    async def edit(self, who: str, message: DiscordMessage, text: str) -> None:
        await self._people[who].edit(message, f"{self._discord.bot.mention} {text}")

    async def delete(self, who: str, message: DiscordMessage) -> None:
        await self._people[who].delete(message)

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
    """A topic of a supergroup; what one topic learns, the whole group knows."""

    tells_of_deletions = False

    def __init__(
        self,
        telegram: FakeTelegram,
        chat: Chat,
        topic: Topic,
        people: Mapping[str, TelegramPerson],
        knowledge: Knowledge,
    ) -> None:
        self.knowledge = knowledge
        self.members = tuple(people)
        self.chat = chat
        self._topic = topic
        self._telegram = telegram
        self._people = people
        self._mention = f"@{telegram.bot.account.username}"

    def __str__(self) -> str:
        return f"{self._topic.name} in {self.chat.title}"

    async def teach(self) -> TelegramMessage:
        files = [Attached(name, text.encode()) for name, text in self.knowledge.documents.items()]
        return self._say(self.members[0], self._mention, files)

    async def ask(self, who: str, text: str) -> TelegramMessage:
        return self._say(who, f"{self._mention} {text}")

    async def edit(self, who: str, message: TelegramMessage, text: str) -> None:
        self._people[who].edit(message, f"{self._mention} {text}")

    async def delete(self, who: str, message: TelegramMessage) -> None:
        raise NotImplementedError("bots are not told of it")

    def replies(self, message: TelegramMessage) -> list[Reply]:
        return [_of_telegram(each) for each in self._telegram.answers_to(message)]

    def said(self) -> list[Reply]:
        bot = self._telegram.bot.account
        return [_of_telegram(each) for each in self.chat.everything if each.sender is bot]

    async def until(self, predicate: Callable[[], T | None], within: float = PATIENCE) -> T:
        return await self._telegram.wait_for(predicate, within)

    def _say(self, who: str, text: str, files: Sequence[Attached] = ()) -> TelegramMessage:
        return self._people[who].say(self.chat, text, topic=self._topic.thread_id, files=files)


def _of_discord(message: DiscordMessage) -> Reply:
    items = [item for row in message.components for item in row["components"]]
    labels = tuple(item.get("label") or "" for item in items)
    pings = bool(message.mentions)
    return Reply(message.id, message.content, labels, tuple(message.versions), pings)


def _of_telegram(message: TelegramMessage) -> Reply:
    # A name that Telegram marks as a mention notifies whoever bears it.
    pings = any(entity["type"] in ("mention", "text_mention") for entity in message.entities)
    return Reply(
        message.message_id, message.text, tuple(message.buttons), tuple(message.texts), pings
    )
